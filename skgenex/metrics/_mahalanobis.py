"""Mahalanobis distances under a Ledoit-Wolf covariance, never a p x p matrix."""

import numpy as np

from .._covariance import factorise


def ledoit_wolf_intensity(residuals):
    """Shrinkage towards a multiple of the identity, Ledoit & Wolf (2004), Eq. 14.

    Both sums of squares come from the Gram matrix of the shorter side.
    """
    n, p = residuals.shape
    gram = residuals @ residuals.T if n <= p else residuals.T @ residuals
    squared_norms = np.einsum("ij,ij->i", residuals, residuals)
    mean_variance = squared_norms.sum() / (n * p)
    dispersion = np.sum(gram**2) / n**2  # |S|^2
    noise = (np.sum(squared_norms**2) / n - dispersion) / (n * p)
    signal = (dispersion - p * mean_variance**2) / p
    return min(noise, signal) / signal if signal > 0 else 1.0


class ShrunkMahalanobis:
    """Squared Mahalanobis lengths of rows.

    Parameters
    ----------
    residuals : ndarray of shape (n_samples, n_features)
        Centred rows, whose covariance is shrunk.
    """

    def __init__(self, residuals):
        n, p = residuals.shape
        intensity = ledoit_wolf_intensity(residuals)
        mean_variance = float(np.sum(residuals**2) / (n * p))
        values, self.vectors, _ = factorise(
            residuals, np.random.default_rng(0), with_scores=False
        )
        # Without shrinkage (n >> p) the rest is what rounding leaves.
        self.rest = max(intensity, 1e-9) * mean_variance
        self.variances = (1 - intensity) * values + self.rest

    def squared_length(self, rows):
        """Return ``row @ inv(S) @ row`` of each row."""
        scores = (rows @ self.vectors.T) ** 2
        beside = np.maximum(np.einsum("ij,ij->i", rows, rows) - scores.sum(axis=1), 0)
        return scores @ (1 / self.variances) + beside / self.rest
