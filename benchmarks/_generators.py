"""Generators of the benchmark: baselines, ours with their ablations, peers by command.

All have ``fit(X, y)`` and ``sample(y, random_state)``, which returns rows and labels;
labels are integers.
"""

import os
import resource
import shlex
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from imblearn.over_sampling import SMOTE, RandomOverSampler
from sklearn.covariance import ledoit_wolf_shrinkage

from skgenex import DiffusionSampler, GANSampler, GaussianSampler, VAESampler

N_AUGMENT = 500  # synthetic rows added to the training rows, as many of each class


def balanced_labels(y):
    """About `N_AUGMENT` labels, as many of each class of y."""
    classes = np.unique(y)
    return np.repeat(classes, N_AUGMENT // len(classes))


class Copy:
    """Bootstrap of the training rows: what copying looks like."""

    def fit(self, X, y):
        self.X, self.y = X, y
        return self

    def sample(self, y, random_state):
        rng = np.random.default_rng(random_state)
        rows = [rng.choice(np.flatnonzero(self.y == label)) for label in y]
        return self.X[rows], y


class Real(Copy):
    """The training rows: a second real sample beside the held-out one."""

    def sample(self, y, random_state):
        return self.X, self.y


class Oversample(Copy):
    """Random over-sampling to the size of the largest class, whatever y."""

    def sample(self, y, random_state):
        sampler = RandomOverSampler(random_state=random_state)
        X, labels = sampler.fit_resample(self.X, self.y)
        return X[len(self.X) :], labels[len(self.X) :]


class Smote(Copy):
    """SMOTE; rows of a class with one training row are copies of it."""

    def sample(self, y, random_state):
        own, wanted = (np.bincount(labels, minlength=self.y.max() + 1)
                       for labels in (self.y, y))  # fmt: skip
        pairs = [c for c in np.flatnonzero(wanted) if own[c] > 1]
        smote = SMOTE(
            sampling_strategy={c: own[c] + wanted[c] for c in pairs},
            k_neighbors=min(5, own[pairs].min() - 1),
            random_state=random_state,
        )
        X, labels = smote.fit_resample(self.X, self.y)
        copied, single = super().sample(y[~np.isin(y, pairs)], random_state)
        n = len(self.X)
        return np.concatenate([X[n:], copied]), np.concatenate([labels[n:], single])


class LedoitWolfGaussian:
    """Class means and one Ledoit-Wolf covariance of all classes, in factor form."""

    def fit(self, X, y):
        self.means = {label: X[y == label].mean(axis=0) for label in np.unique(y)}
        residuals = X - np.stack([self.means[label] for label in y])
        self.intensity = ledoit_wolf_shrinkage(residuals, assume_centered=True)
        self.factor = residuals / np.sqrt(max(len(X) - len(self.means), 1))
        self.variance = np.sum(self.factor**2) / X.shape[1]
        return self

    def sample(self, y, random_state):
        rng = np.random.default_rng(random_state)
        a, (n, p) = self.intensity, self.factor.shape
        X = np.stack([self.means[label] for label in y])
        X += np.sqrt(1 - a) * rng.standard_normal((len(y), n)) @ self.factor
        X += np.sqrt(a * self.variance) * rng.standard_normal((len(y), p))
        return X, y


class Ours:
    """A sampler of the package."""

    def __init__(self, sampler):
        self.sampler = sampler

    def fit(self, X, y):
        self.sampler.fit(X, y)
        return self

    def sample(self, y, random_state):
        return self.sampler.sample(y=y, random_state=random_state)


class Peer:
    """A generator run by a command, in an environment of its own.

    The command gets two more arguments: a .npz file with the training rows ``X`` and
    labels ``y``, ``counts`` (rows wanted of each label 0, 1, ...) and ``seed``; and the
    .npz file to write, with ``X`` and ``y``. `sample` hands out its rows, each once.
    """

    def __init__(self, command, seed, timeout):
        self.command, self.seed, self.timeout = command, seed, timeout

    def fit(self, X, y):
        counts = np.bincount(np.concatenate([y, balanced_labels(y)]))
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        with tempfile.TemporaryDirectory() as name:
            given, made = Path(name) / "train.npz", Path(name) / "synthetic.npz"
            np.savez(given, X=X, y=y, counts=counts, seed=self.seed)
            done = subprocess.run(
                [*shlex.split(self.command), os.fspath(given), os.fspath(made)],
                capture_output=True,
                text=True,
                timeout=self.timeout,
            )
            if done.returncode:
                last = done.stderr.strip().splitlines()[-1:] or ["no message"]
                raise RuntimeError(f"exit code {done.returncode}: {last[0]}")
            with np.load(made) as arrays:
                X_new, y_new = arrays["X"].astype(float), arrays["y"].astype(int)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.cpu_seconds = (after.ru_utime + after.ru_stime) - (
            children.ru_utime + children.ru_stime
        )
        finite = np.isfinite(X_new).all(axis=1)
        self.X, self.y = X_new[finite], y_new[finite]
        self.n_missing = int(
            np.maximum(counts - np.bincount(self.y, minlength=len(counts)), 0).sum()
        )
        return self

    def sample(self, y, random_state):
        wanted = np.bincount(y)
        own = [np.flatnonzero(self.y == c)[:n] for c, n in enumerate(wanted)]
        rows = np.concatenate(own)
        if len(rows) < 10:
            raise RuntimeError(f"gave {len(rows)} finite rows of {len(y)} wanted")
        X, labels = self.X[rows], self.y[rows]
        self.X, self.y = (np.delete(part, rows, axis=0) for part in (self.X, self.y))
        return X, labels


# name: generator of a random state
GENERATORS = {
    "real": lambda seed: Real(),
    "oversample": lambda seed: Oversample(),
    "copy": lambda seed: Copy(),
    "smote": lambda seed: Smote(),
    "gaussian_lw": lambda seed: LedoitWolfGaussian(),
    "gaussian": lambda seed: Ours(GaussianSampler(random_state=seed)),
    "diffusion": lambda seed: Ours(DiffusionSampler(random_state=seed)),
    "vae": lambda seed: Ours(VAESampler(random_state=seed)),
    "gan": lambda seed: Ours(GANSampler(random_state=seed)),
    # Ablations: one part left out, or the network always used.
    "gaussian_common": lambda seed: Ours(
        GaussianSampler(class_covariance=np.inf, random_state=seed)
    ),
    "gaussian_nomap": lambda seed: Ours(
        GaussianSampler(marginal=False, random_state=seed)
    ),
    "gaussian_lwshrink": lambda seed: Ours(
        GaussianSampler(shrinkage="ledoit_wolf", random_state=seed)
    ),
    "diffusion_nomap": lambda seed: Ours(
        DiffusionSampler(marginal=False, random_state=seed)
    ),
    "diffusion_forced": lambda seed: Ours(
        DiffusionSampler(backend="diffusion", random_state=seed)
    ),
    "vae_forced": lambda seed: Ours(VAESampler(backend="vae", random_state=seed)),
    "gan_forced": lambda seed: Ours(GANSampler(backend="gan", random_state=seed)),
    "diffusion_noearly": lambda seed: Ours(
        DiffusionSampler(
            backend="diffusion",
            validation_fraction=0.0,
            max_epochs=80,
            random_state=seed,
        )
    ),
}
DEFAULT = list(GENERATORS)[:9]
