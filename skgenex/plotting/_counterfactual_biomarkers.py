"""Ranked lollipops of biomarkers."""

from typing import Any

import numpy as np
import pandas as pd

from ._axes import single_axes

UP, DOWN, CONTROL = "#b2182b", "#2166ac", "#888888"  # as in red-blue heat maps


class BiomarkersDisplay:
    """The most changed genes, their mean change and what chance would give.

    A lollipop per gene, on the left if its signed mean change is negative; a bar as
    long as the mean change under permuted labels, where the table has it. A gene whose
    lollipop ends within the bar is not evidence. Make it by :meth:`from_table`.

    Parameters
    ----------
    table : DataFrame
        Table of :func:`skgenex.counterfactual.biomarkers`, or any with columns
        ``change`` and ``signed_change``, indexed by gene.
    n_genes : int, default=20
        So many genes with the largest ``change``.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it was drawn.
    figure_ : matplotlib Figure
        Its figure.
    genes_ : list of str
        The genes, from top to bottom.

    Examples
    --------
    >>> import pandas as pd
    >>> from skgenex.plotting import BiomarkersDisplay
    >>> table = pd.DataFrame(
    ...     {"change": [1.0, 2.0], "signed_change": [1.0, -1.5]}, index=["CD7", "CD19"])
    >>> BiomarkersDisplay.from_table(table).genes_
    ['CD19', 'CD7']
    """

    def __init__(self, table: pd.DataFrame, *, n_genes: int = 20) -> None:
        self.table = table
        self.n_genes = n_genes

    @classmethod
    def from_table(
        cls, table: pd.DataFrame, *, n_genes: int = 20, ax: Any = None
    ) -> "BiomarkersDisplay":
        """Draw the first genes of a table.

        Parameters
        ----------
        table : DataFrame
            Table of :func:`skgenex.counterfactual.biomarkers`.
        n_genes : int, default=20
            So many genes with the largest ``change``.
        ax : matplotlib Axes, default=None
            Axes to draw in; new ones if None.

        Returns
        -------
        display : BiomarkersDisplay
            The drawn display.
        """
        missing = {"change", "signed_change"} - set(table.columns)
        if missing:
            raise ValueError(
                "table must have columns 'change' and 'signed_change'; "
                f"{sorted(missing)} missing."
            )
        if n_genes < 1:
            raise ValueError(f"n_genes must be at least 1; got {n_genes}.")
        return cls(table, n_genes=n_genes).plot(ax)

    def plot(self, ax: Any = None) -> "BiomarkersDisplay":
        """Draw the lollipops.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in; new ones if None.

        Returns
        -------
        display : BiomarkersDisplay
            This display.
        """
        ax = single_axes(ax)
        rows = self.table.sort_values("change", ascending=False, kind="stable")
        rows = rows.iloc[: self.n_genes]
        side = np.where(rows["signed_change"] < 0, -1, 1)
        end = side * rows["change"].to_numpy()
        place = np.arange(len(rows))
        if "control_change" in rows:
            ax.barh(
                place,
                side * rows["control_change"],
                height=0.8,
                color=CONTROL,
                alpha=0.35,
                label="permuted labels",
            )
            ax.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1))
        colours = [UP if s > 0 else DOWN for s in side]
        ax.hlines(place, 0, end, color=colours, linewidth=1.5)
        ax.scatter(end, place, color=colours, s=28, zorder=3)
        ax.axvline(0, color="0.2", linewidth=0.8)
        ax.set_yticks(place, [str(gene) for gene in rows.index], fontsize=8)
        ax.set_ylim(len(rows) - 0.4, -0.6)
        towards = self.table.attrs.get("towards")
        where = "" if towards is None else f" towards {towards}"
        ax.set_xlabel(f"mean change{where} (standard deviations)")
        ax.margins(x=0.08)
        self.genes_ = [str(gene) for gene in rows.index]
        self.ax_, self.figure_ = ax, ax.figure
        return self
