"""Tables and figure of the self-supervision benchmark."""

import numpy as np

SIMPLE = ("LR tuned", "PCA + LR tuned")
FEW = 10
ALL = 100_000  # so many labels are all there are
COLOURS = {
    "VIME start": "C3",
    "VIME": "C1",
    "LR tuned": "C0",
    "PCA + LR tuned": "C2",
    "forest": "C4",
    "phenotype": "C5",
}


def table(records):
    """Markdown: balanced accuracy in percent, mean ± sd over the seeds."""
    groups = records.groupby(["task", "k", "method"])["score"]
    mean, sd = (100 * part.unstack() for part in (groups.mean(), groups.std(ddof=0)))
    methods = list(dict.fromkeys(records["method"]))
    lines = ["| task | k | " + " | ".join(methods) + " |"]
    lines.append("| --- " * (len(methods) + 2) + "|")
    for task, k in mean.index:
        cells = [
            f"{mean.loc[(task, k), m]:.1f} ± {sd.loc[(task, k), m]:.1f}"
            if np.isfinite(mean.loc[(task, k), m])
            else ""
            for m in methods
        ]
        lines.append(f"| {task} | {_name(k)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def gains(records, few=FEW):
    """Markdown: a method against the better simple one, on the same seeds, k <= few.

    Which of `SIMPLE` is better on average is picked afterwards for each task and k, in
    its favour.
    """
    wide = 100 * records[records["k"] <= few].pivot_table(
        "score", ["task", "k", "seed"], "method"
    )
    lines = ["| method | tasks and k | mean gain | worst | best |", "| --- " * 5 + "|"]
    for method in dict.fromkeys(records["method"]):
        if method in SIMPLE:
            continue
        ran = wide[[method, *SIMPLE]].dropna()
        if ran.empty:
            continue
        mean = ran.groupby(level=["task", "k"]).mean()
        gain = mean[method] - mean[list(SIMPLE)].max(axis=1)
        lines.append(
            f"| {method} | {len(gain)} | {gain.mean():+.1f} | {gain.min():+.1f} "
            f"({' '.join(map(str, gain.idxmin()))}) | {gain.max():+.1f} "
            f"({' '.join(map(str, gain.idxmax()))}) |"
        )
    return "\n".join(lines)


def wins(records, ours="VIME start"):
    """Markdown: the best method of each task and k at which ours ran."""
    wide = 100 * records.pivot_table("score", ["task", "k"], "method")
    wide = wide[wide[ours].notna()].dropna(axis=1)
    lines = ["| task | k: best method |", "| --- | --- |"]
    for task, rows in wide.groupby(level="task", sort=False):
        best = [f"{_name(k)}: {row.idxmax()}" for (_, k), row in rows.iterrows()]
        lines.append(f"| {task} | " + ", ".join(best) + " |")
    return "\n".join(lines)


def figure(records, path, label):
    """Draw learning curves, one panel per task."""
    import matplotlib.pyplot as plt

    tasks = list(dict.fromkeys(records["task"]))
    n_columns = min(4, len(tasks))
    n_rows = -(-len(tasks) // n_columns)
    drawn, axes = plt.subplots(
        n_rows,
        n_columns,
        figsize=(3.1 * n_columns, 2.7 * n_rows),
        layout="constrained",
        squeeze=False,
    )
    for ax in axes.flat[len(tasks) :]:
        ax.set_visible(False)
    for ax, task in zip(axes.flat, tasks, strict=False):
        of_task = records[records["task"] == task]
        for method, colour in COLOURS.items():
            groups = of_task[of_task["method"] == method].groupby("k")["score"]
            mean = 100 * groups.mean()
            if len(mean):
                sd = 100 * groups.std(ddof=0)
                last = 2 * sorted(of_task["k"].unique())[-2]
                ax.errorbar(
                    mean.index.to_numpy().clip(max=last),
                    mean,
                    yerr=sd,
                    color=colour,
                    marker="o",
                    markersize=3,
                    capsize=2,
                    label=method,
                )
        ticks = sorted(of_task["k"].unique())
        ax.set_xscale("log")
        places = [min(k, 2 * ticks[-2]) for k in ticks]
        ax.set_xticks(places, [_name(k) for k in ticks])
        ax.minorticks_off()
        ax.set_title(task, fontsize=9)
    drawn.supxlabel(label)
    drawn.supylabel("balanced accuracy, %")
    axes.flat[0].legend(fontsize=7)
    drawn.savefig(path, dpi=110)
    plt.close(drawn)


def _name(k):
    return "all" if k >= ALL else str(k)
