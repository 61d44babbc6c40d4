"""A network that takes over the latents of the Gaussian where unseen rows prefer it."""

from abc import abstractmethod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ._base import GeneratorMixin
from ._gate import latent_batch, try_on_held_out
from ._gaussian_sampler import (
    draw_gaussian,
    finish_rows,
    fit_gaussian,
    new_model,
)
from .factors import FactorModel
from .simulation import N_REFERENCE, calibrate, reference_rows

MIN_STEPS_PER_EPOCH = 20
CLASS_SHIFT_STRENGTH = 30.0  # rows' worth of trust in a generated class's mean zero


class LatentNetworkMixin(GeneratorMixin):
    """The recipe of samplers with a network: Gaussian, gate, training, calibration.

    A subclass, which also inherits `TorchEstimator`, names its network's `backend` and
    implements the abstract methods.
    """

    _backend_name: str  # of the network, in ``backend`` and ``backend_``
    _validates = True  # whether the objective's own loss tells when to stop
    # From the estimator: parameters, the trainer, what `fit_gaussian` learns.
    backend: str
    max_epochs: int
    batch_size: int
    validation_fraction: float
    _train: Any
    model_: FactorModel
    class_covariance_: float
    class_covariances_: NDArray
    maps_marginals_: bool
    history_: list[dict]
    guidance: float = 1.0  # a parameter of samplers that have it

    @abstractmethod
    def _objective_of(self, covariances: NDArray, covariates: NDArray) -> tuple:
        """Return (Module class, keyword arguments) of the network's objective."""

    @abstractmethod
    def _add_noise(self, batch: dict, generator: torch.Generator) -> None:
        """Add to held-out rows the noise that their loss needs."""

    @abstractmethod
    def _loss_of_both(self, held_out: dict) -> NDArray:
        """Loss of the Gaussian and of the network just trained, (n_rows, 2)."""

    @abstractmethod
    def _draw_from_network(
        self,
        codes: NDArray,
        covariates: NDArray,
        rng: np.random.Generator,
        guidance: float,
    ) -> NDArray:
        """Draw latents from the trained network."""

    def _new_model(self) -> FactorModel:
        """Return an unfitted model of rows."""
        return new_model(self)

    def _new_network_model(self) -> FactorModel:
        """Return an unfitted model of rows, whose latents the network takes over."""
        return self._new_model()

    def _enter_space(
        self, latents: NDArray, X: NDArray, codes: NDArray, covariates: NDArray
    ) -> NDArray:
        """Make ``model_`` one of the network's latents; return those of the rows."""
        return latents

    def _objective_in(
        self, model: FactorModel, covariances: NDArray, covariates: NDArray
    ) -> tuple:
        """As `_objective_of`, for the latents of a model."""
        return self._objective_of(covariances, covariates)

    def _how(self, n_rows: int) -> dict[str, Any]:
        """Return arguments of the trainer."""
        return {
            "steps_per_epoch": max(MIN_STEPS_PER_EPOCH, -(-n_rows // self.batch_size)),
            "weight_decay": 1e-2,
            "ema_decay": 0.99,
            "clip_norm": 1.0,
        }

    def _fit_rows(
        self, X: NDArray, codes: NDArray, covariates: NDArray, seed: int
    ) -> None:
        rng = np.random.default_rng([seed, 0])
        latents = fit_gaussian(self, X, codes, covariates, rng, self._new_model)
        # Own streams, so that the Gaussian part is that of a GaussianSampler.
        n_epochs, history = self._try_on_held_out(X, codes, covariates, seed)
        if n_epochs:
            latents = self._enter_space(latents, X, codes, covariates)
            self._train(
                self._objective_in(self.model_, self.class_covariances_, covariates),
                latent_batch(latents, codes, covariates),
                seed=seed,
                max_epochs=n_epochs,
                patience=None,
                **self._how(len(X)),
            )
            self.backend_ = self._backend_name
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
        """Ask the held-out gate; return the epochs of the final training, a history.

        Sets ``heldout_gain_`` and ``heldout_gain_se_``. Zero epochs: use the Gaussian.
        """
        self.heldout_gain_ = self.heldout_gain_se_ = np.nan
        if self.backend == "gaussian" or not self.model_.n_factors_:
            return 0, []  # by wish, or as there is nothing that varies
        if not self.validation_fraction:
            return self.max_epochs, []

        def train(model, covariances, batch, valid_batch, n_rows):
            how = {**self._how(n_rows), "checkpoint_dir": None}
            if getattr(self, "warm_start", False):
                how["initial_weights"] = None  # they have seen the held-out rows
            objective = self._objective_in(model, covariances, covariates)
            if self._validates:
                how["valid_batch"] = valid_batch
            self._train(objective, batch, seed=seed, **how)
            return self.history_

        verdict = try_on_held_out(
            self._new_network_model,
            train,
            self._loss_of_both,
            self._add_noise,
            (X, codes, covariates),
            len(self.classes_),
            self.class_covariance_,
            self.validation_fraction,
            seed,
        )
        if verdict is None:
            return (self.max_epochs if self.backend == self._backend_name else 0), []
        self.heldout_gain_, self.heldout_gain_se_ = verdict.gain, verdict.gain_se
        is_used = self.backend == self._backend_name or verdict.is_better
        return (verdict.n_epochs if is_used else 0), verdict.history

    def _match_moments(
        self, latents: NDArray, codes: NDArray, covariates: NDArray, seed: int
    ) -> None:
        """Give generated latents the class means and variances of the real ones.

        What the Gaussian gets right by construction, the network need not get wrong.
        """
        self.latent_shift_ = np.zeros((len(self.classes_), latents.shape[1]))
        self.latent_stretch_ = np.ones(latents.shape[1])
        rng = np.random.default_rng([seed, 3])
        drawn = reference_rows(codes, rng, 2 * N_REFERENCE)
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
        latents = self._draw_from_network(codes, covariates, rng, guidance)
        return (latents - self.latent_shift_[codes]) * self.latent_stretch_

    def _sample_rows(
        self, codes: NDArray, covariates: NDArray, rng: np.random.Generator
    ) -> NDArray:
        # The fit calibrates without guidance, so that it may change after the fit.
        latents = self._draw_latents(codes, covariates, rng, self.guidance)
        return finish_rows(self, latents, codes, covariates, rng, self.guidance)
