"""Genes of one panel found by name in another."""

import warnings
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

WARN_BELOW, REFUSE_BELOW = 0.5, 0.1


def match_genes(
    wanted: Iterable, given: Iterable, of: str = "the pretrained model"
) -> tuple[NDArray, float]:
    """Find each wanted gene among those given.

    Parameters
    ----------
    wanted : iterable of str
        Genes that a model knows.
    given : iterable of str
        Genes of a table, in any order.
    of : str, default="the pretrained model"
        What messages say the wanted genes are of.

    Returns
    -------
    places : ndarray of int of shape (n_wanted,)
        Where each wanted gene stands in ``given``, -1 if it does not.
    share : float
        Share of the wanted genes that were found.

    Raises
    ------
    ValueError
        If a given name is there twice, or less than a tenth was found.

    Warns
    -----
    UserWarning
        If less than half was found.

    Examples
    --------
    >>> from skgenex._genes import match_genes
    >>> places, share = match_genes(["TP53", "ESR1"], ["GATA3", "ESR1"])
    >>> places.tolist(), share
    ([-1, 1], 0.5)
    """
    wanted, given = list(map(str, wanted)), list(map(str, given))
    where = {gene: i for i, gene in enumerate(given)}
    if len(where) < len(given):
        twice = sorted({gene for gene in where if given.count(gene) > 1})
        raise ValueError(
            f"Each gene must be named once; got {twice[:5]} more than once. Combine "
            "or drop columns of the same name."
        )
    places = np.array([where.get(gene, -1) for gene in wanted], dtype=np.int64)
    share = float(np.mean(places >= 0))
    message = (
        f"{np.sum(places >= 0)} of the {len(wanted)} genes of {of} "
        f"({share:.0%}) are among the {len(given)} columns, e.g. wanted "
        f"{wanted[:3]}, got {given[:3]}. "
    )
    if share < REFUSE_BELOW:
        raise ValueError(
            message + f"At least {REFUSE_BELOW:.0%} must be: use the same kind of gene "
            "names, or another panel."
        )
    if share < WARN_BELOW:
        warnings.warn(message + "The others are filled with their mean.", stacklevel=2)
    return places, share


def take_genes(X: NDArray, places: NDArray, fill: NDArray | float) -> NDArray:
    """Put columns in the order of ``places``, and ``fill`` where a place is -1.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_given)
        Rows.
    places : ndarray of int of shape (n_wanted,)
        Columns of ``X``.
    fill : ndarray of shape (n_wanted,) or float
        Values of missing genes.

    Returns
    -------
    ndarray of shape (n_samples, n_wanted)
        A new array.
    """
    found = places >= 0
    taken = np.empty((len(X), len(places)), dtype=X.dtype)
    taken[:] = fill
    taken[:, found] = X[:, places[found]]
    return taken
