"""Counterfactual patients of frozen models, and the biomarkers they reveal."""

from ._explainer import CounterfactualExplainer
from ._result import Explanations
from .biomarkers import Biomarkers, biomarkers
from .enrichment import enrichment, read_gmt
from .stability import Stability, selection_stability

__all__ = [
    "Biomarkers",
    "CounterfactualExplainer",
    "Explanations",
    "Stability",
    "biomarkers",
    "enrichment",
    "read_gmt",
    "selection_stability",
]
