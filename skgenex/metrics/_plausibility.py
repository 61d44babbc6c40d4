"""Plausibility of profiles against held-out real patients."""

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors

from ._change import UNCHANGED
from ._mahalanobis import ShrunkMahalanobis
from ._standardised import one_label_per_row, standardised

N_PAIRS = 200  # real differences drawn as the standard of a change


def plausibility_scores(
    profiles: ArrayLike,
    target: ArrayLike,
    *,
    X_train: ArrayLike,
    y_train: ArrayLike,
    X_holdout: ArrayLike,
    y_holdout: ArrayLike,
    n_neighbors: int = 5,
    covariance: Literal["within", "target"] = "within",
) -> pd.DataFrame:
    """How plausible each profile is as a patient of its target class.

    Each figure of a profile is divided by the median of the same figure over the
    held-out real patients of that class: 1 means as plausible as these, more is less.

    Parameters
    ----------
    profiles : array-like of shape (n_samples, n_features)
        Counterfactuals, in the unit of the other sets; real patients may be scored too.
    target : array-like of shape (n_samples,)
        Class each should belong to.
    X_train, X_holdout : array-like of shape (n_rows, n_features)
        Real patients: those that trained the classifier and the explainer, and others.
    y_train, y_holdout : array-like of shape (n_rows,)
        Their classes.
    n_neighbors : int, default=5
        Neighbours of ``knn_ratio``.
    covariance : {"within", "target"}, default="within"
        Rows whose Ledoit-Wolf covariance ``mahalanobis_ratio`` uses: all training rows
        around the means of their classes, or those of the target class alone.

    Returns
    -------
    scores : DataFrame of shape (n_samples, 4)
        ``knn_ratio``: mean distance to the ``n_neighbors`` nearest training patients of
        the target class. ``lof_ratio``: local outlier factor among these.
        ``lof_outlier``: whether that exceeds the held-out patients' 95 % point (1 or
        0). ``mahalanobis_ratio``: squared Mahalanobis distance to the class mean. NaN
        where a class has fewer than two held-out or three training patients.

    Notes
    -----
    Far below 1 is no merit: a profile at the class mean, or on a training patient, has
    ratios that no real patient has.

    References
    ----------
    Breunig, Kriegel, Ng, Sander (2000). LOF: identifying density-based local outliers.
    SIGMOD (Definition 7).

    Pawelczyk et al. (2021). CARLA: a Python library to benchmark algorithmic recourse
    and counterfactual explanation algorithms. NeurIPS datasets and benchmarks (yNN).

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics.counterfactual import plausibility_scores
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1], 100)
    >>> X = rng.standard_normal((200, 10)) + y[:, None]
    >>> scores = plausibility_scores(
    ...     X[1::2][50:], y[1::2][50:], X_train=X[::2], y_train=y[::2],
    ...     X_holdout=X[1::2], y_holdout=y[1::2])
    >>> float(scores["knn_ratio"].median())
    1.0
    """
    if covariance not in ("within", "target"):
        raise ValueError(
            f'covariance must be "within" or "target"; got {covariance!r}.'
        )
    train, rows, holdout = standardised(X_train, profiles=profiles, X_holdout=X_holdout)
    y_train = one_label_per_row("y_train", y_train, len(train))
    y_holdout = one_label_per_row("y_holdout", y_holdout, len(holdout))
    target = one_label_per_row("target", target, len(rows))
    within = _within_class(train, y_train) if covariance == "within" else None
    names = ["knn_ratio", "lof_ratio", "lof_outlier", "mahalanobis_ratio"]
    scores = np.full((len(rows), len(names)), np.nan)
    for label in np.unique(target):
        own, real = train[y_train == label], holdout[y_holdout == label]
        if len(own) < 3 or len(real) < 2:
            continue
        members = target == label
        mean = own.mean(axis=0)
        metric = ShrunkMahalanobis(own - mean) if within is None else within
        lof = LocalOutlierFactor(min(20, len(own) - 1), novelty=True).fit(own)
        neighbours = NearestNeighbors(n_neighbors=min(n_neighbors, len(own))).fit(own)
        both = np.concatenate([rows[members], real])
        figures = np.stack(
            [
                neighbours.kneighbors(both)[0].mean(axis=1),
                -lof.score_samples(both),
                metric.squared_length(both - mean),
            ]
        )
        ours, theirs = np.split(figures, [members.sum()], axis=1)
        ratios = ours / np.median(theirs, axis=1)[:, None]
        outlier = ours[1] > np.quantile(theirs[1], 0.95)
        scores[members] = np.stack([*ratios[:2], outlier, ratios[2]], axis=1)
    return pd.DataFrame(scores, columns=names, index=getattr(profiles, "index", None))


