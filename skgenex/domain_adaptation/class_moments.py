"""Mean and spread of each gene as functions of the class shares."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._blocks import blocks
from .alignment import Affine, fit_moments

VARIANCE_ROWS = 10.0  # rows' worth of trust in the common variance
N_ROUNDS = 10


@dataclass(frozen=True)
class ClassMoments:
    """Mean and variance of each gene in each class.

    Attributes
    ----------
    means, variances : ndarray of shape (n_classes, n_features)
        Within classes.
    """

    means: NDArray
    variances: NDArray

    def at(self, shares: NDArray) -> Affine:
        r"""Mean and spread of a population with these class shares.

        :math:`m = \sum_c \pi_c \mu_c` and
        :math:`s^2 = \sum_c \pi_c (v_c + (\mu_c - m)^2)`.
        """
        mean = shares @ self.means
        variance = shares @ (self.variances + (self.means - mean) ** 2)
        return Affine(mean, np.sqrt(np.maximum(variance, 1e-12)))


def fit_class_moments(Z: NDArray, codes: NDArray, n_classes: int) -> ClassMoments:
    """Moments of labelled rows; variances shrunk towards the common one.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_features)
        Rows.
    codes : ndarray of int, (n_samples,)
        Classes, each with a row at least.
    n_classes : int
        Number of classes.

    Returns
    -------
    ClassMoments
        The variances average, over rows, to the variance within classes.
    """
    means = np.stack([Z[codes == c].mean(axis=0) for c in range(n_classes)])
    own = np.stack([Z[codes == c].var(axis=0) for c in range(n_classes)])
    counts = np.bincount(codes, minlength=n_classes)
    common = counts @ own / counts.sum()
    weight = (counts / (counts + VARIANCE_ROWS))[:, None]
    variances = weight * own + (1 - weight) * common
    # Shrinkage must not change the total: a single source stays as it is.
    total = counts @ variances / counts.sum()
    variances *= np.divide(common, total, out=np.ones_like(total), where=total > 0)
    return ClassMoments(means, variances)


def fit_common_moments(
    Z: NDArray,
    codes: NDArray,
    domain: NDArray,
    shares: NDArray,
    rows: NDArray | None = None,
) -> ClassMoments:
    """Class moments that domains share, each standardised by its own rows.

    A domain's standardised rows have mean zero whatever its class shares; in common
    units they have the mean of a population of its shares. Both are estimated in turn.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_features)
        Rows, each domain standardised by itself.
    codes, domain : ndarray of int, (n_samples,)
        Class and domain of each row.
    shares : ndarray of shape (n_domains, n_classes)
        Class shares of each domain.
    rows : ndarray of int, default=None
        Labelled rows to learn from; None means all.

    Returns
    -------
    ClassMoments
        In units in which all rows together have mean zero and spread one.
    """
    n_classes = shares.shape[1]
    means, variances = np.empty((2, n_classes, Z.shape[1]))
    if rows is not None:
        codes, domain = codes[rows], domain[rows]
    for genes in blocks(*Z.shape[::-1]):  # each gene for itself
        part = Z[:, genes].astype(np.float64, order="C")
        part = part if rows is None else part[rows]
        moments = _fit_in_turn(part, codes, domain, shares)
        means[:, genes], variances[:, genes] = moments.means, moments.variances
    return ClassMoments(means, variances)


def _fit_in_turn(Z, codes, domain, shares):
    n_classes = shares.shape[1]
    moments = fit_class_moments(Z, codes, n_classes)
    if len(np.unique(domain)) == 1:
        return moments
    placed = Z.copy()
    for _ in range(N_ROUNDS):
        for d in np.unique(domain):
            rows = domain == d
            placed[rows] = moments.at(shares[d]).inverse_transform(Z[rows])
        placed = fit_moments(placed).transform(placed)
        moments = fit_class_moments(placed, codes, n_classes)
    return moments
