"""Splitters and scorers: to tune generators, and to learn across domains."""

from ._domain_scorers import (
    labelled_only,
    make_collapse_penalised_scorer,
    make_importance_weighted_scorer,
)
from ._domain_splits import LabelledTargetSplit, LeaveOneDomainOut, SourceSplit
from ._fidelity_scorer import make_fidelity_scorer

__all__ = [
    "LabelledTargetSplit",
    "LeaveOneDomainOut",
    "SourceSplit",
    "labelled_only",
    "make_collapse_penalised_scorer",
    "make_fidelity_scorer",
    "make_importance_weighted_scorer",
]
