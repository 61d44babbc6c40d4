"""Genes of one panel found by name in another."""

import warnings
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

WARN_BELOW, REFUSE_BELOW = 0.5, 0.1


def match_genes(wanted: Iterable, given: Iterable) -> tuple[NDArray, float]:
    """Find each wanted gene among those given.

    Parameters
    ----------
    wanted : iterable of str
        Genes that a model knows.
    given : iterable of str
        Genes of a table, in any order.

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
    >>> from skgenex.self_supervision.genes import match_genes
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
        f"{np.sum(places >= 0)} of the {len(wanted)} genes of the pretrained model "
        f"({share:.0%}) are among the {len(given)} columns, e.g. wanted "
        f"{wanted[:3]}, got {given[:3]}. "
    )
    if share < REFUSE_BELOW:
        raise ValueError(
            message + f"At least {REFUSE_BELOW:.0%} must be: use the same kind of gene "
            "names, or a pretrained model of this panel."
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


def find_gene_sets(
    gene_sets: Mapping[str, Iterable], names: Iterable | None, parameter: str
) -> dict[str, NDArray]:
    """Find the genes of named sets; sets with fewer than two of them are left out.

    Parameters
    ----------
    gene_sets : mapping of str to iterable of str
        Names of genes by name of the set, such as pathways.
    names : iterable of str or None
        Genes of the table, in order; None if it has no names.
    parameter : str
        What errors call ``gene_sets``.

    Returns
    -------
    dict of str to ndarray of int
        Places of the genes.

    Raises
    ------
    ValueError
        If genes have no names, or fewer than two sets are left.

    Examples
    --------
    >>> from skgenex.self_supervision.genes import find_gene_sets
    >>> sets = {"a": ["CD3D", "CD7"], "b": ["CD19", "CD79A", "XYZ"]}
    >>> found = find_gene_sets(sets, ["CD7", "CD19", "CD3D", "CD79A"], "gene_sets")
    >>> {name: places.tolist() for name, places in found.items()}
    {'a': [2, 0], 'b': [1, 3]}
    """
    if names is None:
        raise ValueError(
            f"{parameter} as a dict of gene sets needs the names of genes: pass X as a "
            "DataFrame."
        )
    names = list(names)
    place = {gene: i for i, gene in enumerate(names)}
    found = {
        name: np.array([place[gene] for gene in dict.fromkeys(genes) if gene in place])
        for name, genes in gene_sets.items()
    }
    found = {name: genes for name, genes in found.items() if len(genes) > 1}
    if len(found) < 2:
        raise ValueError(
            f"{parameter} needs at least two gene sets with two genes or more of X; "
            f"got {len(found)} of {len(gene_sets)}. Are they named alike, such as "
            f"{names[:3]}?"
        )
    return found


def list_sets_by_gene(found: Mapping[str, NDArray], n_genes: int) -> NDArray:
    """Return the sets of each gene by number; a gene of no set is a set of its own.

    Parameters
    ----------
    found : mapping of str to ndarray of int
        Places of the genes of each set.
    n_genes : int
        Number of genes.

    Returns
    -------
    ndarray of int of shape (n_genes, n_places)
        Numbers of the sets of each gene, -1 fills up.
    """
    of_gene: list[list[int]] = [[] for _ in range(n_genes)]
    for k, genes in enumerate(found.values()):
        for gene in genes:
            of_gene[gene].append(k)
    n_sets = len(found)
    for own in of_gene:
        if not own:
            own.append(n_sets)
            n_sets += 1
    table = np.full((n_genes, max(map(len, of_gene))), -1)
    for gene, own in enumerate(of_gene):
        table[gene, : len(own)] = own
    return table
