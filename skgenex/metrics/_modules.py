"""Co-expression modules and class separation: what synthetic rows keep of them."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from sklearn.utils import column_or_1d
from sklearn.utils.validation import check_consistent_length

from ._correlation import correlations, live_genes
from ._rows import checked_rows

N_RANDOM = 100  # random gene sets per module


def coexpression_modules(
    X: ArrayLike, *, n_modules: int = 20, min_size: int = 10
) -> NDArray:
    """Cluster genes by their correlation over rows.

    Average linkage of 1 - r: genes that fall as others rise are not of their module.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Rows on a log scale, for example log2(CPM + 1); all genes vary.
    n_modules : int, default=20
        Clusters at most.
    min_size : int, default=10
        Genes of a module at least.

    Returns
    -------
    ndarray of int of shape (n_features,)
        Module of each gene, from 0, largest first; -1 for genes of none.

    References
    ----------
    Zhang & Horvath (2005), A general framework for weighted gene co-expression network
    analysis, Stat. Appl. Genet. Mol. Biol. 4:17.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics import coexpression_modules
    >>> factors = np.random.default_rng(0).standard_normal((50, 2))
    >>> X = np.repeat(factors, 10, axis=1)
    >>> X += 0.1 * np.random.default_rng(1).standard_normal(X.shape)
    >>> coexpression_modules(X, n_modules=2).tolist() == [0] * 10 + [1] * 10
    True
    """
    r = correlations(checked_rows(min_samples=3, X=X)[0])
    distance = np.clip(1 - r, 0, 2)
    np.fill_diagonal(distance, 0)
    tree = linkage(squareform((distance + distance.T) / 2, checks=False), "average")
    cluster = fcluster(tree, n_modules, "maxclust")
    labels, first, sizes = np.unique(cluster, return_index=True, return_counts=True)
    kept = np.flatnonzero(sizes >= min_size)
    order = kept[np.lexsort((first[kept], -sizes[kept]))]
    module = np.full(len(r), -1)
    for k, c in enumerate(order):
        module[cluster == labels[c]] = k
    return module


def module_preservation(
    X_real: ArrayLike,
    X_synthetic: ArrayLike,
    *,
    modules: ArrayLike | None = None,
    max_genes: int = 1000,
    random_state: int | np.random.Generator | None = None,
) -> dict[str, float]:
    r"""Say what synthetic rows keep of the co-expression modules of real ones.

    Parameters
    ----------
    X_real : array-like of shape (n_real, n_features)
        Real rows, best held out from the generator.
    X_synthetic : array-like of shape (n_synthetic, n_features)
        Generated rows.
    modules : array-like of int of shape (n_features,), default=None
        Module of each gene, negative for none. None clusters the real rows by
        `coexpression_modules`, which favours these: their own figures are too good.
    max_genes : int, default=1000
        If there are more genes, those that vary most in the real rows.
    random_state : int, numpy.random.Generator or None, default=None
        Seed of the random gene sets; global generators are not touched.

    Returns
    -------
    dict of str to float
        Medians over modules. ``density_real``, ``density_synthetic``: mean correlation
        within a module. ``density_z``: the synthetic one, in standard deviations of
        random gene sets of its size in the synthetic rows, from their mean: above 10
        is called strongly preserved, below 2 not. ``membership``: correlation over
        the module's genes of their correlations with its mean profile in both sets.
        ``n_modules``: their number.

    Raises
    ------
    ValueError
        If there is no module, or fewer than three rows.

    References
    ----------
    Langfelder, Luo, Oldham & Horvath (2011), Is my network module preserved and
    reproducible?, PLoS Comput. Biol. 7:e1001057 (density and its Z, cor.kME).

    Examples
    --------
    >>> from skgenex.datasets import make_expression
    >>> from skgenex.metrics import module_preservation
    >>> X, _ = make_expression(n_samples=80, random_state=0, return_X_y=True)
    >>> scores = module_preservation(X, X, random_state=0)
    >>> scores["density_real"] == scores["density_synthetic"]
    True
    """
    sets = checked_rows(min_samples=3, X_real=X_real, X_synthetic=X_synthetic)
    real, synthetic = sets
    genes = np.flatnonzero(live_genes(real, synthetic))
    if len(genes) > max_genes:
        variance = real[:, genes].var(axis=0, dtype=np.float64)
        genes = np.sort(genes[np.argsort(-variance, kind="stable")[:max_genes]])
    real, synthetic = real[:, genes], synthetic[:, genes]
    if modules is None:
        module = coexpression_modules(real)
    else:
        given = column_or_1d(modules)
        check_consistent_length(given, np.asarray(X_real).T)
        module = given[genes]
    labels = [m for m in np.unique(module[module >= 0]) if (module == m).sum() > 2]
    if not labels:
        raise ValueError(
            "No module of three genes or more: give modules=, or more rows and genes."
        )
    rng = np.random.default_rng(random_state)
    r_real, r_synthetic = correlations(real), correlations(synthetic)
    figures = []
    for m in labels:
        own = np.flatnonzero(module == m)
        density = _density(r_synthetic, own)
        others = np.array([
            _density(r_synthetic, rng.choice(len(genes), len(own), replace=False))
            for _ in range(N_RANDOM)
        ])  # fmt: skip
        spread = max(float(others.std(ddof=1)), 1e-12)
        figures.append(
            (
                _density(r_real, own),
                density,
                (density - others.mean()) / spread,
                _agreement(_membership(r_real, own), _membership(r_synthetic, own)),
            )
        )
    names = ("density_real", "density_synthetic", "density_z", "membership")
    medians = np.nanmedian(np.array(figures), axis=0)
    return {
        **{name: float(v) for name, v in zip(names, medians, strict=True)},
        "n_modules": float(len(labels)),
    }


def _density(r: NDArray, genes: NDArray) -> float:
    """Mean of the correlations between different genes of a set."""
    part = r[np.ix_(genes, genes)]
    n = len(genes)
    return float((part.sum() - np.trace(part)) / (n * (n - 1)))


def _membership(r: NDArray, genes: NDArray) -> NDArray:
    """Correlation of each gene with the sum of the set's standardised genes."""
    part = r[np.ix_(genes, genes)]
    return part.sum(axis=1) / np.sqrt(max(part.sum(), 1e-12))


