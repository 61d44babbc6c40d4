"""Solvers of the probability-flow ODE: from pure noise to rows.

Each takes ``denoise(x, sigma)``, rows at noise ``sigmas[0]`` and decreasing levels.
"""

from collections.abc import Callable

import torch

Denoise = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def sample_ddim(
    denoise: Denoise, x: torch.Tensor, sigmas: torch.Tensor
) -> torch.Tensor:
    """Carry rows down the noise levels by DDIM, which is Euler's method.

    Parameters
    ----------
    denoise : callable
        ``denoise(x, sigma)``, with ``sigma`` of shape (n_samples,), returns the
        expected clean rows.
    x : Tensor of shape (n_samples, n_features)
        Rows at noise ``sigmas[0]``.
    sigmas : Tensor of shape (n_steps + 1,)
        Decreasing noise levels.

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
    denoise: Denoise, x: torch.Tensor, sigmas: torch.Tensor
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


SOLVERS = {"ddim": sample_ddim, "heun": sample_heun}
