"""Generators of expression profiles, which are also over-samplers."""

from ._contrastive_embedding import ContrastiveEmbedding
from ._diffusion_sampler import DiffusionSampler
from ._editing import edit, impute
from ._gan_sampler import GANSampler
from ._gaussian_sampler import GaussianSampler
from ._hierarchical_sampler import HierarchicalDiffusionSampler
from ._intervention import (
    InterventionResult,
    Shift,
    intervention_scan,
    simulate_intervention,
)
from ._kl_autoencoder import KLAutoencoder
from ._private_diffusion_sampler import PrivateDiffusionSampler
from ._private_gaussian_sampler import PrivateGaussianSampler
from ._release import release
from ._transport import TransportResult, transport
from ._upsampler import TranscriptomeUpsampler
from ._vae_sampler import VAESampler
from .loss_trajectory import denoising_losses
from .strategies import augment_to, multiply
from .text import TextConditions

__all__ = [
    "ContrastiveEmbedding",
    "DiffusionSampler",
    "GANSampler",
    "GaussianSampler",
    "HierarchicalDiffusionSampler",
    "InterventionResult",
    "KLAutoencoder",
    "PrivateDiffusionSampler",
    "PrivateGaussianSampler",
    "Shift",
    "TextConditions",
    "TranscriptomeUpsampler",
    "TransportResult",
    "VAESampler",
    "augment_to",
    "denoising_losses",
    "edit",
    "impute",
    "intervention_scan",
    "multiply",
    "release",
    "simulate_intervention",
    "transport",
]
