"""Weights of an encoder, taken out of a pretrainer and put into a classifier."""

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from .._batching import RowReader, slices
from .._device import full_precision
from .._genes import match_genes, take_genes
from .._seeding import seeded
from ..nn.encoders import FactorEncoder
from ._vime_pretrainer import VIMEPretrainer

PROJECTION = "encoder.projection.weight"


class EncoderParts(NamedTuple):
    """An encoder for standardised rows.

    Attributes
    ----------
    weights : dict of str to ndarray
        State of the encoder, names prefixed by "encoder.".
    n_components : int
        Number of latents.
    network : dict
        Further arguments of `FactorEncoder`.
    """

    weights: dict[str, NDArray]
    n_components: int
    network: dict[str, Any]

    def encode(self, rows: NDArray) -> NDArray:
        """Return the latents of standardised rows."""
        with seeded(0):  # initial weights are drawn, only to be lost
            encoder = FactorEncoder(rows.shape[1], self.n_components, **self.network)
        encoder.load_state_dict(
            {
                name: torch.from_numpy(self.weights[f"encoder.{name}"])
                for name in encoder.state_dict()
            }
        )
        encoder.eval()
        with full_precision("cpu"):
            parts = [
                encoder(part["x"]) for part in slices({"x": RowReader(rows)}, 1024)
            ]
        return torch.cat(parts).numpy()


def trained_parts(pretrainer: VIMEPretrainer) -> EncoderParts:
    """Copy the encoder of a fitted pretrainer."""
    module: Any = pretrainer._network()
    weights = {
        f"encoder.{name}": tensor.detach().cpu().numpy().copy()
        for name, tensor in module.encoder.state_dict().items()
    }
    return _assemble(weights, pretrainer._objective[1])


def untrained_parts(
    pretrainer: VIMEPretrainer, rows: NDArray, seed: int
) -> EncoderParts:
    """Return the encoder where its training on these rows would start."""
    kind, parameters, given = pretrainer._new_objective(rows, seed)
    with seeded(seed):
        state = kind(**parameters).encoder.state_dict()
    weights = {f"encoder.{name}": tensor.numpy() for name, tensor in state.items()}
    weights |= {
        name: np.asarray(weight, dtype=np.float32)
        for name, weight in given.items()
        if name in weights
    }
    return _assemble(weights, parameters)


def matched_parts(
    pretrainer: VIMEPretrainer, names: NDArray | None, n_features: int
) -> tuple[EncoderParts, float]:
    """Copy a fitted encoder, its genes in the order of another table.

    Parameters
    ----------
    pretrainer : VIMEPretrainer
        Fitted.
    names : ndarray of str of shape (n_features,) or None
        Genes of the table.
    n_features : int
        Their number.

    Returns
    -------
    parts : EncoderParts
        A gene that the pretrainer does not know says nothing to the encoder.
    share : float
        Share of the pretrainer's genes that the table has; NaN without names.
    """
    parts = trained_parts(pretrainer)
    known = getattr(pretrainer, "feature_names_in_", None)
    projection = parts.weights[PROJECTION]
    if known is not None and names is not None:
        _, share = match_genes(known, names)
        where = {gene: i for i, gene in enumerate(known)}
        places = np.array([where.get(gene, -1) for gene in names])
        parts.weights[PROJECTION] = take_genes(projection, places, 0.0)
        return parts, share
    if projection.shape[1] != n_features:
        raise ValueError(
            f"warm_start_from knows {projection.shape[1]} genes and X has "
            f"{n_features}. Use DataFrames for both: genes are then matched by name."
        )
    return parts, np.nan


def _assemble(weights, parameters):
    network = {name: parameters[name] for name in ("n_hidden", "n_layers", "dropout")}
    return EncoderParts(weights, parameters["n_components"], network)
