"""Generative adversarial network of the leading factors, inside the Gaussian model."""

from numbers import Real
from typing import Any

import numpy as np
import torch
from imblearn.over_sampling.base import BaseOverSampler
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from .._base import TorchEstimator
from ._latent_network import LatentNetworkMixin
from ._vae_sampler import LATENT_CONSTRAINTS
from .density import log_density
from .gan import AdversarialAdam, LatentGAN

KERNEL_WIDTH = 0.5  # standard deviations


class GANSampler(LatentNetworkMixin, TorchEstimator, BaseOverSampler):
    """Simulate profiles by a generative adversarial network that starts as a Gaussian.

    The model of rows is that of `GaussianSampler`. The leading whitened factors and the
    row scale come from a class-conditional generator whose untrained form *is* the
    Gaussian, trained against a critic with a gradient penalty. Rows held out decide by
    their kernel score, which needs no density, whether it is used: ``backend_`` says
    so.

    Parameters
    ----------
    sampling_strategy : str, dict, float or callable, default="auto"
        How many rows `fit_resample` adds, in imbalanced-learn's terms; see also
        `multiply` and `augment_to`.
    backend : {"auto", "gan", "gaussian"}, default="auto"
        "auto" decides on held-out rows; the others force it.
    loss : {"non_saturating", "wgan_gp"}, default="non_saturating"
        The adversarial losses.
    penalty : float, default=None
        Weight of the critic's gradient penalty. None: 1 (R1, on real rows) with
        "non_saturating", 10 (between real and generated rows) with "wgan_gp".
    n_factors : int or "auto", default="auto"
        Leading factors, which the network learns; see `GaussianSampler`.
    shrinkage : {"matched", "ledoit_wolf", "nonlinear"} or float, default="matched"
        See `GaussianSampler`.
    mean_shrinkage : float, default=1.0
        See `GaussianSampler`.
    class_covariance : float or "auto", default="auto"
        Of the Gaussian that the network starts from; see `GaussianSampler`.
    marginal : bool or "auto", default="auto"
        See `GaussianSampler`.
    n_hidden : int, default=96
        Units per layer of the network.
    n_blocks : int, default=2
        Residual blocks of the network.
    dropout : float, default=0.1
        Share of hidden units dropped in training.
    jitter : float, default=0.3
        Noise added to what the critic sees, in standard deviations.
    max_epochs : int, default=30
        Epochs of the training; an epoch has at least 20 optimisation steps.
    lr : float, default=5e-4
        Learning rate of the generator's Adam, without momentum.
    critic_lr : float, default=None
        That of the critic; None: four times ``lr`` (Heusel et al. 2017, two time
        scales).
    batch_size : int, default=256
        Rows per step.
    validation_fraction : float, default=0.25
        Share of rows held out to choose the backend; all rows are used in the
        final fit. With 0 there is no check against the Gaussian.
    callbacks : list of skorch callbacks, default=None
        Cloned for each fit.
    device : str or torch.device, default="auto"
        "auto" takes CUDA if there is one.
    random_state : int, RandomState instance or None, default=None
        Source of randomness of the fit and of `sample`.
    verbose : int, default=0
        0 is silent, 1 shows a progress bar, 2 prints a line per epoch.
    compile : bool, default=False
        Train through `torch.compile`.
    checkpoint_dir : str or path-like, default=None
        Folder for a checkpoint of the final training, from which a killed fit goes on.

    Attributes
    ----------
    backend_ : {"gan", "gaussian"}
        What `sample` uses.
    heldout_gain_ : float
        How much lower the held-out kernel score is than the Gaussian's, as a share of
        the latter; NaN without held-out rows.
    heldout_gain_se_ : float
        Its standard error over the held-out rows.
    classes_ : ndarray of shape (n_classes,)
        Labels of the fit.
    class_counts_ : ndarray of shape (n_classes,)
        Rows of each.
    model_ : FactorModel
        The linear model of rows.
    class_covariances_ : ndarray of shape (n_classes + 1, n_latents, n_latents)
        Of the Gaussian latents; the last is that of all classes.
    marginal_map_ : MarginalMap or None
        The map used.
    net_ : ObjectiveNet
        The trained skorch net; absent if the Gaussian is used.
    history_ : list of dict
        Losses per epoch of the training with held-out rows.
    n_iter_ : int
        Epochs of the final training.
    sampling_strategy_ : dict
        Rows added per class, after `fit_resample`.
    n_features_in_ : int
        Number of genes.
    feature_names_in_ : ndarray of shape (n_features,)
        Genes, if X had names.

    See Also
    --------
    DiffusionSampler : Usually closer to real rows.

    References
    ----------
    Goodfellow et al. (2014), Generative Adversarial Nets, NeurIPS; Gulrajani et al.
    (2017), Improved Training of Wasserstein GANs, NeurIPS; Gneiting & Raftery (2007),
    Strictly Proper Scoring Rules, Prediction, and Estimation, JASA 102:359, Sec. 5
    (kernel scores).

    Examples
    --------
    >>> from skgenex import GANSampler
    >>> from skgenex.datasets import make_expression
    >>> X, y = make_expression(n_samples=60, random_state=0, return_X_y=True)
    >>> sampler = GANSampler(max_epochs=2, random_state=0).fit(X, y)
    >>> X_new, y_new = sampler.sample(5)
    >>> X_new.shape
    (5, 200)
    """

    _backend_name = "gan"
    _validates = False  # what the players lose does not say how good the draws are
    _parameter_constraints = {
        **BaseOverSampler._parameter_constraints,
        **{k: v for k, v in LATENT_CONSTRAINTS.items() if k != "patience"},
        "backend": [StrOptions({"auto", "gan", "gaussian"})],
        "loss": [StrOptions({"non_saturating", "wgan_gp"})],
        "critic_lr": [Interval(Real, 0, None, closed="neither"), None],
        "penalty": [Interval(Real, 0, None, closed="left"), None],
    }

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        backend="auto",
        loss="non_saturating",
        penalty=None,
        n_factors="auto",
        shrinkage="matched",
        mean_shrinkage=1.0,
        class_covariance="auto",
        marginal="auto",
        n_hidden=96,
        n_blocks=2,
        dropout=0.1,
        jitter=0.3,
        max_epochs=30,
        lr=5e-4,
        critic_lr=None,
        batch_size=256,
        validation_fraction=0.25,
        callbacks=None,
        device="auto",
        random_state=None,
        verbose=0,
        compile=False,
        checkpoint_dir=None,
    ):
        super().__init__(sampling_strategy=sampling_strategy)
        self.backend = backend
        self.loss = loss
        self.penalty = penalty
        self.n_factors = n_factors
        self.shrinkage = shrinkage
        self.mean_shrinkage = mean_shrinkage
        self.class_covariance = class_covariance
        self.marginal = marginal
        self.n_hidden = n_hidden
        self.n_blocks = n_blocks
        self.dropout = dropout
        self.jitter = jitter
        self.max_epochs = max_epochs
        self.lr = lr
        self.critic_lr = critic_lr
        self.batch_size = batch_size
        self.validation_fraction = validation_fraction
        self.callbacks = callbacks
        self.device = device
        self.random_state = random_state
        self.verbose = verbose
        self.compile = compile
        self.checkpoint_dir = checkpoint_dir

    def _objective_of(self, covariances: NDArray, covariates: NDArray) -> tuple:
        return LatentGAN, {
            "covariances": covariances,
            "n_covariates": covariates.shape[1],
            "n_hidden": self.n_hidden,
            "n_blocks": self.n_blocks,
            "dropout": self.dropout,
            "jitter": self.jitter,
            "loss": self.loss,
            "penalty": self.penalty,
        }

    def _how(self, n_rows: int) -> dict[str, Any]:
        return {
            **super()._how(n_rows),
            "optimizer": AdversarialAdam,
            "param_groups": [("critic.*", {"lr": self.critic_lr or 4 * self.lr})],
            "weight_decay": 0.0,
        }

    def _add_noise(self, batch: dict, generator: torch.Generator) -> None:
        shape = batch["x"].shape
        batch["first"] = torch.randn(shape, generator=generator)
        batch["second"] = torch.randn(shape, generator=generator)

    def _loss_of_both(self, held_out: dict) -> NDArray:
        """Kernel score of each row, from two draws of each model for the same noise.

        Over projections of whitened rows: in many dimensions distances are all alike,
        and scores of whole rows see little.
        """
        gan = self._network()
        d = held_out["x"].shape[1]
        generator = torch.Generator().manual_seed(0)
        slices = torch.cat(
            [torch.eye(d), torch.randn(d, 2 * d, generator=generator)], 1
        )
        slices = slices / slices.norm(dim=0)

        def kernel(first, second):
            return (-0.5 * ((first - second) / KERNEL_WIDTH) ** 2).exp().mean(dim=1)

        def losses(x, label, *rest):
            *covariates, first, second = rest
            covariates = covariates[0] if covariates else None
            ways = slices.to(x.device)
            scores = []
            for draw in (
                lambda noise: gan.whitening.colour(noise, label),
                lambda noise: gan.generate(noise, label, covariates),
            ):
                real, a, b = (
                    gan.whitening.whiten(rows, label) @ ways
                    for rows in (x, draw(first), draw(second))
                )
                near = (kernel(real, a) + kernel(real, b)) / 2
                scores.append((1 + kernel(a, b)) / 2 - near)
            return torch.stack(scores, dim=1)

        return self._apply(losses, *(np.asarray(value) for value in held_out.values()))

    def _draw_from_network(
        self,
        codes: NDArray,
        covariates: NDArray,
        rng: np.random.Generator,
        guidance: float,
    ) -> NDArray:
        gan: Any = self._network()
        shape = len(codes), self.class_covariances_.shape[1]
        noise = rng.standard_normal(shape, dtype=np.float32)
        return self._apply(gan.generate, noise, codes, covariates.astype(np.float32))

    def _score_rows(self, X: NDArray, codes: NDArray, covariates: NDArray) -> NDArray:
        """Log-likelihood of the Gaussian inside: a generator has no density."""
        return log_density(self.model_, self.class_covariances_, X, codes, covariates)
