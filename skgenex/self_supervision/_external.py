"""Rows without labels that a classifier is given beside its own."""

import os
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .._genes import match_genes, take_genes
from .._residuals import gene_units
from ._pretrainer import standardised


def read_table(source: Any) -> Any:
    """Return a table as it is, or read it from a Parquet or CSV file.

    Parameters
    ----------
    source : array-like, DataFrame or path-like
        Of a file, the first column holds the ids of the samples.

    Returns
    -------
    array-like or DataFrame
        The table.
    """
    if not isinstance(source, (str, os.PathLike)):
        return source
    path = os.fspath(source)
    table = pd.read_parquet(path) if path.endswith(".parquet") else pd.read_csv(path)
    return table.set_index(table.columns[0])


def shared_ids(first: Any, second: Any) -> list[str]:
    """Return ids of samples in both tables; numbered rows have none.

    Parameters
    ----------
    first, second : array-like or DataFrame
        Tables; the index of a DataFrame holds ids if it is of strings.

    Returns
    -------
    list of str
        Sorted.
    """
    ids = [
        set(table.index)
        for table in (first, second)
        if isinstance(table, pd.DataFrame)
        and all(isinstance(name, str) for name in table.index)
    ]
    return sorted(ids[0] & ids[1]) if len(ids) == 2 else []


def read_further(table: Any, names: NDArray | None, n_features: int) -> NDArray:
    """Rows of another table, standardised by themselves, genes in the fit's order.

    Parameters
    ----------
    table : array-like or DataFrame
        Further rows.
    names : ndarray of str of shape (n_features,) or None
        Genes of the fit.
    n_features : int
        Their number.

    Returns
    -------
    ndarray of float32 of shape (n_further, n_features)
        Clipped at 10; 0 for genes that the table lacks.
    """
    if names is not None and hasattr(table, "columns"):
        places, _ = match_genes(names, table.columns, of="X")
        rows = table.iloc[:, places[places >= 0]].to_numpy(dtype=np.float32)
        places[places >= 0] = np.arange(rows.shape[1])
    else:
        rows = np.asarray(table, dtype=np.float32)
        if rows.ndim != 2 or rows.shape[1] != n_features:
            raise ValueError(
                f"X_unlabelled must have the {n_features} columns of X, or both must "
                f"be DataFrames with names; got shape {rows.shape}."
            )
        places = np.arange(rows.shape[1])
    if not np.isfinite(rows).all():
        raise ValueError("X_unlabelled contains NaN or infinity; impute it first.")
    scaled = standardised(rows, *gene_units(rows))[:].astype(np.float32, copy=False)
    return take_genes(scaled, places, 0.0)


def refuse_shared(X: Any, table: Any) -> None:
    """Raise if another table holds samples of X."""
    shared = shared_ids(X, table)
    if shared:
        raise ValueError(
            f"X_unlabelled holds {len(shared)} samples of X, e.g. {shared[:3]}. "
            "Leave them out: rows of test folds would leak into the fit."
        )
