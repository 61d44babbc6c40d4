"""Utility of PrivateGaussianSampler against its privacy budget, on real data.

Of each set a third is called public, a third private and a third test; of breast_er,
one study is public and another split into private and test rows. Figures: balanced
accuracy on test rows of a logistic regression trained on simulated rows; of the 50
genes that differ most between a class and the rest in test rows (t-test), the share
among the 50 of the simulated rows; agreement of gene-gene correlations.

Run ``python benchmarks/differential_privacy.py FOLDER --out dp.csv``, where FOLDER
holds a folder per data set in the format of `skgenex.datasets.load_dataset`; add
``--table`` to print the means.
"""

# ruff: noqa: E402
import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"  # before numpy and torch are imported

import argparse
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import norm, rankdata, ttest_ind
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skgenex import GaussianSampler
from skgenex.generation import PrivateGaussianSampler
from skgenex.metrics import correlation_agreement, train_on_synthetic_test_on_real

SETS = ["gdsc_celllines", "breast_tcga_subtype", "breast_er", "scrna_mixology"]
LARGEST_CLASSES = {"gdsc_celllines": 6}
STUDIES = {"breast_er": ("EXPO", "VDX")}  # public, private and test
EPSILONS = [0.5, 1.0, 3.0, 10.0, np.inf]
N_TOP = 50


def load(folder, name):
    """Rows, labels and studies of the rows with a label."""
    X = pd.read_parquet(folder / name / "expression.parquet").set_index("sample_id")
    samples = pd.read_csv(folder / name / "samples.csv", dtype={"sample_id": str})
    samples = samples.set_index("sample_id").loc[X.index]
    kept = samples["label"].value_counts().index[: LARGEST_CLASSES.get(name)]
    rows = samples["label"].isin(kept).to_numpy()
    samples, X = samples[rows], X.to_numpy(dtype=float)[rows]
    study = samples["domain"] if "domain" in samples else samples["label"]
    return X, samples["label"].to_numpy(str), study.to_numpy(str)


def split(folder, name, seed, n_genes):
    """Public rows; private and test rows with labels."""
    X, y, study = load(folder, name)
    if name in STUDIES:
        public, other = (
            np.flatnonzero(np.char.startswith(study, s)) for s in STUDIES[name]
        )
        # Arrays of two kinds. Ranks within a row look at no other row: they are free.
        X = norm.ppf((rankdata(X, axis=1) - 0.5) / X.shape[1])
    else:
        public, other = train_test_split(
            np.arange(len(y)), train_size=1 / 3, stratify=y, random_state=seed
        )
    private, test = train_test_split(
        other, train_size=0.5, stratify=y[other], random_state=seed
    )
    varying = np.argsort(-X[public].var(axis=0), kind="stable")[:n_genes]
    X = X[:, np.sort(varying)]
    return X[public], X[private], y[private], X[test], y[test]


def top_genes(X, y):
    """Per class, the genes that differ most from the other classes."""
    return {
        c: np.argsort(
            -np.abs(np.nan_to_num(ttest_ind(X[y == c], X[y != c]).statistic)),
            kind="stable",
        )[:N_TOP]
        for c in np.unique(y)
        if 2 <= np.sum(y == c) <= len(y) - 2
    }


def figures(X, y, X_test, y_test):
    wanted, found = top_genes(X_test, y_test), top_genes(X, y)
    overlaps = [np.isin(genes, found.get(c, ())).mean() for c, genes in wanted.items()]
    classifier = make_pipeline(
        StandardScaler(), LogisticRegression(C=0.01, max_iter=1000)
    )
    return {
        "tstr": train_on_synthetic_test_on_real(classifier, X, y, X_test, y_test),
        "de_overlap": float(np.mean(overlaps)),
        "correlation": correlation_agreement(X_test, X, random_state=0),
    }


def run(args):
    warnings.simplefilter("ignore")  # few rows; genes that are constant in a class
    rows = []
    for name, seed in ((s, i) for s in args.sets for i in range(args.seeds)):
        public, X, y, X_test, y_test = split(args.folder, name, seed, args.genes)
        chance = N_TOP / X.shape[1]
        samplers = {"Gaussian, not private": GaussianSampler(random_state=seed)} | {
            f"epsilon {epsilon:g}": PrivateGaussianSampler(
                dp_epsilon=epsilon, public_data=public, random_state=seed
            )
            for epsilon in EPSILONS
        }
        found = {"real rows": figures(X, y, X_test, y_test)}
        for method, sampler in samplers.items():
            sampler.fit(X, y)
            found[method] = figures(*sampler.sample(y=y), X_test, y_test)
        for method, values in found.items():
            head = {"set": name, "seed": seed, "method": method, "n": len(y)}
            rows.append({**head, "n_genes": X.shape[1], "chance": chance, **values})
            print(rows[-1], flush=True)
        pd.DataFrame(rows).to_csv(args.out, index=False)


def table(args):
    frame = pd.read_csv(args.out)
    groups = frame.groupby(["set", "method"], sort=False)
    values = groups[["tstr", "de_overlap", "correlation"]]
    cells = (
        values.mean().round(3).astype(str) + " ± " + values.std().round(3).astype(str)
    )
    print("| set | method | accuracy | genes found | correlations |")
    print("|---|---|---|---|---|")
    for (name, method), row in cells.iterrows():
        print(f"| {name} | {method} | {' | '.join(row)} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("differential_privacy.csv"))
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--genes", type=int, default=1000)
    parser.add_argument("--table", action="store_true")
    args = parser.parse_args()
    table(args) if args.table else run(args)
