"""Base class of all estimators which train a network."""

import os
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from ._batching import RowReader, slices
from ._device import full_precision, resolve_device
from ._objective_net import ObjectiveNet
from ._parallel import current_shards
from ._seeding import draw_seed, seeded
from ._training import restore_net, train
from ._transaction import transactional

__all__ = ["TORCH_CONSTRAINTS", "TorchEstimator", "resolve_device", "transactional"]

TORCH_CONSTRAINTS: dict[str, list] = {
    "max_epochs": [Interval(Integral, 1, None, closed="left")],
    "lr": [Interval(Real, 0, None, closed="neither")],
    "batch_size": [Interval(Integral, 1, None, closed="left")],
    "validation_fraction": [Interval(Real, 0, 1, closed="left")],
    "patience": [Interval(Integral, 1, None, closed="left"), None],
    "callbacks": [list, tuple, None],
    "device": [str, torch.device],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
    "compile": ["boolean"],
    "warm_start": ["boolean"],
    "checkpoint_dir": [str, os.PathLike, None],
}

_TRAINER_PARAMETERS = (
    "max_epochs",
    "lr",
    "batch_size",
    "patience",
    "callbacks",
    "verbose",
    "compile",
    "checkpoint_dir",
)


class TorchEstimator(BaseEstimator):
    """Base of all estimators which train a network.

    A subclass writes ``__init__`` with the parameters of `TORCH_CONSTRAINTS` it
    offers, adds these to its ``_parameter_constraints``, and in a `transactional` fit
    draws a seed and calls `_train` with an objective and tensors. It cooperates with
    other bases (mixins first, as scikit-learn wants it).

    Attributes
    ----------
    net_ : ObjectiveNet
        The trained skorch net; ``net_.module_`` is the objective.
    history_ : list of dict
        Per epoch of the last fit: ``epoch``, ``train_loss``, ``valid_loss`` (if rows
        are held out), ``dur`` (seconds), and what callbacks have recorded.
    n_iter_ : int
        Number of epochs of the last fit.
    """

    net_: ObjectiveNet

    def _resolve_device(self) -> torch.device:
        return resolve_device(self.device)

    def _draw_seed(self) -> int:
        """Resolve ``random_state``; call once per fit."""
        parameters = self.get_params(deep=False)
        if parameters.get("checkpoint_dir") is not None and self.random_state is None:
            raise ValueError(
                "checkpoint_dir needs an integer random_state, got None: a fit can "
                "only be resumed if it draws the same numbers again."
            )
        if current_shards() is not None and self.random_state is None:
            raise ValueError(
                "Within data_parallel random_state must be an integer, got None: all "
                "processes must draw the same numbers."
            )
        return draw_seed(self.random_state)

    def _train(
        self,
        objective: tuple[type[torch.nn.Module], Mapping[str, Any]],
        batch: Mapping[str, np.ndarray | torch.Tensor],
        *,
        seed: int,
        valid_batch: Mapping[str, np.ndarray | torch.Tensor] | None = None,
        **extra: Any,
    ) -> None:
        """Train an objective; set ``net_``, ``history_`` and ``n_iter_``.

        Parameters
        ----------
        objective : tuple of (Module class, dict)
            The class, and keyword arguments which hold no training data: they are
            pickled with the estimator.
        batch, valid_batch : mapping of str to array or tensor
            What ``forward`` takes, rows first; moved to the device.
        seed : int
            From `_draw_seed`.
        **extra
            Further arguments of `skgenex._training.train`; these win over the
            estimator's parameters of the same name.
        """
        device = self._resolve_device()
        parameters = self.get_params(deep=False)
        how = {k: parameters[k] for k in _TRAINER_PARAMETERS if k in parameters}
        if parameters.get("warm_start") and hasattr(self, "net_"):
            how["initial_weights"] = self.net_.module_.state_dict()
        how.update(extra)
        try:
            batch = _to_tensors(batch, device)
            if valid_batch is not None:
                valid_batch = _to_tensors(valid_batch, device)
            with seeded(seed, device):
                net = train(
                    objective, batch, valid_batch=valid_batch, device=device, **how
                )
        except torch.cuda.OutOfMemoryError as error:
            raise MemoryError(
                f"Out of memory on {str(device)!r}. Lower batch_size "
                f"(now {how['batch_size']}), or use device='cpu'."
            ) from error
        self.history_ = [_describe_epoch(row) for row in net.history]
        self.n_iter_ = len(self.history_)
        net.trim_for_prediction()
        self.net_ = net
        self._objective = objective

    def _network(self) -> torch.nn.Module:
        """Return the trained objective in evaluation mode."""
        check_is_fitted(self, "net_")
        return self.net_.module_.eval()

    def _apply(
        self,
        function: Callable[..., torch.Tensor],
        *arrays: np.ndarray,
        chunk_size: int = 1024,
    ) -> np.ndarray:
        """Call ``function`` on rows of ``arrays`` as tensors, without gradients.

        Parameters
        ----------
        function : callable
            Takes a tensor per array, returns a tensor with as many rows; usually a
            part of `_network`.
        *arrays : ndarray of shape (n_samples, ...)
            Moved to the network's device, ``chunk_size`` rows at a time.

        Returns
        -------
        ndarray of shape (n_samples, ...)
            The results.
        """
        device = next(self._network().parameters()).device
        rows: Any = {str(i): array for i, array in enumerate(arrays)}
        with full_precision(device):
            results = [
                function(*_to_tensors(chunk, device).values()).cpu().numpy()
                for chunk in slices(rows, chunk_size)
            ]
        return np.concatenate(results)

    def __getstate__(self) -> dict:
        """Keep the weights as arrays: they load without CUDA, and in skops."""
        state = dict(super().__getstate__())
        net = state.pop("net_", None)
        if net is not None:
            state["_weights"] = {
                name: tensor.detach().cpu().numpy()
                for name, tensor in net.module_.state_dict().items()
            }
        return state

    def __setstate__(self, state: dict) -> None:
        """Rebuild the net; on the CPU where its device does not exist."""
        state = dict(state)
        weights = state.pop("_weights", None)
        super().__setstate__(state)
        if weights is None:
            return
        try:
            device = self._resolve_device()
        except ValueError:
            device = torch.device("cpu")
        # np.array: what a memory-mapped file or a skops archive gives is read-only.
        weights = {name: torch.from_numpy(np.array(w)) for name, w in weights.items()}
        with seeded(0):  # the new module draws initial weights, only to lose them
            self.net_ = restore_net(self._objective, weights, device)


def _to_tensors(
    arrays: Mapping[str, np.ndarray | torch.Tensor], device: str | torch.device
) -> dict[str, torch.Tensor]:
    """Tensors on the device; torch wants arrays it shares to be writable."""

    def to_tensor(array):
        if isinstance(array, RowReader):
            return array.to(device)
        if not isinstance(array, torch.Tensor):
            array = np.require(array, None, "W")
        return torch.as_tensor(array, device=device)

    return {name: to_tensor(array) for name, array in arrays.items()}


def _describe_epoch(row: dict) -> dict:
    """Drop skorch's own bookkeeping from a row of its history."""
    return {
        name: value
        for name, value in row.items()
        if name != "batches" and not name.endswith(("_best", "_batch_count"))
    }
