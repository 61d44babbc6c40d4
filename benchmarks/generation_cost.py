"""What fitting and sampling cost: CPU seconds, rows per CPU second, memory.

Each case runs in a process of its own, on one thread, after a fit on a few rows which
loads what is loaded late. Memory is the peak of the process while it fits, beyond that
of importing torch and beyond the float32 data; the bar is 300 MB plus twice the data.
The libraries (scikit-learn, pandas, skorch, ...) are part of it and also given apart.
Sampling has a bar at 1,000 genes only.

Run ``python benchmarks/generation_cost.py``; it exits with 1 if a bar is missed.
"""

# ruff: noqa: E402
import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"  # before numpy and torch are imported

import argparse
import json
import resource
import subprocess
import sys
import time

import numpy as np

# (n_samples, n_genes): most CPU seconds a fit may take
BARS = {(350, 1000): 10, (200, 8000): 10}
LARGE = {(10_000, 20_000): 120}
MIN_ROWS_PER_SECOND = 2000  # at 1,000 genes
EXTRA_MB = 300
N_CLASSES, N_MODULES = 4, 30


def peak_mb():
    """Peak memory of this process (ru_maxrss is in KiB on Linux, bytes on macOS)."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def make_low_rank(n, p):
    """Gene modules, class effects and noise; float32, made in little memory."""
    rng = np.random.default_rng(0)
    y = rng.integers(N_CLASSES, size=n)
    loadings = rng.standard_normal((N_MODULES, p), dtype=np.float32)
    loadings *= rng.random((N_MODULES, p)) < 0.1
    effects = rng.standard_normal((N_CLASSES, p), dtype=np.float32)
    effects *= rng.random((N_CLASSES, p)) < 0.05
    X = np.empty((n, p), dtype=np.float32)
    for start in range(0, n, 500):
        rows = slice(start, start + 500)
        rng.standard_normal(out=X[rows], dtype=np.float32)
        modules = rng.standard_normal((len(X[rows]), N_MODULES), dtype=np.float32)
        X[rows] += modules @ loadings + effects[y[rows]] + 6
    return X, y


def measure(name, n, p):
    """Figures of one case, in this process."""
    import torch  # noqa: F401  its memory is the base line

    base = peak_mb()
    import skgenex

    sampler = getattr(skgenex, name)(random_state=0)
    sampler.fit(*make_low_rank(40, 20))
    libraries = peak_mb() - base
    X, y = make_low_rank(n, p)
    start = time.process_time()
    sampler.fit(X, y)
    fit_seconds = time.process_time() - start
    extra = peak_mb() - base - X.nbytes / 2**20
    wanted = max(200, 4_000_000 // p)
    seconds = []
    for seed in range(3):
        start = time.process_time()
        sampler.sample(wanted, random_state=seed)
        seconds.append(time.process_time() - start)
    return {
        "fit_seconds": fit_seconds,
        "rows_per_second": wanted / np.median(seconds),
        "extra_mb": extra,
        "libraries_mb": libraries,
        "extra_bar": EXTRA_MB + 2 * X.nbytes / 2**20,
        "backend": getattr(sampler, "backend_", "gaussian"),
    }


def in_own_process(name, n, p):
    """Figures of one case, in a new process."""
    command = [sys.executable, __file__, "--case", name, str(n), str(p)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main():
    """Print a line per sampler and case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--large", action="store_true", help="also 10,000 x 20,000")
    parser.add_argument("--case", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.case:
        name, n, p = args.case
        print(json.dumps(measure(name, int(n), int(p))))
        return 0
    all_met = True
    print("| sampler | rows x genes | fit, CPU s (bar) | rows per CPU s (bar) ", end="")
    print(
        "| extra MB (bar) | of it libraries | backend |\n|---|---|---|---|---|---|---|"
    )
    for (n, p), bar in (BARS | (LARGE if args.large else {})).items():
        for name in ("GaussianSampler", "DiffusionSampler"):
            got = in_own_process(name, n, p)
            least = MIN_ROWS_PER_SECOND if p <= 1000 else 0
            all_met &= got["fit_seconds"] <= bar
            all_met &= got["rows_per_second"] >= least
            all_met &= got["extra_mb"] <= got["extra_bar"]
            print(
                f"| {name} | {n:,} x {p:,} | {got['fit_seconds']:.1f} ({bar}) "
                f"| {got['rows_per_second']:,.0f} ({f'{least:,}' if least else '-'}) "
                f"| {got['extra_mb']:.0f} ({got['extra_bar']:.0f}) "
                f"| {got['libraries_mb']:.0f} | {got['backend']} |",
                flush=True,
            )
    return 0 if all_met else 1


if __name__ == "__main__":
    sys.exit(main())
