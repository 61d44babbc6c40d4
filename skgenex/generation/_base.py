"""The contract of all samplers: an over-sampler which is also a generator."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.base import _fit_context
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import (
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from .._transaction import transactional
from .._seeding import draw_seed
from ._conditions import ConditionEncoder, as_table

CHUNK_VALUES = 4_000_000  # values simulated at once: bounds the memory of `sample`
TARGET_COLUMN = "__target__"


class GeneratorMixin:
    """`fit`, `fit_resample`, `sample` and `score` for a model of rows given classes.

    A subclass, which also inherits imbalanced-learn's ``BaseOverSampler``, implements
    `_fit_rows`, `_sample_rows` and `score_samples`.
    """

    __metadata_request__fit = {"conditions": True}
    __metadata_request__fit_resample = {"conditions": True}

    @transactional
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: ArrayLike | None = None, conditions=None) -> Self:
        """Learn the distribution of the rows; ``sampling_strategy`` plays no part.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Expression on a log scale, for example log2(CPM + 1).
        y : array-like of shape (n_samples,), default=None
            Classes, or continuous values (then a condition like any other), or None.
        conditions : DataFrame of shape (n_samples, n_conditions), default=None
            Covariates, numeric or categorical, possibly missing.

        Returns
        -------
        self : object
            The fitted sampler.

        Raises
        ------
        ValueError
            If X has missing or infinite values, or no class has two rows.
        """
        X = validate_data(self, X, accept_sparse=["csr", "csc"], ensure_min_samples=2)
        self._fit_checked(_dense(X), y, conditions, draw_seed(self.random_state))
        return self

    @transactional
    def fit_resample(self, X: ArrayLike, y: ArrayLike, conditions=None) -> tuple:
        """Learn the distribution of the rows, and add rows simulated from it.

        Parameters
        ----------
        X : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_features)
            Expression on a log scale, for example log2(CPM + 1).
        y : array-like of shape (n_samples,)
            Classes.
        conditions : DataFrame of shape (n_samples, n_conditions), default=None
            Covariates. New rows draw theirs from the rows of their class.

        Returns
        -------
        X_resampled : {ndarray, DataFrame, sparse matrix}
            The given rows, unchanged, then new ones, to reach ``sampling_strategy``.
        y_resampled : ndarray or Series
            Their classes.
        conditions_resampled : DataFrame
            Their covariates; only if ``conditions`` were given.

        Raises
        ------
        ValueError
            If X has integer, missing or infinite values, or no class has two rows.
        """
        return super().fit_resample(X, y, conditions=conditions)

    def _fit_resample(self, X, y, conditions=None):
        if X.dtype.kind in "iub":
            raise ValueError(
                f"X holds integers ({X.dtype}): new rows would be truncated. Transform "
                "counts to a log scale, such as log2(CPM + 1), or pass "
                "X.astype(float)."
            )
        table = as_table(conditions, len(y))
        seed = draw_seed(self.random_state)
        self._fit_checked(_dense(X), y, table, seed)
        counts = self.sampling_strategy_
        labels = np.repeat(
            np.array(list(counts), dtype=self.classes_.dtype), list(counts.values())
        )
        codes = np.searchsorted(self.classes_, labels)
        drawn, covariates = self._draw_conditions(codes, np.random.default_rng([seed]))
        X_new = self._sample_checked(codes, covariates, seed).astype(X.dtype)
        y_resampled = np.concatenate([y, self.classes_[codes].astype(y.dtype)])
        if sparse.issparse(X):
            X_resampled = sparse.vstack([X, type(X)(X_new)], format=X.format)
        else:
            X_resampled = np.vstack([X, X_new])
        if conditions is None:
            return X_resampled, y_resampled
        return (
            X_resampled,
            y_resampled,
            pd.concat([table, drawn[table.columns]], ignore_index=True),
        )

    def _fit_checked(self, X: NDArray, y, conditions, seed: int) -> None:
        """Fit on dense rows: encode classes and conditions, learn the model."""
        table = as_table(conditions, len(X))
        if y is None:
            self.target_type_ = "none"
            self.classes_, codes = np.array(["all"]), np.zeros(len(X), dtype=int)
        else:
            y = column_or_1d(y, warn=True)
            if len(y) != len(X):
                raise ValueError(
                    f"y must have a value per row of X, {len(X)}; got {len(y)}."
                )
            if type_of_target(y) == "continuous":
                y = np.asarray(y, dtype=float)
                if not np.isfinite(y).all():
                    raise ValueError("y must be finite; got NaN or infinite values.")
                self.target_type_ = "continuous"
                self.classes_, codes = np.array(["all"]), np.zeros(len(X), dtype=int)
                table = table.assign(**{TARGET_COLUMN: y})
            else:
                check_classification_targets(y)
                self.target_type_ = "class"
                self.classes_, codes = np.unique(y, return_inverse=True)
        self.dtype_ = X.dtype if X.dtype.kind == "f" else np.dtype(np.float64)
        self.class_counts_ = np.bincount(codes, minlength=len(self.classes_))
        self._condition_rows = (table, codes)
        self._encoder = ConditionEncoder().fit(table)
        X = np.ascontiguousarray(X, dtype=self.dtype_)
        self._fit_rows(X, codes, self._encoder.transform(table), seed)

    def sample(
        self,
        n_samples: int | None = None,
        *,
        y: ArrayLike | Mapping | None = None,
        conditions: Any = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> Any:
        """Simulate rows.

        Parameters
        ----------
        n_samples : int, default=None
            How many, in the classes' training proportions; by default as many as in
            the fit. Give this or ``y``.
        y : array-like of shape (n_samples,) or dict of label to int, default=None
            Wanted labels (or continuous values, if fitted on such), or how many rows
            of each.
        conditions : DataFrame of shape (n_samples, n_conditions), default=None
            Wanted covariates; by default drawn from the training rows of the class.
        random_state : int, RandomState instance or None, default=None
            None uses the constructor's.

        Returns
        -------
        X : ndarray or DataFrame of shape (n_samples, n_features)
            New rows, in the columns and dtype of the fit.
        y : ndarray of shape (n_samples,)
            Their labels; only if fitted with ``y``.

        Raises
        ------
        ValueError
            If both ``n_samples`` and ``y`` are given, a label was not in the fit, or
            conditions don't match those of the fit.
        """
        check_is_fitted(self, "class_counts_")
        if n_samples is not None and y is not None:
            raise ValueError("Give n_samples or y, not both.")
        if y is not None and self.target_type_ == "none":
            raise ValueError("The sampler was fitted without y: give n_samples.")
        seed = draw_seed(self.random_state if random_state is None else random_state)
        rng = np.random.default_rng([seed])
        target = None
        if y is None:
            if n_samples is None:
                n_samples = (
                    self.class_counts_.sum() if conditions is None else len(conditions)
                )
            if n_samples < 1 or int(n_samples) != n_samples:
                raise ValueError(
                    f"n_samples must be a positive integer; got {n_samples!r}."
                )
            codes = _proportional(self.class_counts_, int(n_samples))
        elif self.target_type_ == "continuous":
            target = column_or_1d(y).astype(float)
            codes = np.zeros(len(target), dtype=int)
        else:
            codes = self._codes_of(y)
        if conditions is None:
            table, covariates = self._draw_conditions(codes, rng, target)
        else:
            table = as_table(conditions, len(codes))
            if self.target_type_ == "continuous":
                if target is None:
                    raise ValueError("With continuous y, conditions need y beside.")
                table = table.assign(**{TARGET_COLUMN: target})
            covariates = self._encoder.transform(table)
        X = self._sample_checked(codes, covariates, seed).astype(self.dtype_)
        if hasattr(self, "feature_names_in_"):
            X = pd.DataFrame(X, columns=self.feature_names_in_)
        if self.target_type_ == "none":
            return X
        if self.target_type_ == "continuous":
            return X, table[TARGET_COLUMN].to_numpy()
        return X, self.classes_[codes]

    def score(self, X: ArrayLike, y: ArrayLike | None = None, conditions=None) -> float:
        """Mean of `score_samples`, so that grid searches can tune a generator.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows not used in the fit.
        y : array-like of shape (n_samples,), default=None
            Their labels, if the fit had some.
        conditions : DataFrame of shape (n_samples, n_conditions), default=None
            Their covariates, if the fit had some.

        Returns
        -------
        float
            Mean log-likelihood per row, in nats.
        """
        return float(np.mean(self.score_samples(X, y, conditions)))

    def _check_rows(self, X, y, conditions) -> tuple[NDArray, NDArray, NDArray]:
        """Return dense rows with their codes and covariates, for `score_samples`."""
        check_is_fitted(self, "class_counts_")
        X = _dense(validate_data(self, X, accept_sparse=["csr", "csc"], reset=False))
        table = as_table(conditions, len(X))
        codes = np.zeros(len(X), dtype=int)
        if self.target_type_ != "none":
            if y is None:
                raise ValueError("The sampler was fitted with y: give y here too.")
            if self.target_type_ == "class":
                codes = self._codes_of(y)
            else:
                table = table.assign(**{TARGET_COLUMN: np.asarray(y, float)})
            if len(codes) != len(X):
                raise ValueError(f"y must have {len(X)} values; got {len(codes)}.")
        return X.astype(np.float64), codes, self._encoder.transform(table)

    def _codes_of(self, y: ArrayLike | Mapping) -> NDArray:
        if isinstance(y, Mapping):
            labels = np.repeat(
                np.array(list(y), dtype=self.classes_.dtype), list(y.values())
            )
        else:
            labels = column_or_1d(y)
        unknown = np.setdiff1d(labels, self.classes_)
        if len(unknown):
            raise ValueError(
                f"y has labels that were not in the fit: {unknown.tolist()!r}; known "
                f"are {self.classes_.tolist()!r}."
            )
        return np.searchsorted(self.classes_, labels)

    def _draw_conditions(
        self, codes: NDArray, rng: np.random.Generator, target: NDArray | None = None
    ) -> tuple[pd.DataFrame, NDArray]:
        """Draw each row's conditions, jointly, from a training row of its class."""
        table, train_codes = self._condition_rows
        rows = np.zeros(len(codes), dtype=int)
        if len(table.columns):
            for c in np.unique(codes):
                wanted = codes == c
                own = np.flatnonzero(train_codes == c)
                rows[wanted] = rng.choice(own, wanted.sum())
        drawn = table.iloc[rows].reset_index(drop=True)
        if target is not None:
            drawn = drawn.assign(**{TARGET_COLUMN: target})
        return drawn, self._encoder.transform(drawn)

    def _sample_checked(
        self, codes: NDArray, covariates: NDArray, seed: int
    ) -> NDArray:
        """Simulate in chunks whose size depends on the number of genes alone."""
        X = np.empty((len(codes), self.n_features_in_), dtype=self.dtype_)
        size = max(1, CHUNK_VALUES // self.n_features_in_)
        for start in range(0, len(codes), size):
            chunk = slice(start, start + size)
            rng = np.random.default_rng([seed, 1, start])
            X[chunk] = self._sample_rows(codes[chunk], covariates[chunk], rng)
        return X

    @abstractmethod
    def _fit_rows(
        self, X: NDArray, codes: NDArray, covariates: NDArray, seed: int
    ) -> None:
        """Learn the distribution of dense rows."""

    @abstractmethod
    def _sample_rows(
        self, codes: NDArray, covariates: NDArray, rng: np.random.Generator
    ) -> NDArray:
        """Simulate a row per code."""

    @abstractmethod
    def score_samples(
        self, X: ArrayLike, y: ArrayLike | None = None, conditions: Any = None
    ) -> NDArray:
        """Return the log-likelihood of each row, in nats."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        return tags


def _dense(X: Any) -> NDArray:
    return X.toarray() if sparse.issparse(X) else X


def _proportional(counts: NDArray, n_samples: int) -> NDArray:
    """Codes of ``n_samples`` rows in the proportions of counts (largest remainder)."""
    exact = counts * (n_samples / counts.sum())
    floor = np.floor(exact).astype(int)
    missing = n_samples - floor.sum()
    floor[np.argsort(floor - exact, kind="stable")[:missing]] += 1
    return np.repeat(np.arange(len(counts)), floor)
