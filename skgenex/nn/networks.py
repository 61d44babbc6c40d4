"""Networks which map a row to a row, given a number, a class and covariates."""

import math

import torch
from torch import nn


class ConditionalMLP(nn.Module):
    """Residual MLP modulated by noise level, class and covariates.

    Each block normalises its input and applies a scale, a shift and a gate computed
    from the condition (adaptive layer normalisation, Peebles & Xie 2023, Sec. 3.2).
    The output layer starts at zero, so that an untrained network returns zeros.

    Parameters
    ----------
    n_features : int
        Number of values in and out.
    n_classes : int
        Number of classes; label ``n_classes`` means "no class given".
    n_covariates : int, default=0
        Number of continuous covariates.
    n_hidden : int, default=128
        Units per layer; even.
    n_blocks : int, default=2
        Number of residual blocks.
    dropout : float, default=0.1
        Share of hidden units dropped in training.

    References
    ----------
    Peebles & Xie (2023), Scalable Diffusion Models with Transformers, ICCV.

    Examples
    --------
    >>> import torch
    >>> from skgenex.nn import ConditionalMLP
    >>> network = ConditionalMLP(n_features=5, n_classes=2)
    >>> x, level = torch.randn(3, 5), torch.zeros(3)
    >>> network(x, level, torch.tensor([0, 1, 2])).abs().max().item()
    0.0
    """

    frequencies: torch.Tensor

    def __init__(
        self,
        n_features: int,
        n_classes: int,
        n_covariates: int = 0,
        n_hidden: int = 128,
        n_blocks: int = 2,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.first = nn.Linear(n_features, n_hidden)
        self.class_embedding = nn.Embedding(n_classes + 1, n_hidden)
        nn.init.normal_(self.class_embedding.weight, std=0.3)
        self.covariate_embedding = (
            nn.Linear(n_covariates, n_hidden, bias=False) if n_covariates else None
        )
        self.level_embedding = nn.Linear(2 * (n_hidden // 2), n_hidden)
        self.register_buffer("frequencies", torch.randn(n_hidden // 2))
        self.blocks = nn.ModuleList(
            ModulatedBlock(n_hidden, dropout) for _ in range(n_blocks)
        )
        self.last_norm = nn.LayerNorm(n_hidden)
        self.last = nn.Linear(n_hidden, n_features)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(
        self,
        x: torch.Tensor,
        level: torch.Tensor,
        label: torch.Tensor,
        covariates: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Map rows to rows.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            Rows.
        level : Tensor of shape (n_samples,)
            Noise level on a scale of order one.
        label : Tensor of shape (n_samples,)
            Classes, 0 to ``n_classes``.
        covariates : Tensor of shape (n_samples, n_covariates), default=None
            Standardised covariates; None stands for zeros.

        Returns
        -------
        Tensor of shape (n_samples, n_features)
            The output.
        """
        angle = 2 * math.pi * level[:, None] * self.frequencies
        condition = self.level_embedding(torch.cat([angle.sin(), angle.cos()], dim=1))
        condition = condition + self.class_embedding(label)
        if self.covariate_embedding is not None and covariates is not None:
            condition = condition + self.covariate_embedding(covariates)
        condition = nn.functional.silu(condition)
        hidden = self.first(x)
        for block in self.blocks:
            hidden = block(hidden, condition)
        return self.last(nn.functional.silu(self.last_norm(hidden)))


class ModulatedBlock(nn.Module):
    """Two-layer residual block whose input is scaled and shifted by a condition.

    Parameters
    ----------
    n_hidden : int
        Units per layer.
    dropout : float
        Share of hidden units dropped in training.
    """

    def __init__(self, n_hidden: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(n_hidden, elementwise_affine=False)
        self.modulation = nn.Linear(n_hidden, 3 * n_hidden)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)
        self.inner = nn.Linear(n_hidden, n_hidden)
        self.outer = nn.Linear(n_hidden, n_hidden)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """Return ``x``, (n_samples, n_hidden), plus a function of it and condition."""
        shift, scale, gate = self.modulation(condition).chunk(3, dim=1)
        hidden = self.inner(self.norm(x) * (1 + scale) + shift)
        return x + (1 + gate) * self.outer(self.dropout(nn.functional.silu(hidden)))
