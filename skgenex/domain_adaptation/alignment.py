"""Maps that give domains the same distribution, gene by gene or jointly."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from .._blocks import blocks
from .._covariance import factorise, linear_shrinkage
from .._residuals import Residuals, class_sums

SMALL_SPREAD = 1e-6  # a gene with less spread is only centred
N_LEVELS = 257  # quantiles kept of each gene
N_FACTORS = 256  # of a covariance, at most
MIN_SHRINKAGE = 0.05
POOLED_ROWS = 10.0  # rows' worth of trust in the pooled mean and variance


@dataclass(frozen=True)
class Affine:
    """Subtract ``mean`` and divide by ``spread``, both (n_features,)."""

    mean: NDArray
    spread: NDArray

    def transform(self, X: NDArray) -> NDArray:
        """Return standardised rows, (n_samples, n_features)."""
        return (X - self.mean) / self.spread

    def inverse_transform(self, Z: NDArray) -> NDArray:
        """Return rows in the units of the domain."""
        return Z * self.spread + self.mean


@dataclass(frozen=True)
class NormalScores:
    """Map each gene's quantiles to those of the standard normal distribution.

    Attributes
    ----------
    values : ndarray of shape (n_levels, n_features)
        Quantiles of the domain.
    scores : ndarray of shape (n_levels,)
        The normal quantiles of the same levels.
    """

    values: NDArray
    scores: NDArray

    def transform(self, X: NDArray) -> NDArray:
        """Return normal scores; tied values get the middle of their range."""
        Z = np.empty(X.shape)
        for g, values in enumerate(self.values.T):
            upper = np.interp(X[:, g], values, self.scores)
            lower = -np.interp(-X[:, g], -values[::-1], -self.scores[::-1])
            Z[:, g] = (upper + lower) / 2
        return Z

    def inverse_transform(self, Z: NDArray) -> NDArray:
        """Return the domain's quantiles."""
        X = np.empty(Z.shape)
        for g, values in enumerate(self.values.T):
            X[:, g] = np.interp(Z[:, g], self.scores, values)
        return X


def fit_moments(X: Any, groups: NDArray | None = None) -> Affine:
    """Mean and standard deviation of each gene, in float64, some rows at a time.

    Parameters
    ----------
    X : ndarray or SomeRows of shape (n_samples, n_features)
        Rows.
    groups : ndarray of int of shape (n_samples,), default=None
        With groups, the standard deviation is that within them.

    Returns
    -------
    Affine
        Mean of all rows, and the spread.
    """
    codes = np.zeros(len(X), dtype=np.int64)
    mean = class_sums(X, codes, 1) / len(X)
    centred = Residuals(X, codes, mean)
    if groups is not None:
        _, own = np.unique(groups, return_inverse=True)
        counts = np.bincount(own)[:, None]
        centred = Residuals(X, own, class_sums(X, own, len(counts)) / counts)
    centred.dtype = np.dtype(np.float64)  # large tables, too
    variance = class_sums(centred, codes, 1, squared=True)[0] / len(X)
    return Affine(mean[0], positive(np.sqrt(variance)))


def fit_shrunk_moments(X: NDArray, pooled: Affine) -> Affine:
    """Mean and standard deviation of few rows, shrunk towards those of all domains.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows of a domain.
    pooled : Affine
        Mean and spread over all domains; they weigh as much as `POOLED_ROWS` rows.

    Returns
    -------
    Affine
        The shrunk moments.
    """
    weight = len(X) / (len(X) + POOLED_ROWS)
    mean = weight * X.mean(axis=0) + (1 - weight) * pooled.mean
    variance = weight * X.var(axis=0) + (1 - weight) * pooled.spread**2
    return Affine(mean, positive(np.sqrt(variance)))


