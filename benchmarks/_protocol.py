"""Protocol of the generation benchmark: split, fit, sample, score; a row per method."""

import csv
import io
import os
import subprocess
import time
import warnings
from functools import cache

import numpy as np
from _generators import GENERATORS, Peer, balanced_labels
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.utils.class_weight import compute_sample_weight

from skgenex.datasets import load_dataset
from skgenex.metrics import (
    classifier_two_sample_test,
    correlation_agreement,
    fidelity_scores,
    precision_recall_density_coverage,
    privacy_scores,
)

MIN_CLASS_SIZE = 6
LARGEST_CLASSES = {"gdsc_celllines": 16}  # the other tissues have too few cell lines
N_DRAWS = 3  # synthetic sets whose scores are averaged

KEY = ["set", "size", "seed", "method"]
FIDELITY = [
    "precision",
    "recall",
    "density",
    "coverage",
    "c2st_logistic",
    "c2st_boosting",
    "correlation",
]
PRIVACY = ["closer_share", "nearest_ratio", "membership_auc"]
CLASSIFIERS = ["logistic", "forest", "mlp"]
GAINS = [f"gain_{name}" for name in CLASSIFIERS]
COLUMNS = [
    *KEY,
    *("n_holdout", "n_genes", "n_classes"),
    *FIDELITY,
    *PRIVACY,
    *CLASSIFIERS,
    *GAINS,
    *("fit_seconds", "rows_per_second", "backend", "heldout_gain", "note"),
]


@cache
def load(folder, name):
    """Rows and integer labels of the classes that are large enough."""
    X, y = load_dataset(f"{folder}/{name}", return_X_y=True)
    classes, counts = np.unique(y, return_counts=True)
    order = np.argsort(-counts, kind="stable")[: LARGEST_CLASSES.get(name)]
    kept = np.isin(y, classes[order][counts[order] >= MIN_CLASS_SIZE])
    return X[kept], np.unique(y[kept], return_inverse=True)[1]


def sizes_of(folder, name, sizes):
    """Training sizes of at most half of a set; its half if that is below all sizes."""
    half = len(load(folder, name)[1]) // 2
    return [n for n in sizes if n <= half] or [half]


def split(X, y, size, seed, n_genes):
    """Standardised training and held-out rows of the genes that vary most in training.

    Returns X_train, X_holdout, y_train, y_holdout.
    """
    n_holdout = min(size, len(y) - size)
    train, holdout = train_test_split(
        np.arange(len(y)),
        train_size=size,
        test_size=n_holdout,
        stratify=y,
        random_state=seed,
    )
    variance = X[train].astype(float).var(axis=0)
    genes = np.sort(np.argsort(-variance, kind="stable")[:n_genes])
    genes = genes[variance[genes] > 1e-8]
    X = X[:, genes].astype(float)
    mean, sd = X[train].mean(axis=0), X[train].std(axis=0)
    X = (X - mean) / sd
    return X[train], X[holdout], y[train], y[holdout]


def fidelity(holdout, synthetic, seed, *, boosting):
    """Fidelity scores; the boosted trees are slow and optional."""
    if boosting:
        return fidelity_scores(holdout, synthetic, random_state=seed)
    rng = np.random.default_rng(seed)
    n = min(len(holdout), len(synthetic))
    a, b = (X[rng.permutation(len(X))[:n]] for X in (holdout, synthetic))
    return {
        **precision_recall_density_coverage(a, b, n_neighbors=5)._asdict(),
        "c2st_logistic": classifier_two_sample_test(a, b, random_state=rng),
        "correlation": correlation_agreement(a, b, random_state=rng),
    }


def classifiers(seed, with_mlp):
    """Class-weighted classifiers by name."""
    both = {
        "logistic": LogisticRegression(C=0.1, max_iter=300, class_weight="balanced"),
        "forest": RandomForestClassifier(
            100, class_weight="balanced", random_state=seed
        ),
    }
    mlp = {"mlp": MLPClassifier((64,), max_iter=300, random_state=seed)}
    return both | (mlp if with_mlp else {})


def balanced_accuracies(X, y, X_holdout, y_holdout, seed, with_mlp):
    """Held-out balanced accuracy of each classifier."""
    scores = {}
    for name, classifier in classifiers(seed, with_mlp).items():
        # The MLP has no class_weight.
        weight = compute_sample_weight("balanced", y) if name == "mlp" else None
        classifier.fit(X, y, sample_weight=weight)
        scores[name] = balanced_accuracy_score(y_holdout, classifier.predict(X_holdout))
    return scores


