"""Membership attacks on the generators, and on controls.

Run ``python benchmarks/privacy.py FOLDER --out privacy.csv``, where FOLDER holds data
sets as `skgenex.datasets.load_dataset` reads them; ``--table privacy.csv`` prints the
table of that file. A third of the rows used train, a third are held out, and a third
are the attacker's reference, and the public rows of the private samplers.
"""

import argparse
import csv
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from _generators import Smote
from _protocol import load, split
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split

from skgenex import DiffusionSampler, GANSampler, GaussianSampler, VAESampler
from skgenex.generation import (
    PrivateDiffusionSampler,
    PrivateGaussianSampler,
    denoising_losses,
)
from skgenex.metrics.privacy import privacy_report
from skgenex.metrics.privacy.controls import NoisyCopies

SETS = ("gdsc_celllines", "breast_tcga_subtype", "scrna_mixology")
SHOWN = (
    "gan_leaks",
    "gan_leaks_calibrated",
    "monte_carlo",
    "logan",
    "density_ratio",
    "gaussian_ratio",
    "shadow",
    "likelihood",
    "loss_trajectory",
)


class SmoteSampler(BaseEstimator):
    """SMOTE with the training set's class shares, as a sampler that can be refitted."""

    def fit(self, X, y):
        """Keep the training rows."""
        self.smote_, self.y_ = Smote().fit(X, y), y
        return self

    def sample(self, n_samples, *, random_state):
        """Interpolate between training rows."""
        return self.smote_.sample(np.resize(self.y_, n_samples), random_state)


METHODS = {
    "copy": lambda seed, public: NoisyCopies(),
    "smote": lambda seed, public: SmoteSampler(),
    "gaussian": lambda seed, public: GaussianSampler(random_state=seed),
    "gaussian_diagonal": lambda seed, public: GaussianSampler(
        shrinkage=1.0, random_state=seed
    ),
    "vae": lambda seed, public: VAESampler(random_state=seed),
    "vae_forced": lambda seed, public: VAESampler(backend="vae", random_state=seed),
    "gan_forced": lambda seed, public: GANSampler(backend="gan", random_state=seed),
    "diffusion": lambda seed, public: DiffusionSampler(random_state=seed),
    "private_gaussian": lambda seed, public: PrivateGaussianSampler(
        public_data=public, random_state=seed
    ),
    "private_diffusion": lambda seed, public: PrivateDiffusionSampler(
        public_data=public, random_state=seed
    ),
}


def run(folder, name, size, n_genes, seed, method, options):
    """Rows of the table: one per attack."""
    X, y = load(folder, name)
    X_train, X_rest, y_train, y_rest = split(X, y, size, seed, n_genes)
    rest = train_test_split(
        X_rest, y_rest, test_size=0.5, stratify=y_rest, random_state=seed
    )
    X_holdout, X_reference, y_holdout, y_reference = rest
    start = time.process_time()
    sampler = METHODS[method](seed, X_reference).fit(X_train, y_train)
    report = privacy_report(
        sampler,
        X_train,
        X_holdout,
        y_train,
        y_holdout,
        reference=X_reference,
        y_reference=y_reference,
        n_shadows=options.shadows,
        n_samples=options.per_row * len(X_train),
        losses=denoising_losses if method == "diffusion" else None,
        random_state=seed,
    )
    same = {
        "set": name,
        "n": len(X_train),
        "n_holdout": len(X_holdout),
        "n_genes": X_train.shape[1],
        "per_row": options.per_row,
        "seed": seed,
        "method": method,
        "backend": getattr(sampler, "backend_", ""),
        "seconds": round(time.process_time() - start, 1),
    }
    for attack, row in report.table.drop(columns="access").iterrows():
        yield same | {"attack": attack} | row.round(4).to_dict()
    for target, row in report.inference.iterrows():
        yield same | {"attack": target, "advantage": round(row["advantage"], 4)}


def markdown(table):
    """Markdown of a frame, its index the first column."""
    lines = [[table.index.name, *table.columns], ["---"] * (table.shape[1] + 1)]
    for name, row in table.iterrows():
        lines.append([name, *("" if pd.isna(v) else f"{v:.2f}" for v in row)])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def print_tables(path):
    """Mean AUC, rate at 10 % false positives, and advantage, by set."""
    rows = pd.read_csv(path)
    for (name, per_row), own in rows.groupby(["set", "per_row"], sort=False):
        seeds, n, p = own["seed"].nunique(), own["n"].iloc[0], own["n_genes"].iloc[0]
        print(f"## {name}: {n} training rows, {p} genes, {per_row:g} synthetic rows "
              f"per training row, {seeds} split(s)\n")  # fmt: skip
        for figure in ("auc", "tpr_10", "advantage"):
            wide = own.pivot_table(figure, "method", "attack", sort=False)
            order = [a for a in SHOWN if a in wide] if figure != "advantage" else wide
            print(figure + "\n\n" + markdown(wide[list(order)]))


def main():
    """Run the benchmark, or print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--out", type=Path, default=Path("privacy.csv"))
    parser.add_argument("--table", type=Path)
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--size", type=int, default=100)
    parser.add_argument("--genes", type=int, default=500)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--shadows", type=int, default=2)
    parser.add_argument("--per-row", type=int, default=10)
    options = parser.parse_args()
    if options.table:
        print_tables(options.table)
        return
    warnings.simplefilter("ignore")
    columns = None
    with options.out.open("w", newline="") as file:
        for seed in options.seeds:
            for name in options.sets:
                for method in options.methods:
                    rows = list(
                        run(options.folder, name, options.size, options.genes, seed,
                            method, options)
                    )  # fmt: skip
                    if columns is None:
                        columns = [*rows[0], "advantage"]
                        writer = csv.DictWriter(file, columns)
                        writer.writeheader()
                    writer.writerows(rows)
                    file.flush()


if __name__ == "__main__":
    main()
