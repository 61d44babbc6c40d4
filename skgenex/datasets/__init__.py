"""Real and simulated expression data, and readers for other formats."""

from ._anndata import from_anndata
from ._folder import load_dataset
from ._leukemia import load_leukemia
from ._simulation import make_expression

__all__ = ["from_anndata", "load_dataset", "load_leukemia", "make_expression"]
