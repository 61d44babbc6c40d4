"""Changes of a cohort as effect sizes, and their direction."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

UNCHANGED = 1e-3  # standard deviations up to which a gene counts as unchanged
# Of a gene's standard deviation: few patients of a class may agree by chance.
LEAST_SPREAD = 0.2


def class_spread(rows: NDArray, groups: NDArray) -> NDArray:
    """Return the standard deviation of each gene around the mean of its class.

    Classes weigh the same, so that it does not depend on how many patients of each a
    cohort has: changes in this unit, as Cohen's d, compare between cohorts.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_genes)
        Training rows.
    groups : ndarray of shape (n_samples,)
        Class of each; those with a single row do not count.

    Returns
    -------
    ndarray of shape (n_genes,)
        At least a fifth of the standard deviation of all rows; 0 for constant genes.
    """
    whole = rows.std(axis=0)
    counts = {k: int((groups == k).sum()) for k in np.unique(groups)}
    variances = [
        rows[groups == k].var(axis=0, ddof=1) for k, n in counts.items() if n > 1
    ]
    if not variances:
        return whole
    spread = np.sqrt(np.mean(variances, axis=0))
    return np.where(whole > 0, np.maximum(spread, LEAST_SPREAD * whole), 0.0)


def mean_change(change: pd.DataFrame, target: ArrayLike) -> pd.Series:
    """Return the mean absolute change of each gene, over targets that weigh the same.

    Parameters
    ----------
    change : DataFrame of shape (n_patients, n_genes)
        Changes.
    target : array-like of shape (n_patients,) or (n_patients, 2)
        Target classes, or intervals, which count as one target.

    Returns
    -------
    Series of shape (n_genes,)
        The means.
    """
    size = change.abs()
    labels = labels_or_none(target)
    return size.mean() if labels is None else size.groupby(labels).mean().mean()


def valid_changes(explanations: Any) -> pd.DataFrame:
    """Return the changes of the valid patients that had to change, as effect sizes."""
    valid = is_valid(explanations)
    if not valid.any():
        raise ValueError(
            "No patient has a valid counterfactual, those aside that are predicted as "
            "their target already; look at explanations.status and .search."
        )
    return effect_sizes(explanations.changes[valid], explanations.spread_)


def is_valid(explanations: Any) -> NDArray:
    """Return which patients have a valid counterfactual, and needed one.

    Those already predicted as their target have not changed: they tell nothing of what
    a change takes.
    """
    needed = np.asarray(explanations.search) != "none"
    return (np.asarray(explanations.status) == "valid") & needed


def effect_sizes(changes: pd.DataFrame, spread: ArrayLike) -> pd.DataFrame:
    """Divide changes by standard deviations; constant genes do not change."""
    spread = np.asarray(spread, dtype=float)
    return changes / np.where(spread > 0, spread, np.inf)


def labels_or_none(values: ArrayLike) -> NDArray | None:
    """Return the class of each patient, or None of intervals, which have two ends."""
    values = np.asarray(values)
    return values if values.ndim == 1 else None
