"""Losses over the epochs of a fit."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ._axes import REAL, SYNTHETIC, single_axes


class TrainingCurveDisplay:
    """Training and validation loss over the epochs, with the best epoch marked.

    Make it by :meth:`from_estimator` or :meth:`from_history`.

    Parameters
    ----------
    epoch : ndarray of shape (n_epochs,)
        Epoch numbers.
    train_loss : ndarray of shape (n_epochs,)
        Mean training loss of each epoch.
    valid_loss : ndarray of shape (n_epochs,), default=None
        Mean validation loss of each epoch. The best epoch is the first of its minimum;
        without it none is marked, as a training loss says nothing about which is best.

    Attributes
    ----------
    best_epoch_ : int or None
        The epoch marked.
    ax_ : matplotlib Axes
        Where it was drawn.
    figure_ : matplotlib Figure
        Its figure.

    Examples
    --------
    >>> from skgenex.plotting import TrainingCurveDisplay
    >>> history = [{"epoch": 1, "train_loss": 1.0, "valid_loss": 1.1},
    ...            {"epoch": 2, "train_loss": 0.6, "valid_loss": 0.9},
    ...            {"epoch": 3, "train_loss": 0.4, "valid_loss": 1.0}]
    >>> TrainingCurveDisplay.from_history(history).best_epoch_
    2
    """

    def __init__(
        self,
        epoch: np.ndarray,
        train_loss: np.ndarray,
        valid_loss: np.ndarray | None = None,
    ) -> None:
        self.epoch = epoch
        self.train_loss = train_loss
        self.valid_loss = valid_loss

    @classmethod
    def from_history(
        cls, history: Sequence[Mapping[str, Any]], *, ax: Any = None
    ) -> "TrainingCurveDisplay":
        """Draw a history.

        Parameters
        ----------
        history : sequence of mappings
            One for each epoch, with ``epoch``, ``train_loss`` and, in all or none,
            ``valid_loss``.
        ax : matplotlib Axes, default=None
            Axes to draw in; new ones if None.

        Returns
        -------
        display : TrainingCurveDisplay
            The drawn display.
        """
        if not len(history):
            raise ValueError("history must hold at least one epoch; got none.")
        for name in ("epoch", "train_loss"):
            if any(name not in row for row in history):
                raise ValueError(
                    f"Every epoch of history must have {name!r}; got one with "
                    f"{sorted(next(row for row in history if name not in row))}."
                )
        n_valid = sum("valid_loss" in row for row in history)
        if n_valid not in (0, len(history)):
            raise ValueError(
                f"valid_loss must be there in all epochs or none; got {n_valid} of "
                f"{len(history)}."
            )
        columns = (
            ("epoch", "train_loss", "valid_loss")
            if n_valid
            else (
                "epoch",
                "train_loss",
            )
        )
        return cls(*(np.array([row[c] for row in history]) for c in columns)).plot(ax)

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, ax: Any = None
    ) -> "TrainingCurveDisplay":
        """Draw the history of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            Fitted, with an attribute ``history_``.
        ax : matplotlib Axes, default=None
            Axes to draw in; new ones if None.

        Returns
        -------
        display : TrainingCurveDisplay
            The drawn display.
        """
        if not hasattr(estimator, "history_"):
            raise ValueError(
                "estimator must be fitted and have trained a network, so that it has "
                f"history_; got {estimator!r}."
            )
        return cls.from_history(estimator.history_, ax=ax)

    def plot(self, ax: Any = None) -> "TrainingCurveDisplay":
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in; new ones if None.

        Returns
        -------
        display : TrainingCurveDisplay
            This display.
        """
        ax = single_axes(ax)
        ax.plot(self.epoch, self.train_loss, color=REAL, label="training")
        self.best_epoch_ = None
        if self.valid_loss is not None:
            best = int(np.nanargmin(self.valid_loss))
            self.best_epoch_ = int(self.epoch[best])
            ax.plot(self.epoch, self.valid_loss, color=SYNTHETIC, label="validation")
            ax.plot(
                self.epoch[best],
                self.valid_loss[best],
                linestyle="none",
                marker="o",
                color=SYNTHETIC,
                label=f"best (epoch {self.best_epoch_})",
            )
        ax.set(xlabel="epoch", ylabel="loss")
        ax.legend(frameon=False)
        self.ax_, self.figure_ = ax, ax.figure
        return self
