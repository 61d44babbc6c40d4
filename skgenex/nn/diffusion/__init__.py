"""Diffusion in the sigma parameterisation of Karras et al. (2022)."""

from .denoiser import TARGETS, Denoiser, DenoisingObjective, guided
from .gaussian import GaussianDenoiser
from .noise import (
    PROCESSES,
    NoiseProcess,
    ddpm_schedule,
    ddpm_sigmas,
    draw_ddpm,
    draw_flow,
    draw_sigmas,
    flow_schedule,
    sigma_schedule,
)
from .sampling import SOLVERS, sample_ancestral, sample_ddim, sample_dpm, sample_heun

__all__ = [
    "PROCESSES",
    "SOLVERS",
    "TARGETS",
    "Denoiser",
    "DenoisingObjective",
    "GaussianDenoiser",
    "NoiseProcess",
    "ddpm_schedule",
    "ddpm_sigmas",
    "draw_ddpm",
    "draw_flow",
    "draw_sigmas",
    "flow_schedule",
    "guided",
    "sample_ancestral",
    "sample_ddim",
    "sample_dpm",
    "sample_heun",
    "sigma_schedule",
]
