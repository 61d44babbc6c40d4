"""Compare counterfactual searches on the same frozen classifiers and real cohorts.

For each cohort, classifier and split it trains a classifier, explains up to 50
correctly predicted test patients with every search, scores the profiles against
held-out patients, and notes which genes change most, beside a t-test and integrated
gradients. A row per cohort, classifier, split and search is appended to a CSV file,
which counterfactual_table.py makes readable.

Run ``python benchmarks/counterfactual.py FOLDER``, where FOLDER holds a folder per data
set in the format of `skgenex.datasets.load_dataset`.
"""

# ruff: noqa: E402
import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"  # before numpy and torch are imported

import argparse
import csv
import sys
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from _counterfactual_papers import reproduce
from _counterfactual_real import left_out_outliers, real_outliers
from _counterfactual_searches import SEARCHES, layers_of, peer
from _counterfactual_tasks import COHORTS, PAIRED, make_task

from skgenex.counterfactual.attributions import integrated_gradients, welch_t
from skgenex.counterfactual.changes import class_spread, effect_sizes, mean_change
from skgenex.metrics.counterfactual import counterfactual_scores, plausibility_scores

torch.set_num_threads(1)
N_TOP = 20
SCORES = [
    "validity",
    "L1",
    "L2",
    "n_genes",
    "knn_ratio",
    "lof_ratio",
    "lof_outlier",
    "lof_outlier_of_inliers",
    "mahalanobis_ratio",
    "correlation_breaking",
    "redundancy",
    "robustness",
    "diversity",
    "validity_reseeded",
]
KEY = ["cohort", "model", "seed", "labels", "search"]
COLUMNS = [
    *KEY,
    *("n_genes_total", "n_train", "n_patients", "accuracy"),
    *SCORES,
    *("fit_seconds", "seconds", "known", "top", "note"),
]


def network(task):
    """Return the frozen model as a function of tensors: scores of all classes."""
    layers = [
        (torch.tensor(w, dtype=torch.float64), torch.tensor(b, dtype=torch.float64))
        for w, b in layers_of(task.model)
    ]

    def scores(x):
        for k, (weight, bias) in enumerate(layers):
            x = x @ weight + bias
            x = torch.relu(x) if k < len(layers) - 1 else x
        return x

    return scores


def t_test(task):
    """Mean over patients of |Welch's t| of target against origin."""
    origin = task.predict(task.patients)
    pairs = Counter(zip(origin, task.target, strict=True))
    importance = np.zeros(task.X_train.shape[1])
    for (a, b), count in pairs.items():
        both = np.isin(task.y_train, [a, b])
        X = task.X_train.to_numpy()[both]
        importance += count * np.abs(welch_t(X, task.y_train[both] == b)[0])
    return importance


def gradients(task):
    """Mean |integrated gradient| from the target's mean patient."""
    classes = np.unique(task.y_train)
    scores = network(task)
    origin = np.searchsorted(classes, task.predict(task.patients))
    target = np.searchsorted(classes, task.target)
    ends = [torch.tensor(codes)[:, None] for codes in (origin, target)]
    means = np.stack([task.X_train[task.y_train == label].mean() for label in classes])

    def score(x):
        out = scores(x)
        return (out.gather(1, ends[0]) - out.gather(1, ends[1]))[:, 0]

    rows = torch.tensor(task.patients.to_numpy())
    baselines = torch.tensor(means[target])
    return integrated_gradients(score, rows, baselines).abs().mean(dim=0).numpy()


ATTRIBUTIONS = {"t_test": t_test, "integrated_gradients": gradients}


def top_genes(task, importance):
    order = np.argsort(-np.asarray(importance), kind="stable")[:N_TOP]
    genes = [str(task.X_train.columns[j]) for j in order]
    return {
        "top": " ".join(gene.replace(" ", "_") for gene in genes),
        "known": sum(gene in task.known for gene in genes) if task.known else "",
    }


def outliers_of_inliers(task, profiles):
    """Share of LOF outliers among profiles of patients who are none themselves."""
    real = {
        "X_train": task.X_train.to_numpy(),
        "y_train": task.y_train,
        "X_holdout": task.X_test.to_numpy(),
        "y_holdout": task.y_test,
    }
    place = task.X_test.index.get_indexer(profiles.index)
    was_one = left_out_outliers(*real.values())[place]
    target = task.target[task.patients.index.get_indexer(profiles.index)]
    outlier = plausibility_scores(profiles.to_numpy(), target, **real)["lof_outlier"]
    return float(outlier[was_one == 0].mean())


