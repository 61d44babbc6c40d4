"""From landmark genes to the full transcriptome: ours, ridge regression, an MLP.

python benchmarks/upsampling.py FOLDER [--sets NAME ...] [--seeds N] [--out CSV]
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import RidgeCV
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPRegressor

from skgenex.datasets import load_dataset
from skgenex.generation import TranscriptomeUpsampler
from skgenex.metrics import (
    classifier_two_sample_test,
    precision_recall_density_coverage,
)

SETS = ["lung_mesothelioma", "gdsc_celllines", "pbmc_ifnb_large"]
N_TARGETS = 2_000  # of the other genes, those that vary most in training


def mlp(seed):
    """D-GEX's network: tanh units, all targets at once, early stopping."""
    return MLPRegressor(
        hidden_layer_sizes=(300,),
        activation="tanh",
        learning_rate_init=5e-4,
        early_stopping=True,
        n_iter_no_change=10,
        max_iter=200,
        random_state=seed,
    )


def methods(seed):
    """Fresh models by name."""
    return {
        "ridge": RidgeCV(np.logspace(0, 5, 11)),
        "ridge_by_gene": RidgeCV(np.logspace(0, 5, 11), alpha_per_target=True),
        "mlp": mlp(seed),
        "ours": TranscriptomeUpsampler(random_state=seed),
        "ours_network": TranscriptomeUpsampler(backend="network", random_state=seed),
    }


def scores_of(truth, predicted):
    """Gene-wise errors of standardised genes, and correlations over patients."""
    varying = truth.std(axis=0) > 1e-8
    a, b = truth[:, varying], predicted[:, varying]
    with np.errstate(invalid="ignore", divide="ignore"):
        a_score, b_score = ((v - v.mean(axis=0)) / v.std(axis=0) for v in (a, b))
        correlation = np.nan_to_num((a_score * b_score).mean(axis=0))
    return {
        "gene_correlation": np.mean(correlation),
        "mae": np.abs(a - b).mean(),
        "r2": r2_score(a, b),
    }


def realism(truth, rows, seed):
    """How real full rows look."""
    rng = np.random.default_rng(seed)
    return {
        "coverage": precision_recall_density_coverage(truth, rows).coverage,
        "c2st": classifier_two_sample_test(truth, rows, random_state=rng),
        "variance_ratio": np.median(rows.var(axis=0) / truth.var(axis=0).clip(1e-8)),
    }


def run(folder, name, seed, landmarks, n_targets):
    """Yield a row per method."""
    data = load_dataset(folder / name, as_frame=True).data
    train, held_out = train_test_split(data, test_size=0.3, random_state=seed)
    train, held_out = train.iloc[:1_000], held_out.iloc[:500]
    mean, sd = train.mean(), train.std()
    genes = sd.index[sd > 1e-6]
    train, held_out = (
        ((part[genes] - mean[genes]) / sd[genes]).astype(float)
        for part in (train, held_out)
    )
    known = genes.intersection(landmarks)
    rest = sd[genes.difference(known)].nlargest(n_targets).index
    X, Y, X_new, truth = (
        part[columns].to_numpy()
        for part in (train, held_out)
        for columns in (known, rest)
    )
    for method, model in methods(seed).items():
        start = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(X, Y)
        row = {"set": name, "seed": seed, "method": method, "n": len(X)}
        row |= {"n_landmarks": len(known), "n_targets": len(rest)}
        row["seconds"] = time.process_time() - start
        predicted = model.predict(X_new)
        row |= scores_of(truth, predicted)
        row |= {f"mean_{k}": v for k, v in realism(truth, predicted, seed).items()}
        if isinstance(model, TranscriptomeUpsampler):
            drawn = model.sample(X_new, random_state=seed)
            row |= {f"draw_{k}": v for k, v in realism(truth, drawn, seed).items()}
            row |= {"backend": model.backend_, "heldout_gain": model.heldout_gain_}
        yield row


def main():
    """Print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--targets", type=int, default=N_TARGETS)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    file = arguments.folder / "annotations" / "l1000_landmarks.csv"
    landmarks = pd.read_csv(file)["symbol"]
    table = []
    for name in arguments.sets:
        for seed in range(arguments.seeds):
            table += run(arguments.folder, name, seed, landmarks, arguments.targets)
            if arguments.out:
                pd.DataFrame(table).to_csv(arguments.out, index=False)
    frame = pd.DataFrame(table)
    means = frame.groupby(["set", "method"], sort=False).mean(numeric_only=True)
    print(means.drop(columns="seed").round(3).to_string())


if __name__ == "__main__":
    main()
