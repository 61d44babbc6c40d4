"""Log density of rows under the factor model."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.special import logsumexp

from .factors import FactorModel

MIN_NOISE = 1e-3  # of a gene's variance: keeps the density finite
N_SCALES = 161


def log_density(
    model: FactorModel,
    covariances: NDArray,
    X: NDArray,
    codes: NDArray,
    covariates: NDArray,
) -> NDArray:
    """Log density of each row, the row scale integrated out.

    Given the scale, rows are Gaussian with covariance V' L V + N in standardised
    genes; its inverse and determinant need only matrices of the number of factors
    (Woodbury's identity). The scale is log-normal and independent of the factors.

    Parameters
    ----------
    model : FactorModel
        Fitted model.
    covariances : ndarray of shape (n_classes + 1, n_latents, n_latents)
        Of the latents, by class.
    X : ndarray of shape (n_samples, n_features)
        Rows.
    codes : ndarray of shape (n_samples,)
        Classes.
    covariates : ndarray of shape (n_samples, n_covariates)
        Standardised covariates.

    Returns
    -------
    ndarray of shape (n_samples,)
        Log density in nats, over genes that are not constant.
    """
    genes = model.common_sds_ > 0
    p = int(genes.sum())
    vectors = model.vectors_[:, genes]
    variance = (model.eigenvalues_[:, None] * vectors**2).sum(axis=0)
    noise = model.noise_[genes]
    noise = np.maximum(noise, MIN_NOISE * np.maximum(variance + noise, 1e-12))
    weighted = vectors / noise
    inner = weighted @ vectors.T
    residuals = model.standardise(X, codes, covariates)[:, genes]
    q = model.n_factors_
    out = np.empty(len(X))
    for c in np.unique(codes):
        rows = residuals[codes == c]
        # L = root @ root.T may be singular: I + root.T V N^-1 V' root never is.
        root = np.diag(np.sqrt(model.eigenvalues_))
        root[:q, :q] @= _square_root(covariances[c][:q, :q])
        capacitance = np.eye(len(root)) + root.T @ inner @ root
        factor = cho_factor(capacitance)
        projected = rows @ (weighted.T @ root)
        distance = (rows**2 / noise).sum(axis=1)
        distance -= (projected * cho_solve(factor, projected.T).T).sum(axis=1)
        log_det = np.log(noise).sum() + 2 * np.log(np.diag(factor[0])).sum()
        log_jacobian = np.log(model.sds_[c][genes]).sum()
        constant = -0.5 * (log_det + p * np.log(2 * np.pi)) - log_jacobian
        out[codes == c] = constant + _mix_scales(model, c, distance, p)
    return out


def _square_root(covariance: NDArray) -> NDArray:
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(values.clip(min=0))


def _mix_scales(model: FactorModel, c: int, distance: NDArray, p: int) -> NDArray:
    """Log of the mean of s^-p exp(-distance / 2 s^2) over the class's scales s."""
    if not model.has_scale_:
        return -0.5 * distance
    # Around each row's own best scale: for many genes the integrand is narrow.
    sd = model.scale_sd_
    mean = model.scale_mean_[c]
    best = 0.5 * np.log(distance.clip(min=1e-300) / p)
    width = 1 / np.sqrt(2 * p + 1 / sd**2)
    centre = (2 * p * best + mean / sd**2) / (2 * p + 1 / sd**2)
    steps = np.linspace(-12, 12, N_SCALES)
    log_s = centre[:, None] + width * steps
    prior = -0.5 * ((log_s - mean) / sd) ** 2 - np.log(sd * np.sqrt(2 * np.pi))
    likelihood = -p * log_s - 0.5 * distance[:, None] * np.exp(-2 * log_s)
    return logsumexp(prior + likelihood, axis=1) + np.log(width * (steps[1] - steps[0]))
