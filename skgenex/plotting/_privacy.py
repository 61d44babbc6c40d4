"""ROC curves of membership attacks where it matters: at few false positives."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ._axes import single_axes

FLOOR = 1e-3  # of the logarithmic axes


class MembershipRocDisplay:
    """ROC curves of membership attacks on logarithmic axes (Carlini et al. 2022).

    The diagonal is guessing; dotted lines are 1 % and 10 % false positives. Make it by
    :meth:`from_results`.

    Parameters
    ----------
    curves : dict of str to tuple of (ndarray, ndarray)
        False- and true-positive rates of each attack, ascending.
    aucs : dict of str to float
        Area under each.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it was drawn.
    figure_ : matplotlib Figure
        Its figure.
    lines_ : list of matplotlib Line2D
        The curves, in the order of ``curves``.

    Examples
    --------
    >>> from skgenex.metrics.privacy import membership_result
    >>> from skgenex.plotting import MembershipRocDisplay
    >>> result = membership_result([3, 4, 5], [1, 2, 3], random_state=0)
    >>> display = MembershipRocDisplay.from_results({"distance": result})
    >>> display.ax_.get_xscale()
    'log'
    """

    def __init__(
        self,
        curves: Mapping[str, tuple[np.ndarray, np.ndarray]],
        aucs: Mapping[str, float],
    ) -> None:
        self.curves = curves
        self.aucs = aucs

    @classmethod
    def from_results(
        cls, results: Mapping[str, Any], *, ax: Any = None
    ) -> "MembershipRocDisplay":
        """Draw the ROC curves of attacks.

        Parameters
        ----------
        results : dict of str to MembershipResult
            By name of the attack, such as ``attacks`` of a privacy report.
        ax : matplotlib Axes, default=None
            Axes to draw in; new ones if None.

        Returns
        -------
        display : MembershipRocDisplay
            The drawn display.
        """
        if not results:
            raise ValueError("results must hold an attack; got none.")
        curves = {name: result.roc_curve() for name, result in results.items()}
        aucs = {name: result.auc[0] for name, result in results.items()}
        return cls(curves, aucs).plot(ax)

    def plot(self, ax: Any = None) -> "MembershipRocDisplay":
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in; new ones if None.

        Returns
        -------
        display : MembershipRocDisplay
            This display.
        """
        ax = single_axes(ax)
        grid = np.geomspace(FLOOR, 1, 200)
        ax.plot(grid, grid, color="0.6", linestyle="--", linewidth=1)
        for rate in (0.01, 0.1):
            ax.axvline(rate, color="0.8", linestyle=":", linewidth=1)
        self.lines_ = []
        # The curve is a staircase: also on logarithmic axes, where lines would bend.
        for name in sorted(self.curves, key=lambda name: -self.aucs[name]):
            fpr, tpr = (np.maximum(rates, FLOOR) for rates in self.curves[name])
            label = f"{name.replace('_', ' ')} ({self.aucs[name]:.2f})"
            (line,) = ax.plot(
                fpr, tpr, drawstyle="steps-post", linewidth=1.4, label=label
            )
            self.lines_.append(line)
        ax.set(
            xscale="log",
            yscale="log",
            xlim=(FLOOR, 1),
            ylim=(FLOOR, 1.1),
            xlabel="held-out rows accused (false positives)",
            ylabel="training rows found",
        )
        ax.legend(title="attack (AUC)", fontsize="small", loc="lower right")
        self.ax_, self.figure_ = ax, ax.figure
        return self
