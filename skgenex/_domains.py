"""Which domain a row belongs to, and whether it has a label: one table for all."""

import warnings
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import _num_samples

from ._frames import check_same_order
from ._partial_labels import read_classes, read_numbers

SOURCE, TARGET = "source", "target"  # names where the user gave none


@dataclass(frozen=True)
class Domains:
    """What a fit knows of its rows.

    Attributes
    ----------
    X : array-like of shape (n_samples, n_features)
        The input without the column of domains, not yet validated.
    names : tuple of hashable
        The domains, sorted.
    codes : ndarray of int, (n_samples,)
        Place of each row's domain in ``names``.
    is_target : ndarray of bool, (n_samples,)
        Whether the row belongs to a target domain.
    is_labelled : ndarray of bool, (n_samples,)
        Whether the row has a label.
    target_names : tuple of hashable
        The target domains; empty if nothing tells which they are.
    default : hashable or None
        Domain of rows without one at prediction: the target, if there is just one.
    classes_ : ndarray of shape (n_classes,)
        Sorted labels; empty for a continuous target.
    y : ndarray of shape (n_samples,)
        Class codes, -1 where unlabelled; a continuous target as floats, NaN where
        unlabelled.
    are_given : bool
        Whether the user told the domains.
    """

    X: Any
    names: tuple[Hashable, ...]
    codes: NDArray
    is_target: NDArray
    is_labelled: NDArray
    target_names: tuple[Hashable, ...]
    default: Hashable | None
    classes_: NDArray
    y: NDArray
    are_given: bool

    @property
    def y_codes(self) -> NDArray:
        """Class codes, (n_samples,); -1 where unlabelled."""
        return self.y


def resolve_domains(
    X: Any,
    y: ArrayLike | None = None,
    sample_domain: Sequence[Hashable] | None = None,
    *,
    target_domain: Any = None,
    unlabelled: Any = -1,
    domain: Hashable | None = None,
    continuous: bool = False,
    require_labels: bool = True,
) -> Domains:
    """Find out domain and label of each row of a fit.

    Parameters
    ----------
    X : array-like or DataFrame of shape (n_samples, n_features)
        Rows of all domains.
    y : array-like of shape (n_samples,) or None
        Labels. None, NaN and `pandas.NA` are no label; ``unlabelled`` is none if
        domains are given or if two other classes remain, else it is a class.
    sample_domain : sequence of hashable of shape (n_samples,), default=None
        Domain of each row. Without it the labelled rows are the source and the
        unlabelled ones the target, with a warning.
    target_domain : hashable or list of hashable, default=None
        The domains to adapt to. None: those without any label, or else those with an
        unlabelled row.
    unlabelled : object, default=-1
        Label of unlabelled rows; matched as text where labels are strings.
    domain : hashable, default=None
        Name of a column of the DataFrame ``X`` which holds the domains.
    continuous : bool, default=False
        Whether ``y`` holds numbers instead of classes; then only missing values, and
        ``unlabelled`` if it is not -1, are no label.
    require_labels : bool, default=True
        Whether rows without any label at all are an error.

    Returns
    -------
    Domains
        Domain and label of each row.

    Raises
    ------
    ValueError
        If lengths differ, a domain is missing, the target domain or the column of
        domains does not exist, or there is no label.

    Examples
    --------
    >>> from skgenex._domains import resolve_domains
    >>> domains = resolve_domains(
    ...     [[1.0], [2.0], [3.0]], ["ER-", "ER+", None], ["NKI", "NKI", "VDX"]
    ... )
    >>> domains.names, domains.default, domains.y_codes
    (('NKI', 'VDX'), 'VDX', array([ 1,  0, -1]))
    """
    check_same_order(X, y, "y", strict=False)
    check_same_order(X, sample_domain, "sample_domain")
    X, ids = take_domain_column(X, sample_domain, domain)
    n_samples = _num_samples(X)
    are_given = ids is not None
    if y is None and require_labels:
        raise ValueError(
            "This estimator requires y to be passed, but the target y is None; mark "
            f"rows without a label by {unlabelled!r}."
        )
    read = read_numbers if continuous else read_classes
    classes, codes_of_y = read(y, n_samples, unlabelled, are_given)
    is_labelled = ~np.isnan(codes_of_y) if continuous else codes_of_y >= 0
    if require_labels and not is_labelled.any():
        raise ValueError(
            f"y must have at least one label; got missing values or {unlabelled!r} in "
            f"all of {n_samples} rows."
        )
    if ids is None:
        # One domain if there is nothing to tell two from: the plain estimator.
        split = is_labelled.any() and not is_labelled.all()
        ids = [TARGET if split and not known else SOURCE for known in is_labelled]
        if split:
            warnings.warn(
                f"No domains were given: the {is_labelled.sum()} labelled rows are "
                f"taken as the source, the {n_samples - is_labelled.sum()} unlabelled "
                "rows as the target. Give sample_domain, or domain= with a DataFrame, "
                "if labelled rows of the target exist.",
                UserWarning,
                stacklevel=3,
            )
    names, codes = _encode(_checked_ids(ids, n_samples))
    targets = _find_targets(names, codes, is_labelled, target_domain)
    return Domains(
        X=X,
        names=names,
        codes=codes,
        is_target=np.isin(codes, [names.index(name) for name in targets]),
        is_labelled=is_labelled,
        target_names=targets,
        default=targets[0] if len(targets) == 1 else None,
        classes_=classes,
        y=codes_of_y,
        are_given=are_given,
    )


