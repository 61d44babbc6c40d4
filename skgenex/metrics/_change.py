"""Counterfactual changes: their size, what of them is needed, how firm and diverse."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ._correlation import DEAD
from ._rows import checked_rows
from ._standardised import one_label_per_row, standardised

UNCHANGED = 1e-3  # standard deviations up to which a gene counts as unchanged
Predict = Callable[[np.ndarray], np.ndarray]


def change_scores(
    originals: ArrayLike,
    profiles: ArrayLike,
    *,
    X_train: ArrayLike,
    tolerance: float = UNCHANGED,
) -> pd.DataFrame:
    """Size of the change of each patient, in training standard deviations.

    Parameters
    ----------
    originals : array-like of shape (n_samples, n_features)
        Patients, in the unit of ``X_train``.
    profiles : array-like of shape (n_samples, n_features)
        Their counterfactuals.
    X_train : array-like of shape (n_train, n_features)
        Training rows, for the standard deviations.
    tolerance : float, default=0.001
        Standard deviations up to which a gene counts as unchanged.

    Returns
    -------
    scores : DataFrame of shape (n_samples, 3)
        ``L1``, ``L2`` and ``n_genes`` (changed).

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics.counterfactual import change_scores
    >>> X = np.random.default_rng(0).standard_normal((50, 5))
    >>> profiles = X[:1].copy()
    >>> profiles[0, :2] += 3 * X.std(axis=0)[:2]
    >>> change_scores(X[:1], profiles, X_train=X).round(2)
       L1    L2  n_genes
    0  6.0  4.24        2
    """
    _, before, after = standardised(X_train, originals=originals, profiles=profiles)
    change = np.abs(after - before)
    return pd.DataFrame(
        {
            "L1": change.sum(axis=1),
            "L2": np.sqrt((change**2).sum(axis=1)),
            "n_genes": (change > tolerance).sum(axis=1),
        },
        index=getattr(originals, "index", None),
    )


def redundancy(
    predict: Predict,
    originals: ArrayLike,
    profiles: ArrayLike,
    target: ArrayLike,
    *,
    X_train: ArrayLike,
    max_genes: int = 200,
    random_state: int | np.random.Generator | None = 0,
) -> np.ndarray:
    """Count the changed genes of each patient that did not need to change.

    A gene is redundant if the target is still predicted when it alone is put back.

    Parameters
    ----------
    predict : callable
        Takes an ndarray of rows, returns their predictions.
    originals, profiles : array-like of shape (n_samples, n_features)
        Patients and their counterfactuals.
    target : array-like of shape (n_samples,)
        Wanted predictions.
    X_train : array-like of shape (n_train, n_features)
        Training rows, for the standard deviations.
    max_genes : int, default=200
        Of patients with more changed genes, so many drawn at random are put back, and
        the count is extrapolated.
    random_state : int, numpy.random.Generator or None, default=0
        Draws them.

    Returns
    -------
    n_redundant : ndarray of shape (n_samples,)
        Number of redundant genes.

    References
    ----------
    Pawelczyk et al. (2021). CARLA: a Python library to benchmark algorithmic recourse
    and counterfactual explanation algorithms. NeurIPS datasets and benchmarks.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics.counterfactual import redundancy
    >>> X = np.random.default_rng(0).standard_normal((50, 3))
    >>> first_gene_is_high = lambda rows: rows[:, 0] > 5
    >>> float(redundancy(first_gene_is_high, X[:1], X[:1] + 10, [True], X_train=X)[0])
    2.0
    """
    before, after = checked_rows(originals=originals, profiles=profiles)
    wanted = one_label_per_row("target", target, len(before))
    sd = np.asarray(X_train, dtype=np.float64).std(axis=0)
    rng = np.random.default_rng(random_state)
    counts = np.zeros(len(before))
    for i, change in enumerate(after - before):
        changed = np.flatnonzero(np.abs(change) > UNCHANGED * np.maximum(sd, DEAD))
        if len(changed) == 0:
            continue
        tried = changed
        if len(changed) > max_genes:
            tried = rng.choice(changed, max_genes, replace=False)
        reverted = np.tile(after[i], (len(tried), 1))
        reverted[np.arange(len(tried)), tried] = before[i, tried]
        counts[i] = np.mean(predict(reverted) == wanted[i]) * len(changed)
    return counts


def robustness(
    predict: Predict,
    profiles: ArrayLike,
    target: ArrayLike,
    *,
    X_train: ArrayLike,
    noise: float = 0.1,
    n_draws: int = 10,
    random_state: int | np.random.Generator | None = 0,
) -> np.ndarray:
    """Share of noisy copies of each profile that are still predicted as the target.

    With ``noise=0`` and the ``predict`` of a model that was trained anew, it tells
    whether the counterfactuals hold for that model too.

    Parameters
    ----------
    predict : callable
        Takes an ndarray of rows, returns their predictions.
    profiles : array-like of shape (n_samples, n_features)
        Counterfactuals.
    target : array-like of shape (n_samples,)
        Wanted predictions.
    X_train : array-like of shape (n_train, n_features)
        Training rows, for the standard deviations.
    noise : float, default=0.1
        Standard deviation of the Gaussian noise, in training standard deviations.
    n_draws : int, default=10
        Copies of each profile.
    random_state : int, numpy.random.Generator or None, default=0
        Draws the noise.

    Returns
    -------
    share : ndarray of shape (n_samples,)
        In [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics.counterfactual import robustness
    >>> X = np.random.default_rng(0).standard_normal((50, 3))
    >>> is_high = lambda rows: rows[:, 0] > 0
    >>> robustness(is_high, [[9.0, 0, 0], [-9.0, 0, 0]], [True, True], X_train=X)
    array([1., 0.])
    """
    (rows,) = checked_rows(profiles=profiles)
    wanted = one_label_per_row("target", target, len(rows))
    sd = np.asarray(X_train, dtype=np.float64).std(axis=0)
    rng = np.random.default_rng(random_state)
    hits = [
        predict(rows + noise * sd * rng.standard_normal(rows.shape)) == wanted
        for _ in range(n_draws if noise else 1)
    ]
    return np.mean(hits, axis=0)


def diversity(profiles: ArrayLike, *, X_train: ArrayLike) -> float:
    """Mean distance between two profiles, in training standard deviations.

    For several counterfactuals of one patient it is the diversity of Mothilal et al.;
    for those of a cohort, near 0 means that all patients become the same one.

    Parameters
    ----------
    profiles : array-like of shape (n_samples, n_features)
        At least two counterfactuals.
    X_train : array-like of shape (n_train, n_features)
        Training rows, for the standard deviations.

    Returns
    -------
    diversity : float
        Mean Euclidean distance over all pairs; NaN of a single profile.

    References
    ----------
    Mothilal, Sharma, Tan (2020). Explaining machine learning classifiers through
    diverse counterfactual explanations. FAT* (Sec. 5.1).

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics.counterfactual import diversity
    >>> X = np.random.default_rng(0).standard_normal((50, 3))
    >>> diversity(X[[0, 0, 0]], X_train=X)
    0.0
    """
    _, rows = standardised(X_train, profiles=profiles)
    return mean_distance(rows)


def mean_distance(rows):
    if len(rows) < 2:
        return float("nan")
    pairs = np.triu_indices(len(rows), 1)
    norms = np.einsum("ij,ij->i", rows, rows)
    squared = norms[:, None] + norms - 2 * rows @ rows.T
    return float(np.sqrt(np.maximum(squared[pairs], 0)).mean())
