"""Which genes keep their co-expression from one set of rows to another."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

MAX_ROWS = 1_000  # of either set, by which co-expression is measured
MIN_ROWS = 50  # of either set, to say that a gene is lost
CONNECTED, UNCONNECTED = 0.99, 0.95  # quantiles of the chance level


def integrative_correlation(first: ArrayLike, second: ArrayLike) -> NDArray:
    """Agreement of each gene's co-expression in two studies.

    The correlations of a gene with all others are a profile of what it does. This is
    the cosine of its profiles in the two studies; no p x p array is made.

    Parameters
    ----------
    first : array-like of shape (n_first, n_features)
        Rows of one study, in any unit.
    second : array-like of shape (n_second, n_features)
        Rows of the other study, same genes in the same order.

    Returns
    -------
    ndarray of shape (n_features,)
        From -1 to 1; 0 for a gene that is constant in a study.

    Raises
    ------
    ValueError
        If the numbers of genes differ.

    References
    ----------
    Parmigiani, Garrett-Mayer, Anbazhagan & Gabrielson (2004), A cross-study comparison
    of gene expression studies for the molecular classification of lung cancer, Clinical
    Cancer Research 10:2922.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.domain_adaptation import integrative_correlation
    >>> rng = np.random.default_rng(0)
    >>> rows = rng.normal(size=(100, 5)) @ rng.normal(size=(5, 30))
    >>> first, second = rows[:50], 3 + 2 * rows[50:]
    >>> second[:, 0] = rng.normal(size=50)  # this gene does something else
    >>> agreement = integrative_correlation(first, second)
    >>> bool(np.median(agreement) > 0.8), bool(agreement[0] < 0.6)
    (True, True)
    """
    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise ValueError(
            "Both studies must be tables with the same genes in the same order; got "
            f"shapes {first.shape} and {second.shape}."
        )
    a, b = _unit_columns(first), _unit_columns(second)
    return _agreement(a, b, b)


def gene_weights(source: NDArray, target: NDArray, rng: np.random.Generator) -> NDArray:
    """Square roots of the agreement, which a ridge-type model takes as its prior.

    Multiplying a gene by ``w`` before ridge regression multiplies the prior variance of
    its coefficient by ``w ** 2``. That is a mean of 1 and of the agreement of the
    gene's co-expression, relative to all genes'; the part of the latter is the share of
    the mean squared agreement which is not there when the target's genes are shuffled.
    So genes which are not co-expressed, as nothing can be said of these, count alike.

    Parameters
    ----------
    source, target : ndarray of shape (n_samples, n_features)
        Standardised rows.
    rng : numpy.random.Generator
        Shuffles genes for the chance level.

    Returns
    -------
    ndarray of shape (n_features,)
        Of mean square one.
    """
    a, b = _unit_columns(thinned(source)), _unit_columns(thinned(target))
    found, chance = _agreement(a, b, b), _agreement(a, b, rng.permuted(b, axis=0))
    square = np.mean(found**2)
    kept = max(0.0, 1 - np.mean(chance**2) / square) if square > 0 else 0.0
    found = found.clip(0)
    return np.sqrt(
        1 - kept + kept * found / found.mean() if kept else np.ones(len(a[0]))
    )


def lost_genes(
    source: NDArray, target: NDArray, rng: np.random.Generator
) -> NDArray | None:
    """Genes that are co-expressed with others in the source and not in the target.

    Parameters
    ----------
    source, target : ndarray of shape (n_samples, n_features)
        Standardised rows.
    rng : numpy.random.Generator
        Shuffles genes for the chance level.

    Returns
    -------
    ndarray of bool of shape (n_features,) or None
        None where a side has too few rows to tell.
    """
    if min(len(source), len(target)) < MIN_ROWS:
        return None
    is_connected = _is_connected(thinned(source), CONNECTED, rng)
    return is_connected & ~_is_connected(thinned(target), UNCONNECTED, rng)


def _is_connected(X, quantile, rng):
    """Whether a gene's correlations are larger than those of shuffled genes."""
    a = _unit_columns(X)
    shuffled = rng.permuted(a, axis=0)
    # A shuffled gene among the others as they are; its own values are left out.
    chance = _products(shuffled, a, shuffled, a)
    return _products(a, a, a, a) > np.quantile(chance, quantile)


def _agreement(a, b, genes):
    """Cosine of the profiles of columns in a, and of other columns among those of b."""
    norm = np.sqrt(_products(a, a, a, a) * _products(genes, b, genes, b))
    together = _products(a, a, genes, b)
    return np.divide(
        together, norm, out=np.zeros_like(norm), where=norm > 1e-12 * len(norm)
    ).clip(-1, 1)


def _products(a, others_a, b, others_b):
    """Sum over other genes k of (a_j . a'_k) (b_j . b'_k), for each gene j."""
    sums = np.einsum("ij,ij->j", a, (others_a @ others_b.T) @ b)
    own_a = np.einsum("ij,ij->j", a, others_a)
    own_b = np.einsum("ij,ij->j", b, others_b)
    return sums - own_a * own_b


def _unit_columns(X):
    centred = X - X.mean(axis=0)
    length = np.linalg.norm(centred, axis=0)
    varies = length > 1e-9 * (1 + np.abs(X).max(axis=0))
    return centred * np.divide(1.0, length, out=np.zeros_like(length), where=varies)


def thinned(X: NDArray) -> NDArray:
    """Every k-th row, or index, of at most `MAX_ROWS`; a view."""
    return X[:: -(-len(X) // MAX_ROWS)]
