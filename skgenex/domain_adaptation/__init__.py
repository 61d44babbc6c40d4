"""Learning across data sets: platforms, cohorts, cell lines and patients."""

from ._cycada import CyCADAClassifier
from ._dann import DANNClassifier
from ._dann_regressor import DANNRegressor
from ._domain_scaler import DomainScaler
from ._style_transfer import StyleTransfer
from ._style_transfer_sampler import StyleTransferSampler
from .coexpression import integrative_correlation
from .divergence import proxy_a_distance

__all__ = [
    "CyCADAClassifier",
    "DANNClassifier",
    "DANNRegressor",
    "DomainScaler",
    "StyleTransfer",
    "StyleTransferSampler",
    "integrative_correlation",
    "proxy_a_distance",
]
