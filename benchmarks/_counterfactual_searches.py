"""Searches of the counterfactual benchmark: ours, simple references, peers by command.

Each is a function of a task that returns profiles (NaN where nothing was found), the
CPU seconds of fitting, and those of all patients.
"""

import os
import shlex
import subprocess
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch

from skgenex.counterfactual import CounterfactualExplainer
from skgenex.generation import DiffusionSampler, edit


def ours(**options):
    """Search by the package's explainer; it sees what the classifier was trained on."""

    def search(task):
        start = time.process_time()
        explainer = CounterfactualExplainer(task.model, random_state=0, **options)
        explainer.fit(task.X_train, task.y_train)
        fitted = time.process_time()
        profiles = explainer.explain(task.patients, task.target).profiles
        return profiles, fitted - start, time.process_time() - fitted

    return search


def diffusion(task):
    """Denoise under the target class, by a sampler fitted on the same rows."""
    start = time.process_time()
    sampler = DiffusionSampler(random_state=0).fit(task.X_train, task.y_train)
    search = ours(method="diffusion", prior=partial(edit, sampler, keep=[]))
    fitted = time.process_time() - start
    profiles, fit_seconds, seconds = search(task)
    return profiles, fitted + fit_seconds, seconds


def nearest(task):
    """Take the nearest training patient that is predicted as the target."""
    start = time.process_time()
    rows, predicted = task.X_train.to_numpy(), task.predict(task.X_train)
    profiles = task.patients.copy()
    for i, (patient, target) in enumerate(
        zip(task.patients.to_numpy(), task.target, strict=True)
    ):
        own = rows[predicted == target]
        profiles.iloc[i] = own[((own - patient) ** 2).sum(axis=1).argmin()]
    return profiles, 0.0, time.process_time() - start


def mean_line(task):
    """Go towards the target's class mean until the prediction flips: no gradient."""
    start = time.process_time()
    steps = np.linspace(0, 1.5, 151)[:, None]
    profiles = task.patients.copy()
    for i, (patient, target) in enumerate(
        zip(task.patients.to_numpy(), task.target, strict=True)
    ):
        mean = task.X_train[task.y_train == target].mean().to_numpy()
        line = patient + steps * (mean - patient)
        flipped = np.flatnonzero(task.predict(line) == target)
        profiles.iloc[i] = line[flipped[0]] if len(flipped) else np.nan
    return profiles, 0.0, time.process_time() - start


def peer(command, timeout):
    """Search by a command in an environment of its own; networks and linear models.

    The command gets a .npz file with ``X_train``, ``y_train``, ``X``, ``target``
    (codes) and the layers ``W0``, ``b0``, ... of a ReLU network, and the .npz file to
    write, with ``profiles``, ``seconds`` per patient and ``fit_seconds``; it may write
    this again after each patient, and is stopped after ``timeout`` seconds.
    """

    def search(task):
        classes = np.unique(task.y_train)
        given = {
            "X_train": task.X_train.to_numpy(),
            "y_train": np.searchsorted(classes, task.y_train),
            "X": task.patients.to_numpy(),
            "target": np.searchsorted(classes, task.target),
        }
        layers = layers_of(task.model)
        given["n_layers"] = len(layers)
        for k, (weight, bias) in enumerate(layers):
            given[f"W{k}"], given[f"b{k}"] = weight, bias
        with tempfile.TemporaryDirectory() as name:
            task_file, out = Path(name) / "task.npz", Path(name) / "out.npz"
            np.savez(task_file, **given)
            try:
                done = subprocess.run(
                    [*shlex.split(command), os.fspath(task_file), os.fspath(out)],
                    capture_output=True,
                    text=True,
                    timeout=timeout,
                )
            except subprocess.TimeoutExpired:
                done = None
            if done is not None and done.returncode:
                last = done.stderr.strip().splitlines()[-1:] or ["no message"]
                raise RuntimeError(f"exit code {done.returncode}: {last[0]}")
            if not out.exists():
                raise RuntimeError(f"nothing in {timeout:.0f} s")
            with np.load(out) as made:
                profiles = task.patients.copy()
                profiles.iloc[:] = made["profiles"]
                seconds = np.nanmean(made["seconds"]) * len(profiles)
                return profiles, float(made["fit_seconds"]), seconds

    return search


def layers_of(model):
    """Weights (inputs x outputs) and biases of a network or a linear classifier."""
    if isinstance(model, torch.nn.Module):
        return [
            (layer.weight.numpy().T, layer.bias.numpy())
            for layer in model
            if isinstance(layer, torch.nn.Linear)
        ]
    if not hasattr(model, "coef_"):
        raise RuntimeError(f"no layers: {type(model).__name__}")
    coef, intercept = model.coef_, model.intercept_
    if len(coef) == 1:
        zero = np.zeros_like(coef)
        coef, intercept = np.concatenate([zero, coef]), np.array([0.0, intercept[0]])
    return [(coef.T, intercept)]


SEARCHES = {
    "default": ours(),
    "natural": ours(method="natural"),
    "learned": ours(method="learned"),
    "gradient": ours(method="gradient"),
    "sparse": ours(method="sparse"),
    "drivers": ours(n_drivers=20),
    "prototype": ours(method="prototype"),
    "pareto": ours(method="pareto"),
    "diffusion": diffusion,
    "nearest": nearest,
    "mean_line": mean_line,
}
