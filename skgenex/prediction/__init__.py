"""Predictors of a phenotype: linear models, and networks where these go beyond."""

from ._classifier import PhenotypeClassifier
from ._regressor import PhenotypeRegressor

__all__ = ["PhenotypeClassifier", "PhenotypeRegressor"]
