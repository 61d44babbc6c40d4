"""Does a generator copy? Distances of synthetic rows to training and held-out rows."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import roc_auc_score

from ._distances import nearest_distances
from ._rows import checked_rows, equal_rows


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
