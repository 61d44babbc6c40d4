"""compare_pretraining: no leak, classes that leave, the control, reproducible."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from skgenex.self_supervision import VIMEClassifier, VIMEPretrainer
from skgenex.self_supervision._comparison import METHODS, compare_pretraining

PRETRAINER = VIMEPretrainer(n_components=4, max_epochs=1, device="cpu")
CLASSIFIER = VIMEClassifier(backend="linear", device="cpu")
QUIET = {
    "pretrainer": PRETRAINER,
    "classifier": CLASSIFIER,
    "n_repeats": 2,
    "random_state": 0,
    "verbose": 0,
    "plot": False,
}


def simulate(shift):
    rng = np.random.default_rng(0)
    y = np.arange(90) % 2
    X = rng.normal(size=(90, 40))
    X[y == 1, :20] += shift
    return X, y


def test_all_learn_a_signal_and_none_learns_chance():
    means = {}
    for shift in (3.0, 0.0):
        scores = compare_pretraining(*simulate(shift), **QUIET, n_labels=[10])
        means[shift] = scores.groupby("method")["score"].mean()
    assert set(means[3.0].index) == set(METHODS)
    assert (means[3.0].drop("random encoder") > 0.95).all()
    assert (means[0.0] < 0.75).all()


def test_classes_with_too_few_rows_leave():
    X, y = simulate(3.0)
    y[:6] = 2
    scores = compare_pretraining(X, y, **QUIET, n_labels=[2, 10, 40])
    n_classes = scores.groupby("n_labels")["n_classes"].agg(["min", "max"])
    assert n_classes.loc[2].tolist() == [3, 3]
    assert n_classes.loc[10].tolist() == [2, 2]
    # Nobody could guess a class that has left: it may not be scored either.
    classical = scores[(scores["n_labels"] == 10) & (scores["method"] == METHODS[0])]
    assert (classical["score"] > 0.9).all()
    assert 40 not in n_classes.index
    with pytest.raises(ValueError, match="No two classes have 40 labels"):
        compare_pretraining(X, y, **QUIET, n_labels=[40])


def test_rows_without_label_are_never_tested_on():
    X, y = simulate(3.0)
    marked = np.array(["ab"[k] for k in y], dtype=object)
    marked[60:] = None
    X[60:] = 0  # a row of these could only be guessed
    scores = compare_pretraining(X, marked, **QUIET, n_labels=[5])
    classical = scores[scores["method"] == METHODS[0]]["score"]
    assert (classical > 0.9).all()


def test_same_seed_same_scores():
    X, y = simulate(1.0)
    first = compare_pretraining(X, y, **QUIET, n_labels=[2])
    second = compare_pretraining(X, y, **QUIET, n_labels=[2])
    pd.testing.assert_frame_equal(first, second)


def test_prints_and_plots(capsys):
    _, ax = plt.subplots()
    how = {**QUIET, "verbose": 1, "plot": True}
    compare_pretraining(*simulate(3.0), **how, n_labels=[2, 5], ax=ax)
    printed = capsys.readouterr().out
    assert all(method in printed for method in METHODS)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(METHODS)
    plt.close(ax.figure)
