"""NICE (Brughmans et al.) for the counterfactual benchmark; needs NICEx, scikit-learn.

Run ``python nice_peer.py sparsity TASK.npz OUT.npz``; the first argument is NICE's
``optimization``: none, sparsity, proximity or plausibility.
"""

import sys
import time

import numpy as np
from nice import NICE
from sklearn.decomposition import PCA


def main(optimization, task, out):
    given = np.load(task)
    X = given["X_train"].astype(float)
    n_layers = int(given["n_layers"])
    layers = [(given[f"W{k}"], given[f"b{k}"]) for k in range(n_layers)]

    def predict_proba(rows):
        hidden = np.asarray(rows, dtype=float)
        for k, (weight, bias) in enumerate(layers):
            hidden = hidden @ weight + bias
            if k < n_layers - 1:
                hidden = np.maximum(hidden, 0)
        e = np.exp(hidden - hidden.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    error = None
    if optimization == "plausibility":
        pca = PCA(min(30, len(X) - 1)).fit(X)
        error = lambda rows: np.mean(  # noqa: E731
            (pca.inverse_transform(pca.transform(rows)) - rows) ** 2, axis=1
        )
    start = time.process_time()
    explainer = NICE(
        predict_fn=predict_proba,
        X_train=X.copy(),
        cat_feat=[],
        y_train=given["y_train"],
        optimization=optimization,
        num_normalization="std",
        auto_encoder=error,
    )
    fit_seconds = time.process_time() - start
    rows = given["X"].astype(float)
    profiles, seconds = np.full(rows.shape, np.nan), np.full(len(rows), np.nan)
    for i, (row, target) in enumerate(zip(rows, given["target"], strict=True)):
        start = time.process_time()
        profiles[i] = explainer.explain(row[None], target_class=[int(target)])[0]
        seconds[i] = time.process_time() - start
        np.savez(out, profiles=profiles, seconds=seconds, fit_seconds=fit_seconds)


if __name__ == "__main__":
    main(*sys.argv[1:])
