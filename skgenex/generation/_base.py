"""The contract of all samplers: an over-sampler which is also a generator."""

import warnings
from abc import abstractmethod
from collections.abc import Mapping
from numbers import Integral
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.special import logsumexp
from sklearn.base import _fit_context
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import (
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from .._frames import check_same_order
from .._mapped import validate_by_blocks
from .._memory import require_memory
from .._seeding import draw_seed
from .._transaction import transactional
from ._conditions import ConditionEncoder, as_arrays, as_table
from ._drawing import codes_of, condition_rng, draw_condition_rows, proportional_codes

CHUNK_VALUES = 1_000_000  # values simulated at once: bounds the memory of `sample`
TARGET_COLUMN = "__target__"


class GeneratorMixin:
    """`fit`, `fit_resample`, `sample` and `score` for a model of rows given classes.

    A subclass, which also inherits imbalanced-learn's ``BaseOverSampler``, implements
    `_fit_rows`, `_sample_rows` and `_score_rows`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels of the fit; a single one without classes.
    class_counts_ : ndarray of shape (n_classes,)
        Rows of each.
    target_type_ : {"none", "class", "continuous"}
        What ``y`` was in the fit.
    """

    random_state: Any
    n_features_in_: int

    __metadata_request__fit = {"conditions": True}
    __metadata_request__fit_resample = {"conditions": True, "return_conditions": True}
    __metadata_request__score = {"conditions": True}

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
            Numbers are classes if all are whole: add a fraction, or use ``conditions``,
            for whole numbers that are none, such as ages in years.
        conditions : DataFrame of shape (n_samples, n_conditions), default=None
            Covariates, numeric or categorical, possibly missing.

        Returns
        -------
        self : object
            The fitted sampler.

        Raises
        ------
        ValueError
            If X has missing or infinite values, no class has two rows, or ``y`` or
            ``conditions`` have the row labels of X in another order.
        """
        _refuse_repeated_columns(X)
        check_same_order(X, y, "y")
        check_same_order(X, conditions, "conditions")
        X = validate_by_blocks(
            self, X, accept_sparse=["csr", "csc"], ensure_min_samples=2
        )
        self._fit_checked(_dense(X), y, conditions, self._draw_seed())
        return self

    @transactional
    def fit_resample(
        self,
        X: ArrayLike,
        y: ArrayLike,
        conditions=None,
        return_conditions: bool = True,
    ) -> tuple:
        """Learn the distribution of the rows, and add rows simulated from it.

        Parameters
        ----------
        X : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_features)
            Expression on a log scale, for example log2(CPM + 1).
        y : array-like of shape (n_samples,)
            Classes.
        conditions : DataFrame of shape (n_samples, n_conditions), default=None
            Covariates. New rows draw theirs from the rows of their class.
        return_conditions : bool, default=True
            Whether the covariates come back as a third value. imbalanced-learn's
            Pipeline takes two values from all steps but the last: there, pass False.

        Returns
        -------
        X_resampled : {ndarray, DataFrame, sparse matrix}
            The given rows, unchanged, then new ones, to reach ``sampling_strategy``.
        y_resampled : ndarray or Series
            Their classes.
        conditions_resampled : DataFrame
            Their covariates; only if ``conditions`` were given and are wanted back.

        Raises
        ------
        ValueError
            If X has integer, missing or infinite values, no class has two rows, or
            ``y`` or ``conditions`` have the row labels of X in another order.
        """
        _refuse_repeated_columns(X)
        if isinstance(X, pd.DataFrame):  # each column would get its own dtype back
            _refuse_integers([name for name, d in X.dtypes.items() if _is_integer(d)])
        check_same_order(X, y, "y")
        check_same_order(X, conditions, "conditions")
        # imbalanced-learn's, which checks, counts and restores containers.
        resampled = super().fit_resample(X, y, conditions=conditions)  # type: ignore[misc]
        return resampled if return_conditions else resampled[:2]

    def _fit_resample(self, X, y, conditions=None):
        if X.dtype.kind in "iub":
            _refuse_integers([X.dtype])
        table = as_table(conditions, len(y))
        seed = self._draw_seed()
        self._fit_checked(_dense(X), y, table, seed)
        counts = self.sampling_strategy_
        _warn_of_single_rows(counts, self.classes_, self.class_counts_)
        self._require_memory(sum(counts.values()))
        labels = np.repeat(
            np.array(list(counts), dtype=self.classes_.dtype), list(counts.values())
        )
        codes = np.searchsorted(self.classes_, labels)
        drawn, covariates = self._draw_conditions(codes, condition_rng(seed))
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
            pd.concat([table, drawn.astype(table.dtypes)], ignore_index=True),
        )

    def _fit_checked(self, X: NDArray, y, conditions, seed: int) -> None:
        """Fit on dense rows: encode classes and conditions, learn the model."""
        table = as_table(conditions, len(X))
        if y is None:
            self.target_type_ = "none"
            self.classes_, codes = np.array(["all"]), np.zeros(len(X), dtype=int)
        else:
            y = _as_target(y, len(X))
            if type_of_target(y) == "continuous":
                y = np.asarray(y, dtype=float)
                self.target_type_ = "continuous"
                self.classes_, codes = np.array(["all"]), np.zeros(len(X), dtype=int)
                table = table.assign(**{TARGET_COLUMN: y})
            else:
                check_classification_targets(y)
                self.target_type_ = "class"
                self.classes_, codes = np.unique(y, return_inverse=True)
        self._fit_coded(X, codes, table, seed)

    def _fit_coded(self, X: NDArray, codes: NDArray, table, seed: int) -> None:
        """Fit on dense rows whose classes are coded, and their conditions."""
        self.dtype_ = X.dtype if X.dtype.kind == "f" else np.dtype(np.float64)
        self.class_counts_ = np.bincount(codes, minlength=len(self.classes_))
        self._condition_rows = (as_arrays(table), codes)
        self._encoder = ConditionEncoder().fit(table)
        X = np.ascontiguousarray(X, dtype=self.dtype_)
        self._fit_rows(X, codes, self._encoder.transform(table), seed)

    def sample(
        self,
        n_samples: int | None = None,
        *,
        y: ArrayLike | Mapping | None = None,
        conditions: Any = None,
        return_conditions: bool = False,
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
        return_conditions : bool, default=False
            Whether to return the covariates of the new rows as well.
        random_state : int, RandomState instance or None, default=None
            None uses the constructor's: if that is an integer, each call gives the same
            rows.

        Returns
        -------
        X : ndarray or DataFrame of shape (n_samples, n_features)
            New rows, in the columns and dtype of the fit.
        y : ndarray of shape (n_samples,)
            Their labels; only if fitted with ``y``.
        conditions : DataFrame of shape (n_samples, n_conditions)
            Their covariates; only if wanted.

        Raises
        ------
        ValueError
            If both ``n_samples`` and ``y`` are given, a label was not in the fit, or
            conditions don't match those of the fit.
        MemoryError
            If the rows do not fit into the memory that is free.
        """
        check_is_fitted(self, "class_counts_")
        if n_samples is not None and y is not None:
            raise ValueError("Give n_samples or y, not both.")
        if y is not None and self.target_type_ == "none":
            raise ValueError("The sampler was fitted without y: give n_samples.")
        seed = draw_seed(self.random_state if random_state is None else random_state)
        rng = condition_rng(seed)
        target = None
        if y is None:
            if n_samples is None:
                n_samples = (
                    self.class_counts_.sum() if conditions is None else len(conditions)
                )
            if not isinstance(n_samples, Integral) or n_samples < 1:
                raise ValueError(
                    f"n_samples must be a positive integer; got {n_samples!r}. "
                    "Labels, or a dict of label to number, are for y=."
                )
            self._require_memory(int(n_samples))
            codes = proportional_codes(self.class_counts_, int(n_samples))
        elif self.target_type_ == "continuous":
            target = column_or_1d(y).astype(float)
            codes = np.zeros(len(target), dtype=int)
        else:
            if isinstance(y, Mapping):
                wanted = [int(n) for n in y.values() if isinstance(n, Integral)]
                self._require_memory(sum(wanted))  # the rest is refused below
            codes = codes_of(y, self.classes_)
        if conditions is None:
            table, covariates = self._draw_conditions(codes, rng, target)
        else:
            table = as_table(conditions, len(codes))
            if self.target_type_ == "continuous":
                if target is None:
                    raise ValueError("With continuous y, conditions need y beside.")
                table = table.assign(**{TARGET_COLUMN: target})
            covariates = self._encoder.transform(table)
        X = self._sample_checked(codes, covariates, seed)
        if hasattr(self, "feature_names_in_"):
            X = pd.DataFrame(X, columns=self.feature_names_in_)
        values = [X]
        if self.target_type_ == "continuous":
            values.append(table[TARGET_COLUMN].to_numpy())
        elif self.target_type_ == "class":
            values.append(self.classes_[codes])
        if return_conditions:
            values.append(table.drop(columns=TARGET_COLUMN, errors="ignore"))
        return values[0] if len(values) == 1 else tuple(values)

    def score_samples(
        self, X: ArrayLike, y: ArrayLike | None = None, conditions: Any = None
    ) -> NDArray:
        """Log-likelihood of rows, before the marginal map.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows on the scale of the fit.
        y : array-like of shape (n_samples,), default=None
            Their labels, if the fit had some. None after a fit with classes: the
            density of the mixture of all classes, in their training proportions.
        conditions : DataFrame of shape (n_samples, n_conditions), default=None
            Their covariates, if the fit had some.

        Returns
        -------
        ndarray of shape (n_samples,)
            Log density in nats, over genes that are not constant.
        """
        check_is_fitted(self, "class_counts_")
        X = validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)
        rows = _dense(X).astype(np.float64)
        table = as_table(conditions, len(rows))
        codes = np.zeros(len(rows), dtype=int)
        if y is not None:
            y = _as_target(y, len(rows))
        if self.target_type_ == "continuous":
            if y is None:
                raise ValueError("The fit had continuous y: give y here too.")
            table = table.assign(**{TARGET_COLUMN: np.asarray(y, dtype=float)})
        covariates = self._encoder.transform(table)
        if self.target_type_ != "class":
            return self._score_rows(rows, codes, covariates)
        if y is not None:
            return self._score_rows(rows, codes_of(y, self.classes_), covariates)
        shares = self.class_counts_ / self.class_counts_.sum()
        by_class = [
            np.log(share) + self._score_rows(rows, codes + c, covariates)
            for c, share in enumerate(shares)
        ]
        return logsumexp(by_class, axis=0)

    def score(self, X: ArrayLike, y: ArrayLike | None = None, conditions=None) -> float:
        """Mean of `score_samples`, so that grid searches can tune a generator.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows not used in the fit.
        y : array-like of shape (n_samples,), default=None
            Their labels, see `score_samples`.
        conditions : DataFrame of shape (n_samples, n_conditions), default=None
            Their covariates, if the fit had some.

        Returns
        -------
        float
            Mean log-likelihood per row, in nats.
        """
        return float(np.mean(self.score_samples(X, y, conditions)))

    def _draw_seed(self) -> int:
        """Resolve ``random_state``; an estimator with a network has its own way."""
        resolve = getattr(super(), "_draw_seed", None)
        return resolve() if resolve else draw_seed(self.random_state)

    def _draw_conditions(
        self, codes: NDArray, rng: np.random.Generator, target: NDArray | None = None
    ) -> tuple[pd.DataFrame, NDArray]:
        """Draw conditions of the classes; also return them encoded."""
        drawn = draw_condition_rows(codes, *self._condition_rows, rng)
        if target is not None:
            drawn = drawn.assign(**{TARGET_COLUMN: target})
        return drawn, self._encoder.transform(drawn)

    def _require_memory(self, n_samples: int) -> None:
        """Raise before codes, covariates and rows are allocated."""
        n_values = n_samples * self.n_features_in_
        n_codes = n_samples * (1 + len(self._condition_rows[0]))
        require_memory(
            n_values * self.dtype_.itemsize + n_codes * 8,
            f"{n_samples:,} rows of {self.n_features_in_:,} genes",
            "Draw them in parts, each with a random_state of its own.",
        )

    def _sample_checked(
        self, codes: NDArray, covariates: NDArray, seed: int
    ) -> NDArray:
        """Simulate in chunks whose size depends on the number of genes alone."""
        self._require_memory(len(codes))
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
    def _score_rows(self, X: NDArray, codes: NDArray, covariates: NDArray) -> NDArray:
        """Return the log density of each row, in nats."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        return tags


def _dense(X: Any) -> NDArray:
    return X.toarray() if sparse.issparse(X) else X


def _as_target(y: Any, n_samples: int) -> NDArray:
    y = column_or_1d(y, warn=True)
    if len(y) != n_samples:
        raise ValueError(
            f"y must have a value per row of X, {n_samples}; got {len(y)}."
        )
    missing = pd.isna(y)
    if y.dtype.kind == "f":
        missing |= np.isinf(y)
    if missing.any():
        raise ValueError(
            f"y must be known and finite; {missing.sum()} of {n_samples} values are "
            "not. Leave these rows out."
        )
    return y


def _is_integer(dtype: Any) -> bool:
    return pd.api.types.is_integer_dtype(dtype) or pd.api.types.is_bool_dtype(dtype)


def _refuse_repeated_columns(X: Any) -> None:
    if isinstance(X, pd.DataFrame) and not X.columns.is_unique:
        repeated = X.columns[X.columns.duplicated()].unique()[:5].tolist()
        raise ValueError(
            f"Columns of X must have unique names; {repeated} repeat. Drop or rename "
            "them, such as by X.loc[:, ~X.columns.duplicated()]."
        )


def _warn_of_single_rows(
    wanted: Mapping, classes: NDArray, class_counts: NDArray
) -> None:
    """Say which classes grow from a single row: their mean is that row's own."""
    single = {
        label: int(wanted[label])
        for label in classes[class_counts == 1].tolist()
        if wanted.get(label)
    }
    if single:
        warnings.warn(
            f"Classes of a single row are to get new ones, {single} (class: rows): "
            "these vary around that row as rows do within the other classes, so "
            "nothing in them is known of the class but that row. To leave such a "
            "class as it is, give sampling_strategy as a dict without it.",
            UserWarning,
            stacklevel=4,
        )


def _refuse_integers(what: list) -> None:
    if what:
        raise ValueError(
            f"X holds integers ({', '.join(map(str, what[:5]))}): new rows would be "
            "truncated. Transform counts to a log scale, such as log2(CPM + 1); if "
            "these are on one already, pass X.astype(float)."
        )
