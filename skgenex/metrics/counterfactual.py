"""Quality of counterfactual profiles, of this package or of any other.

Rows are patients, columns genes. A counterfactual *profile* is what an *original*
becomes so that a classifier predicts its *target*. All functions take plain arrays or
DataFrames in one unit, such as log2(CPM + 1), and measure changes in the standard
deviations of the training rows; genes that are constant there are left out.

Plausibility is relative: 1 is the median real patient of the target class that was
**held out**. Against training rows, a search that returns one of them looks perfect.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ._change import (
    Predict,
    change_scores,
    diversity,
    mean_distance,
    redundancy,
    robustness,
)
from ._plausibility import correlation_breaking, plausibility_scores
from ._standardised import one_label_per_row, standardised

__all__ = [
    "change_scores",
    "correlation_breaking",
    "counterfactual_scores",
    "diversity",
    "plausibility_scores",
    "redundancy",
    "robustness",
]


def counterfactual_scores(
    originals: ArrayLike,
    profiles: ArrayLike,
    target: ArrayLike,
    *,
    predict: Predict,
    X_train: ArrayLike,
    y_train: ArrayLike,
    X_holdout: ArrayLike,
    y_holdout: ArrayLike,
    reseeded: Predict | None = None,
    seconds: float | None = None,
    random_state: int = 0,
) -> dict[str, float]:
    """All scores of one search's counterfactuals; side by side they make a table.

    Parameters
    ----------
    originals : array-like of shape (n_samples, n_features)
        Patients.
    profiles : array-like of shape (n_samples, n_features)
        Their counterfactuals; a row with NaN counts as not found.
    target : array-like of shape (n_samples,)
        Class wanted for each.
    predict : callable
        The classifier's ``predict``: takes an ndarray of rows.
    X_train, X_holdout : array-like of shape (n_rows, n_features)
        Real patients: those that trained the classifier and the explainer, and others.
    y_train, y_holdout : array-like of shape (n_rows,)
        Their classes.
    reseeded : callable, default=None
        ``predict`` of the same classifier trained with another seed.
    seconds : float, default=None
        Time the search took for all patients.
    random_state : int, default=0
        Seed of what is drawn.

    Returns
    -------
    scores : dict
        ``validity``, the share of all patients whose target is predicted. Then, means
        over the valid ones: ``L1``, ``L2``, ``n_genes`` (:func:`change_scores`);
        ``knn_ratio``, ``lof_ratio``, ``lof_outlier``, ``mahalanobis_ratio``
        (:func:`plausibility_scores`; 1 is a real patient; for ``lof_outlier`` 0.05,
        or up to 0.14 where only ten patients of a class are held out);
        ``correlation_breaking`` (1 is a real difference); ``redundancy``, the share of
        the changed genes; ``robustness`` to noise of 0.1 standard deviations;
        ``diversity``, divided by that of held-out patients with the same targets. With
        ``reseeded``: ``validity_reseeded``. With ``seconds``: ``seconds`` per patient.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skgenex.metrics.counterfactual import counterfactual_scores
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1], 100)
    >>> X = rng.standard_normal((200, 10)) + y[:, None]
    >>> model = LogisticRegression().fit(X[::2], y[::2])
    >>> patients = X[:20]
    >>> scores = counterfactual_scores(
    ...     patients, patients + 1.5, np.ones(20, int), predict=model.predict,
    ...     X_train=X[::2], y_train=y[::2], X_holdout=X[1::2], y_holdout=y[1::2])
    >>> scores["validity"], round(scores["L1"], 1), scores["n_genes"]
    (1.0, 13.7, 10.0)
    """
    if len(np.asarray(profiles)) == 0:
        raise ValueError("profiles must have at least one row; got none.")
    finite = np.isfinite(np.asarray(profiles, dtype=np.float64))
    found: np.ndarray = np.asarray(finite.all(axis=1))
    wanted = one_label_per_row("target", target, len(found))
    if len(np.asarray(originals)) != len(found):
        raise ValueError(
            "originals and profiles must have the same number of rows; got "
            f"{len(np.asarray(originals))} and {len(found)}."
        )
    valid = found.copy()
    if found.any():
        valid[found] = predict(np.asarray(profiles)[found]) == wanted[found]
    names = [
        "L1",
        "L2",
        "n_genes",
        "knn_ratio",
        "lof_ratio",
        "lof_outlier",
        "mahalanobis_ratio",
    ]
    names += ["correlation_breaking", "redundancy", "robustness", "diversity"]
    scores = {"validity": float(valid.mean())} | dict.fromkeys(names, float("nan"))
    if valid.any():
        # Pandas objects keep their columns, which are checked; arrays are indexed.
        before, after = (
            a.loc[valid] if hasattr(a, "loc") else np.asarray(a)[valid]
            for a in (originals, profiles)
        )
        wanted = wanted[valid]
        origin = np.asarray(predict(np.asarray(before)))
        real: dict[str, Any] = {
            "X_train": X_train,
            "y_train": y_train,
            "X_holdout": X_holdout,
            "y_holdout": y_holdout,
        }
        size = change_scores(before, after, X_train=X_train)
        plausible = plausibility_scores(after, wanted, **real)
        reverted = redundancy(
            predict, before, after, wanted, X_train=X_train, random_state=random_state
        )
        scores |= size.mean().to_dict() | plausible.mean().to_dict()
        scores["correlation_breaking"] = correlation_breaking(
            before, after, origin, wanted, **real, random_state=random_state
        )
        scores["redundancy"] = float(
            np.mean(reverted / np.maximum(size["n_genes"].to_numpy(), 1))
        )
        scores["robustness"] = float(
            robustness(
                predict, after, wanted, X_train=X_train, random_state=random_state
            ).mean()
        )
        scores["diversity"] = _relative_diversity(
            after, wanted, X_train, X_holdout, np.asarray(y_holdout)
        )
        if reseeded is not None:
            scores["validity_reseeded"] = float(
                robustness(reseeded, after, wanted, X_train=X_train, noise=0).mean()
            )
    if seconds is not None:
        scores["seconds"] = seconds / len(found)
    return scores


def _relative_diversity(profiles, target, X_train, X_holdout, y_holdout):
    """Mean over classes of the diversity relative to real patients'."""
    _, rows, holdout = standardised(X_train, profiles=profiles, X_holdout=X_holdout)
    ratios = [
        mean_distance(rows[target == label])
        / mean_distance(holdout[y_holdout == label])
        for label in np.unique(target)
        if min((target == label).sum(), (y_holdout == label).sum()) > 1
    ]
    return float(np.mean(ratios)) if ratios else float("nan")
