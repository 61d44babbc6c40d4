"""What the network of a predictor minimises: losses of folds' own members."""

from typing import Any

import torch
from torch import nn

from ..nn import PhenotypeNet, Standardise


def cross_entropy(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return log-losses over the last axis, which holds classes."""
    return -(target * torch.log_softmax(logits, dim=-1)).sum(dim=-1)


def squared_error(outputs: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return mean squared errors over the last axis, which holds targets."""
    return (outputs - target).square().mean(dim=-1)


LOSSES = {"cross_entropy": cross_entropy, "squared_error": squared_error}


class PhenotypeObjective(nn.Module):
    """Loss of a cross-fitted correction of a linear model.

    Member m of the network belongs to fold ``m % n_folds`` and never learns from its
    rows. In training a row's loss is the mean over the members that may learn from it;
    in evaluation it is that of its own fold's members together, to which it is new. All
    start from ``offset``, what linear models fitted without a row's fold say of it:
    residuals of a linear model on its own training rows would be small and teach
    nothing.

    Parameters
    ----------
    loss : {"cross_entropy", "squared_error"}
        Key of `LOSSES`.
    n_features, n_outputs : int
        As in `skgenex.nn.PhenotypeNet`.
    n_folds : int, default=1
        Number of folds, a divisor of the number of members.
    standardize : bool, default=True
        Whether the module holds a `skgenex.nn.Standardise`, for the predictor's use:
        ``forward`` takes rows that need none.
    **network
        Further arguments of `skgenex.nn.PhenotypeNet`.
    """

    def __init__(
        self,
        loss: str,
        n_features: int,
        n_outputs: int,
        *,
        n_folds: int = 1,
        standardize: bool = True,
        **network: Any,
    ) -> None:
        super().__init__()
        self.loss = LOSSES[loss]
        self.n_folds = n_folds
        self.standardise = Standardise(n_features) if standardize else nn.Identity()
        self.network = PhenotypeNet(n_features, n_outputs, **network)

    def corrections(self, x: torch.Tensor) -> torch.Tensor:
        """Return what each member adds to the linear model.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            What the encoder takes.

        Returns
        -------
        Tensor of shape (n_samples, n_members, n_outputs)
            Corrections; the network's own is their mean.
        """
        encoder: Any = self.network.encoder
        head: Any = self.network.head
        n_members = encoder.n_members
        hidden = n_members * encoder(x).unflatten(1, (n_members, -1))
        weight = head.weight.unflatten(1, (n_members, -1))
        # The head's bias would be shared by members, so it stays zero.
        return torch.einsum("nmh,omh->nmo", hidden, weight)

    def heldout(
        self, x: torch.Tensor, offset: torch.Tensor, fold: torch.Tensor
    ) -> torch.Tensor:
        """Return outputs by members to which a row is new; see `forward`.

        Parameters
        ----------
        x, offset, fold : Tensor
            As in `forward`.

        Returns
        -------
        Tensor of shape (n_samples, n_outputs)
            Outputs.
        """
        corrections = self.corrections(x)
        own = corrections[self._is_own(corrections, fold)]
        return offset + own.unflatten(0, (len(x), -1)).mean(dim=1)

    def _is_own(self, corrections, fold):
        n_members = corrections.shape[1]
        member_fold = torch.arange(n_members, device=fold.device) % self.n_folds
        return member_fold == fold[:, None]

    def forward(
        self,
        x: torch.Tensor,
        offset: torch.Tensor,
        target: torch.Tensor,
        weight: torch.Tensor,
        fold: torch.Tensor,
    ) -> torch.Tensor:
        """Return the loss of each row.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            What the encoder takes.
        offset, target : Tensor of shape (n_samples, n_outputs)
            Held-out outputs of the linear model, and class indicators or targets.
        weight : Tensor of shape (n_samples,)
            Weights of the rows.
        fold : Tensor of int of shape (n_samples,)
            Fold of each row, whose members may not learn from it.

        Returns
        -------
        Tensor of shape (n_samples,)
            Losses.
        """
        if not self.training:
            return weight * self.loss(self.heldout(x, offset, fold), target)
        corrections = self.corrections(x)
        may_learn = ~self._is_own(corrections, fold)
        losses = self.loss(offset[:, None] + corrections, target[:, None])
        return weight * (losses * may_learn).sum(dim=1) / may_learn.sum(dim=1)
