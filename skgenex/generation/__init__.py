"""Generators of expression profiles, which are also over-samplers."""

from ._diffusion_sampler import DiffusionSampler
from ._gan_sampler import GANSampler
from ._gaussian_sampler import GaussianSampler
from ._vae_sampler import VAESampler
from .strategies import augment_to, multiply

__all__ = [
    "DiffusionSampler",
    "GANSampler",
    "GaussianSampler",
    "VAESampler",
    "augment_to",
    "multiply",
]
