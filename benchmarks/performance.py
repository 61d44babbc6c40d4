"""Speed, memory and growth of the estimators, on simulated data.

Six parts, each a Markdown table:

import     ``import skgenex`` beside ``import torch``
training   each estimator's network, trained by the package and by a hand-written loop
flops      training of a wide network: FLOP/s of both, beside plain matrix products
precision  training in bfloat16, and through torch.compile
sampling   rows per second of the solvers and of 1,000 ancestral steps
growth     time and peak memory as rows, or genes, grow; a process per cell, each a line
           of a CSV file (``--out``), from which growth_plot.py draws the figure

Run ``python benchmarks/performance.py``; ``--threads 2`` for two threads. Growth takes
most of the time; ``--parts training flops sampling`` leaves it out.
"""

# ruff: noqa: E402
import argparse
import csv
import json
import os
import resource
import statistics
import subprocess
import sys
import time
import warnings

PARTS = ("import", "training", "flops", "precision", "sampling", "growth")
N_EPOCHS = 3  # of at least ten steps, for the comparison with a hand-written loop
MIN_STEPS = 10


def arguments():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--estimators", nargs="+", help="of the part growth")
    parser.add_argument("--out", default="growth.csv", help="file of the part growth")
    parser.add_argument("--quick", action="store_true", help="smaller sizes of growth")
    parser.add_argument("--cell", nargs=3, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":  # before numpy and torch are imported
    _threads = str(arguments().threads)
    for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[_name] = _threads

import numpy as np
import torch
from import_time import STATEMENTS, import_seconds
from torch import nn

import skgenex
from skgenex._base import TorchEstimator
from skgenex._seeding import seeded
from skgenex._training import train


def make_data(n, p, seed=0):
    """Three classes, ten gene modules; float32, made in little memory."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    loadings = rng.standard_normal((10, p), dtype=np.float32)
    effects = 0.5 * rng.standard_normal((3, p), dtype=np.float32)
    X = np.empty((n, p), dtype=np.float32)
    for start in range(0, n, 1000):
        rows = slice(start, start + 1000)
        rng.standard_normal(out=X[rows], dtype=np.float32)
        modules = rng.standard_normal((len(X[rows]), 10), dtype=np.float32)
        X[rows] += modules @ loadings + effects[y[rows]] + 6
    return X, y


def domains_of(n):
    """Two domains, each with all classes."""
    return np.where(np.arange(n) % 2, "a", "b")


def partly_labelled(y):
    """Labels of the first domain only."""
    return np.where(domains_of(len(y)) == "a", y, -1)


def fit_dann(estimator, X, y):
    return estimator.fit(X, partly_labelled(y), sample_domain=domains_of(len(y)))


def fit_plain(estimator, X, y):
    return estimator.fit(X, y)


def fit_unlabelled(estimator, X, y):
    return estimator.fit(X)


def fit_few_labels(estimator, X, y):
    return estimator.fit(X, np.where(np.arange(len(y)) < 60, y, -1))


# How each estimator with a network is made and fitted.
NETWORKS = {
    "DiffusionSampler": (fit_plain, {"backend": "diffusion"}),
    "VAESampler": (fit_plain, {"backend": "vae"}),
    "GANSampler": (fit_plain, {"backend": "gan"}),
    "PhenotypeClassifier": (fit_plain, {}),
    "DANNClassifier": (fit_dann, {"fallback": None, "target_domain": "b"}),
    "VIMEPretrainer": (fit_unlabelled, {}),
    "SubTabPretrainer": (fit_unlabelled, {}),
    "VIMEClassifier": (fit_few_labels, {}),
}
OTHERS = {
    "GaussianSampler": (fit_plain, {}),
    "DomainScaler": (fit_dann, {"target_domain": "b"}),
}


def make(name, **params):
    """Return an estimator, and how to fit it."""
    fit, own = (NETWORKS | OTHERS)[name]
    estimator = getattr(skgenex, name)(**own, **params)
    if "random_state" in estimator.get_params():
        estimator.set_params(random_state=0)
    return estimator, fit


def last_training(name, X, y):
    """Objective, rows and settings of the last network that a fit trains."""
    recorded = []
    plain = TorchEstimator._train

    def record(self, objective, batch, **how):
        recorded.append((self, objective, batch, how))
        return plain(self, objective, batch, **how)

    TorchEstimator._train = record
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            estimator, fit = make(name, max_epochs=1)
            fit(estimator, X, y)
    finally:
        TorchEstimator._train = plain
    if not recorded:
        return None
    estimator, objective, batch, how = recorded[-1]
    params = estimator.get_params(deep=False) | how
    batch = {k: torch.as_tensor(np.asarray(v)) for k, v in batch.items()}
    n_rows = len(next(iter(batch.values())))
    size = min(params["batch_size"], n_rows)
    return (
        objective,
        batch,
        {
            "max_epochs": N_EPOCHS,
            "lr": params["lr"],
            "batch_size": size,
            "steps_per_epoch": max(MIN_STEPS, n_rows // size),
            "weight_decay": params.get("weight_decay", 0.0),
            "clip_norm": how.get("clip_norm"),
            "ema_decay": how.get("ema_decay"),
        },
    )


def train_by_hand(objective, batch, how):
    """Train as one would in a notebook."""
    network = objective[0](**objective[1])
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=how["lr"], weight_decay=how["weight_decay"]
    )
    average = None
    if how["ema_decay"] is not None:
        average = [value.detach().clone() for value in network.parameters()]
    n_rows, size = len(next(iter(batch.values()))), how["batch_size"]
    network.train()
    for _ in range(how["max_epochs"]):
        order = torch.randperm(n_rows)
        while len(order) < size * how["steps_per_epoch"]:
            order = torch.cat([order, torch.randperm(n_rows)])
        for step in range(how["steps_per_epoch"]):
            rows = order[step * size : (step + 1) * size]
            optimizer.zero_grad()
            loss = network(**{k: v[rows] for k, v in batch.items()}).mean()
            loss.backward()
            if how["clip_norm"] is not None:
                nn.utils.clip_grad_norm_(network.parameters(), how["clip_norm"])
            optimizer.step()
            loss.item()  # a notebook shows it
            if average is not None:
                with torch.no_grad():
                    torch._foreach_lerp_(
                        average, list(network.parameters()), 1 - how["ema_decay"]
                    )


def train_by_package(objective, batch, how):
    """Train with the package."""
    train(objective, batch, **how)


def cpu_seconds(function, *args):
    """CPU time of one seeded call."""
    with seeded(0):
        start = time.process_time()
        function(*args)
        return time.process_time() - start


def in_turn(functions, args, n_rounds):
    """Median CPU seconds of functions that take turns."""
    for function in functions:  # the first call pays for imports and caches
        cpu_seconds(function, *args)
    rounds = [[cpu_seconds(f, *args) for f in functions] for _ in range(n_rounds)]
    return [statistics.median(column) for column in zip(*rounds, strict=True)]


def part_import(args):
    """Print how long imports take in new interpreters."""
    rounds = [[import_seconds(s) for s in STATEMENTS] for _ in range(args.rounds + 1)]
    medians = [statistics.median(column) for column in zip(*rounds[1:], strict=True)]
    print("\n| statement | seconds | times that of torch |\n|---|---|---|")
    for statement, seconds in zip(STATEMENTS, medians, strict=True):
        print(f"| {statement} | {seconds:.2f} | {seconds / medians[0]:.2f} |")


def part_training(args):
    """Print the package's CPU time relative to a hand-written loop."""
    print("\n| estimator | genes | by hand, CPU s | package, CPU s | ratio | bar |")
    print("|---|---|---|---|---|---|")
    for p, bar in ((1_000, 1.25), (20_000, 1.1)):
        X, y = make_data(300, p)
        for name in NETWORKS:
            training = last_training(name, X, y)
            if training is None:
                print(f"| {name} | {p:,} | no network trained | | | |", flush=True)
                continue
            functions = train_by_hand, train_by_package
            by_hand, package = in_turn(functions, training, args.rounds)
            print(
                f"| {name} | {p:,} | {by_hand:.3f} | {package:.3f} "
                f"| {package / by_hand:.2f} | {bar} |",
                flush=True,
            )


class Wide(nn.Module):
    """An autoencoder whose cost is that of its two wide products."""

    def __init__(self, n_features, n_hidden):
        super().__init__()
        self.encode = nn.Linear(n_features, n_hidden)
        self.decode = nn.Linear(n_hidden, n_features)

    def forward(self, x):
        """Return the loss per row."""
        return (self.decode(torch.relu(self.encode(x))) - x).square().mean(dim=1)


def part_flops(args, p=20_000, n_hidden=256, n_rows=512):
    """Print the FLOP/s of training a wide network, beside those of products."""
    x = torch.from_numpy(make_data(n_rows, p)[0])
    print(
        "\n| batch | by hand, GFLOP/s | package | package / hand | torch.mm | of it |"
    )
    print("|---|---|---|---|---|---|")
    for size in (32, 128):
        steps = n_rows // size
        how = {
            "max_epochs": 2,
            "lr": 1e-3,
            "batch_size": size,
            "steps_per_epoch": steps,
            "weight_decay": 0.0,
            "clip_norm": None,
            "ema_decay": None,
        }
        task = (Wide, {"n_features": p, "n_hidden": n_hidden}), {"x": x}, how
        by_hand, package = in_turn(
            (train_by_hand, train_by_package), task, max(3, args.rounds // 2)
        )
        # Forward, and gradients of weights; of inputs for the second layer alone.
        flops = 2 * steps * size * p * n_hidden * (2 * 2 + 1) * 2
        rows, weight = x[:size], torch.randn(p, n_hidden)
        start = time.process_time()
        for _ in range(20):
            torch.mm(rows, weight)
        products = 20 * 2 * size * p * n_hidden / (time.process_time() - start)
        rates = [flops / by_hand / 1e9, flops / package / 1e9, products / 1e9]
        print(
            f"| {size} | {rates[0]:.1f} | {rates[1]:.1f} | {rates[1] / rates[0]:.2f} "
            f"| {rates[2]:.1f} | {rates[1] / rates[2]:.2f} |",
            flush=True,
        )


def train_in_bfloat16(objective, batch, how):
    """Train with products in half the bits, as a user would."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        train(objective, batch, **how)


def train_compiled(objective, batch, how):
    """Train through torch.compile; what it compiles is kept for the next call."""
    train(objective, batch, compile=True, **how)


def part_precision(args):
    """Print CPU time of training in bfloat16 and compiled, relative to neither."""
    print(
        "\n| estimator | genes | as it is, CPU s | bfloat16 | compiled | to compile |"
    )
    print("|---|---|---|---|---|---|")
    for p in (1_000, 20_000):
        X, y = make_data(300, p)
        for name in ("DiffusionSampler", "VIMEPretrainer", "SubTabPretrainer"):
            training = last_training(name, X, y)
            first = cpu_seconds(train_compiled, *training)
            functions = train_by_package, train_in_bfloat16, train_compiled
            plain, low, compiled = in_turn(functions, training, args.rounds)
            print(
                f"| {name} | {p:,} | {plain:.3f} | {low / plain:.2f} "
                f"| {compiled / plain:.2f} | {first - compiled:.1f} s |",
                flush=True,
            )


def part_sampling(args):
    """Print rows per CPU second of the solvers on one trained network."""
    X, y = make_data(500, 1_000)
    sampler = skgenex.DiffusionSampler(
        backend="diffusion", process="ddpm_linear", max_epochs=5, random_state=0
    ).fit(X, y)
    wanted = 500
    codes, covariates = np.zeros(wanted, dtype=int), np.zeros((wanted, 0))
    print("\n| solver | latents per CPU s | rows per CPU s |\n|---|---|---|")
    for solver, n_steps in (("heun", 18), ("dpm", 20), ("ancestral", 1000)):
        sampler.set_params(solver=solver, n_steps=n_steps)
        draws, rows = [], []
        for seed in range(3):
            rng = np.random.default_rng(seed)
            draws.append(
                cpu_seconds(sampler._draw_from_network, codes, covariates, rng, 1.0)
            )
            start = time.process_time()
            sampler.sample(wanted, random_state=seed)
            rows.append(time.process_time() - start)
        print(
            f"| {solver}, {n_steps} steps | {wanted / statistics.median(draws):,.0f} "
            f"| {wanted / statistics.median(rows):,.0f} |",
            flush=True,
        )


def peak_mb():
    """Peak memory of this process (ru_maxrss is in KiB on Linux, bytes on macOS)."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def cell(name, n, p):
    """Fit once; CPU seconds and megabytes beyond libraries, in this process."""
    warnings.simplefilter("ignore")
    estimator, fit = make(name)
    fit(estimator, *make_data(60, 20))  # loads what a fit imports late
    X, y = make_data(n, p)
    base = peak_mb()
    start = time.process_time()
    fit(estimator, X, y)
    return {
        "seconds": time.process_time() - start,
        "extra_mb": peak_mb() - base,
        "data_mb": X.nbytes / 2**20,
    }


def part_growth(args):
    """Print time and memory of a fit as n or p grows."""
    rows = (100, 1_000, 10_000) if args.quick else (100, 1_000, 10_000, 100_000)
    genes = (200, 2_000) if args.quick else (200, 2_000, 20_000)
    sizes = [(n, 200) for n in rows] + [(200, p) for p in genes]
    head = " | ".join(f"{n:,} x {p:,}" for n, p in sizes)
    print(f"\n| CPU s; MB beyond the data | {head} |")
    print("|---|" + "---|" * len(sizes))
    for name in args.estimators or [*OTHERS, *NETWORKS]:
        results = []
        for n, p in sizes:
            command = [sys.executable, __file__, "--threads", str(args.threads)]
            command += ["--cell", name, str(n), str(p)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                results.append("failed")
                sys.stderr.write(done.stderr[-2000:])
                continue
            got = json.loads(done.stdout.splitlines()[-1])
            with open(args.out, "a", newline="") as file:
                csv.writer(file).writerow([name, n, p, *got.values()])
            results.append(f"{got['seconds']:.1f}; {got['extra_mb']:.0f}")
        print(f"| {name} | " + " | ".join(results) + " |", flush=True)
    data = " | ".join(f"{n * p * 4 / 2**20:.1f} MB" for n, p in sizes)
    print(f"| *the data (float32)* | {data} |")


def main():
    """Print the wanted tables."""
    args = arguments()
    torch.set_num_threads(args.threads)
    if args.cell:
        name, n, p = args.cell
        print(json.dumps(cell(name, int(n), int(p))))
        return
    for part in args.parts:
        {
            "import": part_import,
            "training": part_training,
            "flops": part_flops,
            "precision": part_precision,
            "sampling": part_sampling,
            "growth": part_growth,
        }[part](args)


if __name__ == "__main__":
    main()
