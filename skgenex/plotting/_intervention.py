"""Bars of a scan of interventions."""

from typing import Any

import numpy as np
import pandas as pd

from ._axes import REAL, SYNTHETIC, single_axes


class InterventionScanDisplay:
    """Genes whose change moves patients most towards the wanted class.

    A bar per gene: the gain in log odds with all other genes following, its standard
    deviation over patients, and a mark where the gene alone would come to. Make it by
    :meth:`from_table`.

    Parameters
    ----------
    table : DataFrame
        Table of :func:`skgenex.generation.intervention_scan`.
    n_genes : int, default=20
        So many genes with the largest ``gain``.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it was drawn.
    figure_ : matplotlib Figure
        Its figure.
    genes_ : list of str
        The genes, from top to bottom, with the sign of their change.

    Examples
    --------
    >>> import pandas as pd
    >>> from skgenex.plotting import InterventionScanDisplay
    >>> table = pd.DataFrame(
    ...     {"gain": [0.5, 2.0], "alone": [0.1, 0.2], "sd": [0.1, 0.1],
    ...      "by": [1.0, -1.0]}, index=["CD7", "CD19"])
    >>> InterventionScanDisplay.from_table(table).genes_
    ['CD19 down', 'CD7 up']
    """

    def __init__(self, table: pd.DataFrame, *, n_genes: int = 20) -> None:
        self.table = table
        self.n_genes = n_genes

    @classmethod
    def from_table(
        cls, table: pd.DataFrame, *, n_genes: int = 20, ax: Any = None
    ) -> "InterventionScanDisplay":
        """Draw the first genes of a table.

        Parameters
        ----------
        table : DataFrame
            Table of :func:`skgenex.generation.intervention_scan`.
        n_genes : int, default=20
            So many genes with the largest ``gain``.
        ax : matplotlib Axes, default=None
            Axes to draw in; new ones if None.

        Returns
        -------
        display : InterventionScanDisplay
            The drawn display.

        Raises
        ------
        ValueError
            If the table is not of a scan, or ``n_genes`` is not positive.
        """
        missing = {"gain", "alone", "sd", "by"} - set(table.columns)
        if missing:
            raise ValueError(
                "table must be of intervention_scan, with columns 'gain', 'alone', "
                f"'sd' and 'by'; {sorted(missing)} missing."
            )
        if n_genes < 1:
            raise ValueError(f"n_genes must be at least 1; got {n_genes}.")
        return cls(table, n_genes=n_genes).plot(ax)

    def plot(self, ax: Any = None) -> "InterventionScanDisplay":
        """Draw the bars.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in; new ones if None.

        Returns
        -------
        display : InterventionScanDisplay
            This display.
        """
        ax = single_axes(ax)
        rows = self.table.sort_values("gain", ascending=False, kind="stable")
        rows = rows.iloc[: self.n_genes]
        place = np.arange(len(rows))
        self.genes_ = [
            f"{gene} {'up' if by > 0 else 'down'}"
            for gene, by in zip(rows.index, rows["by"], strict=True)
        ]
        ax.barh(
            place, rows["gain"], xerr=rows["sd"], color=SYNTHETIC, label="others follow"
        )
        ax.plot(rows["alone"], place, "o", color=REAL, label="gene alone")
        ax.axvline(0, color="black", linewidth=0.8)
        ax.set_yticks(place, self.genes_)
        ax.invert_yaxis()
        ax.set_xlabel("gain in log odds of the wanted class")
        ax.legend(frameon=False)
        self.ax_, self.figure_ = ax, ax.figure
        return self
