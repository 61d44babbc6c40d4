"""What the trainer costs beside a hand-written torch loop.

The same network (one hidden layer, cross entropy, AdamW, batches of 64) is trained for
20 epochs on 1,000 rows by a plain loop and by `skgenex._training.train` with its
default callbacks. CPU time on one thread, the two in turn; the median of the rounds.

Run ``python benchmarks/training_overhead.py``; it exits with 1 if a bar is missed.
"""

import argparse
import statistics
import sys
import time

import numpy as np
import torch
from torch import nn

from skgenex._seeding import seeded
from skgenex._training import train

N_ROWS, N_EPOCHS, BATCH_SIZE, LR = 1000, 20, 64, 1e-3
# (n_features, n_hidden): most CPU time the trainer may take, relative to the loop
BARS = {(1000, 64): 1.25, (50, 16): 1.45}


def make_network(n_features, n_hidden):
    """Two linear layers with a ReLU between them."""
    return nn.Sequential(
        nn.Linear(n_features, n_hidden), nn.ReLU(), nn.Linear(n_hidden, 2)
    )


class CrossEntropy(nn.Module):
    """The objective of the trainer."""

    def __init__(self, n_features, n_hidden):
        super().__init__()
        self.network = make_network(n_features, n_hidden)

    def forward(self, x, label):
        """Return the loss per row."""
        logits = self.network(x)
        return nn.functional.cross_entropy(logits, label, reduction="none")


def train_by_hand(x, label, n_hidden):
    """Train as one would in a notebook."""
    network = make_network(x.shape[1], n_hidden)
    optimizer = torch.optim.AdamW(network.parameters(), lr=LR, weight_decay=0.0)
    loss_function = nn.CrossEntropyLoss()
    for _ in range(N_EPOCHS):
        order = torch.randperm(len(x))
        for start in range(0, len(x), BATCH_SIZE):
            rows = order[start : start + BATCH_SIZE]
            optimizer.zero_grad()
            loss_function(network(x[rows]), label[rows]).backward()
            optimizer.step()


def train_by_trainer(x, label, n_hidden):
    """Train with the package."""
    train(
        (CrossEntropy, {"n_features": x.shape[1], "n_hidden": n_hidden}),
        {"x": x, "label": label},
        max_epochs=N_EPOCHS,
        lr=LR,
        batch_size=BATCH_SIZE,
    )


def cpu_seconds(function, *arguments):
    """CPU time of one seeded call."""
    with seeded(0):
        start = time.process_time()
        function(*arguments)
        return time.process_time() - start


def main():
    """Print a line per size of network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    n_rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    all_met = True
    print("n_features  n_hidden  by hand (s)  trainer (s)  ratio   bar")
    for (n_features, n_hidden), bar in BARS.items():
        rng = np.random.default_rng(0)
        x = torch.from_numpy(rng.normal(size=(N_ROWS, n_features)).astype(np.float32))
        label = torch.from_numpy(rng.integers(2, size=N_ROWS))
        seconds = {train_by_hand: [], train_by_trainer: []}
        for function in seconds:  # the first call pays for imports and caches
            cpu_seconds(function, x, label, n_hidden)
        for _ in range(n_rounds):
            for function, times in seconds.items():
                times.append(cpu_seconds(function, x, label, n_hidden))
        by_hand, by_trainer = (statistics.median(times) for times in seconds.values())
        ratio = by_trainer / by_hand
        all_met &= ratio <= bar
        print(
            f"{n_features:10d}  {n_hidden:8d}  {by_hand:11.3f}  {by_trainer:11.3f}  "
            f"{ratio:5.2f}  {bar:4.2f}"
        )
    return 0 if all_met else 1


if __name__ == "__main__":
    sys.exit(main())
