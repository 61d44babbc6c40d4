"""Solvers: from pure noise to rows.

Each takes ``denoise(x, sigma)``, rows at noise ``sigmas[0]``, decreasing levels and a
generator. All but `sample_ancestral` solve the probability-flow equation, which draws
nothing.
"""

from collections.abc import Callable

import torch

Denoise = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def sample_ddim(
    denoise: Denoise,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    generator: torch.Generator | None = None,
) -> torch.Tensor:
    """Carry rows down the noise levels by DDIM, which is Euler's method.

    On the straight paths of flow matching, Euler's method in time takes the same steps.

    Parameters
    ----------
    denoise : callable
        ``denoise(x, sigma)``, with ``sigma`` of shape (n_samples,), returns the
        expected clean rows.
    x : Tensor of shape (n_samples, n_features)
        Rows at noise ``sigmas[0]``.
    sigmas : Tensor of shape (n_steps + 1,)
        Decreasing noise levels.
    generator : torch.Generator, default=None
        Not used.

    Returns
    -------
    Tensor of shape (n_samples, n_features)
        Rows at noise ``sigmas[-1]``.

    References
    ----------
    Song, Meng & Ermon (2021), Denoising Diffusion Implicit Models, ICLR, Eq. 12
    without noise, after the change of variables x / sqrt(alpha_bar).

    Examples
    --------
    >>> import torch
    >>> from skgenex.nn.diffusion import sample_ddim, sigma_schedule
    >>> def denoise(x, sigma):  # exact for standard normal data
    ...     return x / (1 + sigma[:, None] ** 2)
    >>> x = sample_ddim(denoise, torch.ones(1, 2) * 20, sigma_schedule(500))
    >>> (x - 20 / (1 + 20**2) ** 0.5).abs().max().item() < 0.02
    True
    """
    for sigma, sigma_next in zip(sigmas[:-1], sigmas[1:], strict=True):
        denoised = denoise(x, sigma.expand(len(x)))
        noise = (x - denoised) / sigma
        x = denoised + sigma_next * noise
    return x


def sample_heun(
    denoise: Denoise,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    generator: torch.Generator | None = None,
) -> torch.Tensor:
    """Carry rows down the noise levels by Heun's method, of second order.

    Parameters
    ----------
    denoise : callable
        As in `sample_ddim`; called twice a step, once in a step to zero noise.
    x : Tensor of shape (n_samples, n_features)
        Rows at noise ``sigmas[0]``.
    sigmas : Tensor of shape (n_steps + 1,)
        Decreasing noise levels.
    generator : torch.Generator, default=None
        Not used.

    Returns
    -------
    Tensor of shape (n_samples, n_features)
        Rows at noise ``sigmas[-1]``.

    References
    ----------
    Karras et al. (2022), Algorithm 1.

    Examples
    --------
    >>> import torch
    >>> from skgenex.nn.diffusion import sample_heun, sigma_schedule
    >>> def denoise(x, sigma):  # exact for standard normal data
    ...     return x / (1 + sigma[:, None] ** 2)
    >>> x = sample_heun(denoise, torch.ones(1, 2) * 20, sigma_schedule(18))
    >>> (x - 20 / (1 + 20**2) ** 0.5).abs().max().item() < 0.02
    True
    """
    for sigma, sigma_next in zip(sigmas[:-1], sigmas[1:], strict=True):
        slope = (x - denoise(x, sigma.expand(len(x)))) / sigma
        # Euler step.
        x_next = x + (sigma_next - sigma) * slope
        if sigma_next > 0:  # second-order correction
            slope_next = x_next - denoise(x_next, sigma_next.expand(len(x)))
            slope_next = slope_next / sigma_next
            x_next = x + (sigma_next - sigma) * (slope + slope_next) / 2
        x = x_next
    return x


