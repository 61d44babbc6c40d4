"""Encoders of rows that are trained without labels, and used by other networks."""

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import nn


class FactorEncoder(nn.Module):
    """Linear factors of a row, corrected by a multilayer perceptron of these.

    ``forward(x) = z + last(perceptron(z))`` with ``z = projection(x)``. ``last`` starts
    at zero, so an encoder whose projection holds principal directions *is* principal
    component analysis until it is trained.

    Parameters
    ----------
    n_features : int
        Number of values per row.
    n_components : int
        Number of latents.
    n_hidden : int, default=128
        Units per hidden layer.
    n_layers : int, default=1
        Hidden layers.
    dropout : float, default=0.0
        Share of hidden units dropped in training.

    Examples
    --------
    >>> import torch
    >>> from skgenex.nn.encoders import FactorEncoder
    >>> encoder, x = FactorEncoder(5, 2), torch.randn(3, 5)
    >>> torch.equal(encoder(x), encoder.projection(x))
    True
    """

    def __init__(
        self,
        n_features: int,
        n_components: int,
        *,
        n_hidden: int = 128,
        n_layers: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.projection = nn.Linear(n_features, n_components, bias=False)
        nn.init.normal_(self.projection.weight, std=n_features**-0.5)
        layers: list[nn.Module] = []
        n_inputs = n_components
        for _ in range(n_layers):
            block = nn.Sequential(
                nn.Linear(n_inputs, n_hidden),
                nn.LayerNorm(n_hidden),
                nn.GELU(),
                nn.Dropout(dropout),
            )
            layers.append(block)
            n_inputs = n_hidden
        self.layers = nn.ModuleList(layers)
        self.last = nn.Linear(n_inputs, n_components)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return latents.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            Standardised rows.

        Returns
        -------
        Tensor of shape (n_samples, n_components)
            The latents.
        """
        z = self.projection(x)
        hidden = z
        for layer in self.layers:
            hidden = layer(hidden)
        return z + self.last(hidden)

    def freeze(self, n_layers: int) -> None:
        """Keep the projection and further layers as they are, ``n_layers`` in all."""
        parts = [self.projection, *self.layers, self.last]
        for part in parts[:n_layers]:
            part.requires_grad_(False)


class SubsetEncoder(nn.Module):
    """One perceptron shared by subsets of the genes; their latents are averaged.

    Parameters
    ----------
    subsets : array-like of int of shape (n_subsets, width)
        Places of genes; -1 fills up short subsets.
    n_components : int
        Number of latents.
    n_hidden : int, default=128
        Units of the hidden layer.
    dropout : float, default=0.0
        Share of hidden units dropped in training.

    References
    ----------
    Ucar, Hajiramezanali & Edwards (2021), SubTab, NeurIPS, Sec. 2.

    Examples
    --------
    >>> import torch
    >>> from skgenex.nn.encoders import SubsetEncoder
    >>> encoder, x = SubsetEncoder([[0, 1], [1, 2]], 4), torch.randn(5, 3)
    >>> torch.allclose(encoder(x), encoder.latents(x).mean(dim=1))
    True
    """

    places: torch.Tensor
    present: torch.Tensor

    def __init__(
        self,
        subsets: ArrayLike,
        n_components: int,
        *,
        n_hidden: int = 128,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        places = torch.as_tensor(np.asarray(subsets), dtype=torch.int64)
        self.register_buffer("places", places.clamp(min=0))
        self.register_buffer("present", (places >= 0).float())
        self.network = nn.Sequential(
            nn.Linear(places.shape[1], n_hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(n_hidden, n_components),
        )

    def latents(self, x: torch.Tensor) -> torch.Tensor:
        """Return the latents of each subset.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            Standardised rows.

        Returns
        -------
        Tensor of shape (n_samples, n_subsets, n_components)
            Latents; a row's are independent of the other rows.
        """
        return self.network(x[:, self.places] * self.present)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the mean over the subsets, (n_samples, n_components)."""
        return self.latents(x).mean(dim=1)


ENCODERS = {"factors": FactorEncoder, "subsets": SubsetEncoder}


class FrozenEncoder(nn.Module):
    """A pretrained encoder in another network: its genes by place, its latents mapped.

    Nothing in it is trained, and it is always in evaluation mode.

    Parameters
    ----------
    kind : {"factors", "subsets"}
        Key of `ENCODERS`.
    encoder : dict
        Its arguments.
    places : array-like of int of shape (n_wanted,)
        Where the encoder's genes are in a row; a gene at -1 is not there, and has the
        standardised value 0.
    n_components : int
        Number of latents.

    Attributes
    ----------
    scale : Tensor of shape (n_wanted,)
        What genes are multiplied by before; zero where they are not there.
    map : nn.Linear
        From latents to outputs, the identity at first.
    """

    places: torch.Tensor
    scale: torch.Tensor

    def __init__(
        self, kind: str, encoder: dict[str, Any], places: ArrayLike, n_components: int
    ) -> None:
        super().__init__()
        where = torch.as_tensor(np.asarray(places), dtype=torch.int64)
        self.register_buffer("places", where.clamp(min=0))
        self.register_buffer("scale", (where >= 0).float())
        self.encoder = ENCODERS[kind](**encoder)
        self.map = nn.Linear(n_components, n_components)
        nn.init.eye_(self.map.weight)
        nn.init.zeros_(self.map.bias)
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> "FrozenEncoder":
        """Stay in evaluation mode."""
        return super().train(False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map standardised rows to (n_samples, n_components)."""
        return self.map(self.encoder(x[:, self.places] * self.scale))
