"""Scikit-learn-compatible deep models for gene expression.

Rooms and estimators load on first use, so that ``import skgenex`` imports neither torch
nor scikit-learn.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the same names, for editors and type checkers
    from . import (
        counterfactual,
        datasets,
        domain_adaptation,
        generation,
        integration,
        metrics,
        model_selection,
        nn,
        plotting,
        prediction,
        preprocessing,
        self_supervision,
    )
    from ._parallel import data_parallel
    from ._persistence import load, save, trusted_types
    from .counterfactual import (
        CounterfactualExplainer,
    )
    from .domain_adaptation import (
        CyCADAClassifier,
        DANNClassifier,
        DANNRegressor,
        DomainScaler,
        StyleTransfer,
        StyleTransferSampler,
    )
    from .generation import (
        ContrastiveEmbedding,
        DiffusionSampler,
        GANSampler,
        GaussianSampler,
        HierarchicalDiffusionSampler,
        KLAutoencoder,
        PrivateDiffusionSampler,
        PrivateGaussianSampler,
        TextConditions,
        TranscriptomeUpsampler,
        VAESampler,
    )
    from .prediction import (
        PhenotypeClassifier,
        PhenotypeRegressor,
    )
    from .preprocessing import (
        LogCPM,
    )
    from .self_supervision import (
        SubTabPretrainer,
        VIMEClassifier,
        VIMEPretrainer,
    )

__version__ = "0.1.0.dev0"

__all__ = [
    "ContrastiveEmbedding",
    "CounterfactualExplainer",
    "CyCADAClassifier",
    "DANNClassifier",
    "DANNRegressor",
    "DiffusionSampler",
    "DomainScaler",
    "GANSampler",
    "GaussianSampler",
    "HierarchicalDiffusionSampler",
    "KLAutoencoder",
    "LogCPM",
    "PhenotypeClassifier",
    "PhenotypeRegressor",
    "PrivateDiffusionSampler",
    "PrivateGaussianSampler",
    "StyleTransfer",
    "StyleTransferSampler",
    "SubTabPretrainer",
    "TextConditions",
    "TranscriptomeUpsampler",
    "VAESampler",
    "VIMEClassifier",
    "VIMEPretrainer",
    "counterfactual",
    "data_parallel",
    "datasets",
    "domain_adaptation",
    "generation",
    "integration",
    "load",
    "metrics",
    "model_selection",
    "nn",
    "plotting",
    "prediction",
    "preprocessing",
    "save",
    "self_supervision",
    "trusted_types",
]

# Which room each estimator lives in; every other name in __all__ is a room itself.
_ROOM_OF = {
    "ContrastiveEmbedding": "generation",
    "CounterfactualExplainer": "counterfactual",
    "CyCADAClassifier": "domain_adaptation",
    "DANNClassifier": "domain_adaptation",
    "DANNRegressor": "domain_adaptation",
    "DiffusionSampler": "generation",
    "DomainScaler": "domain_adaptation",
    "GANSampler": "generation",
    "GaussianSampler": "generation",
    "HierarchicalDiffusionSampler": "generation",
    "KLAutoencoder": "generation",
    "LogCPM": "preprocessing",
    "PhenotypeClassifier": "prediction",
    "PhenotypeRegressor": "prediction",
    "PrivateDiffusionSampler": "generation",
    "PrivateGaussianSampler": "generation",
    "StyleTransfer": "domain_adaptation",
    "StyleTransferSampler": "domain_adaptation",
    "SubTabPretrainer": "self_supervision",
    "TextConditions": "generation",
    "TranscriptomeUpsampler": "generation",
    "VAESampler": "generation",
    "VIMEClassifier": "self_supervision",
    "VIMEPretrainer": "self_supervision",
}


_FILE_OF = {
    "data_parallel": "_parallel",
    "load": "_persistence",
    "save": "_persistence",
    "trusted_types": "_persistence",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    room = _FILE_OF.get(name, _ROOM_OF.get(name))
    if room is None:
        return import_module(f".{name}", __name__)
    found = getattr(import_module(f".{room}", __name__), name)
    globals()[name] = found  # later look-ups don't come here
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
