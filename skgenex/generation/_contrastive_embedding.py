"""Profiles and descriptions of patients in one space."""

from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from .._base import TORCH_CONSTRAINTS, TorchEstimator
from .._covariance import count_factors, factorise
from .._device import full_precision
from .._frames import check_same_order
from .._seeding import seeded
from .._transaction import transactional
from .._validation import split_validation
from ._conditions import ConditionEncoder, as_table
from ._gate import best_epoch, mean_and_error
from .contrastive import ContrastiveObjective, canonical_correlation

TARGET = "__target__"
MAX_FACTORS = 64
ROWS_PER_FACTOR = 8
MIN_STEPS_PER_EPOCH = 10


class ContrastiveEmbedding(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, TorchEstimator
):
    """Embed profiles so that they lie where their descriptions do.

    Class and covariates are the description. The start is canonical correlation
    analysis of the profiles' leading factors and the description (with classes alone:
    linear discriminant analysis); networks trained by the contrastive loss correct it,
    if held-out patients are matched better by more than the standard error.

    Parameters
    ----------
    n_components : int, default=16
        Length of an embedding at most; never more than a description has numbers.
    n_factors : int or "auto", default="auto"
        Leading factors of the profiles which the embedding sees. "auto" counts those
        that stand out of noise, at most one in eight rows.
    backend : {"auto", "network", "linear"}, default="auto"
        "auto" decides on held-out rows; the others force it.
    n_hidden : int, default=64
        Units of the hidden layers.
    dropout : float, default=0.3
        Share of hidden units dropped in training.
    weight_decay : float, default=1e-2
        Of AdamW.
    max_epochs : int, default=60
        Epochs at most.
    lr : float, default=1e-3
        Learning rate of AdamW.
    batch_size : int, default=256
        Rows per step, contrasted with each other.
    validation_fraction : float, default=0.25
        Share of rows held out to stop and to choose the backend; all rows are used in
        the final fit. With 0 "auto" is "linear".
    patience : int, default=6
        Epochs without a lower held-out loss before training stops.
    callbacks : list of skorch callbacks, default=None
        Cloned for each fit.
    device : str or torch.device, default="auto"
        "auto" takes CUDA if there is one.
    random_state : int, RandomState instance or None, default=None
        Source of randomness of the fit.
    verbose : int, default=0
        0 is silent, 1 shows a progress bar, 2 prints a line per epoch.

    Attributes
    ----------
    backend_ : {"network", "linear"}
        What `transform` uses.
    correlations_ : ndarray of shape (n_components,)
        Canonical correlations in the training rows.
    heldout_gain_ : float
        How much lower the held-out loss is with networks, in nats; NaN if not tried.
    heldout_gain_se_ : float
        Its standard error over rows.
    n_components_ : int
        Length of an embedding.
    net_ : ObjectiveNet
        The trained skorch net; absent if linear.
    history_ : list of dict
        Losses per epoch of the training with held-out rows.
    n_iter_ : int
        Epochs of the final training; 0 if linear.
    n_features_in_ : int
        Number of genes.
    feature_names_in_ : ndarray of shape (n_features,)
        Genes, if X had names.

    References
    ----------
    Radford et al. (2021), Learning Transferable Visual Models From Natural Language
    Supervision, ICML; Hotelling (1936), Biometrika 28:321.

    Examples
    --------
    >>> from skgenex.datasets import make_expression
    >>> from skgenex.generation import ContrastiveEmbedding
    >>> X, y = make_expression(n_samples=60, random_state=0, return_X_y=True)
    >>> embedding = ContrastiveEmbedding(backend="linear", random_state=0).fit(X, y)
    >>> embedding.transform(X).shape[1] == embedding.n_components_
    True
    """

    _parameter_constraints = {
        **{
            name: TORCH_CONSTRAINTS[name]
            for name in (
                *("max_epochs", "lr", "batch_size", "validation_fraction", "patience"),
                *("callbacks", "device", "random_state", "verbose"),
            )
        },
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "n_factors": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "backend": [StrOptions({"auto", "network", "linear"})],
        "n_hidden": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        *,
        n_components=16,
        n_factors="auto",
        backend="auto",
        n_hidden=64,
        dropout=0.3,
        weight_decay=1e-2,
        max_epochs=60,
        lr=1e-3,
        batch_size=256,
        validation_fraction=0.25,
        patience=6,
        callbacks=None,
        device="auto",
        random_state=None,
        verbose=0,
    ):
        self.n_components = n_components
        self.n_factors = n_factors
        self.backend = backend
        self.n_hidden = n_hidden
        self.dropout = dropout
        self.weight_decay = weight_decay
        self.max_epochs = max_epochs
        self.lr = lr
        self.batch_size = batch_size
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.callbacks = callbacks
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    @transactional
    def fit(
        self, X: ArrayLike, y: ArrayLike | None = None, conditions: Any = None
    ) -> Self:
        """Learn the space that profiles and descriptions share.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Expression on a log scale, for example log2(CPM + 1).
        y : array-like of shape (n_samples,), default=None
            Classes, or continuous values.
        conditions : DataFrame of shape (n_samples, n_conditions), default=None
            Covariates, numeric or categorical, possibly missing.

        Returns
        -------
        self : ContrastiveEmbedding
            The fitted embedding.

        Raises
        ------
        ValueError
            If there are neither classes nor conditions.
        """
        check_same_order(X, y, "y")
        check_same_order(X, conditions, "conditions")
        rows = validate_data(self, X, dtype=np.float64, ensure_min_samples=2)
        if y is None and conditions is None:
            raise ValueError(
                "ContrastiveEmbedding requires y to be passed, but the target y is "
                "None: give classes, conditions or both."
            )
        table = self._describe_rows(y, conditions, len(rows), fit=True)
        self._encoder = ConditionEncoder().fit(table)
        described = self._encoder.transform(table)
        label = np.unique(described, axis=0, return_inverse=True)[1].reshape(-1)
        seed = self._draw_seed()
        n_epochs, history = self._try_on_held_out(rows, described, label, seed)
        scores, white = self._fit_linear(rows, described, seed)
        if n_epochs:
            batch = _batch(scores, white, label)
            self._train_network(batch, seed, max_epochs=n_epochs, patience=None)
            self.backend_ = "network"
            self._calibrate(batch)
        else:
            self.backend_, self.n_iter_ = "linear", 0
            self.__dict__.pop("net_", None)
        self.history_ = history or getattr(self, "history_", [])
        return self

    def _describe_rows(
        self, y: Any, conditions: Any, n_samples: int, *, fit: bool = False
    ) -> Any:
        """Classes and covariates as one table."""
        table = as_table(conditions, n_samples)
        if fit:
            self._target = None
            if y is not None:
                is_number = type_of_target(y) in (
                    "continuous",
                    "continuous-multioutput",
                )
                self._target = "number" if is_number else "class"
        if (y is None) != (self._target is None):
            raise ValueError(
                f"The fit had {'no ' if self._target is None else ''}y: "
                f"{'leave y out' if self._target is None else 'give y'}."
            )
        if y is None:
            return table
        y = column_or_1d(y, warn=True)
        if len(y) != n_samples:
            raise ValueError(f"y must have {n_samples} values; got {len(y)}.")
        values = y.astype(float) if self._target == "number" else y.astype(object)
        return table.assign(**{TARGET: values})

    def _fit_linear(
        self, rows: NDArray, described: NDArray, seed: int
    ) -> tuple[NDArray, NDArray]:
        """Learn factors and canonical directions; return factors and descriptions."""
        rng = np.random.default_rng([seed, 0])
        self._mean = rows.mean(axis=0)
        sd = rows.std(axis=0)
        self._sd = np.where(sd > 1e-12 * np.abs(self._mean), sd, np.inf)
        standard = (rows - self._mean) / self._sd
        values, vectors, _ = factorise(standard, rng, with_scores=False)
        if self.n_factors == "auto":
            most = int(np.clip(len(rows) / ROWS_PER_FACTOR, 1, MAX_FACTORS))
            wanted = int(np.clip(count_factors(standard, rng), min(4, most), most))
        else:
            wanted = int(self.n_factors)
        q = min(wanted, len(values))
        self._whitener = (vectors[:q] / np.sqrt(values[:q])[:, None]).T
        self._description_mean = described.mean(axis=0)
        values, vectors, _ = factorise(
            described - self._description_mean, rng, with_scores=False
        )
        self._description_whitener = (vectors / np.sqrt(values)[:, None]).T
        scores = self._factors(rows)
        white = self._white(described)
        a, rho, b = canonical_correlation(scores, white)
        k = min(self.n_components, len(rho))
        self.n_components_ = self._n_features_out = k
        self._profile_map, self._description_map = a[:, :k], b[:, :k]
        self.correlations_ = rho[:k]
        return scores, white

    def _factors(self, rows: NDArray) -> NDArray:
        return ((rows - self._mean) / self._sd) @ self._whitener

    def _white(self, described: NDArray) -> NDArray:
        return (described - self._description_mean) @ self._description_whitener

    def _train_network(self, batch: dict, seed: int, **how: Any) -> None:
        n = len(batch["label"])
        maps = (self._profile_map, self._description_map, self.correlations_)
        names = ("profile_map", "description_map", "correlations")
        self._train(
            (
                ContrastiveObjective,
                {
                    **dict(zip(names, maps, strict=True)),
                    "n_hidden": self.n_hidden,
                    "dropout": self.dropout,
                },
            ),
            batch,
            seed=seed,
            weight_decay=self.weight_decay,
            clip_norm=1.0,
            steps_per_epoch=max(MIN_STEPS_PER_EPOCH, -(-n // self.batch_size)),
            **how,
        )

    def _calibrate(self, batch: dict) -> None:
        """Regress embeddings on those of their descriptions.

        A contrast only needs descriptions to be nearer to their patients than others
        are; `embed_conditions` promises the mean.
        """
        module: Any = self._network()
        profiles = self._apply(module.embed, batch["x"]).astype(np.float64)
        described = self._apply(module.describe, batch["description"])
        inputs = np.column_stack([np.ones(len(described)), described])
        self._calibration = np.linalg.lstsq(inputs, profiles, rcond=None)[0]

    def _try_on_held_out(
        self, rows: NDArray, described: NDArray, label: NDArray, seed: int
    ) -> tuple[int, list[dict]]:
        """Ask held-out rows; return the epochs of the final training, a history."""
        self.heldout_gain_ = self.heldout_gain_se_ = np.nan
        forced = self.backend == "network"
        if self.backend == "linear":
            return 0, []
        train, valid = np.arange(len(rows)), None
        if self.validation_fraction and len(rows) >= 2 * ROWS_PER_FACTOR:
            # Descriptions that few patients share can't be held out in equal shares.
            shared = label.max() + 1 <= len(rows) // ROWS_PER_FACTOR
            train, valid = split_validation(
                len(rows),
                self.validation_fraction,
                seed=seed,
                label=label if shared else None,
            )
        scores, white = self._fit_linear(rows[train], described[train], seed)
        if valid is None or not self.n_components_:
            return (self.max_epochs if forced and self.n_components_ else 0), []
        held = _batch(
            self._factors(rows[valid]), self._white(described[valid]), label[valid]
        )
        self._train_network(_batch(scores, white, label[train]), seed, valid_batch=held)
        module: Any = self._network()
        with seeded(0):  # draws initial weights; its last layers are zero
            start = ContrastiveObjective(**self._objective[1]).eval()
        tensors = {k: torch.as_tensor(v) for k, v in held.items()}
        device = next(module.parameters()).device
        with full_precision(device):
            before = start(**tensors)
            after = module(**{k: v.to(device) for k, v in tensors.items()}).cpu()
        gain = (before - after).numpy().astype(float)
        self.heldout_gain_, self.heldout_gain_se_ = mean_and_error(gain)
        better = self.heldout_gain_ > self.heldout_gain_se_
        best = best_epoch(self.history_)
        return (best if forced or better else 0), self.history_

    def transform(self, X: ArrayLike) -> NDArray:
        """Embed profiles.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Expression on the scale of the fit.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            Embeddings; each component has about unit variance.
        """
        check_is_fitted(self, "backend_")
        rows = validate_data(self, X, dtype=np.float64, reset=False)
        scores = self._factors(rows)
        if self.backend_ == "linear":
            return scores @ self._profile_map
        module: Any = self._network()
        values = self._apply(module.embed, scores.astype(np.float32))
        return values.astype(np.float64)

    def embed_conditions(
        self, y: ArrayLike | None = None, conditions: Any = None
    ) -> NDArray:
        """Embed descriptions: where patients of a description are expected.

        Parameters
        ----------
        y : array-like of shape (n_samples,), default=None
            Classes or values, if the fit had some.
        conditions : DataFrame of shape (n_samples, n_conditions), default=None
            Covariates, if the fit had some.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            Embeddings, in the space of `transform`.

        Raises
        ------
        ValueError
            If values or columns were not in the fit.
        """
        check_is_fitted(self, "backend_")
        n = len(conditions) if y is None else len(np.asarray(y))
        table = self._describe_rows(y, conditions, n)
        white = self._white(self._encoder.transform(table))
        if self.backend_ == "linear":
            return white @ self._description_map * self.correlations_
        module: Any = self._network()
        values = self._apply(module.describe, white.astype(np.float32))
        return np.column_stack([np.ones(len(values)), values]) @ self._calibration

    def __sklearn_tags__(self):
        """Say that a description is needed."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


def _batch(scores: NDArray, white: NDArray, label: NDArray) -> dict[str, NDArray]:
    return {
        "x": scores.astype(np.float32),
        "description": white.astype(np.float32),
        "label": label.astype(np.int64),
    }
