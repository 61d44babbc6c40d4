"""Compare PhenotypeClassifier with what cross-validation picks among simple models.

For each data set, training size and seed: a stratified split, all rest is test rows (at
most 1,000). The simple models are ridge and elastic-net logistic regression, a linear
support vector machine and a random forest, class-weighted, on genes standardised by the
training rows, tuned by 5-fold balanced accuracy; "picked" is the one with the highest.
A row per model is appended to a CSV file; the Markdown table comes at the end.

Run ``python benchmarks/prediction.py FOLDER``, where FOLDER holds a folder per data set
in the format of `skgenex.datasets.load_dataset`.
"""

# ruff: noqa: E402
import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"  # before numpy and torch are imported

import argparse
import csv
import time
import warnings
from functools import cache, partial
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, log_loss
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.svm import LinearSVC

from skgenex.datasets import load_dataset
from skgenex.prediction import PhenotypeClassifier

# name: folder, and what of it
SETS = {
    "breast_tcga_subtype": {"folder": "breast_tcga_subtype"},
    "leukemia_golub": {"folder": "leukemia_golub"},
    "leukemia_lineage": {
        "folder": "leukemia_bt_pair",
        "expression": "expression_chiaretti.parquet",
    },
    "leukemia_molecular": {
        "folder": "leukemia_bt_pair",
        "expression": "expression_chiaretti.parquet",
        "label": "mol_biol",
        "min_class_size": 10,
    },
    "breast_er_expo": {"folder": "breast_er", "domain": "EXPO"},
    "breast_er_vdx": {"folder": "breast_er", "domain": "VDX"},
    "breast_er_nki": {"folder": "breast_er", "domain": "NKI"},
    "lung_mesothelioma": {"folder": "lung_mesothelioma"},
    "gdsc_celllines": {"folder": "gdsc_celllines", "min_class_size": 20},
    "scrna_mixology": {"folder": "scrna_mixology"},
    "pbmc_ifnb": {"folder": "pbmc_ifnb"},
}
MAX_TEST_ROWS = 1_000
MIN_ROWS_PER_CLASS = 4  # of training rows, on average
MIN_TEST_ROWS = 15
COLUMNS = ["set", "size", "seed", "method", "balanced_accuracy", "log_loss"]
COLUMNS += ["cv_score", "cpu_seconds", "backend", "deep_gain"]


@cache
def load(root, name):
    """Rows and integer labels."""
    wanted = dict(SETS[name])
    folder, domain = Path(root) / wanted.pop("folder"), wanted.pop("domain", None)
    data = load_dataset(folder, **{"min_class_size": 6, **wanted})
    rows = np.ones(len(data.target), dtype=bool)
    if domain is not None:
        rows = data.samples["domain"].str.startswith(domain).to_numpy()
    y = np.unique(data.target[rows], return_inverse=True)[1]
    return data.data[rows].astype(float), y


def sizes_of(root, name, sizes):
    """Sizes that leave rows to test, and give each class some to train."""
    y = load(root, name)[1]
    n_classes = y.max() + 1
    most = len(y) - max(MIN_TEST_ROWS, n_classes)
    return [n for n in sizes if MIN_ROWS_PER_CLASS * n_classes <= n <= most]


def split(root, name, size, seed):
    X, y = load(root, name)
    train, test = train_test_split(
        np.arange(len(y)), train_size=size, stratify=y, random_state=seed
    )
    test = test[:MAX_TEST_ROWS]
    return X[train], y[train], X[test], y[test]


def standardise(X, X_test):
    mean, sd = X.mean(axis=0), X.std(axis=0)
    sd = np.where(sd > 1e-8, sd, np.inf)
    return [np.clip((rows - mean) / sd, -10, 10) for rows in (X, X_test)]


def rotate(X, X_test):
    """Rows in the space of the training rows: same ridge and SVM fits, much faster."""
    vectors = np.linalg.svd(X, full_matrices=False)[2]
    return X @ vectors.T, X_test @ vectors.T


def simple_models():
    """Per method the models to tune over, and what rows they take."""
    weighted = {"class_weight": "balanced"}
    logistic = partial(LogisticRegression, **weighted)
    enet = partial(logistic, l1_ratio=0.5, solver="saga", max_iter=30, tol=1e-2)
    svm = partial(LinearSVC, dual=True, max_iter=3000, **weighted)
    return {
        "ridge": (
            rotate,
            [logistic(C=C, max_iter=300) for C in np.logspace(-6, 1, 8)],
        ),
        "svm": (rotate, [svm(C=C) for C in np.logspace(-6, -1, 6)]),
        "forest": (None, [RandomForestClassifier(200, random_state=0, **weighted)]),
        "elastic_net": (None, [enet(C=C) for C in (0.03, 0.3)]),
    }


def cv_score(model, X, y, seed):
    n_folds = int(np.clip(np.bincount(y).min(), 2, 5))
    folds = StratifiedKFold(n_folds, shuffle=True, random_state=seed).split(X, y)
    return np.mean(
        [
            balanced_accuracy_score(y[b], model.fit(X[a], y[a]).predict(X[b]))
            for a, b in folds
        ]
    )