def _within_class(train, y_train):
    classes, codes = np.unique(y_train, return_inverse=True)
    means = np.stack([train[codes == k].mean(axis=0) for k in range(len(classes))])
    return ShrunkMahalanobis(train - means[codes])


def correlation_breaking(
    originals: ArrayLike,
    profiles: ArrayLike,
    origin: ArrayLike,
    target: ArrayLike,
    *,
    X_train: ArrayLike,
    y_train: ArrayLike,
    X_holdout: ArrayLike,
    y_holdout: ArrayLike,
    random_state: int | np.random.Generator | None = 0,
) -> float:
    r"""How much changes break gene-gene correlations, relative to real differences.

    The median over patients of :math:`d^\top S^{-1} d / |d|^2`, d the change and S the
    shrunk within-class covariance, divided by the same median over differences of
    held-out patients of the same two classes.

    Parameters
    ----------
    originals, profiles : array-like of shape (n_samples, n_features)
        Patients and their counterfactuals; unchanged patients are left out.
    origin, target : array-like of shape (n_samples,)
        The class each patient comes from, and its target.
    X_train, X_holdout : array-like of shape (n_rows, n_features)
        Real patients: those that trained the classifier and the explainer, and others.
    y_train, y_holdout : array-like of shape (n_rows,)
        Their classes.
    random_state : int, numpy.random.Generator or None, default=0
        Draws the 200 real differences.

    Returns
    -------
    breaking : float
        1: changes are correlated as real differences are. More: they go against the
        correlations. Far below 1: they are smoother than real differences. NaN if
        nothing changed or held-out patients of the classes are missing.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics.counterfactual import correlation_breaking
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1], 100)
    >>> factor = rng.standard_normal((200, 1)) + 3 * y[:, None]
    >>> X = factor + 0.3 * rng.standard_normal((200, 6))
    >>> real = dict(X_train=X[::2], y_train=y[::2], X_holdout=X[1::2],
    ...             y_holdout=y[1::2])
    >>> one_gene, all_genes = X[:5].copy(), X[:5] + 3
    >>> one_gene[:, 0] += 9
    >>> origin, target = [0] * 5, [1] * 5
    >>> correlation_breaking(X[:5], one_gene, origin, target, **real) > 3
    True
    >>> correlation_breaking(X[:5], all_genes, origin, target, **real) < 1
    True
    """
    train, before, after, holdout = standardised(
        X_train, originals=originals, profiles=profiles, X_holdout=X_holdout
    )
    labels = one_label_per_row("y_train", y_train, len(train))
    held = one_label_per_row("y_holdout", y_holdout, len(holdout))
    start = one_label_per_row("origin", origin, len(before))
    end = one_label_per_row("target", target, len(before))
    change = after - before
    moved = np.abs(change).max(axis=1) > UNCHANGED
    known = np.isin(start, held) & np.isin(end, held) & (start != end)
    usable = np.flatnonzero(moved & known)
    if len(usable) == 0:
        return float("nan")
    metric = _within_class(train, labels)
    rng = np.random.default_rng(random_state)
    drawn = rng.choice(usable, N_PAIRS)
    difference = np.stack(
        [
            holdout[rng.choice(np.flatnonzero(held == end[i]))]
            - holdout[rng.choice(np.flatnonzero(held == start[i]))]
            for i in drawn
        ]
    )

    def stiffness(rows):
        return np.median(metric.squared_length(rows) / (rows**2).sum(axis=1))

    return float(stiffness(change[usable]) / stiffness(difference))
