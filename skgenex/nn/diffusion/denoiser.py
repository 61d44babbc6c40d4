"""A network which corrects the denoiser of a Gaussian, and its training."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from ..networks import ConditionalMLP
from .gaussian import GaussianDenoiser
from .noise import PROCESSES
from .subspace import FactorDenoiser, FactorMLP

# What the network predicts, as the factor c_out(sigma) by which its output corrects the
# denoised row. Its own squared error is that of the row, over c_out^2.
TARGETS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "epsilon": lambda sigma: sigma,
    "v": lambda sigma: sigma * (1 + sigma**2).rsqrt(),
    "velocity": lambda sigma: sigma / (1 + sigma),
    "x0": torch.ones_like,
}


class Denoiser(nn.Module):
    """A network which corrects the denoiser of a Gaussian.

    With unit-variance data, D(x, sigma) = G(x, sigma) + c_out F(c_in x, ln(sigma) / 4)
    with c_in = 1 / sqrt(1 + sigma^2). What F predicts decides c_out: sigma for the
    noise ("epsilon"), 1 for the row ("x0"), sigma / sqrt(1 + sigma^2) for "v" and
    sigma / (1 + sigma) for the "velocity" of straight paths, always up to the sign and
    as a correction of what G predicts. For a standard normal G, "v" is the
    preconditioning of Karras et al. Where F is zero, sampling draws exactly from the
    Gaussian.

    Parameters
    ----------
    gaussian : Module
        ``gaussian(x, sigma, label)``, the simple model's denoiser.
    network : Module
        ``network(x, level, label, covariates)``.
    target : {"epsilon", "v", "velocity", "x0"}, default="v"
        What the network predicts.

    References
    ----------
    Karras et al. (2022), Table 1 (preconditioning); Ho et al. (2020), Eq. 12 (epsilon);
    Salimans & Ho (2022), Progressive Distillation for Fast Sampling of Diffusion
    Models, ICLR, Sec. 4 (v); Lipman et al. (2023), Flow Matching for Generative
    Modeling, ICLR, Eq. 23 (velocity).

    Examples
    --------
    >>> import numpy as np, torch
    >>> from skgenex.nn import ConditionalMLP
    >>> from skgenex.nn.diffusion import Denoiser, GaussianDenoiser
    >>> gaussian = GaussianDenoiser(np.eye(3)[None])
    >>> denoiser = Denoiser(gaussian, ConditionalMLP(n_features=3, n_classes=0))
    >>> x, sigma, label = torch.randn(4, 3), torch.ones(4), torch.zeros(4).long()
    >>> torch.equal(denoiser(x, sigma, label), gaussian(x, sigma, label))
    True
    """

    def __init__(
        self, gaussian: nn.Module, network: nn.Module, target: str = "v"
    ) -> None:
        super().__init__()
        self.gaussian = gaussian
        self.network = network
        self.target = target

    def forward(
        self,
        x: torch.Tensor,
        sigma: torch.Tensor,
        label: torch.Tensor,
        covariates: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return the expected clean rows, (n_samples, n_features)."""
        c_in = (1 + sigma[:, None] ** 2).rsqrt()
        correction = self.network(c_in * x, sigma.log() / 4, label, covariates)
        c_out = TARGETS[self.target](sigma)[:, None]
        return self.gaussian(x, sigma, label) + c_out * correction


