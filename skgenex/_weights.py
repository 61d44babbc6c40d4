"""Which weights a fit ends with: averaged ones, the best ones."""

import math
from collections.abc import Iterable

import torch


class WeightAverage:
    r"""Exponential moving average of a module's trained parameters.

    After step t = 0, 1, ... the average is
    :math:`a \leftarrow d_t a + (1 - d_t) w` with
    :math:`d_t = \min(d, (1 + t) / (10 + t))`: short at first, so that the initial
    weights are soon forgotten.

    Parameters
    ----------
    parameters : iterable of Parameter
        The parameters; those which need no gradient are left out.
    decay : float
        The final decay d, in [0, 1).
    """

    def __init__(self, parameters: Iterable[torch.nn.Parameter], decay: float) -> None:
        self.parameters: list[torch.Tensor] = [p for p in parameters if p.requires_grad]
        self.average = [p.detach().clone() for p in self.parameters]
        self.decay = decay
        self.n_updates = 0

    @torch.no_grad()
    def update(self) -> None:
        """Take in the parameters after an optimisation step."""
        t = self.n_updates
        decay = min(self.decay, (1 + t) / (10 + t))
        torch._foreach_lerp_(self.average, self.parameters, 1 - decay)
        self.n_updates += 1

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange the values of the parameters and of their average."""
        for parameter, average in zip(self.parameters, self.average, strict=True):
            trained = parameter.clone()
            parameter.copy_(average)
            average.copy_(trained)

    def state_dict(self) -> dict:
        """Everything the average has learned."""
        return {"average": self.average, "n_updates": self.n_updates}

    def load_state_dict(self, state: dict) -> None:
        """Go on from the state of an earlier average of the same parameters."""
        for average, saved in zip(self.average, state["average"], strict=True):
            average.copy_(saved)
        self.n_updates = state["n_updates"]


class BestWeights:
    """Keep the weights of the epoch with the lowest loss.

    Parameters
    ----------
    module : torch.nn.Module
        The module to watch.
    patience : int
        Number of epochs without a new best loss after which training should stop.
    """

    def __init__(self, module: torch.nn.Module, patience: int) -> None:
        self.module = module
        self.patience = patience
        self.loss = math.inf
        self.epoch = 0
        self.weights: dict | None = None

    def update(self, loss: float, epoch: int) -> None:
        """Keep the module's present weights if ``loss`` is lower than ever before."""
        if loss < self.loss:
            self.loss, self.epoch = loss, epoch
            self.weights = {
                name: tensor.detach().clone()
                for name, tensor in self.module.state_dict().items()
            }

    def should_stop(self, epoch: int) -> bool:
        """Whether the best of the epochs up to ``epoch`` is ``patience`` epochs old."""
        return epoch - self.epoch >= self.patience

    def restore(self) -> None:
        """Put the best weights back into the module."""
        if self.weights is not None:
            self.module.load_state_dict(self.weights)

    def state_dict(self) -> dict:
        """Everything remembered so far."""
        return {"loss": self.loss, "epoch": self.epoch, "weights": self.weights}

    def load_state_dict(self, state: dict) -> None:
        """Go on from the state of an earlier run of the same fit."""
        self.loss, self.epoch = state["loss"], state["epoch"]
        self.weights = state["weights"]
