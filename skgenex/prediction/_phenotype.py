"""What classifier and regressor share: linear start, cross-fitted network, choice."""

from copy import deepcopy
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from .._base import TORCH_CONSTRAINTS
from .._covariance import factorise, times
from .._objective_net import ObjectiveNet
from .._residuals import Residuals, gene_units, in_units, weighted_mean
from .._seeding import seeded
from .._training import restore_net
from .._warm_start import (
    WARM_START_CONSTRAINT,
    pretrained_scores,
    read_pretrainer,
)
from .objectives import PhenotypeObjective

# Folds take the place of validation_fraction; a correction belongs to its own fit.
_NOT_OFFERED = {"validation_fraction", "warm_start"}
PHENOTYPE_CONSTRAINTS: dict[str, list] = {
    **{k: v for k, v in TORCH_CONSTRAINTS.items() if k not in _NOT_OFFERED},
    "backend": [StrOptions({"auto", "network", "linear"})],
    "standardize": ["boolean"],
    "emphasis": [Interval(Real, 0, None, closed="left"), StrOptions({"auto"})],
    "n_folds": [Interval(Integral, 2, None, closed="left")],
    "n_components": [Interval(Integral, 1, None, closed="left")],
    "n_members": [Interval(Integral, 1, None, closed="left")],
    "n_hidden": [Interval(Integral, 2, None, closed="left")],
    "n_layers": [Interval(Integral, 1, None, closed="left")],
    "dropout": [Interval(Real, 0, 1, closed="left")],
    "input_dropout": [Interval(Real, 0, 1, closed="left")],
    "weight_decay": [Interval(Real, 0, None, closed="left")],
    "warm_start_from": WARM_START_CONSTRAINT,
}
EMPHASES = (0.0, 1.0, 2.0)
MIN_STEPS_PER_EPOCH = 4
EMA_DECAY = 0.9


class Inputs(NamedTuple):
    """What the network takes of standardised rows, and the module that makes it."""

    scores: NDArray
    weights: dict[str, NDArray | torch.Tensor]
    parameters: dict[str, Any]


