"""Fidelity metrics as scikit-learn scorers, to tune a generator by itself."""

import inspect
from collections.abc import Callable
from typing import Any

from ..metrics import (
    classifier_two_sample_test,
    correlation_agreement,
    precision_recall_density_coverage,
)
from ._sampling import sample_like


def precision(X_real, X_synthetic, *, n_neighbors=5, random_state=None):
    """Precision; draws nothing at random."""
    return _overlap(X_real, X_synthetic, n_neighbors).precision


def recall(X_real, X_synthetic, *, n_neighbors=5, random_state=None):
    """Recall; draws nothing at random."""
    return _overlap(X_real, X_synthetic, n_neighbors).recall


def density(X_real, X_synthetic, *, n_neighbors=5, random_state=None):
    """Minus the distance of the density from 1, its value for real rows."""
    return -abs(_overlap(X_real, X_synthetic, n_neighbors).density - 1)


def coverage(X_real, X_synthetic, *, n_neighbors=5, random_state=None):
    """Coverage; draws nothing at random."""
    return _overlap(X_real, X_synthetic, n_neighbors).coverage


def c2st_logistic(X_real, X_synthetic, *, cv=3, random_state=None):
    """Minus the distance of the logistic AUC from chance."""
    return -_advantage(X_real, X_synthetic, "logistic", cv, random_state)


def c2st_boosting(X_real, X_synthetic, *, cv=3, random_state=None):
    """Minus the distance of the boosted trees' AUC from chance."""
    return -_advantage(X_real, X_synthetic, "boosting", cv, random_state)


def _overlap(X_real, X_synthetic, n_neighbors):
    return precision_recall_density_coverage(
        X_real, X_synthetic, n_neighbors=n_neighbors
    )


def _advantage(X_real, X_synthetic, estimator, cv, random_state):
    auc = classifier_two_sample_test(
        X_real, X_synthetic, estimator=estimator, cv=cv, random_state=random_state
    )
    return abs(auc - 0.5)


METRICS: dict[str, Callable[..., float]] = {  # greater is better
    "precision": precision,
    "recall": recall,
    "density": density,
    "coverage": coverage,
    "c2st_logistic": c2st_logistic,
    "c2st_boosting": c2st_boosting,
    "correlation": correlation_agreement,
}


def _metric_function(metric):
    """Return the metric of that name, or the callable given."""
    return metric if callable(metric) else METRICS[metric]


class _FidelityScorer:
    """Picklable callable ``(estimator, X, y=None) -> float``."""

    def __init__(self, metric, random_state, metric_params):
        self.metric = metric
        self.random_state = random_state
        self.metric_params = metric_params

    def __call__(self, estimator, X, y=None):
        synthetic = sample_like(estimator, X, y, random_state=self.random_state)
        params = dict(self.metric_params)
        score = _metric_function(self.metric)
        if "random_state" in inspect.signature(score).parameters:
            params["random_state"] = self.random_state
        return float(score(X, synthetic, **params))

    def __repr__(self):
        name = getattr(self.metric, "__name__", self.metric)
        params = {"random_state": self.random_state, **self.metric_params}
        listed = ", ".join(f"{key}={value!r}" for key, value in params.items())
        return f"make_fidelity_scorer({name!r}, {listed})"


def make_fidelity_scorer(
    metric: str | Callable[..., float] = "coverage",
    *,
    random_state: int | None = 0,
    **metric_params: Any,
) -> Callable[..., float]:
    """Make a scorer that compares a generator's rows with held-out real rows.

    The scorer draws as many rows as are held out, of the same labels if there are any
    (``estimator.sample(y=y)``, otherwise ``estimator.sample(n_samples=len(X))``), and
    compares them with the held-out rows. Use it as ``scoring`` of ``cross_validate``,
    ``GridSearchCV`` or an Optuna study.

    Parameters
    ----------
    metric : str or callable, default="coverage"
        One of these, made so that greater is better:

        - "precision", "recall", "coverage", "correlation": the metric;
        - "density": -abs(density - 1), since 1 is the value of real rows;
        - "c2st_logistic", "c2st_boosting": -abs(AUC - 0.5).

        Or a callable ``(X_real, X_synthetic, **metric_params) -> float``, greater is
        better; it receives ``random_state`` if it names it.
    random_state : int or None, default=0
        Seed of the draw and of the metric, the same at each call, so that candidates
        are compared with the same noise. None leaves it to the estimator.
    **metric_params
        Further arguments of the metric: ``n_neighbors`` (precision, recall, density,
        coverage), ``cv`` (c2st), ``max_genes`` (correlation).

    Returns
    -------
    scorer : callable
        ``(estimator, X, y=None) -> float``; picklable and clonable.

    Raises
    ------
    ValueError
        If the metric is unknown.
    TypeError
        If the metric does not know one of ``metric_params``.

    Notes
    -----
    Fidelity alone rewards copying: held-out rows lie near training rows. Look at
    :func:`skgenex.metrics.privacy_scores` of the winner.

    Genes weigh by their variance in distances; transform rows before, outside the
    search, if that is not wanted.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.base import BaseEstimator
    >>> from sklearn.model_selection import cross_val_score
    >>> from skgenex.model_selection import make_fidelity_scorer
    >>> class Gaussian(BaseEstimator):
    ...     def fit(self, X, y=None):
    ...         self.mean_, self.spread_ = X.mean(axis=0), X.std(axis=0)
    ...         return self
    ...     def sample(self, n_samples=None, *, y=None, random_state=None):
    ...         rng = np.random.default_rng(random_state)
    ...         noise = rng.standard_normal((n_samples, len(self.mean_)))
    ...         return self.mean_ + self.spread_ * noise
    >>> X = np.random.default_rng(0).standard_normal((150, 5))
    >>> scores = cross_val_score(Gaussian(), X, scoring=make_fidelity_scorer(), cv=3)
    >>> bool(scores.min() > 0.8)
    True
    """
    if not callable(metric) and metric not in METRICS:
        raise ValueError(
            f"metric must be one of {list(METRICS)} or a callable; got {metric!r}."
        )
    known = inspect.signature(_metric_function(metric)).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in known.values())
    unknown = [name for name in metric_params if name not in known]
    if unknown and not takes_any:
        raise TypeError(
            f"metric {metric!r} has no argument {unknown[0]!r}; it has "
            f"{list(known)[2:]}."
        )
    return _FidelityScorer(metric, random_state, metric_params)
