"""Linear factors of rows without labels: how many stand out, and where to start."""

import numpy as np
from numpy.typing import NDArray

from .._covariance import factorise


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
    values, directions, _ = factorise(centred, rng)
    shuffled = rng.permuted(centred, axis=0)
    chance, _, _ = factorise(shuffled, rng)
    return values, directions, float(chance[0]) if len(chance) else 0.0