def score_search(task, search, *, scored=True):
    """Figures of one search on one task."""
    profiles, fit_seconds, seconds = search(task)
    row = {"fit_seconds": fit_seconds, "seconds": seconds / len(task.patients)}
    found = np.isfinite(profiles.to_numpy()).all(axis=1)
    valid = found.copy()
    if found.any():
        valid[found] = task.predict(profiles[found]) == task.target[found]
    row["validity"] = float(valid.mean())
    if scored:
        row |= counterfactual_scores(
            task.patients,
            profiles,
            task.target,
            predict=task.predict,
            X_train=task.X_train,
            y_train=task.y_train,
            X_holdout=task.X_test,
            y_holdout=task.y_test,
            reseeded=task.reseeded,
        )
        row["lof_outlier_of_inliers"] = outliers_of_inliers(task, profiles[valid])
    if valid.any():
        # As the package's table of biomarkers ranks genes, whoever changed them.
        rows = task.X_train.to_numpy()
        spread = class_spread(rows, task.predict(task.X_train))
        change = effect_sizes((profiles - task.patients)[valid], spread)
        row |= top_genes(task, mean_change(change, task.target[valid]))
    return row


def run_task(folder, cohort, kind, seed, names, searches, writer, *, permute=None):
    """Rows of all searches on one task."""
    task = make_task(folder, cohort, kind, seed, permute=permute)
    labels = "true" if permute is None else f"permuted {permute}"
    for name in names:
        try:
            if name in ATTRIBUTIONS:
                row = top_genes(task, ATTRIBUTIONS[name](task))
            else:
                row = score_search(task, searches[name], scored=permute is None)
        except Exception as error:  # a failure is a result: it gets its row
            row = {"note": f"failed: {type(error).__name__}: {error}"[:200]}
        row |= dict(zip(KEY, (cohort, kind, seed, labels, name), strict=True))
        row |= {
            "n_genes_total": task.X_train.shape[1],
            "n_train": len(task.X_train),
            "n_patients": len(task.patients),
            "accuracy": task.accuracy,
        }
        writer(row)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("folder", type=Path, help="holds a folder per data set")
    add("--cohorts", nargs="+", default=list(COHORTS), choices=[*COHORTS, *PAIRED])
    add("--models", nargs="+", default=["mlp"], choices=["mlp", "logistic", "forest"])
    add("--searches", nargs="*", default=[*SEARCHES, *ATTRIBUTIONS])
    add("--seeds", type=int, default=5, help="number of splits")
    add("--control", type=int, default=0, help="classifiers on permuted labels")
    add("--peer", action="append", default=[], metavar="NAME=COMMAND")
    add("--timeout", type=float, default=300, help="seconds a peer may take")
    add("--out", type=Path, default=Path("counterfactual.csv"))
    add("--papers", action="store_true", help="only reproduce results of papers")
    add("--real", action="store_true", help="only count outliers among real patients")
    args = parser.parse_args()
    unknown = sorted(set(args.searches) - set(SEARCHES) - set(ATTRIBUTIONS))
    if unknown:
        parser.error(f"--searches must be of {[*SEARCHES, *ATTRIBUTIONS]}; {unknown}")
    wrong = [item for item in args.peer if not all(item.partition("="))]
    if wrong:
        parser.error(f"--peer must be NAME=COMMAND; got {wrong}")
    args.peer = dict(item.split("=", 1) for item in args.peer)
    return args


def main():
    args = arguments()
    if args.papers:
        for cohort in args.cohorts:
            reproduce(os.fspath(args.folder), cohort, args.seeds)
        return 0
    if args.real:
        for cohort in args.cohorts:
            real_outliers(os.fspath(args.folder), cohort, args.seeds)
        return 0
    peers = {name: peer(line, args.timeout) for name, line in args.peer.items()}
    searches = SEARCHES | peers
    names = [*args.searches, *peers]
    # What few rows and networks provoke: convergence, constant genes of a fold.
    warnings.simplefilter("ignore")
    done = set()
    if args.out.exists():
        with args.out.open(newline="") as file:
            done = {tuple(row[k] for k in KEY) for row in csv.DictReader(file)}
    else:
        args.out.write_text(",".join(COLUMNS) + "\n")

    def write(row):
        row = {k: f"{v:.5g}" if isinstance(v, float) else v for k, v in row.items()}
        with args.out.open("a", newline="") as file:
            csv.DictWriter(file, COLUMNS, lineterminator="\n").writerow(row)
        print(
            *(row[k] for k in KEY),
            *(f"{k}={row.get(k, '')}" for k in ("validity", "known", "seconds")),
            row.get("note", ""),
            flush=True,
        )

    folder = os.fspath(args.folder)
    for seed in range(args.seeds):
        for cohort in args.cohorts:
            for kind in args.models:
                for permute in (None, *range(args.control)):
                    labels = "true" if permute is None else f"permuted {permute}"
                    left = [
                        name
                        for name in names
                        if (cohort, kind, str(seed), labels, name) not in done
                    ]
                    if left:
                        run_task(
                            folder, cohort, kind, seed, left, searches, write,
                            permute=permute,
                        )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
