"""A variational autoencoder of rows which starts as probabilistic PCA."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from .._covariance import factorise

MIN_LOG_NOISE = -9.0  # of a standardised gene: keeps the likelihood finite


def probabilistic_pca(
    X: NDArray, n_components: int, rng: np.random.Generator
) -> tuple[NDArray, NDArray, NDArray, float]:
    """Fit x = W' z + e by maximum likelihood, with z ~ N(0, I) and e ~ N(0, v I).

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Standardised rows.
    n_components : int
        Length of z, less than the rank of X.
    rng : numpy.random.Generator
        See `factorise`.

    Returns
    -------
    loadings : ndarray of shape (n_components, n_features)
        W.
    projection : ndarray of shape (n_components, n_features)
        Posterior mean of z, as a linear map of x.
    posterior : ndarray of shape (n_components,)
        Posterior variance of z.
    noise : float
        v.

    References
    ----------
    Tipping & Bishop (1999), Probabilistic Principal Component Analysis, JRSS B 61:611,
    Eqs. 7 and 8.
    """
    values, vectors, _ = factorise(X, rng, with_scores=False)
    k = n_components
    rest = np.square(X).sum() / len(X) - values[:k].sum()
    noise = max(rest / max(X.shape[1] - k, 1), np.exp(MIN_LOG_NOISE))
    signal = (values[:k] - noise).clip(min=0.0)
    loadings = np.sqrt(signal)[:, None] * vectors[:k]
    total = signal + noise
    projection = (np.sqrt(signal) / total)[:, None] * vectors[:k]
    return loadings, projection, noise / total, float(noise)


class RowVAE(nn.Module):
    r"""VAE of rows: a linear map and a network each way, and a noise variance per gene.

    .. math::

        z \sim N(0, I), \quad x_j \mid z \sim N((W^T z + f(z))_j, v_j), \quad
        z \mid x \sim N(P x + g(x), s^2 e^{h(x)})

    The networks f, g and h start at zero and W, P, s and v at those of probabilistic
    PCA, whose log likelihood the bound then equals.

    Parameters
    ----------
    loadings, projection : ndarray of shape (n_components, n_features)
        W and P at the start.
    posterior : ndarray of shape (n_components,)
        s^2.
    noise : float
        v_j at the start.
    n_hidden : int, default=128
        Units of the hidden layer of each network.
    dropout : float, default=0.1
        Share of hidden units dropped in training.
    kl_weight : float, default=1.0
        Weight of the divergence of the codes from N(0, I).

    References
    ----------
    Kingma & Welling (2014), Auto-Encoding Variational Bayes, ICLR, Eq. 3; Higgins et
    al. (2017), beta-VAE, ICLR, Eq. 4 (weight); Rybkin, Daniilidis & Levine (2021),
    Simple and Effective VAE Training with Calibrated Decoders, ICML (learned v).
    """

    log_posterior: torch.Tensor

    def __init__(
        self,
        loadings: np.ndarray,
        projection: np.ndarray,
        posterior: np.ndarray,
        noise: float,
        n_hidden: int = 128,
        dropout: float = 0.1,
        kl_weight: float = 1.0,
    ) -> None:
        super().__init__()
        k, p = loadings.shape
        self.kl_weight = kl_weight
        self.loadings = nn.Parameter(torch.as_tensor(loadings, dtype=torch.float32))
        self.projection = nn.Parameter(torch.as_tensor(projection, dtype=torch.float32))
        log_posterior = torch.as_tensor(posterior, dtype=torch.float32).log()
        # Not saved with the weights: it follows from the constructor's argument.
        self.register_buffer("log_posterior", log_posterior, persistent=False)
        self.log_noise = nn.Parameter(torch.full((p,), float(np.log(noise))))
        self.encoder = _correction(p, n_hidden, 2 * k, dropout)
        self.decoder = _correction(k, n_hidden, p, dropout)

    def encode(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return mean and log variance of the codes of standardised rows."""
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        change = log_variance.clamp(-5, 5)
        return x @ self.projection.T + mean, self.log_posterior + change

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        """Return the means of the standardised rows of codes."""
        return z @ self.loadings + self.decoder(z)

    def forward(
        self, x: torch.Tensor, noise: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return the negative bound on the log density, per gene, (n_samples,).

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            Standardised rows.
        noise : Tensor of shape (n_samples, n_components), default=None
            Standard normal, draws the codes; None draws it.
        """
        mean, log_variance = self.encode(x)
        if noise is None:
            noise = torch.randn_like(mean)
        z = mean + (0.5 * log_variance).exp() * noise
        log_noise = self.log_noise.clamp(min=MIN_LOG_NOISE)
        error = (x - self.decode(z)).square() / log_noise.exp()
        fit = 0.5 * (error + log_noise + np.log(2 * np.pi)).sum(dim=1)
        divergence = mean.square() + log_variance.exp() - 1 - log_variance
        divergence = 0.5 * divergence.sum(dim=1)
        return (fit + self.kl_weight * divergence) / x.shape[1]


def _correction(n_in: int, n_hidden: int, n_out: int, dropout: float) -> nn.Sequential:
    last = nn.Linear(n_hidden, n_out)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(
        nn.Linear(n_in, n_hidden), nn.SiLU(), nn.Dropout(dropout), last
    )
