"""Pretext tasks: what an encoder learns from rows without labels."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ..nn import Standardise
from ..nn.encoders import FactorEncoder
from .corruption import corrupt
from .losses import contrastive_loss, feature_loss, mask_loss, vicreg_loss

PRETEXTS = ("vime", "dae", "scarf", "vicreg", "none")


class PretextObjective(nn.Module):
    """An encoder, its heads, and the loss of one pretext task.

    Parameters
    ----------
    n_features : int
        Number of values per row.
    n_components : int
        Number of latents.
    pretext : {"vime", "dae", "scarf", "vicreg", "none"}
        "vime" estimates which entries were replaced and what stood there; "dae" only
        the latter; "scarf" and "vicreg" compare the latents of a row and of its
        corrupted copy. "none" has no task.
    corruption_rate : float
        Probability that an entry is replaced.
    feature_weight : float
        Weight of the feature loss beside the mask loss, alpha of the paper.
    temperature : float
        Of the contrastive loss.
    n_scored_genes : int or None, default=None
        In training the two wide heads are evaluated for so many genes, drawn anew for
        each batch; None evaluates all.
    gene_sets : ndarray of int of shape (n_features, n_places) or None, default=None
        Sets of each gene, which are corrupted as a whole: see `draw_mask`.
    **network
        Further arguments of `FactorEncoder`.

    References
    ----------
    Yoon, Zhang, Jordon & van der Schaar (2020), VIME, NeurIPS, Eq. 3-6; Vincent et al.
    (2010), Stacked Denoising Autoencoders, JMLR 11:3371; Bahri et al. (2022), SCARF,
    ICLR; Bardes, Ponce & LeCun (2022), VICReg, ICLR.
    """

    gene_sets: torch.Tensor | None

    def __init__(
        self,
        n_features: int,
        n_components: int,
        *,
        pretext: str,
        corruption_rate: float,
        feature_weight: float,
        temperature: float,
        n_scored_genes: int | None = None,
        gene_sets: NDArray | None = None,
        **network,
    ) -> None:
        super().__init__()
        self.pretext = pretext
        self.corruption_rate = corruption_rate
        self.feature_weight = feature_weight
        self.temperature = temperature
        self.n_scored_genes = n_scored_genes
        sets = None if gene_sets is None else torch.as_tensor(np.asarray(gene_sets))
        self.register_buffer("gene_sets", sets, persistent=False)
        self.standardise = Standardise(n_features)
        self.encoder = FactorEncoder(n_features, n_components, **network)
        self.feature_head = nn.Linear(n_components, n_features)
        # A replaced entry stands out against what is expected there, so the mask head
        # is given the entry itself beside the latents: without it, the mask could only
        # be found through the n_components latents.
        self.mask_head = nn.Linear(n_components, n_features)
        self.residual_weight = nn.Parameter(torch.zeros(n_features))
        nn.init.zeros_(self.mask_head.weight)
        nn.init.zeros_(self.mask_head.bias)

    def forward(
        self,
        x: torch.Tensor,
        cohort: torch.Tensor,
        corrupted: torch.Tensor | None = None,
        changed: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return the loss of each row.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            Standardised rows.
        cohort : Tensor of int of shape (n_samples,)
            Corruption stays within a cohort.
        corrupted, changed : Tensor of shape (n_samples, n_features), default=None
            A corruption drawn before, so that losses of epochs are comparable; by
            default it is drawn here.

        Returns
        -------
        Tensor of shape (n_samples,)
            Losses.
        """
        if corrupted is None or changed is None:
            corrupted, changed = self.corrupt(x, cohort)
        z = self.encoder(corrupted)
        if self.pretext == "scarf":
            return contrastive_loss(self.encoder(x), z, self.temperature)
        if self.pretext == "vicreg":
            return vicreg_loss(self.encoder(x), z)
        genes: torch.Tensor | slice = slice(None)
        if self.training and self.n_scored_genes is not None:
            genes = torch.randperm(x.shape[1], device=x.device)[: self.n_scored_genes]
        estimate = _apply(self.feature_head, z, genes)
        losses = self.feature_weight * feature_loss(estimate, x[:, genes])
        if self.pretext == "vime":
            surprise = (corrupted[:, genes] - estimate.detach()).square()
            logits = _apply(self.mask_head, z, genes)
            logits = logits + self.residual_weight[genes] * surprise
            losses = losses + mask_loss(logits, changed[:, genes])
        return losses

    def corrupt(
        self, x: torch.Tensor, cohort: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return corrupted rows and where they changed, as `corruption.corrupt`."""
        return corrupt(x, self.corruption_rate, cohort, self.gene_sets)

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        """Return estimated features of latents, (n_samples, n_features)."""
        return self.feature_head(z)

    def reconstruct(self, x: torch.Tensor) -> torch.Tensor:
        """Return estimated features of standardised rows, (n_samples, n_features)."""
        return self.decode(self.encoder(x))


def _apply(
    head: nn.Linear, z: torch.Tensor, genes: torch.Tensor | slice
) -> torch.Tensor:
    """Evaluate some outputs of a linear head."""
    return nn.functional.linear(z, head.weight[genes], head.bias[genes])
