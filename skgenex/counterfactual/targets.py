"""What patients shall be predicted as: classes, or intervals of values."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

QUARTILES = {"low": (-np.inf, 0.25), "high": (0.75, np.inf)}


def target_codes(target: Any, outputs: NDArray, classes: NDArray) -> NDArray:
    """Return the target class of each row, as position in ``classes``.

    Parameters
    ----------
    target : None, "opposite", "runner-up", a class, or array-like of classes
        See `CounterfactualExplainer.explain`.
    outputs : ndarray of shape (n_samples, n_classes)
        Scores of the rows.
    classes : ndarray of shape (n_classes,)
        Labels.

    Returns
    -------
    ndarray of int of shape (n_samples,)
        Positions.
    """
    n = len(outputs)
    order = np.argsort(-outputs, axis=1, kind="stable")
    known = classes.tolist()
    if target is None:
        return order[:, 1]
    if isinstance(target, str) and target not in known:
        if target == "runner-up":
            return order[:, 1]
        if target == "opposite":
            if len(known) > 2:
                raise ValueError(
                    f'target="opposite" needs two classes; there are {len(known)}. '
                    'Name a class, or use target="runner-up".'
                )
            return order[:, 1]
    labels = np.asarray(target)
    if labels.ndim == 0:
        labels = np.full(n, target, dtype=labels.dtype)
    if labels.shape != (n,):
        raise ValueError(
            f"target must be one class, or one for each of {n} rows; got shape "
            f"{labels.shape}."
        )
    positions = {label: code for code, label in enumerate(known)}
    unknown = sorted(
        {str(label) for label in labels.tolist() if label not in positions}
    )
    if unknown:
        raise ValueError(
            f"target must be of the estimator's classes {known}, "
            f'"opposite" or "runner-up"; got {unknown[:5]}.'
        )
    return np.array([positions[label] for label in labels.tolist()], dtype=np.int64)


def target_intervals(target: Any, values: NDArray, training_values: NDArray) -> NDArray:
    """Return lower and upper end of the target interval of each row.

    Parameters
    ----------
    target : None, "low", "high", mapping, pair or array-like of pairs
        See `CounterfactualExplainer.explain`.
    values, training_values : ndarray of shape (n_samples,)
        Predictions of the rows, and of the training rows.

    Returns
    -------
    ndarray of shape (n_samples, 2)
        May be infinite on one side.
    """
    n = len(values)
    if target is None or (isinstance(target, str) and target == "opposite"):
        is_high = values > np.median(training_values)
        low, high = (
            _quantiles(QUARTILES[name], training_values) for name in ("low", "high")
        )
        return np.where(is_high[:, None], low, high)
    if isinstance(target, str) and target in QUARTILES:
        ends = _quantiles(QUARTILES[target], training_values)
    elif isinstance(target, Mapping):
        if not target or set(target) - {"below", "above"}:
            raise ValueError(
                'A mapping as target has the keys "below" and/or "above", quantiles of '
                f"the training predictions; got {dict(target)}."
            )
        limits = (target.get("above", -np.inf), target.get("below", np.inf))
        ends = _quantiles(limits, training_values)
    else:
        try:
            ends = np.asarray(target, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(
                'target must be "low", "high", a pair (lower, upper), one for each '
                f'row, or {{"below": quantile}}; got {target!r}.'
            ) from error
    if ends.shape == (2,):
        ends = np.tile(ends, (n, 1))
    if ends.shape != (n, 2) or np.isnan(ends).any() or (ends[:, 0] >= ends[:, 1]).any():
        raise ValueError(
            "target must be a pair (lower, upper) with lower < upper, or one for each "
            f"of {n} rows; got shape {ends.shape}."
        )
    return ends


def _quantiles(limits, values):
    return np.array(
        [q if np.isinf(q) else np.quantile(values, q) for q in limits], dtype=float
    )


def goals_of_classes(
    outputs: NDArray,
    groups: NDArray,
    confidence: float | None,
    share: float = 1 / 2,
) -> NDArray:
    """Log-odds to reach, by target class.

    Parameters
    ----------
    outputs : ndarray of shape (n_samples, n_classes)
        Scores of the training rows.
    groups : ndarray of int of shape (n_samples,)
        Their predicted classes.
    confidence : float or None
        Probability against the best other class; None takes a share of the median
        log-odds of the training rows predicted as the class.
    share : float, default=1/2
        This share.

    Returns
    -------
    ndarray of shape (n_classes,)
        Positive.
    """
    n_classes = outputs.shape[1]
    if confidence is not None:
        return np.full(n_classes, max(np.log(confidence / (1 - confidence)), 1e-3))
    ordered = np.sort(outputs, axis=1)
    odds = ordered[:, -1] - ordered[:, -2]
    typical = np.median(odds)
    return np.array(
        [
            max(share * np.median(odds[groups == k] if any_row else typical), 1e-3)
            for k, any_row in enumerate(np.bincount(groups, minlength=n_classes) > 0)
        ]
    )
