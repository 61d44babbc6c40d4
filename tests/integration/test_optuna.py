import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.model_selection import cross_val_score

from skgenex import DiffusionSampler
from skgenex.integration import OptunaPruning
from tests._estimators import SmallClassifier

optuna.logging.set_verbosity(optuna.logging.ERROR)
MAX_EPOCHS = 4

# One of two processes which work on the same study.
WORKER = """
import sys
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from tests.integration.test_optuna import evaluate

optuna.logging.set_verbosity(optuna.logging.ERROR)
storage = JournalStorage(JournalFileBackend(sys.argv[1]))
study = optuna.load_study(
    study_name="shared", storage=storage, pruner=optuna.pruners.NopPruner()
)
study.optimize(evaluate, n_trials=3)
"""


def make_data():
    return make_classification(60, n_features=8, n_informative=4, random_state=0)


def evaluate(trial, **parameters):
    lr = trial.suggest_float("lr", 1e-6, 1e-1, log=True)
    classifier = SmallClassifier(
        max_epochs=MAX_EPOCHS,
        lr=lr,
        random_state=0,
        callbacks=[OptunaPruning(trial)],
        **{"validation_fraction": 0.3, **parameters},
    )
    return cross_val_score(classifier, *make_data(), cv=2, error_score="raise").mean()


class PruneAt(optuna.pruners.BasePruner):
    """Prune the trials with odd numbers at one step."""

    def __init__(self, step):
        self.step = step

    def prune(self, study, trial):
        return trial.number % 2 == 1 and trial.last_step == self.step


def make_study(step):
    sampler = optuna.samplers.RandomSampler(seed=0)
    return optuna.create_study(
        direction="maximize", pruner=PruneAt(step), sampler=sampler
    )


@pytest.mark.parametrize("step", [1, MAX_EPOCHS + 2])
def test_trials_are_pruned_within_cross_validation(step):
    study = make_study(step)
    study.optimize(evaluate, n_trials=6)
    states = Counter(trial.state for trial in study.trials)
    assert states == {TrialState.PRUNED: 3, TrialState.COMPLETE: 3}
    for trial in study.trials:
        last = step if trial.number % 2 else 2 * MAX_EPOCHS - 1
        assert list(trial.intermediate_values) == list(range(last + 1))


def test_the_reported_values_are_the_losses_of_the_folds():
    study = make_study(step=-1)
    study.optimize(evaluate, n_trials=1)
    reported = study.trials[0].intermediate_values
    trial = optuna.trial.FixedTrial(study.trials[0].params)
    losses = []

    class Remember(SmallClassifier):
        def fit(self, X, y):
            super().fit(X, y)
            losses.extend(row["valid_loss"] for row in self.history_)
            return self

    classifier = Remember(
        max_epochs=MAX_EPOCHS,
        lr=trial.suggest_float("lr", 1e-6, 1e-1, log=True),
        random_state=0,
        validation_fraction=0.3,
    )
    cross_val_score(classifier, *make_data(), cv=2, error_score="raise")
    np.testing.assert_array_equal(-np.array(list(reported.values())), losses)


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_the_hopeless_trial_is_pruned_whatever_the_direction(direction):
    pruner = optuna.pruners.MedianPruner(n_startup_trials=2)
    study = optuna.create_study(direction=direction, pruner=pruner)
    for lr in (0.02, 0.02, 1e-6):
        study.enqueue_trial({"lr": lr})
    sign = 1 if direction == "maximize" else -1
    study.optimize(lambda trial: sign * evaluate(trial), n_trials=3)
    states = [trial.state for trial in study.trials]
    assert states == [TrialState.COMPLETE, TrialState.COMPLETE, TrialState.PRUNED]
    sign_reported = np.sign(list(study.trials[0].intermediate_values.values()))
    assert set(sign_reported) == {-sign}


def test_a_clone_reports_to_the_same_trial():
    callback = OptunaPruning(optuna.create_study().ask())
    assert clone(SmallClassifier(callbacks=[callback])).callbacks[0] is callback


def test_a_loss_that_is_not_recorded_is_refused():
    trial = optuna.create_study().ask()
    with pytest.raises(ValueError, match=r"'valid_loss' is not recorded.*train_loss"):
        evaluate(trial, validation_fraction=0.0)


def test_two_processes_share_a_study(tmp_path):
    file = tmp_path / "journal.log"
    study = optuna.create_study(
        study_name="shared",
        storage=JournalStorage(JournalFileBackend(str(file))),
        direction="maximize",
        sampler=optuna.samplers.RandomSampler(),
    )
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", WORKER, str(file)]
    workers = [subprocess.Popen(command, cwd=root) for _ in range(2)]
    assert [worker.wait(timeout=120) for worker in workers] == [0, 0]
    assert sorted(trial.number for trial in study.trials) == list(range(6))
    assert {trial.state for trial in study.trials} == {TrialState.COMPLETE}
    for trial in study.trials:
        assert len(trial.intermediate_values) == 2 * MAX_EPOCHS


def test_a_final_training_on_all_rows_reports_nothing():
    """Its epochs have no held-out loss, and are no further fold."""
    X, y = make_data()
    trial = optuna.create_study().ask()
    sampler = DiffusionSampler(
        backend="diffusion",
        validation_fraction=0.5,
        max_epochs=3,
        patience=None,
        callbacks=[OptunaPruning(trial)],
        random_state=0,
    ).fit(X, y)
    assert sampler.backend_ == "diffusion"
    reported = trial.study.trials[0].intermediate_values
    n_folds = len(reported) // 3
    assert n_folds in (1, 2)
    assert sorted(reported) == list(range(3 * n_folds))
    assert reported[0] == pytest.approx(sampler.history_[0]["valid_loss"])
