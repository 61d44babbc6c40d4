"""Fidelity, privacy and utility of synthetic expression data.

Scores of counterfactual profiles are in :mod:`skgenex.metrics.counterfactual`, attacks
on privacy in :mod:`skgenex.metrics.privacy`.

All functions take arrays or DataFrames of one scale and do not rescale them: where
genes should weigh equally, standardise real and synthetic rows first, with the mean and
spread of the *real training rows*. Never refit a scaler on synthetic rows: a gene that
is constant up to numerical noise there would explode. ``X_real`` means held-out real
rows; against training rows every copy looks perfect.
"""

from . import counterfactual, privacy
from ._correlation import correlation_agreement
from ._differential_expression import (
    DifferentialExpression,
    differential_expression_recovery,
    moderated_t_test,
)
from ._manifold import ManifoldScores, precision_recall_density_coverage
from ._modules import class_separation, coexpression_modules, module_preservation
from ._summary import fidelity_scores, privacy_scores
from ._two_sample import classifier_two_sample_test
from ._utility import train_on_synthetic_test_on_real
from .privacy import (
    distance_to_closest_record_share,
    membership_inference_auc,
    nearest_training_ratio,
)

__all__ = [
    "DifferentialExpression",
    "ManifoldScores",
    "class_separation",
    "classifier_two_sample_test",
    "coexpression_modules",
    "correlation_agreement",
    "counterfactual",
    "differential_expression_recovery",
    "distance_to_closest_record_share",
    "fidelity_scores",
    "membership_inference_auc",
    "moderated_t_test",
    "module_preservation",
    "nearest_training_ratio",
    "precision_recall_density_coverage",
    "privacy",
    "privacy_scores",
    "train_on_synthetic_test_on_real",
]
