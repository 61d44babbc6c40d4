"""Counterfactuals of the same patients after training anew."""

import numpy as np
import torch
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils.multiclass import type_of_target

from .changes import UNCHANGED, effect_sizes, mean_change


def take_rows(values, rows):
    """Rows of an array, list or pandas object, by position."""
    return values.iloc[rows] if hasattr(values, "iloc") else np.asarray(values)[rows]


def bootstrap_rows(y, rng):
    """Rows drawn with replacement within each class, so that none is lost."""
    y = np.asarray(y)
    groups = np.unique(y, return_inverse=True)[1]
    if type_of_target(y) == "continuous":
        groups = np.zeros(len(y), int)
    members = [np.flatnonzero(groups == k) for k in range(groups.max() + 1)]
    return np.concatenate([rng.choice(rows, len(rows)) for rows in members])


def refitted_changes(explainer, X, y, explanations):
    """Mean |change| of the same patients by a classifier and explainer trained anew."""
    estimator = explainer.get_params(deep=False)["estimator"]
    while isinstance(estimator, FrozenEstimator):
        estimator = estimator.estimator
    if isinstance(estimator, torch.nn.Module) or (
        estimator is not None and not hasattr(estimator, "fit")
    ):
        raise ValueError(
            "Refits and permutations need a classifier that can be trained again; got "
            f"{type(estimator).__name__}. Wrap it in an estimator with fit."
        )
    fresh = clone(explainer)
    if estimator is not None:
        fresh.set_params(estimator=clone(estimator))
    again = fresh.fit(X, y).explain(explanations.originals, explanations.target)
    # In the unit of the classes that were learned this time: that of the true ones
    # would favour their genes.
    change = effect_sizes(again.changes, again.spread_)
    # Patients already predicted as their target have nothing to tell.
    moved = (change.abs() > UNCHANGED).any(axis=1).to_numpy()
    if not moved.any():
        return np.zeros(change.shape[1])
    return mean_change(change[moved], np.asarray(explanations.target)[moved]).to_numpy()
