"""Where each gene of each patient may go."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

DIRECTIONS = ("up", "down")


def gene_positions(genes: Any, names: NDArray, parameter: str) -> NDArray:
    """Return the positions of genes given by name, position or boolean mask.

    Parameters
    ----------
    genes : iterable of str or int, or boolean array of shape (n_features,)
        Genes.
    names : ndarray of shape (n_features,)
        Names of all genes.
    parameter : str
        Whom to name in an error.

    Returns
    -------
    ndarray of int
        Positions.
    """
    genes = [genes] if isinstance(genes, (str, int)) else genes
    if not isinstance(genes, Iterable):
        raise TypeError(f"{parameter} must list genes; got {type(genes).__name__}.")
    listed = list(genes)
    if len(listed) == len(names) and all(
        isinstance(g, (bool, np.bool_)) for g in listed
    ):
        return np.flatnonzero(listed)
    known = {name: j for j, name in enumerate(names)}
    positions, unknown = [], []
    for gene in listed:
        if gene in known:
            positions.append(known[gene])
        elif isinstance(gene, (int, np.integer)) and 0 <= gene < len(names):
            positions.append(int(gene))
        else:
            unknown.append(gene)
    if unknown:
        raise ValueError(
            f"{parameter} has genes that are not columns of X: {unknown[:5]}."
        )
    return np.array(positions, dtype=np.int64)


def limits(
    rows: NDArray,
    names: NDArray,
    *,
    lowest: NDArray,
    highest: NDArray,
    constant: NDArray,
    immutable: Any,
    direction: Mapping[Any, str] | None,
    bounds: Any,
    non_negative: bool,
) -> tuple[NDArray, NDArray]:
    """Return the lower and upper limit of each gene of each patient.

    A patient outside the bounds may stay where it is, or come nearer to them.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
        Patients, in the unit of the data.
    names : ndarray of shape (n_features,)
        Genes.
    lowest, highest : ndarray of shape (n_features,)
        Range of the training rows.
    constant : ndarray of bool of shape (n_features,)
        Genes of which nothing is known, which never move.
    immutable, direction, bounds, non_negative
        See `CounterfactualExplainer`.

    Returns
    -------
    lower, upper : ndarray of shape (n_samples, n_features)
        In the unit of the data; infinite where there is no limit.
    """
    p = rows.shape[1]
    low, high = np.full(p, -np.inf), np.full(p, np.inf)
    if isinstance(bounds, str):
        low, high = lowest.copy(), highest.copy()
    elif bounds is not None:
        for gene, ends in bounds.items():
            (j,) = gene_positions([gene], names, "bounds")
            try:
                low[j], high[j] = ends
            except (TypeError, ValueError) as error:
                raise ValueError(
                    f"bounds must give a pair (lower, upper) for each gene; got "
                    f"{ends!r} for {gene!r}."
                ) from error
            if not low[j] <= high[j]:
                raise ValueError(
                    f"bounds must have lower <= upper; got {ends!r} for {gene!r}."
                )
    if non_negative:
        low = np.maximum(low, 0.0)
    lower = np.minimum(low, rows)
    upper = np.maximum(high, rows)
    for gene, way in (direction or {}).items():
        (j,) = gene_positions([gene], names, "direction")
        if way not in DIRECTIONS:
            raise ValueError(
                f'direction must be "up" or "down"; got {way!r} for {gene!r}.'
            )
        if way == "up":
            lower[:, j] = rows[:, j]
        else:
            upper[:, j] = rows[:, j]
    fixed = constant.copy()
    if immutable is not None:
        fixed[gene_positions(immutable, names, "immutable")] = True
    lower[:, fixed] = upper[:, fixed] = rows[:, fixed]
    return lower, upper
