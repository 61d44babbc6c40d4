"""The network of domain-adversarial training, and what it minimises."""

from typing import Any

import torch
from torch import nn

from ..nn.encoders import FrozenEncoder
from .gradient_reversal import ramp, reverse_gradient
from .losses import coral_distance, domain_loss, entropy, mmd

# Of the critic's logits. Adam's steps do not depend on the size of gradients: it is the
# gain which lets the critic learn faster than the encoder that runs away from it.
CRITIC_GAIN = 10.0
METHODS = ("dann", "cdan", "deepcoral", "mmd", "none")


class DomainNorm(nn.Module):
    """Batch normalisation with statistics of its own for each domain.

    Statistics of all domains together would tell the critic, by the mean of a batch,
    which domain it sees (Chang et al. 2019, Domain-Specific Batch Normalization, CVPR).
    Domain ``n_domains`` stands for any other: it has the mean statistics of all.

    Parameters
    ----------
    n_units : int
        Units to normalise.
    n_domains : int
        Domains.
    momentum : float, default=0.1
        Weight of a batch in the running statistics.
    """

    mean: torch.Tensor
    variance: torch.Tensor

    def __init__(self, n_units: int, n_domains: int, momentum: float = 0.1) -> None:
        super().__init__()
        self.momentum = momentum
        self.weight = nn.Parameter(torch.ones(n_units))
        self.bias = nn.Parameter(torch.zeros(n_units))
        self.register_buffer("mean", torch.zeros(n_domains, n_units))
        self.register_buffer("variance", torch.ones(n_domains, n_units))

    def forward(self, x: torch.Tensor, domain: torch.Tensor) -> torch.Tensor:
        """Normalise ``x``, (..., n_units), by the statistics of ``domain``, (...)."""
        if self.training:  # x is (n_rows, n_domains, n_units): see AdaptationObjective
            mean, variance = x.mean(dim=0), x.var(dim=0, unbiased=False)
            with torch.no_grad():
                # Within torch.autocast the units may be of lower precision.
                self.mean.lerp_(mean.to(self.mean.dtype), self.momentum)
                self.variance.lerp_(variance.to(self.mean.dtype), self.momentum)
        else:
            mean = torch.cat([self.mean, self.mean.mean(dim=0, keepdim=True)])
            variance = self.variance.mean(dim=0, keepdim=True)
            variance = torch.cat([self.variance, variance])
            mean, variance = mean[domain], variance[domain]
        return (x - mean) * (variance + 1e-5).rsqrt() * self.weight + self.bias


class DomainEncoder(nn.Module):
    """Hidden layers that domains share, but for statistics of normalisation.

    Parameters
    ----------
    n_inputs : int
        Values per row.
    n_domains : int
        Domains.
    n_hidden : int, default=32
        Units per layer.
    n_layers : int, default=2
        Layers.
    dropout : float, default=0.3
        Share of hidden units dropped in training.
    batch_norm : bool, default=True
        Whether layers are normalised by domain (`DomainNorm`); else by row.
    """

    def __init__(
        self,
        n_inputs: int,
        n_domains: int,
        n_hidden: int = 32,
        n_layers: int = 2,
        dropout: float = 0.3,
        batch_norm: bool = True,
    ) -> None:
        super().__init__()
        widths = [n_inputs] + [n_hidden] * n_layers
        self.layers = nn.ModuleList(
            nn.Linear(n_in, n_out)
            for n_in, n_out in zip(widths[:-1], widths[1:], strict=True)
        )
        self.norms = nn.ModuleList(
            DomainNorm(n_hidden, n_domains) if batch_norm else nn.LayerNorm(n_hidden)
            for _ in self.layers
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor, domain: torch.Tensor) -> torch.Tensor:
        """Return hidden units, (..., n_hidden), of rows of each domain."""
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = layer(x)
            x = norm(x, domain) if isinstance(norm, DomainNorm) else norm(x)
            x = self.dropout(nn.functional.silu(x))
        return x


class AdaptationNet(nn.Module):
    """A linear model, and a correction of it by features that domains share.

    ``linear(x) + mean over members of head(encoder(projection(x)))``. Heads start at
    zero, so a network whose ``linear`` holds a fitted model *is* that model until it is
    trained.

    Parameters
    ----------
    n_features, n_outputs : int
        Genes, and classes or targets.
    n_components : int
        Directions of the genes that the encoders see; fixed, see ``projection``.
    n_domains : int
        Domains.
    n_members : int, default=1
        Encoders side by side.
    pretrained : dict, default=None
        The encoders see the outputs of a `FrozenEncoder` with these arguments, in place
        of directions.
    **encoder
        Further arguments of `DomainEncoder`.
    """

    def __init__(
        self,
        n_features: int,
        n_outputs: int,
        n_components: int,
        n_domains: int,
        *,
        n_members: int = 1,
        n_hidden: int = 32,
        pretrained: dict[str, Any] | None = None,
        **encoder,
    ) -> None:
        super().__init__()
        self.linear = nn.Linear(n_features, n_outputs)
        self.projection: nn.Module
        if pretrained is not None:
            self.projection = FrozenEncoder(**pretrained)
        else:
            self.projection = nn.Linear(n_features, n_components, bias=False)
            self.projection.requires_grad_(False)
        self.encoders = nn.ModuleList(
            DomainEncoder(n_components, n_domains, n_hidden, **encoder)
            for _ in range(n_members)
        )
        heads = [nn.Linear(n_hidden, n_outputs) for _ in range(n_members)]
        for head in heads:
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)
        self.heads = nn.ModuleList(heads)

    def features(self, scores: torch.Tensor, domain: torch.Tensor) -> torch.Tensor:
        """Return each member's hidden units, (n_members, ..., n_hidden)."""
        return torch.stack([encoder(scores, domain) for encoder in self.encoders])

    def corrections(self, features: torch.Tensor) -> torch.Tensor:
        """Return what each member adds to the linear model, (n_members, ...)."""
        return torch.stack(
            [head(own) for head, own in zip(self.heads, features, strict=True)]
        )

    def forward(self, x: torch.Tensor, domain: torch.Tensor) -> torch.Tensor:
        """Return outputs, (n_samples, n_outputs), of standardised rows."""
        features = self.features(self.projection(x), domain)
        return self.linear(x) + self.corrections(features).mean(dim=0)


