"""All fidelity scores, or all privacy scores, of one synthetic set."""

import numpy as np
from numpy.typing import ArrayLike

from ._correlation import correlation_agreement
from ._manifold import precision_recall_density_coverage
from ._rows import checked_rows, equal_rows
from ._two_sample import classifier_two_sample_test
from .privacy import (
    distance_to_closest_record_share,
    membership_inference_auc,
    nearest_training_ratio,
)


def fidelity_scores(
    X_real: ArrayLike,
    X_synthetic: ArrayLike,
    *,
    n_neighbors: int = 5,
    random_state: int | np.random.Generator | None = None,
) -> dict[str, float]:
    """All fidelity scores of synthetic rows against real rows.

    Parameters
    ----------
    X_real : array-like of shape (n_real, n_features)
        Real rows, best held out from the generator, on the scale of ``X_synthetic``
        (for genes to weigh equally: standardised with the real training rows).
    X_synthetic : array-like of shape (n_synthetic, n_features)
        Generated rows. The larger set is reduced at random, once, to the size of the
        smaller, for all scores.
    n_neighbors : int, default=5
        Neighbours of precision, recall, density and coverage.
    random_state : int, numpy.random.Generator or None, default=None
        Seed; global generators are not touched.

    Returns
    -------
    scores : dict
        ``precision``, ``recall``, ``density``, ``coverage``
        (:func:`precision_recall_density_coverage`), ``c2st_logistic``,
        ``c2st_boosting`` (:func:`classifier_two_sample_test`) and ``correlation``
        (:func:`correlation_agreement`). Put the scores of a second real sample beside
        them: that is the ceiling.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics import fidelity_scores
    >>> real, synthetic = np.random.default_rng(0).standard_normal((2, 60, 10))
    >>> list(fidelity_scores(real, synthetic, random_state=0))[:4]
    ['precision', 'recall', 'density', 'coverage']
    """
    rng = np.random.default_rng(random_state)
    real, synthetic = equal_rows(
        rng, *checked_rows(X_real=X_real, X_synthetic=X_synthetic)
    )
    overlap = precision_recall_density_coverage(
        real, synthetic, n_neighbors=n_neighbors
    )
    c2st = {
        f"c2st_{name}": classifier_two_sample_test(
            real, synthetic, estimator=name, random_state=rng
        )
        for name in ("logistic", "boosting")
    }
    agreement = correlation_agreement(real, synthetic, random_state=rng)
    return {**overlap._asdict(), **c2st, "correlation": agreement}


def privacy_scores(
    X_synthetic: ArrayLike,
    *,
    X_train: ArrayLike,
    X_holdout: ArrayLike,
    random_state: int | np.random.Generator | None = None,
) -> dict[str, float]:
    """All privacy scores of synthetic rows.

    Parameters
    ----------
    X_synthetic : array-like of shape (n_synthetic, n_features)
        Generated rows.
    X_train : array-like of shape (n_train, n_features)
        Rows the generator was fitted on.
    X_holdout : array-like of shape (n_holdout, n_features)
        Real rows it never saw.
    random_state : int, numpy.random.Generator or None, default=None
        Seed of the reduction to equal sizes in ``closer_share``, the one score that
        needs it; global generators are not touched.

    Returns
    -------
    scores : dict
        ``closer_share`` (:func:`distance_to_closest_record_share`; no copying: 0.5),
        ``nearest_ratio`` (:func:`nearest_training_ratio`; 1) and ``membership_auc``
        (:func:`membership_inference_auc`; 0.5).

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics import privacy_scores
    >>> train, holdout = np.random.default_rng(0).standard_normal((2, 60, 10))
    >>> privacy_scores(train, X_train=train, X_holdout=holdout)
    {'closer_share': 1.0, 'nearest_ratio': 0.0, 'membership_auc': 1.0}
    """
    return {
        "closer_share": distance_to_closest_record_share(
            X_synthetic, X_train, X_holdout, random_state=random_state
        ),
        "nearest_ratio": nearest_training_ratio(X_synthetic, X_train, X_holdout),
        "membership_auc": membership_inference_auc(X_synthetic, X_train, X_holdout),
    }
