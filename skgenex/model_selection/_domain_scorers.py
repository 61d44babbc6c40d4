"""Scores for tables with unlabelled rows, and for choosing without target labels."""

import inspect
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score, get_scorer
from sklearn.preprocessing import StandardScaler
from sklearn.utils import _safe_indexing
from sklearn.utils.metadata_routing import MetadataRequest, get_routing_for_object

from .._domains import resolve_domains

MAX_WEIGHT = 10.0  # of a source row; larger ones leave the score to a few rows
METHODS = ("predict", "predict_proba", "decision_function", "transform")
METRICS = {
    "accuracy": accuracy_score,
    "balanced_accuracy": balanced_accuracy_score,
}


class _AtDomains:
    """A fitted estimator which predicts rows of given domains."""

    def __init__(self, estimator, sample_domain):
        self._estimator = estimator
        self._sample_domain = sample_domain

    def __getattr__(self, name):
        value = getattr(self._estimator, name)
        if name not in METHODS or self._sample_domain is None:
            return value
        if not _takes_domains(self._estimator, value):
            return value
        # Under its own name, which scorers ask for.
        return wraps(value)(partial(value, sample_domain=self._sample_domain))


def _takes_domains(estimator, method):
    parameters = inspect.signature(method).parameters
    if "sample_domain" in parameters:
        return True
    if not sklearn.get_config()["enable_metadata_routing"]:
        return False
    routing = get_routing_for_object(estimator)
    return bool(routing.consumes(method.__name__, {"sample_domain"}))


class _DomainScorer:
    """Picklable callable ``(estimator, X, y, sample_domain=None) -> float``."""

    def __init__(self, function, unlabelled, **params):
        self.function = function
        self.unlabelled = unlabelled
        self.params = params

    def get_metadata_routing(self):
        """Ask for domains, where metadata are routed."""
        request = MetadataRequest(owner=self)
        request.score.add_request(param="sample_domain", alias=True)
        return request

    def __call__(self, estimator, X, y, sample_domain=None):
        rows = resolve_domains(
            X,
            y,
            # Whether a row has a label does not depend on which domain it is of.
            sample_domain if sample_domain is not None else [0] * len(y),
            unlabelled=self.unlabelled,
            require_labels=False,
        ).is_labelled
        if not rows.any():
            raise ValueError(
                f"The {len(rows)} rows to score have no label. Split with "
                "LabelledTargetSplit or SourceSplit."
            )
        parts = []
        for chosen in (np.flatnonzero(rows), np.flatnonzero(~rows)):
            some = None
            if sample_domain is not None:
                some = _safe_indexing(sample_domain, chosen)
            parts.append((_AtDomains(estimator, some), _safe_indexing(X, chosen)))
        labels = _plain_labels(_safe_indexing(y, np.flatnonzero(rows)))
        return float(self.function(*parts, labels, **self.params))

    def __repr__(self):
        listed = ", ".join(f"{key}={value!r}" for key, value in self.params.items())
        return f"{self.function.__name__.strip('_')}({listed})"


def _plain_labels(labels):
    """As an array of the labels' own type: objects stood beside a None."""
    labels = np.asarray(labels)
    return np.array(labels.tolist()) if labels.dtype == object else labels


def labelled_only(
    scoring: str | Callable[..., float], *, unlabelled: Any = -1
) -> Callable[..., float]:
    """Make a scorer that leaves unlabelled rows out.

    Parameters
    ----------
    scoring : str or callable
        A scorer's name, or a scorer ``(estimator, X, y) -> float``.
    unlabelled : object, default=-1
        Label of rows without one; None, NaN and `pandas.NA` are so as well.

    Returns
    -------
    scorer : callable
        ``(estimator, X, y, sample_domain=None) -> float``; picklable.

    Raises
    ------
    ValueError
        When called, if no row has a label.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> from skgenex.model_selection import labelled_only
    >>> model = DummyClassifier().fit([[0], [0]], [1, 1])
    >>> labelled_only("accuracy")(model, [[0], [0], [0]], [1, 0, -1])
    0.5
    """
    return _DomainScorer(_labelled_only, unlabelled, scoring=get_scorer(scoring))


