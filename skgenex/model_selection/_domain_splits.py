"""Splits of a table with several domains and unlabelled rows."""

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import (
    BaseCrossValidator,
    StratifiedGroupKFold,
    StratifiedKFold,
)
from sklearn.utils.validation import check_consistent_length

from .._domains import Domains, resolve_domains

NO_ROWS = np.array([], dtype=int)


class _DomainSplit(BaseCrossValidator):
    """What the splitters share: domains, groups, and the request for both."""

    __metadata_request__split = {"groups": True, "sample_domain": True}

    def split(
        self,
        X: Any,
        y: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        sample_domain: Sequence[Hashable] | None = None,
    ) -> Iterator[tuple[NDArray, NDArray]]:
        """Yield the rows to train on and the rows to test on.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows of all domains.
        y : array-like of shape (n_samples,)
            Labels; missing where unknown.
        groups : array-like of shape (n_samples,), default=None
            Patients, say: rows of a group with a test row are in no training set.
        sample_domain : sequence of hashable of shape (n_samples,), default=None
            Domain of each row. Without metadata routing scikit-learn does not pass
            it: use ``cv=splitter.split(X, y, sample_domain=...)``, or ``domain``.

        Yields
        ------
        train, test : ndarray of int
            Row numbers, ascending.

        Raises
        ------
        ValueError
            If there are fewer labelled rows to test on than splits.
        """
        domains = self._resolve(X, y, sample_domain)
        n_samples = len(domains.codes)
        if groups is not None:
            check_consistent_length(X, groups)
            groups = np.asarray(groups)
        for test, also in self._tests(domains, groups):
            is_train = np.ones(n_samples, dtype=bool)
            if groups is not None:
                is_train[np.isin(groups, groups[test])] = False
            is_train[test] = False
            yield (
                np.flatnonzero(is_train & self._may_train(domains, test)),
                np.union1d(test, also),
            )

    def get_n_splits(
        self,
        X: Any = None,
        y: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        sample_domain: Sequence[Hashable] | None = None,
    ) -> int:
        """Return the number of splits.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features), default=None
            As in `split`.
        y : array-like of shape (n_samples,), default=None
            As in `split`.
        groups : array-like of shape (n_samples,), default=None
            As in `split`.
        sample_domain : sequence of hashable of shape (n_samples,), default=None
            As in `split`.

        Returns
        -------
        int
            ``n_splits``.
        """
        return self.n_splits

    def _resolve(self, X, y, sample_domain) -> Domains:
        return resolve_domains(
            X,
            y,
            sample_domain,
            target_domain=self.target_domain,
            unlabelled=self.unlabelled,
            domain=self.domain,
            continuous=self.continuous,
        )

    def _may_train(self, domains, test):
        return True

    def _stratified(self, domains, candidates, groups, which):
        """Test rows among ``candidates``, classes in equal shares."""
        if len(candidates) < self.n_splits:
            hint = ""
            if not domains.are_given:
                hint = (
                    " No domains were given, so all labelled rows count as the source: "
                    "pass sample_domain, or name a column of X by domain."
                )
            raise ValueError(
                f"{type(self).__name__} needs at least n_splits={self.n_splits} "
                f"labelled rows of the {which}; got {len(candidates)}.{hint}"
            )
        labels = domains.y[candidates]
        if self.continuous:  # equal shares of low, middle and high values
            labels = np.argsort(np.argsort(labels)) * 3 // len(labels)
        kind = StratifiedKFold if groups is None else StratifiedGroupKFold
        folds = kind(self.n_splits, shuffle=True, random_state=self.random_state)
        own = None if groups is None else groups[candidates]
        for _, test in folds.split(candidates, labels, own):
            yield candidates[test]


class LabelledTargetSplit(_DomainSplit):
    """Test on labelled target rows; all other rows always train.

    `StratifiedKFold` counts the mark of unlabelled rows as a class, and tests on rows
    of the source, which nobody wants to predict.

    Parameters
    ----------
    n_splits : int, default=5
        Number of splits.
    target_domain : hashable or list of hashable, default=None
        The target; None: the domains with unlabelled rows.
    domain : hashable, default=None
        Column of a DataFrame ``X`` which holds the domains.
    unlabelled : object, default=-1
        Label of rows without one; None, NaN and `pandas.NA` are so as well.
    continuous : bool, default=False
        Whether ``y`` holds numbers instead of classes.
    random_state : int, RandomState instance or None, default=0
        Shuffles the rows.

    Examples
    --------
    >>> from skgenex.model_selection import LabelledTargetSplit
    >>> y = ["a", "b", "a", "b", "a", "b", None]
    >>> domain = ["s", "s", "t", "t", "t", "t", "t"]
    >>> splitter = LabelledTargetSplit(n_splits=2)
    >>> for train, test in splitter.split([[0]] * 7, y, sample_domain=domain):
    ...     print(len(train), len(test), bool(6 in train), bool(test.min() >= 2))
    5 2 True True
    5 2 True True
    """

    def __init__(
        self,
        n_splits=5,
        *,
        target_domain=None,
        domain=None,
        unlabelled=-1,
        continuous=False,
        random_state=0,
    ):
        self.n_splits = n_splits
        self.target_domain = target_domain
        self.domain = domain
        self.unlabelled = unlabelled
        self.continuous = continuous
        self.random_state = random_state

    def _tests(self, domains, groups):
        rows = np.flatnonzero(domains.is_target & domains.is_labelled)
        for test in self._stratified(domains, rows, groups, "target"):
            yield test, NO_ROWS


