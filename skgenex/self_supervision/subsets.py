"""SubTab: latents of overlapping subsets of genes, from one shared encoder."""

from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ..nn import Standardise
from ..nn.encoders import SubsetEncoder
from .corruption import corrupt
from .losses import contrastive_loss, feature_loss


def overlapping_subsets(
    n_features: int, n_subsets: int, overlap: float, rng: np.random.Generator
) -> NDArray:
    """Cut shuffled genes into subsets which overlap with the next one.

    Parameters
    ----------
    n_features : int
        Number of genes.
    n_subsets : int
        Number of subsets.
    overlap : float
        Genes taken from the next subset, as a share of a subset's own.
    rng : numpy.random.Generator
        Shuffles the genes.

    Returns
    -------
    ndarray of int of shape (n_subsets, width)
        Places of genes. Together the subsets hold every gene.

    References
    ----------
    Ucar, Hajiramezanali & Edwards (2021), SubTab, NeurIPS, Sec. 2.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.self_supervision.subsets import overlapping_subsets
    >>> overlapping_subsets(8, 4, 0.5, np.random.default_rng(0)).shape
    (4, 3)
    """
    order = rng.permutation(n_features)
    own = -(-n_features // n_subsets)
    width = min(n_features, own + int(overlap * own))
    starts = np.arange(n_subsets)[:, None] * own
    return order[(starts + np.arange(width)) % n_features]


class SubsetObjective(nn.Module):
    """A shared encoder of gene subsets and the loss of SubTab.

    Parameters
    ----------
    subsets : ndarray of int of shape (n_subsets, width)
        Places of genes; -1 fills up short subsets.
    n_features : int
        Number of genes.
    n_components : int
        Number of latents.
    n_hidden : int
        Units of the encoder's and the decoder's hidden layer.
    corruption_rate : float
        Share of entries replaced, in training only.
    contrastive_weight, distance_weight : float
        Weights beside the reconstruction.
    temperature : float
        Of the contrastive loss.
    dropout : float, default=0.0
        Share of hidden units dropped in training.

    References
    ----------
    Ucar, Hajiramezanali & Edwards (2021), SubTab, NeurIPS, Eq. 1-5.
    """

    def __init__(
        self,
        subsets: NDArray,
        n_features: int,
        n_components: int,
        *,
        n_hidden: int,
        corruption_rate: float,
        contrastive_weight: float,
        distance_weight: float,
        temperature: float,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.corruption_rate = corruption_rate
        self.contrastive_weight = contrastive_weight
        self.distance_weight = distance_weight
        self.temperature = temperature
        self.standardise = Standardise(n_features)
        self.encoder = SubsetEncoder(
            subsets, n_components, n_hidden=n_hidden, dropout=dropout
        )
        self.decoder = nn.Sequential(
            nn.Linear(n_components, n_hidden),
            nn.GELU(),
            nn.Linear(n_hidden, n_features),
        )

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
            A corruption drawn before; ``changed`` is not used.

        Returns
        -------
        Tensor of shape (n_samples,)
            Every subset's error of the whole row, and the mean over all pairs of
            subsets of the contrastive and the distance losses.
        """
        if corrupted is None:
            corrupted, _ = self.corrupt(x, cohort)
        z = self.encoder.latents(corrupted)
        n_subsets = z.shape[1]
        losses = torch.stack(
            [feature_loss(self.decoder(z[:, k]), x) for k in range(n_subsets)]
        ).mean(dim=0)
        pairs = list(combinations(range(n_subsets), 2))
        for first, second in pairs:
            contrast = contrastive_loss(z[:, first], z[:, second], self.temperature)
            distance = feature_loss(z[:, first], z[:, second])
            weighted = self.contrastive_weight * contrast
            losses = losses + (weighted + self.distance_weight * distance) / len(pairs)
        return losses

    def corrupt(
        self, x: torch.Tensor, cohort: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return corrupted rows and where they changed, as `corruption.corrupt`."""
        return corrupt(x, self.corruption_rate, cohort)

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        """Return estimated features of latents, (n_samples, n_features)."""
        return self.decoder(z)

    def reconstruct(self, x: torch.Tensor) -> torch.Tensor:
        """Return the mean of the subsets' estimates, (n_samples, n_features)."""
        return self.decoder(self.encoder.latents(x)).mean(dim=1)
