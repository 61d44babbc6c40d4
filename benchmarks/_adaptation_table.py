"""Tables of adaptation.csv, in Markdown."""

import numpy as np

BASELINE = "scaled_lr"
N_BOOTSTRAPS = 10_000
PAIR = ["data", "source", "target"]


def report(rows):
    """All tables of a run, one below the other."""
    rows["thinned"] = rows["thinned"].fillna("").astype(str)
    real = rows[rows["data"] != "simulated"]
    is_skewed = real["thinned"] != ""
    parts = [
        ("Plain pairs, no target labels", real[~is_skewed & (real["fraction"] == 0)]),
        ("Class-skewed pairs, no target labels", real[is_skewed]),
    ]
    parts += [
        (f"{fraction:.0%} of target rows labelled", real[real["fraction"] == fraction])
        for fraction in sorted(real["fraction"].unique())
        if fraction > 0
    ]
    parts.append(("Simulated shifts", rows[rows["data"] == "simulated"]))
    sections = [section(title, part) for title, part in parts if len(part)]
    return "\n\n".join(sections)


def section(title, rows):
    return "\n\n".join(
        [f"### {title}", summary(rows), by_pair(rows)]
        + ([by_case(rows)] if (rows["thinned"] != "").any() else [])
    )


def summary(rows):
    """Means over pairs, and the gain over the baseline with its interval."""
    pairs = rows.groupby([*PAIR, "method"])["balanced_accuracy"].mean().unstack()
    others = [
        "auc",
        "calibration_error",
        "a_distance",
        "cpu_seconds",
    ]
    means = rows.groupby([*PAIR, "method"])[others].mean().groupby("method").mean()
    lines = [
        "| method | balanced accuracy | gain, points (95 %) | worst pair | AUC | "
        "calibration error | A-distance | CPU s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for method in order(pairs.columns):
        gain = 100 * (pairs[method] - pairs[BASELINE]).dropna().to_numpy()
        low, high = interval(gain)
        mean = means.loc[method]
        lines.append(
            f"| {method} | {pairs[method].mean():.3f} | {gain.mean():+.1f} "
            f"({low:+.1f} to {high:+.1f}) | {gain.min():+.1f} | {mean['auc']:.3f} | "
            f"{mean['calibration_error']:.3f} | {mean['a_distance']:.2f} | "
            f"{mean['cpu_seconds']:.2f} |"
        )
    return "\n".join(lines)


def by_pair(rows):
    return wide(rows.assign(case=rows["source"] + " > " + rows["target"]))


def by_case(rows):
    """Each thinned class by itself."""
    case = rows["source"] + " > " + rows["target"] + ", few " + rows["thinned"]
    return wide(rows.assign(case=case))


def wide(rows):
    table = rows.pivot_table(
        index=["data", "case"], columns="method", values="balanced_accuracy", sort=False
    )
    table = table[order(table.columns)]
    lines = [
        "| data | case | " + " | ".join(table.columns) + " |",
        "|" + "---|" * (len(table.columns) + 2),
    ]
    for (data, case), values in table.iterrows():
        cells = " | ".join("" if np.isnan(v) else f"{v:.3f}" for v in values)
        lines.append(f"| {data} | {case} | {cells} |")
    return "\n".join(lines)


def interval(gain):
    """Bootstrap over pairs."""
    rng = np.random.default_rng(0)
    draws = rng.choice(gain, (N_BOOTSTRAPS, len(gain))).mean(axis=1)
    return np.quantile(draws, [0.025, 0.975])


def order(methods):
    from _adaptation_methods import METHODS

    return [name for name in METHODS if name in set(methods)]
