"""Few labels, many rows: VIMEClassifier against classical models on held-out rows.

    python benchmarks/self_supervision.py FOLDER --out self_supervision.csv

FOLDER holds one folder per data set, with ``expression.parquet`` and ``samples.csv``.
In each repeat 30 % of the labelled rows (at most 1,000) are set aside; all others are
given to each method, but only k labels per class. Needs pyarrow.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading

from skgenex.self_supervision import VIMEClassifier, VIMEPretrainer

SETS = ["gdsc_celllines", "scrna_mixology", "pbmc_ifnb", "breast_er"]
N_LABELS = [2, 5, 10, 25]
MAX_TEST = 1000
TEST_SIZE = 0.3
N_FACTORS = 32


def read(folder):
    """Return rows, codes (-1 without a label or of a rare class)."""
    X = pd.read_parquet(folder / "expression.parquet").set_index("sample_id")
    samples = pd.read_csv(folder / "samples.csv", dtype={"sample_id": str})
    rows = X.to_numpy(dtype=np.float64, copy=True)
    if folder.name == "breast_er":  # three platforms, each by itself
        for domain in samples["domain"].unique():
            member = (samples["domain"] == domain).to_numpy()
            rows[member] = StandardScaler().fit_transform(rows[member])
    label = samples["label"]
    enough = max(N_LABELS) / (1 - TEST_SIZE)
    counts = label.value_counts()
    kept = counts.index[counts > enough]
    codes = pd.Categorical(label, categories=sorted(kept)).codes.astype(int)
    return rows.astype(np.float32), codes


def predictions(train, few, test, pretrainer, seed):
    """Yield the name, the predictions and the CPU seconds of each method."""
    scaler = StandardScaler().fit(train)
    Z, Z_test = scaler.transform(train), scaler.transform(test)
    pca = PCA(N_FACTORS, random_state=seed).fit(Z)
    F, F_test = pca.transform(Z), pca.transform(Z_test)
    known = few >= 0
    classical = {
        "LR": (LogisticRegression(C=0.1, max_iter=1000), Z, Z_test),
        "PCA + LR": (LogisticRegression(C=0.1, max_iter=1000), F, F_test),
        "PCA + LDA": (
            LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
            F,
            F_test,
        ),
        "forest": (RandomForestClassifier(300, random_state=seed), Z, Z_test),
    }
    for name, (model, rows, test_rows) in classical.items():
        began = time.process_time()
        guess = model.fit(rows[known], few[known]).predict(test_rows)
        yield name, guess, time.process_time() - began, ""
    began = time.process_time()
    spreading = LabelSpreading(kernel="knn", n_neighbors=10, max_iter=200).fit(F, few)
    yield "spreading", spreading.predict(F_test), time.process_time() - began, ""
    encoder = FrozenEstimator(pretrainer)
    for name, backend in (("VIME start", "linear"), ("VIME", "auto")):
        began = time.process_time()
        model = VIMEClassifier(
            warm_start_from=encoder, backend=backend, random_state=seed
        ).fit(train, few)
        chosen = f"{model.start_}/{model.backend_}"
        yield name, model.predict(test), time.process_time() - began, chosen
    # The mean of two classifiers without a choice, to judge the choice.
    model = VIMEClassifier(
        warm_start_from=encoder, backend="linear", start="both", random_state=seed
    ).fit(train, few)
    yield "VIME both", model.predict(test), 0.0, "both/linear"


def measure(folder, name, seeds, n_labels):
    """Yield a record per seed, k and method."""
    X, codes = read(folder / name)
    labelled = np.flatnonzero(codes >= 0)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        n_test = min(int(TEST_SIZE * len(labelled)), MAX_TEST)
        _, test = train_test_split(
            labelled, test_size=n_test, stratify=codes[labelled], random_state=seed
        )
        pool = np.setdiff1d(np.arange(len(X)), test)
        began = time.process_time()
        pretrainer = VIMEPretrainer(n_components=N_FACTORS, random_state=seed)
        pretrainer.fit(X[pool])
        pretraining = time.process_time() - began
        print(name, seed, f"pretraining {pretraining:.0f} CPU s", flush=True)
        for k in n_labels:
            few = np.full(len(pool), -1)
            for code in range(codes.max() + 1):
                chosen = rng.choice(np.flatnonzero(codes[pool] == code), k, False)
                few[chosen] = code
            for method, guess, seconds, chosen in predictions(
                X[pool], few, X[test], pretrainer, seed
            ):
                yield {
                    "set": name,
                    "k": k,
                    "seed": seed,
                    "method": method,
                    "score": balanced_accuracy_score(codes[test], guess),
                    "seconds": seconds,
                    "pretraining": pretraining,
                    "chosen": chosen,
                }


def table(records):
    """Markdown: balanced accuracy in percent, mean over the seeds."""
    wide = 100 * records.pivot_table("score", ["set", "k"], "method")
    wide = wide[list(dict.fromkeys(records["method"]))]
    lines = ["| set | k | " + " | ".join(wide.columns) + " |"]
    lines.append("| --- " * (len(wide.columns) + 2) + "|")
    for (name, k), row in wide.iterrows():
        lines.append(f"| {name} | {k} | " + " | ".join(f"{v:.1f}" for v in row) + " |")
    lines.append("| mean | | " + " | ".join(f"{v:.1f}" for v in wide.mean()) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--n-labels", type=int, nargs="+", default=N_LABELS)
    given = parser.parse_args()
    results = []
    for data_set in given.sets:
        for record in measure(given.folder, data_set, given.seeds, given.n_labels):
            results.append(record)
            pd.DataFrame(results).to_csv(given.out, index=False)
    print(table(pd.DataFrame(results)))
