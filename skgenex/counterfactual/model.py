"""Any estimator as one function: rows in, one score per class (or one value) out.

Scores of classes are logits: their differences are log-odds. A `DifferentiableModel`
gives true gradients, a `BlackBoxModel` only values.
"""

import copy
import warnings
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.base import is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

from .rebuild import rebuild, rebuild_step

TOLERANCE = 1e-5  # largest difference between a rebuilt model and the original
LEAST_PROBABILITY = 1e-6  # forests give 0, whose logarithm no search can use


class DifferentiableModel:
    """A model whose scores have gradients.

    Parameters
    ----------
    module : torch.nn.Module
        Maps rows to outputs; copied, so that the original is never touched.
    device : str or torch.device, default="cpu"
        Where to compute.
    """

    differentiable = True

    def __init__(
        self, module: torch.nn.Module, device: str | torch.device = "cpu"
    ) -> None:
        self.module = copy.deepcopy(module).to(device).eval().requires_grad_(False)
        tensors = [*self.module.parameters(), *self.module.buffers()]
        floating = [t for t in tensors if t.is_floating_point()]
        self.dtype = floating[0].dtype if floating else torch.float64
        self.device = torch.device(device)

    def scores(self, x: torch.Tensor) -> torch.Tensor:
        """Return the scores of rows.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            Rows in the unit of the data.

        Returns
        -------
        Tensor of shape (n_samples, n_outputs)
            float64, differentiable.
        """
        out = self.module(x.to(self.device, self.dtype))
        if isinstance(out, tuple):
            out = out[0]
        out = out.reshape(len(x), -1).to(x.device, torch.float64)
        return self._as_logits(out)

    outputs = "logits"

    def _as_logits(self, out: torch.Tensor) -> torch.Tensor:
        if self.outputs == "values":
            return out
        if self.outputs == "probabilities":
            out = out.clamp_min(1e-30).log()
            if out.shape[1] == 1:
                return torch.cat([torch.log1p(-out.exp().clamp_max(1 - 1e-12)), out], 1)
        if out.shape[1] == 1:
            return torch.cat([torch.zeros_like(out), out], dim=1)
        return out


class BlackBoxModel:
    """A model that can only be asked.

    Parameters
    ----------
    estimator : estimator
        A fitted estimator with ``predict_proba``, ``decision_function`` or, of values,
        ``predict``.
    values : bool
        Whether it predicts values, not classes.
    """

    differentiable = False

    def __init__(self, estimator: Any, values: bool) -> None:
        self.estimator = estimator
        self.values = values
        self.n_predictions = 0

    def scores(self, x: torch.Tensor) -> torch.Tensor:
        """Return the scores of rows; see `DifferentiableModel.scores`."""
        self.n_predictions += len(x)
        return torch.as_tensor(
            decisions(self.estimator, x.cpu().numpy(), self.values), dtype=torch.float64
        ).to(x.device)


def decisions(estimator: Any, rows: NDArray, values: bool) -> NDArray:
    """Return logits of classes, or predicted values, of a fitted estimator.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    rows : ndarray of shape (n_samples, n_features)
        In the unit of the data.
    values : bool
        Whether it predicts values, not classes.

    Returns
    -------
    ndarray of shape (n_samples, n_outputs)
        float64.
    """
    rows = named_rows(estimator, rows)
    if values:
        out = np.asarray(estimator.predict(rows), dtype=np.float64)
        return out.reshape(len(rows), -1)
    if hasattr(estimator, "predict_proba"):
        proba = np.asarray(estimator.predict_proba(rows), dtype=np.float64)
        return np.log(proba.clip(min=LEAST_PROBABILITY))
    out = np.asarray(estimator.decision_function(rows), dtype=np.float64)
    out = out.reshape(len(rows), -1)
    return np.hstack([np.zeros_like(out), out]) if out.shape[1] == 1 else out


def named_rows(estimator: Any, rows: NDArray) -> NDArray | pd.DataFrame:
    """Give rows the names, and skorch nets the type, with which they were fitted."""
    names = getattr(estimator, "feature_names_in_", None)
    if hasattr(_last_step(estimator), "module_"):
        rows = rows.astype(np.float32)
    return rows if names is None else pd.DataFrame(rows, columns=names)


def _last_step(estimator):
    return estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator


