"""Tables mapped from files: read by blocks, which do not stay in memory."""

import mmap
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import assert_all_finite, validate_data

from ._blocks import blocks

ROWS_AT_A_TIME = 50  # each may bring up to 2 MB of pages around it


def mapped_file(table: Any) -> mmap.mmap | None:
    """Map of the file that an array is read from, if it can't be written to.

    Parameters
    ----------
    table : object
        An array, or a view of one.

    Returns
    -------
    mmap.mmap or None
        None unless the array is one of ``mode="r"``: pages of other modes may hold
        what no file does.
    """
    while isinstance(table, np.ndarray):
        if isinstance(table, np.memmap) and isinstance(table.base, mmap.mmap):
            return table.base if table.mode == "r" else None
        table = table.base
    return None


def release(table: Any) -> None:
    """Give pages of a mapped file back that were read; of other arrays, do nothing.

    Else they count as resident until memory is short, up to the whole file.

    Parameters
    ----------
    table : object
        An array, or a view of one.
    """
    file = mapped_file(table)
    if file is not None and hasattr(file, "madvise"):  # not on Windows
        file.madvise(mmap.MADV_DONTNEED)


def take(table: NDArray, rows: NDArray, genes: Any = slice(None)) -> NDArray:
    """Copy rows, and of them some genes; pages of a mapped file do not stay.

    Parameters
    ----------
    table : ndarray of shape (n_samples, n_features)
        Where they are taken from.
    rows : ndarray of int
        Indices of the rows.
    genes : slice or ndarray of int
        Of the genes.

    Returns
    -------
    ndarray of shape (n_rows, n_genes)
        The copy.
    """
    if mapped_file(table) is None:
        return table[rows, genes] if isinstance(genes, slice) else table[rows][:, genes]
    first = table[:1, genes]
    out = np.empty((len(rows), first.shape[1]), table.dtype)
    for start in range(0, len(rows), ROWS_AT_A_TIME):
        part = slice(start, start + ROWS_AT_A_TIME)
        # The system reads, and counts, pages around those wanted as well.
        out[part] = table[rows[part]][:, genes]
        release(table)
    return out


def validate_by_blocks(estimator: Any, X: Any, **how: Any) -> Any:
    """`sklearn.utils.validation.validate_data`, reading mapped files block by block.

    Parameters
    ----------
    estimator : estimator
        Gets ``n_features_in_`` and ``feature_names_in_``.
    X : array-like
        Rows.
    **how
        Arguments of `validate_data`.

    Returns
    -------
    ndarray or sparse matrix
        The rows, of a mapped file still mapped.

    Raises
    ------
    ValueError
        As `validate_data` does.
    """
    if mapped_file(X) is None:
        return validate_data(estimator, X, **how)
    X = validate_data(estimator, X, ensure_all_finite=False, **how)
    for rows in blocks(*X.shape):
        assert_all_finite(
            X[rows], estimator_name=type(estimator).__name__, input_name="X"
        )
        release(X)
    return X