def score_method(method, generator, data, seed, real_only, with_mlp):
    """Figures of one fitted generator."""
    X, X_holdout, y, y_holdout = data
    start = time.process_time()
    generator.fit(X, y)
    row = {"fit_seconds": time.process_time() - start}
    draws, sampling_seconds, n_sampled = [], 0.0, 0
    is_peer = isinstance(generator, Peer)
    for draw in range(0 if method == "oversample" else 1 if is_peer else N_DRAWS):
        start = time.process_time()
        synthetic, labels = generator.sample(y, draw)
        sampling_seconds += time.process_time() - start
        n_sampled += len(labels)
        scores = fidelity(X_holdout, synthetic, draw, boosting=draw == 0)
        if method != "real":
            scores |= privacy_scores(
                synthetic, X_train=X, X_holdout=X_holdout, random_state=draw
            )
        draws.append(scores)
    for name in draws[0] if draws else ():
        row[name] = np.mean([scores[name] for scores in draws if name in scores])
    if method == "real":
        row |= real_only
    else:
        wanted = balanced_labels(y)
        used = []
        for draw in range(N_DRAWS, N_DRAWS + (1 if is_peer else N_DRAWS)):
            synthetic, labels = generator.sample(wanted, draw)
            augmented = np.concatenate([X, synthetic]), np.concatenate([y, labels])
            # One draw for the MLP, which is slow.
            mlp = with_mlp and draw == N_DRAWS
            used.append(
                balanced_accuracies(*augmented, X_holdout, y_holdout, seed, mlp)
            )
        for name in used[0]:
            row[name] = np.mean([scores[name] for scores in used if name in scores])
            row[f"gain_{name}"] = round(row[name] - real_only[name], 9)
    if is_peer:
        row["fit_seconds"] = generator.cpu_seconds
        if generator.n_missing:
            row["note"] = f"{generator.n_missing} rows missing or not finite"
    elif n_sampled and method != "real":
        row["rows_per_second"] = n_sampled / max(sampling_seconds, 1e-9)
    sampler = getattr(generator, "sampler", None)
    if hasattr(sampler, "backend_"):
        row["backend"] = sampler.backend_
        row["heldout_gain"] = sampler.heldout_gain_
    return row


def run_cell(folder, name, size, seed, methods, peers, options):
    """Score methods on one split; append a row to the table as each is done.

    `peers` maps method names to commands; `options` holds n_genes, mlp, timeout, out.
    """
    # What peers and small classes provoke: convergence, classes absent from a fold.
    warnings.simplefilter("ignore")
    X, y = load(folder, name)
    data = split(X, y, size, seed, options["n_genes"])
    X_train, X_holdout, y_train, y_holdout = data
    real_only = balanced_accuracies(
        X_train, y_train, X_holdout, y_holdout, seed, options["mlp"]
    )
    for method in methods:
        if method in peers:
            generator = Peer(peers[method], seed, options["timeout"])
        else:
            generator = GENERATORS[method](seed)
        try:
            row = score_method(method, generator, data, seed, real_only, options["mlp"])
        except subprocess.TimeoutExpired:
            row = {"note": f"failed: timed out after {options['timeout']:.0f} s"}
        except Exception as error:  # a failure is a result: it gets its row
            row = {"note": f"failed: {type(error).__name__}: {error}"[:200]}
        row |= dict(zip(KEY, (name, size, seed, method), strict=True))
        row["n_holdout"], row["n_genes"] = X_holdout.shape
        row["n_classes"] = len(np.unique(y_train))
        append(options["out"], row)
        yield row


def finish_cell(*cell):
    """Run a cell to its end; for a worker process."""
    return list(run_cell(*cell))


def append(path, row):
    """Append a row in one write, so that neither a kill nor a neighbour splits it."""
    line = io.StringIO()
    writer = csv.DictWriter(line, COLUMNS, lineterminator="\n")
    rounded = {
        key: f"{value:.5g}" if isinstance(value, float) else value
        for key, value in row.items()
    }
    writer.writerow(rounded)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
    try:
        os.write(descriptor, line.getvalue().encode())
    finally:
        os.close(descriptor)
