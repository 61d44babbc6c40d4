"""Confidentiality of a generator, measured by attacks.

:func:`privacy_report` runs them all on a fitted sampler. An attack that fails proves
nothing: a stronger one may exist. What it finds is a lower bound of what leaks.
"""

from ._closest import (
    authenticity,
    distance_to_closest_record_share,
    membership_inference_auc,
    nearest_neighbour_distance_ratio,
    nearest_training_ratio,
)
from ._report import PrivacyReport, privacy_report
from .attacks import (
    Evidence,
    density_ratio,
    gan_leaks,
    gaussian_ratio,
    logan,
    monte_carlo,
)
from .canaries import Canaries, plant_canaries
from .inference import attribute_inference, linkability, singling_out
from .roc import MembershipResult, membership_result

__all__ = [
    "Canaries",
    "Evidence",
    "MembershipResult",
    "PrivacyReport",
    "attribute_inference",
    "authenticity",
    "density_ratio",
    "distance_to_closest_record_share",
    "gan_leaks",
    "gaussian_ratio",
    "linkability",
    "logan",
    "membership_inference_auc",
    "membership_result",
    "monte_carlo",
    "nearest_neighbour_distance_ratio",
    "nearest_training_ratio",
    "plant_canaries",
    "privacy_report",
    "singling_out",
]
