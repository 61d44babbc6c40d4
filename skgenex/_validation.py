"""Rows held out of training for early stopping."""

import warnings

import numpy as np


def split_validation(
    n_samples: int,
    validation_fraction: float,
    *,
    seed: int,
    label: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Choose the rows to train on and the rows to validate on.

    Parameters
    ----------
    n_samples : int
        Number of rows.
    validation_fraction : float
        Share of the rows to hold out, in [0, 1); rounded, but at least one row.
    seed : int
        Seed of the choice.
    label : ndarray of shape (n_samples,), default=None
        Classes, held out in equal shares. The last row of a class always stays in the
        training set, so a class with a single row is never held out.

    Returns
    -------
    train_rows : ndarray of int
        In ascending order.
    valid_rows : ndarray of int or None
        In ascending order. None with ``validation_fraction=0`` and, with a warning,
        where no row can be spared.

    Examples
    --------
    >>> from skgenex._validation import split_validation
    >>> train_rows, valid_rows = split_validation(
    ...     6, 1 / 3, seed=0, label=["a", "a", "a", "b", "b", "b"]
    ... )
    >>> len(train_rows), len(valid_rows)
    (4, 2)
    """
    if not validation_fraction:
        return np.arange(n_samples), None
    if label is None:
        code = np.zeros(n_samples, dtype=int)
    else:
        code = np.unique(label, return_inverse=True)[1]
    shuffled = np.random.default_rng(seed).permutation(n_samples)
    # A row's place within its own class, in (0, 1): the rows with the lowest places
    # hold every class in its share.
    place = np.empty(n_samples)
    is_last = np.zeros(n_samples, dtype=bool)
    for k in range(code.max(initial=-1) + 1):
        rows = shuffled[code[shuffled] == k]
        place[rows] = (np.arange(len(rows)) + 0.5) / len(rows)
        is_last[rows[-1]] = True
    order = shuffled[np.argsort(place[shuffled], kind="stable")]
    n_valid = max(1, round(validation_fraction * n_samples))
    valid_rows = np.sort(order[~is_last[order]][:n_valid])
    if len(valid_rows) == 0:
        warnings.warn(
            f"validation_fraction={validation_fraction} holds out none of the "
            f"{n_samples} rows: each is the last of its class. Training runs for "
            "max_epochs, without early stopping.",
            UserWarning,
            stacklevel=2,
        )
        return np.arange(n_samples), None
    return np.setdiff1d(np.arange(n_samples), valid_rows), valid_rows
