"""Agreement of gene-gene correlations (Viñas et al. 2022)."""

import numpy as np
from numpy.typing import ArrayLike

from ._rows import checked_rows

DEAD = 1e-6  # standard deviation up to which a gene counts as constant


def live_genes(*sets):
    """Whether each gene varies in every set."""
    return np.all([rows.std(axis=0, dtype=np.float64) > DEAD for rows in sets], axis=0)


def correlations(rows):
    """Correlation matrix of the columns, float64."""
    return np.corrcoef(rows, rowvar=False, dtype=np.float64)


def correlation_agreement(
    X_real: ArrayLike,
    X_synthetic: ArrayLike,
    *,
    max_genes: int = 1500,
    random_state: int | np.random.Generator | None = None,
) -> float:
    r"""Pearson correlation between the gene-gene correlations of two sets.

    Over all pairs of genes, the correlation of real :math:`r_{jk}` and synthetic
    :math:`r_{jk}`: 1 if the structure is the same up to a linear map, 0 if unrelated.

    Parameters
    ----------
    X_real : array-like of shape (n_real, n_features)
        Real rows, best held out from the generator.
    X_synthetic : array-like of shape (n_synthetic, n_features)
        Generated rows.
    max_genes : int, default=1500
        If there are more genes, so many drawn at random (memory grows with the square).
    random_state : int, numpy.random.Generator or None, default=None
        Seed of that draw; global generators are not touched.

    Returns
    -------
    agreement : float
        In [-1, 1].

    Raises
    ------
    ValueError
        If fewer than three genes vary in both sets, or a set has fewer than 3 rows.

    Notes
    -----
    Genes that are constant (standard deviation at most 1e-6) in either set have no
    correlation and are left out.

    References
    ----------
    Viñas, Andrés-Terré, Liò, Bryson (2022). Adversarial generation of gene expression
    data. Bioinformatics 38:730-737 (the coefficient :math:`\gamma(D^X, D^Z)` of the
    distances 1 - r; on the correlations themselves it is the same).

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics import correlation_agreement
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((50, 4)) @ rng.standard_normal((4, 30))
    >>> round(correlation_agreement(X, 2 * X + 1), 6)
    1.0
    """
    if not isinstance(max_genes, (int, np.integer)) or max_genes < 3:
        raise ValueError(
            f"max_genes must be an integer of 3 or more; got {max_genes!r}."
        )
    sets = checked_rows(min_samples=3, X_real=X_real, X_synthetic=X_synthetic)
    n_genes = sets[0].shape[1]
    genes = np.flatnonzero(live_genes(*sets))
    if len(genes) < 3:
        raise ValueError(
            "correlation_agreement needs 3 genes that vary in both sets; "
            f"{len(genes)} of {n_genes} do."
        )
    if len(genes) > max_genes:
        rng = np.random.default_rng(random_state)
        genes = rng.choice(genes, max_genes, replace=False)
    pairs = np.triu_indices(len(genes), 1)
    real, synthetic = (correlations(rows[:, genes])[pairs] for rows in sets)
    return float(np.corrcoef(real, synthetic)[0, 1])
