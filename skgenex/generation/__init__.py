"""Generators of expression profiles, which are also over-samplers."""

from ._diffusion_sampler import DiffusionSampler
from ._editing import edit, impute
from ._gan_sampler import GANSampler
from ._gaussian_sampler import GaussianSampler
from ._intervention import (
    InterventionResult,
    Shift,
    intervention_scan,
    simulate_intervention,
)
from ._transport import TransportResult, transport
from ._vae_sampler import VAESampler
from .strategies import augment_to, multiply

__all__ = [
    "DiffusionSampler",
    "GANSampler",
    "GaussianSampler",
    "InterventionResult",
    "Shift",
    "TransportResult",
    "VAESampler",
    "augment_to",
    "edit",
    "impute",
    "intervention_scan",
    "multiply",
    "simulate_intervention",
    "transport",
]
