"""What a search may be told beyond its problem."""

import time
from dataclasses import dataclass, field
from typing import Any

import torch


@dataclass
class Settings:
    """Options of the searches; `CounterfactualExplainer` documents them.

    Parameters
    ----------
    tempering, class_shift, roughness, max_genes, n_drivers, max_steps, max_predictions
        See `CounterfactualExplainer`.
    followers : dict of int to Tensor of int, default=None
        Positions of the genes that may follow each driver.
    generator : callable, default=None
        Takes rows and target codes, returns changes (``method="learned"``).
    redraw : callable, default=None
        Takes rows, target codes and a strength, returns rows (``method="diffusion"``).
    deadline : float, default=inf
        `time.monotonic` after which searches stop refining.
    seed : int, default=0
        Of whatever is drawn; the same draws serve all patients, so that each one's
        result does not depend on the others.
    """

    tempering: float = 1.0
    class_shift: float = 0.75
    roughness: float = 1.0
    max_genes: int | None = None
    n_drivers: int | None = None
    max_steps: int = 6
    max_predictions: int = 300
    followers: dict[int, torch.Tensor] | None = None
    generator: Any = None
    redraw: Any = None
    deadline: float = field(default=float("inf"))
    seed: int = 0

    def out_of_time(self) -> bool:
        """Whether the deadline has passed."""
        return time.monotonic() > self.deadline
