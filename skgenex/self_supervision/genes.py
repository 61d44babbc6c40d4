"""Sets of genes, such as pathways, as places in a table."""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray


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
