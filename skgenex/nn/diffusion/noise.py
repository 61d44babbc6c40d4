"""Which noise levels: drawn in training, stepped through in sampling."""

import torch


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