def fit_combat(X: NDArray, pooled: Affine, *, n_iter: int = 100) -> Affine:
    """Mean and spread of a domain by the empirical Bayes method of ComBat.

    Shifts and scales of genes are shrunk towards their average over genes, by as much
    as their sampling error asks for.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows of a domain, two at least.
    pooled : Affine
        Mean of all rows, and spread within domains.
    n_iter : int, default=100
        Steps at most of the alternation between shifts and scales.

    Returns
    -------
    Affine
        In the units of ``X``.

    References
    ----------
    Johnson, Li & Rabinovic (2007), Adjusting batch effects in microarray expression
    data using empirical Bayes methods, Biostatistics 8:118, Eq. 3.1.
    """
    n = len(X)
    Z = pooled.transform(X)
    shift, variance = Z.mean(axis=0), Z.var(axis=0, ddof=1)
    usable = variance > SMALL_SPREAD
    if usable.sum() < 2:
        return fit_moments(X)
    prior_mean, prior_variance = shift[usable].mean(), shift[usable].var(ddof=1)
    centre, dispersion = variance[usable].mean(), variance[usable].var(ddof=1)
    # Moments of the inverse gamma distribution; all variances alike: no dispersion.
    shape = centre**2 / max(dispersion, 1e-12) + 2
    rate = centre * (shape - 1)
    new_shift, new_variance = shift, variance
    for _ in range(n_iter):
        old = new_variance
        new_shift = (
            n * prior_variance * shift + new_variance * prior_mean
        ) / np.maximum(n * prior_variance + new_variance, 1e-12)
        squares = (n - 1) * variance + n * (shift - new_shift) ** 2
        new_variance = (rate + squares / 2) / (n / 2 + shape - 1)
        if np.abs(new_variance - old).max() < 1e-6:
            break
    scale = np.where(usable, np.sqrt(new_variance), 1.0)
    return Affine(
        pooled.mean + pooled.spread * np.where(usable, new_shift, shift),
        positive(pooled.spread * scale),
    )


def fit_normal_scores(X: NDArray) -> NormalScores:
    """Quantiles of each gene, at most `N_LEVELS`."""
    n_levels = min(len(X), N_LEVELS)
    levels = (np.arange(n_levels) + 0.5) / n_levels
    return NormalScores(np.quantile(X, levels, axis=0, method="hazen"), ndtri(levels))


def standardised_rows(
    X: NDArray, codes: NDArray, maps: Sequence[Affine | NormalScores]
) -> Any:
    """Rows in the units of their domain's map.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows.
    codes : ndarray of int of shape (n_samples,)
        Domain of each.
    maps : sequence of Affine or NormalScores
        Of each domain.

    Returns
    -------
    Residuals or ndarray of shape (n_samples, n_features)
        Where all maps are affine the rows are made when they are read.
    """
    affine = [each for each in maps if isinstance(each, Affine)]
    if len(affine) == len(maps):
        rows = Residuals(X, codes, np.stack([each.mean for each in affine]))
        rows.sds = np.stack([each.spread for each in affine])
        return rows
    Z = np.empty_like(X)
    for d, marginal in enumerate(maps):
        own = np.flatnonzero(codes == d)
        for block in blocks(len(own), X.shape[1]):
            Z[own[block]] = marginal.transform(X[own[block]])
    return Z


@dataclass(frozen=True)
class FactorCovariance:
    """A covariance ``floor * I + vectors.T @ diag(values) @ vectors``.

    Attributes
    ----------
    floor : float
        Variance in all other directions.
    values : ndarray of shape (n_factors,)
        Variance beyond the floor along each vector.
    vectors : ndarray of shape (n_factors, n_features)
        Orthonormal rows.
    """

    floor: float
    values: NDArray
    vectors: NDArray

    def power(self, X: NDArray, exponent: float) -> NDArray:
        """Return ``X`` times the covariance to a power."""
        base = self.floor**exponent
        gains = (self.floor + self.values) ** exponent - base
        return base * X + (X @ self.vectors.T * gains) @ self.vectors


