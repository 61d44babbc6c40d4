"""Whitening of latents by class, in torch."""

import numpy as np
import torch
from torch import nn

TOLERANCE = 1e-8  # of a variance, relative to the largest


class ClassWhitening(nn.Module):
    """Linear maps between latents of each class and standard normal rows.

    Parameters
    ----------
    covariances : ndarray of shape (n_classes + 1, n_features, n_features)
        One covariance matrix per class; the last is that of all classes together.
        Directions without variance stay zero.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from skgenex.generation.whitening import ClassWhitening
    >>> whitening = ClassWhitening(np.stack([4 * np.eye(2), np.eye(2)]))
    >>> x, label = torch.ones(2, 2), torch.tensor([0, 1])
    >>> whitening.whiten(x, label).abs()
    tensor([[0.5000, 0.5000],
            [1.0000, 1.0000]])
    >>> torch.allclose(whitening.colour(whitening.whiten(x, label), label), x)
    True
    """

    roots: torch.Tensor
    inverses: torch.Tensor
    log_volumes: torch.Tensor

    def __init__(self, covariances: np.ndarray) -> None:
        super().__init__()
        values, vectors = np.linalg.eigh(covariances)
        sds = np.sqrt(values.clip(min=0))
        kept = values > TOLERANCE * values.max(axis=1, keepdims=True)
        inverse = np.divide(1.0, sds, out=np.zeros_like(sds), where=kept)
        arrays = {
            "roots": vectors * (sds * kept)[:, None],
            "inverses": vectors * inverse[:, None],
            "log_volumes": np.log(np.where(kept, sds, 1.0)).sum(axis=1),
        }
        # Not saved with the weights: they follow from the constructor's argument.
        for name, array in arrays.items():
            tensor = torch.as_tensor(array, dtype=torch.float32)
            self.register_buffer(name, tensor, persistent=False)

    def whiten(self, x: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        """Return rows of unit covariance, (n_samples, n_features)."""
        return torch.einsum("ni,nij->nj", x, self.inverses[label])

    def colour(self, u: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        """Return rows of their class's covariance; the inverse of `whiten`."""
        return torch.einsum("nj,nij->ni", u, self.roots[label])

    def log_volume(self, label: torch.Tensor) -> torch.Tensor:
        """Return the log of the volume that whitening takes to one, (n_samples,)."""
        return self.log_volumes[label]
