"""Which noise levels: drawn in training, stepped through in sampling.

All processes share one variable, sigma: the noise's standard deviation on rows that
are not scaled down. The discrete process of Ho et al. has, at step t,
sigma = sqrt((1 - alpha_bar) / alpha_bar); the straight paths (1 - t) x + t noise of
flow matching have sigma = t / (1 - t).
"""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch

N_DDPM_STEPS = 1_000
LARGEST_SIGMA = 160.0  # to sample from: the linear schedule ends at 157
LAST_TIME = 0.999  # of the straight paths: at 1 there is noise alone, sigma is infinite


def draw_sigmas(
    n_samples: int,
    *,
    mean: float = -0.8,
    std: float = 1.2,
    generator: torch.Generator | None = None,
    device: torch.device | str = "cpu",
) -> torch.Tensor:
    """Draw noise levels for training: ln sigma is normal.

    Parameters
    ----------
    n_samples : int
        How many.
    mean, std : float
        Of ln sigma.
    generator : torch.Generator, default=None
        Source of randomness; None means torch's global one.
    device : torch.device or str, default="cpu"
        Where the levels are drawn.

    Returns
    -------
    Tensor of shape (n_samples,)
        Noise levels.

    References
    ----------
    Karras et al. (2022), Elucidating the Design Space of Diffusion-Based Generative
    Models, NeurIPS, Table 1 (noise distribution).

    Examples
    --------
    >>> import torch
    >>> from skgenex.nn.diffusion import draw_sigmas
    >>> sigmas = draw_sigmas(1000, generator=torch.Generator().manual_seed(0))
    >>> abs(sigmas.log().mean().item() + 0.8) < 0.1
    True
    """
    z = torch.randn(n_samples, generator=generator, device=device)
    return (mean + std * z).exp()


def sigma_schedule(
    n_steps: int,
    *,
    sigma_min: float = 0.02,
    sigma_max: float = 20.0,
    rho: float = 7.0,
) -> torch.Tensor:
    """Noise levels from ``sigma_max`` down to ``sigma_min``, then zero.

    Parameters
    ----------
    n_steps : int
        Number of steps of the solver.
    sigma_min, sigma_max : float
        Smallest and largest level, in standard deviations of the data.
    rho : float, default=7.0
        How strongly the levels crowd at the low end.

    Returns
    -------
    Tensor of shape (n_steps + 1,)
        Decreasing levels; the last is zero.

    References
    ----------
    Karras et al. (2022), Eq. 5.

    Examples
    --------
    >>> from skgenex.nn.diffusion import sigma_schedule
    >>> sigma_schedule(3, sigma_min=1.0, sigma_max=9.0, rho=1.0)
    tensor([9., 5., 1., 0.])
    """
    ramp = torch.linspace(0, 1, n_steps, dtype=torch.float64)
    low, high = sigma_min ** (1 / rho), sigma_max ** (1 / rho)
    sigmas = (high + ramp * (low - high)) ** rho
    return torch.cat([sigmas, sigmas.new_zeros(1)]).float()


