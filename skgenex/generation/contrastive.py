"""Canonical correlation, and its correction by networks: the contrastive loss."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

MAX_CORRELATION = 0.99  # of a canonical pair: keeps 1 / (1 - rho^2) finite


def canonical_correlation(A: NDArray, B: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Canonical directions of white columns: singular vectors of their covariance.

    Parameters
    ----------
    A : ndarray of shape (n_samples, n_a)
        Centred, uncorrelated columns of unit variance.
    B : ndarray of shape (n_samples, n_b)
        Likewise.

    Returns
    -------
    directions_a : ndarray of shape (n_a, n_components)
        Orthonormal.
    correlations : ndarray of shape (n_components,)
        Decreasing, at most `MAX_CORRELATION`.
    directions_b : ndarray of shape (n_b, n_components)
        Orthonormal.

    References
    ----------
    Hotelling (1936), Relations between two sets of variates, Biometrika 28:321.
    """
    left, singular, right = np.linalg.svd(A.T @ B / len(A), full_matrices=False)
    # A component's sign is arbitrary: the same for the same data on every machine.
    sign = np.sign(left[np.abs(left).argmax(axis=0), np.arange(left.shape[1])])
    return left * sign, singular.clip(0, MAX_CORRELATION), right.T * sign


class ContrastiveObjective(nn.Module):
    r"""Symmetric InfoNCE of profiles and descriptions, which starts as CCA.

    .. math::

        l(x, u) = -\tfrac12 \sum_k w_k (f_k(x) - g_k(u))^2, \quad
        f(x) = A^T x + h(x), \quad g(u) = \rho \, B^T u + h'(u)

    The networks h and h' start at zero, and w at 1 / (1 - rho^2): for jointly Gaussian
    x and u, l is then the log density of f(x) given u, the best critic there is (it
    may also differ by a function of x). Patients of the same description are each
    other's positives.

    Parameters
    ----------
    profile_map : ndarray of shape (n_factors, n_components)
        A.
    description_map : ndarray of shape (n_described, n_components)
        B.
    correlations : ndarray of shape (n_components,)
        rho.
    n_hidden : int, default=64
        Units of the hidden layer of each network.
    dropout : float, default=0.3
        Share of hidden units dropped in training.

    References
    ----------
    van den Oord, Li & Vinyals (2018), Representation Learning with Contrastive
    Predictive Coding, Eq. 4; Radford et al. (2021), CLIP, ICML, Fig. 3; Khosla et al.
    (2020), Supervised Contrastive Learning, NeurIPS (several positives).
    """

    profile_map: torch.Tensor
    description_map: torch.Tensor

    def __init__(
        self,
        profile_map: np.ndarray,
        description_map: np.ndarray,
        correlations: np.ndarray,
        n_hidden: int = 64,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        rho = torch.as_tensor(correlations, dtype=torch.float32)
        a = torch.as_tensor(profile_map, dtype=torch.float32)
        b = torch.as_tensor(description_map, dtype=torch.float32)
        self.register_buffer("profile_map", a)
        self.register_buffer("description_map", b * rho)
        self.log_weight = nn.Parameter(-torch.log1p(-(rho**2)))
        self.profile_network = _correction(a.shape, n_hidden, dropout)
        self.description_network = _correction(b.shape, n_hidden, dropout)

    def embed(self, x: torch.Tensor) -> torch.Tensor:
        """f(x), (n_samples, n_components), of whitened factors."""
        return x @ self.profile_map + self.profile_network(x)

    def describe(self, description: torch.Tensor) -> torch.Tensor:
        """g(u), (n_samples, n_components): where patients of a description lie."""
        return description @ self.description_map + self.description_network(
            description
        )

    def forward(
        self, x: torch.Tensor, description: torch.Tensor, label: torch.Tensor
    ) -> torch.Tensor:
        """Loss per row: right description among the batch's, and right profile.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_factors)
            Whitened factors of profiles.
        description : Tensor of shape (n_samples, n_described)
            Whitened descriptions.
        label : Tensor of shape (n_samples,)
            Equal for equal descriptions.

        Returns
        -------
        Tensor of shape (n_samples,)
            Losses in nats.
        """
        root = (self.log_weight / 2).exp()
        profiles, descriptions = self.embed(x) * root, self.describe(description) * root
        logits = -0.5 * (profiles[:, None] - descriptions[None]).square().sum(2)
        others = label[:, None] != label[None]
        own = logits.masked_fill(others, -torch.inf)
        by_profile = logits.logsumexp(1) - own.logsumexp(1)
        by_description = logits.logsumexp(0) - own.logsumexp(0)
        return (by_profile + by_description) / 2


def _correction(shape: torch.Size, n_hidden: int, dropout: float) -> nn.Sequential:
    """Return a network from shape[0] to shape[1] values, which starts at zero."""
    last = nn.Linear(n_hidden, shape[1])
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(
        nn.Linear(shape[0], n_hidden), nn.SiLU(), nn.Dropout(dropout), last
    )
