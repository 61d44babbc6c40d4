"""A variational autoencoder of latents which starts as their Gaussian."""

import math

import numpy as np
import torch
from torch import nn

from ..nn import ConditionalMLP
from .whitening import ClassWhitening

START = 0.8  # correlation of code and latent at first, of any size: see LatentVAE


class LatentVAE(nn.Module):
    r"""Conditional VAE of whitened latents; untrained, it is the Gaussian exactly.

    Latents of a class are whitened, u, so that the simple model says u ~ N(0, I). The
    VAE has codes w ~ N(0, I) and, with a decoder f and an encoder g, h,

    .. math::

        u \mid w \sim N(b w + f(w, c), s^2), \qquad
        w \mid u \sim N(b u + g(u, c), (1 - b^2) e^{h(u, c)}).

    At the start f, g and h are zero and s^2 = 1 - b^2, so that u ~ N(0, I) and the
    encoder is the exact posterior: the bound is tight, and equals the Gaussian's log
    density. All of b, s, f, g and h are learned: a fixed spread s makes profiles
    without noise.

    Parameters
    ----------
    covariances : ndarray of shape (n_classes + 1, n_features, n_features)
        Of the Gaussian; the last is that of all classes.
    n_covariates : int, default=0
        Number of covariates.
    n_hidden, n_blocks, dropout : int, int, float
        Of each `skgenex.nn.ConditionalMLP`.
    jitter : float, default=0.3
        Standard deviation of noise added to training rows, in units of theirs.

    References
    ----------
    Kingma & Welling (2014), Auto-Encoding Variational Bayes, ICLR, Eq. 3; Sohn, Lee &
    Yan (2015), Learning Structured Output Representation using Deep Conditional
    Generative Models, NeurIPS; Rybkin, Daniilidis & Levine (2021), Simple and Effective
    VAE Training with Calibrated Decoders, ICML (learned spread).

    Examples
    --------
    >>> import numpy as np, torch
    >>> from skgenex.generation.vae import LatentVAE
    >>> vae = LatentVAE(np.stack([np.eye(3)] * 2)).eval()
    >>> x, label = torch.ones(9999, 3), torch.zeros(9999).long()
    >>> noise = torch.randn(9999, 3, generator=torch.Generator().manual_seed(0))
    >>> log_density = torch.distributions.Normal(0.0, 1.0).log_prob(x[0]).sum()
    >>> bool((vae.bound(x, label, noise).mean() - log_density).abs() < 0.05)
    True
    """

    def __init__(
        self,
        covariances: np.ndarray,
        n_covariates: int = 0,
        n_hidden: int = 96,
        n_blocks: int = 2,
        dropout: float = 0.3,
        jitter: float = 0.3,
    ) -> None:
        super().__init__()
        d, self.n_classes = covariances.shape[1], len(covariances) - 1
        self.jitter = jitter
        self.whitening = ClassWhitening(covariances)
        how = (d, self.n_classes, n_covariates, n_hidden, n_blocks, dropout)
        self.decoder = ConditionalMLP(*how)
        self.encoder_mean = ConditionalMLP(*how)
        self.encoder_log_variance = ConditionalMLP(*how)
        self.slope = nn.Parameter(torch.full((d,), math.atanh(START)))
        self.log_spread = nn.Parameter(torch.full((d,), 0.5 * math.log(1 - START**2)))

    def encode(
        self,
        u: torch.Tensor,
        label: torch.Tensor,
        covariates: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return mean and log variance of the codes of whitened rows."""
        level, b = u.new_zeros(len(u)), self.slope.tanh()
        mean = b * u + self.encoder_mean(u, level, label, covariates)
        change = self.encoder_log_variance(u, level, label, covariates)
        return mean, torch.log1p(-(b**2)) + change.clamp(-5, 5)

    def decode(
        self,
        w: torch.Tensor,
        label: torch.Tensor,
        covariates: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return the mean of the whitened rows of codes."""
        level = w.new_zeros(len(w))
        return self.slope.tanh() * w + self.decoder(w, level, label, covariates)

    def bound(
        self,
        x: torch.Tensor,
        label: torch.Tensor,
        noise: torch.Tensor,
        covariates: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Lower bound of the log density of rows, (n_samples,), in nats.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            Latents.
        label : Tensor of shape (n_samples,)
            Classes.
        noise : Tensor of shape (n_samples, n_features)
            Standard normal; draws the codes.
        covariates : Tensor of shape (n_samples, n_covariates), default=None
            Standardised covariates.
        """
        u = self.whitening.whiten(x, label)
        bound = self._bound(u, label, noise, covariates)
        return bound - self.whitening.log_volume(label)

    def _bound(self, u, label, noise, covariates):
        mean, log_variance = self.encode(u, label, covariates)
        w = mean + (0.5 * log_variance).exp() * noise
        error = (u - self.decode(w, label, covariates)) / self.log_spread.exp()
        fit = -0.5 * error.square() - self.log_spread - 0.5 * math.log(2 * math.pi)
        divergence = 0.5 * (log_variance.exp() + mean.square() - 1 - log_variance)
        return (fit - divergence).sum(dim=1)

    def forward(
        self,
        x: torch.Tensor,
        label: torch.Tensor,
        covariates: torch.Tensor | None = None,
        noise: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return the negative bound per latent, less the Gaussian's, (n_samples,).

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            Latents.
        label : Tensor of shape (n_samples,)
            Classes.
        covariates : Tensor of shape (n_samples, n_covariates), default=None
            Standardised covariates.
        noise : Tensor of shape (n_samples, n_features), default=None
            Standard normal; None draws it.
        """
        u = self.whitening.whiten(x, label)
        if self.training:
            u = u + self.jitter * torch.randn_like(u)
            u = u / (1 + self.jitter**2) ** 0.5
        if noise is None:
            noise = torch.randn_like(u)
        gaussian = -0.5 * (u.square() + math.log(2 * math.pi)).sum(dim=1)
        bound = self._bound(u, label, noise, covariates)
        return (gaussian - bound) / u.shape[1]

    def importance_gain(
        self,
        x: torch.Tensor,
        label: torch.Tensor,
        noise: torch.Tensor,
        covariates: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return the log density's importance-weighted estimate, less the Gaussian's.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            Latents.
        label : Tensor of shape (n_samples,)
            Classes.
        noise : Tensor of shape (n_draws, n_features)
            Standard normal; the same for all rows.
        covariates : Tensor of shape (n_samples, n_covariates), default=None
            Standardised covariates.

        Returns
        -------
        Tensor of shape (n_samples,)
            In nats.
        """
        u = self.whitening.whiten(x, label)
        mean, log_variance = self.encode(u, label, covariates)
        spread = (0.5 * log_variance).exp()
        log_weights = []
        for draw in noise:
            w = mean + spread * draw
            error = (u - self.decode(w, label, covariates)) / self.log_spread.exp()
            fit = -0.5 * error.square() - self.log_spread
            prior = 0.5 * (draw.square() - w.square()) + 0.5 * log_variance
            log_weights.append((fit + prior + 0.5 * u.square()).sum(dim=1))
        return torch.stack(log_weights).logsumexp(dim=0) - math.log(len(noise))

    def generate(
        self,
        noise: torch.Tensor,
        label: torch.Tensor,
        covariates: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return latents, (n_samples, n_features).

        Parameters
        ----------
        noise : Tensor of shape (n_samples, 2 * n_features)
            Standard normal: codes, and what the decoder's spread adds.
        label : Tensor of shape (n_samples,)
            Classes.
        covariates : Tensor of shape (n_samples, n_covariates), default=None
            Standardised covariates.
        """
        w, own = noise.chunk(2, dim=1)
        u = self.decode(w, label, covariates) + self.log_spread.exp() * own
        return self.whitening.colour(u, label)
