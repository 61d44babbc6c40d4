"""Diffusion of the leading factors, inside the Gaussian model of expression."""

from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from imblearn.over_sampling.base import BaseOverSampler
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from .._base import TORCH_CONSTRAINTS, TorchEstimator
from .._covariance import class_covariances
from ..nn.diffusion import (
    SOLVERS,
    DenoisingObjective,
    draw_sigmas,
    guided,
    sigma_schedule,
)
from ._base import GeneratorMixin
from ._gaussian_sampler import (
    MODEL_CONSTRAINTS,
    draw_gaussian,
    finish_rows,
    fit_gaussian,
    new_model,
)
from .density import log_density
from .simulation import N_REFERENCE, assign_folds, calibrate

N_NOISE_DRAWS = 64  # per held-out row: fewer hide overfitting behind noise
MAX_VALID_ROWS = 4_000
ENOUGH_HELD_OUT = 100
MIN_STEPS_PER_EPOCH = 20
SCORE_SIGMAS = 200
CLASS_SHIFT_STRENGTH = 30.0  # rows' worth of trust in a generated class's mean zero


class DiffusionSampler(GeneratorMixin, TorchEstimator, BaseOverSampler):
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
    backend : {"auto", "diffusion", "gaussian"}, default="auto"
        "auto" decides on held-out rows; the others force it.
    guidance : float, default=1.0
        Classifier-free guidance. 1 simulates the classes as they are, 0 all classes
        alike, and more than 1 exaggerates them, at a cost of spread. May be changed
        after the fit.
    solver : {"heun", "dpm", "ddim", "ancestral"}, default="heun"
        How latents are drawn: the first three solve the probability-flow equation,
        "ancestral" adds fresh noise at each step.
    n_steps : int, default=18
        Steps of the solver; Heun's method evaluates the network twice a step, and
        "ancestral" needs many (1,000 in its paper).
    n_factors : int or "auto", default="auto"
        Leading factors, which the network learns; see `GaussianSampler`.
    shrinkage : {"matched", "ledoit_wolf", "nonlinear"} or float, default="matched"
        See `GaussianSampler`.
    mean_shrinkage : float, default=0.5
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
        The linear model of rows.
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
    Diffusion-Based Generative Models, NeurIPS; Ho & Salimans (2021), Classifier-Free
    Diffusion Guidance.

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
    """

    _parameter_constraints = {
        **BaseOverSampler._parameter_constraints,
        **MODEL_CONSTRAINTS,
        **TORCH_CONSTRAINTS,
        "backend": [StrOptions({"auto", "diffusion", "gaussian"})],
        "guidance": [Interval(Real, 0, None, closed="left")],
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
        backend="auto",
        guidance=1.0,
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
        self.backend = backend
        self.guidance = guidance
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
        rng = np.random.default_rng([seed, 0])
        latents = fit_gaussian(self, X, codes, covariates, rng)
        # Own streams, so that the Gaussian part is that of a GaussianSampler.
        n_epochs, history = self._try_on_held_out(X, codes, covariates, seed)
        if n_epochs:
            self._train(
                self._objective_of(self.class_covariances_, covariates),
                _batch(latents, codes, covariates),
                seed=seed,
                max_epochs=n_epochs,
                patience=None,
                **self._how(len(X)),
            )
            self.backend_ = "diffusion"
            self._match_moments(latents, codes, covariates, seed)
        else:
            self.backend_ = "gaussian"
            self.__dict__.pop("net_", None)
            self.n_iter_ = 0
            self.history_ = []
        self.history_ = history or self.history_
        self.marginal_map_ = calibrate(
            self.model_,
            self._draw_latents,
            X,
            codes,
            covariates,
            rng,
            map_marginals=self.maps_marginals_,
        )

    def _try_on_held_out(
        self, X: NDArray, codes: NDArray, covariates: NDArray, seed: int
    ) -> tuple[int, list[dict]]:
        """Train without some rows; return the epochs the final training shall take.

        Sets ``heldout_gain_`` and ``heldout_gain_se_``. Zero epochs: use the Gaussian.
        With few rows several folds take part, until `ENOUGH_HELD_OUT` were held out.
        """
        self.heldout_gain_ = self.heldout_gain_se_ = np.nan
        if self.backend == "gaussian" or not self.model_.n_factors_:
            return 0, []  # by wish, or as there is nothing that varies
        if not self.validation_fraction:
            return self.max_epochs, []
        rng = np.random.default_rng([seed, 2])
        n_folds = max(2, round(1 / self.validation_fraction))
        folds = assign_folds(codes, n_folds, rng)
        n_used = int(np.clip(ENOUGH_HELD_OUT * n_folds / len(X), 1, n_folds))
        gaussian, gain, best = [], [], []
        history: list[dict] = []
        for fold in range(n_used):
            train, valid = folds != fold, folds == fold
            valid &= np.isin(codes, codes[train])
            if train.sum() - len(np.unique(codes[train])) < 4 or valid.sum() < 2:
                continue
            losses = self._heldout_losses(X, codes, covariates, train, valid, seed)
            gaussian.append(losses[:, 0])
            gain.append(losses[:, 0] - losses[:, 1])
            curve = [row["valid_loss"] for row in self.history_]
            best.append(int(np.argmin(curve)) + 1)
            history = history or self.history_
        if not gain:
            return (self.max_epochs if self.backend == "diffusion" else 0), []
        by_row = np.concatenate(gain) / np.concatenate(gaussian).mean()
        self.heldout_gain_ = float(by_row.mean())
        self.heldout_gain_se_ = float(by_row.std(ddof=1) / np.sqrt(len(by_row)))
        if self.backend == "diffusion" or self.heldout_gain_ > self.heldout_gain_se_:
            return round(float(np.mean(best))), history
        return 0, history

    def _heldout_losses(
        self,
        X: NDArray,
        codes: NDArray,
        covariates: NDArray,
        train: NDArray,
        valid: NDArray,
        seed: int,
    ) -> NDArray:
        """Train on some rows; return the loss of each other, (n_valid, 2).

        First column: the Gaussian's, second: the network's, averaged over noise draws.
        """
        n_classes = len(self.classes_)
        model = new_model(self)
        latents = model.fit_encode(
            X[train],
            codes[train],
            n_classes,
            covariates[train],
            np.random.default_rng([seed, 4]),
            overwrite=True,
        )
        covariances = class_covariances(
            latents, codes[train], n_classes, self.class_covariance_
        )
        rows = np.flatnonzero(valid)[:MAX_VALID_ROWS]
        n_draws = int(np.clip(MAX_VALID_ROWS // len(rows), 8, N_NOISE_DRAWS))
        encoded = model.encode(X[rows], codes[rows], covariates[rows])
        rows, encoded = np.tile(rows, n_draws), np.tile(encoded, (n_draws, 1))
        held_out = _batch(encoded, codes[rows], covariates[rows])
        noise = torch.Generator().manual_seed(seed)
        held_out["sigma"] = draw_sigmas(len(rows), generator=noise)
        held_out["noise"] = torch.randn(encoded.shape, generator=noise)
        how = {**self._how(train.sum()), "checkpoint_dir": None}
        if self.warm_start:
            how["initial_weights"] = None  # they have seen the held-out rows
        self._train(
            self._objective_of(covariances, covariates),
            _batch(latents, codes[train], covariates[train]),
            seed=seed,
            valid_batch=held_out,
            **how,
        )
        denoiser = self._network().denoiser

        def losses(x, label, *rest):
            *u, sigma, noise = rest
            noisy = x + sigma[:, None] * noise
            gaussian = denoiser.gaussian(noisy, sigma, label)
            network = denoiser(noisy, sigma, label, *u)
            weight = 1 + sigma**-2
            errors = [(by - x).square().mean(1) for by in (gaussian, network)]
            return weight[:, None] * torch.stack(errors, 1)

        arrays = [np.asarray(value) for value in held_out.values()]
        return self._apply(losses, *arrays).reshape(n_draws, -1, 2).mean(axis=0)

    def _objective_of(self, covariances: NDArray, covariates: NDArray) -> tuple:
        return DenoisingObjective, {
            "covariances": covariances,
            "n_covariates": covariates.shape[1],
            "n_hidden": self.n_hidden,
            "n_blocks": self.n_blocks,
            "dropout": self.dropout,
            "jitter": self.jitter,
            "label_dropout": self.label_dropout,
        }

    def _how(self, n_rows: int) -> dict[str, Any]:
        return {
            "steps_per_epoch": max(MIN_STEPS_PER_EPOCH, -(-n_rows // self.batch_size)),
            "weight_decay": 1e-2,
            "ema_decay": 0.99,
            "clip_norm": 1.0,
        }

    def _match_moments(
        self, latents: NDArray, codes: NDArray, covariates: NDArray, seed: int
    ) -> None:
        """Give generated latents the class means and variances of the real ones.

        What the Gaussian gets right by construction, the network need not get wrong.
        """
        self.latent_shift_ = np.zeros((len(self.classes_), latents.shape[1]))
        self.latent_stretch_ = np.ones(latents.shape[1])
        rng = np.random.default_rng([seed, 3])
        drawn = rng.choice(len(codes), 2 * N_REFERENCE)
        generated = self._draw_latents(codes[drawn], covariates[drawn], rng)
        for c in np.unique(codes[drawn]):
            own = generated[codes[drawn] == c]
            weight = len(own) / (len(own) + CLASS_SHIFT_STRENGTH)
            self.latent_shift_[c] = weight * own.mean(axis=0)
        generated = generated - self.latent_shift_[codes[drawn]]
        wanted = np.sqrt(np.mean(latents**2, axis=0))
        self.latent_stretch_ = wanted / np.sqrt(np.mean(generated**2, axis=0))

    def _draw_latents(
        self,
        codes: NDArray,
        covariates: NDArray,
        rng: np.random.Generator,
        guidance: float = 1.0,
    ) -> NDArray:
        if self.backend_ == "gaussian":
            return draw_gaussian(self.class_covariances_, codes, rng)
        objective = self._network()
        sigmas = sigma_schedule(self.n_steps)

        def solve(x, label, u):
            denoise = guided(
                objective.denoiser, label, u, objective.n_classes, guidance
            )
            return SOLVERS[self.solver](denoise, x, sigmas.to(x.device), generator)

        d = self.class_covariances_.shape[1]
        x = rng.standard_normal((len(codes), d), dtype=np.float32) * float(sigmas[0])
        generator = torch.Generator().manual_seed(int(rng.integers(2**31 - 1)))
        latents = self._apply(solve, x, codes, covariates.astype(np.float32))
        return (latents - self.latent_shift_[codes]) * self.latent_stretch_

    def _sample_rows(
        self, codes: NDArray, covariates: NDArray, rng: np.random.Generator
    ) -> NDArray:
        # The fit calibrates without guidance, so that it may change after the fit.
        latents = self._draw_latents(codes, covariates, rng, self.guidance)
        return finish_rows(self, latents, codes, covariates, rng, self.guidance)

    def _score_rows(self, X: NDArray, codes: NDArray, covariates: NDArray) -> NDArray:
        """Log-likelihood of the Gaussian plus the network's gain.

        The log density ratio of two denoisers is half the integral, over the
        signal-to-noise ratio, of the difference of their squared errors, exact for
        exact denoisers (Kong, Brekelmans & Ver Steeg 2023, Information-Theoretic
        Diffusion, ICLR). The integral is estimated on a grid of noise levels with one
        noise draw each.
        """
        out = log_density(self.model_, self.class_covariances_, X, codes, covariates)
        if self.backend_ == "gaussian":
            return out
        latents = self.model_.encode(X, codes, covariates).astype(np.float32)
        denoiser = self._network().denoiser
        log_sigmas = np.linspace(np.log(0.02), np.log(20), SCORE_SIGMAS)
        rng = np.random.default_rng(0)  # the same draws for all rows and calls
        gain = np.zeros(len(X))
        for log_sigma in log_sigmas:
            sigma = np.full(len(X), np.exp(log_sigma), dtype=np.float32)
            noise = np.tile(
                rng.standard_normal(latents.shape[1], dtype=np.float32), (len(X), 1)
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
        return out + gain * (log_sigmas[1] - log_sigmas[0])


def _batch(latents: NDArray, codes: NDArray, covariates: NDArray) -> dict:
    batch = {"x": latents.astype(np.float32), "label": codes.astype(np.int64)}
    if covariates.shape[1]:
        batch["covariates"] = covariates.astype(np.float32)
    return batch
