"""Run by each process of a launch: fit within data_parallel, write what came out."""

import sys
from pathlib import Path

import numpy as np

from skgenex import DiffusionSampler, VIMEPretrainer, data_parallel
from skgenex.datasets import make_expression


def main(folder: str) -> None:
    X, y = make_expression(90, 40, random_state=0, return_X_y=True)
    with data_parallel() as accelerator:
        how = {"random_state": 0, "device": accelerator.device}
        # Without corruption and dropout the loss is that of the rows alone.
        exact = VIMEPretrainer(
            pretext="dae",
            init="random",
            n_components=4,
            dropout=0.0,
            corruption_rate=0.0,
            max_epochs=3,
            batch_size=25,
            **how,
        ).fit(X)
        noisy = VIMEPretrainer(pretext="scarf", max_epochs=2, **how).fit(X)
        sampler = DiffusionSampler(
            max_epochs=8, validation_fraction=0.0, backend="diffusion", **how
        ).fit(X, y)
        rows, _ = sampler.sample(40)
        names = "train_loss", "valid_loss"
        history = [[row[name] for name in names] for row in exact.history_]
        np.savez(
            Path(folder, f"{accelerator.process_index}.npz"),
            n_processes=accelerator.num_processes,
            history=history,
            latents=exact.transform(X),
            noisy=noisy.transform(X),
            noisy_loss=[row["train_loss"] for row in noisy.history_],
            diffusion_loss=[row["train_loss"] for row in sampler.history_],
            rows=rows,
        )


if __name__ == "__main__":
    main(sys.argv[1])
