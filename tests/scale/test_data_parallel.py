"""Two processes learn what one process learns with the same batches."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from skgenex import VIMEPretrainer, data_parallel
from skgenex._parallel import Shards, current_shards

SCRIPT = Path(__file__).with_name("_trained_in_parallel.py")
ROOT = SCRIPT.parents[2]


class Process:
    """As an Accelerator describes a process, without any other process."""

    device = torch.device("cpu")

    def __init__(self, rank=0, n=1):
        self.process_index, self.num_processes = rank, n
        self.is_main_process = rank == 0

    def reduce(self, values, reduction):
        return values


def launch(folder, n_processes):
    """Run the script in so many processes; return what each wrote."""
    folder.mkdir()
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += [f"--nproc-per-node={n_processes}", SCRIPT, folder]
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path}
    done = subprocess.run(
        list(map(str, command)), env=environment, capture_output=True, timeout=300
    )
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    return [np.load(folder / f"{rank}.npz") for rank in range(n_processes)]


@pytest.mark.slow
def test_two_processes_learn_what_one_does(tmp_path):
    pytest.importorskip("accelerate")
    (alone,) = launch(tmp_path / "one", 1)
    first, second = launch(tmp_path / "two", 2)
    assert first["n_processes"] == 2
    # Both processes end with the same network, whatever noise each has drawn.
    for name in ("latents", "noisy", "rows", "history", "diffusion_loss"):
        np.testing.assert_array_equal(first[name], second[name])
    # Without noise the batches' mean losses, and so all steps, are those of one.
    np.testing.assert_allclose(first["history"], alone["history"], rtol=1e-4)
    np.testing.assert_allclose(first["latents"], alone["latents"], atol=1e-3)
    # With noise the losses are alike.
    for name in ("noisy_loss", "diffusion_loss"):
        ratio = first[name][-1] / alone[name][-1]
        assert 0.75 < ratio < 1.35, (name, ratio)


def test_mean_gradient_of_the_shards_is_that_of_the_batch():
    x = torch.randn(7, 3, generator=torch.Generator().manual_seed(0))
    weight = torch.ones(3, requires_grad=True)

    def gradient(rows):
        return torch.autograd.grad((rows @ weight).square().mean(), weight)[0]

    for n in (1, 2, 3, 10):  # with ten, three processes have no row
        parts = [Shards(Process(rank, n)).take({"x": x}) for rank in range(n)]
        mean = sum(factor * gradient(part["x"]) for part, factor in parts) / n
        torch.testing.assert_close(mean, gradient(x))
        kept = torch.cat([part["x"] for part, factor in parts if factor])
        assert sorted(kept[:, 0].tolist()) == sorted(x[:, 0].tolist())


def test_processes_draw_one_order_and_their_own_noise():
    drawn = []
    for rank in (0, 1):
        torch.manual_seed(3)
        order = torch.randperm(50, generator=Shards(Process(rank, 2)).seed())
        drawn.append((order, torch.randn(5)))
    assert torch.equal(drawn[0][0], drawn[1][0])
    assert not torch.equal(drawn[0][1], drawn[1][1])


def test_the_block_ends_and_asks_for_a_seed():
    X = np.random.default_rng(0).normal(size=(30, 8))
    with data_parallel(Process()) as process:
        assert current_shards().accelerator is process
        with pytest.raises(ValueError, match="random_state must be an integer"):
            VIMEPretrainer(max_epochs=1).fit(X)
        VIMEPretrainer(max_epochs=1, random_state=0).fit(X)
    assert current_shards() is None


def test_missing_accelerate_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(ImportError, match=r"pip install skgenex\[parallel\]"):
        data_parallel().__enter__()
