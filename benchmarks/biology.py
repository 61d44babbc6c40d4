"""What generators keep of the biology: differential expression, modules, separation.

At most half of a set trains the generators; the other rows, at most as many, judge
them. As many rows are generated as there are training rows, of the same classes.
``real`` is the ceiling: the training rows in place of synthetic ones. A row per set,
size, seed and method is appended to a CSV file, so that a stopped run goes on.

Run ``python benchmarks/biology.py FOLDER``, where FOLDER holds a folder per data set in
the format of `skgenex.datasets.load_dataset`; ``--table`` only prints the file.
"""

# ruff: noqa: E402
import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"  # before numpy and torch are imported

import argparse
import csv
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from _generators import GENERATORS
from _protocol import load, sizes_of, split
from generation_table import markdown

from skgenex.metrics import (
    class_separation,
    differential_expression_recovery,
    module_preservation,
)

SETS = [
    "breast_tcga_subtype",
    "leukemia_golub",
    "lung_mesothelioma",
    "gdsc_celllines",
    "scrna_mixology",
]
METHODS = ["real", "copy", "smote", "gaussian_lw", "gaussian", "diffusion", "vae"]
N_GENES = 1000
N_DRAWS = 3  # synthetic sets per fit
KEY = ["set", "size", "seed", "method"]
SCORES = [
    *("recovered", "false", "effect_correlation", "effect_slope", "n_real"),
    *("density_kept", "density_z", "membership", "separation_kept", "seconds"),
]


def score(X_holdout, y_holdout, X, y, seed):
    """Return what rows keep of the biology of held-out ones.

    Effects are those of classes with four rows or more.
    """
    large = [c for c in np.unique(y) if min((y == c).sum(), (y_holdout == c).sum()) > 3]
    known, own = np.isin(y_holdout, large), np.isin(y, large)
    scores = differential_expression_recovery(
        X_holdout[known], y_holdout[known], X[own], y[own], random_state=seed
    )
    modules = module_preservation(X_holdout, X, random_state=seed)
    scores |= {name: modules[name] for name in ("density_z", "membership")}
    scores["density_kept"] = modules["density_synthetic"] / modules["density_real"]
    separation = class_separation(X, y) / class_separation(X_holdout, y_holdout)
    return {**scores, "separation_kept": separation}


def run(folder, name, size, seed, method):
    """Fit a generator and score some of its sets of rows."""
    rows = split(*load(folder, name), size, seed, N_GENES)
    X_train, X_holdout, y_train, y_holdout = rows
    start = time.process_time()
    generator = GENERATORS[method](seed).fit(X_train, y_train)
    seconds = time.process_time() - start
    scores = []
    for draw in range(1 if method == "real" else N_DRAWS):
        X, y = generator.sample(np.sort(y_train), draw)
        scores.append(score(X_holdout, y_holdout, X, np.asarray(y), seed))
    return {**pd.DataFrame(scores).mean(), "seconds": seconds}


def table(path):
    """Print means over splits of each set and size, and over all."""
    results = pd.read_csv(path)
    shown = [name for name in SCORES if name not in ("n_real", "seconds")]
    splits = results.groupby(KEY[:3])["method"].nunique()
    complete = splits[splits == results["method"].nunique()].index
    common = results.set_index(KEY[:3]).loc[complete].reset_index()
    print(f"Means over the {len(complete)} splits that all methods finished:\n")
    means = common.groupby("method")[[*shown, "seconds"]].mean()
    print(markdown(means.round(2).reset_index()))
    for (name, size), part in results.groupby(["set", "size"], sort=False):
        genes = part["n_real"].iloc[0]
        print(f"\n{name}, n = {size}, {part['seed'].nunique()} splits, "
              f"{genes:.0f} genes differ in the first:\n")  # fmt: skip
        means = part.groupby("method", sort=False)[shown].mean()
        print(markdown(means.round(2).reset_index()))


def main():
    """Run what is not in the file yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--sizes", nargs="+", type=int, default=[50, 100])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--methods", nargs="+", default=METHODS)
    parser.add_argument("--out", type=Path, default=Path("biology.csv"))
    parser.add_argument("--table", action="store_true", help="only print the file")
    arguments = parser.parse_args()
    if arguments.table:
        return table(arguments.out)
    warnings.simplefilter("ignore")  # small splits: convergence, single rows
    done = set()
    if arguments.out.exists():
        with arguments.out.open(newline="") as file:
            done = {tuple(row[k] for k in KEY) for row in csv.DictReader(file)}
    else:
        arguments.out.write_text(",".join([*KEY, *SCORES]) + "\n")
    for seed in range(arguments.seeds):
        for name in arguments.sets:
            for size in sizes_of(arguments.folder, name, arguments.sizes):
                for method in arguments.methods:
                    if (name, str(size), str(seed), method) in done:
                        continue
                    row = run(arguments.folder, name, size, seed, method)
                    values = [name, size, seed, method]
                    values += [f"{row[k]:.5g}" for k in SCORES]
                    with arguments.out.open("a", newline="") as file:
                        csv.writer(file, lineterminator="\n").writerow(values)
                    print(*values[:4], f"recovered={row['recovered']:.3f}", flush=True)
    return table(arguments.out)


if __name__ == "__main__":
    main()
