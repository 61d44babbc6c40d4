"""Conditional Gaussians of the factor model: what the rest is, given some genes."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from .factors import FactorModel

MIN_NOISE = 1e-3  # of a gene's variance: keeps conditional covariances regular


def symmetric_root(covariance: NDArray, power: float = 0.5) -> NDArray:
    """Symmetric power of a covariance; directions without variance stay out."""
    values, vectors = np.linalg.eigh(covariance)
    kept = values > 1e-12 * max(values.max(initial=0.0), 1e-300)
    powers = np.zeros_like(values)
    powers[kept] = values[kept] ** power
    return (vectors * powers) @ vectors.T


class RowGaussian:
    """Standardised rows of one class: r ~ N(0, W' W + N), never a genes x genes array.

    r = s (V' z + e) of `FactorModel` given the row scale s = 1. Coefficients of
    conditional means don't depend on s.

    Parameters
    ----------
    model : FactorModel
        Fitted model.
    covariance : ndarray of shape (n_latents, n_latents)
        Of the class's latents.
    leading : bool, default=True
        Whether the leading factors, which a network may take over, are part of it.

    rest : bool, default=True
        Whether the other factors are. Estimated from few rows they are mostly chance,
        to which a mean given hundreds of genes would be fitted: without them their
        variance counts as the genes' own, as in factor analysis.

    Attributes
    ----------
    loadings : ndarray of shape (n_kept_factors, n_features)
        W.
    noise : ndarray of shape (n_features,)
        Diagonal of N; zero for constant genes.

    References
    ----------
    Bishop (2006), Pattern Recognition and Machine Learning, Eqs. 2.81, 2.82, 2.116.
    """

    def __init__(
        self,
        model: FactorModel,
        covariance: NDArray,
        *,
        leading: bool = True,
        rest: bool = True,
    ) -> None:
        q = model.n_factors_
        scaled = np.sqrt(model.eigenvalues_)[:, None] * model.vectors_
        carried = np.square(scaled).sum(axis=0)
        noise, parts = model.noise_, []
        if leading:
            parts.append(symmetric_root(covariance[:q, :q]) @ scaled[:q])
        if rest:
            parts.append(scaled[q:][model.eigenvalues_[q:] > 0])
        else:
            noise = noise + np.square(scaled[q:]).sum(axis=0)
        self.loadings = np.vstack(parts)
        self.noise = np.maximum(noise, MIN_NOISE * (carried + model.noise_))

    @cached_property
    def variances(self) -> NDArray:
        """Marginal variances, (n_features,)."""
        return np.square(self.loadings).sum(axis=0) + self.noise

    def covariance_with(self, genes: NDArray) -> NDArray:
        """Covariance of some genes with all, (n_genes, n_features)."""
        out = self.loadings[:, genes].T @ self.loadings
        out[np.arange(len(genes)), genes] += self.noise[genes]
        return out

    def coefficients(self, genes: NDArray) -> NDArray:
        """Regression of all genes on some, (n_genes, n_features)."""
        shared = self.covariance_with(genes)
        return np.linalg.solve(shared[:, genes], shared)

    def expect(self, observed: NDArray, genes: NDArray) -> NDArray:
        """E[r | r_genes = observed], (n_samples, n_features).

        Parameters
        ----------
        observed : ndarray of shape (n_samples, n_genes)
            Standardised values.
        genes : ndarray of shape (n_genes,)
            Where.
        """
        out = self.expect_factors(observed, genes) @ self.loadings
        if len(genes):
            # What the factors leave of an observed gene is its own noise.
            out[:, genes] = observed
        return out

    def expect_factors(self, observed: NDArray, genes: NDArray) -> NDArray:
        """E[z | r_genes = observed] of factors of unit variance."""
        w = self.loadings[:, genes]
        n_factors = len(self.loadings)
        if len(genes) <= n_factors:
            inner = w.T @ w + np.diag(self.noise[genes])
            return (
                np.linalg.solve(inner, observed.T).T @ w.T
                if len(genes)
                else (np.zeros((len(observed), n_factors)))
            )
        weighted = w / self.noise[genes]
        factor = cho_factor(np.eye(n_factors) + weighted @ w.T)
        return cho_solve(factor, weighted @ observed.T).T

    def log_density(
        self, observed: NDArray, genes: NDArray, *, free_scale: bool = False
    ) -> NDArray:
        """Log density of some genes, (n_samples,), at row scale 1 or at the best."""
        w, noise = self.loadings[:, genes], self.noise[genes]
        weighted = w / noise
        factor = cho_factor(np.eye(len(w)) + weighted @ w.T)
        projected = weighted @ observed.T
        distance = (observed**2 / noise).sum(axis=1)
        distance -= (projected * cho_solve(factor, projected)).sum(axis=0)
        if free_scale and len(genes):
            # At s^2 = distance / p; a constant is left out.
            distance = len(genes) * np.log(distance.clip(min=1e-300))
        log_det = np.log(noise).sum() + 2 * np.log(np.diag(factor[0])).sum()
        return -0.5 * (distance + log_det + len(genes) * np.log(2 * np.pi))

    def draw(self, n_samples: int, rng: np.random.Generator) -> NDArray:
        """Rows of N(0, W' W + N)."""
        z = rng.standard_normal((n_samples, len(self.loadings)))
        e = rng.standard_normal((n_samples, len(self.noise)))
        return z @ self.loadings + np.sqrt(self.noise) * e

    def draw_given_zero(
        self, n_samples: int, genes: NDArray, rng: np.random.Generator
    ) -> NDArray:
        """Rows of the conditional covariance, zero at ``genes`` (Matheron's rule)."""
        rows = self.draw(n_samples, rng)
        rows -= self.expect(rows[:, genes], genes)
        rows[:, genes] = 0.0
        return rows

    def draw_coefficients(
        self, genes: NDArray, n_rows: int, n_draws: int, rng: np.random.Generator
    ) -> NDArray:
        """Errors of `coefficients` learned from ``n_rows``.

        Matrix normal: between genes the conditional covariance, between clamped genes
        that of a least-squares fit (Anderson 2003, An Introduction to Multivariate
        Statistical Analysis, Th. 8.2.2), widened to Student's t by the uncertainty of
        the variances.

        Returns
        -------
        ndarray of shape (n_draws, n_genes, n_features)
            To be added to the coefficients.
        """
        k = len(genes)
        dof = max(n_rows - k, 1)
        root = np.linalg.cholesky(
            np.linalg.inv(self.covariance_with(genes)[:, genes]) / dof
        )
        rows = self.draw_given_zero(n_draws * k, genes, rng)
        errors = root @ rows.reshape(n_draws, k, len(self.noise))
        return errors * np.sqrt(dof / rng.chisquare(dof, size=(n_draws, 1, 1)))

    def coefficient_sds(self, genes: NDArray, n_rows: int) -> tuple[NDArray, NDArray]:
        """Conditional sds of all genes, and the inverse Gram matrix of the clamped.

        The standard error of a change delta in the clamped genes is
        ``sqrt(delta' gram delta) * sds``.
        """
        shared = self.covariance_with(genes)
        inverse = np.linalg.inv(shared[:, genes])
        explained = np.einsum("ij,ij->j", inverse @ shared, shared)
        left = np.maximum(self.variances - explained, 0.0)
        left[genes] = 0.0
        return np.sqrt(left), inverse / max(n_rows - len(genes), 1)


def class_transport(origin: NDArray, target: NDArray) -> NDArray:
    """Map T with z T distributed N(0, target) if z is N(0, origin), (d, d).

    T = origin^(-1/2) target^(1/2): whiten under one class, colour under the other. The
    probability flow of exact Gaussian denoisers, from rows to noise and back, is this
    map.
    """
    return symmetric_root(origin, -0.5) @ symmetric_root(target)
