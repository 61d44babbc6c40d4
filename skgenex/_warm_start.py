"""Start from a pretrained encoder: read it, and put it into another network."""

import os
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.utils._param_validation import HasMethods

from ._device import full_precision
from ._genes import match_genes
from ._seeding import seeded
from .nn.encoders import FrozenEncoder

WARM_START_CONSTRAINT: list[Any] = [HasMethods("transform"), str, os.PathLike, None]


class PretrainedScores(NamedTuple):
    """What another network needs of a pretrained encoder.

    Attributes
    ----------
    parameters : dict
        Arguments of `FrozenEncoder`.
    weights : dict of str to Tensor
        Its state.
    scores : ndarray of float32 of shape (n_samples, n_components)
        Its outputs for the rows of the fit: whitened latents of mean 0 and mean square
        1.
    gene_share : float
        Share of the pretrainer's genes that the table has; NaN without names.
    """

    parameters: dict[str, Any]
    weights: dict[str, torch.Tensor]
    scores: NDArray
    gene_share: float


def read_pretrainer(source: Any) -> Any:
    """Return a fitted pretrainer.

    Parameters
    ----------
    source : pretrainer, FrozenEstimator or path-like
        Fitted, or a file that `joblib.dump` wrote; open only files you trust.

    Returns
    -------
    VIMEPretrainer or SubTabPretrainer
        The pretrainer.

    Raises
    ------
    TypeError
        If it is something else.
    NotFittedError
        If it is not fitted.
    """
    if isinstance(source, (str, os.PathLike)):
        import joblib

        source = joblib.load(source)
    if isinstance(source, FrozenEstimator):
        source = source.estimator
    kind = type(source).__name__
    if not hasattr(source, "_encoder_parameters"):
        raise TypeError(
            "warm_start_from must be a fitted pretrainer such as VIMEPretrainer, that "
            f"in a FrozenEstimator, or a path to one; got {kind}."
        )
    if not hasattr(source, "net_"):
        raise NotFittedError(
            f"warm_start_from is a {kind} that is not fitted. If it was, it has been "
            "cloned since, as cross-validation does: pass "
            "sklearn.frozen.FrozenEstimator(pretrainer), or a path."
        )
    return source


def pretrained_scores(
    source: Any,
    names: NDArray | None,
    rows: NDArray,
    gene_weights: NDArray | None = None,
) -> PretrainedScores:
    """Put a pretrained encoder before a network of other rows.

    Parameters
    ----------
    source : pretrainer, FrozenEstimator or path-like
        See `read_pretrainer`.
    names : ndarray of str of shape (n_features,) or None
        Genes of the rows.
    rows : ndarray of shape (n_samples, n_features)
        Standardised by themselves.
    gene_weights : ndarray of shape (n_features,), default=None
        What the standardised rows were multiplied by; it is undone.

    Returns
    -------
    PretrainedScores
        The encoder and its outputs.

    Raises
    ------
    ValueError
        If the genes cannot be matched.
    """
    pretrainer = read_pretrainer(source)
    places, share = _match(pretrainer, names, rows.shape[1])
    kind, encoder = pretrainer._encoder_parameters()
    n_components = encoder["n_components"]
    parameters = {
        "kind": kind,
        "encoder": encoder,
        "places": places,
        "n_components": n_components,
    }
    with seeded(0):  # initial weights are drawn, only to be lost
        module = FrozenEncoder(**parameters)
    trained = pretrainer._network().encoder.state_dict()
    module.encoder.load_state_dict({name: t.cpu() for name, t in trained.items()})
    if gene_weights is not None:
        used = np.where(places >= 0, gene_weights[places], 0.0)
        inverse = np.divide(1.0, used, out=np.zeros_like(used), where=used > 0)
        module.scale.copy_(torch.from_numpy(inverse))
    whitening = torch.from_numpy(np.asarray(pretrainer.whitening_))
    module.map.weight.copy_(whitening)
    scores = _outputs(module, rows)
    length = float(np.sqrt(scores.var(axis=0, dtype=np.float64).mean())) or 1.0
    module.map.weight.copy_(whitening / length)
    module.map.bias.copy_(torch.from_numpy(-scores.mean(axis=0) / length))
    weights = {name: t.clone() for name, t in module.state_dict().items()}
    return PretrainedScores(parameters, weights, _outputs(module, rows), share)


def _match(pretrainer, names, n_features):
    known = getattr(pretrainer, "feature_names_in_", None)
    if known is not None and names is not None:
        return match_genes(known, names)
    if pretrainer.n_features_in_ != n_features:
        raise ValueError(
            f"warm_start_from knows {pretrainer.n_features_in_} genes and X has "
            f"{n_features}. Use DataFrames for both: genes are then matched by name."
        )
    return np.arange(n_features), np.nan


def _outputs(module, rows):
    with full_precision("cpu"):
        return module(torch.tensor(rows, dtype=torch.float32)).numpy()
