"""Searches: each moves a batch of patients until they are predicted as their target."""

from .diffusion import diffusion
from .drivers import drivers
from .front import pareto
from .gradient import gradient
from .learned import learned
from .natural import natural
from .prototype import prototype
from .sparse import sparse

SEARCHES = {
    "natural": natural,
    "learned": learned,
    "gradient": gradient,
    "sparse": sparse,
    "prototype": prototype,
    "pareto": pareto,
    "diffusion": diffusion,
}
NEED_GRADIENTS = {"learned", "gradient", "sparse"}

__all__ = ["NEED_GRADIENTS", "SEARCHES", "drivers"]
