"""Translators between the styles of two domains, and what they minimise."""

import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from .gradient_reversal import ramp, reverse_gradient


class Translator(nn.Module):
    """``exp(log_scale) * x + shift + gelu(x V) U``, at first the identity.

    Parameters
    ----------
    n_components : int
        Values per row.
    rank : int
        Hidden units of the correction.
    """

    def __init__(self, n_components: int, rank: int) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(n_components))
        self.shift = nn.Parameter(torch.zeros(n_components))
        self.hidden = nn.Linear(n_components, rank)
        self.out = nn.Linear(rank, n_components, bias=False)
        nn.init.zeros_(self.out.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return rows of the other style, (..., n_components)."""
        correction = self.out(nn.functional.gelu(self.hidden(x)))
        return self.log_scale.exp() * x + self.shift + correction


class CycleObjective(nn.Module):
    """Loss of two translators whose results a critic cannot tell from real rows.

    A "row" of a batch holds one row of the source and one of the target. Gradient
    reversal lets critics and translators learn from one loss; that of the critics is
    bounded, as their layers have spectral norm one.

    Parameters
    ----------
    n_components : int
        Values per row.
    n_classes : int
        Classes of the semantic loss; 0 for none.
    rank : int, default=32
        See `Translator`.
    critic_weight, cycle_weight, semantic_weight : float
        Weights of the losses.
    n_steps : int, default=1
        Steps of the training, over which the critics' weight grows.
    n_hidden : int, default=64
        Hidden units of a critic.
    dropout : float, default=0.3
        Share of a critic's inputs dropped in training.

    References
    ----------
    Hoffman et al. (2018), CyCADA, ICML, Eq. 2-5; Miyato et al. (2018), Spectral
    Normalization for Generative Adversarial Networks, ICLR.
    """

    step: torch.Tensor
    coef: torch.Tensor

    def __init__(
        self,
        n_components: int,
        n_classes: int,
        *,
        rank: int = 32,
        critic_weight: float = 0.3,
        cycle_weight: float = 5.0,
        semantic_weight: float = 1.0,
        n_steps: int = 1,
        n_hidden: int = 64,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.critic_weight = critic_weight
        self.cycle_weight = cycle_weight
        self.semantic_weight = semantic_weight
        self.n_steps = n_steps
        self.to_target = Translator(n_components, rank)
        self.to_source = Translator(n_components, rank)
        self.critics = nn.ModuleList(
            nn.Sequential(
                nn.Dropout(dropout),
                spectral_norm(nn.Linear(n_components, n_hidden)),
                nn.LeakyReLU(0.2),
                spectral_norm(nn.Linear(n_hidden, 1)),
            )
            for _ in range(2)
        )
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    def forward(
        self,
        x: torch.Tensor,
        logits: torch.Tensor,
        gradient: torch.Tensor,
        target: torch.Tensor,
        weight: torch.Tensor,
    ) -> torch.Tensor:
        """Return the loss of each row.

        Parameters
        ----------
        x : Tensor of shape (n_rows, 2, n_components)
            Components of a source row and of a target row.
        logits : Tensor of shape (n_rows, 2, n_classes)
            What a fixed classifier says of them.
        gradient : Tensor of shape (n_rows, n_classes, n_components)
            Of the classifier with respect to the components; the same in all rows.
        target : Tensor of shape (n_rows, 2, n_classes)
            Class indicators.
        weight : Tensor of shape (n_rows, 2)
            Weights of the labels, zero for unlabelled rows.

        Returns
        -------
        Tensor of shape (n_rows,)
            Losses.
        """
        source, real = x[:, 0], x[:, 1]
        fakes = torch.stack([self.to_source(real), self.to_target(source)], dim=1)
        cycled = torch.stack(
            [self.to_source(fakes[:, 1]), self.to_target(fakes[:, 0])], dim=1
        )
        losses = self.cycle_weight * (cycled - x).abs().mean(dim=(1, 2))
        strength = self.critic_weight * ramp(min(1.0, self.step.item() / self.n_steps))
        self.step += 1
        for k, critic in enumerate(self.critics):
            losses = losses + nn.functional.softplus(-critic(x[:, k])[:, 0])
            fake = reverse_gradient(fakes[:, k], strength)
            losses = losses + nn.functional.softplus(critic(fake)[:, 0])
        if target.shape[2] and self.semantic_weight:
            # Row k of ``fakes`` has the style of domain k, and the class of the other.
            moved = fakes.flip(1) - x
            said = logits + torch.einsum("nkc,noc->nko", moved, gradient)
            semantic = -(target * said.log_softmax(dim=2)).sum(dim=2)
            losses = losses + self.semantic_weight * (weight * semantic).mean(dim=1)
        return losses
