"""Draw time and memory of fits against rows and genes, from performance.py's CSV file.

Run ``python benchmarks/growth_plot.py growth.csv figure.png``. The file has a line per
fit: estimator, rows, genes, CPU seconds, megabytes beside the data, megabytes of data.
"""

import argparse

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

COLUMNS = ["estimator", "rows", "genes", "seconds", "extra_mb", "data_mb"]
FIXED = {"rows": ("genes", 200), "genes": ("rows", 200)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", help="CSV file of performance.py --parts growth")
    parser.add_argument("figure", help="image to write")
    args = parser.parse_args()
    table = pd.read_csv(args.table, names=COLUMNS)
    figure, axes = plt.subplots(2, 2, figsize=(9, 7), sharex="col", sharey="row")
    styles = {name: f"C{i}" for i, name in enumerate(table.estimator.unique())}
    for column, axis in enumerate(FIXED):
        other, value = FIXED[axis]
        part = table[table[other] == value].sort_values(axis)
        sizes = np.sort(part[axis].unique())
        for name, own in part.groupby("estimator", sort=False):
            for row, figure_of in enumerate(("seconds", "extra_mb")):
                axes[row, column].plot(
                    own[axis],
                    own[figure_of],
                    "o-",
                    ms=3,
                    color=styles[name],
                    label=name,
                )
        data = part.groupby(axis).data_mb.first()
        axes[1, column].plot(data.index, data, "k--", label="the data (float32)")
        start = part.groupby(axis).seconds.median().iloc[-1] / sizes[-1]
        axes[0, column].plot(sizes, start * sizes, "k:", label="in proportion")
        axes[1, column].set_xlabel(f"{axis}, of {value} {other}")
        for row in range(2):
            axes[row, column].set(xscale="log", yscale="log")
            axes[row, column].grid(alpha=0.3)
    axes[0, 0].set_ylabel("fit, CPU s")
    axes[1, 0].set_ylabel("peak beside the data, MB")
    entries = {}
    for axes_of in axes.flat:
        entries |= dict(zip(*axes_of.get_legend_handles_labels()[::-1], strict=True))
    figure.legend(
        entries.values(),
        entries,
        loc="center left",
        bbox_to_anchor=(1, 0.5),
        frameon=False,
    )
    figure.tight_layout()
    figure.savefig(args.figure, dpi=110, bbox_inches="tight")


if __name__ == "__main__":
    main()