class DenoisingObjective(nn.Module):
    """Weighted squared error of a `Denoiser`, one value per row.

    In training it draws the noise itself and regularises: a little noise is added to
    the rows (and taken off their variance), and condition labels are dropped at
    random, which also prepares classifier-free guidance.

    Parameters
    ----------
    covariances : ndarray of shape (n_classes + 1, n_features, n_features)
        Of the Gaussian to start from, see `GaussianDenoiser`.
    n_covariates : int, default=0
        Number of covariates.
    n_hidden, n_blocks, dropout : int, int, float
        Of the `ConditionalMLP`.
    jitter : float, default=0.3
        Standard deviation of the noise added to training rows, in units of theirs.
    label_dropout : float, default=0.1
        Share of training rows which hide their label and covariates.
    process : {"edm", "ddpm_linear", "ddpm_cosine", "flow"}, default="edm"
        Which noise levels training rows get.
    target : {"epsilon", "v", "velocity", "x0"}, default=None
        What the network predicts, see `Denoiser`; None takes the process's own.
    factors : dict, default=None
        Arguments of a `FactorDenoiser` but ``covariances``: then rows hold genes, and
        ``covariances`` are those of their leading factors.

    References
    ----------
    Karras et al. (2022), Eq. 8 and Table 1 (loss weighting, sigma_data = 1);
    Ho & Salimans (2021), Classifier-Free Diffusion Guidance.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from skgenex.nn.diffusion import DenoisingObjective
    >>> objective = DenoisingObjective(np.stack([np.eye(3)] * 2)).eval()
    >>> x, label = torch.zeros(2, 3), torch.zeros(2).long()
    >>> objective(x, label, sigma=torch.ones(2), noise=torch.ones(2, 3))
    tensor([0.5000, 0.5000], grad_fn=<DivBackward0>)
    """

    def __init__(
        self,
        covariances: np.ndarray,
        n_covariates: int = 0,
        n_hidden: int = 128,
        n_blocks: int = 2,
        dropout: float = 0.1,
        jitter: float = 0.3,
        label_dropout: float = 0.1,
        process: str = "edm",
        target: str | None = None,
        factors: dict | None = None,
    ) -> None:
        super().__init__()
        self.n_classes = len(covariances) - 1
        self.jitter = jitter
        self.label_dropout = label_dropout
        self.process = process
        how = (self.n_classes, n_covariates, n_hidden, n_blocks, dropout)
        if factors is None:
            gaussian: nn.Module = GaussianDenoiser(covariances)
            network: nn.Module = ConditionalMLP(covariances.shape[1], *how)
        else:
            gaussian = FactorDenoiser(covariances=covariances, **factors)
            q = covariances.shape[1] - factors["has_scale"]
            variances = factors["eigenvalues"][:q] + factors["noise"]
            network = FactorMLP(
                factors["vectors"][:q], variances, *how, factors["has_scale"]
            )
        target = target or PROCESSES[process].target
        self.denoiser = Denoiser(gaussian, network, target)

    def forward(
        self,
        x: torch.Tensor,
        label: torch.Tensor,
        covariates: torch.Tensor | None = None,
        sigma: torch.Tensor | None = None,
        noise: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return the loss of each row, shape (n_samples,).

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            Clean rows of about unit variance.
        label : Tensor of shape (n_samples,)
            Classes.
        covariates : Tensor of shape (n_samples, n_covariates), default=None
            Standardised covariates.
        sigma : Tensor of shape (n_samples,), default=None
            Noise levels; None draws them.
        noise : Tensor of shape (n_samples, n_features), default=None
            Standard normal noise; None draws it.

        Returns
        -------
        Tensor of shape (n_samples,)
            Mean squared error of what the network predicts: the clean rows', over
            c_out^2. For "v", (1 + sigma^2) / sigma^2 times the clean rows'.
        """
        if self.training:
            x = x + self.jitter * torch.randn_like(x)
            x = x / (1 + self.jitter**2) ** 0.5
            hidden = torch.rand(len(x), device=x.device) < self.label_dropout
            label = label.masked_fill(hidden, self.n_classes)
            if covariates is not None:
                covariates = covariates.masked_fill(hidden[:, None], 0.0)
        if sigma is None:
            sigma = PROCESSES[self.process].draw(len(x), device=x.device)
        if noise is None:
            noise = torch.randn_like(x)
        denoised = self.denoiser(x + sigma[:, None] * noise, sigma, label, covariates)
        error = (denoised - x).square().mean(dim=1)
        return error / TARGETS[self.denoiser.target](sigma) ** 2


def guided(
    denoiser: nn.Module,
    label: torch.Tensor,
    covariates: torch.Tensor | None,
    unconditional: int,
    guidance: float = 1.0,
    interval: tuple[float, float] = (0.0, math.inf),
) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Fix the condition of a denoiser, exaggerated by classifier-free guidance.

    Parameters
    ----------
    denoiser : Module
        ``denoiser(x, sigma, label, covariates)``.
    label : Tensor of shape (n_samples,)
        Wanted classes.
    covariates : Tensor of shape (n_samples, n_covariates) or None
        Wanted covariates.
    unconditional : int
        The label which means "no class given".
    guidance : float, default=1.0
        1 samples the condition as it is; above 1 exaggerates it, which costs spread.
    interval : tuple of (float, float), default=(0, inf)
        Noise levels, the upper one included, at which guidance other than 1 acts.

    Returns
    -------
    callable
        ``denoise(x, sigma)`` for the solvers.

    References
    ----------
    Ho & Salimans (2021), Eq. 6; Kynkaanniemi et al. (2024), Applying Guidance in a
    Limited Interval Improves Sample and Distribution Quality in Diffusion Models,
    NeurIPS.

    Examples
    --------
    >>> import torch
    >>> from skgenex.nn.diffusion import guided
    >>> def denoiser(x, sigma, label, covariates):
    ...     return x + label[:, None]
    >>> denoise = guided(denoiser, torch.tensor([1]), None, 0, guidance=2.0)
    >>> denoise(torch.zeros(1, 1), torch.ones(1))
    tensor([[2.]])
    """
    if guidance == 1:
        return lambda x, sigma: denoiser(x, sigma, label, covariates)
    no_label = torch.full_like(label, unconditional)
    no_covariates = None if covariates is None else torch.zeros_like(covariates)

    low, high = interval

    def denoise(x, sigma):
        conditional = denoiser(x, sigma, label, covariates)
        inside = (sigma > low) & (sigma <= high)
        if not inside.any():
            return conditional
        plain = denoiser(x, sigma, no_label, no_covariates)
        weight = torch.where(inside, guidance, 1.0)[:, None]
        return plain + weight * (conditional - plain)

    return denoise