def _agreement(a: NDArray, b: NDArray) -> float:
    if a.std() < 1e-12 or b.std() < 1e-12:
        return np.nan
    return float(np.corrcoef(a, b)[0, 1])


def class_separation(X: ArrayLike, y: ArrayLike) -> float:
    r"""Share of the variance of all genes that lies between classes.

    Hays' :math:`\omega^2`, summed over genes; unlike the plain share it does not grow
    where classes are small:

    .. math::

        \omega^2 = \frac{SS_b - (k - 1)\, MS_w}{SS_b + SS_w + MS_w}

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Rows on a log scale, for example log2(CPM + 1).
    y : array-like of shape (n_samples,)
        Classes.

    Returns
    -------
    float
        At most 1; about 0, or a little below, if classes do not differ.

    Raises
    ------
    ValueError
        If there is one class, or no more rows than classes.

    References
    ----------
    Hays (1963), Statistics for Psychologists, Holt, Rinehart & Winston.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics import class_separation
    >>> X = np.array([[0.0], [0.0], [1.0], [1.0]])
    >>> class_separation(X, [0, 0, 1, 1])
    1.0
    """
    rows: NDArray = checked_rows(min_samples=2, X=X)[0].astype(np.float64)
    label = column_or_1d(y)
    check_consistent_length(rows, label)
    classes = np.unique(label)
    k, n = len(classes), len(rows)
    if k < 2 or n <= k:
        raise ValueError(
            f"Two classes and more rows than classes are needed; got {k} classes of "
            f"{n} rows."
        )
    total = float(np.square(rows - rows.mean(axis=0)).sum())
    groups = [rows[label == c] for c in classes]
    within = sum(float(np.square(g - g.mean(axis=0)).sum()) for g in groups)
    by_row = within / (n - k)
    if total <= 0:
        return 0.0
    return float((total - within - (k - 1) * by_row) / (total + by_row))
