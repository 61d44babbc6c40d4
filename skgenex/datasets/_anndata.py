"""AnnData as a DataFrame and labels, without importing anndata."""

from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

NEEDED = ("X", "obs", "obs_names", "var_names", "layers")


def from_anndata(
    adata: Any, y: Any = None, layer: str | None = None
) -> tuple[pd.DataFrame, Any]:
    """Turn an AnnData object into ``(X, y)`` for any estimator.

    Estimators take arrays and DataFrames; cross-validation would split an AnnData
    object wrongly, so convert once, before it.

    Parameters
    ----------
    adata : AnnData of shape (n_samples, n_genes)
        Only its attributes X, obs, obs_names, var_names and layers are used; anndata
        itself need not be importable. Sparse matrices are densified.
    y : str or array-like of shape (n_samples,), default=None
        Name of a column of ``adata.obs``, or the labels themselves.
    layer : str, default=None
        Layer to take instead of ``adata.X``. The values are not changed: take a layer
        of log-normalised values, not raw counts, where a log scale is expected.

    Returns
    -------
    X : DataFrame of shape (n_samples, n_genes)
        Indexed by ``obs_names``, columns ``var_names``.
    y : ndarray of shape (n_samples,) or None
        Labels; None if ``y`` is None.

    Raises
    ------
    TypeError
        If ``adata`` is not like AnnData.
    ValueError
        If the column or layer does not exist, gene names repeat, labels are of another
        length, or the object is backed by a file.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import numpy as np, pandas as pd
    >>> from skgenex.datasets import from_anndata
    >>> adata = SimpleNamespace(
    ...     X=np.array([[1.0, 2.0], [3.0, 4.0]]), layers={},
    ...     obs=pd.DataFrame({"cell_type": ["B", "T"]}),
    ...     obs_names=["cell_1", "cell_2"], var_names=["CD19", "CD3E"])
    >>> X, y = from_anndata(adata, "cell_type")
    >>> X
            CD19  CD3E
    cell_1   1.0   2.0
    cell_2   3.0   4.0
    """
    missing = [name for name in NEEDED if not hasattr(adata, name)]
    if missing:
        raise TypeError(
            f"adata must be an AnnData object; got {type(adata).__name__}, which has "
            f"no {', '.join(missing)}. Arrays and DataFrames need no conversion."
        )
    if getattr(adata, "isbacked", False):
        raise ValueError(
            "adata is backed by a file; load it first: from_anndata(adata.to_memory())."
        )
    if layer is not None and layer not in adata.layers:
        raise ValueError(f"layer must be one of {list(adata.layers)}; got {layer!r}.")
    genes = pd.Index(adata.var_names)
    if not genes.is_unique:
        repeated = genes[genes.duplicated()].unique()[:5].tolist()
        raise ValueError(
            f"var_names must be unique; {repeated} repeat. "
            "Call adata.var_names_make_unique() or sum them first."
        )
    matrix = adata.X if layer is None else adata.layers[layer]
    if matrix is None:
        raise ValueError(
            f"adata.X is None; name one of the layers {list(adata.layers)}."
        )
    values = matrix.toarray() if sparse.issparse(matrix) else np.asarray(matrix)
    X = pd.DataFrame(values, index=pd.Index(adata.obs_names), columns=genes)
    return X, _labels(adata, y, len(X))


def _labels(adata, y, n_samples):
    """Labels from a column name or an array."""
    if y is None:
        return None
    if isinstance(y, str):
        if y not in adata.obs.columns:
            raise ValueError(
                f"y must name a column of adata.obs, one of {list(adata.obs.columns)}; "
                f"got {y!r}."
            )
        return adata.obs[y].to_numpy()
    y = np.asarray(y)
    if y.shape[:1] != (n_samples,):
        raise ValueError(
            f"y must hold one label for each of {n_samples} rows; got shape {y.shape}."
        )
    return y
