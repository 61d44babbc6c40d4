"""What the adaptors share: reading the training rows, writing the synthetic ones."""

import argparse

import numpy as np


def read(**options):
    """Parse the command line; return training X, y, counts, seed and the options.

    Each keyword is an integer option with its default.
    """
    parser = argparse.ArgumentParser()
    for name, default in options.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("train")
    parser.add_argument("synthetic")
    args = parser.parse_args()
    with np.load(args.train) as arrays:
        X, y, counts = arrays["X"], arrays["y"], arrays["counts"]
        return X, y, counts, int(arrays["seed"]), args


def collect(draw, counts, max_rounds=8):
    """Call draw(label) until each label has its rows, or the rounds are over.

    `draw` returns rows and their labels, which may be others than the one asked for.
    """
    rows = {label: [] for label in np.flatnonzero(counts)}
    for label in rows:
        for _ in range(max_rounds):
            if len(rows[label]) >= counts[label]:
                break
            for x, own in zip(*draw(label), strict=True):
                if own in rows and len(rows[own]) < counts[own]:
                    rows[own].append(x)
    X = [x for own in rows.values() for x in own]
    return np.array(X), np.repeat(list(rows), [len(own) for own in rows.values()])
