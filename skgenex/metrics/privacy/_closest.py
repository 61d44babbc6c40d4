"""Does a generator copy? Distances of synthetic rows to training and held-out rows."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import roc_auc_score

from .._distances import (
    centred,
    kth_neighbour_squared,
    nearest_distances,
    squared_distance_blocks,
)
from .._rows import checked_rows, equal_rows


def distance_to_closest_record_share(
    X_synthetic: ArrayLike,
    X_train: ArrayLike,
    X_holdout: ArrayLike,
    *,
    random_state: int | np.random.Generator | None = None,
) -> float:
    """Share of synthetic rows that lie nearer to a training than to a held-out row.

    0.5 for a generator that knows the distribution only; 1 for one that copies. Ties
    count one half.

    Parameters
    ----------
    X_synthetic : array-like of shape (n_synthetic, n_features)
        Generated rows.
    X_train : array-like of shape (n_train, n_features)
        Rows the generator was fitted on.
    X_holdout : array-like of shape (n_holdout, n_features)
        Real rows it never saw. The larger real set is reduced at random to the size of
        the smaller, or it would win by number.
    random_state : int, numpy.random.Generator or None, default=None
        Seed of that reduction; global generators are not touched.

    Returns
    -------
    share : float
        In [0, 1].

    References
    ----------
    Platzer, Reutterer (2021). Holdout-based empirical assessment of mixed-type
    synthetic data. Frontiers in Big Data 4:679939.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics import distance_to_closest_record_share
    >>> rng = np.random.default_rng(0)
    >>> train, holdout = rng.standard_normal((2, 50, 20))
    >>> distance_to_closest_record_share(train, train, holdout)
    1.0
    """
    synthetic, train, holdout = checked_rows(
        X_synthetic=X_synthetic, X_train=X_train, X_holdout=X_holdout
    )
    rng = np.random.default_rng(random_state)
    train, holdout = equal_rows(rng, train, holdout)
    to_train = nearest_distances(synthetic, train)
    to_holdout = nearest_distances(synthetic, holdout)
    return float(np.mean(to_train < to_holdout) + 0.5 * np.mean(to_train == to_holdout))


def nearest_training_ratio(
    X_synthetic: ArrayLike, X_train: ArrayLike, X_holdout: ArrayLike
) -> float:
    """Mean nearest-training distance of synthetic rows over that of held-out rows.

    About 1 if synthetic rows keep the distance that new real rows keep; 0 for copies.

    Parameters
    ----------
    X_synthetic : array-like of shape (n_synthetic, n_features)
        Generated rows.
    X_train : array-like of shape (n_train, n_features)
        Rows the generator was fitted on.
    X_holdout : array-like of shape (n_holdout, n_features)
        Real rows it never saw.

    Returns
    -------
    ratio : float
        At least 0; above 1 where synthetic rows lie farther out than real ones.

    Raises
    ------
    ValueError
        If every held-out row is also a training row.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics import nearest_training_ratio
    >>> rng = np.random.default_rng(0)
    >>> train, holdout = rng.standard_normal((2, 50, 20))
    >>> nearest_training_ratio(train, train, holdout)
    0.0
    """
    synthetic, train, holdout = checked_rows(
        X_synthetic=X_synthetic, X_train=X_train, X_holdout=X_holdout
    )
    reference = nearest_distances(holdout, train).mean()
    if reference == 0:
        raise ValueError(
            "Every row of X_holdout is also a row of X_train; X_holdout must be rows "
            "the generator never saw."
        )
    return float(nearest_distances(synthetic, train).mean() / reference)


def membership_inference_auc(
    X_synthetic: ArrayLike, X_train: ArrayLike, X_holdout: ArrayLike
) -> float:
    """ROC AUC of a distance-based membership attack (GAN-leaks, full black box).

    The attacker guesses that a real row was trained on if a synthetic row is near: its
    score is minus the distance to the nearest synthetic row. 0.5: not above chance.

    Parameters
    ----------
    X_synthetic : array-like of shape (n_synthetic, n_features)
        Generated rows; more of them make the attack stronger.
    X_train : array-like of shape (n_train, n_features)
        Members: rows the generator was fitted on.
    X_holdout : array-like of shape (n_holdout, n_features)
        Non-members: real rows it never saw.

    Returns
    -------
    auc : float
        Area under the ROC curve, members positive.

    References
    ----------
    Chen, Yu, Zhang, Fritz (2020). GAN-Leaks: a taxonomy of membership inference attacks
    against generative models. ACM CCS (full black-box attack, not calibrated).

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics import membership_inference_auc
    >>> rng = np.random.default_rng(0)
    >>> train, holdout = rng.standard_normal((2, 50, 20))
    >>> membership_inference_auc(train, train, holdout)
    1.0
    """
    synthetic, train, holdout = checked_rows(
        X_synthetic=X_synthetic, X_train=X_train, X_holdout=X_holdout
    )
    distance = np.concatenate(
        [nearest_distances(rows, synthetic) for rows in (train, holdout)]
    )
    is_member = np.repeat([1, 0], [len(train), len(holdout)])
    return float(roc_auc_score(is_member, -distance))


def nearest_neighbour_distance_ratio(
    X_synthetic: ArrayLike, X_train: ArrayLike
) -> float:
    """Median ratio of the distances to the nearest and second nearest training row.

    Near 0 where synthetic rows sit on one training row; compare with held-out rows in
    place of ``X_synthetic``, since in thousands of genes all distances are alike.

    Parameters
    ----------
    X_synthetic : array-like of shape (n_synthetic, n_features)
        Generated rows.
    X_train : array-like of shape (n_train, n_features)
        Rows the generator was fitted on, two at least.

    Returns
    -------
    ratio : float
        In [0, 1]; 1 where both distances are 0.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics.privacy import nearest_neighbour_distance_ratio
    >>> train = np.random.default_rng(0).standard_normal((50, 20))
    >>> nearest_neighbour_distance_ratio(train, train)
    0.0
    """
    synthetic, train = checked_rows(X_synthetic=X_synthetic, X_train=X_train)
    if len(train) < 2:
        raise ValueError("X_train must have two rows or more; got 1.")
    first = nearest_distances(synthetic, train)
    # From the same products, so that the order of both is kept.
    second = np.empty(len(synthetic))
    for start, block in squared_distance_blocks(*centred(synthetic, train)):
        block.partition(1, axis=1)
        second[start : start + len(block)] = np.sqrt(block[:, 1])
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(second > 0, first / second, 1.0)
    return float(np.median(ratio.clip(max=1)))


def authenticity(X_synthetic: ArrayLike, X_train: ArrayLike) -> float:
    """Share of synthetic rows farther from their training row than that one's own kin.

    A synthetic row counts as copied if it lies nearer to its nearest training row than
    any other training row does.

    Parameters
    ----------
    X_synthetic : array-like of shape (n_synthetic, n_features)
        Generated rows.
    X_train : array-like of shape (n_train, n_features)
        Rows the generator was fitted on, two at least.

    Returns
    -------
    share : float
        In [0, 1]; 0 for copies. New real rows have about 0.5 in few dimensions: compare
        with held-out rows in place of ``X_synthetic``.

    References
    ----------
    Alaa, van Breugel, Saveliev & van der Schaar (2022), How faithful is your synthetic
    data?, ICML, Sec. 3.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics.privacy import authenticity
    >>> train = np.random.default_rng(0).standard_normal((50, 20))
    >>> authenticity(train, train)
    0.0
    """
    synthetic, train = checked_rows(X_synthetic=X_synthetic, X_train=X_train)
    if len(train) < 2:
        raise ValueError("X_train must have two rows or more; got 1.")
    own = np.sqrt(kth_neighbour_squared(centred(train)[0], 1))
    nearest, which = np.empty(len(synthetic)), np.empty(len(synthetic), dtype=int)
    for start, block in squared_distance_blocks(*centred(synthetic, train)):
        rows = slice(start, start + len(block))
        which[rows] = block.argmin(axis=1)
        nearest[rows] = np.sqrt(block.min(axis=1))
    return float(np.mean(nearest > own[which]))
