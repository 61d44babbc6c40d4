"""Generators of expression profiles, which are also over-samplers."""

from ._diffusion_sampler import DiffusionSampler
from ._gaussian_sampler import GaussianSampler
from .strategies import augment_to, multiply

__all__ = ["DiffusionSampler", "GaussianSampler", "augment_to", "multiply"]
