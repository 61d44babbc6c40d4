"""What fine-tuning minimises: labels of corrupted rows, and their consistency."""

import torch
from torch import nn

from ..nn import Standardise
from ..nn.encoders import FactorEncoder
from .corruption import corrupt
from .losses import CONSISTENCIES


class FineTuneObjective(nn.Module):
    """Linear classifier plus head on an encoder, with VIME's semi-supervised loss.

    Parameters
    ----------
    n_features, n_components, n_classes : int
        Genes, latents and classes.
    encoder : dict
        Further arguments of `FactorEncoder`.
    corruption_rate : float
        Probability that a value is replaced.
    consistency_weight : float
        Weight of the consistency, beta of the paper.
    consistency : {"probability", "logit"}
        Key of `CONSISTENCIES`.
    n_views : int
        Corrupted copies that are compared.
    n_ramp_steps : int
        Steps over which the weight grows from zero.
    n_frozen : int
        Layers of the encoder that are not trained.

    References
    ----------
    Yoon, Zhang, Jordon & van der Schaar (2020), VIME, NeurIPS, Eq. 7-9.
    """

    step: torch.Tensor

    def __init__(
        self,
        n_features: int,
        n_components: int,
        n_classes: int,
        *,
        encoder: dict,
        corruption_rate: float,
        consistency_weight: float,
        consistency: str,
        n_views: int,
        n_ramp_steps: int,
        n_frozen: int,
    ) -> None:
        super().__init__()
        self.corruption_rate = corruption_rate
        self.consistency_weight = consistency_weight
        self.consistency = CONSISTENCIES[consistency]
        self.n_views = n_views
        self.n_ramp_steps = n_ramp_steps
        self.standardise = Standardise(n_features)
        self.linear = nn.Linear(n_features, n_classes)
        self.encoder = FactorEncoder(n_features, n_components, **encoder)
        self.head = nn.Linear(n_components, n_classes)
        self.encoder.freeze(n_frozen)
        self.register_buffer("step", torch.zeros(()))

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits of standardised rows, (n_samples, n_classes)."""
        return self.linear(x) + self.head(self.encoder(x))

    def forward(
        self,
        x: torch.Tensor,
        label: torch.Tensor,
        weight: torch.Tensor,
        cohort: torch.Tensor,
    ) -> torch.Tensor:
        """Return the loss of each row.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            Standardised rows.
        label : Tensor of int of shape (n_samples,)
            Classes, -1 without a label.
        weight : Tensor of shape (n_samples,)
            Weights of labelled rows.
        cohort : Tensor of int of shape (n_samples,)
            Corruption stays within a cohort.

        Returns
        -------
        Tensor of shape (n_samples,)
            Weighted cross entropy of labelled rows, consistency of the others. In
            evaluation, rows are not corrupted, and only labels count.
        """
        is_labelled = (label >= 0).to(x.dtype) * weight
        target = label.clamp(min=0)
        if not self.training:
            return is_labelled * _cross_entropy(self.logits(x), target)
        # Halves, so that corrupted rows do not stand in for true ones.
        corrupted, _ = corrupt(x, self.corruption_rate, cohort)
        clean, noisy = self.logits(x), self.logits(corrupted)
        losses = _cross_entropy(clean, target) + _cross_entropy(noisy, target)
        losses = is_labelled * losses / 2
        if self.consistency_weight and self.n_views > 1:
            self.step += 1
            ramp = (self.step / max(self.n_ramp_steps, 1)).clamp(max=1)
            views = [noisy]
            for _ in range(self.n_views - 1):
                corrupted, _ = corrupt(x, self.corruption_rate, cohort)
                views.append(self.logits(corrupted))
            consistency = self.consistency(torch.stack(views))
            share = ramp * self.consistency_weight * (label < 0).to(x.dtype)
            losses = losses + share * consistency
        return losses


def _cross_entropy(logits, target):
    return nn.functional.cross_entropy(logits, target, reduction="none")