def sample_dpm(
    denoise: Denoise,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    generator: torch.Generator | None = None,
) -> torch.Tensor:
    """Carry rows down the noise levels by DPM-Solver++(2M), of second order.

    It extrapolates from the previous step instead of evaluating the network twice.

    Parameters
    ----------
    denoise : callable
        As in `sample_ddim`; called once a step.
    x : Tensor of shape (n_samples, n_features)
        Rows at noise ``sigmas[0]``.
    sigmas : Tensor of shape (n_steps + 1,)
        Decreasing noise levels.
    generator : torch.Generator, default=None
        Not used.

    Returns
    -------
    Tensor of shape (n_samples, n_features)
        Rows at noise ``sigmas[-1]``.

    References
    ----------
    Lu et al. (2022), DPM-Solver++: Fast Solver for Guided Sampling of Diffusion
    Probabilistic Models, Algorithm 2.

    Examples
    --------
    >>> import torch
    >>> from skgenex.nn.diffusion import sample_dpm, sigma_schedule
    >>> def denoise(x, sigma):  # exact for standard normal data
    ...     return x / (1 + sigma[:, None] ** 2)
    >>> x = sample_dpm(denoise, torch.ones(1, 2) * 20, sigma_schedule(18))
    >>> (x - 20 / (1 + 20**2) ** 0.5).abs().max().item() < 0.02
    True
    """
    previous: torch.Tensor | None = None
    last_width = torch.ones(())
    for sigma, sigma_next in zip(sigmas[:-1], sigmas[1:], strict=True):
        denoised = denoise(x, sigma.expand(len(x)))
        if sigma_next == 0:  # an infinite width of ln sigma
            return denoised
        width = (sigma / sigma_next).log()
        corrected = denoised
        if previous is not None:
            corrected = denoised + (denoised - previous) * width / (2 * last_width)
        ratio = sigma_next / sigma
        x = ratio * x + (1 - ratio) * corrected
        previous, last_width = denoised, width
    return x


def sample_ancestral(
    denoise: Denoise,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    generator: torch.Generator | None = None,
) -> torch.Tensor:
    """Carry rows down the noise levels by ancestral sampling, which adds fresh noise.

    Parameters
    ----------
    denoise : callable
        As in `sample_ddim`; called once a step.
    x : Tensor of shape (n_samples, n_features)
        Rows at noise ``sigmas[0]``.
    sigmas : Tensor of shape (n_steps + 1,)
        Decreasing noise levels; many are needed.
    generator : torch.Generator, default=None
        Source of the noise, on the CPU; None means torch's global one.

    Returns
    -------
    Tensor of shape (n_samples, n_features)
        Rows at noise ``sigmas[-1]``.

    References
    ----------
    Ho et al. (2020), Algorithm 2 with the posterior variance of Eq. 7, after the
    change of variables x / sqrt(alpha_bar).

    Examples
    --------
    >>> import torch
    >>> from skgenex.nn.diffusion import sample_ancestral, sigma_schedule
    >>> def denoise(x, sigma):  # exact for standard normal data
    ...     return x / (1 + sigma[:, None] ** 2)
    >>> generator = torch.Generator().manual_seed(0)
    >>> x = 20 * torch.randn(4000, 1, generator=generator)
    >>> x = sample_ancestral(denoise, x, sigma_schedule(200), generator)
    >>> abs(x.std().item() - 1) < 0.05
    True
    """
    for sigma, sigma_next in zip(sigmas[:-1], sigmas[1:], strict=True):
        denoised = denoise(x, sigma.expand(len(x)))
        # The posterior of the next level given this one and the clean row.
        ratio = (sigma_next / sigma) ** 2
        noise = torch.randn(x.shape, dtype=x.dtype, generator=generator)
        spread = sigma_next * (1 - ratio).sqrt()
        x = denoised + ratio * (x - denoised) + spread * noise.to(x.device)
    return x


SOLVERS = {
    "ancestral": sample_ancestral,
    "ddim": sample_ddim,
    "dpm": sample_dpm,
    "heun": sample_heun,
}
