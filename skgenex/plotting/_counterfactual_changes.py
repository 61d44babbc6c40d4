"""Heat maps of patients before, their changes, and after."""

from typing import Any

import numpy as np
import pandas as pd

from ._axes import grid_axes

TITLES = ("original", "change", "counterfactual")


class ChangesDisplay:
    """Patients x genes: original, change and counterfactual side by side.

    In standard deviations from the mean of the originals; patients with the same
    origin and target stand together, and those who change most first. Make it by
    :meth:`from_explanations`.

    Parameters
    ----------
    original, change : DataFrame of shape (n_patients, n_genes)
        What to draw, in the order to draw it.
    groups : list of str
        Name of the group of each patient.

    Attributes
    ----------
    ax_ : ndarray of matplotlib Axes of shape (3,)
        The panels.
    figure_ : matplotlib Figure
        Their figure.

    Examples
    --------
    >>> import pandas as pd
    >>> from types import SimpleNamespace
    >>> from skgenex.plotting import ChangesDisplay
    >>> before = pd.DataFrame({"CD7": [9.0, 4.0], "CD19": [5.0, 8.0]})
    >>> after = before[::-1].set_axis(before.index)
    >>> explanations = SimpleNamespace(
    ...     originals=before, profiles=after, changes=after - before, scale_=[2, 2],
    ...     predicted_before=["T", "B"], target=["B", "T"])
    >>> len(ChangesDisplay.from_explanations(explanations).ax_)
    3
    """

    def __init__(
        self, original: pd.DataFrame, change: pd.DataFrame, groups: list[str]
    ) -> None:
        self.original = original
        self.change = change
        self.groups = groups

    @classmethod
    def from_explanations(
        cls,
        explanations: Any,
        *,
        genes: list[str] | None = None,
        n_genes: int = 30,
        ax: Any = None,
    ) -> "ChangesDisplay":
        """Draw the patients of explanations.

        Parameters
        ----------
        explanations : Explanations
            Result of a counterfactual search.
        genes : list of str, default=None
            Genes to draw, in this order. None: those with the largest mean change,
            rising ones first.
        n_genes : int, default=30
            How many, without ``genes``.
        ax : matplotlib Axes or array of three, default=None
            One axes, whose place is divided, or three; a new figure if None.

        Returns
        -------
        display : ChangesDisplay
            The drawn display.
        """
        scale = np.asarray(explanations.scale_, dtype=float)
        scale = np.where(scale > 0, scale, np.inf)
        centred = (explanations.originals - explanations.originals.mean()) / scale
        change = explanations.changes / scale
        origin = [str(name) for name in np.asarray(explanations.predicted_before)]
        target = [str(name) for name in np.asarray(explanations.target)]
        group = np.array([f"{a} → {b}" for a, b in zip(origin, target, strict=True)])
        if genes is None:
            size = change.abs().mean().sort_values(ascending=False, kind="stable")
            largest = size.index[:n_genes]
            # Signed by the first group: the others may move the other way.
            lead = change.loc[group == group[0], largest].mean()
            genes = lead.sort_values(ascending=False, kind="stable").index.tolist()
        unknown = [gene for gene in genes if gene not in change.columns]
        if unknown:
            raise ValueError(f"genes must be columns; {unknown[:5]} are not.")
        amount = (change**2).sum(axis=1).to_numpy()
        order = np.lexsort((-amount, group))
        return cls(
            centred[genes].iloc[order], change[genes].iloc[order], list(group[order])
        ).plot(ax)

    def plot(self, ax: Any = None) -> "ChangesDisplay":
        """Draw the heat maps.

        Parameters
        ----------
        ax : matplotlib Axes or array of three, default=None
            One axes, whose place is divided, or three; a new figure if None.

        Returns
        -------
        display : ChangesDisplay
            This display.
        """
        n_patients, n_genes = self.original.shape
        height = float(np.clip(1.2 + 0.12 * n_patients, 2.5, 8))
        axes = grid_axes(ax, 3, 3, (1.2 + 0.1 * min(n_genes, 40), height))
        panels = (self.original, self.change, self.original + self.change)
        limit = float(np.quantile(np.abs(np.concatenate(panels)), 0.98)) or 1.0
        for panel, values, title in zip(axes, panels, TITLES, strict=True):
            image = panel.imshow(
                values, vmin=-limit, vmax=limit, cmap="RdBu_r", aspect="auto",
                interpolation="nearest",
            )  # fmt: skip
            panel.set_title(title)
            panel.set_yticks([])
            if n_genes <= 40:  # more could not be read
                panel.set_xticks(
                    range(n_genes), list(self.original.columns), rotation=90, fontsize=6
                )
            else:
                panel.set(xticks=[], xlabel=f"{n_genes} genes")
        names, starts = np.unique(self.groups, return_index=True)
        ends = [*starts[1:], n_patients]
        axes[0].set_yticks(
            [(a + b - 1) / 2 for a, b in zip(starts, ends, strict=True)],
            list(names),
            rotation=90,
            va="center",
        )
        axes[0].tick_params(axis="y", length=0)
        for start in starts[1:]:
            for panel in axes:
                panel.axhline(start - 0.5, color="0.1", linewidth=1)
        figure = axes[0].figure
        figure.colorbar(
            image, ax=list(axes), label="standard deviations", shrink=0.8, extend="both"
        )
        self.ax_, self.figure_ = axes, figure
        return self