class AdaptationObjective(nn.Module):
    """Loss of labelled rows, and of telling the domains apart.

    A "row" of a batch holds one row of each domain, so domains weigh the same however
    small they are, and batch statistics are those of a domain.

    Parameters
    ----------
    loss : {"cross_entropy", "squared_error"}
        For classes or continuous targets.
    n_features, n_outputs, n_components, n_domains
        As in `AdaptationNet`.
    method : {"dann", "cdan", "deepcoral", "mmd", "none"}, default="dann"
        What makes the features of domains alike.
    weight : float, default=0.3
        Of that, at the end of the ramp.
    entropy_weight : float, default=0.0
        Of the entropy of predictions for unlabelled rows.
    label_smoothing : float, default=0.0
        Share of a label's weight that is spread over all classes.
    n_steps : int, default=1
        Steps of the training, over which the weights grow.
    n_critic_hidden : int, default=64
        Hidden units of the critic.
    n_members, n_hidden, **encoder
        As in `AdaptationNet`.
    """

    step: torch.Tensor

    def __init__(
        self,
        loss: str,
        n_features: int,
        n_outputs: int,
        n_components: int,
        n_domains: int,
        *,
        method: str = "dann",
        weight: float = 0.3,
        entropy_weight: float = 0.0,
        label_smoothing: float = 0.0,
        n_steps: int = 1,
        n_critic_hidden: int = 64,
        n_members: int = 1,
        n_hidden: int = 32,
        **encoder,
    ) -> None:
        super().__init__()
        self.loss = loss
        self.method = method if n_domains > 1 else "none"
        self.weight = weight
        self.entropy_weight = entropy_weight
        self.label_smoothing = label_smoothing
        self.n_steps = n_steps
        self.network = AdaptationNet(
            n_features,
            n_outputs,
            n_components,
            n_domains,
            n_members=n_members,
            n_hidden=n_hidden,
            **encoder,
        )
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))
        self.critics = nn.ModuleList()
        if self.method in ("dann", "cdan"):
            n_inputs = n_hidden * (n_outputs if self.method == "cdan" else 1)
            for _ in range(n_members):
                critic = nn.Sequential(
                    nn.Linear(n_inputs, n_critic_hidden),
                    nn.ReLU(),
                    nn.Linear(n_critic_hidden, 1 if n_domains == 2 else n_domains),
                )
                self.critics.append(critic)

    def forward(
        self,
        x: torch.Tensor,
        offset: torch.Tensor,
        target: torch.Tensor,
        weight: torch.Tensor,
    ) -> torch.Tensor:
        """Return the loss of each row, summed over its domains.

        Parameters
        ----------
        x : Tensor of shape (n_rows, n_domains, n_components)
            Projected rows, one of each domain.
        offset : Tensor of shape (n_rows, n_domains, n_outputs)
            What the linear model says of them; of labelled rows, one fitted without.
        target : Tensor of shape (n_rows, n_domains, n_outputs)
            Class indicators or targets; anything where ``weight`` is zero.
        weight : Tensor of shape (n_rows, n_domains)
            Weight of each label; zero for unlabelled rows.

        Returns
        -------
        Tensor of shape (n_rows,)
            Losses.
        """
        domain = torch.arange(x.shape[1], device=x.device).expand(x.shape[:2])
        features = self.network.features(x, domain)
        outputs = offset + self.network.corrections(features)
        losses = (weight * self._label_loss(outputs, target)).sum(dim=2).mean(dim=0)
        if not self.training:  # what is held out judges the prediction alone
            return losses
        grown = ramp(min(1.0, self.step.item() / self.n_steps))
        self.step += 1
        if self.entropy_weight:
            uncertain = (entropy(outputs) * (weight == 0)).mean(dim=(0, 2))
            losses = losses + grown * self.entropy_weight * uncertain
        return losses + self._domain_loss(features, outputs, grown * self.weight)

    def _label_loss(self, outputs: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        if self.loss == "squared_error":
            return (outputs - target).square().mean(dim=-1)
        if self.training:
            smoothing, n_classes = self.label_smoothing, target.shape[-1]
            target = (1 - smoothing) * target + smoothing / n_classes
        return -(target * outputs.log_softmax(dim=-1)).sum(dim=-1)

    def _domain_loss(
        self, features: torch.Tensor, outputs: torch.Tensor, weight: float
    ) -> torch.Tensor | float:
        """Return the critic's loss per row, or a distance of the whole batch."""
        if self.method in ("deepcoral", "mmd"):
            distance = coral_distance if self.method == "deepcoral" else mmd
            # Covariances of units of order one differ by less than one.
            scale = features.shape[-1] if self.method == "deepcoral" else 1.0
            return (
                weight * scale * torch.stack([distance(own) for own in features]).mean()
            )
        losses = features.new_zeros(features.shape[1])
        for own, output, critic in zip(features, outputs, self.critics, strict=False):
            if self.method == "cdan":
                probabilities = output.softmax(dim=-1).detach()
                own = (own[..., None] * probabilities[..., None, :]).flatten(-2)
            seen = CRITIC_GAIN * critic(reverse_gradient(own, weight))
            losses = losses + domain_loss(seen) / len(features)
        return losses