class PhenotypeMixin:
    """Fit and apply a `PhenotypeObjective`; a subclass checks y and names its loss."""

    net_: ObjectiveNet

    def as_module(self) -> torch.nn.Module:
        """Return the fitted predictor as one torch module.

        Its gradients with respect to the input are those of the predictor.

        Returns
        -------
        torch.nn.Module
            Maps rows in the unit of the training data, a float32 tensor of shape
            (n_samples, n_features), to logits (n_samples, n_classes) or predictions
            (n_samples, n_outputs). A copy, in evaluation mode; its parameters require
            no gradient.
        """
        check_is_fitted(self, "net_")
        fitted = self.net_.module_
        module = torch.nn.Sequential(fitted.standardise, fitted.network)
        return deepcopy(module).requires_grad_(False).eval()

    def _outputs(self, X):
        check_is_fitted(self, "net_")
        X = validate_data(self, X, reset=False, dtype=np.float32, order="C")
        fitted = self._network()
        return self._apply(lambda x: fitted.network(fitted.standardise(x)), X)

    def _fit_rows(self, X, target, weight, *, loss, fit_linear, to_units):
        """Fit the linear model, train what it misses, and choose.

        ``target`` is (n_samples, n_outputs). ``fit_linear`` takes rows and the keyword
        arguments of `fit_logistic` and `fit_ridge`. ``to_units`` takes the outputs for
        rows by models that did not see them, and returns the shift and scale that turn
        what fits ``target`` into the predictor's outputs.
        """
        if self.warm_start_from is not None:
            read_pretrainer(self.warm_start_from)
            if not self.standardize:
                raise ValueError(
                    "warm_start_from needs standardize=True: pretrained encoders take "
                    "standardised genes."
                )
        seed = self._draw_seed()
        units = gene_units(X, weight) if self.standardize else None
        if units is not None:
            X = in_units(X, *units)
        linear = fit_linear(
            X,
            sample_weight=weight,
            emphasis=EMPHASES if self.emphasis == "auto" else self.emphasis,
            n_folds=self.n_folds,
            seed=seed,
        )
        self.strength_, self.emphasis_ = linear.strength, linear.emphasis
        self.cv_score_ = linear.cv_score
        self.deep_gain_ = self.deep_gain_se_ = self.gene_share_ = np.nan
        self.history_, self.n_iter_ = [], 0
        weights, network, heldout = {}, {"n_layers": 0}, linear.heldout
        if self.backend != "linear":
            inputs = self._network_inputs(X, seed)
            # Where nothing varies there is nothing for a network to learn from.
            if inputs.scores.shape[1]:
                scores = inputs.scores
                corrected = self._train_members(
                    scores, target, weight, linear, loss, seed
                )
                if self.backend == "network" or self.deep_gain_ > self.deep_gain_se_:
                    weights = self._network().state_dict()
                    for name, weight in inputs.weights.items():
                        weights[f"network.encoder.projection.{name}"] = weight
                    heldout = corrected
                    network = self._network_parameters(linear) | inputs.parameters
        self.backend_ = "network" if network["n_layers"] else "linear"
        shift, scale = to_units(heldout)
        if self.backend_ == "network":
            weights["network.head.weight"] *= _to_float32(_column(scale))
        weights["network.linear.weight"] = linear.coef * _column(scale)
        weights["network.linear.bias"] = shift + scale * linear.intercept
        if units is not None:
            names = "standardise.mean", "standardise.inverse_scale"
            weights |= dict(zip(names, units, strict=True))
        parameters = {
            "loss": loss,
            "n_features": X.shape[1],
            "n_outputs": target.shape[1],
            "standardize": self.standardize,
            **network,
        }
        self._objective = PhenotypeObjective, parameters
        weights = {name: _restored(weight) for name, weight in weights.items()}
        with seeded(seed):  # a new network draws weights, only to lose them
            self.net_ = restore_net(self._objective, weights, self._resolve_device())

    def _network_inputs(self, X, seed):
        """Take leading components, or the latents of a pretrained encoder."""
        if self.warm_start_from is None:
            directions = _directions(X, self.n_components, seed)
            return Inputs(
                times(X, directions.T).astype(np.float32, copy=False),
                {"weight": directions},
                {"n_components": len(directions)},
            )
        names = getattr(self, "feature_names_in_", None)
        encoder = pretrained_scores(self.warm_start_from, names, X[:])
        self.gene_share_ = encoder.gene_share
        return Inputs(
            encoder.scores, encoder.weights, {"pretrained": encoder.parameters}
        )

    def _network_parameters(self, linear):
        n_folds = int(linear.fold.max()) + 1
        return {
            "n_hidden": self.n_hidden,
            "n_layers": self.n_layers,
            "dropout": self.dropout,
            "input_dropout": self.input_dropout,
            "n_folds": n_folds,
            "n_members": n_folds * self.n_members,
        }

    def _train_members(self, scores, target, weight, linear, loss, seed):
        """Train the members of all folds; set the gain on rows new to them.

        Returns the outputs for these rows, (n_samples, n_outputs).
        """
        batch = {
            "x": scores,
            "offset": linear.heldout,
            "target": target,
            "weight": weight / weight.mean(),
        }
        batch = {
            name: torch.from_numpy(np.asarray(array, dtype=np.float32))
            for name, array in batch.items()
        }
        batch["fold"] = torch.from_numpy(linear.fold)
        parameters = {
            "loss": loss,
            "n_features": scores.shape[1],
            "n_outputs": target.shape[1],
            "standardize": False,
            **self._network_parameters(linear),
        }
        steps_per_pass = -(-len(scores) // self.batch_size)
        self._train(
            (PhenotypeObjective, parameters),
            batch,
            # In evaluation a row's loss is that of members to which it is new.
            valid_batch=batch,
            seed=seed,
            weight_decay=self.weight_decay,
            steps_per_epoch=max(MIN_STEPS_PER_EPOCH, steps_per_pass),
            ema_decay=EMA_DECAY,
        )
        objective = self._network()

        arrays = [batch[name].numpy() for name in ("x", "offset", "fold")]
        heldout = self._apply(objective.heldout, *arrays)
        alone, corrected = (
            weight / weight.mean() * objective.loss(outputs, batch["target"]).numpy()
            for outputs in (batch["offset"], torch.from_numpy(heldout))
        )
        gain = (alone - corrected) / max(alone.mean(), np.finfo(np.float32).tiny)
        self.deep_gain_ = float(gain.mean())
        self.deep_gain_se_ = float(gain.std(ddof=1) / np.sqrt(len(gain)))
        return heldout.astype(np.float64)


def _directions(X: Any, n_components: int, seed: int) -> NDArray:
    """Leading principal directions, scaled so that scores are of order one.

    Scores keep the square root of their spread: the network sees the leading ones best,
    but not only these.
    """
    rng = np.random.default_rng([seed, 2])
    mean = weighted_mean(X, np.ones(len(X)))
    centred = Residuals(X, np.zeros(len(X), dtype=np.int64), mean[None])
    values, vectors, _ = factorise(centred, rng, with_scores=False)
    values, vectors = values[:n_components], vectors[:n_components]
    scaled = vectors * values[:, None] ** -0.25
    if len(values):
        scaled /= np.sqrt(np.mean(np.sqrt(values)))
    return scaled.astype(np.float32)


def _restored(weight):
    """Make a tensor of 32-bit floats; places stay integers."""
    weight = torch.as_tensor(weight)
    return _to_float32(weight) if weight.is_floating_point() else weight


def _column(scale: NDArray | float) -> NDArray:
    return np.atleast_1d(scale)[:, None]


def _to_float32(array: NDArray | torch.Tensor) -> torch.Tensor:
    return torch.as_tensor(array, dtype=torch.float32, device="cpu").clone()
