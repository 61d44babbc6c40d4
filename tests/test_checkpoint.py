import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from torch import nn

from skgenex._checkpoint import Checkpoint, fingerprint
from skgenex._seeding import seeded
from skgenex._training import train

# Run twice by the tests: once killed, once to the end.
SCRIPT = """
import sys
import torch
from tests.test_checkpoint import NoisyRegression, fit, save_weights

NoisyRegression.seconds = float(sys.argv[3])
save_weights(fit(sys.argv[1]), sys.argv[2])
"""


class NoisyRegression(nn.Module):
    """Draws noise, drops units out, normalises batches: all state there can be."""

    seconds = 0.0

    def __init__(self):
        super().__init__()
        self.network = nn.Sequential(
            nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.Linear(8, 1)
        )

    def forward(self, x):
        if self.training:
            time.sleep(self.seconds)
        noisy = x + 0.1 * torch.randn_like(x)
        return (self.network(noisy)[:, 0] - x.sum(dim=1)).square()


def fit(checkpoint_dir, seed=0, **how):
    x = torch.randn(45, 4, generator=torch.Generator().manual_seed(0))
    how = {
        "max_epochs": 12,
        "lr": 0.05,
        "batch_size": 8,
        "valid_batch": {"x": x[35:]},
        "patience": 12,
        "steps_per_epoch": 3,
        "lr_schedule": "cosine",
        "ema_decay": 0.9,
        "checkpoint_interval": 0.0,
        **how,
    }
    with seeded(seed):
        return train(
            (NoisyRegression, {}), {"x": x[:35]}, checkpoint_dir=checkpoint_dir, **how
        )


def save_weights(net, path):
    arrays = {k: v.numpy() for k, v in net.module_.state_dict().items()}
    losses = np.array(net.history[:, ("train_loss", "valid_loss")])
    np.savez(path, losses=losses, **arrays)


def interrupted_fit(checkpoint_dir, n_epochs, **how):
    """Leave the checkpoint of a fit which dies after ``n_epochs``."""
    save = Checkpoint.save
    n_saved = 0

    def save_and_die(self, *args):
        nonlocal n_saved
        save(self, *args)
        n_saved += 1
        if n_saved == n_epochs:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpoint, "save", save_and_die)
        with pytest.raises(KeyboardInterrupt):
            fit(checkpoint_dir, **how)
    return checkpoint_dir / Checkpoint.file_name


def test_a_killed_process_resumes_to_identical_weights(tmp_path):
    folder, file = tmp_path / "run", tmp_path / "run" / Checkpoint.file_name
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}

    def start(output, seconds):
        command = [sys.executable, "-c", SCRIPT, folder, output, str(seconds)]
        return subprocess.Popen(command, env=environment)

    killed = start(tmp_path / "killed.npz", 0.1)
    deadline = time.monotonic() + 60
    while not file.exists():
        assert killed.poll() is None, "ended before its first checkpoint"
        assert time.monotonic() < deadline, "no checkpoint within a minute"
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    n_done = len(torch.load(file, weights_only=True)["history"])
    assert 1 <= n_done < 12

    assert start(tmp_path / "resumed.npz", 0.0).wait() == 0
    assert not file.exists()
    save_weights(fit(None), tmp_path / "whole.npz")
    resumed, whole = np.load(tmp_path / "resumed.npz"), np.load(tmp_path / "whole.npz")
    assert set(resumed) == set(whole)
    for name in whole:
        np.testing.assert_array_equal(resumed[name], whole[name])


