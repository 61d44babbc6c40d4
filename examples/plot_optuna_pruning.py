"""
Tune the diffusion with Optuna, and stop hopeless trials
========================================================

A network reports each epoch's held-out loss to its Optuna trial; the study's pruner
ends trials that lag behind, in the middle of a fit. Two processes share one study
through a file.
"""

# %%
# The objective
# -------------
# Optuna works in processes that import the objective, so it lives in a module of its
# own; this gallery page writes that module to a temporary folder. In a project it is
# simply a file of yours.
#
# The loss is that of rows the sampler holds out of its own training. With
# ``backend="diffusion"`` all trials train the network, and `heldout_gain_` says how
# much lower its loss is than the Gaussian's. The callback goes into the sampler's
# ``callbacks``, new for each trial. It reports the trainings that hold rows out; the
# last training of a fit, on all rows, holds none out and has no such loss.

import tempfile
from pathlib import Path

OBJECTIVE = """
import sys

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from skgenex import DiffusionSampler
from skgenex.datasets import make_expression
from skgenex.integration import OptunaPruning

# Four subtypes that the sampler is not told of: what a Gaussian cannot describe.
X = make_expression(
    200, 150, n_classes=4, n_informative=50, effect_size=2.0, random_state=0
).data


def objective(trial):
    sampler = DiffusionSampler(
        backend="diffusion",
        lr=trial.suggest_float("lr", 1e-5, 1e-1, log=True),
        n_hidden=trial.suggest_categorical("n_hidden", [32, 128]),
        dropout=trial.suggest_float("dropout", 0.0, 0.5),
        max_epochs=15,
        patience=None,
        callbacks=[OptunaPruning(trial)],
        random_state=0,
    )
    return sampler.fit(X).heldout_gain_


def load_study(path, seed):
    return optuna.create_study(
        study_name="diffusion",
        storage=JournalStorage(JournalFileBackend(path)),
        sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=3, n_warmup_steps=3),
        direction="maximize",
        load_if_exists=True,
    )


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    load_study(sys.argv[1], int(sys.argv[2])).optimize(objective, n_trials=6)
"""
folder = tempfile.TemporaryDirectory()
script = Path(folder.name, "tune_diffusion.py")
script.write_text(OBJECTIVE, encoding="utf-8")

# %%
# Two processes, one study
# ------------------------
# The same command twice, as on two computers with a shared folder. Each process takes
# up the other's finished trials when it proposes the next.

import os
import subprocess
import sys

import skgenex

storage = str(Path(folder.name, "study.log"))
paths = [str(Path(skgenex.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
environment = {
    **os.environ,
    "OMP_NUM_THREADS": "1",
    "PYTHONPATH": os.pathsep.join(filter(None, paths)),
}
workers = [
    subprocess.Popen([sys.executable, str(script), storage, str(seed)], env=environment)
    for seed in (0, 1)
]
exit_codes = [worker.wait() for worker in workers]
assert exit_codes == [0, 0]

# %%
# What came out
# -------------
# "PRUNED" trials ended early; their value is the last loss, with the sign turned. The
# value of a complete one is the share by which the network's loss on rows it never saw
# is lower than the Gaussian's: the four clusters that it was not told of.

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

study = optuna.load_study(
    study_name="diffusion", storage=JournalStorage(JournalFileBackend(storage))
)
trials = study.trials_dataframe(attrs=("number", "state", "value", "params"))
print(trials.round(4).to_string(index=False))
print("Best:", study.best_params)

# %%
# The reported losses, epoch by epoch. Grey lines that end are pruned trials. (The
# study maximises, so the loss is reported with the opposite sign, and drawn here with
# its own.)

import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
for trial in study.trials:
    losses = {step: -loss for step, loss in trial.intermediate_values.items()}
    losses = {step: loss for step, loss in losses.items() if step < 15}
    pruned = trial.state == optuna.trial.TrialState.PRUNED
    style = {"color": "0.7"} if pruned else {"color": "#d9730d", "alpha": 0.7}
    ax.plot(losses.keys(), losses.values(), marker=".", **style)
ax.set(xlabel="epoch", ylabel="loss of held-out rows")

# %%
folder.cleanup()
