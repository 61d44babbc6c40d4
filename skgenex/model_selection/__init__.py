"""Scorers for choosing the parameters of generators."""

from ._fidelity_scorer import make_fidelity_scorer

__all__ = ["make_fidelity_scorer"]
