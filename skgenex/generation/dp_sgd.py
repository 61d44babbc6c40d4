"""Gradients with clipped rows and noise: training a network under a privacy budget.

Each step uses all rows: the cost of Gaussian steps composes exactly, where that of
batches drawn at random has bounds. Larger batches are also known to leave less noise in
the mean gradient at equal budget and number of steps (not measured here). The sets are
small enough.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.func import functional_call, grad, vmap

from .dp import PrivacyLedger

MAX_GRADIENT_VALUES = 20_000_000  # of the rows' own gradients, held at a time
BETAS = (0.9, 0.99)


def clipped_gradient_sum(
    module: nn.Module, batch: dict[str, torch.Tensor], clip_norm: float
) -> dict[str, torch.Tensor]:
    """Sum of the rows' gradients, each shortened to a norm.

    Parameters
    ----------
    module : Module
        ``module(**rows)`` returns a loss per row. Nothing in it may look at several
        rows at once, as batch normalisation would.
    batch : dict of Tensor
        Values of shape (n_samples, n_draws, ...): the loss of a row is the mean over
        its draws, taken before clipping.
    clip_norm : float
        Largest norm of a row's gradient, over all parameters; may be infinite.

    Returns
    -------
    dict of Tensor
        A gradient per parameter that needs one.

    Examples
    --------
    >>> import torch
    >>> from skgenex.generation.dp_sgd import clipped_gradient_sum
    >>> class Square(torch.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.w = torch.nn.Parameter(torch.zeros(2))
    ...     def forward(self, x):
    ...         return ((x - self.w) ** 2).sum(1) / 2
    >>> x = torch.tensor([[[3.0, 4.0]], [[0.1, 0.0]]])
    >>> clipped_gradient_sum(Square(), {"x": x}, clip_norm=1.0)["w"]
    tensor([-0.7000, -0.8000], dtype=torch.float64)
    """
    learned = {k: p.detach() for k, p in module.named_parameters() if p.requires_grad}
    fixed = {k: p.detach() for k, p in module.named_parameters() if k not in learned}

    def loss(parameters: dict, row: dict) -> torch.Tensor:
        return functional_call(module, parameters | fixed, (), row).mean()

    of_rows = vmap(grad(loss), in_dims=(None, 0))
    n_rows = len(next(iter(batch.values())))
    size = max(1, MAX_GRADIENT_VALUES // sum(p.numel() for p in learned.values()))
    total = {k: torch.zeros_like(p, dtype=torch.float64) for k, p in learned.items()}
    for start in range(0, n_rows, size):
        rows = {k: v[start : start + size] for k, v in batch.items()}
        gradients = of_rows(learned, rows)
        squares = [g.flatten(1).square().sum(1) for g in gradients.values()]
        norms = torch.stack(squares).sum(0).sqrt().clamp(min=1e-30)
        factor = (clip_norm / norms).clamp(max=1.0)
        usable = norms.isfinite()  # an overflow must not show that a row is there
        for name, gradient in gradients.items():
            own = factor[usable], gradient[usable]
            total[name] += torch.einsum("n,n...->...", *own)
    return total


def train_privately(
    module: nn.Module,
    draw_batch: Callable[[], dict[str, torch.Tensor]],
    ledger: PrivacyLedger,
    share: float,
    *,
    n_rows: float,
    n_steps: int,
    clip_norm: float,
    lr: float,
    step: str = "network",
) -> None:
    """Train a network by Adam on noisy sums of clipped gradients, in place.

    The parameters end as the mean of those of the second half of the steps, which, as
    all that follows from noisy gradients, is free.

    Parameters
    ----------
    module : Module
        See `clipped_gradient_sum`; without dropout.
    draw_batch : callable
        Returns a batch of all rows, with new noise of its own.
    ledger : PrivacyLedger
        Pays, and draws the noise.
    share : float
        Of the ledger's budget, for all steps together.
    n_rows : float
        Number of rows, as it was released.
    n_steps : int
        Number of steps.
    clip_norm : float
        Norm to which a row's gradient is clipped.
    lr : float
        Learning rate.
    step : str, default="network"
        Name in the ledger.

    References
    ----------
    Abadi et al. (2016), Deep Learning with Differential Privacy, CCS, Algorithm 1
    (here with all rows in each step); Dockhorn et al. (2023), Differentially Private
    Diffusion Models, TMLR, Sec. 3.2 (several draws of noise per row).
    """
    sensitivity = clip_norm * np.sqrt(n_steps)  # of all steps' sums together
    sd = ledger.charge(f"{step}, {n_steps} steps", sensitivity, share)
    learned = {k: p for k, p in module.named_parameters() if p.requires_grad}
    optimiser = torch.optim.Adam(learned.values(), lr=lr, betas=BETAS, eps=1e-6)
    limit = clip_norm if sd else np.inf
    mean = {k: torch.zeros_like(p) for k, p in learned.items()}
    n_averaged = n_steps - n_steps // 2
    for i in range(n_steps):
        total = clipped_gradient_sum(module, draw_batch(), limit)
        for name, parameter in learned.items():
            noise = sd * ledger.rng.standard_normal(parameter.shape)
            noisy = total[name] + torch.as_tensor(noise, device=parameter.device)
            parameter.grad = (noisy / n_rows).to(parameter.dtype)
        optimiser.step()
        if i >= n_steps // 2:
            for name, parameter in learned.items():
                mean[name] += parameter.detach() / n_averaged
    with torch.no_grad():
        for name, parameter in learned.items():
            parameter.copy_(mean[name])
            parameter.grad = None


def private_mean(
    values: NDArray, n_rows: float, sd: float, rng: np.random.Generator
) -> tuple[float, float]:
    """Mean of values clipped to [-1, 1], with noise.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
        A value per row.
    n_rows : float
        Number of rows, as it was released.
    sd : float
        Standard deviation of the noise on the sum.
    rng : numpy.random.Generator
        Source of the noise.

    Returns
    -------
    mean, sd : float
        The noisy mean, and the standard deviation of the noise in it.
    """
    total = values.clip(-1, 1).sum() + sd * rng.standard_normal()
    return float(total / n_rows), float(sd / n_rows)
