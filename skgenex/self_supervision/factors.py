"""Linear factors of rows without labels: how many stand out, and where to start."""

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from .._blocks import blocks
from .._covariance import factorise

MIN_FACTORS = 2
N_NEIGHBOURS = 10
SHRINKAGE = 0.1
N_SHUFFLES = 19
MAX_TESTED = 500
BLOCK_VALUES = 100_000  # of which each neighbour makes as many differences
MAX_ROWS = 10_000  # from which factors are learned


def leading_factors(
    X: NDArray, rng: np.random.Generator
) -> tuple[NDArray, NDArray, float]:
    """Eigenvalues and directions of rows, and the largest that chance would give.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Standardised rows.
    rng : numpy.random.Generator
        Shuffles each gene for the chance level.

    Returns
    -------
    values : ndarray of shape (n_factors,)
        Variances along the factors, decreasing.
    directions : ndarray of shape (n_factors, n_features)
        Orthonormal rows.
    edge : float
        The largest variance in rows in which each gene is shuffled by itself: factors
        below it cannot be told from noise.

    References
    ----------
    Horn (1965), A rationale and test for the number of factors in factor analysis,
    Psychometrika 30:179; Buja & Eyuboglu (1992), Remarks on parallel analysis,
    Multivariate Behavioral Research 27:509 (by permutation).
    """
    centred = X - X.mean(axis=0, dtype=np.float64)
    values, directions, _ = factorise(centred, rng, with_scores=False)
    shuffled = rng.permuted(centred, axis=0)
    chance, _, _ = factorise(shuffled, rng, with_scores=False)
    return values, directions, float(chance[0]) if len(chance) else 0.0


def signal_map(X: NDArray, seed: int) -> NDArray:
    """Map from genes to factors in which neighbouring rows differ alike everywhere.

    Of the factors of all rows those above the chance level are kept. The covariance of
    the differences between neighbouring rows estimates that within classes without any
    label, as neighbours are mostly of one class; the factors are whitened by it, so
    that directions in which rows of a class differ much count less, as in linear
    discriminant analysis.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Standardised rows, labelled or not.
    seed : int
        For the chance level.

    Returns
    -------
    ndarray of shape (n_factors, n_features)
        Weights of the genes.

    References
    ----------
    He & Niyogi (2003), Locality preserving projections, NeurIPS, Eq. 1 (differences
    between neighbours); Horn (1965), see `leading_factors`.
    """
    X = _some(X)
    values, directions, edge = leading_factors(X, np.random.default_rng([seed, 6]))
    n_kept = max(int(np.sum(values > edge)), MIN_FACTORS)
    values, directions = values[:n_kept], directions[:n_kept]
    if len(values) == 0:
        return directions
    scores = X @ directions.T
    # Neighbours by factors between principal components and whitened ones.
    return local_whitening(scores, scores * values**-0.25) @ directions


def explains(X: NDArray, factors: NDArray, seed: int) -> bool:
    """Whether factors of other rows explain more of these than chance would.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Standardised rows.
    factors : ndarray of shape (n_factors, n_features)
        Weights of the genes in factors that were found without these rows.
    seed : int
        For the chance level.

    Returns
    -------
    bool
        Whether the share of the rows' variance in the span of the factors is above each
        of those with the genes of the factors shuffled (p = 0.05).
    """
    rng = np.random.default_rng([seed, 7])
    known = np.flatnonzero(factors.any(axis=0))
    basis = np.linalg.qr(factors[:, known].T)[0]
    rows = X[:: -(-len(X) // MAX_TESTED), known]
    found = np.linalg.norm(rows @ basis)
    shuffled = (
        np.linalg.norm(rows @ rng.permutation(basis)) for _ in range(N_SHUFFLES)
    )
    return bool(all(found > chance for chance in shuffled))


def latent_map(latents: NDArray) -> NDArray:
    """Map of latents after which neighbouring rows differ alike everywhere.

    Parameters
    ----------
    latents : ndarray of shape (n_samples, n_latents)
        Of rows without labels.

    Returns
    -------
    ndarray of shape (n_latents, n_latents)
        Weights, as `signal_map` has for genes.
    """
    latents = _some(latents)
    centred = latents.astype(np.float64) - latents.mean(axis=0, dtype=np.float64)
    values, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
    if values[-1] <= 0:
        return np.eye(len(values))
    values = values.clip(1e-6 * values[-1])
    scores = centred @ vectors
    return local_whitening(scores, scores * values**-0.25) @ vectors.T


def _some(rows: NDArray) -> NDArray:
    """Every k-th row, so that there are not more than `MAX_ROWS`."""
    return rows[:: -(-len(rows) // MAX_ROWS)]


def local_whitening(scores: NDArray, places: NDArray) -> NDArray:
    """Inverse square root of the covariance of differences between neighbours.

    Parameters
    ----------
    scores : ndarray of shape (n_samples, n_factors)
        Rows.
    places : ndarray of shape (n_samples, n_places)
        Where the rows are: neighbours are near each other here.

    Returns
    -------
    ndarray of shape (n_factors, n_factors)
        To multiply the factors with from the left; a tenth of the mean variance is
        added to each direction's.
    """
    n_neighbours = min(N_NEIGHBOURS, len(scores) - 1)
    search = NearestNeighbors(n_neighbors=n_neighbours).fit(places)
    neighbours = search.kneighbors(return_distance=False)
    covariance = np.zeros((scores.shape[1],) * 2)
    for block in blocks(len(scores), scores.shape[1], BLOCK_VALUES):
        differences = scores[block, None] - scores[neighbours[block]]
        differences = differences.reshape(-1, scores.shape[1])
        covariance += differences.T @ differences
    covariance /= 2 * neighbours.size
    values, vectors = np.linalg.eigh(covariance)
    if values[-1] <= 0:  # neighbours are all alike
        return np.eye(len(values))
    values = values.clip(0) + SHRINKAGE * values.clip(0).mean()
    return (vectors * values**-0.5).T
