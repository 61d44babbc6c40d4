"""Denoising all genes: the exact denoiser of a Gaussian in factor form, corrected."""

import numpy as np
import torch
from torch import nn

from ..networks import ConditionalMLP
from .gaussian import GaussianDenoiser

# An optimiser of Adam's kind moves all outputs as fast, also those of the thousands of
# genes which have nothing to learn.
CAUTION = 0.05


class FactorDenoiser(nn.Module):
    """Posterior mean of rows of genes, from Gaussians with common trailing factors.

    Rows hold p genes, V' z + e with e ~ N(0, v I), and possibly a last value of its
    own, the row scale. The leading factors and that value have a covariance per class;
    the other factors are independent. In the basis V it needs no p x p array.

    Parameters
    ----------
    vectors : ndarray of shape (n_factors, n_genes)
        V, orthonormal rows.
    eigenvalues : ndarray of shape (n_factors,)
        Variances of z.
    noise : float
        v.
    covariances : ndarray of shape (n_classes + 1, n_latents, n_latents)
        Of the whitened leading factors and, if ``has_scale``, the last value.
    has_scale : bool, default=False
        Whether there is a last value.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from skgenex.nn.diffusion.subspace import FactorDenoiser
    >>> V, identity = np.array([[1.0, 0.0]]), np.eye(1)[None]
    >>> denoise = FactorDenoiser(V, np.array([2.0]), 1.0, identity)
    >>> denoise(torch.ones(1, 2), torch.ones(1), torch.zeros(1).long())
    tensor([[0.7500, 0.5000]])
    """

    vectors: torch.Tensor
    variances: torch.Tensor

    def __init__(
        self,
        vectors: np.ndarray,
        eigenvalues: np.ndarray,
        noise: float,
        covariances: np.ndarray,
        has_scale: bool = False,
    ) -> None:
        super().__init__()
        self.n_genes, self.noise = vectors.shape[1], noise
        self.n_leading = covariances.shape[1] - has_scale
        variances = eigenvalues + noise
        sds = np.ones(covariances.shape[1])
        sds[: self.n_leading] = np.sqrt(eigenvalues[: self.n_leading])
        added = np.zeros(len(sds))
        added[: self.n_leading] = noise
        # What follows from the constructor's arguments is not saved with the weights.
        for name, array in (("vectors", vectors), ("variances", variances)):
            tensor = torch.as_tensor(array, dtype=torch.float32)
            self.register_buffer(name, tensor, persistent=False)
        self.leading = GaussianDenoiser(
            sds[:, None] * covariances * sds + np.diag(added)
        )

    def forward(
        self, x: torch.Tensor, sigma: torch.Tensor, label: torch.Tensor
    ) -> torch.Tensor:
        """Return the expected clean rows, (n_samples, n_genes + has_scale)."""
        p, q = self.n_genes, self.n_leading
        genes, scale = x[:, :p], x[:, p:]
        variance = sigma[:, None] ** 2
        scores = genes @ self.vectors.T
        leading = self.leading(torch.cat([scores[:, :q], scale], 1), sigma, label)
        others = self.variances[q:] / (self.variances[q:] + variance) * scores[:, q:]
        gain = self.noise / (self.noise + variance)
        change = torch.cat([leading[:, :q], others], 1) - gain * scores
        return torch.cat([gain * genes + change @ self.vectors, leading[:, q:]], 1)


class FactorMLP(ConditionalMLP):
    """Correction of all genes, read from the leading factors.

    It corrects the factors themselves, as a network of the factors alone would, and
    beyond that gives each gene a shift and a gain: the gain lets the spread of a gene
    depend on the state of the row, as that of expression does. All start at zero.

    Parameters
    ----------
    vectors : ndarray of shape (n_leading, n_genes)
        The leading factors, orthonormal rows.
    variances : ndarray of shape (n_leading,)
        Of their scores.
    n_classes, n_covariates, n_hidden, n_blocks, dropout
        As of `skgenex.nn.ConditionalMLP`.
    has_scale : bool, default=False
        Whether rows have a last value which is not a gene, of unit variance.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from skgenex.nn.diffusion.subspace import FactorMLP
    >>> network = FactorMLP(np.eye(2, 5), np.ones(2), n_classes=1)
    >>> x, label = torch.ones(3, 5), torch.zeros(3).long()
    >>> network(x, torch.zeros(3), label).abs().max().item()
    0.0
    """

    vectors: torch.Tensor
    variances: torch.Tensor

    def __init__(
        self,
        vectors: np.ndarray,
        variances: np.ndarray,
        n_classes: int,
        n_covariates: int = 0,
        n_hidden: int = 128,
        n_blocks: int = 2,
        dropout: float = 0.1,
        has_scale: bool = False,
    ) -> None:
        n_read, self.n_genes = len(vectors) + has_scale, vectors.shape[1]
        super().__init__(n_read, n_classes, n_covariates, n_hidden, n_blocks, dropout)
        variances = np.append(variances, [1.0] * has_scale)
        for name, array in (("vectors", vectors), ("variances", variances)):
            tensor = torch.as_tensor(array, dtype=torch.float32)
            self.register_buffer(name, tensor, persistent=False)
        self.sizes = [n_read, self.n_genes, self.n_genes]
        self.last = nn.Linear(n_hidden, sum(self.sizes))
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(
        self,
        x: torch.Tensor,
        level: torch.Tensor,
        label: torch.Tensor,
        covariates: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Map rows to rows, (n_samples, n_genes + has_scale)."""
        q = len(self.vectors)
        genes, scale = x[:, : self.n_genes], x[:, self.n_genes :]
        # Factors have other variances: each is read, and corrected, in its own units.
        variance = (8 * level).exp()[:, None]
        unit = ((1 + variance) / (self.variances + variance)).sqrt()
        read = torch.cat([genes @ self.vectors.T, scale], 1) * unit
        out = super().forward(read, level, label, covariates)
        factors, shift, gain = out.split(self.sizes, dim=1)
        factors = factors * unit * self.variances.sqrt()
        by_gene = factors[:, :q] @ self.vectors + CAUTION * (shift + gain * genes)
        return torch.cat([by_gene, factors[:, q:]], 1)
