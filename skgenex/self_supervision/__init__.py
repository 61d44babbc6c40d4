"""Learn from rows without labels, then from few labels."""

from ._comparison import compare_pretraining
from ._subtab_pretrainer import SubTabPretrainer
from ._vime_classifier import VIMEClassifier
from ._vime_pretrainer import VIMEPretrainer

__all__ = [
    "SubTabPretrainer",
    "VIMEClassifier",
    "VIMEPretrainer",
    "compare_pretraining",
]
