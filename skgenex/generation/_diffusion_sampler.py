"""Diffusion of the leading factors, inside the Gaussian model of expression."""

from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from imblearn.over_sampling.base import BaseOverSampler
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from .._base import TORCH_CONSTRAINTS, TorchEstimator
from ..nn.diffusion import (
    PROCESSES,
    SOLVERS,
    TARGETS,
    DenoisingObjective,
    guided,
)
from ._gaussian_sampler import MODEL_CONSTRAINTS
from ._kl_autoencoder import KLAutoencoder
from ._latent_network import LatentNetworkMixin
from .density import log_density
from .factors import FactorModel
from .loss_trajectory import denoising_losses
from .spaces import CodeModel, GeneModel

SCORE_SIGMAS = 200


class DiffusionSampler(LatentNetworkMixin, TorchEstimator, BaseOverSampler):
    """Simulate profiles by diffusion, starting from, and falling back to, a Gaussian.

    The model of rows is that of `GaussianSampler`: class mean, factors, row scale,
    own noise, a map per gene. Here the leading whitened factors and the row scale, the
    *latents*, follow a diffusion process: a small class-conditional network corrects
    the exact denoiser of the Gaussian (so that the untrained network *is* the
    Gaussian), and is stopped by the denoising loss of held-out rows, with factors
    learned without them. If that loss is not lower than the Gaussian's by more than
    its standard error, the Gaussian is used: ``backend_`` says which.

    Parameters
    ----------
    sampling_strategy : str, dict, float or callable, default="auto"
        How many rows `fit_resample` adds, in imbalanced-learn's terms; see also
        `multiply` and `augment_to`.
    space : {"auto", "factors", "genes", "autoencoder"} or transformer, default="auto"
        Where the diffusion lives. "factors": the leading factors and the row scale.
        "genes": all genes, whitened; the network reads the factors and corrects each
        gene. "autoencoder": codes of a `KLAutoencoder`. A scikit-learn transformer
        with ``inverse_transform``, such as ``PCA(30)``: its codes; a clone is fitted
        on the training rows. What codes lose of a row is modelled by a Gaussian and
        added back. "auto" is "factors", as "genes" did not make rows more real.
    backend : {"auto", "diffusion", "gaussian"}, default="auto"
        "auto" decides on held-out rows; the others force it.
    process : {"edm", "ddpm_linear", "ddpm_cosine", "flow"}, default="edm"
        Noise levels of training and sampling: log-normal ones (Karras et al. 2022),
        the thousand steps of DDPM with a linear or a cosine schedule, or straight
        paths with uniform times (flow matching).
    target : {"epsilon", "v", "velocity", "x0"} or None, default=None
        What the network predicts, as a correction of what the Gaussian predicts: the
        noise, the row, or combinations of both. None takes the process's own: "v" for
        "edm", "epsilon" for DDPM, "velocity" for "flow".
    guidance : float, default=1.0
        Classifier-free guidance. 1 simulates the classes as they are, 0 all classes
        alike, and more than 1 exaggerates them, at a cost of spread. May be changed
        after the fit.
    guidance_interval : tuple of (float, float), default=None
        Noise levels, in standard deviations of the latents, between which guidance
        acts; None means all. May be changed after the fit.
    solver : {"heun", "dpm", "ddim", "ancestral"}, default="heun"
        How latents are drawn: the first three solve the probability-flow equation,
        "ancestral" adds fresh noise at each step.
    n_steps : int, default=18
        Steps of the solver; Heun's method evaluates the network twice a step, and
        "ancestral" needs many (1,000 in its paper). 20 steps of "dpm" give nearly the
        rows of the default in two thirds of the time.
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
    dropout : float, default=0.3
        Share of hidden units dropped in training.
    jitter : float, default=0.3
        Noise added to training latents, in standard deviations.
    label_dropout : float, default=0.1
        Share of training rows which hide their label, needed for ``guidance``.
    max_epochs : int, default=80
        Epochs at most; an epoch has at least 20 optimisation steps.
    lr : float, default=1.5e-3
        Learning rate of AdamW.
    batch_size : int, default=256
        Rows per step.
    validation_fraction : float, default=0.25
        Share of rows held out to stop training and to choose the backend; all rows
        are used in the final fit. With 0 it trains for ``max_epochs``, with no check
        against the Gaussian.
    patience : int, default=6
        Epochs without a lower held-out loss before training stops.
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
    warm_start : bool, default=False
        Start the final training from the weights of the previous fit.
    checkpoint_dir : str or path-like, default=None
        Folder for a checkpoint of the final training, from which a killed fit goes on.

    Attributes
    ----------
    backend_ : {"diffusion", "gaussian"}
        What `sample` uses.
    space_ : {"factors", "genes", "codes"}
        What the latents are; "factors" where no network is used, but with codes.
    heldout_gain_ : float
        How much lower the held-out denoising loss is than the Gaussian's, as a share
        of the Gaussian's; negative if the network never was better, NaN without
        held-out rows.
    heldout_gain_se_ : float
        Its standard error over the held-out rows.
    classes_ : ndarray of shape (n_classes,)
        Labels of the fit.
    class_counts_ : ndarray of shape (n_classes,)
        Rows of each.
    model_ : FactorModel
        The linear model of rows; with codes, a `CodeModel`.
    class_covariances_ : ndarray of shape (n_classes + 1, n_latents, n_latents)
        Of the Gaussian latents; the last is that of all classes.
    class_covariance_ : float
        The weight used.
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
    GaussianSampler : The simple model inside.

    Notes
    -----
    Classes of a single row share the common covariance and a mean half-way between
    their row and the mean of all.

    References
    ----------
    Karras, Aittala, Aila & Laine (2022), Elucidating the Design Space of
    Diffusion-Based Generative Models, NeurIPS; Ho, Jain & Abbeel (2020), Denoising
    Diffusion Probabilistic Models, NeurIPS; Lipman et al. (2023), Flow Matching for
    Generative Modeling, ICLR; Ho & Salimans (2021), Classifier-Free Diffusion
    Guidance; Rombach et al. (2022), High-Resolution Image Synthesis with Latent
    Diffusion Models, CVPR (the latents here are factors).

    Examples
    --------
    >>> from skgenex import DiffusionSampler
    >>> from skgenex.datasets import make_expression
    >>> from skgenex.generation import multiply
    >>> X, y = make_expression(n_samples=60, random_state=0, return_X_y=True)
    >>> sampler = DiffusionSampler(
    ...     sampling_strategy=multiply(2), max_epochs=2, random_state=0
    ... )
    >>> X_resampled, y_resampled = sampler.fit_resample(X, y)
    >>> X_resampled.shape
    (120, 200)
    >>> sampler.backend_ in ("diffusion", "gaussian")
    True

    Codes of a transformer instead of the factors:

    >>> from sklearn.decomposition import PCA
    >>> sampler.set_params(space=PCA(10)).fit(X, y).sample(3)[0].shape
    (3, 200)
    """

    _backend_name = "diffusion"
    _parameter_constraints = {
        **BaseOverSampler._parameter_constraints,
        **MODEL_CONSTRAINTS,
        **TORCH_CONSTRAINTS,
        "space": [
            StrOptions({"auto", "factors", "genes", "autoencoder"}),
            HasMethods(["fit", "transform", "inverse_transform"]),
        ],
        "backend": [StrOptions({"auto", "diffusion", "gaussian"})],
        "process": [StrOptions(set(PROCESSES))],
        "target": [StrOptions(set(TARGETS)), None],
        "guidance": [Interval(Real, 0, None, closed="left")],
        "guidance_interval": [tuple, None],
        "solver": [StrOptions(set(SOLVERS))],
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "n_hidden": [Interval(Integral, 2, None, closed="left")],
        "n_blocks": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "jitter": [Interval(Real, 0, None, closed="left")],
        "label_dropout": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        space="auto",
        backend="auto",
        process="edm",
        target=None,
        guidance=1.0,
        guidance_interval=None,
        solver="heun",
        n_steps=18,
        n_factors="auto",
        shrinkage="matched",
        mean_shrinkage=1.0,
        class_covariance="auto",
        marginal="auto",
        n_hidden=96,
        n_blocks=2,
        dropout=0.3,
        jitter=0.3,
        label_dropout=0.1,
        max_epochs=80,
        lr=1.5e-3,
        batch_size=256,
        validation_fraction=0.25,
        patience=6,
        callbacks=None,
        device="auto",
        random_state=None,
        verbose=0,
        compile=False,
        warm_start=False,
        checkpoint_dir=None,
    ):
        super().__init__(sampling_strategy=sampling_strategy)
        self.space = space
        self.backend = backend
        self.process = process
        self.target = target
        self.guidance = guidance
        self.guidance_interval = guidance_interval
        self.solver = solver
        self.n_steps = n_steps
        self.n_factors = n_factors
        self.shrinkage = shrinkage
        self.mean_shrinkage = mean_shrinkage
        self.class_covariance = class_covariance
        self.marginal = marginal
        self.n_hidden = n_hidden
        self.n_blocks = n_blocks
        self.dropout = dropout
        self.jitter = jitter
        self.label_dropout = label_dropout
        self.max_epochs = max_epochs
        self.lr = lr
        self.batch_size = batch_size
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.callbacks = callbacks
        self.device = device
        self.random_state = random_state
        self.verbose = verbose
        self.compile = compile
        self.warm_start = warm_start
        self.checkpoint_dir = checkpoint_dir

    def _fit_rows(
        self, X: NDArray, codes: NDArray, covariates: NDArray, seed: int
    ) -> None:
        named = isinstance(self.space, str) and self.space != "autoencoder"
        self.space_ = (
            ("genes" if self.space == "genes" else "factors") if named else "codes"
        )
        super()._fit_rows(X, codes, covariates, seed)
        if self.backend_ == "gaussian" and self.space_ == "genes":
            self.space_ = "factors"

    def _new_model(self) -> FactorModel:
        if self.space_ != "codes":
            return super()._new_model()
        space = self.space
        if isinstance(space, str):
            space = KLAutoencoder(device=self.device)
        return CodeModel(space, self.n_factors, self.shrinkage, self.mean_shrinkage)

    def _new_network_model(self) -> FactorModel:
        model = self._new_model()
        if self.space_ != "genes":
            return model
        return GeneModel(model.n_factors, model.shrinkage, model.mean_shrinkage)

    def _enter_space(
        self, latents: NDArray, X: NDArray, codes: NDArray, covariates: NDArray
    ) -> NDArray:
        if self.space_ != "genes":
            return latents
        self.model_ = GeneModel.of(self.model_)
        return self.model_.encode(X, codes, covariates)

    def _objective_in(
        self, model: FactorModel, covariances: NDArray, covariates: NDArray
    ) -> tuple:
        if not isinstance(model, GeneModel):
            return self._objective_of(covariances, covariates)
        module, how = self._objective_of(covariances, covariates)
        return module, {**how, "factors": model.factors_}

    def denoising_losses(self, X: ArrayLike, y: ArrayLike | None = None) -> NDArray:
        """Error of denoising each row, by noise level: what overfitting gives away.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows on the scale of the fit.
        y : array-like of shape (n_samples,), default=None
            Their labels; None takes the likeliest.

        Returns
        -------
        ndarray of shape (n_samples, n_levels)
            See :func:`skgenex.generation.denoising_losses`.
        """
        return denoising_losses(self, X, y)

    def _loss_of_both(self, held_out: dict[str, NDArray]) -> NDArray:
        """Loss of the Gaussian and of the network just trained, (n_rows, 2)."""
        denoiser: Any = self._network().denoiser
        c_out = TARGETS[denoiser.target]

        def losses(x, label, *rest):
            *u, sigma, noise = rest
            noisy = x + sigma[:, None] * noise
            gaussian = denoiser.gaussian(noisy, sigma, label)
            network = denoiser(noisy, sigma, label, *u)
            errors = [(by - x).square().mean(1) for by in (gaussian, network)]
            return torch.stack(errors, 1) / c_out(sigma)[:, None] ** 2

        return self._apply(losses, *(np.asarray(value) for value in held_out.values()))

    def _objective_of(self, covariances: NDArray, covariates: NDArray) -> tuple:
        return DenoisingObjective, {
            "covariances": covariances,
            "n_covariates": covariates.shape[1],
            "n_hidden": self.n_hidden,
            "n_blocks": self.n_blocks,
            "dropout": self.dropout,
            "jitter": self.jitter,
            "label_dropout": self.label_dropout,
            "process": self.process,
            "target": self.target,
        }

    def _add_noise(self, batch: dict, generator: torch.Generator) -> None:
        x = batch["x"]
        draw = PROCESSES[self.process].draw
        batch["sigma"] = draw(len(x), generator=generator)
        batch["noise"] = torch.randn(x.shape, generator=generator)

    def _draw_from_network(
        self,
        codes: NDArray,
        covariates: NDArray,
        rng: np.random.Generator,
        guidance: float,
    ) -> NDArray:
        objective = self._network()
        sigmas = PROCESSES[self.process].schedule(self.n_steps)
        interval = self.guidance_interval or (0.0, np.inf)

        def solve(x, label, u):
            denoise = guided(
                objective.denoiser, label, u, objective.n_classes, guidance, interval
            )
            return SOLVERS[self.solver](denoise, x, sigmas.to(x.device), generator)

        d = self.model_.n_latents_
        x = rng.standard_normal((len(codes), d), dtype=np.float32) * float(sigmas[0])
        generator = torch.Generator().manual_seed(int(rng.integers(2**31 - 1)))
        return self._apply(solve, x, codes, covariates.astype(np.float32))

    def _score_rows(self, X: NDArray, codes: NDArray, covariates: NDArray) -> NDArray:
        """Log-likelihood of the Gaussian plus the network's gain."""
        rows = (X, codes, covariates)
        if isinstance(self.model_, CodeModel):
            out = self.model_.log_density(self.class_covariances_, *rows)
        else:
            out = log_density(self.model_, self.class_covariances_, *rows)
        if self.backend_ == "gaussian":
            return out
        return out + self._log_gain(self.model_.encode(*rows), codes, covariates)

    def _log_gain(
        self, latents: NDArray, codes: NDArray, covariates: NDArray
    ) -> NDArray:
        """Gain of the log density of latents by the network, in nats.

        The log density ratio of two denoisers is half the integral, over the
        signal-to-noise ratio, of the difference of their squared errors, exact for
        exact denoisers (Kong, Brekelmans & Ver Steeg 2023, Information-Theoretic
        Diffusion, ICLR). The integral is estimated on a grid of noise levels with one
        noise draw each.
        """
        latents = latents.astype(np.float32)
        denoiser = self._network().denoiser
        log_sigmas = np.linspace(np.log(0.02), np.log(20), SCORE_SIGMAS)
        rng = np.random.default_rng(0)  # the same draws for all rows and calls
        gain = np.zeros(len(latents))
        for log_sigma in log_sigmas:
            sigma = np.full(len(latents), np.exp(log_sigma), dtype=np.float32)
            noise = np.tile(
                rng.standard_normal(latents.shape[1], dtype=np.float32),
                (len(latents), 1),
            )

            def difference(x, noise, sigma, label, u):
                noisy = x + sigma[:, None] * noise
                by_gaussian = denoiser.gaussian(noisy, sigma, label)
                by_network = denoiser(noisy, sigma, label, u)
                errors = [(by - x).square().sum(1) for by in (by_gaussian, by_network)]
                return (errors[0] - errors[1]) / sigma**2

            gain += self._apply(
                difference, latents, noise, sigma, codes, covariates.astype(np.float32)
            )
        # d(snr) / 2 = d(ln sigma) / sigma^2
        return gain * (log_sigmas[1] - log_sigmas[0])
