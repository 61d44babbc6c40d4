"""A network that starts as a linear model and learns what that model misses."""

from typing import Any

import torch
from torch import nn

from .encoders import FrozenEncoder


class PhenotypeNet(nn.Module):
    """Linear model plus a multilayer perceptron whose contribution starts at zero.

    ``forward(x) = linear(x) + head(encoder(x))``. The head starts at zero, so a network
    whose ``linear`` holds a fitted linear model *is* that model until it is trained.

    Parameters
    ----------
    n_features : int
        Number of values per row.
    n_outputs : int
        Number of classes or targets.
    n_hidden : int, default=64
        Units per layer of the encoder.
    n_layers : int, default=2
        Layers of the encoder; 0 leaves the linear model alone, and then ``encoder``
        and ``head`` are None.
    dropout : float, default=0.3
        Share of hidden units dropped in training.
    input_dropout : float, default=0.1
        Share of features that the encoder does not see in training.
    n_members : int, default=1
        Perceptrons side by side, as in `PhenotypeEncoder`.
    n_components : int, default=None
        Linear combinations that the perceptrons take, as in `PhenotypeEncoder`.
    pretrained : dict, default=None
        Arguments of `FrozenEncoder`, as in `PhenotypeEncoder`.

    Attributes
    ----------
    linear : nn.Linear
        From features to outputs.
    encoder : PhenotypeEncoder or None
        From features to ``encoder.n_outputs`` hidden units.
    head : nn.Linear or None
        From hidden units to outputs, zero at first.

    Examples
    --------
    >>> import torch
    >>> from skgenex.nn import PhenotypeNet
    >>> network = PhenotypeNet(n_features=5, n_outputs=2).eval()
    >>> x = torch.randn(3, 5)
    >>> torch.equal(network(x), network.linear(x))
    True
    """

    def __init__(
        self,
        n_features: int,
        n_outputs: int,
        *,
        n_hidden: int = 64,
        n_layers: int = 2,
        dropout: float = 0.3,
        input_dropout: float = 0.1,
        n_members: int = 1,
        n_components: int | None = None,
        pretrained: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.linear = nn.Linear(n_features, n_outputs)
        self.encoder = self.head = None
        if n_layers:
            self.encoder = PhenotypeEncoder(
                n_features,
                n_hidden=n_hidden,
                n_layers=n_layers,
                dropout=dropout,
                input_dropout=input_dropout,
                n_members=n_members,
                n_components=n_components,
                pretrained=pretrained,
            )
            self.head = nn.Linear(self.encoder.n_outputs, n_outputs)
            nn.init.zeros_(self.head.weight)
            nn.init.zeros_(self.head.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits or predictions.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            Standardised rows.

        Returns
        -------
        Tensor of shape (n_samples, n_outputs)
            Outputs of the linear model plus the correction.
        """
        if self.encoder is None or self.head is None:
            return self.linear(x)
        return self.linear(x) + self.head(self.encoder(x))


class Standardise(nn.Module):
    """Subtract a mean, divide by a scale, and clip what lies far out.

    Parameters
    ----------
    n_features : int
        Number of values per row.
    clip : float, default=10.0
        Largest absolute value that leaves the module.

    Attributes
    ----------
    mean, inverse_scale : Tensor of shape (n_features,)
        Buffers; zeros and ones at first. A zero in ``inverse_scale`` mutes a feature.

    Examples
    --------
    >>> import torch
    >>> from skgenex.nn import Standardise
    >>> standardise = Standardise(2)
    >>> standardise.mean.fill_(1.0)
    tensor([1., 1.])
    >>> standardise(torch.tensor([[0.0, 99.0]]))
    tensor([[-1., 10.]])
    """

    mean: torch.Tensor
    inverse_scale: torch.Tensor

    def __init__(self, n_features: int, clip: float = 10.0) -> None:
        super().__init__()
        self.clip = clip
        self.register_buffer("mean", torch.zeros(n_features))
        self.register_buffer("inverse_scale", torch.ones(n_features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return standardised rows.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            Rows in the unit of the training data.

        Returns
        -------
        Tensor of shape (n_samples, n_features)
            The rows without unit.
        """
        return ((x - self.mean) * self.inverse_scale).clamp(-self.clip, self.clip)


class PhenotypeEncoder(nn.Module):
    """Residual multilayer perceptrons, ``n_members`` of them side by side.

    The members share nothing, so each may be trained on rows of its own; one product
    per layer computes them all. Their joined units are divided by their number, so that
    a linear head averages what each of its parts makes of its member's units.

    Parameters
    ----------
    n_features : int
        Number of values per row.
    n_hidden : int, default=64
        Units per layer and member.
    n_layers : int, default=2
        Layers; those after the first add to what they are given.
    dropout : float, default=0.3
        Share of hidden units dropped in training.
    input_dropout : float, default=0.1
        Share of features, or combinations, dropped in training.
    n_members : int, default=1
        Number of perceptrons.
    n_components : int, default=None
        The perceptrons take so many linear combinations of the features, the rows of
        ``projection.weight``, in place of the features.
    pretrained : dict, default=None
        They take the outputs of a `FrozenEncoder` with these arguments.

    Attributes
    ----------
    n_outputs : int
        ``n_members * n_hidden``, the units of one member after those of the other.

    Examples
    --------
    >>> import torch
    >>> from skgenex.nn import PhenotypeEncoder
    >>> encoder = PhenotypeEncoder(n_features=5, n_hidden=8, n_members=3)
    >>> encoder(torch.randn(4, 5)).shape
    torch.Size([4, 24])
    """

    def __init__(
        self,
        n_features: int,
        *,
        n_hidden: int = 64,
        n_layers: int = 2,
        dropout: float = 0.3,
        input_dropout: float = 0.1,
        n_members: int = 1,
        n_components: int | None = None,
        pretrained: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.n_outputs = n_members * n_hidden
        self.n_members = n_members
        self.projection: nn.Module = nn.Identity()
        if pretrained is not None:
            self.projection = FrozenEncoder(**pretrained)
            n_features = pretrained["n_components"]
        elif n_components is not None:
            self.projection = nn.Linear(n_features, n_components, bias=False)
            n_features = n_components
        self.input_dropout = nn.Dropout(input_dropout)
        self.first = nn.Linear(n_features, self.n_outputs)
        # Without weights of its own, a norm tells one member nothing of another's rows.
        self.norm = nn.LayerNorm(n_hidden, elementwise_affine=False)
        self.layers = nn.ModuleList(
            MemberLinear(n_members, n_hidden, n_hidden) for _ in range(n_layers - 1)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return hidden units.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            Standardised rows.

        Returns
        -------
        Tensor of shape (n_samples, n_outputs)
            Units of the last layer, divided by ``n_members``.
        """
        hidden = self.first(self.input_dropout(self.projection(x)))
        hidden = hidden.unflatten(1, (self.n_members, -1))
        for layer in self.layers:
            hidden = hidden + layer(self._activate(hidden))
        return self._activate(hidden).flatten(1) / self.n_members

    def _activate(self, hidden: torch.Tensor) -> torch.Tensor:
        return self.dropout(nn.functional.silu(self.norm(hidden)))


class MemberLinear(nn.Module):
    """A linear layer for each member of an ensemble.

    Parameters
    ----------
    n_members : int
        Number of members.
    n_in, n_out : int
        Units per member.
    """

    def __init__(self, n_members: int, n_in: int, n_out: int) -> None:
        super().__init__()
        bound = n_in**-0.5
        self.weight = nn.Parameter(
            torch.empty(n_members, n_in, n_out).uniform_(-bound, bound)
        )
        self.bias = nn.Parameter(torch.zeros(n_members, n_out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (n_samples, n_members, n_in) to (n_samples, n_members, n_out)."""
        return torch.einsum("nmi,mio->nmo", x, self.weight) + self.bias
