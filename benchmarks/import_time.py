"""How long ``import skgenex`` takes beside ``import torch``.

Each import runs in a fresh interpreter; the time is that of the import statement alone.
The statements take turns, so that a busy machine slows all of them alike.
"""

import argparse
import subprocess
import sys
from statistics import median

STATEMENTS = (
    "import torch",
    "import skgenex",
    "from skgenex import DiffusionSampler",
)


def import_seconds(statement):
    """Seconds that ``statement`` takes in a new interpreter."""
    code = (
        "from time import perf_counter\n"
        f"start = perf_counter()\n{statement}\n"
        "print(perf_counter() - start)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7, help="runs of each (default 7)")
    runs = parser.parse_args().runs

    for statement in STATEMENTS:  # once unmeasured: byte code and the file cache
        import_seconds(statement)
    rounds = [[import_seconds(s) for s in STATEMENTS] for _ in range(runs)]
    medians = [median(column) for column in zip(*rounds, strict=True)]

    print(f"{'statement':<38} {'seconds':>8} {'x torch':>8}   (median of {runs})")
    for statement, seconds in zip(STATEMENTS, medians, strict=True):
        print(f"{statement:<38} {seconds:>8.3f} {seconds / medians[0]:>8.2f}")


if __name__ == "__main__":
    main()
