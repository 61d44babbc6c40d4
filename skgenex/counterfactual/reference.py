"""What the searches know of real patients: scale, covariance, prototypes.

Everything is in standard deviations of the training rows, in which constant genes have
the scale 1. What is kept is arrays, which files of skops can hold; tensors on the same
memory are made of them when they are first asked for.
"""

import copy
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .._covariance import EXACT_SIZE, factorise, linear_shrinkage
from .changes import class_spread

LEAST_SCALE = 1e-6  # genes with a smaller standard deviation count as constant
LEAST_SHRINKAGE = 1e-3  # keeps the covariance invertible
N_FOLDS = 5


class FactorCovariance:
    """Shrunk covariance ``V' diag(variances) V + rest (I - V'V)``, never p x p.

    Parameters
    ----------
    residuals : ndarray of shape (n_samples, n_features)
        Centred, standardised rows.
    rng : numpy.random.Generator
        See `skgenex._covariance`.
    identity : bool, default=False
        Keep the factors as coordinates but return the identity as covariance.

    Attributes
    ----------
    vectors : Tensor of shape (n_factors, n_features)
        Orthonormal rows, by decreasing variance.
    variances : Tensor of shape (n_factors,)
        Variance along each.
    rest : float
        Variance along all other directions.
    """

    def __init__(
        self, residuals: NDArray, rng: np.random.Generator, *, identity: bool = False
    ) -> None:
        values, vectors, _ = factorise(residuals, rng)
        intensity = max(linear_shrinkage(residuals, rng), LEAST_SHRINKAGE)
        mean_variance = max(float(np.mean(residuals**2)), LEAST_SHRINKAGE)
        self.rest = intensity * mean_variance
        self._variances = (1 - intensity) * values + self.rest
        self._vectors = np.ascontiguousarray(vectors)
        self.identity = identity
        if identity:
            self.rest = 1.0
            self._variances = np.ones_like(self._variances)

    @cached_property
    def vectors(self) -> torch.Tensor:
        """Orthonormal directions."""
        return _tensor(self._vectors)

    @cached_property
    def variances(self) -> torch.Tensor:
        """Variance along each."""
        return _tensor(self._variances)

    def __getstate__(self) -> dict:
        """Leave out what is made of arrays."""
        made = ("vectors", "variances", "single")
        return {name: part for name, part in vars(self).items() if name not in made}

    @cached_property
    def single(self) -> "FactorCovariance":
        """The same in float32, for what need not be exact: half the time."""
        twin = copy.copy(self)
        twin.vectors, twin.variances = self.vectors.float(), self.variances.float()
        return twin

    def multiply(self, rows: torch.Tensor, exponent: float = 1.0) -> torch.Tensor:
        """Return ``rows @ S ** exponent``."""
        scores = rows @ self.vectors.T
        rest = self.rest**exponent
        return (scores * (self.variances**exponent - rest)) @ self.vectors + rest * rows

    def squared_length(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the squared Mahalanobis length of each row."""
        scores = (rows @ self.vectors.T).square()
        outside = (rows.square().sum(dim=1) - scores.sum(dim=1)).clamp_min(0)
        return scores @ (1 / self.variances) + outside / self.rest

    def outside(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the part of rows which no factor describes."""
        return rows - (rows @ self.vectors.T) @ self.vectors

    def diagonal(self) -> torch.Tensor:
        """Return the variance of each gene."""
        return self.rest + (self.variances - self.rest) @ self.vectors.square()


class Reference:
    """Training rows as the searches see them.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Training rows in the unit of the data.
    outputs : ndarray of shape (n_samples, n_outputs)
        The model's scores of these rows.
    groups : ndarray of int of shape (n_samples,)
        Predicted class of each row; 0 where the model predicts values.
    covariance : {"total", "within", "identity"}
        Metric of changes: of all rows, of rows around the mean of their group, or
        plain Euclidean.
    rng : numpy.random.Generator
        Draws folds and signs.
    """

    def __init__(
        self,
        X: NDArray,
        outputs: NDArray,
        groups: NDArray,
        covariance: str,
        rng: np.random.Generator,
    ) -> None:
        X = np.asarray(X, dtype=np.float64)
        self.location = X.mean(axis=0)
        self.deviation = X.std(axis=0)
        live = self.deviation > LEAST_SCALE * np.maximum(np.abs(self.location), 1)
        self.deviation = np.where(live, self.deviation, 0.0)
        self.scale = np.where(live, self.deviation, 1.0)
        self.lowest, self.highest = X.min(axis=0), X.max(axis=0)
        rows = (X - self.location) / self.scale
        self._outputs = np.asarray(outputs, dtype=np.float64)
        self._groups = np.asarray(groups)
        self._rows = rows
        n_groups = self.outputs.shape[1] if self.outputs.shape[1] > 1 else 1
        # A class that is never predicted has no mean; the overall one stands in.
        self._means = torch.stack(
            [
                self.rows[self.groups == k].mean(dim=0)
                if (self.groups == k).any()
                else self.rows.mean(dim=0)
                for k in range(n_groups)
            ]
        ).numpy()
        within = rows - self._means[groups]
        self.within = FactorCovariance(within, rng)
        if covariance == "within":
            self.covariance = self.within
        else:
            self.covariance = FactorCovariance(
                rows, rng, identity=covariance == "identity"
            )
        self.stiffness = _real_stiffness(within, rows, groups, rng)
        self._signs = rng.choice([-1.0, 1.0], X.shape[1])

    @cached_property
    def outputs(self) -> torch.Tensor:
        """The model's scores of the training rows."""
        return _tensor(self._outputs)

    @cached_property
    def groups(self) -> torch.Tensor:
        """Predicted class of each."""
        return _tensor(self._groups)

    @cached_property
    def rows(self) -> torch.Tensor:
        """The training rows."""
        return _tensor(self._rows)

    @cached_property
    def means(self) -> torch.Tensor:
        """Mean row of each class."""
        return _tensor(self._means)

    @cached_property
    def signs(self) -> torch.Tensor:
        """A random sign for each gene."""
        return _tensor(self._signs)

    @cached_property
    def spread(self) -> NDArray:
        """Standard deviation of each gene within a class, in the unit of the data."""
        return self.deviation * class_spread(self._rows, self._groups)

    def __getstate__(self) -> dict:
        """Leave out what is made of arrays."""
        made = ("outputs", "groups", "rows", "means", "signs", "spread")
        return {name: part for name, part in vars(self).items() if name not in made}

    def standardise(self, X: NDArray) -> torch.Tensor:
        """Return rows in standard deviations."""
        return torch.from_numpy((X - self.location) / self.scale)

    def to_units(self, rows: torch.Tensor) -> torch.Tensor:
        """Return standardised rows in the unit of the data."""
        location, scale = _tensor(self.location), _tensor(self.scale)
        return torch.addcmul(location, rows, scale)

    def stiffness_parts(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return ``d' inv(S_within) d`` and ``d'd`` of each row d."""
        return self.within.squared_length(rows), rows.square().sum(dim=1)


def _tensor(array: NDArray) -> torch.Tensor:
    """Tensor on the memory of an array, or of a copy if that is read-only."""
    return torch.from_numpy(np.require(array, requirements="W"))


def _real_stiffness(within: Any, rows: Any, groups: Any, rng: Any) -> float:
    """Median of ``d' inv(S) d / d'd`` over differences of patients S has not seen.

    By cross-fitting: S comes from the rows outside a fold. One fold is enough, and
    five too dear, where there are many rows.
    """
    n = len(rows)
    if n < 2 * N_FOLDS:
        return 0.0
    fold = rng.permutation(n) % N_FOLDS
    ratios = []
    for k in range(N_FOLDS if n <= EXACT_SIZE / 4 else 1):
        metric = FactorCovariance(within[fold != k], rng)
        left_out = np.flatnonzero(fold == k)
        first, second = rng.choice(left_out, (2, 100))
        differ = groups[first] != groups[second]
        kept = differ if differ.any() else first != second
        difference = torch.from_numpy(rows[first[kept]] - rows[second[kept]])
        squares = difference.square().sum(dim=1).clamp_min(1e-12)
        ratios.append(metric.squared_length(difference) / squares)
    return float(torch.cat(ratios).median())
