"""Diffusion in the sigma parameterisation of Karras et al. (2022)."""

from .denoiser import Denoiser, DenoisingObjective, GaussianDenoiser, guided
from .noise import draw_sigmas, sigma_schedule
from .sampling import SOLVERS, sample_ddim, sample_heun

__all__ = [
    "SOLVERS",
    "Denoiser",
    "DenoisingObjective",
    "GaussianDenoiser",
    "draw_sigmas",
    "guided",
    "sample_ddim",
    "sample_heun",
    "sigma_schedule",
]
