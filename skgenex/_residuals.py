"""Rows of a table, or what a model leaves of them, made when they are read."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._blocks import blocks
from ._mapped import mapped_file, release, take

SINGLE_FROM = 20_000_000  # values of a table of which blocks are in single precision
LIMIT = 10.0  # standard deviations: farther out is an error of measurement


class SomeRows:
    """Chosen rows of a table, copied when read.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        The table; may be mapped from a file.
    chosen : ndarray of int
        Indices of the rows.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex._residuals import SomeRows
    >>> rows = SomeRows(np.arange(8).reshape(4, 2), np.array([1, 3]))
    >>> rows.shape, rows[1:]
    ((2, 2), array([[6, 7]]))
    """

    def __init__(self, X: NDArray, chosen: NDArray) -> None:
        self.X, self.chosen = X, chosen
        self.shape = (len(chosen), X.shape[1])
        self.dtype = X.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> NDArray:
        rows, genes = index if isinstance(index, tuple) else (index, slice(None))
        return take(self.X, self.chosen[rows], genes)


class Residuals:
    """Rows less their means, over their spread and their scale, made when read.

    Parameters
    ----------
    X : ndarray or SomeRows of shape (n_samples, n_features)
        Rows.
    codes : ndarray of shape (n_samples,)
        Their classes.
    centres : ndarray of shape (n_classes, n_features)
        Means to take off.
    covariates : ndarray of shape (n_samples, n_covariates), default=None
        Covariates.
    slopes : ndarray of shape (n_covariates, n_features), default=None
        What a unit of each takes off as well.

    Attributes
    ----------
    shape : tuple of int
        Of the rows.
    dtype : dtype
        Of what is read: double precision but for the largest tables.
    sds : ndarray of shape (n_classes, n_features) or None
        Divisors of the genes, once known.
    factors : ndarray of shape (n_samples,) or None
        Multipliers of the rows, once known.
    limit : float or None
        Largest absolute value that is read, if there is any.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex._residuals import Residuals
    >>> X = np.array([[1.0, 2.0], [3.0, 8.0]])
    >>> residuals = Residuals(X, np.zeros(2, int), X[:1])
    >>> residuals.sds = np.array([[1.0, 3.0]])
    >>> residuals[:]
    array([[0., 0.],
           [2., 2.]])
    """

    def __init__(
        self,
        X: Any,
        codes: NDArray,
        centres: NDArray,
        covariates: NDArray | None = None,
        slopes: NDArray | None = None,
    ) -> None:
        self.X, self.codes, self.centres = X, codes, centres
        self.covariates, self.slopes = covariates, slopes
        self.shape = X.shape
        table = X
        while isinstance(table, SomeRows):
            table = table.X
        is_single = table.shape[0] * table.shape[1] >= SINGLE_FROM
        if isinstance(table, Residuals):
            is_single = bool(table.dtype == np.float32)
        self.dtype: np.dtype = np.dtype(np.float32 if is_single else np.float64)
        self.sds: NDArray | None = None
        self.factors: NDArray | None = None
        self.limit: float | None = None

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> NDArray:
        rows, genes = index if isinstance(index, tuple) else (index, slice(None))
        if isinstance(rows, np.ndarray):
            rows = rows.ravel()
        if isinstance(genes, np.ndarray):
            genes = genes.ravel()
        # One class for all: its mean need not be repeated for each row.
        codes = slice(None) if len(self.centres) == 1 else self.codes[rows]
        if isinstance(rows, slice):
            out = self.X[rows, genes].astype(self.dtype)  # a copy
            release(self.X)
        elif isinstance(self.X, SomeRows):
            out = self.X[rows, genes].astype(self.dtype)
        else:
            out = take(self.X, rows, genes).astype(self.dtype)
        out -= self.centres[:, genes][codes]
        if self.covariates is not None and self.slopes is not None:
            out -= self.covariates[rows] @ self.slopes[:, genes]
        if self.sds is not None:
            out /= self.sds[:, genes][codes]
        if self.factors is not None:
            out *= self.factors[rows][:, None]
        if self.limit is not None:
            np.clip(out, -self.limit, self.limit, out=out)
        return out


def is_large(table: Any) -> bool:
    """Whether no copy of a table should be made: it is mapped from a file, or large."""
    return mapped_file(table) is not None or table.size >= SINGLE_FROM


def gene_units(rows: Any, weight: NDArray | None = None) -> tuple[NDArray, NDArray]:
    """Mean and inverse standard deviation of each gene, of which networks see rows.

    Parameters
    ----------
    rows : ndarray or SomeRows of shape (n_samples, n_features)
        Read by blocks.
    weight : ndarray of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    mean, inverse : ndarray of float32 of shape (n_features,)
        The inverse is 0 for constant genes: it mutes them.
    """
    weight = np.ones(len(rows)) if weight is None else weight
    mean = weighted_mean(rows, weight)
    sd = np.sqrt(weighted_squares(rows, mean, weight) / weight.sum())
    varies = sd > 1e-6 * np.abs(mean)
    inverse = np.divide(1.0, sd, out=np.zeros_like(sd), where=varies)
    return mean.astype(np.float32), inverse.astype(np.float32)


def in_units(rows: Any, mean: NDArray, inverse: NDArray) -> Residuals:
    """Rows as networks see them, made when they are read, clipped at `LIMIT`.

    Parameters
    ----------
    rows : ndarray or SomeRows of shape (n_samples, n_features)
        As they were given.
    mean, inverse : ndarray of shape (n_features,)
        From `gene_units`.

    Returns
    -------
    Residuals
        Of shape (n_samples, n_features).
    """
    out = Residuals(rows, np.zeros(len(rows), dtype=np.int64), mean[None])
    with np.errstate(divide="ignore"):
        out.sds = 1 / inverse.astype(np.float64)[None]
    out.limit = LIMIT
    return out


def class_sums(
    rows: Any, codes: NDArray, n_classes: int, *, squared: bool = False
) -> NDArray:
    """Sum of the rows, or of their squares, by class, in double precision.

    Parameters
    ----------
    rows : ndarray, SomeRows or Residuals of shape (n_samples, n_features)
        Read by blocks.
    codes : ndarray of shape (n_samples,)
        Their classes.
    n_classes : int
        Number of classes.
    squared : bool, default=False
        Whether values are squared before.

    Returns
    -------
    ndarray of shape (n_classes, n_features)
        The sums.
    """
    total = np.zeros((n_classes, rows.shape[1]))
    for block in blocks(*rows.shape):
        part = rows[block].astype(np.float64)
        release(rows)
        if squared:
            np.square(part, out=part)
        for c in np.unique(codes[block]):
            total[c] += part[codes[block] == c].sum(axis=0)
    return total


def weighted_mean(rows: Any, weight: NDArray) -> NDArray:
    """Mean of each column, in double precision.

    Parameters
    ----------
    rows : ndarray, SomeRows or Residuals of shape (n_samples, n_features)
        Read by blocks.
    weight : ndarray of shape (n_samples,)
        Weights of the rows.

    Returns
    -------
    ndarray of shape (n_features,)
        The means.
    """
    total = np.zeros(rows.shape[1])
    for block in blocks(*rows.shape):
        total += weight[block] @ rows[block].astype(np.float64, copy=False)
        release(rows)
    return total / weight.sum()


def weighted_squares(rows: Any, mean: NDArray, weight: NDArray) -> NDArray:
    """Weighted sum of squares of each column about its mean, in double precision.

    Parameters
    ----------
    rows : ndarray, SomeRows or Residuals of shape (n_samples, n_features)
        Read by blocks.
    mean : ndarray of shape (n_features,)
        Of the columns.
    weight : ndarray of shape (n_samples,)
        Weights of the rows.

    Returns
    -------
    ndarray of shape (n_features,)
        The sums.
    """
    total = np.zeros(rows.shape[1])
    for block in blocks(*rows.shape):
        part = rows[block] - mean
        release(rows)
        total += weight[block] @ np.square(part, out=part)
    return total


def column_range(rows: Any) -> tuple[NDArray, NDArray]:
    """Lowest and highest value of each column.

    Parameters
    ----------
    rows : ndarray or SomeRows of shape (n_samples, n_features)
        Read by blocks.

    Returns
    -------
    low, high : ndarray of shape (n_features,)
        In the dtype of the rows.
    """
    low, high = rows[0:1][0].copy(), rows[0:1][0].copy()
    for block in blocks(*rows.shape):
        part = rows[block]
        np.minimum(low, part.min(axis=0), out=low)
        np.maximum(high, part.max(axis=0), out=high)
        release(rows)
    return low, high
