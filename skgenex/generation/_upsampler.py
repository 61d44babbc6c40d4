"""Second stage: from landmark genes to the full transcriptome."""

from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import MultiOutputMixin, RegressorMixin, _fit_context
from sklearn.metrics import r2_score
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from .._base import TORCH_CONSTRAINTS, TorchEstimator
from .._covariance import SHRINKAGES, factorise
from .._memory import require_memory
from .._seeding import draw_seed
from .._transaction import transactional
from .._validation import split_validation
from ..prediction.linear import fit_ridge
from ._gate import best_epoch, mean_and_error
from .upsampling import CorrectionObjective, landmark_positions

MIN_STEPS_PER_EPOCH = 10
MIN_ROWS_NETWORK = 16
PLAIN: dict[str, Any] = {"emphasis": 0.0, "n_folds": 5}  # ridge as it is known


class TranscriptomeUpsampler(RegressorMixin, MultiOutputMixin, TorchEstimator):
    """Predict, or draw, the full transcriptome from landmark genes.

    Ridge regression, its penalty chosen by cross-validation, is the start. A network
    learns the leading factors of what ridge leaves over on rows it did not see; it is
    used if it lowers the squared error of held-out rows by more than the standard
    error. Predictions are conditional means, too smooth to be profiles: `sample` adds
    draws from the covariance of the held-out residuals.

    Parameters
    ----------
    backend : {"auto", "network", "linear"}, default="auto"
        "auto" decides on held-out rows; the others force it.
    n_components : int, default=32
        Leading factors of the residuals that the network predicts, at most.
    shrinkage : {"matched", "ledoit_wolf", "nonlinear"}, default="matched"
        Of the residual covariance; see `GaussianSampler`.
    n_hidden : int, default=256
        Units of the hidden layer.
    dropout : float, default=0.3
        Share of hidden units dropped in training.
    weight_decay : float, default=0.1
        Of AdamW.
    max_epochs : int, default=100
        Epochs at most.
    lr : float, default=1e-3
        Learning rate of AdamW.
    batch_size : int, default=64
        Rows per step.
    validation_fraction : float, default=0.25
        Share of rows held out to stop and to choose the backend; all rows are used in
        the final fit. With 0 "auto" is "linear".
    patience : int, default=8
        Epochs without a lower held-out loss before training stops.
    callbacks : list of skorch callbacks, default=None
        Cloned for each fit.
    device : str or torch.device, default="auto"
        "auto" takes CUDA if there is one.
    random_state : int, RandomState instance or None, default=None
        Source of randomness of the fit and of `sample`.
    verbose : int, default=0
        0 is silent, 1 shows a progress bar, 2 prints a line per epoch.

    Attributes
    ----------
    backend_ : {"network", "linear"}
        What `predict` uses.
    coef_ : ndarray of shape (n_targets, n_landmarks)
        Of the ridge regression, in standard deviations of targets and landmarks.
    penalty_ : float
        Chosen penalty, in units of the mean squared norm of the landmarks.
    heldout_gain_ : float
        How much lower the held-out squared error is with the network, as a share of
        ridge's; NaN if not tried.
    heldout_gain_se_ : float
        Its standard error over rows.
    landmarks_ : ndarray of shape (n_landmarks,) or None
        Columns of the full table that are landmarks; None after ``fit(X, y)``.
    genes_ : ndarray of shape (n_outputs,) or None
        Names of the genes that `predict` returns, if the fit had names.
    net_ : ObjectiveNet
        The trained skorch net; absent if linear.
    history_ : list of dict
        Losses per epoch of the training with held-out rows.
    n_iter_ : int
        Epochs of the final training; 0 if linear.
    n_features_in_ : int
        Number of landmarks.
    feature_names_in_ : ndarray of shape (n_landmarks,)
        Landmarks, if they had names.

    References
    ----------
    Subramanian et al. (2017), A Next Generation Connectivity Map: L1000 Platform and
    the First 1,000,000 Profiles, Cell 171:1437 (978 landmarks, linear inference); Chen,
    Li, Narayan, Subramanian & Xie (2016), Gene expression inference with deep learning,
    Bioinformatics 32:1832 (D-GEX, the network).

    Examples
    --------
    >>> from skgenex.datasets import make_expression
    >>> from skgenex.generation import TranscriptomeUpsampler
    >>> X, _ = make_expression(n_samples=80, random_state=0, return_X_y=True)
    >>> upsampler = TranscriptomeUpsampler(backend="linear", random_state=0)
    >>> upsampler.fit(X, landmarks=range(20)).predict(X[:3, :20]).shape
    (3, 200)
    """

    _parameter_constraints = {
        **{
            name: TORCH_CONSTRAINTS[name]
            for name in (
                *("max_epochs", "lr", "batch_size", "validation_fraction", "patience"),
                *("callbacks", "device", "random_state", "verbose"),
            )
        },
        "backend": [StrOptions({"auto", "network", "linear"})],
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "shrinkage": [StrOptions(set(SHRINKAGES))],
        "n_hidden": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        *,
        backend="auto",
        n_components=32,
        shrinkage="matched",
        n_hidden=256,
        dropout=0.3,
        weight_decay=0.1,
        max_epochs=100,
        lr=1e-3,
        batch_size=64,
        validation_fraction=0.25,
        patience=8,
        callbacks=None,
        device="auto",
        random_state=None,
        verbose=0,
    ):
        self.backend = backend
        self.n_components = n_components
        self.shrinkage = shrinkage
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
    def fit(self, X: Any, y: ArrayLike | None = None, *, landmarks: Any = None) -> Self:
        """Learn all genes from some.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_genes) or (n_samples, n_landmarks)
            With ``landmarks``: full profiles, for example log2(CPM + 1). Without: the
            landmark genes alone.
        y : array-like of shape (n_samples, n_outputs), default=None
            The genes to predict, if X has the landmarks alone.
        landmarks : sequence of names or of positions, or mask of bool, default=None
            Which columns of full profiles are landmarks.

        Returns
        -------
        self : TranscriptomeUpsampler
            The fitted model.

        Raises
        ------
        ValueError
            If not exactly one of ``y`` and ``landmarks`` is given, or a landmark is not
            in X.
        """
        if landmarks is not None:
            if y is not None:
                raise ValueError("Give y or landmarks, not both.")
            columns = list(X.columns) if isinstance(X, pd.DataFrame) else None
            full = X.to_numpy() if isinstance(X, pd.DataFrame) else np.asarray(X)
            if full.ndim != 2:
                raise ValueError(f"X must be a table; got shape {full.shape}.")
            self.landmarks_: NDArray | None = landmark_positions(
                landmarks, columns, full.shape[1]
            )
            rest = np.setdiff1d(np.arange(full.shape[1]), self.landmarks_)
            if not len(rest):
                raise ValueError("All genes are landmarks: none is left to predict.")
            X = X.iloc[:, self.landmarks_] if columns else full[:, self.landmarks_]
            y, self._rest = full[:, rest], rest
            self.genes_ = None if columns is None else np.array(columns, dtype=object)
        else:
            if y is None:
                raise ValueError(
                    "TranscriptomeUpsampler requires y to be passed, but the target y "
                    "is None; or give full profiles as X, and landmarks=."
                )
            self.landmarks_ = None
            names = getattr(y, "columns", None)
            self.genes_ = None if names is None else np.array(names, dtype=object)
        rows, target = validate_data(
            self,
            X,
            y,
            dtype=np.float64,
            multi_output=True,
            y_numeric=True,
            ensure_min_samples=2,
        )
        self._is_single_output = target.ndim == 1
        target = np.asarray(target, dtype=np.float64).reshape(len(rows), -1)
        self._x_mean, self._x_sd = _moments(rows)
        self._y_mean, self._y_sd = _moments(target)
        self._fit_standard(
            (rows - self._x_mean) / self._x_sd,
            (target - self._y_mean) / self._y_sd,
            self._draw_seed(),
        )
        return self

    def _fit_standard(self, x: NDArray, target: NDArray, seed: int) -> None:
        """Fit on standardised genes."""
        ridge = fit_ridge(x, target, **PLAIN, seed=seed)
        self.coef_, self._intercept = ridge.coef, ridge.intercept
        self.penalty_ = ridge.strength
        residual = target - ridge.heldout
        n_epochs, history = self._try_on_held_out(x, target, residual, seed)
        self.backend_, self.n_iter_ = "linear", 0
        self.__dict__.pop("net_", None)
        if n_epochs:
            self._factors = _leading(residual, self.n_components, seed)
            batch = _batch(x, residual @ self._factors.T)
            self._train_network(batch, seed, max_epochs=n_epochs, patience=None)
            self.backend_ = "network"
            # What the network leaves of the rows it learned from is too small; their
            # ridge residuals, made as small as those of held-out rows were, are not.
            residual = residual * np.sqrt(1 - np.nan_to_num(self.heldout_gain_).clip(0))
        self.history_ = history
        self._fit_noise(residual, np.random.default_rng([seed, 1]))

    def _try_on_held_out(
        self, x: NDArray, target: NDArray, residual: NDArray, seed: int
    ) -> tuple[int, list[dict]]:
        """Ask held-out rows; return the epochs of the final training, a history."""
        self.heldout_gain_ = self.heldout_gain_se_ = np.nan
        forced = self.backend == "network"
        varies = np.square(residual).sum() > 0
        if self.backend == "linear" or not varies:
            return 0, []
        train, valid = np.arange(len(x)), None
        if self.validation_fraction and len(x) >= MIN_ROWS_NETWORK:
            train, valid = split_validation(len(x), self.validation_fraction, seed=seed)
        if valid is None:
            return (self.max_epochs if forced else 0), []
        # Ridge that never saw the held-out rows, nor the network's own training rows.
        ridge = fit_ridge(x[train], target[train], **PLAIN, seed=seed)
        inside = target[train] - ridge.heldout
        outside = target[valid] - x[valid] @ ridge.coef.T - ridge.intercept
        self._factors = _leading(inside, self.n_components, seed)
        self._train_network(
            _batch(x[train], inside @ self._factors.T),
            seed,
            valid_batch=_batch(x[valid], outside @ self._factors.T),
        )
        before = np.square(outside).sum(axis=1)
        gain = before - np.square(outside - self._correct(x[valid])).sum(axis=1)
        self.heldout_gain_, self.heldout_gain_se_ = mean_and_error(gain / before.mean())
        better = self.heldout_gain_ > self.heldout_gain_se_
        best = best_epoch(self.history_)
        return (best if forced or better else 0), self.history_

    def _train_network(self, batch: dict, seed: int, **how: Any) -> None:
        n = len(batch["x"])
        shape = {
            "n_inputs": batch["x"].shape[1],
            "n_outputs": batch["residual"].shape[1],
            "n_hidden": self.n_hidden,
            "dropout": self.dropout,
        }
        self._train(
            (CorrectionObjective, shape),
            batch,
            seed=seed,
            weight_decay=self.weight_decay,
            clip_norm=10.0,
            steps_per_epoch=max(MIN_STEPS_PER_EPOCH, -(-n // self.batch_size)),
            **how,
        )

    def _correct(self, x: NDArray) -> NDArray:
        """Return the network's part of standardised targets."""
        module: Any = self._network()
        scores = self._apply(module.network, x.astype(np.float32))
        return scores.astype(np.float64) @ self._factors

    def _fit_noise(self, residual: NDArray, rng: np.random.Generator) -> None:
        """Learn the covariance of residuals, in factor form."""
        variances = np.square(residual).mean(axis=0)
        if not variances.any():
            self._loadings = np.zeros((0, residual.shape[1]))
            self._noise_sd = np.zeros(residual.shape[1])
            return
        values, vectors, _ = factorise(residual, rng, with_scores=False)
        shrunk = SHRINKAGES[self.shrinkage](values, residual, rng)
        self._loadings = np.sqrt(shrunk)[:, None] * vectors
        carried = np.square(self._loadings).sum(axis=0)
        self._noise_sd = np.sqrt((variances - carried).clip(min=0))

    def predict(self, X: ArrayLike) -> Any:
        """Return the expected genes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_landmarks)
            Landmark genes, in the order and unit of the fit.

        Returns
        -------
        ndarray or DataFrame of shape (n_samples, n_outputs)
            After a fit with ``landmarks`` full profiles, in the order of the fit, whose
            landmarks are those given; else the genes of ``y``. A DataFrame if the fit
            had names.
        """
        rows, index = self._check(X)
        return self._assemble(self._expect(rows), rows, index)

    def sample(
        self,
        X: ArrayLike,
        *,
        random_state: int | np.random.RandomState | None = None,
    ) -> Any:
        """Draw the genes given the landmarks: expectation plus correlated residuals.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_landmarks)
            Landmark genes, in the order and unit of the fit.
        random_state : int, RandomState instance or None, default=None
            None uses the constructor's.

        Returns
        -------
        ndarray or DataFrame of shape (n_samples, n_outputs)
            As from `predict`. Draws are Gaussian, not bounded to the training range.
        """
        rows, index = self._check(X)
        seed = draw_seed(self.random_state if random_state is None else random_state)
        rng = np.random.default_rng([seed, 2])
        n, (k, p) = len(rows), self._loadings.shape
        require_memory(3 * n * p * 8, f"{n:,} rows of {p:,} genes", "Draw in parts.")
        noise = rng.standard_normal((n, k)) @ self._loadings
        noise += self._noise_sd * rng.standard_normal((n, p))
        return self._assemble(self._expect(rows) + noise * self._y_sd, rows, index)

    def _check(self, X: Any) -> tuple[NDArray, Any]:
        check_is_fitted(self, "backend_")
        index = X.index if isinstance(X, pd.DataFrame) else None
        return validate_data(self, X, dtype=np.float64, reset=False), index

    def _expect(self, rows: NDArray) -> NDArray:
        x = (rows - self._x_mean) / self._x_sd
        out = x @ self.coef_.T + self._intercept
        if self.backend_ == "network":
            out += self._correct(x)
        return out * self._y_sd + self._y_mean

    def _assemble(self, values: NDArray, rows: NDArray, index: Any) -> Any:
        """Put landmarks and other genes where they were."""
        if self.landmarks_ is not None:
            full = np.empty((len(rows), len(self._rest) + rows.shape[1]))
            full[:, self._rest], full[:, self.landmarks_] = values, rows
            values = full
        elif self._is_single_output:
            return values[:, 0]
        if self.genes_ is None:
            return values
        return pd.DataFrame(values, index=index, columns=self.genes_)

    def score(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """Mean over genes of the coefficient of determination.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_landmarks)
            Landmark genes.
        y : array-like of shape (n_samples, n_outputs)
            What `predict` returns: after a fit with ``landmarks`` full profiles, of
            which only the genes that are predicted count.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        float
            At most 1; 0 is what each gene's mean would get.
        """
        predicted, truth = np.asarray(self.predict(X)), np.asarray(y)
        if self.landmarks_ is not None:
            predicted, truth = predicted[:, self._rest], truth[:, self._rest]
        return float(r2_score(truth, predicted, sample_weight=sample_weight))

    def __sklearn_tags__(self):
        """Say that several targets are possible, and some needed."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


def _moments(values: NDArray) -> tuple[NDArray, NDArray]:
    """Means, and standard deviations, one for what is constant."""
    mean, sd = values.mean(axis=0), values.std(axis=0)
    return mean, np.where(sd > 1e-12 * np.abs(mean), sd, 1.0)


def _leading(residual: NDArray, n_components: int, seed: int) -> NDArray:
    """Leading principal directions of residuals, (n_components, n_targets)."""
    rng = np.random.default_rng([seed, 3])
    return factorise(residual, rng, with_scores=False)[1][:n_components]


def _batch(x: NDArray, scores: NDArray) -> dict[str, NDArray]:
    return {"x": x.astype(np.float32), "residual": scores.astype(np.float32)}
