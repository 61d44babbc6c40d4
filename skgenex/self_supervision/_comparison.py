"""Does pretraining pay on these data: learning curves against classical models."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .._partial_labels import read_classes
from .._seeding import draw_seed
from ._vime_classifier import VIMEClassifier
from ._vime_pretrainer import VIMEPretrainer

METHODS = (
    "logistic regression",
    "PCA + logistic regression",
    "random encoder",
    "probe",
    "fine-tuned",
)
STRENGTH = 0.1  # C of both classical models, for standardised rows


def compare_pretraining(
    X: ArrayLike,
    y: ArrayLike,
    *,
    pretrainer: VIMEPretrainer | None = None,
    classifier: VIMEClassifier | None = None,
    n_labels: Sequence[int] = (2, 5, 10, 25, 50),
    n_repeats: int = 10,
    test_size: float = 0.3,
    unlabelled: Any = -1,
    random_state: int | np.random.RandomState | None = None,
    verbose: int = 1,
    plot: bool = True,
    ax: Any = None,
) -> pd.DataFrame:
    """Compare pretraining with classical models at few labels per class.

    In each repeat, test rows are set aside before anything is learned. Scaling,
    principal components and encoders are learned from the other rows without labels;
    then so many of their labels per class are given to each method.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Expression, for example log2(CPM + 1).
    y : array-like of shape (n_samples,)
        Labels; rows without one (as in `VIMEClassifier`) are never test rows.
    pretrainer : VIMEPretrainer, default=None
        Cloned for each repeat; None takes 32 components.
    classifier : VIMEClassifier, default=None
        What is fine-tuned; cloned, its ``warm_start_from`` is set.
    n_labels : sequence of int, default=(2, 5, 10, 25, 50)
        Labels per class. A class with fewer labels outside the test rows leaves at
        that number, from the test rows too; ``n_classes`` of the result says so.
    n_repeats : int, default=10
        Repeats, each with test rows and labels of its own.
    test_size : float, default=0.3
        Share of the labelled rows to test on, in (0, 1).
    unlabelled : object, default=-1
        Label of rows without one, besides None, NaN and `pandas.NA`.
    random_state : int, RandomState instance or None, default=None
        Source of randomness.
    verbose : int, default=1
        Above 0, print mean and standard deviation of each method.
    plot : bool, default=True
        Draw the learning curves; needs matplotlib.
    ax : matplotlib Axes, default=None
        Where to draw; None draws a new figure.

    Returns
    -------
    DataFrame
        One row per method, number of labels and repeat: columns ``method``,
        ``n_labels``, ``repeat``, ``n_classes`` and ``score``, the balanced accuracy.

    Raises
    ------
    ValueError
        If no two classes have enough labels for any of ``n_labels``.

    References
    ----------
    Hanczar, Bourgeais & Zehraoui (2022), Assessment of deep learning and transfer
    learning for cancer prediction based on gene expression data, BMC Bioinformatics
    23:262 (learning curves against classical models).

    Examples
    --------
    >>> from skgenex.datasets import load_leukemia
    >>> from skgenex.self_supervision import VIMEPretrainer, compare_pretraining
    >>> X, y = load_leukemia(n_genes=50, return_X_y=True)
    >>> scores = compare_pretraining(
    ...     X, y, pretrainer=VIMEPretrainer(n_components=8, max_epochs=2),
    ...     n_labels=[5], n_repeats=1, random_state=0, verbose=0, plot=False,
    ... )
    >>> scores["method"].tolist()[:2]
    ['logistic regression', 'PCA + logistic regression']
    """
    rows = X if isinstance(X, pd.DataFrame) else pd.DataFrame(np.asarray(X))
    classes, codes = read_classes(y, len(rows), unlabelled, False)
    known = np.flatnonzero(codes >= 0)
    pretrainer = pretrainer or VIMEPretrainer(n_components=32)
    classifier = classifier or VIMEClassifier()
    rng = np.random.default_rng(draw_seed(random_state))
    results = []
    for repeat in range(n_repeats):
        seed = int(rng.integers(2**31))
        _, test = train_test_split(
            known, test_size=test_size, stratify=codes[known], random_state=seed
        )
        pool = np.setdiff1d(np.arange(len(rows)), test)
        models = None
        for k in n_labels:
            chosen = _choose_labels(codes[pool], k, rng)
            kept = np.unique(codes[pool][chosen])
            if len(kept) < 2:
                continue
            if models is None:
                models = _learn_without_labels(rows.iloc[pool], pretrainer, seed)
            few = np.full(len(pool), -1)
            few[chosen] = codes[pool][chosen]
            scored = test[np.isin(codes[test], kept)]
            for method in METHODS:
                guess = _predict(
                    method, models, classifier, rows, pool, few, scored, seed
                )
                score = balanced_accuracy_score(codes[scored], guess)
                results.append((method, k, repeat, len(kept), score))
    if not results:
        counts = dict(zip(classes.tolist(), np.bincount(codes[known]), strict=True))
        raise ValueError(
            f"No two classes have {min(n_labels)} labels outside the test rows; rows "
            f"per class: {counts}. Use fewer n_labels or a smaller test_size."
        )
    columns = ["method", "n_labels", "repeat", "n_classes", "score"]
    table = pd.DataFrame(results, columns=columns)
    if verbose:
        print(_describe(table))
    if plot:
        _plot(table, ax)
    return table


def _choose_labels(codes: NDArray, k: int, rng: np.random.Generator) -> NDArray:
    """Draw k rows of each class that has as many."""
    chosen = [
        rng.choice(members, k, replace=False)
        for code in np.unique(codes[codes >= 0])
        if len(members := np.flatnonzero(codes == code)) >= k
    ]
    return np.concatenate(chosen) if chosen else np.empty(0, dtype=int)


def _learn_without_labels(rows, pretrainer, seed):
    scaler = StandardScaler().fit(rows)
    n_components = min(pretrainer.n_components, *rows.shape)
    reduce = make_pipeline(StandardScaler(), PCA(n_components, random_state=seed))
    control = clone(pretrainer).set_params(pretext="none", random_state=seed)
    pretrained = clone(pretrainer).set_params(random_state=seed)
    return {
        "logistic regression": scaler,
        "PCA + logistic regression": reduce.fit(rows),
        "random encoder": control.fit(rows),
        "probe": pretrained.fit(rows),
        "fine-tuned": pretrained,
    }


def _predict(method, models, classifier, rows, pool, few, scored, seed):
    model = models[method]
    if method in METHODS[:2]:
        known = few >= 0
        linear = LogisticRegression(C=STRENGTH, max_iter=1000)
        linear.fit(model.transform(rows.iloc[pool[known]]), few[known])
        return linear.predict(model.transform(rows.iloc[scored]))
    ours = clone(classifier).set_params(
        warm_start_from=FrozenEstimator(model), unlabelled=-1, random_state=seed
    )
    if method != "fine-tuned":
        ours.set_params(start="latents", backend="linear")
    return ours.fit(rows.iloc[pool], few).predict(rows.iloc[scored])


def _describe(table):
    groups = table.groupby(["n_labels", "method"])["score"]
    text = groups.agg(lambda s: f"{s.mean():.3f} ± {s.std(ddof=0):.3f}").unstack()
    return text[list(METHODS)].to_string()


def _plot(table, ax):
    from ..plotting._axes import single_axes

    ax = single_axes(ax)
    for method in METHODS:
        of = table[table["method"] == method].groupby("n_labels")["score"]
        mean, sd = of.mean(), of.std(ddof=0)
        ax.errorbar(mean.index, mean, yerr=sd, marker="o", capsize=2, label=method)
    ax.set_xscale("log")
    ticks = sorted(table["n_labels"].unique())
    ax.set_xticks(ticks, [str(k) for k in ticks])
    ax.minorticks_off()
    ax.set(xlabel="labels per class", ylabel="balanced accuracy")
    ax.legend()
