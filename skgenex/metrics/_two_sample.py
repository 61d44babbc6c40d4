"""Classifier two-sample test (Lopez-Paz and Oquab 2017)."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from ._distances import centred
from ._rows import checked_rows, equal_rows


def _logistic(seed):
    """Ridge-type logistic regression; the penalty supposes standardised genes."""
    return LogisticRegression(C=0.01, max_iter=1000)


def _boosting(seed):
    """Thirty boosted trees which see a fifth of the genes at each split."""
    return HistGradientBoostingClassifier(
        max_iter=30, max_features=0.2, early_stopping=False, random_state=seed
    )


CLASSIFIERS = {"logistic": _logistic, "boosting": _boosting}


def classifier_two_sample_test(
    X_real: ArrayLike,
    X_synthetic: ArrayLike,
    *,
    estimator: Literal["logistic", "boosting"] | BaseEstimator = "logistic",
    cv: int = 3,
    random_state: int | np.random.Generator | None = None,
) -> float:
    """ROC AUC of a classifier that separates synthetic from real rows.

    0.5: indistinguishable to this classifier; 1: always told apart. The AUC of the
    pooled out-of-fold predictions is not folded at 0.5: lower values are chance.

    Parameters
    ----------
    X_real : array-like of shape (n_real, n_features)
        Real rows, best held out from the generator.
    X_synthetic : array-like of shape (n_synthetic, n_features)
        Generated rows. The larger set is reduced at random to the size of the smaller.
    estimator : {"logistic", "boosting"} or classifier, default="logistic"
        "logistic" (C = 0.01) sees means, "boosting" (30 trees) also marginals; or any
        scikit-learn classifier with ``predict_proba`` or ``decision_function``.
    cv : int, default=3
        Stratified folds, shuffled.
    random_state : int, numpy.random.Generator or None, default=None
        Seed of subsets, folds and trees; global generators are not touched.

    Returns
    -------
    auc : float
        Area under the ROC curve.

    Raises
    ------
    ValueError
        If ``estimator`` is unknown, has no scores, or there are fewer rows than folds.

    Notes
    -----
    Data are used as given. Standardise both sets with the real training rows where
    genes should weigh equally; a scaler refitted here would blow up the numerical noise
    of genes that are constant on one side.

    References
    ----------
    Lopez-Paz, Oquab (2017). Revisiting classifier two-sample tests. ICLR (with the
    AUC instead of the accuracy as statistic).

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics import classifier_two_sample_test
    >>> rng = np.random.default_rng(0)
    >>> real, synthetic = rng.standard_normal((2, 100, 20))
    >>> classifier_two_sample_test(real, synthetic + 3, random_state=0)
    1.0
    """
    rng = np.random.default_rng(random_state)
    real, synthetic = equal_rows(
        rng, *checked_rows(X_real=X_real, X_synthetic=X_synthetic)
    )
    if not isinstance(cv, (int, np.integer)) or not 2 <= cv <= len(real):
        raise ValueError(
            f"cv must be an integer from 2 to the {len(real)} rows of the smaller set; "
            f"got {cv!r}."
        )
    seed = int(rng.integers(2**31))
    classifier = _resolve(estimator, seed)
    # Centring changes no classifier with a free intercept, nor any tree; it spares the
    # logistic regression thousands of iterations on values far from 0.
    X = np.concatenate(centred(real, synthetic))
    is_synthetic = np.repeat([0, 1], len(real))
    scores = cross_val_predict(
        classifier,
        X,
        is_synthetic,
        cv=StratifiedKFold(cv, shuffle=True, random_state=seed),
        method="predict_proba"
        if hasattr(classifier, "predict_proba")
        else "decision_function",
    )
    if scores.ndim == 2:
        scores = scores[:, 1]
    return float(roc_auc_score(is_synthetic, scores))


def _resolve(estimator, seed):
    """Classifier from its name, or a clone of the one given."""
    if isinstance(estimator, str):
        if estimator not in CLASSIFIERS:
            raise ValueError(
                f"estimator must be one of {list(CLASSIFIERS)} or a classifier; "
                f"got {estimator!r}."
            )
        return CLASSIFIERS[estimator](seed)
    if not (
        hasattr(estimator, "predict_proba") or hasattr(estimator, "decision_function")
    ):
        raise ValueError(
            "estimator must be a classifier with predict_proba or decision_function; "
            f"got {estimator!r}."
        )
    return clone(estimator)
