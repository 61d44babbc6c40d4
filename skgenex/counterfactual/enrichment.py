"""Gene sets among the genes that change most."""

import warnings
from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats


def read_gmt(path: str | PathLike[str]) -> dict[str, list[str]]:
    r"""Read gene sets from a .gmt file.

    Parameters
    ----------
    path : path-like
        Tab-separated lines: name, description, genes.

    Returns
    -------
    gene_sets : dict of {str: list of str}
        Genes by name of the set.

    Raises
    ------
    ValueError
        If a line has no genes.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from skgenex.counterfactual import read_gmt
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "sets.gmt"
    ...     _ = path.write_text("B cell\tna\tCD19\tCD79A\n")
    ...     read_gmt(path)
    {'B cell': ['CD19', 'CD79A']}
    """
    sets = {}
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        name, *rest = line.split("\t")
        genes = [gene.strip() for gene in rest[1:] if gene.strip()]
        if not genes:
            raise ValueError(
                f"Line {number} of {path} must hold a name, a description and genes, "
                f"separated by tabs; got {line[:60]!r}."
            )
        sets[name] = genes
    return sets


def enrichment(
    importance: pd.Series,
    gene_sets: Mapping[str, Iterable[str]] | str | PathLike[str],
    *,
    n_top: int = 100,
    min_size: int = 5,
    max_size: int | None = 500,
) -> pd.DataFrame:
    """Test gene sets for being among the most important genes.

    Two tests, each adjusted over all sets by Benjamini and Hochberg: the
    hypergeometric test of the overlap with the first ``n_top`` genes, and the one-sided
    Mann-Whitney test of the ranks of all genes. The universe is the index of
    ``importance``; genes of a set that were not measured are ignored.

    Parameters
    ----------
    importance : Series of shape (n_genes,)
        Importance by gene name, such as a column of `biomarkers`; more is more
        important.
    gene_sets : mapping of str to genes, or path of a .gmt file
        Gene sets by name.
    n_top : int, default=100
        Length of the list of the hypergeometric test; at most a third of the genes is
        used.
    min_size, max_size : int, default=5, 500
        Sets with fewer or more measured genes are left out; None sets no upper limit.

    Returns
    -------
    table : DataFrame
        A row per set, sorted by ``p_rank``: ``size`` (measured genes), ``overlap``
        with the list, ``expected`` overlap, ``p_overlap``, ``q_overlap``, ``auc`` (the
        chance that a gene of the set is more important than another; 0.5 is none),
        ``p_rank``, ``q_rank``, and ``genes``, the overlapping genes in order of
        importance. ``table.attrs["skipped"]`` lists the sets that were left out.

    Warns
    -----
    UserWarning
        If sets were left out.

    Raises
    ------
    TypeError
        If importance is not a Series.
    ValueError
        If gene names repeat, importance is missing somewhere, or no set is left.

    Notes
    -----
    Both tests take genes as independent. Those of a pathway are not, so p-values are
    too small; read the order, and compare with the sets found under permuted labels.
    Genes chosen for a platform are no random universe either.

    References
    ----------
    Wu, Smyth (2012). Camera: a competitive gene set test accounting for inter-gene
    correlation. Nucleic Acids Research 40:e133 (how much correlation inflates).

    Examples
    --------
    >>> import pandas as pd
    >>> from skgenex.counterfactual import enrichment
    >>> importance = pd.Series(range(100, 0, -1), [f"G{j}" for j in range(100)])
    >>> sets = {"leading": ["G0", "G1", "G2"], "others": ["G10", "G50", "G90"]}
    >>> table = enrichment(importance, sets, n_top=10, min_size=3)
    >>> table.index[0], int(table["overlap"].iloc[0])
    ('leading', 3)
    """
    if not isinstance(gene_sets, Mapping):
        gene_sets = read_gmt(gene_sets)
    if not isinstance(importance, pd.Series):
        raise TypeError(
            "importance must be a Series of one number per gene; got "
            f"{type(importance).__name__}. A table of biomarkers has enrichment as a "
            "method; of another table give a column, such as table['change'].abs()."
        )
    if not importance.index.is_unique:
        repeated = importance.index[importance.index.duplicated()][:5].tolist()
        raise ValueError(f"Gene names must be unique; {repeated} repeat.")
    if importance.isna().any():
        raise ValueError(
            f"Every gene needs an importance; {int(importance.isna().sum())} have none."
        )
    if n_top < 1:
        raise ValueError(f"n_top must be at least 1; got {n_top}.")
    universe = importance.index
    n_genes = len(universe)
    n_top = min(n_top, max(1, n_genes // 3))
    ranked = importance.sort_values(ascending=False, kind="stable").index
    top = ranked[:n_top]
    rank = stats.rankdata(importance)  # mean ranks of ties
    ties = np.unique(rank, return_counts=True)[1]
    tie_correction = 1 - np.sum(ties**3.0 - ties) / (n_genes**3.0 - n_genes)
    rows, skipped = {}, []
    for name, genes in gene_sets.items():
        inside = universe.isin(list(genes))
        size = int(inside.sum())
        too_large = size > (n_genes - 1 if max_size is None else max_size)
        if size < max(min_size, 1) or too_large or size == n_genes:
            skipped.append(name)
            continue
        overlap = top[top.isin(universe[inside])]
        # Normal approximation of U, with ties and continuity.
        u = rank[inside].sum() - size * (size + 1) / 2
        pairs = size * (n_genes - size)
        sd = np.sqrt(pairs * (n_genes + 1) / 12 * tie_correction)
        z = (u - pairs / 2 - 0.5) / sd if sd > 0 else 0.0
        rows[name] = {
            "size": size,
            "overlap": len(overlap),
            "expected": n_top * size / n_genes,
            "p_overlap": stats.hypergeom.sf(len(overlap) - 1, n_genes, size, n_top),
            "auc": u / pairs,
            "p_rank": stats.norm.sf(z),
            "genes": ", ".join(map(str, overlap)),
        }
    if not rows:
        raise ValueError(
            f"None of the {len(gene_sets)} gene sets has {min_size} to {max_size} of "
            f"the {n_genes} genes. Are the names of one kind? The genes are named like "
            f"{universe[:3].tolist()}."
        )
    table = pd.DataFrame.from_dict(rows, orient="index")
    for test in ("overlap", "rank"):
        adjusted = stats.false_discovery_control(table[f"p_{test}"])
        table.insert(table.columns.get_loc(f"p_{test}") + 1, f"q_{test}", adjusted)
    if skipped:
        warnings.warn(
            f"{len(skipped)} of {len(gene_sets)} gene sets were left out, as fewer "
            f"than {min_size} or more than {max_size} of their genes were measured: "
            f"{skipped[:5]}. All are in table.attrs['skipped'].",
            UserWarning,
            stacklevel=2,
        )
    table = table.sort_values(["p_rank", "p_overlap"], kind="stable")
    table.attrs["skipped"] = skipped
    return table
