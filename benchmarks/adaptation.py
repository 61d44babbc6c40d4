"""Compare ways to learn on one data set and predict on another.

Each ordered pair of domains: a method sees the labelled source and one half of the
target without labels, and is scored on the other half; docs/benchmark_adaptation.md
has the protocol. A row per task and method is appended to a CSV file, so that a stopped
run goes on; the tables are printed in Markdown.

Run ``python benchmarks/adaptation.py FOLDER``, where FOLDER holds a folder per data set
in the format of `skgenex.datasets.load_dataset`, with a column ``domain``.
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
from _adaptation_methods import DEFAULT, METHODS
from _adaptation_table import report
from _adaptation_tasks import SETS, real_tasks, simulated_tasks
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from skgenex.domain_adaptation import proxy_a_distance

KEY = ["data", "source", "target", "thinned", "fraction", "seed", "method"]
SCORES = ["balanced_accuracy", "auc", "calibration_error", "a_distance", "cpu_seconds"]
PARTS = ["plain", "skewed", "labels", "simulated"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("folder", type=Path, help="holds a folder per data set")
    add("--sets", nargs="+", default=SETS)
    add("--parts", nargs="+", choices=PARTS, default=PARTS)
    add("--seeds", type=int, default=10, help="number of splits")
    add("--methods", nargs="+", default=DEFAULT, choices=list(METHODS))
    add("--out", type=Path, default=Path("adaptation.csv"))
    return parser.parse_args()


def calibration_error(y, probabilities, n_bins=10):
    """Error of the predicted class's probability (Guo et al. 2017, Eq. 5)."""
    confidence = probabilities.max(axis=1)
    is_right = probabilities.argmax(axis=1) == y
    place = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    gaps = [
        (place == b).mean()
        * abs(confidence[place == b].mean() - is_right[place == b].mean())
        for b in np.unique(place)
    ]
    return float(sum(gaps))


def run(task, method):
    """Scores of a method, in the order of `SCORES`; None where it does not apply."""
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = METHODS[method](task)
        seconds = time.process_time() - start
        if result is None:
            return None
        probabilities, features = result
        distance = np.nan if features is None else proxy_a_distance(*features)
    binary = task.n_classes == 2
    return [
        balanced_accuracy_score(task.y_test, probabilities.argmax(axis=1)),
        roc_auc_score(
            task.y_test,
            probabilities[:, 1] if binary else probabilities,
            multi_class="ovr",
        ),
        calibration_error(task.y_test, probabilities),
        distance,
        seconds,
    ]


def tasks(args):
    if {"plain", "skewed", "labels"} & set(args.parts):
        fractions = [0.0] if "plain" in args.parts else []
        fractions += [0.05, 0.1, 0.25] if "labels" in args.parts else []
        skewed = "skewed" in args.parts
        yield from real_tasks(args.folder, args.sets, args.seeds, skewed, fractions)
    if "simulated" in args.parts:
        yield from simulated_tasks(args.seeds)


def main():
    args = arguments()
    done = set()
    if args.out.exists():
        known = pd.read_csv(args.out, keep_default_na=False)
        done = {tuple(map(str, row)) for row in known[KEY].to_numpy()}
    with args.out.open("a", newline="") as file:
        writer = csv.writer(file)
        if not done:
            writer.writerow(KEY + SCORES)
        for task in tasks(args):
            for method in args.methods:
                key = (*task.key, method)
                if tuple(map(str, key)) in done:
                    continue
                scores = run(task, method)
                if scores is not None:
                    writer.writerow([*key, *scores])
                    file.flush()
    print(report(pd.read_csv(args.out, keep_default_na=False, na_values=["nan"])))


if __name__ == "__main__":
    main()