def run_simple(method, X, y, X_test, y_test, seed):
    prepare, models = simple_models()[method]
    X, X_test = standardise(X, X_test)
    if prepare is not None:
        X, X_test = prepare(X, X_test)
    scores = [cv_score(model, X, y, seed) for model in models]
    best = models[int(np.argmax(scores))].fit(X, y)
    row = score(best, X_test, y_test)
    return row | {"cv_score": max(scores)}


def run_phenotype(parameters, X, y, X_test, y_test, seed):
    model = PhenotypeClassifier(
        class_weight="balanced", random_state=seed, device="cpu", **parameters
    ).fit(X, y)
    row = score(model, X_test, y_test)
    return row | {"backend": model.backend_, "deep_gain": model.deep_gain_}


def score(model, X_test, y_test):
    row = {"balanced_accuracy": balanced_accuracy_score(y_test, model.predict(X_test))}
    if hasattr(model, "predict_proba"):
        probabilities = np.clip(model.predict_proba(X_test), 1e-6, 1)
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        labels = np.arange(probabilities.shape[1])
        row["log_loss"] = log_loss(y_test, probabilities, labels=labels)
    return row


SIMPLE = ["ridge", "elastic_net", "svm", "forest"]
METHODS = {name: partial(run_simple, name) for name in SIMPLE}
METHODS |= {
    "phenotype": partial(run_phenotype, {}),
    "phenotype_emphasis1": partial(run_phenotype, {"emphasis": 1.0}),
    "phenotype_linear": partial(run_phenotype, {"backend": "linear"}),
    "phenotype_network": partial(run_phenotype, {"backend": "network"}),
}


def table(rows):
    """Markdown: mean balanced accuracy in percent per set and size, and over all."""
    key = ["set", "size", "seed"]
    rows = rows.drop_duplicates([*key, "method"], keep="last")
    wide = rows.pivot(index=key, columns="method", values="balanced_accuracy") * 100
    if set(SIMPLE) <= set(wide.columns):
        tuned = rows[rows["method"].isin(SIMPLE)].reset_index(drop=True)
        picked = tuned.loc[tuned.groupby(key)["cv_score"].idxmax()].set_index(key)
        wide["picked"] = picked["balanced_accuracy"] * 100
    order = [*SIMPLE, "picked", *(name for name in METHODS if name not in SIMPLE)]
    wide = wide[[name for name in order if name in wide.columns]].dropna()
    means = wide.groupby(["set", "size"]).mean().reset_index()
    total = {"set": "mean over sets and sizes", "size": ""} | means[
        wide.columns
    ].mean().to_dict()
    means = pd.concat([means, pd.DataFrame([total])], ignore_index=True)
    lines = [means.columns, ["---"] * means.shape[1]]
    for row in means.itertuples(index=False):
        lines.append([f"{v:.1f}" if isinstance(v, float) else str(v) for v in row])
    text = "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
    for method in [name for name in wide.columns if name.startswith("phenotype")]:
        difference = wide[method] - wide.get("picked", np.nan)
        by_cell = difference.groupby(["set", "size"]).mean()
        text += (
            f"\n\n{method} - picked: {by_cell.mean():+.2f} points over "
            f"{len(by_cell)} sets and sizes (standard error over these "
            f"{by_cell.std() / np.sqrt(len(by_cell)):.2f})."
        )
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("folder", help="holds a folder per data set")
    add("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    add("--sizes", nargs="+", type=int, default=[50, 100, 200])
    add("--seeds", type=int, default=10, help="number of splits")
    add("--methods", nargs="+", default=[*SIMPLE, "phenotype"], choices=list(METHODS))
    add("--out", type=Path, default=Path("prediction.csv"), help="is gone on with")
    add("--seconds", type=float, default=np.inf, help="stop after so many")
    args = parser.parse_args()
    if not args.out.exists():
        args.out.write_text(",".join(COLUMNS) + "\n")
    done = pd.read_csv(args.out)
    done = set(zip(done["set"], done["size"], done["seed"], done["method"]))  # noqa: B905
    start = time.monotonic()
    warnings.simplefilter("ignore")  # what tuning provokes: models not converged
    cells = [
        (name, size, seed, method)
        for seed in range(args.seeds)  # a stopped run then has whole seeds
        for name in args.sets
        for size in sizes_of(args.folder, name, args.sizes)
        for method in args.methods
    ]
    with args.out.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        for cell in cells:
            if cell in done:
                continue
            if time.monotonic() - start > args.seconds:
                break
            name, size, seed, method = cell
            data = split(args.folder, name, size, seed)
            cpu = time.process_time()
            row = METHODS[method](*data, seed)
            row["cpu_seconds"] = time.process_time() - cpu
            row |= dict(zip(COLUMNS, cell, strict=False))
            writer.writerow(
                {k: f"{v:.5g}" if isinstance(v, float) else v for k, v in row.items()}
            )
            file.flush()
    print(table(pd.read_csv(args.out)))


if __name__ == "__main__":
    main()
