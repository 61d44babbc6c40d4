"""Where DiffusionSampler works (its spaces), and how it draws (its solvers).

``--what spaces`` compares the spaces, each free to fall back to its Gaussian.
``--what solvers`` compares 35 network evaluations (Heun, 18 steps) and 20 of them
(DPM-Solver++) with a thousand steps of ancestral sampling of the same trained network,
each with its own calibration.
Splits and figures are those of generation.py. A row per set, size, seed, method and
synthetic set is appended to a CSV file; ``--table`` prints it with paired tests.

Run ``python benchmarks/spaces.py FOLDER --what spaces``, where FOLDER holds a folder
per data set in the format of `skgenex.datasets.load_dataset`.
"""

# ruff: noqa: E402
import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"  # before numpy and torch are imported

import argparse
import time
import warnings
from pathlib import Path

import pandas as pd
from _protocol import FIDELITY, fidelity, load, split
from generation_table import against_ceiling, comparison, markdown
from sklearn.decomposition import PCA

from skgenex import DiffusionSampler, GaussianSampler
from skgenex.metrics import privacy_scores

N_DRAWS = 3  # synthetic sets per fit
FORCED = {"backend": "diffusion"}
METHODS = {
    "spaces": {
        "gaussian": lambda seed: GaussianSampler(random_state=seed),
        "factors": lambda seed: DiffusionSampler(space="factors", random_state=seed),
        "genes": lambda seed: DiffusionSampler(space="genes", random_state=seed),
        "pca_30": lambda seed: DiffusionSampler(
            space=PCA(30, random_state=0), random_state=seed
        ),
        "autoencoder": lambda seed: DiffusionSampler(
            space="autoencoder", random_state=seed
        ),
    },
    "solvers": {
        "heun_18": lambda seed: DiffusionSampler(random_state=seed, **FORCED),
        "dpm_20": lambda seed: DiffusionSampler(
            solver="dpm", n_steps=20, random_state=seed, **FORCED
        ),
        "ancestral_1000": lambda seed: DiffusionSampler(
            solver="ancestral", n_steps=1000, random_state=seed, **FORCED
        ),
    },
}


def score(method, new_sampler, data, seed):
    """Figures of each synthetic set of one fitted sampler."""
    X, X_holdout, y, _ = data
    if method == "real":
        return [fidelity(X_holdout, X, i, boosting=i == 0) for i in range(N_DRAWS)]
    start = time.process_time()
    sampler = new_sampler(seed).fit(X, y)
    fit_seconds = time.process_time() - start
    rows = []
    for draw in range(N_DRAWS):
        start = time.process_time()
        synthetic, _ = sampler.sample(y=y, random_state=draw)
        seconds = time.process_time() - start
        rows.append(
            {
                # Boosted trees are slow: one draw.
                **fidelity(X_holdout, synthetic, draw, boosting=draw == 0),
                **privacy_scores(
                    synthetic, X_train=X, X_holdout=X_holdout, random_state=draw
                ),
                "fit_seconds": fit_seconds,
                "rows_per_second": len(y) / seconds,
                "backend": getattr(sampler, "backend_", "gaussian"),
                "space": getattr(sampler, "space_", ""),
                "heldout_gain": getattr(sampler, "heldout_gain_", float("nan")),
            }
        )
    return rows


def run(args):
    """Score what is missing of the file."""
    warnings.simplefilter("ignore")  # classes absent from a fold of a two-sample test
    done = set()
    if args.out.exists():
        table = pd.read_csv(args.out)
        done = set(zip(table.set, table["size"], table.seed, table.method, strict=True))
    methods = {"real": None} | METHODS[args.what]
    for name, seed in ((s, i) for i in range(args.seeds) for s in args.sets):
        X, y = load(args.folder, name)
        size = min(args.size, len(y) // 2)
        data = split(X, y, size, seed, args.genes)
        for method, new_sampler in methods.items():
            if (name, size, seed, method) in done or method in args.without:
                continue
            rows = pd.DataFrame(score(method, new_sampler, data, seed))
            rows.insert(0, "draw", range(len(rows)))
            for key, value in zip(
                ("method", "seed", "size", "set"),
                (method, seed, size, name),
                strict=True,
            ):
                rows.insert(0, key, value)
            rows.insert(5, "n_genes", data[0].shape[1])
            columns = [*rows.columns[:6], *FIDELITY, *PRIVACY, *EXTRAS]
            rows = rows.reindex(columns=columns)
            rows.to_csv(args.out, mode="a", header=not args.out.exists(), index=False)
            print(rows.mean(numeric_only=True).round(3).to_dict(), method, flush=True)


PRIVACY = ["closer_share", "nearest_ratio", "membership_auc"]
EXTRAS = ["fit_seconds", "rows_per_second", "backend", "space", "heldout_gain"]


def table(args):
    """Print means per set, and paired tests of each method against the first two."""
    rows = pd.read_csv(args.out)
    keys = ["set", "size", "seed", "method"]
    numbers = rows.groupby(keys, sort=False).mean(numeric_only=True).reset_index()
    for (name, size), part in numbers.groupby(["set", "size"], sort=False):
        own = rows[(rows.set == name) & (rows["size"] == size)]
        used = own.groupby("method").backend.agg(lambda b: (b == "diffusion").mean())
        shown = part.groupby("method", sort=False)[
            [*FIDELITY, "nearest_ratio", "membership_auc", *EXTRAS[:2], EXTRAS[-1]]
        ].mean()
        shown.insert(len(FIDELITY) + 2, "network used", used)
        print(f"\n### {name}, n = {size}, {part.n_genes.iloc[0]:.0f} genes\n")
        print(markdown(shown.reset_index(), 3))
    figures = against_ceiling(numbers)
    first = next(iter(METHODS[args.what])) if args.what == "solvers" else "factors"
    for other in METHODS[args.what]:
        pair = [
            figures.xs(method, level="method")
            for method in (other, first)
            if method in figures.index.get_level_values("method")
        ]
        if other == first or len(pair) < 2:
            continue
        both = pair[0].index.intersection(pair[1].index)
        print(f"\n### {other} (first) against {first} (second), {len(both)} splits\n")
        print(markdown(comparison(pair[0].loc[both], pair[1].loc[both]), 4))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("folder", type=Path, help="holds a folder per data set")
    add("--what", choices=list(METHODS), required=True)
    add("--sets", nargs="+", default=["scrna_mixology", "pbmc_ifnb_large"])
    add("--size", type=int, default=1500, help="training rows, at most half the set")
    add("--genes", type=int, default=1000, help="those of highest training variance")
    add("--seeds", type=int, default=3, help="number of splits")
    add("--without", nargs="+", default=[], help="methods to leave out")
    add("--out", type=Path, required=True)
    add("--table", action="store_true", help="print the table of the file")
    args = parser.parse_args()
    if not args.table:
        run(args)
    table(args)


if __name__ == "__main__":
    main()