def unwrap(estimator: Any) -> Any:
    """Return what a frozen estimator or a search of parameters holds."""
    while True:
        if isinstance(estimator, FrozenEstimator):
            estimator = estimator.estimator
        elif hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        else:
            return estimator


def all_scores(
    model: "DifferentiableModel | BlackBoxModel", rows: NDArray, chunk: int = 2_000_000
) -> NDArray:
    """Return the scores of many rows, ``chunk`` numbers at a time.

    Parameters
    ----------
    model : DifferentiableModel or BlackBoxModel
        The model.
    rows : ndarray of shape (n_samples, n_features)
        In the unit of the data.
    chunk : int, default=2000000
        Size of a part.

    Returns
    -------
    ndarray of shape (n_samples, n_outputs)
        The scores.
    """
    size = max(chunk // rows.shape[1], 1)
    with torch.no_grad():
        parts = [
            model.scores(torch.from_numpy(rows[i : i + size])).cpu().numpy()
            for i in range(0, len(rows), size)
        ]
    return np.concatenate(parts)


def is_fitted(estimator: Any) -> bool:
    """Whether an estimator has been fitted; torch modules always count as such."""
    if isinstance(estimator, torch.nn.Module):
        return True
    if hasattr(estimator, "module_"):  # a skorch net
        return True
    try:
        check_is_fitted(estimator)
    except NotFittedError:
        return False
    return True


def predicts_values(estimator: Any) -> bool:
    """Whether an estimator predicts values (regression, risk) and not classes."""
    if isinstance(estimator, torch.nn.Module):
        return False
    estimator = unwrap(estimator)
    if hasattr(estimator, "classes_"):
        return False
    return is_regressor(estimator) or not (
        hasattr(estimator, "predict_proba") or hasattr(estimator, "decision_function")
    )


def adapt(
    estimator: Any, rows: NDArray, device: str | torch.device = "cpu"
) -> DifferentiableModel | BlackBoxModel:
    """Return the model of a fitted estimator, differentiable if that can be verified.

    Parameters
    ----------
    estimator : estimator or torch.nn.Module
        Fitted. A module returns logits, one per class, or one of the second of two.
    rows : ndarray of shape (n_samples, n_features)
        Rows on which a rebuilt model must equal the original to `TOLERANCE`.
    device : str or torch.device, default="cpu"
        Where differentiable models compute.

    Returns
    -------
    DifferentiableModel or BlackBoxModel
        The model.
    """
    if isinstance(estimator, torch.nn.Module):
        return DifferentiableModel(estimator, device)
    estimator = unwrap(estimator)
    values = predicts_values(estimator)
    module = _module_of(estimator)
    if module is not None:
        original = decisions(estimator, rows, values)
        kinds = ["values"] if values else ["logits", "probabilities"]
        for kind in kinds:
            model = DifferentiableModel(module, device)
            model.outputs = kind
            if _agree(model, rows, original, values):
                return model
    return BlackBoxModel(estimator, values)


def _module_of(estimator):
    if hasattr(estimator, "as_module"):
        return estimator.as_module()
    last = _last_step(estimator)
    module = last.as_module() if hasattr(last, "as_module") else None
    if isinstance(getattr(last, "module_", None), torch.nn.Module):
        module = last.module_
    if module is None or last is estimator:
        return rebuild(estimator) if module is None else module
    steps = [rebuild_step(step) for _, step in estimator.steps[:-1]]
    if any(step is None for step in steps):
        return None
    return torch.nn.Sequential(*steps, _InDtype(module))


class _InDtype(torch.nn.Module):
    """Cast rows to the type of a module's weights, and its outputs back."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, x):
        dtype = next(self.module.parameters()).dtype
        return self.module(x.to(dtype)).to(x.dtype)


def _agree(model, rows, original, values):
    """Compare values, or differences of logits where probabilities are not clipped."""
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a wrong guess may overflow; it is rejected
        try:
            ours = model.scores(torch.as_tensor(rows, dtype=torch.float64)).cpu()
        except (RuntimeError, TypeError):
            return False
    ours = ours.numpy()
    if ours.shape != original.shape or not np.isfinite(ours).all():
        return False
    if values:
        error = np.abs(ours - original) / np.maximum(np.abs(original), 1)
        return bool(error.max() < TOLERANCE)
    return bool(np.abs(_softmax(ours) - _softmax(original)).max() < TOLERANCE)


def _softmax(logits):
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)
