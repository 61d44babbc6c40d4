"""Compare generators: how real are their rows, do they copy, help, what do they cost.

Each generator is fitted on n training rows of a real data set and scored against rows
it never saw; README.md beside this file has the protocol. A row per data set, size,
seed and method is appended to a CSV file, which generation_table.py makes readable.

Run ``python benchmarks/generation.py FOLDER``, where FOLDER holds a folder per data set
in the format of `skgenex.datasets.load_dataset`.
"""

# ruff: noqa: E402
import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"  # before numpy and torch are imported

import argparse
import csv
import sys
import time
from pathlib import Path

from _generators import DEFAULT, GENERATORS
from _protocol import COLUMNS, finish_cell, sizes_of
from joblib import Parallel, delayed

SETS = [
    "breast_tcga_subtype",
    "leukemia_golub",
    "lung_mesothelioma",
    "gdsc_celllines",
    "scrna_mixology",
]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("folder", type=Path, help="holds a folder per data set")
    add("--sets", nargs="+", default=SETS)
    add("--sizes", nargs="+", type=int, default=[50, 100, 200, 500])
    add("--seeds", type=int, default=5, help="number of splits")
    add("--methods", nargs="+", default=DEFAULT, help=f"of {', '.join(GENERATORS)}")
    add("--peer", action="append", default=[], metavar="NAME=COMMAND")
    add("--timeout", type=float, default=1800, help="seconds a peer may take")
    add("--genes", type=int, default=1000, help="those of highest training variance")
    add("--mlp", action="store_true", help="also train an MLP on augmented rows")
    add("--jobs", type=int, default=1, help="splits run at a time")
    add("--out", type=Path, default=Path("generation.csv"))
    add("--resume", action="store_true", help="go on with the CSV file")
    args = parser.parse_args()
    unknown = sorted(set(args.methods) - set(GENERATORS))
    if unknown:
        parser.error(f"--methods must be of {list(GENERATORS)}; got {unknown}")
    wrong = [peer for peer in args.peer if not all(peer.partition("="))]
    if wrong:
        parser.error(f"--peer must be NAME=COMMAND; got {wrong}")
    args.peer = dict(peer.split("=", 1) for peer in args.peer)
    missing = [name for name in args.sets if not (args.folder / name).is_dir()]
    if missing:
        parser.error(f"{args.folder} has no folders {missing}; choose others by --sets")
    if args.out.exists() and not args.resume:
        parser.error(f"{args.out} exists: add --resume, or give another --out")
    return args


def rows_done(path):
    """Keys of the rows in the file, which is started if it is not there."""
    if not path.exists():
        path.write_text(",".join(COLUMNS) + "\n")
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        if reader.fieldnames != COLUMNS:
            raise ValueError(
                f"{path} must have the columns {COLUMNS}; got {reader.fieldnames}. "
                "Give another --out."
            )
        return {
            (row["set"], int(row["size"]), int(row["seed"]), row["method"])
            for row in reader
        }


def main():
    args = arguments()
    done = rows_done(args.out)
    options = {
        "n_genes": args.genes,
        "mlp": args.mlp,
        "timeout": args.timeout,
        "out": os.fspath(args.out.resolve()),
    }
    methods = [*args.methods, *args.peer]
    folder, cells = os.fspath(args.folder), []
    for seed in range(args.seeds):  # a stopped run then has whole seeds
        for name in args.sets:
            for size in sizes_of(folder, name, args.sizes):
                left = [m for m in methods if (name, size, seed, m) not in done]
                if left:
                    cells.append((folder, name, size, seed, left, args.peer, options))
    start = time.perf_counter()
    run = Parallel(args.jobs, return_as="generator_unordered")
    for i, rows in enumerate(run(delayed(finish_cell)(*cell) for cell in cells), 1):
        failed = [row["method"] for row in rows if "failed" in row.get("note", "")]
        print(
            f"{i}/{len(cells)} splits, {time.perf_counter() - start:.0f} s: "
            f"{rows[0]['set']} n={rows[0]['size']} seed={rows[0]['seed']}"
            + (f"; failed: {failed}" if failed else ""),
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