def fit_covariance(Z: NDArray, rng: np.random.Generator) -> FactorCovariance:
    """Covariance of standardised rows, shrunk towards the identity.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_features)
        Standardised rows.
    rng : numpy.random.Generator
        See `skgenex._covariance.factorise`.

    Returns
    -------
    FactorCovariance
        With Ledoit and Wolf's intensity, `MIN_SHRINKAGE` at least.
    """
    residuals = Z - Z.mean(axis=0, dtype=np.float64)
    values, vectors, _ = factorise(residuals, rng, with_scores=False)
    shrinkage = max(linear_shrinkage(residuals, rng), MIN_SHRINKAGE)
    values, vectors = values[:N_FACTORS], vectors[:N_FACTORS]
    return FactorCovariance(shrinkage, (1 - shrinkage) * values, vectors)


@dataclass(frozen=True)
class LinearMap:
    """Rows times a matrix, inside a subspace; times a number outside of it.

    Attributes
    ----------
    basis : ndarray of shape (n_directions, n_features)
        Orthonormal rows.
    matrix : ndarray of shape (n_directions, n_directions)
        The map in the basis.
    outside : float
        The factor in all other directions.
    """

    basis: NDArray
    matrix: NDArray
    outside: float

    def transform(self, Z: NDArray) -> NDArray:
        """Return mapped rows, (n_samples, n_features)."""
        inside = Z @ self.basis.T
        changed = inside @ (self.matrix - self.outside * np.eye(len(self.matrix)))
        return self.outside * Z + changed @ self.basis


def coral_map(target: FactorCovariance, source: FactorCovariance) -> LinearMap:
    """Whiten with the target's covariance, recolour with the source's.

    Parameters
    ----------
    target, source : FactorCovariance
        Covariances of the rows to be mapped, and of those they should resemble.

    Returns
    -------
    LinearMap
        ``C_target^(-1/2) C_source^(1/2)``.

    References
    ----------
    Sun, Feng & Saenko (2016), Return of frustratingly easy domain adaptation, AAAI,
    Algorithm 1.
    """
    basis = _joint_basis(target, source)
    mapped = source.power(target.power(basis, -0.5), 0.5)
    outside = np.sqrt(source.floor / target.floor)
    return LinearMap(basis, mapped @ basis.T, outside)


def optimal_transport_map(
    target: FactorCovariance, source: FactorCovariance
) -> LinearMap:
    """Return the linear map of least displacement between two Gaussians.

    Parameters
    ----------
    target, source : FactorCovariance
        Covariances of the rows to be mapped, and of those they should resemble.

    Returns
    -------
    LinearMap
        ``T^(-1/2) (T^(1/2) S T^(1/2))^(1/2) T^(-1/2)`` of the two covariances.

    References
    ----------
    Peyré & Cuturi (2019), Computational Optimal Transport, Remark 2.31.
    """
    basis = _joint_basis(target, source)
    inner = target.power(source.power(target.power(basis, 0.5), 1.0), 0.5) @ basis.T
    values, vectors = np.linalg.eigh((inner + inner.T) / 2)
    root = (vectors * np.sqrt(values.clip(min=0.0))) @ vectors.T
    whitener = target.power(basis, -0.5) @ basis.T
    outside = np.sqrt(source.floor / target.floor)
    return LinearMap(basis, whitener @ root @ whitener, outside)


COVARIANCE_MAPS = {"coral": coral_map, "ot": optimal_transport_map}


def _joint_basis(first, second):
    both = np.concatenate([first.vectors, second.vectors])
    _, singular, rows = np.linalg.svd(both, full_matrices=False)
    return rows[singular > 1e-6]


def positive(spread: NDArray) -> NDArray:
    """Spreads, 1 in place of those that are next to zero."""
    return np.where(spread < SMALL_SPREAD, 1.0, spread)
