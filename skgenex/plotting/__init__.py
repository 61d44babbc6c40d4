"""Displays in the style of scikit-learn; need matplotlib: ``skgenex[plot]``."""

from ._correlation import CorrelationDisplay
from ._embedding import EmbeddingDisplay
from ._marginals import MarginalsDisplay
from ._training_curve import TrainingCurveDisplay

__all__ = [
    "CorrelationDisplay",
    "EmbeddingDisplay",
    "MarginalsDisplay",
    "TrainingCurveDisplay",
]
