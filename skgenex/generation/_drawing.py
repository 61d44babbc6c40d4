"""Which rows to draw: codes of wanted labels, their proportions, their conditions."""

from collections.abc import Mapping
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import column_or_1d


def codes_of(y: ArrayLike | Mapping, classes: NDArray) -> NDArray:
    """Codes of wanted labels; a look-up by value, as casts would truncate.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or dict of label to int
        Wanted labels, or how many rows of each.
    classes : ndarray of shape (n_classes,)
        Known labels.

    Returns
    -------
    ndarray of shape (n_samples,)
        Their positions in ``classes``.

    Raises
    ------
    ValueError
        If a label is unknown, or a number of rows negative or no integer.
    """
    if isinstance(y, Mapping):
        wrong = [n for n in y.values() if not isinstance(n, Integral) or n < 0]
        if wrong:
            raise ValueError(
                f"y must map labels to numbers of rows, 0 or more; got {wrong}."
            )
        labels = [label for label, n in y.items() for _ in range(n)]
    elif isinstance(y, (str, bytes)):
        raise ValueError(
            "y must hold a label per row, or map labels to numbers of rows; got "
            f"{y!r}. For ten rows of it: y={{{y!r}: 10}}."
        )
    else:
        labels = column_or_1d(y).tolist()
    code_of = {label: c for c, label in enumerate(classes.tolist())}
    unknown = sorted({repr(label) for label in labels if label not in code_of})
    if unknown:
        raise ValueError(
            f"y has labels that were not in the fit: {', '.join(unknown)}; known "
            f"are {classes.tolist()!r}."
        )
    return np.array([code_of[label] for label in labels], dtype=int)


def proportional_codes(counts: NDArray, n_samples: int) -> NDArray:
    """Codes of ``n_samples`` rows in the proportions of counts (largest remainder)."""
    exact = counts * (n_samples / counts.sum())
    floor = np.floor(exact).astype(int)
    missing = n_samples - floor.sum()
    floor[np.argsort(floor - exact, kind="stable")[:missing]] += 1
    return np.repeat(np.arange(len(counts)), floor)


def draw_condition_rows(
    codes: NDArray,
    columns: Mapping[Any, NDArray],
    train_codes: NDArray,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Draw each row's conditions, jointly, from a training row of its class.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,)
        Classes of the wanted rows.
    columns : mapping of ndarray of shape (n_train,)
        Conditions of the training rows.
    train_codes : ndarray of shape (n_train,)
        Their classes.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    DataFrame of shape (n_samples, n_conditions)
        The conditions.
    """
    rows = np.zeros(len(codes), dtype=int)
    if columns:
        for c in np.unique(codes):
            wanted = codes == c
            rows[wanted] = rng.choice(np.flatnonzero(train_codes == c), wanted.sum())
    return pd.DataFrame(
        {name: values[rows] for name, values in columns.items()},
        index=pd.RangeIndex(len(codes)),
    )


def condition_rng(seed: int) -> np.random.Generator:
    """Stream for drawing conditions; apart from those of the fit and of the rows."""
    return np.random.default_rng([seed, 2**16])
