"""Prune unpromising Optuna trials while their networks train."""

from __future__ import annotations

from typing import Any

import optuna
from skorch import NeuralNet
from skorch.callbacks import Callback

__all__ = ["OptunaPruning"]


class OptunaPruning(Callback):
    """Report the loss of each epoch to an Optuna trial; stop the trial if told to.

    Works within cross-validation: the estimator that holds the callback can be cloned,
    and the epochs of each further fold follow on those of the fold before. Pass
    ``error_score="raise"`` to `cross_val_score`: by default scikit-learn takes the
    pruning of a trial for a fit that failed, and goes on with the next fold. Folds
    must be fitted in this process, one after another (``n_jobs=None``); run several
    trials at a time instead (``study.optimize(..., n_jobs=2)``, or several processes
    on one storage).

    Parameters
    ----------
    trial : optuna.trial.Trial
        The trial; make a new callback for each.
    monitor : str, default="valid_loss"
        What to report, of what the training records per epoch. "valid_loss" needs
        ``validation_fraction > 0``; another is "train_loss".
    lower_is_better : bool, default=True
        Whether small values of ``monitor`` are good. Where the study has it the other
        way round (it maximises a score and the loss is monitored), the values are
        reported with the opposite sign, so that its pruner spares the good trials.

    Raises
    ------
    optuna.TrialPruned
        From ``fit``, when the study's pruner gives the trial up.
    ValueError
        From ``fit``, when ``monitor`` is not recorded.

    Notes
    -----
    Epoch e = 0, 1, ... of fold f = 0, 1, ... is step ``f * max_epochs + e`` of the
    trial, so a pruner compares the same fold of different trials.

    Examples
    --------
    A clone reports to the same trial:

    >>> import optuna
    >>> from sklearn.base import clone
    >>> from skgenex.integration import OptunaPruning
    >>> trial = optuna.create_study().ask()
    >>> callback = OptunaPruning(trial)
    >>> clone(callback).trial is trial
    True

    In a study the estimator is made anew for each trial::

        def objective(trial):
            sampler = DiffusionSampler(
                lr=trial.suggest_float("lr", 1e-4, 1e-2, log=True),
                validation_fraction=0.2,
                callbacks=[OptunaPruning(trial)],
            )
            pipeline = make_pipeline(sampler, LogisticRegression())
            return cross_val_score(pipeline, X, y, error_score="raise").mean()

        study = optuna.create_study(direction="maximize")
        study.optimize(objective, n_trials=50)
    """

    def __init__(
        self,
        trial: optuna.trial.Trial,
        monitor: str = "valid_loss",
        lower_is_better: bool = True,
    ) -> None:
        self.trial = trial
        self.monitor = monitor
        self.lower_is_better = lower_is_better

    def __sklearn_clone__(self) -> OptunaPruning:
        """Return itself: a copy would report to a copy of the study."""
        return self

    def on_train_begin(
        self, net: NeuralNet, X: Any = None, y: Any = None, **kwargs: Any
    ) -> None:
        """Await the first report of this training."""
        self._reported = False

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Report the epoch; raise TrialPruned if the pruner says so."""
        row = net.history[-1]
        if self.monitor not in row and hasattr(self, "fold_"):
            return  # a final training on all rows, after one with held-out rows
        if self.monitor not in row:
            recorded = sorted(name for name in row if name.endswith("_loss"))
            raise ValueError(
                f"monitor={self.monitor!r} is not recorded; the losses are {recorded}. "
                "A validation loss needs validation_fraction > 0."
            )
        if not self._reported:
            self._reported = True
            self.fold_ = getattr(self, "fold_", -1) + 1
        epoch = len(net.history)
        value = float(row[self.monitor])
        minimises = self.trial.study.direction == optuna.study.StudyDirection.MINIMIZE
        if minimises != self.lower_is_better:
            value = -value
        self.trial.report(value, self.fold_ * net.max_epochs + epoch - 1)
        if self.trial.should_prune():
            raise optuna.TrialPruned(f"Pruned in fold {self.fold_}, epoch {epoch}.")
