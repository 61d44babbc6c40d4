"""Members, held-out rows and reference rows: as given, and on the attacks' scale."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import _safe_indexing, check_consistent_length
from sklearn.utils.multiclass import type_of_target

from ..._validation import split_validation
from .._correlation import DEAD
from .._rows import checked_rows
from .attacks import Evidence

MIN_ROWS = 8


@dataclass(frozen=True)
class Sets:
    """Rows of an attack; made by `checked_sets`.

    Parameters
    ----------
    given : dict of str to tuple of (X, y)
        ``train``, ``holdout`` and ``reference`` as samplers take them.
    scaled : dict of str to ndarray of shape (n_rows, n_live_features)
        The same in standard deviations of the reference.
    labels : dict of str to ndarray of shape (n_rows,), or None
        Classes; None without labels or with continuous ones.
    live : ndarray of bool of shape (n_features,)
        Genes that vary in the reference.
    mean, sd : ndarray of shape (n_live_features,)
        Of the reference.
    """

    given: dict[str, tuple[Any, Any]]
    scaled: dict[str, NDArray]
    labels: dict[str, NDArray] | None
    live: NDArray
    mean: NDArray
    sd: NDArray

    @property
    def judged(self) -> NDArray:
        """Members, then held-out rows, on the attacks' scale."""
        return np.concatenate([self.scaled["train"], self.scaled["holdout"]])

    @property
    def judged_labels(self) -> NDArray | None:
        """Their classes."""
        if self.labels is None:
            return None
        return np.concatenate([self.labels["train"], self.labels["holdout"]])

    def check_reference_classes(self) -> None:
        """Refuse a reference without some class: shadows would not know it."""
        if self.labels is None:
            return
        judged = np.concatenate([self.labels["train"], self.labels["holdout"]])
        missing = np.setdiff1d(judged, self.labels["reference"])
        if len(missing):
            raise ValueError(
                f"The reference has no rows of the classes {missing.tolist()}, which "
                "refits then cannot know. Give one with all classes, or n_shadows=0."
            )

    def evidence(self, sampled: Any, seed: int) -> Evidence:
        """Put what a sampler returned on the attacks' scale, beside the reference."""
        rows, labels = sampled if isinstance(sampled, tuple) else (sampled, None)
        if self.labels is None:
            return Evidence(self._scale(rows), self.scaled["reference"], seed=seed)
        if labels is None:
            raise ValueError(
                "The sampler gives rows without labels: it was fitted without y, so "
                "leave y_train and y_holdout out."
            )
        return Evidence(
            self._scale(rows),
            self.scaled["reference"],
            np.asarray(labels),
            self.labels["reference"],
            seed,
        )

    def _scale(self, rows: Any) -> NDArray:
        (rows,) = checked_rows(X_synthetic=rows)
        if rows.shape[1] != len(self.live):
            raise ValueError(
                f"The sampler makes rows of {rows.shape[1]} genes; X_train has "
                f"{len(self.live)}."
            )
        return (rows[:, self.live].astype(np.float64) - self.mean) / self.sd


def checked_sets(
    train: tuple[Any, Any],
    holdout: tuple[Any, Any],
    reference: tuple[Any, Any],
    seed: int,
) -> Sets:
    """Check the rows of an attack; halve the held-out rows if there is no reference.

    Parameters
    ----------
    train, holdout, reference : tuple of (X, y)
        Rows and labels; labels may be None, and so may the reference.
    seed : int
        Of the halves.

    Returns
    -------
    Sets
        The checked rows.

    Raises
    ------
    ValueError
        If sets are too small, labels are given for some sets only, or no gene varies
        in the reference.
    """
    y = holdout[1]
    is_class = y is not None and "continuous" not in type_of_target(y)
    given = {"train": train, "holdout": holdout, "reference": reference}
    if reference[0] is None:
        if reference[1] is not None:
            raise ValueError("y_reference needs reference; got None.")
        first, second = split_validation(
            holdout[0].shape[0] if hasattr(holdout[0], "shape") else len(holdout[0]),
            0.5,
            seed=seed,
            label=np.asarray(y) if is_class else None,
        )
        for name, rows in (("reference", first), ("holdout", second)):
            part = np.arange(0) if rows is None else rows
            given[name] = (
                _safe_indexing(holdout[0], part),
                None if y is None else _safe_indexing(y, part),
            )
    if len({labels is None for _, labels in given.values()}) > 1:
        raise ValueError(
            "Give labels for all sets or for none; got "
            f"{[name for name, (_, labels) in given.items() if labels is not None]}."
        )
    names = {"train": "X_train", "holdout": "X_holdout", "reference": "reference"}
    for name, (rows, labels) in given.items():
        check_consistent_length(rows, labels)
        n = rows.shape[0] if hasattr(rows, "shape") else len(rows)
        if n < MIN_ROWS:
            raise ValueError(
                f"{names[name]} must have {MIN_ROWS} rows or more, beside the "
                f"reference; got {n}."
            )
    arrays = checked_rows(**{names[name]: rows for name, (rows, _) in given.items()})
    known = arrays[-1].astype(np.float64)
    sd = known.std(axis=0)
    live = sd > DEAD
    if not live.any():
        raise ValueError("No gene varies in the reference rows.")
    mean, sd = known[:, live].mean(axis=0), sd[live]
    return Sets(
        given=given,
        scaled={
            name: (rows[:, live].astype(np.float64) - mean) / sd
            for name, rows in zip(given, arrays, strict=True)
        },
        labels={name: np.asarray(part) for name, (_, part) in given.items()}
        if is_class
        else None,
        live=live,
        mean=mean,
        sd=sd,
    )
