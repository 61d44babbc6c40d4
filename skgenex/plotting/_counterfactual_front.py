"""Scatter of what counterfactuals trade against each other."""

from typing import Any

import numpy as np
import pandas as pd

from ._axes import REAL, SYNTHETIC, single_axes


class ParetoDisplay:
    """Objectives of counterfactuals; those that no other beats in all are connected.

    Two objectives are the axes, a third may colour the points; less is better in all.
    Make it by :meth:`from_explanations` or :meth:`from_objectives`.

    Parameters
    ----------
    objectives : DataFrame of shape (n_candidates, n_objectives)
        A row per candidate.
    x, y : str
        Columns of the axes.
    colour : str or None, default=None
        Column of the colours.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it was drawn.
    figure_ : matplotlib Figure
        Its figure.
    front_ : ndarray of int
        Rows that are not dominated in ``x`` and ``y``, in the order of ``x``.

    Examples
    --------
    >>> import pandas as pd
    >>> from skgenex.plotting import ParetoDisplay
    >>> objectives = pd.DataFrame({"distance": [1, 2, 3], "n_genes": [9, 4, 5]})
    >>> ParetoDisplay.from_objectives(objectives).front_.tolist()
    [0, 1]
    """

    def __init__(
        self, objectives: pd.DataFrame, x: str, y: str, *, colour: str | None = None
    ) -> None:
        self.objectives = objectives
        self.x = x
        self.y = y
        self.colour = colour

    @classmethod
    def from_objectives(
        cls,
        objectives: pd.DataFrame,
        x: str | None = None,
        y: str | None = None,
        *,
        colour: str | None = None,
        ax: Any = None,
    ) -> "ParetoDisplay":
        """Draw candidates by their objectives.

        Parameters
        ----------
        objectives : DataFrame of shape (n_candidates, n_objectives)
            A row per candidate, less is better.
        x, y : str, default=None
            Columns of the axes; the first two that are not given elsewhere if None.
        colour : str, default=None
            Column of the colours.
        ax : matplotlib Axes, default=None
            Axes to draw in; new ones if None.

        Returns
        -------
        display : ParetoDisplay
            The drawn display.
        """
        columns = list(objectives.columns)
        wrong = [c for c in (x, y, colour) if c is not None and c not in columns]
        if wrong:
            raise ValueError(f"Columns must be of {columns}; got {wrong}.")
        free = [name for name in columns if name not in (x, y, colour)]
        if (x is None) + (y is None) > len(free):
            raise ValueError(
                f"objectives must have two columns to draw; got {columns}."
            )
        x = free.pop(0) if x is None else x
        y = free.pop(0) if y is None else y
        return cls(objectives, x, y, colour=colour).plot(ax)

    @classmethod
    def from_explanations(
        cls, explanations: Any, patient: int = 0, **options: Any
    ) -> "ParetoDisplay":
        """Draw the front of one patient; only what flips, as far as anything does.

        Parameters
        ----------
        explanations : Explanations
            Result of a `skgenex.counterfactual.CounterfactualExplainer` with
            ``method="pareto"``.
        patient : int, default=0
            Position of the patient.
        **options
            Further arguments of :meth:`from_objectives`; the default axes are
            ``"distance"`` and ``"n_genes"``.

        Returns
        -------
        display : ParetoDisplay
            The drawn display.
        """
        fronts = explanations.fronts
        if fronts is None:
            raise ValueError(
                'Only method="pareto" has fronts; these explanations do not.'
            )
        if not -len(fronts) <= patient < len(fronts):
            raise ValueError(
                f"patient must be a position among {len(fronts)}; got {patient}."
            )
        front = fronts[patient]
        if len(front) == 0:
            raise ValueError(
                f"Patient {patient} was predicted as the target already: no front."
            )
        valid = front["prediction_gap"] <= 0
        if valid.any():
            front = front[valid].reset_index(drop=True)
        return cls.from_objectives(front, **{"x": "distance", "y": "n_genes"} | options)

    def plot(self, ax: Any = None) -> "ParetoDisplay":
        """Draw the points and the front.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in; new ones if None.

        Returns
        -------
        display : ParetoDisplay
            This display.
        """
        ax = single_axes(ax)
        x, y = (self.objectives[name].to_numpy(float) for name in (self.x, self.y))
        order = np.lexsort((y, x))
        best = np.concatenate([[np.inf], np.minimum.accumulate(y[order])[:-1]])
        self.front_ = order[y[order] < best]
        if self.colour is None:
            ax.scatter(x, y, color=REAL, s=24, alpha=0.7)
        else:
            points = ax.scatter(x, y, c=self.objectives[self.colour], s=28)
            ax.figure.colorbar(points, ax=ax, label=self.colour)
        ax.plot(
            x[self.front_], y[self.front_],
            color=SYNTHETIC, drawstyle="steps-post", linewidth=1.2, zorder=0,
        )  # fmt: skip
        ax.set(xlabel=self.x, ylabel=self.y)
        self.ax_, self.figure_ = ax, ax.figure
        return self
