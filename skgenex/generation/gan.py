"""A generative adversarial network of latents which starts as their Gaussian."""

import numpy as np
import torch
from torch import nn

from ..nn import ConditionalMLP
from .whitening import ClassWhitening


class AdversarialAdam(torch.optim.Adam):
    """Adam without momentum, which makes two players chase each other in circles.

    Parameters
    ----------
    params : iterable of Parameter
        Of both players; each entry has a step size of its own.
    lr : float, default=1e-3
        Learning rate.
    betas : tuple of (float, float), default=(0.0, 0.9)
        As in Gulrajani et al. (2017), Algorithm 1.
    **kwargs
        Further arguments of Adam.
    """

    def __init__(self, params, lr=1e-3, betas=(0.0, 0.9), **kwargs):
        super().__init__(params, lr=lr, betas=betas, **kwargs)


class LatentGAN(nn.Module):
    """Conditional GAN of whitened latents; untrained, it is the Gaussian exactly.

    The generator adds what a network makes of noise to the noise itself,
    G(w, c) = w + f(w, c), with f zero at first; the critic sees whitened rows, and the
    class through an inner product (Miyato & Koyama 2018). One ``forward`` gives the sum
    of both losses, each of which sees the other player as constant.

    Parameters
    ----------
    covariances : ndarray of shape (n_classes + 1, n_features, n_features)
        Of the Gaussian; the last is that of all classes.
    n_covariates : int, default=0
        Number of covariates.
    n_hidden, n_blocks, dropout : int, int, float
        Of the generator's `skgenex.nn.ConditionalMLP`; the critic has as many units.
    jitter : float, default=0.3
        Standard deviation of noise added to what the critic sees, real or not: it must
        not tell the training rows by heart.
    loss : {"non_saturating", "wgan_gp"}, default="non_saturating"
        The adversarial losses.
    penalty : float, default=None
        Weight of the gradient penalty: on real rows, R1, with "non_saturating"
        (default 1), on rows between real and generated ones with "wgan_gp" (10). The
        latter is one-sided: slopes below one cost nothing, so that a critic can turn
        round.

    References
    ----------
    Goodfellow et al. (2014), Generative Adversarial Nets, NeurIPS, Sec. 3; Gulrajani et
    al. (2017), Improved Training of Wasserstein GANs, NeurIPS, Eq. 3; Petzka, Fischer &
    Lukovnikov (2018), On the Regularization of Wasserstein GANs, ICLR, Eq. 8;
    Mescheder, Geiger & Nowozin (2018), Which Training Methods for GANs do actually
    Converge?, ICML, Eq. 9 (R1); Miyato & Koyama (2018), cGANs with Projection
    Discriminator, ICLR.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from skgenex.generation.gan import LatentGAN
    >>> gan = LatentGAN(np.stack([4 * np.eye(3)] * 2))
    >>> gan.generate(torch.ones(1, 3), torch.tensor([0])).abs()
    tensor([[2., 2., 2.]], grad_fn=<AbsBackward0>)
    """

    def __init__(
        self,
        covariances: np.ndarray,
        n_covariates: int = 0,
        n_hidden: int = 96,
        n_blocks: int = 2,
        dropout: float = 0.1,
        jitter: float = 0.3,
        loss: str = "non_saturating",
        penalty: float | None = None,
    ) -> None:
        super().__init__()
        d, self.n_classes = covariances.shape[1], len(covariances) - 1
        self.jitter = jitter
        self.loss = loss
        self.penalty = {"non_saturating": 1.0, "wgan_gp": 10.0}[loss]
        if penalty is not None:
            self.penalty = penalty
        self.whitening = ClassWhitening(covariances)
        self.generator = ConditionalMLP(
            d, self.n_classes, n_covariates, n_hidden, n_blocks, dropout
        )
        self.critic = Critic(d, self.n_classes, n_covariates, n_hidden, dropout)

    def forward(
        self,
        x: torch.Tensor,
        label: torch.Tensor,
        covariates: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return the sum of the critic's and the generator's loss, (n_samples,).

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            Latents.
        label : Tensor of shape (n_samples,)
            Classes.
        covariates : Tensor of shape (n_samples, n_covariates), default=None
            Standardised covariates.
        """
        real = self._blurred(self.whitening.whiten(x, label))
        fake = self._blurred(self._draw(torch.randn_like(real), label, covariates))
        condition = (label, covariates)
        critic_loss = self.critic_loss(real, fake.detach(), *condition)
        # The generator's loss must not move the critic.
        constant = {name: p.detach() for name, p in self.critic.named_parameters()}
        seen = torch.func.functional_call(self.critic, constant, (fake, *condition))
        if self.loss == "wgan_gp":
            return critic_loss - seen
        return critic_loss + nn.functional.softplus(-seen)

    def critic_loss(
        self,
        real: torch.Tensor,
        fake: torch.Tensor,
        label: torch.Tensor,
        covariates: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return the critic's loss with its gradient penalty, (n_samples,)."""
        if self.loss == "wgan_gp":
            share = torch.rand(len(real), 1, device=real.device)
            between = (share * real + (1 - share) * fake).requires_grad_()
            slope = self._slope(between, label, covariates)
            excess = (slope.square().sum(1) + 1e-12).sqrt() - 1
            penalty = self.penalty * excess.clamp(min=0) ** 2  # one-sided
            on_fake = self.critic(fake, label, covariates)
            return on_fake - self.critic(real, label, covariates) + penalty
        real = real.detach().requires_grad_()
        on_real = self.critic(real, label, covariates)
        (slope,) = torch.autograd.grad(on_real.sum(), real, create_graph=True)
        on_fake = self.critic(fake, label, covariates)
        losses = nn.functional.softplus(-on_real) + nn.functional.softplus(on_fake)
        return losses + 0.5 * self.penalty * slope.square().sum(dim=1)

    def generate(
        self,
        noise: torch.Tensor,
        label: torch.Tensor,
        covariates: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return latents of standard normal noise, both (n_samples, n_features)."""
        return self.whitening.colour(self._draw(noise, label, covariates), label)

    def _draw(self, noise, label, covariates):
        level = noise.new_zeros(len(noise))
        return noise + self.generator(noise, level, label, covariates)

    def _blurred(self, u: torch.Tensor) -> torch.Tensor:
        return u + self.jitter * torch.randn_like(u)

    def _slope(self, u, label, covariates):
        on_u = self.critic(u, label, covariates)
        return torch.autograd.grad(on_u.sum(), u, create_graph=True)[0]


class Critic(nn.Module):
    """Tells real from generated rows, given their class.

    Parameters
    ----------
    n_features, n_classes, n_covariates, n_hidden : int
        Sizes.
    dropout : float
        Share of hidden units dropped in training.
    """

    def __init__(
        self,
        n_features: int,
        n_classes: int,
        n_covariates: int,
        n_hidden: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(n_features + n_covariates, n_hidden),
            nn.LeakyReLU(0.2),
            nn.Dropout(dropout),
            nn.Linear(n_hidden, n_hidden),
            nn.LeakyReLU(0.2),
            nn.Dropout(dropout),
        )
        self.head = nn.Linear(n_hidden, 1)
        self.class_embedding = nn.Embedding(n_classes + 1, n_hidden)
        nn.init.normal_(self.class_embedding.weight, std=0.1)

    def forward(
        self,
        u: torch.Tensor,
        label: torch.Tensor,
        covariates: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return scores, (n_samples,), higher for rows that look real."""
        if covariates is not None:
            u = torch.cat([u, covariates], dim=1)
        hidden = self.body(u)
        by_class = (self.class_embedding(label) * hidden).sum(dim=1)
        return self.head(hidden)[:, 0] + by_class
