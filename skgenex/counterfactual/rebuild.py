"""scikit-learn steps and models of known arithmetic, rebuilt in torch (float64)."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from sklearn.feature_selection import SelectorMixin
from sklearn.pipeline import Pipeline

ACTIVATIONS = {
    "identity": torch.nn.Identity,
    "logistic": torch.nn.Sigmoid,
    "tanh": torch.nn.Tanh,
    "relu": torch.nn.ReLU,
}


class Elementwise(torch.nn.Module):
    """Compute ``x * factor + shift``, clipped to a range if there is one."""

    factor: torch.Tensor
    shift: torch.Tensor

    def __init__(self, factor: Any, shift: Any, limits: tuple | None = None) -> None:
        super().__init__()
        self.register_buffer("factor", _tensor(factor))
        self.register_buffer("shift", _tensor(shift))
        self.limits = limits

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply it to rows."""
        x = x * self.factor + self.shift
        return x if self.limits is None else x.clamp(*self.limits)


class Linear(torch.nn.Module):
    """Compute ``x @ weight + bias``."""

    weight: torch.Tensor
    bias: torch.Tensor

    def __init__(self, weight: Any, bias: Any) -> None:
        super().__init__()
        self.register_buffer("weight", _tensor(weight))
        self.register_buffer("bias", _tensor(bias))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply it to rows."""
        return x @ self.weight + self.bias


class Select(torch.nn.Module):
    """Keep some columns."""

    columns: torch.Tensor

    def __init__(self, columns: Any) -> None:
        super().__init__()
        self.register_buffer("columns", torch.as_tensor(np.asarray(columns)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply it to rows."""
        return x[:, self.columns]


class Log1p(torch.nn.Module):
    """Compute ``log(1 + x)``."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply it to rows."""
        return torch.log1p(x)


def _tensor(values: Any) -> torch.Tensor:
    return torch.tensor(np.asarray(values, dtype=np.float64))


def _scaler(centre, scale):
    factor = 1.0 if scale is None else 1 / np.asarray(scale)
    return Elementwise(factor, 0.0 if centre is None else -np.asarray(centre) * factor)


def _pca(step):
    weight = step.components_.T
    if step.whiten:
        weight = weight / np.sqrt(step.explained_variance_)
    return Linear(weight, -step.mean_ @ weight)


def _function(step):
    if step.func is None:
        return torch.nn.Identity()
    return Log1p() if step.func is np.log1p else None


STEPS: dict[str, Callable[[Any], torch.nn.Module | None]] = {
    "StandardScaler": lambda step: _scaler(
        step.mean_ if step.with_mean else None, step.scale_
    ),
    "RobustScaler": lambda step: _scaler(
        step.center_ if step.with_centering else None,
        step.scale_ if step.with_scaling else None,
    ),
    "MaxAbsScaler": lambda step: _scaler(None, step.scale_),
    "MinMaxScaler": lambda step: Elementwise(
        step.scale_, step.min_, step.feature_range if step.clip else None
    ),
    "PCA": _pca,
    "TruncatedSVD": lambda step: Linear(step.components_.T, 0.0),
    "FunctionTransformer": _function,
}


def rebuild(estimator: Any) -> torch.nn.Module | None:
    """Return the estimator's decision as a torch module, or None if it is unknown.

    Known are linear models and multi-layer perceptrons of scikit-learn, after any
    number of steps that scale, select, project or take logarithms. The caller must
    verify the module: an estimator may bear known attributes with another meaning.

    Parameters
    ----------
    estimator : estimator
        A fitted scikit-learn estimator.

    Returns
    -------
    torch.nn.Module or None
        Maps (n_samples, n_features) in float64 to decisions (n_samples, n_outputs).
    """
    if isinstance(estimator, Pipeline):
        parts = [rebuild_step(step) for _, step in estimator.steps[:-1]]
        return _chain([*parts, rebuild(estimator.steps[-1][1])])
    if hasattr(estimator, "coefs_"):
        return _perceptron(estimator)
    coef = getattr(estimator, "coef_", None)
    if not isinstance(coef, np.ndarray) or not hasattr(estimator, "intercept_"):
        return None
    return Linear(np.atleast_2d(coef).T, np.atleast_1d(estimator.intercept_))


def rebuild_step(step: Any) -> torch.nn.Module | None:
    """Return a fitted transformer as a torch module, or None if it is unknown."""
    if step is None or step == "passthrough":
        return torch.nn.Identity()
    if isinstance(step, Pipeline):
        parts = [rebuild_step(inner) for _, inner in step.steps]
        return _chain(parts)
    if isinstance(step, SelectorMixin):
        return Select(step.get_support(indices=True))
    known = STEPS.get(type(step).__name__)
    return None if known is None else known(step)


def _chain(parts):
    known = all(part is not None for part in parts)
    return torch.nn.Sequential(*parts) if known else None


def _perceptron(estimator):
    layers = []
    for weight, bias in zip(estimator.coefs_, estimator.intercepts_, strict=True):
        layers += [Linear(weight, bias), ACTIVATIONS[estimator.activation]()]
    return torch.nn.Sequential(*layers[:-1])  # the last activation gives probabilities
