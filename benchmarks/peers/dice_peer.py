"""DiCE (Mothilal et al.) for the counterfactual benchmark; needs dice-ml.

Run ``python dice_peer.py random TASK.npz OUT.npz``; the first argument is DiCE's
``method``: random, genetic or kdtree.
"""

import contextlib
import io
import sys
import time
import warnings

import dice_ml
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin


class Frozen(ClassifierMixin, BaseEstimator):
    """The frozen network as a classifier of scikit-learn's kind."""

    def __init__(self, layers=()):
        self.layers = layers
        self.classes_ = np.arange(layers[-1][1].shape[0])

    def predict_proba(self, rows):
        """Return probabilities of the classes."""
        hidden = np.asarray(rows, dtype=float)
        for k, (weight, bias) in enumerate(self.layers):
            hidden = hidden @ weight + bias
            if k < len(self.layers) - 1:
                hidden = np.maximum(hidden, 0)
        e = np.exp(hidden - hidden.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def predict(self, rows):
        """Return the most probable class."""
        return self.predict_proba(rows).argmax(axis=1)


def main(method, task, out):
    """Explain row by row; what does not end in time stays NaN."""
    warnings.simplefilter("ignore")
    given = np.load(task)
    layers = [(given[f"W{k}"], given[f"b{k}"]) for k in range(int(given["n_layers"]))]
    genes = [f"g{i}" for i in range(given["X_train"].shape[1])]
    table = pd.DataFrame(given["X_train"].astype(float), columns=genes)
    table["label"] = given["y_train"].astype(int)
    start = time.process_time()
    data = dice_ml.Data(
        dataframe=table, continuous_features=genes, outcome_name="label"
    )
    model = dice_ml.Model(model=Frozen(layers), backend="sklearn")
    explainer = dice_ml.Dice(data, model, method=method)
    fit_seconds = time.process_time() - start
    rows = given["X"].astype(float)
    profiles, seconds = np.full(rows.shape, np.nan), np.full(len(rows), np.nan)
    for i, (row, target) in enumerate(zip(rows, given["target"], strict=True)):
        start = time.process_time()
        query = pd.DataFrame(row[None], columns=genes)
        noise = io.StringIO()  # progress bars
        with contextlib.redirect_stdout(noise), contextlib.redirect_stderr(noise):
            try:
                found = explainer.generate_counterfactuals(
                    query, total_CFs=1, desired_class=int(target)
                )
                made = found.cf_examples_list[0].final_cfs_df
                if made is not None and len(made):
                    profiles[i] = made[genes].to_numpy(dtype=float)[0]
            except dice_ml.utils.exception.UserConfigValidationException:
                pass  # DiCE's way of saying that it has found none
        seconds[i] = time.process_time() - start
        np.savez(out, profiles=profiles, seconds=seconds, fit_seconds=fit_seconds)


if __name__ == "__main__":
    main(*sys.argv[1:])
