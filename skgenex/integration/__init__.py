"""Bridges to other packages; each needs the package it is named after."""

from typing import Any

__all__ = ["OptunaPruning"]


def __getattr__(name: str) -> Any:
    """Import on first use: Optuna is optional."""
    if name == "OptunaPruning":
        from .optuna import OptunaPruning

        return OptunaPruning
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
