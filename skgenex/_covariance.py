"""Covariance of few rows and many genes, in factor form: never a p x p matrix."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._blocks import blocks

BLOCK_VALUES = 2_000_000  # of a table, read at a time
EXACT_SIZE = 2_000  # largest Gram matrix that is decomposed exactly
N_RANDOMISED_FACTORS = 256


def factorise(
    residuals: Any, rng: np.random.Generator, *, with_scores: bool = True
) -> tuple[NDArray, NDArray, NDArray]:
    """Eigenvalues and eigenvectors of ``residuals.T @ residuals / n``.

    Through the Gram matrix of the shorter side, or, where both sides are longer than
    `EXACT_SIZE`, the leading ones by a randomised decomposition (Halko et al. 2011).

    Parameters
    ----------
    residuals : ndarray or the like, of shape (n_samples, n_features)
        Centred rows, read by blocks: needs ``shape``, ``dtype`` and slices.
    rng : numpy.random.Generator
        For the randomised decomposition.
    with_scores : bool, default=True
        Whether scores are wanted: they may be as large as the rows.

    Returns
    -------
    eigenvalues : ndarray of shape (n_factors,)
        Decreasing, without those that are zero.
    vectors : ndarray of shape (n_factors, n_features)
        Orthonormal rows.
    scores : ndarray of shape (n_samples, n_factors)
        Coordinates of the rows, each of unit mean square; empty if not wanted.
    """
    n, p = residuals.shape
    if min(n, p) > EXACT_SIZE:
        left, singular, vectors = _randomised_svd(residuals, rng)
        return singular**2 / n, vectors, left * np.sqrt(n)
    if n <= p:
        values, left = np.linalg.eigh(_gram_of_rows(residuals) / n)
        values, left = _descending(values, left)
        vectors = np.empty((left.shape[1], p), np.result_type(residuals.dtype, left))
        for columns in blocks(p, n, BLOCK_VALUES):
            np.matmul(left.T, residuals[:, columns], out=vectors[:, columns])
        vectors /= np.sqrt(n * values)[:, None]  # in place: as large as the rows
        return values, vectors, left * np.sqrt(n)
    values, right = np.linalg.eigh(_gram_of_columns(residuals) / n)
    values, right = _descending(values, right)
    if not with_scores:
        return values, right.T, np.empty((0, len(values)))
    scores = times(residuals, right)
    scores /= np.sqrt(values)
    return values, right.T, scores


def times(rows: Any, matrix: NDArray) -> NDArray:
    """``rows @ matrix``, by blocks of rows.

    Parameters
    ----------
    rows : ndarray or the like, of shape (n_samples, n_features)
        Needs ``shape``, ``dtype`` and slices.
    matrix : ndarray of shape (n_features, k)
        The other factor.

    Returns
    -------
    ndarray of shape (n_samples, k)
        The product.
    """
    out = np.empty((len(rows), matrix.shape[1]), np.result_type(rows.dtype, matrix))
    for block in blocks(len(rows), rows.shape[1], BLOCK_VALUES):
        out[block] = rows[block] @ matrix
    return out


def transposed_times(rows: Any, matrix: NDArray) -> NDArray:
    """``rows.T @ matrix``, (n_features, k), by blocks of rows; see `times`."""
    out = np.zeros((rows.shape[1], matrix.shape[1]), np.result_type(rows.dtype, matrix))
    for block in blocks(len(rows), rows.shape[1], BLOCK_VALUES):
        out += rows[block].T @ matrix[block]
    return out


def _gram_of_columns(rows: Any) -> NDArray:
    gram = np.zeros((rows.shape[1],) * 2)
    for block in blocks(len(rows), rows.shape[1], BLOCK_VALUES):
        part = rows[block]
        gram += part.T @ part
    return gram


def _gram_of_rows(rows: Any) -> NDArray:
    n, p = rows.shape
    gram: Any = None
    for columns in blocks(p, n, BLOCK_VALUES):
        part = rows[:, columns]
        product = part @ part.T
        gram = product if gram is None else np.add(gram, product, out=gram)
    return gram


def _randomised_svd(
    rows: Any, rng: np.random.Generator, n_iter: int = 2, n_more: int = 10
) -> tuple[NDArray, NDArray, NDArray]:
    """Leading factors by a randomised range finder (Halko et al. 2011, Alg. 4.4, 5.1).

    scikit-learn's needs the whole table in memory.
    """
    k = N_RANDOMISED_FACTORS
    start = rng.standard_normal((rows.shape[1], k + n_more)).astype(rows.dtype)
    basis, _ = np.linalg.qr(times(rows, start))
    for _ in range(n_iter):
        basis, _ = np.linalg.qr(transposed_times(rows, basis))
        basis, _ = np.linalg.qr(times(rows, basis))
    small, singular, vectors = np.linalg.svd(
        transposed_times(rows, basis).T, full_matrices=False
    )
    return basis @ small[:, :k], singular[:k], vectors[:k]


def _descending(values: NDArray, vectors: NDArray) -> tuple[NDArray, NDArray]:
    keep = np.flatnonzero(values > 1e-9 * max(values[-1], 0.0))[::-1]
    return values[keep], vectors[:, keep]


def second_moments(
    residuals: Any, rng: np.random.Generator, rows: NDArray | None = None
) -> tuple[float, float]:
    """Estimate tr(S^2) of the population without bias, and E|row|^4.

    The first is the mean squared inner product of different rows, the second the mean
    squared one of rows with themselves; at most `EXACT_SIZE` rows are used.

    Parameters
    ----------
    residuals : ndarray of shape (n_samples, n_features)
        Centred rows.
    rng : numpy.random.Generator
        Chooses the rows where there are more.
    rows : ndarray of int, default=None
        Rows to use; None means all.

    Returns
    -------
    dispersion : float
        Estimate of tr(S^2).
    fourth_moment : float
        Mean fourth power of the rows' norms.
    """
    rows = np.arange(len(residuals)) if rows is None else rows
    if len(rows) > EXACT_SIZE:
        rows = rng.choice(rows, EXACT_SIZE, replace=False)
    residuals = residuals[rows] if len(rows) < len(residuals) else residuals
    n = len(residuals)
    squares = _gram_of_rows(residuals)
    np.square(squares, out=squares)
    fourth_moment = float(np.mean(np.diag(squares)))
    if n == 1:
        return fourth_moment, fourth_moment
    different = (squares.sum() - n * fourth_moment) / (n * (n - 1))
    return float(different), fourth_moment


def linear_shrinkage(residuals: Any, rng: np.random.Generator) -> float:
    """Intensity of shrinkage towards each gene's own variance.

    Ledoit & Wolf (2004): the share of the off-target sum of squares of the sample
    covariance which is estimation noise.

    Parameters
    ----------
    residuals : ndarray of shape (n_samples, n_features)
        Centred rows.
    rng : numpy.random.Generator
        See `second_moments`.

    Returns
    -------
    float
        In [0, 1].

    References
    ----------
    Ledoit & Wolf (2004), A well-conditioned estimator for large-dimensional covariance
    matrices, Journal of Multivariate Analysis 88:365, Eq. 10-14.
    """
    n = len(residuals)
    dispersion, fourth_moment = second_moments(residuals, rng)
    squares = np.zeros(residuals.shape[1])
    for block in blocks(*residuals.shape):
        squares += np.square(residuals[block], dtype=np.float64).sum(axis=0)
    target = float(((squares / n) ** 2).sum())
    noise = max(fourth_moment - dispersion, 0.0) / n
    signal = max(dispersion - target, 0.0)
    return noise / (noise + signal) if noise > 0 else 0.0


def shrink_ledoit_wolf(
    eigenvalues: NDArray, residuals: Any, rng: np.random.Generator
) -> NDArray:
    """Shrink for the least expected squared error of the covariance matrix."""
    return (1 - linear_shrinkage(residuals, rng)) * eigenvalues


def shrink_matched(
    eigenvalues: NDArray, residuals: Any, rng: np.random.Generator
) -> NDArray:
    """Shrink so that simulated rows resemble each other as much as real ones do.

    The inner product of two rows has variance tr(S^2). The sample covariance has too
    large a trace of its square, the Ledoit-Wolf one too small; shrinking by the square
    root of Ledoit and Wolf's factor gives it the population's.
    """
    return np.sqrt(1 - linear_shrinkage(residuals, rng)) * eigenvalues


def shrink_nonlinear(
    eigenvalues: NDArray, residuals: Any, rng: np.random.Generator
) -> NDArray:
    """Shrink each eigenvalue by itself, analytically (Ledoit & Wolf 2020, Eq. 4.7-4.9).

    The sample spectrum's density and its Hilbert transform are estimated with the
    Epanechnikov kernel of locally adaptive bandwidth. The sum never grows, so that the
    rest of each gene's variance stays non-negative.
    """
    n, p = residuals.shape
    values = eigenvalues
    bandwidth = n ** (-1 / 3)
    width = bandwidth * values[None, :]
    x = (values[:, None] - values[None, :]) / width
    root = np.sqrt(5)
    density = (3 / (4 * root) * np.maximum(1 - x**2 / 5, 0) / width).mean(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_ratio = np.log(np.abs((root - x) / (root + x)))
    log_ratio = np.where(np.isfinite(log_ratio), log_ratio, 0.0)
    hilbert = -3 / (10 * np.pi) * x
    hilbert = hilbert + 3 / (4 * root * np.pi) * (1 - x**2 / 5) * log_ratio
    hilbert = (hilbert / width).mean(axis=1)
    ratio = p / n
    if p <= n:
        shrunk = values / (
            (np.pi * ratio * values * density) ** 2
            + (1 - ratio - np.pi * ratio * values * hilbert) ** 2
        )
    else:
        shrunk = values / (np.pi**2 * values**2 * (density**2 + hilbert**2))
    return shrunk * min(1.0, values.sum() / shrunk.sum())


SHRINKAGES = {
    "ledoit_wolf": shrink_ledoit_wolf,
    "matched": shrink_matched,
    "nonlinear": shrink_nonlinear,
}


def count_factors(
    residuals: Any, rng: np.random.Generator, *, n_genes: int = 1_000
) -> int:
    """Count the factors that stand out from noise, by parallel analysis (Horn 1965).

    Parameters
    ----------
    residuals : ndarray of shape (n_samples, n_features)
        Centred rows.
    rng : numpy.random.Generator
        Permutes each gene's values; chooses rows and genes where there are many.
    n_genes : int, default=1000
        Genes used at most.

    Returns
    -------
    int
        How many leading eigenvalues exceed those of the permuted data.
    """
    n, p = residuals.shape
    rows = rng.choice(n, min(n, EXACT_SIZE), replace=False)
    genes = rng.choice(p, min(p, n_genes), replace=False)
    part = residuals[np.ix_(rows, genes)]
    observed = np.linalg.svd(part, compute_uv=False)
    permuted = np.linalg.svd(rng.permuted(part, axis=0), compute_uv=False)
    return int((observed > permuted).cumprod().sum())


def class_covariances(
    scores: NDArray, codes: NDArray, n_classes: int, strength: float
) -> NDArray:
    """Covariance of whitened scores by class, shrunk towards the common one.

    The weight of a class's own covariance is (n_c - 1) / (n_c - 1 + strength), as in
    regularised discriminant analysis (Friedman 1989).

    Parameters
    ----------
    scores : ndarray of shape (n_samples, n_factors)
        Scores whose covariance over all rows is the identity.
    codes : ndarray of shape (n_samples,)
        Classes, 0 to n_classes - 1.
    n_classes : int
        Number of classes.
    strength : float
        Weight of the common covariance, in rows; may be infinite.

    Returns
    -------
    ndarray of shape (n_classes + 1, n_factors, n_factors)
        The last is the common covariance, the identity.
    """
    q = scores.shape[1]
    covariances = np.tile(np.eye(q), (n_classes + 1, 1, 1))
    for c in range(n_classes):
        own = np.flatnonzero(codes == c)
        dof = len(own) - 1
        if dof > 0 and np.isfinite(strength):
            weight = dof / (dof + strength)
            covariances[c] *= 1 - weight
            # Mean squares, as the scores are scaled: so the classes average to I.
            for block in blocks(len(own), q):
                part = scores[own[block]].astype(np.float64)
                covariances[c] += weight * (part.T @ part) / len(own)
    return covariances


def gaussian_log_density(
    scores: NDArray, codes: NDArray, covariances: NDArray
) -> NDArray:
    """Log density of each row of scores under its class's centred Gaussian."""
    out = np.empty(len(scores))
    for c in np.unique(codes):
        rows = codes == c
        values, vectors = np.linalg.eigh(covariances[c])
        values = values.clip(min=1e-12)
        distance = ((scores[rows] @ vectors) ** 2 / values).sum(axis=1)
        out[rows] = -0.5 * (distance + np.log(2 * np.pi * values).sum())
    return out
