"""Canaries: planted outliers that tell whether an attack can work at all."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.utils import check_array, check_consistent_length


@dataclass(frozen=True)
class Canaries:
    """Rows with planted outliers; made by `plant_canaries`.

    Parameters
    ----------
    X : ndarray or DataFrame of shape (n_samples + n_canaries, n_features)
        The given rows, then the planted canaries: fit the generator on these.
    y : ndarray of shape (n_samples + n_canaries,) or None
        Their classes.
    planted, held_out : ndarray or DataFrame of shape (n_canaries, n_features)
        The canaries in ``X``, and as many of the same kind that are not.
    y_planted, y_held_out : ndarray of shape (n_canaries,) or None
        Their classes.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics.privacy import Canaries, plant_canaries
    >>> canaries = plant_canaries(np.eye(9), 3, random_state=0)
    >>> isinstance(canaries, Canaries), canaries.planted.shape
    (True, (3, 9))
    >>> bool((canaries.X[9:] == canaries.planted).all())
    True
    """

    X: Any
    y: Any
    planted: Any
    held_out: Any
    y_planted: Any
    y_held_out: Any


def plant_canaries(
    X: ArrayLike,
    n_canaries: int,
    *,
    y: ArrayLike | None = None,
    strength: float = 4.0,
    share: float = 0.1,
    random_state: int | np.random.Generator | None = None,
) -> Canaries:
    """Add unusual patients to training rows, and keep as many out.

    A canary is a row of ``X`` with some genes moved up or down by ``strength`` standard
    deviations. Each has genes and directions of its own, so nothing but having seen it
    tells a planted one from one held out: fit a generator on ``X`` of the result and
    run `privacy_report` with ``planted`` as training and ``held_out`` as held-out rows.
    An attack that doesn't find the canaries of a generator that copies is no evidence
    when it doesn't find patients.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Training rows.
    n_canaries : int
        How many to plant; 20 or more give usable intervals.
    y : array-like of shape (n_samples,), default=None
        Classes; a canary has that of the row it is made from.
    strength : float, default=4.0
        Shift in standard deviations of the gene.
    share : float, default=0.1
        Share of the genes that are moved.
    random_state : int, numpy.random.Generator or None, default=None
        Seed.

    Returns
    -------
    Canaries
        Rows to fit on, canaries planted and canaries held out.

    Raises
    ------
    ValueError
        If ``n_canaries`` is below 2, or ``share`` not in (0, 1].

    References
    ----------
    Carlini, Liu, Erlingsson, Kos & Song (2019), The secret sharer, USENIX Security.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics.privacy import plant_canaries
    >>> X = np.random.default_rng(0).standard_normal((30, 50))
    >>> canaries = plant_canaries(X, 5, random_state=0)
    >>> canaries.X.shape, canaries.held_out.shape
    ((35, 50), (5, 50))
    """
    if n_canaries < 2:
        raise ValueError(f"n_canaries must be at least 2; got {n_canaries}.")
    if not 0 < share <= 1:
        raise ValueError(f"share must be in (0, 1]; got {share}.")
    rows = check_array(X, dtype=(np.float64, np.float32), input_name="X")
    labels = None if y is None else np.asarray(y)
    if labels is not None:
        check_consistent_length(rows, labels)
    rng = np.random.default_rng(random_state)
    sd = rows.std(axis=0, dtype=np.float64)
    n_moved = max(1, round(share * rows.shape[1]))
    source = rng.integers(len(rows), size=2 * n_canaries)
    made = rows[source].astype(np.float64)
    for row in made:
        genes = rng.choice(len(row), n_moved, replace=False)
        row[genes] += strength * sd[genes] * rng.choice([-1.0, 1.0], n_moved)
    made = made.astype(rows.dtype)
    planted, held_out = made[:n_canaries], made[n_canaries:]

    def like_given(values):
        if isinstance(X, pd.DataFrame):
            return pd.DataFrame(values, columns=X.columns)
        return values

    return Canaries(
        like_given(np.concatenate([rows, planted])),
        None if labels is None else labels[np.r_[: len(rows), source[:n_canaries]]],
        like_given(planted),
        like_given(held_out),
        None if labels is None else labels[source[:n_canaries]],
        None if labels is None else labels[source[n_canaries:]],
    )
