"""Fits that succeed or change nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps

from sklearn.base import BaseEstimator


@contextmanager
def restored_on_failure(estimator: BaseEstimator) -> Iterator[None]:
    """Give ``estimator`` back the attributes it had if the block raises anything.

    The attributes themselves are not copied: a fit must replace, not change, what an
    earlier fit has learned.

    Parameters
    ----------
    estimator : estimator
        The estimator fitted in the block.
    """
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:  # KeyboardInterrupt too
        estimator.__dict__ = before
        raise


def transactional(fit: Callable) -> Callable:
    """Decorate a method that fits: when it raises, the estimator is as it was before.

    Parameters
    ----------
    fit : callable
        A method of an estimator.

    Returns
    -------
    callable
        The decorated method.
    """

    @wraps(fit)
    def fit_or_restore(self, *args, **kwargs):
        with restored_on_failure(self):
            return fit(self, *args, **kwargs)

    return fit_or_restore
