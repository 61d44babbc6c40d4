"""The hierarchy against the samplers it is made of: fidelity and held-out density.

python benchmarks/hierarchical.py FOLDER [--sets NAME ...] [--seeds N] [--out CSV]
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
from _protocol import load, split
from sklearn.linear_model import LogisticRegression

from skgenex import DiffusionSampler, GaussianSampler
from skgenex.generation import HierarchicalDiffusionSampler
from skgenex.metrics import fidelity_scores

SETS = ["breast_tcga_subtype", "leukemia_golub", "pbmc_ifnb"]
MAX_ROWS = 300
N_GENES = 500
N_DRAWS = 3
STEPS = 7


def samplers(seed):
    """Fresh samplers by name."""
    return {
        "gaussian": GaussianSampler(random_state=seed),
        "diffusion": DiffusionSampler(random_state=seed),
        "hierarchy_gaussian": HierarchicalDiffusionSampler(
            prior=GaussianSampler(), decoder=GaussianSampler(), random_state=seed
        ),
        "hierarchy": HierarchicalDiffusionSampler(random_state=seed),
    }


def fidelity(sampler, y, X_holdout, y_holdout, seed):
    """Fidelity to held-out rows, mean of some draws, and held-out log density."""
    scores = [
        fidelity_scores(
            X_holdout, sampler.sample(y=y, random_state=draw)[0], random_state=seed
        )
        for draw in range(N_DRAWS)
    ]
    density = sampler.score(X_holdout, y_holdout) / X_holdout.shape[1]
    return {**pd.DataFrame(scores).mean(), "nats_per_gene": density}


def operations(sampler, classifier, X, y):
    """Measure what variations, interpolation and shift do to held-out patients."""
    variations = sampler.variations(X, y, n=5, random_state=0)
    kept = classifier.predict(variations) == np.repeat(y, 5)
    distance = np.linalg.norm(variations - np.repeat(X, 5, axis=0), axis=1)
    own = np.array([np.linalg.norm(X[y == c][0] - X[y == c], axis=1).mean() for c in y])
    first, second = np.unique(y)[:2]
    a, b = X[y == first], X[y == second]
    n = min(len(a), len(b))
    path = sampler.interpolate(a[:n], b[:n], STEPS, y_a=[first] * n, y_b=[second] * n)
    pair = [list(classifier.classes_).index(c) for c in (first, second)]
    logits = classifier.decision_function(path.reshape(-1, X.shape[1]))
    if logits.ndim == 1:
        logits = np.stack([-logits, logits], axis=1)
    gain = (logits[:, pair[1]] - logits[:, pair[0]]).reshape(n, STEPS)
    shifted = sampler.shift(a, first, second)
    centre_a, centre_b = a.mean(axis=0), b.mean(axis=0)
    residual = a - centre_a
    patient, chance = (
        [
            np.corrcoef(u, v)[0, 1]
            for u, v in zip(rows - centre_b, residual, strict=True)
        ]
        for rows in (shifted, np.resize(b, a.shape))
    )
    return {
        "variation_keeps_class": kept.mean(),
        "real_accuracy": classifier.score(X, y),
        "variation_distance": distance.mean() / own.mean(),
        "interpolation_rises": (np.diff(gain, axis=1) > 0).mean(),
        "interpolation_mean_rises": (np.diff(gain.mean(axis=0)) > 0).mean(),
        "shift_reaches": (classifier.predict(shifted) == second).mean(),
        "real_reach": (classifier.predict(b) == second).mean(),
        "unshifted_reach": (classifier.predict(a) == second).mean(),
        "shift_patient_correlation": np.mean(patient),
        "chance_correlation": np.mean(chance),
    }


def main():
    """Print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    table = []
    for name in arguments.sets:
        X, y = load(arguments.folder, name)
        size = min(len(y) // 2, MAX_ROWS)
        for seed in range(arguments.seeds):
            X_train, X_holdout, y_train, y_holdout = split(X, y, size, seed, N_GENES)
            # The judge of the operations learns from the held-out rows' other half.
            # Balanced: without, it calls hardly any patient of a rare class by it.
            classifier = LogisticRegression(
                C=0.01, max_iter=500, class_weight="balanced"
            )
            classifier.fit(X_holdout[::2], y_holdout[::2])
            for method, sampler in samplers(seed).items():
                start = time.process_time()
                sampler.fit(X_train, y_train)
                row = {"set": name, "seed": seed, "method": method}
                row["seconds"] = time.process_time() - start
                row |= fidelity(sampler, y_train, X_holdout, y_holdout, seed)
                if isinstance(sampler, HierarchicalDiffusionSampler):
                    row["backends"] = "/".join(sampler.backends_.values())
                    row |= operations(
                        sampler, classifier, X_holdout[1::2], y_holdout[1::2]
                    )
                table.append(row)
                if arguments.out:
                    pd.DataFrame(table).to_csv(arguments.out, index=False)
    frame = pd.DataFrame(table)
    means = frame.groupby(["set", "method"], sort=False).mean(numeric_only=True)
    print(means.drop(columns="seed").round(3).T.to_string())


if __name__ == "__main__":
    main()