@pytest.mark.parametrize("n_epochs", [1, 5, 11])
@pytest.mark.parametrize(
    "how",
    [
        {},
        {"ema_decay": None, "steps_per_epoch": None},
        {"valid_batch": None, "lr_schedule": None, "steps_per_epoch": 7},
        {"optimizer": torch.optim.SGD, "patience": None, "clip_norm": 0.1},
    ],
)
def test_every_kind_of_fit_resumes_where_it_was(tmp_path, n_epochs, how):
    interrupted_fit(tmp_path, n_epochs, **how)
    resumed, whole = fit(tmp_path, **how), fit(None, **how)
    for name, weight in whole.module_.state_dict().items():
        assert torch.equal(resumed.module_.state_dict()[name], weight), name
    assert resumed.history[:, "train_loss"] == whole.history[:, "train_loss"]
    assert resumed.history[:, "epoch"] == list(range(1, 13))


def test_a_resumed_fit_remembers_that_patience_was_used_up(tmp_path):
    how = {"patience": 1, "lr": 0.5, "ema_decay": None, "lr_schedule": None}
    whole = fit(None, max_epochs=40, **how)
    n_epochs = len(whole.history)
    assert n_epochs < 40
    interrupted_fit(tmp_path, n_epochs, max_epochs=40, **how)
    resumed = fit(tmp_path, max_epochs=40, **how)
    assert resumed.history[:, "valid_loss"] == whole.history[:, "valid_loss"]


@pytest.mark.parametrize("change", [{"seed": 1}, {"lr": 0.04}, {"max_epochs": 13}])
def test_the_checkpoint_of_another_fit_is_refused_and_kept(tmp_path, change):
    file = interrupted_fit(tmp_path, 2)
    content = file.read_bytes()
    with pytest.raises(ValueError, match=r"checkpoint\.pt.*belongs to another fit"):
        fit(tmp_path, **change)
    assert file.read_bytes() == content


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_truncated_checkpoint_is_refused(tmp_path, share):
    file = interrupted_fit(tmp_path, 2)
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=r"checkpoint\.pt.*cannot be read.*Delete"):
        fit(tmp_path)


def test_loading_a_checkpoint_executes_no_code(tmp_path):
    class Payload:
        def __reduce__(self):
            return (open, (str(tmp_path / "executed"), "w"))

    torch.save({"fingerprint": Payload()}, tmp_path / Checkpoint.file_name)
    with pytest.raises(ValueError, match="cannot be read"):
        fit(tmp_path)
    assert not (tmp_path / "executed").exists()


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    file = interrupted_fit(tmp_path, 2)
    content = file.read_bytes()

    def fail(state, stream):
        stream.write(b"half of it")
        raise OSError("No space left on device")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OSError, match="No space left"):
        fit(tmp_path)
    assert file.read_bytes() == content


def test_two_fits_do_not_share_a_folder(tmp_path):
    mine, yours = (Checkpoint(tmp_path, name) for name in ("mine", "yours"))
    mine.save({}, [])
    with pytest.raises(ValueError, match="Another fit writes"):
        yours.save({}, [])
    yours.remove()
    assert mine.path.exists()


def test_files_are_written_no_more_often_than_the_interval(tmp_path):
    interval = 3600.0
    checkpoint = Checkpoint(tmp_path, "", interval=interval)
    assert not checkpoint.is_due()
    checkpoint._last_time -= interval
    assert checkpoint.is_due()
    checkpoint.save({}, [])
    assert not checkpoint.is_due()


def test_nothing_is_left_after_success(tmp_path):
    fit(tmp_path / "run")
    assert list((tmp_path / "run").iterdir()) == []


def test_fingerprints_tell_contents_apart_and_nothing_else():
    def make(value, factor=1.0):
        return {"x": torch.tensor([value]), "class": NoisyRegression, "n": [factor]}

    assert fingerprint(make(1.0)) == fingerprint(make(1.0))
    assert fingerprint(make(1.0)) != fingerprint(make(2.0))
    assert fingerprint(make(1.0)) != fingerprint(make(1.0, 2.0))
    with seeded(0):
        first = nn.Linear(2, 2)
    with seeded(0):
        second = nn.Linear(2, 2)
    assert fingerprint(first) == fingerprint(second) != fingerprint(nn.Linear(2, 2))
