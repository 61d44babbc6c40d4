"""Denoising losses of given rows: how well a diffusion model knows them."""

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from ._patients import check_patients, uses_network

LOWEST, HIGHEST = 0.05, 5.0  # noise, in standard deviations of the latents


def denoising_losses(
    sampler: Any,
    X: ArrayLike,
    y: ArrayLike | None = None,
    conditions: Any = None,
    *,
    n_levels: int = 8,
    n_draws: int = 16,
    random_state: int = 0,
) -> NDArray:
    """Mean squared error of denoising each row, by noise level.

    A model that overfits denoises its training rows better than others; attackers who
    have the fitted sampler see that (Matsumoto et al. 2023). A `DiffusionSampler` whose
    network was not used is asked for the errors of its Gaussian.

    Parameters
    ----------
    sampler : DiffusionSampler
        A fitted sampler; a `GaussianSampler` will do, too.
    X : array-like of shape (n_samples, n_features)
        Rows on the scale of the fit.
    y : array-like of shape (n_samples,), default=None
        Their labels; None takes the likeliest.
    conditions : DataFrame of shape (n_samples, n_conditions), default=None
        Their covariates, if the fit had some.
    n_levels : int, default=8
        Noise levels, from 0.05 to 5 standard deviations of the latents.
    n_draws : int, default=16
        Noise draws per row and level; the same for all rows.
    random_state : int, default=0
        Seed of the noise: losses of two samplers or two sets are comparable.

    Returns
    -------
    ndarray of shape (n_samples, n_levels)
        Squared errors per latent, from the lowest noise level to the highest.

    Raises
    ------
    TypeError
        If ``sampler`` is none of this package, or its network cannot denoise.
    ValueError
        If it has no latents.

    References
    ----------
    Matsumoto, Miura & Yanai (2023), Membership inference attacks against diffusion
    models, IEEE S&P Workshops.

    Examples
    --------
    >>> from skgenex import DiffusionSampler
    >>> from skgenex.datasets import make_expression
    >>> from skgenex.generation import denoising_losses
    >>> X, y = make_expression(n_samples=60, random_state=0, return_X_y=True)
    >>> sampler = DiffusionSampler(max_epochs=2, random_state=0).fit(X, y)
    >>> losses = denoising_losses(sampler, X[:3], y[:3])
    >>> losses.shape
    (3, 8)
    >>> bool((losses[:, 0] < losses[:, -1]).all())
    True
    """
    if n_levels < 1 or n_draws < 1:
        raise ValueError(
            f"n_levels and n_draws must be at least 1; got {n_levels}, {n_draws}."
        )
    patients = check_patients(sampler, X, y, conditions)
    latents = sampler.model_.encode(patients.X, patients.codes, patients.covariates)
    if not latents.shape[1]:
        raise ValueError("The sampler has no latents: no factor stands out from noise.")
    rng = np.random.default_rng(random_state)
    out = np.zeros((len(latents), n_levels))
    for level, sigma in enumerate(np.geomspace(LOWEST, HIGHEST, n_levels)):
        for _ in range(n_draws):
            noisy = latents + sigma * rng.standard_normal(latents.shape[1])
            denoised = _denoise(sampler, noisy, sigma, patients)
            out[:, level] += np.square(denoised - latents).mean(axis=1) / n_draws
    return out


def _denoise(sampler: Any, noisy: NDArray, sigma: float, patients: Any) -> NDArray:
    if not uses_network(sampler):
        # The posterior mean C (C + sigma^2 I)^-1 x of centred Gaussian latents.
        out = np.empty_like(noisy)
        for c in np.unique(patients.codes):
            own = patients.codes == c
            covariance = sampler.class_covariances_[c]
            total = covariance + sigma**2 * np.eye(len(covariance))
            out[own] = noisy[own] @ np.linalg.solve(total, covariance)
        return out
    denoiser = sampler._network().denoiser

    def denoise(x: torch.Tensor, label: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
        return denoiser(x, torch.full((len(x),), sigma).to(x), label, u)

    return sampler._apply(
        denoise,
        noisy.astype(np.float32),
        patients.codes,
        patients.covariates.astype(np.float32),
    ).astype(np.float64)
