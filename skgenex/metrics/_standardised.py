"""Rows in standard deviations of the training rows, and one label for each."""

import numpy as np

from ._correlation import DEAD
from ._rows import checked_rows


def one_label_per_row(name, labels, n):
    labels = np.asarray(labels)
    if labels.shape != (n,):
        raise ValueError(
            f"{name} must hold one label for each of {n} rows; got shape "
            f"{labels.shape}."
        )
    return labels


def standardised(X_train, **sets):
    """X_train and the other sets in its standard deviations, without dead genes."""
    train, *rows = checked_rows(X_train=X_train, **sets)
    sd = train.std(axis=0, dtype=np.float64)
    live = sd > DEAD
    if not live.any():
        raise ValueError("X_train must have a gene that varies; all are constant.")
    mean = train.mean(axis=0, dtype=np.float64)[live]
    return [(a[:, live].astype(np.float64) - mean) / sd[live] for a in (train, *rows)]
