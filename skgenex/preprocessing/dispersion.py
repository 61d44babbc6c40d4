"""Dispersion of counts: what they vary beyond the noise of counting."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

DISPERSION_STRENGTH = 10.0  # rows' worth of weight of the median gene's dispersion


def dispersions(X: Any, sizes: NDArray, labels: NDArray) -> NDArray:
    """Dispersion of each gene by moments, shrunk towards the median gene's.

    With counts of mean s m and variance s m + alpha (s m)^2, the scaled counts k / s
    have variance m E[1 / s] + alpha m^2 within classes.

    Parameters
    ----------
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
        Counts.
    sizes : ndarray of shape (n_samples,)
        Library sizes; rows with zero are left out.
    labels : ndarray of shape (n_samples,)
        Class codes.

    Returns
    -------
    ndarray of shape (n_features,)
        Dispersions, zero for genes without counts.
    """
    usable = sizes > 0
    X, labels = X[usable], labels[usable]
    relative = sizes[usable] / sizes[usable].mean()
    counts = np.bincount(labels)
    p = X.shape[1]
    square_sum, mean_square = np.zeros(p), np.zeros(p)
    poisson = np.zeros(p)
    for c in np.flatnonzero(counts).tolist():
        own = labels == c
        scaled: Any = X[own]
        scale = 1 / relative[own]
        if sparse.issparse(scaled):
            scaled = sparse.csr_matrix(scaled.multiply(scale[:, None]))
            mean = np.asarray(scaled.mean(axis=0)).ravel()
            squares = np.asarray(scaled.multiply(scaled).sum(axis=0)).ravel()
        else:
            scaled = scaled * scale[:, None]
            mean = scaled.mean(axis=0, dtype=np.float64)
            squares = np.einsum("ij,ij->j", scaled, scaled, dtype=np.float64)
        square_sum += np.maximum(squares - counts[c] * mean**2, 0.0)
        mean_square += counts[c] * mean**2
        poisson += (counts[c] - 1) * mean * scale.mean()
    dof = max(len(labels) - int(np.count_nonzero(counts)), 1)
    mean_square /= len(labels)
    expressed = mean_square > 0
    alpha = np.zeros(p)
    if not expressed.any():
        return alpha
    excess = (square_sum - poisson)[expressed] / dof
    alpha[expressed] = np.maximum(excess / mean_square[expressed], 0.0)
    typical = np.median(alpha[expressed])
    weight = dof / (dof + DISPERSION_STRENGTH)
    alpha[expressed] = weight * alpha[expressed] + (1 - weight) * typical
    return alpha
