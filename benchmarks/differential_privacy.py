"""Utility of the private samplers against their privacy budget, on real data.

Of each set a third is called public, a third private and a third test; of breast_er,
one study is public and another split into private and test rows. ``--public`` leaves
fewer public rows, and more private ones. The samplers see no labels of public rows;
"public rows" is a `GaussianSampler` of these and their true labels, to compare.
Figures: balanced accuracy on test rows of a logistic regression trained on simulated
rows; of the 50 genes that differ most between a class and the rest in test rows
(t-test), the share among the 50 of the simulated rows; agreement of gene-gene
correlations; share of test rows that have a simulated row among their neighbours
(coverage); mean log-likelihood of test rows, per gene. Two attacks tell private from
test rows, as AUC: by the covariance of ten simulated rows per private row
(`gaussian_ratio`, the public rows as reference), and by the sampler's likelihood.

Run ``python benchmarks/differential_privacy.py FOLDER --out dp.csv``, where FOLDER
holds a folder per data set in the format of `skgenex.datasets.load_dataset`; add
``--table`` to print the means.
"""

# ruff: noqa: E402
import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"  # before numpy and torch are imported

import argparse
import time
import warnings
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import norm, rankdata, ttest_ind
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skgenex import DiffusionSampler, GaussianSampler
from skgenex.generation import PrivateDiffusionSampler, PrivateGaussianSampler
from skgenex.metrics import (
    correlation_agreement,
    precision_recall_density_coverage,
    train_on_synthetic_test_on_real,
)
from skgenex.metrics.privacy import Evidence, gaussian_ratio

SETS = [
    "breast_tcga_subtype",
    "breast_er",
    "gdsc_celllines",
    "pbmc_ifnb_large",
    "scrna_mixology",
]
LARGEST_CLASSES = {"gdsc_celllines": 6}
STUDIES = {"breast_er": ("EXPO", "VDX")}  # public, private and test
KINDS = {"Gaussian": PrivateGaussianSampler, "diffusion": PrivateDiffusionSampler}
EPSILONS = [0.5, 1.0, 3.0, 10.0, np.inf]
N_TOP = 50
ATTACKER_ROWS = 10  # simulated, per private row
FIGURES = ["tstr", "de_overlap", "correlation", "coverage", "score"]
FIGURES += ["attack", "likelihood", "seconds"]


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


def split(folder, name, seed, n_genes, public_share=1 / 3):
    """Public, private and test rows, each with labels."""
    X, y, study = load(folder, name)
    if name in STUDIES:
        public, other = (
            np.flatnonzero(np.char.startswith(study, s)) for s in STUDIES[name]
        )
        # Arrays of two kinds. Ranks within a row look at no other row: they are free.
        X = norm.ppf((rankdata(X, axis=1) - 0.5) / X.shape[1])
    else:
        public, other = train_test_split(
            np.arange(len(y)), train_size=public_share, stratify=y, random_state=seed
        )
    n_test = len(y) // 3 if name not in STUDIES else len(other) // 2
    private, test = train_test_split(
        other, test_size=n_test, stratify=y[other], random_state=seed
    )
    varying = np.argsort(-X[public].var(axis=0), kind="stable")[:n_genes]
    X = X[:, np.sort(varying)]
    return X[public], y[public], X[private], y[private], X[test], y[test]


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
        "coverage": precision_recall_density_coverage(X_test, X).coverage,
    }


def attacks(sampler, public, y_public, members, y_members, others, y_others):
    """AUC with which two attackers tell the sampler's rows from others."""
    sd = public.std(axis=0)
    live = sd > 0
    rows, labels = np.vstack([members, others]), np.append(y_members, y_others)
    is_member = np.repeat([1, 0], [len(members), len(others)])
    made, y_made = sampler.sample(y=np.tile(y_members, ATTACKER_ROWS))
    scaled = [(a[:, live] - public[:, live].mean(0)) / sd[live] for a in (made, public)]
    evidence = Evidence(*scaled, y_made, y_public)
    judged = (rows[:, live] - public[:, live].mean(0)) / sd[live]
    by_rows = gaussian_ratio(judged, labels, evidence)
    by_density = sampler.score_samples(rows, labels)
    return {
        "attack": roc_auc_score(is_member, by_rows),
        "likelihood": roc_auc_score(is_member, by_density),
    }


def run(args):
    warnings.simplefilter("ignore")  # few rows; genes that are constant in a class
    rows = []
    for name, seed in product(args.sets, args.seeds):
        parts = split(args.folder, name, seed, args.genes, args.public)
        public, y_public, X, y, X_test, y_test = parts
        chance = N_TOP / X.shape[1]
        samplers = {
            f"{kind} epsilon {epsilon:g}": sampler(
                dp_epsilon=epsilon, public_data=public, random_state=seed
            )
            for kind, sampler in KINDS.items()
            for epsilon in EPSILONS
        }
        samplers["Gaussian, not private"] = GaussianSampler(random_state=seed)
        samplers["diffusion, not private"] = DiffusionSampler(random_state=seed)
        samplers["public rows"] = GaussianSampler(random_state=seed)
        found = {"real rows": figures(X, y, X_test, y_test)}
        for method, sampler in samplers.items():
            start = time.process_time()
            rows_of_fit = (public, y_public) if method == "public rows" else (X, y)
            sampler.fit(*rows_of_fit)
            seconds = time.process_time() - start
            found[method] = figures(*sampler.sample(y=y), X_test, y_test)
            found[method] |= attacks(sampler, *parts)
            found[method] |= {
                "seconds": seconds,
                "score": sampler.score(X_test, y_test) / X.shape[1],
                "backend": getattr(sampler, "backend_", ""),
                **getattr(sampler, "private_gains_", {}),
            }
        for method, values in found.items():
            head = {"set": name, "seed": seed, "method": method, "n": len(y)}
            rows.append({**head, "n_genes": X.shape[1], "chance": chance, **values})
            print(rows[-1], flush=True)
        pd.DataFrame(rows).to_csv(args.out, index=False)


def table(args):
    frame = pd.read_csv(args.out)
    groups = frame.groupby(["set", "method"], sort=False)
    mean, sd = groups[FIGURES].mean(), groups[FIGURES].std()
    sets = list(frame["set"].unique())
    for figure in FIGURES:
        print(f"\n## {figure}\n\n| | {' | '.join(sets)} |\n|{'---|' * (len(sets) + 1)}")
        for method in frame["method"].unique():
            cells = [
                f"{mean[figure][name, method]:.2f} ± {sd[figure][name, method]:.2f}"
                for name in sets
            ]
            print(f"| {method} | {' | '.join(cells)} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("differential_privacy.csv"))
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--genes", type=int, default=1000)
    parser.add_argument("--public", type=float, default=1 / 3, help="share of rows")
    parser.add_argument("--table", action="store_true")
    args = parser.parse_args()
    table(args) if args.table else run(args)
