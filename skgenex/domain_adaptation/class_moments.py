"""Mean and spread of each gene as functions of the class shares."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._residuals import Residuals, SomeRows, class_sums
from .alignment import Affine, positive

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


class CellMoments(NamedTuple):
    """Mean and variance of each gene in each cell, of a domain and a class.

    Attributes
    ----------
    counts : ndarray of shape (n_domains, n_classes)
        Rows of each.
    means, variances : ndarray of shape (n_domains, n_classes, n_features)
        Zeros where there is no row.
    """

    counts: NDArray
    means: NDArray
    variances: NDArray

    def mapped(self, maps: Sequence[Affine]) -> "CellMoments":
        """Moments of the rows after each domain's `Affine.inverse_transform`."""
        location = np.stack([each.mean for each in maps])[:, None]
        spread = np.stack([each.spread for each in maps])[:, None]
        return CellMoments(
            self.counts, self.means * spread + location, self.variances * spread**2
        )

    def of_all(self) -> tuple[NDArray, NDArray]:
        """Mean and variance of all rows, (n_features,)."""
        share = (self.counts / self.counts.sum())[..., None]
        mean = (share * self.means).sum(axis=(0, 1))
        squares = self.variances + (self.means - mean) ** 2
        return mean, (share * squares).sum(axis=(0, 1))

    def of_classes(self) -> tuple[NDArray, NDArray]:
        """Mean and variance of the rows of each class, (n_classes, n_features)."""
        share = (self.counts / self.counts.sum(axis=0))[..., None]
        means = (share * self.means).sum(axis=0)
        squares = self.variances + (self.means - means) ** 2
        return means, (share * squares).sum(axis=0)


def cell_moments(
    Z: Any, codes: NDArray, domain: NDArray, shape: tuple[int, int]
) -> CellMoments:
    """Moments of labelled rows by domain and class.

    Parameters
    ----------
    Z : ndarray, SomeRows or Residuals of shape (n_samples, n_features)
        Rows, read by blocks.
    codes, domain : ndarray of int, (n_samples,)
        Class and domain of each row.
    shape : tuple of int
        Numbers of domains and of classes.

    Returns
    -------
    CellMoments
        In double precision.
    """
    cell, n_cells = domain * shape[1] + codes, shape[0] * shape[1]
    counts = np.bincount(cell, minlength=n_cells)
    n_rows = np.maximum(counts, 1)[:, None]
    means = class_sums(Z, cell, n_cells) / n_rows
    centred = Residuals(Z, cell, means)
    centred.dtype = np.dtype(np.float64)  # large tables, too
    variances = class_sums(centred, cell, n_cells, squared=True) / n_rows
    return CellMoments(
        counts.reshape(shape), means.reshape(*shape, -1), variances.reshape(*shape, -1)
    )


def fit_class_moments(cells: CellMoments) -> ClassMoments:
    """Moments of labelled rows; variances shrunk towards the common one.

    Parameters
    ----------
    cells : CellMoments
        Of the rows; each class has a row at least.

    Returns
    -------
    ClassMoments
        The variances average, over rows, to the variance within classes.
    """
    means, own = cells.of_classes()
    counts = cells.counts.sum(axis=0)
    common = counts @ own / counts.sum()
    weight = (counts / (counts + VARIANCE_ROWS))[:, None]
    variances = weight * own + (1 - weight) * common
    # Shrinkage must not change the total: a single source stays as it is.
    total = counts @ variances / counts.sum()
    variances *= np.divide(common, total, out=np.ones_like(total), where=total > 0)
    return ClassMoments(means, variances)


def fit_common_moments(
    Z: Any,
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
    Z : ndarray or Residuals of shape (n_samples, n_features)
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
    if rows is not None:
        Z, codes, domain = SomeRows(Z, rows), codes[rows], domain[rows]
    cells = cell_moments(Z, codes, domain, shares.shape)
    moments = fit_class_moments(cells)
    if np.count_nonzero(cells.counts.sum(axis=1)) == 1:
        return moments
    for _ in range(N_ROUNDS):
        # Maps are affine, so the moments say all that the rows could.
        placed = cells.mapped([moments.at(share) for share in shares])
        mean, variance = placed.of_all()
        spread = positive(np.sqrt(variance))
        back = Affine(-mean / spread, 1 / spread)
        moments = fit_class_moments(placed.mapped([back] * len(shares)))
    return moments
