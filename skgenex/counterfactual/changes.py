"""Changes of a cohort in training standard deviations, and their direction."""

import numpy as np

UNCHANGED = 1e-3  # standard deviations up to which a gene counts as unchanged


def valid_changes(explanations):
    """Return the changes of the valid patients."""
    valid = np.asarray(explanations.status) == "valid"
    if not valid.any():
        raise ValueError(
            "No patient has a valid counterfactual; look at explanations.status."
        )
    return in_deviations(explanations.changes[valid], explanations.scale_)


def in_deviations(changes, scale):
    """Divide changes by standard deviations; constant genes do not change."""
    scale = np.asarray(scale, dtype=float)
    return changes / np.where(scale > 0, scale, np.inf)


def labels_or_none(values):
    """Return the class of each patient, or None of intervals, which have two ends."""
    values = np.asarray(values)
    return values if values.ndim == 1 else None
