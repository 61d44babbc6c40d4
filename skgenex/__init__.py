"""Scikit-learn-compatible deep models for gene expression.

Rooms and estimators load on first use, so that ``import skgenex`` imports neither torch
nor scikit-learn.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the same names, for editors and type checkers
    from . import (
        datasets,
        generation,
        integration,
        metrics,
        model_selection,
        nn,
        plotting,
    )
    from .generation import DiffusionSampler, GaussianSampler

__version__ = "0.1.0.dev0"

__all__ = [
    "DiffusionSampler",
    "GaussianSampler",
    "datasets",
    "generation",
    "integration",
    "metrics",
    "model_selection",
    "nn",
    "plotting",
]

# Which room each estimator lives in; every other name in __all__ is a room itself.
_ROOM_OF = {
    "DiffusionSampler": "generation",
    "GaussianSampler": "generation",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name not in _ROOM_OF:
        return import_module(f".{name}", __name__)
    found = getattr(import_module(f".{_ROOM_OF[name]}", __name__), name)
    globals()[name] = found  # later look-ups don't come here
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