def ddpm_sigmas(schedule: str = "linear", n_steps: int = N_DDPM_STEPS) -> torch.Tensor:
    """Noise levels of the discrete process, from little noise to much.

    Parameters
    ----------
    schedule : {"linear", "cosine"}, default="linear"
        How the variances beta of its steps grow.
    n_steps : int, default=1000
        Steps of the process.

    Returns
    -------
    Tensor of shape (n_steps,)
        Increasing levels sqrt((1 - alpha_bar) / alpha_bar).

    References
    ----------
    Ho, Jain & Abbeel (2020), Denoising Diffusion Probabilistic Models, NeurIPS, Sec. 4
    (linear); Nichol & Dhariwal (2021), Improved Denoising Diffusion Probabilistic
    Models, ICML, Eq. 17 (cosine).

    Examples
    --------
    >>> from skgenex.nn.diffusion import ddpm_sigmas
    >>> sigmas = ddpm_sigmas()
    >>> round(sigmas[0].item(), 4), round(sigmas[-1].item())
    (0.01, 157)
    """
    if schedule == "linear":
        # The paper's end points are meant for 1,000 steps.
        scale = 1_000 / n_steps
        betas = torch.linspace(1e-4 * scale, 0.02 * scale, n_steps, dtype=torch.float64)
    else:
        t = torch.linspace(0, 1, n_steps + 1, dtype=torch.float64)
        kept = ((t + 0.008) / 1.008 * math.pi / 2).cos() ** 2
        betas = 1 - kept[1:] / kept[:-1]
    kept = (1 - betas.clamp(max=0.999)).cumprod(0)
    return ((1 - kept) / kept).sqrt().float()


def draw_ddpm(
    n_samples: int,
    *,
    schedule: str = "linear",
    generator: torch.Generator | None = None,
    device: torch.device | str = "cpu",
) -> torch.Tensor:
    """Draw steps of `ddpm_sigmas` uniformly (Ho et al. 2020, Algorithm 1)."""
    sigmas = ddpm_sigmas(schedule).to(device)
    steps = torch.randint(len(sigmas), (n_samples,), generator=generator, device=device)
    return sigmas[steps]


def ddpm_schedule(n_steps: int, *, schedule: str = "linear") -> torch.Tensor:
    """Evenly spaced steps of `ddpm_sigmas`, from the last, then zero noise.

    With as many steps as there are it is the whole process (Song et al. 2021, Sec.
    4.2). Steps beyond `LARGEST_SIGMA` are left out: rows are noise alone there, and
    errors of a predicted epsilon are multiplied by sigma.
    """
    sigmas = ddpm_sigmas(schedule)
    sigmas = sigmas[sigmas <= LARGEST_SIGMA]
    steps = torch.linspace(len(sigmas) - 1, 0, n_steps + 1)[:-1].round().long()
    if n_steps >= len(sigmas):
        steps = torch.arange(len(sigmas) - 1, -1, -1)
    return torch.cat([sigmas[steps], sigmas.new_zeros(1)])


def draw_flow(
    n_samples: int,
    *,
    generator: torch.Generator | None = None,
    device: torch.device | str = "cpu",
) -> torch.Tensor:
    """Draw times of straight paths uniformly (Lipman et al. 2023, Eq. 23)."""
    t = LAST_TIME * torch.rand(n_samples, generator=generator, device=device)
    return t.clamp(min=1e-3) / (1 - t)


def flow_schedule(n_steps: int) -> torch.Tensor:
    """Evenly spaced times of straight paths, from noise to rows."""
    t = torch.linspace(LAST_TIME, 0, n_steps + 1, dtype=torch.float64)
    return (t / (1 - t)).float()


class NoiseProcess(NamedTuple):
    """How rows become noise.

    Attributes
    ----------
    draw : callable
        ``draw(n_samples, generator=, device=)`` gives levels for training.
    schedule : callable
        ``schedule(n_steps)`` gives decreasing levels for sampling; the last is zero.
    target : str
        What the network predicts by default, a key of
        `skgenex.nn.diffusion.denoiser.TARGETS`.
    """

    draw: Callable[..., torch.Tensor]
    schedule: Callable[[int], torch.Tensor]
    target: str


PROCESSES = {
    "edm": NoiseProcess(draw_sigmas, sigma_schedule, "v"),
    "ddpm_linear": NoiseProcess(draw_ddpm, ddpm_schedule, "epsilon"),
    "ddpm_cosine": NoiseProcess(
        partial(draw_ddpm, schedule="cosine"),
        partial(ddpm_schedule, schedule="cosine"),
        "epsilon",
    ),
    "flow": NoiseProcess(draw_flow, flow_schedule, "velocity"),
}
