"""Displays in the style of scikit-learn; need matplotlib: ``skgenex[plot]``."""

from ._correlation import CorrelationDisplay
from ._counterfactual_arrows import ArrowsDisplay
from ._counterfactual_biomarkers import BiomarkersDisplay
from ._counterfactual_changes import ChangesDisplay
from ._counterfactual_correlation import CounterfactualCorrelationDisplay
from ._counterfactual_front import ParetoDisplay
from ._embedding import EmbeddingDisplay
from ._intervention import InterventionScanDisplay
from ._marginals import MarginalsDisplay
from ._privacy import MembershipRocDisplay
from ._training_curve import TrainingCurveDisplay

__all__ = [
    "ArrowsDisplay",
    "BiomarkersDisplay",
    "ChangesDisplay",
    "CorrelationDisplay",
    "CounterfactualCorrelationDisplay",
    "EmbeddingDisplay",
    "InterventionScanDisplay",
    "MarginalsDisplay",
    "MembershipRocDisplay",
    "ParetoDisplay",
    "TrainingCurveDisplay",
]