def make_importance_weighted_scorer(
    metric: str = "balanced_accuracy", *, unlabelled: Any = -1
) -> Callable[..., float]:
    r"""Make a scorer of source rows, weighted by how much they resemble the target.

    The test set must hold labelled source rows and unlabelled target rows: split with
    ``SourceSplit(with_target=True)``. Weights are :math:`p_t(z) / p_s(z)` by a logistic
    regression that tells the domains apart, at most 10. *z* is what the estimator's
    ``transform`` gives, or else its log-probabilities: never the raw profiles, whose
    domains do not overlap.

    Parameters
    ----------
    metric : {"balanced_accuracy", "accuracy"}, default="balanced_accuracy"
        What is weighted.
    unlabelled : object, default=-1
        Label of rows without one; None, NaN and `pandas.NA` are so as well.

    Returns
    -------
    scorer : callable
        ``(estimator, X, y, sample_domain=None) -> float``, greater is better.

    Raises
    ------
    ValueError
        If the metric is unknown; when called, if there are no unlabelled rows.

    Notes
    -----
    Of the scores without target labels it does the least harm, and still costs deep
    adaptation two points on average against no adaptation at all, on the data sets of
    SKADA-Bench (Lalou et al. 2024). A few labelled target rows choose better.

    References
    ----------
    Sugiyama, Krauledat & Müller (2007), Covariate shift adaptation by importance
    weighted cross validation, JMLR 8:985, Eq. 6.

    Examples
    --------
    >>> from skgenex.model_selection import make_importance_weighted_scorer
    >>> make_importance_weighted_scorer("accuracy")
    importance_weighted(metric='accuracy')
    """
    if metric not in METRICS:
        raise ValueError(f"metric must be one of {list(METRICS)}; got {metric!r}.")
    return _DomainScorer(_importance_weighted, unlabelled, metric=metric)


def make_collapse_penalised_scorer(
    scoring: str | Callable[..., float] = "balanced_accuracy",
    *,
    penalty: float = 1.0,
    unlabelled: Any = -1,
) -> Callable[..., float]:
    """Make a scorer of source rows that punishes collapse on the target.

    Collapse is what adversarial training does when it fails: all target rows fall into
    one class. It is measured by the entropy of the class shares predicted on the
    target, against that of the labels: 0 if no lower, 1 if all rows fall in one class.
    The test set must hold labelled source and unlabelled target rows: split with
    ``SourceSplit(with_target=True)``.

    Parameters
    ----------
    scoring : str or callable, default="balanced_accuracy"
        Score of the labelled rows.
    penalty : float, default=1.0
        What a full collapse costs.
    unlabelled : object, default=-1
        Label of rows without one; None, NaN and `pandas.NA` are so as well.

    Returns
    -------
    scorer : callable
        ``(estimator, X, y, sample_domain=None) -> float``, greater is better.

    Raises
    ------
    ValueError
        When called, if there are no unlabelled rows.

    Notes
    -----
    It notices failure, not mediocrity; see `make_importance_weighted_scorer` on what
    choosing without target labels costs.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.dummy import DummyClassifier
    >>> from skgenex.model_selection import make_collapse_penalised_scorer
    >>> X, y = np.zeros((6, 1)), [0, 1, 0, 1, -1, -1]
    >>> constant = DummyClassifier(strategy="constant", constant=0).fit(X, [0, 1] * 3)
    >>> make_collapse_penalised_scorer("accuracy")(constant, X, y)
    -0.5
    """
    return _DomainScorer(
        _collapse_penalised,
        unlabelled,
        scoring=get_scorer(scoring),
        penalty=penalty,
    )


def _labelled_only(labelled, unlabelled, y, *, scoring):
    return scoring(*labelled, y)


def _importance_weighted(labelled, unlabelled, y, *, metric):
    _check_target(unlabelled)
    source, target = _representation(*labelled), _representation(*unlabelled)
    z = StandardScaler().fit_transform(np.concatenate([source, target]))
    is_target = np.arange(len(z)) >= len(source)
    classifier = LogisticRegression(C=1 / z.shape[1], max_iter=500).fit(z, is_target)
    # The odds of being a target row, without the share of target rows.
    odds = np.exp(classifier.decision_function(z[: len(source)]))
    weight = np.minimum(odds * len(source) / len(target), MAX_WEIGHT)
    estimator, X = labelled
    return METRICS[metric](y, estimator.predict(X), sample_weight=weight)


def _collapse_penalised(labelled, unlabelled, y, *, scoring, penalty):
    _check_target(unlabelled)
    estimator, X = unlabelled
    predicted = np.unique(estimator.predict(X), return_counts=True)[1]
    entropy = _entropy(np.unique(y, return_counts=True)[1])
    collapse = 1 - min(1.0, _entropy(predicted) / entropy) if entropy > 0 else 0.0
    return scoring(*labelled, y) - penalty * collapse


def _check_target(unlabelled):
    if len(unlabelled[1]) == 0:
        raise ValueError(
            "This score needs unlabelled target rows in the test set; got none. Split "
            "with SourceSplit(with_target=True)."
        )


def _representation(estimator, X):
    if hasattr(estimator, "transform"):
        return np.asarray(estimator.transform(X), float)
    return np.log(np.asarray(estimator.predict_proba(X), float).clip(min=1e-6))


def _entropy(counts):
    shares = counts / counts.sum()
    return float(-(shares * np.log(shares)).sum())
