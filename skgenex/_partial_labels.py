"""Labels of which some are missing."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d


def read_classes(
    y: ArrayLike | None, n_samples: int, unlabelled: Any, are_domains_given: bool
) -> tuple[NDArray, NDArray]:
    """Return the classes and their codes, -1 where a label is missing.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or None
        Labels. None, NaN and `pandas.NA` are no label; None for all: no labels.
    n_samples : int
        Labels there must be.
    unlabelled : object
        Stands for no label if ``are_domains_given`` or if two other classes remain;
        matched as text where labels are strings.
    are_domains_given : bool
        See ``unlabelled``.

    Returns
    -------
    classes : ndarray of shape (n_classes,)
        Sorted.
    codes : ndarray of int, (n_samples,)
        Places in ``classes``, -1 without a label.
    """
    if y is None:
        return np.array([]), np.full(n_samples, -1)
    column = _as_column(y, n_samples)
    # Tables that were read from text have empty cells where there is no label.
    is_missing = np.asarray(pd.isna(column)) | _equals(column, "")
    is_sentinel = ~is_missing & _equals(column, unlabelled)
    if is_sentinel.any():
        others = set(column[~is_missing & ~is_sentinel].tolist())
        if are_domains_given or len(others) >= 2:
            is_missing = is_missing | is_sentinel
    labels = column[~is_missing]
    if labels.dtype == object and len(labels):
        if not all(isinstance(label, str) for label in labels):
            labels = np.array(labels.tolist())  # numbers that stood beside a None
    elif labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise ValueError("Input y contains infinity; classes must be finite.")
    if len(labels):
        check_classification_targets(labels)
        if type_of_target(labels).startswith("multilabel"):
            raise ValueError("y must be one-dimensional; got several labels per row.")
    classes, place = np.unique(labels, return_inverse=True)
    codes = np.full(n_samples, -1)
    codes[~is_missing] = place
    return classes, codes


def read_numbers(
    y: ArrayLike | None, n_samples: int, unlabelled: Any, are_domains_given: bool
) -> tuple[NDArray, NDArray]:
    """Return no classes, and ``y`` as floats with NaN where it is missing.

    Parameters
    ----------
    y, n_samples, unlabelled, are_domains_given
        As of `read_classes`; but -1 is a number.

    Returns
    -------
    classes : ndarray of shape (0,)
        None.
    values : ndarray of float, (n_samples,)
        The target.
    """
    if y is None:
        return np.array([]), np.full(n_samples, np.nan)
    column = _as_column(y, n_samples)
    is_missing = np.asarray(pd.isna(column))
    if unlabelled is not None and unlabelled != -1:
        is_missing = is_missing | _equals(column, unlabelled)
    values = np.full(n_samples, np.nan)
    values[~is_missing] = column[~is_missing].astype(np.float64)
    if np.isinf(values).any():
        raise ValueError("Input y contains infinity; targets must be finite.")
    return np.array([]), values


def _as_column(y, n_samples):
    """``y`` as a plain array of shape (n_samples,)."""
    if isinstance(y, pd.Series) and pd.api.types.is_extension_array_dtype(y.dtype):
        y = y.to_numpy(dtype=object)
    elif isinstance(y, (list, tuple)) and any(
        v is None or v is pd.NA or v != v for v in y
    ):
        y = np.array(y, dtype=object)
    y = column_or_1d(y, warn=True)
    if len(y) != n_samples:
        raise ValueError(
            f"X and y must have the same number of rows; got {n_samples} and {len(y)}."
        )
    return y


def _equals(y, value):
    """Where ``y`` is ``value``, as text where labels are text."""
    if y.dtype.kind in "US":
        return y == str(value)
    if y.dtype == object:
        known = ~np.asarray(pd.isna(y))
        if all(isinstance(label, str) for label in y[known]):
            value = str(value)
        known[known] = [bool(label == value) for label in y[known]]
        return known
    if isinstance(value, str):
        return np.zeros(len(y), dtype=bool)
    return np.asarray(y == value)
