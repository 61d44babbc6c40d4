"""Few labels, many rows: VIMEClassifier against classical models on held-out rows.

    python benchmarks/self_supervision.py FOLDER --out self_supervision.csv

With ``--total`` the numbers of labels are of rows in all, drawn as they come.

FOLDER holds one folder per data set, with ``expression.parquet`` and ``samples.csv``.
In each repeat 30 % of the labelled rows are set aside; all others are given to each
method, but only k labels per class. A class with fewer rows leaves at that k. Rows of
the CSV file that are there are not computed again. Needs pyarrow.
"""

import argparse
import os
import shlex
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from _ssl_methods import METHODS, Data, Peer
from _ssl_table import figure, gains, table, wins
from _ssl_tasks import CONTROLS, TASKS, draw_labels, draw_rows, split
from sklearn.metrics import balanced_accuracy_score

N_LABELS = [2, 5, 10, 25, 50]
KEY = ["task", "k", "seed", "method"]


def cpu_seconds():
    """CPU time of this process and of finished peers."""
    return sum(os.times()[:4])


def measure(folder, task, seed, n_labels, methods, done, draw=draw_labels):
    """Yield a record per k and method that is not done."""
    wanted = {(task, k, seed, m) for k in n_labels for m in methods} - done
    if not wanted:
        return
    parts = split(folder, task, seed)
    data = Data(parts, seed)
    for k in n_labels:
        data.few = draw(parts.codes, k, seed)
        kept = np.unique(data.few[data.few >= 0])
        if len(kept) < 2:
            continue
        scored = np.isin(parts.test_codes, kept)
        for name, method in methods.items():
            if (task, k, seed, name) not in wanted:
                continue
            began, data.chosen = cpu_seconds(), ""
            guess = method(data)
            truth = parts.test_codes[scored]
            yield {
                **dict(zip(KEY, (task, k, seed, name), strict=True)),
                "n_classes": len(kept),
                "score": balanced_accuracy_score(truth, guess[scored]),
                "seconds": round(cpu_seconds() - began, 2),
                "chosen": data.chosen,
            }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--n-labels", type=int, nargs="+", default=N_LABELS)
    parser.add_argument("--total", action="store_true", help="labels in all")
    parser.add_argument("--methods", nargs="*", default=list(METHODS))
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=COMMAND")
    parser.add_argument("--timeout", type=float, default=900, help="of a peer, seconds")
    parser.add_argument("--figure", type=Path, help="PNG of the learning curves")
    parser.add_argument(
        "--only-table", nargs="*", type=Path, help="further CSV files; run nothing"
    )
    given = parser.parse_args()
    chosen = {name: METHODS[name] for name in given.methods}
    for peer in given.peer:
        name, _, command = peer.partition("=")
        chosen[name] = Peer(shlex.split(command), given.timeout)
    # What few labels provoke: classes smaller than folds, empty classes in trees.
    warnings.simplefilter("ignore")
    done = set()
    if given.out.exists():
        done = set(pd.read_csv(given.out)[KEY].itertuples(index=False, name=None))
    for task in given.tasks if given.only_table is None else ():
        for seed in given.seeds:
            for record in measure(
                given.folder,
                task,
                seed,
                given.n_labels,
                chosen,
                done,
                draw_rows if given.total else draw_labels,
            ):
                pd.DataFrame([record]).to_csv(
                    given.out, mode="a", index=False, header=not given.out.exists()
                )
                print(*record.values(), flush=True)
    files = [given.out, *(given.only_table or ())]
    records = pd.concat(map(pd.read_csv, files)).drop_duplicates(KEY)
    records = records[records["method"].isin(chosen)]
    print(table(records), end="\n\n")
    is_control = records["task"].isin(CONTROLS)
    other = records["task"].str.contains(">")
    for title, which in {
        "all tasks": ~is_control,
        "one study": ~is_control & ~other,
        "with rows of another study": ~is_control & other,
        "controls": is_control,
    }.items():
        if which.any() and not given.total:
            print(f"{title}:\n\n{gains(records[which])}", end="\n\n")
    print(wins(records), end="\n\n")
    if given.figure is not None:
        label = "labelled rows" if given.total else "labels per class"
        figure(records, given.figure, label)