def resolve_query(
    X: Any,
    sample_domain: Sequence[Hashable] | None,
    *,
    names: Sequence[Hashable],
    default: Hashable | None,
    domain: Hashable | None = None,
) -> tuple[Any, NDArray, tuple[Hashable, ...]]:
    """Find out the domain of each row to predict.

    Parameters
    ----------
    X : array-like or DataFrame of shape (n_samples, n_features)
        Rows; the column of domains may be missing.
    sample_domain : sequence of hashable of shape (n_samples,) or None
        Domain of each row; None: that of ``domain`` or else the ``default``.
    names : sequence of hashable
        Domains of the fit.
    default : hashable or None
        Domain of rows without one.
    domain : hashable, default=None
        Name of the column of domains.

    Returns
    -------
    X : array-like of shape (n_samples, n_features)
        Without the column of domains.
    codes : ndarray of int, (n_samples,)
        Place in ``names``; ``len(names)`` and more for domains the fit has not seen.
    new_names : tuple of hashable
        The unseen domains, sorted, in the order of their codes.

    Raises
    ------
    ValueError
        If no domain is told and there is no default, or lengths differ.
    """
    names = tuple(names)
    if domain is not None and domain not in getattr(X, "columns", ()):
        domain = None
    X, ids = take_domain_column(X, sample_domain, domain)
    n_samples = _num_samples(X)
    if ids is None:
        if default is None:
            raise ValueError(
                "sample_domain is needed: the fit does not know one target among "
                f"{list(names)}. Give it, or set target_domain before the fit."
            )
        return X, np.full(n_samples, names.index(default)), ()
    ids = _checked_ids(ids, n_samples)
    new_names = tuple(_sorted({name for name in ids if name not in names}))
    places = {name: place for place, name in enumerate(names + new_names)}
    return X, np.array([places[name] for name in ids], dtype=int), new_names


def take_domain_column(
    X: Any, sample_domain: Sequence[Hashable] | None, domain: Hashable | None
) -> tuple[Any, Sequence[Hashable] | None]:
    """Return ``X`` without its column of domains, and the domains."""
    if domain is None:
        return X, sample_domain
    if domain not in getattr(X, "columns", ()):
        raise ValueError(
            f"domain={domain!r} must name a column of X, a DataFrame; got "
            f"{type(X).__name__} without it. After a transformer, keep the frame with "
            "set_output(transform='pandas'), or give sample_domain instead."
        )
    if sample_domain is None:
        sample_domain = X[domain]
    return X.drop(columns=domain), sample_domain


def _checked_ids(ids, n_samples):
    """Domains as a list of plain objects, one per row."""
    if isinstance(ids, str) or not hasattr(ids, "__iter__"):
        raise ValueError(f"sample_domain must have one value per row; got {ids!r}.")
    ids = [name.item() if isinstance(name, np.generic) else name for name in ids]
    if len(ids) != n_samples:
        raise ValueError(
            f"sample_domain must have a value per row, {n_samples}; got {len(ids)}."
        )
    if any(isinstance(name, (list, np.ndarray)) for name in ids):
        raise ValueError(f"sample_domain must be one-dimensional; got {ids[0]!r}, ...")
    n_missing = sum(name is None or name is pd.NA or name != name for name in ids)
    if n_missing:
        raise ValueError(
            f"sample_domain must name a domain for each row; {n_missing} of "
            f"{n_samples} are missing."
        )
    return ids


def _sorted(names):
    """In natural order, or by type and text where there is none."""
    try:
        return sorted(names)
    except TypeError:
        return sorted(names, key=lambda name: (type(name).__name__, repr(name)))


def _encode(ids):
    names = tuple(_sorted(set(ids)))
    places = {name: place for place, name in enumerate(names)}
    return names, np.array([places[name] for name in ids], dtype=int)


def _find_targets(names, codes, is_labelled, target_domain):
    """Return the target domains, in the order of ``names``."""
    if target_domain is not None:
        several = isinstance(target_domain, (list, set, frozenset, np.ndarray))
        wanted = list(target_domain) if several else [target_domain]
        unknown = [name for name in wanted if name not in names]
        if unknown or not wanted:
            raise ValueError(
                f"target_domain must be one of the domains {list(names)}, or a list of "
                f"some; got {target_domain!r}."
            )
        return tuple(name for name in names if name in wanted)
    n_rows = np.bincount(codes, minlength=len(names))
    n_unlabelled = np.bincount(codes[~is_labelled], minlength=len(names))
    if len(names) == 1:
        return names
    for chosen in (n_unlabelled == n_rows, n_unlabelled > 0):
        if chosen.any() and not chosen.all():
            return tuple(name for name, c in zip(names, chosen, strict=True) if c)
    return ()
