"""The exact denoiser of a Gaussian."""

import numpy as np
import torch
from torch import nn


class GaussianDenoiser(nn.Module):
    """Posterior mean of rows from class-wise centred Gaussians, given noisy rows.

    For x ~ N(0, C) and noise of standard deviation sigma it is
    C (C + sigma^2 I)^-1 (x + noise), computed in the eigenbasis of C.

    Parameters
    ----------
    covariances : ndarray of shape (n_classes + 1, n_features, n_features)
        One covariance matrix per class; the last is that of all classes together.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from skgenex.nn.diffusion import GaussianDenoiser
    >>> denoise = GaussianDenoiser(np.stack([np.eye(2), 3 * np.eye(2)]))
    >>> x, sigma = torch.ones(2, 2), torch.ones(2)
    >>> denoise(x, sigma, torch.tensor([0, 1]))
    tensor([[0.5000, 0.5000],
            [0.7500, 0.7500]])
    """

    values: torch.Tensor
    vectors: torch.Tensor

    def __init__(self, covariances: np.ndarray) -> None:
        super().__init__()
        values, vectors = np.linalg.eigh(covariances)
        # Not saved with the weights: they follow from the constructor's argument.
        for name, array in (("values", values.clip(min=0)), ("vectors", vectors)):
            tensor = torch.as_tensor(array, dtype=torch.float32)
            self.register_buffer(name, tensor, persistent=False)

    def forward(
        self, x: torch.Tensor, sigma: torch.Tensor, label: torch.Tensor
    ) -> torch.Tensor:
        """Return the expected clean rows, (n_samples, n_features)."""
        vectors, values = self.vectors[label], self.values[label]
        gain = values / (values + sigma[:, None] ** 2)
        coordinates = torch.einsum("ni,nij->nj", x, vectors)
        return torch.einsum("nj,nij->ni", gain * coordinates, vectors)
