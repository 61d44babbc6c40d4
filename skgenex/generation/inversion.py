"""Latents to noise and back along the probability flow, and given observed genes."""

from collections.abc import Callable

import torch

from ..nn.diffusion import sample_heun, sigma_schedule

Denoise = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def noise_levels(n_steps: int) -> torch.Tensor:
    """Decreasing levels which end above zero, where the flow is invertible."""
    return sigma_schedule(n_steps)[:-1]


def invert(denoise: Denoise, x: torch.Tensor, n_steps: int) -> torch.Tensor:
    """Carry rows up to pure noise along the probability flow.

    Parameters
    ----------
    denoise : callable
        ``denoise(x, sigma)`` returns the expected clean rows.
    x : Tensor of shape (n_samples, n_features)
        Rows, taken to be at the lowest noise level.
    n_steps : int
        Number of levels.

    Returns
    -------
    Tensor of shape (n_samples, n_features)
        Rows at the highest noise level.

    References
    ----------
    Song et al. (2021), Score-Based Generative Modeling through Stochastic
    Differential Equations, ICLR, Sec. 4.3 and D.1.
    """
    return sample_heun(denoise, x, noise_levels(n_steps).flip(0).to(x.device))


def generate(denoise: Denoise, x: torch.Tensor, n_steps: int) -> torch.Tensor:
    """Carry noise down to rows; inverse of `invert` but for the solver's error."""
    return sample_heun(denoise, x, noise_levels(n_steps).to(x.device))


def recentre(
    x: torch.Tensor,
    old: Denoise,
    new: Denoise,
    n_steps: int,
    fresh: float = 0.0,
    noise: torch.Tensor | None = None,
) -> torch.Tensor:
    """Move noise made under one denoiser to where another expects it.

    Noisy rows lie around the expected clean row, D(x) at the highest level. Without
    this step a change of that expectation comes out too small by a share of about
    1 / sigma_max.

    Parameters
    ----------
    x : Tensor of shape (n_samples, n_features)
        Rows at the highest level of `noise_levels`.
    old, new : callable
        Denoisers.
    n_steps : int
        Number of levels.
    fresh : float, default=0.0
        Share of the noise's standard deviation drawn anew.
    noise : Tensor of shape (n_samples, n_features), default=None
        Standard normal; None keeps all of the old.

    Returns
    -------
    Tensor of shape (n_samples, n_features)
        Rows at the highest level, for ``new``.
    """
    sigma = noise_levels(n_steps)[0].to(x)
    levels = sigma.expand(len(x))
    own = x - old(x, levels)
    if noise is not None:
        own = (1 - fresh**2) ** 0.5 * own + fresh * sigma * noise
    return new(x, levels) + own


def observed(denoise: Denoise, precision: torch.Tensor, vector: torch.Tensor):
    """Denoiser of rows given a linear-Gaussian observation of them.

    With C = sigma^2 dD/dx the covariance of clean rows given noisy ones (Tweedie's
    second formula) and a likelihood proportional to exp(b' z - z' P z / 2),

        D'(x) = D(x) + C (I + P C)^-1 (b - P D(x)),

    which is exact for Gaussian latents, unlike replacement of the observed part
    (RePaint), which here has no coordinates to replace: genes are mixtures of latents.

    Parameters
    ----------
    denoise : callable
        ``denoise(x, sigma)`` without observation.
    precision : Tensor of shape (n_features, n_features)
        P.
    vector : Tensor of shape (n_samples, n_features)
        b.

    Returns
    -------
    callable
        ``denoise(x, sigma)`` given the observation.

    References
    ----------
    Song, Vahdat, Mardani & Kautz (2023), Pseudoinverse-Guided Diffusion Models for
    Inverse Problems, ICLR, Eq. 7; Boys et al. (2024), Tweedie Moment Projected
    Diffusions for Inverse Problems, TMLR, Eq. 9.
    """
    eye = torch.eye(len(precision), device=precision.device, dtype=precision.dtype)

    def given(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            clean = denoise(x, sigma)
            gradients = [
                torch.autograd.grad(column.sum(), x, retain_graph=True)[0]
                for column in clean.unbind(1)
            ]
        jacobian = torch.stack(gradients, 1)
        # A network's Jacobian is a covariance only nearly: the nearest one.
        values, vectors = torch.linalg.eigh((jacobian + jacobian.mT) / 2)
        # No direction can be more uncertain than its noise allows twice over.
        values = values.clamp(0, 2) * sigma[:, None] ** 2
        covariance = (vectors * values[:, None]) @ vectors.mT
        clean = clean.detach()
        innovation = vector - clean @ precision
        step = torch.linalg.solve(eye + precision @ covariance, innovation[:, :, None])
        return clean + (covariance @ step)[:, :, 0]

    return given
