"""The encoder: linear factors, plus a perceptron whose contribution starts at zero."""

import torch
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
    >>> from skgenex.self_supervision.encoder import FactorEncoder
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