class SourceSplit(_DomainSplit):
    """Test on labelled rows of the source; the target always trains.

    For choosing parameters without target labels. A choice by source rows costs deep
    adaptation some points of accuracy on average, whatever the score; with a few
    labelled target rows use `LabelledTargetSplit`.

    Parameters
    ----------
    n_splits : int, default=5
        Number of splits.
    with_target : bool, default=False
        Whether the unlabelled target rows are in each test set *too*, as scorers need
        which compare predictions with the target; wrap others in `labelled_only`.
    target_domain : hashable or list of hashable, default=None
        The target; None: the domains without labels, or else with unlabelled rows.
    domain : hashable, default=None
        Column of a DataFrame ``X`` which holds the domains.
    unlabelled : object, default=-1
        Label of rows without one; None, NaN and `pandas.NA` are so as well.
    continuous : bool, default=False
        Whether ``y`` holds numbers instead of classes.
    random_state : int, RandomState instance or None, default=0
        Shuffles the rows.

    Examples
    --------
    >>> from skgenex.model_selection import SourceSplit
    >>> y = ["a", "b", "a", "b", None, None]
    >>> domain = ["s", "s", "s", "s", "t", "t"]
    >>> splitter = SourceSplit(n_splits=2)
    >>> for train, test in splitter.split([[0]] * 6, y, sample_domain=domain):
    ...     print(len(train), len(test), bool(test.max() < 4))
    4 2 True
    4 2 True
    """

    def __init__(
        self,
        n_splits=5,
        *,
        with_target=False,
        target_domain=None,
        domain=None,
        unlabelled=-1,
        continuous=False,
        random_state=0,
    ):
        self.n_splits = n_splits
        self.with_target = with_target
        self.target_domain = target_domain
        self.domain = domain
        self.unlabelled = unlabelled
        self.continuous = continuous
        self.random_state = random_state

    def _tests(self, domains, groups):
        is_source = ~domains.is_target if len(domains.names) > 1 else True
        rows = np.flatnonzero(is_source & domains.is_labelled)
        also = np.flatnonzero(domains.is_target & ~domains.is_labelled)
        for test in self._stratified(domains, rows, groups, "source"):
            yield test, also if self.with_target else NO_ROWS


class LeaveOneDomainOut(_DomainSplit):
    """Test on the labelled rows of one domain, train on all other domains.

    The domain left out is new at prediction. Domains without labels always train.

    Parameters
    ----------
    domain : hashable, default=None
        Column of a DataFrame ``X`` which holds the domains.
    unlabelled : object, default=-1
        Label of rows without one; None, NaN and `pandas.NA` are so as well.
    continuous : bool, default=False
        Whether ``y`` holds numbers instead of classes.

    Examples
    --------
    >>> from skgenex.model_selection import LeaveOneDomainOut
    >>> splitter = LeaveOneDomainOut()
    >>> domain = ["NKI", "NKI", "VDX", "VDX"]
    >>> for train, test in splitter.split(
    ...     [[0]] * 4, ["a", "b", "a", "b"], sample_domain=domain
    ... ):
    ...     print(train, test)
    [2 3] [0 1]
    [0 1] [2 3]
    """

    target_domain = None

    def __init__(self, *, domain=None, unlabelled=-1, continuous=False):
        self.domain = domain
        self.unlabelled = unlabelled
        self.continuous = continuous

    def get_n_splits(
        self,
        X: Any = None,
        y: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        sample_domain: Sequence[Hashable] | None = None,
    ) -> int:
        """Return the number of domains with labels.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features), default=None
            As in `split`.
        y : array-like of shape (n_samples,), default=None
            As in `split`.
        groups : array-like of shape (n_samples,), default=None
            As in `split`.
        sample_domain : sequence of hashable of shape (n_samples,), default=None
            As in `split`.

        Returns
        -------
        int
            The number of splits.
        """
        if X is None:
            raise ValueError("LeaveOneDomainOut counts the domains of X: give it.")
        domains = self._resolve(X, y, sample_domain)
        return len(np.unique(domains.codes[domains.is_labelled]))

    def _tests(self, domains, groups):
        if len(domains.names) < 2:
            raise ValueError(
                "LeaveOneDomainOut needs two domains or more; got "
                f"{list(domains.names)}. Give sample_domain, or domain= with a "
                "DataFrame."
            )
        for code in np.unique(domains.codes[domains.is_labelled]):
            yield np.flatnonzero((domains.codes == code) & domains.is_labelled), NO_ROWS

    def _may_train(self, domains, test):
        return domains.codes != domains.codes[test[0]]
