"""Parts of a table, one after the other: temporaries stay small."""

from collections.abc import Iterator


def blocks(n_rows: int, n_columns: int, n_values: int = 500_000) -> Iterator[slice]:
    """Slices of rows of at most about ``n_values`` values: bounds temporaries.

    Parameters
    ----------
    n_rows, n_columns : int
        Shape of the table; exchanged, the slices are of columns.
    n_values : int, default=500_000
        Values of a slice; it holds one row at least.

    Yields
    ------
    slice
        Of rows, in order.

    Examples
    --------
    >>> from skgenex._blocks import blocks
    >>> [(block.start, block.stop) for block in blocks(5, 10, n_values=20)]
    [(0, 2), (2, 4), (4, 6)]
    """
    size = max(1, n_values // max(n_columns, 1))
    for start in range(0, n_rows, size):
        yield slice(start, start + size)
