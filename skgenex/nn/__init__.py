"""Pure torch blocks shared by the rooms; knows no scikit-learn."""

from .networks import ConditionalMLP
from .phenotype import PhenotypeEncoder, PhenotypeNet, Standardise

__all__ = ["ConditionalMLP", "PhenotypeEncoder", "PhenotypeNet", "Standardise"]
