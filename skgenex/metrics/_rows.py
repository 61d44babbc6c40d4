"""Checked sets of rows with the same genes, and random subsets of equal size."""

import numpy as np
from sklearn.utils import check_array


def checked_rows(min_samples=1, **sets):
    """Validate sets of rows given by name; return them as C-ordered float arrays.

    float32 stays float32 and everything else becomes float64. All must have the same
    number of columns, and DataFrames the same column names in the same order.
    """
    names = list(sets)
    first = sets[names[0]]
    for name in names[1:]:
        other = sets[name]
        if (
            hasattr(first, "columns")
            and hasattr(other, "columns")
            and list(first.columns) != list(other.columns)
        ):
            raise ValueError(
                f"{names[0]} and {name} must have the same columns in the same order; "
                f"reorder them with {name}[{names[0]}.columns]."
            )
    arrays = [
        check_array(
            value,
            dtype=(np.float64, np.float32),
            order="C",
            ensure_min_samples=min_samples,
            input_name=name,
        )
        for name, value in sets.items()
    ]
    for name, array in zip(names[1:], arrays[1:], strict=True):
        if array.shape[1] != arrays[0].shape[1]:
            raise ValueError(
                f"{names[0]} and {name} must have the same number of features; got "
                f"{arrays[0].shape[1]} and {array.shape[1]}."
            )
    return arrays


def equal_rows(rng, *arrays):
    """Random subsets, without replacement, of the size of the smallest set."""
    n_rows = min(map(len, arrays))
    return [
        array if len(array) == n_rows else array[rng.permutation(len(array))[:n_rows]]
        for array in arrays
    ]
