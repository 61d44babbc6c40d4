"""Make the CSV file of generation.py readable: tables and paired tests, in Markdown.

Run ``python benchmarks/generation_table.py generation.csv [more.csv ...]``.
"""

import argparse

import numpy as np
import pandas as pd
from _protocol import CLASSIFIERS, FIDELITY, GAINS, KEY, PRIVACY
from scipy import stats

CELL = KEY[:3]  # set, size, seed
SIGNS = {  # figure: is more better?
    "precision": True,
    "recall": True,
    "density error": False,
    "coverage error": False,
    "C2ST logistic excess": False,
    "C2ST boosting excess": False,
    "correlation": True,
}
NOT_GENERATORS = ["real", "oversample", "copy"]
NAMES = {name: name.replace("_", " ").replace("c2st", "C2ST") for name in FIDELITY}
MIN_FOR_WILCOXON = 6  # with five pairs its p-value cannot be below 0.06


def markdown(table, digits=3):
    """Markdown of a frame without its index."""

    def text(value):
        if isinstance(value, float):
            return "" if np.isnan(value) else f"{value:.{digits}f}"
        return str(value)

    lines = [list(map(str, table.columns)), ["---"] * table.shape[1]]
    lines += [list(map(text, row)) for row in table.itertuples(index=False, name=None)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def p_value(differences):
    """Two-sided p-value of paired differences: Wilcoxon, t if there are few."""
    differences = np.round(np.asarray(differences, float), 9)  # ties are ties
    if len(differences) < 2 or not np.any(differences):
        return 1.0
    if len(differences) >= MIN_FOR_WILCOXON:
        return float(stats.wilcoxon(differences).pvalue)
    if np.ptp(differences) == 0:
        return 0.0
    return float(stats.ttest_1samp(differences, 0).pvalue)


def holm(p):
    """Holm-adjusted p-values."""
    order = np.argsort(p)
    adjusted = np.maximum.accumulate(np.sort(p) * np.arange(len(p), 0, -1))
    return np.minimum(adjusted, 1)[np.argsort(order)]


def against_ceiling(rows):
    """Fidelity figures to compare: density and coverage by distance to the ceiling."""
    ceiling = rows[rows.method == "real"].set_index(CELL)
    if ceiling.empty:
        raise SystemExit('The tests need the method "real", the ceiling.')
    own = rows.set_index([*CELL, "method"])[FIDELITY].dropna(how="all")
    level = ceiling[["density", "coverage"]].reindex(own.index.droplevel("method"))
    level.index = own.index
    figures = pd.DataFrame(
        {
            "precision": own.precision,
            "recall": own.recall,
            "density error": (own.density - level.density).abs(),
            "coverage error": (own.coverage - level.coverage).abs(),
            "C2ST logistic excess": (own.c2st_logistic - 0.5).clip(lower=0),
            "C2ST boosting excess": (own.c2st_boosting - 0.5).clip(lower=0),
            "correlation": own.correlation,
        }
    )
    return figures.dropna()


def pairs(frame, first, second):
    """Rows of two methods for the cells that both have, index without method."""
    methods = frame.index.get_level_values("method")
    by_method = [frame[methods == name].droplevel("method") for name in (first, second)]
    common = by_method[0].index.intersection(by_method[1].index)
    return [part.loc[common].sort_index() for part in by_method]


def means(rows):
    """Print a table of means over seeds per set and size."""
    for (name, size), part in rows.groupby(["set", "size"], sort=False):
        shape = part.dropna(subset="n_genes").iloc[0]
        print(
            f"\n### {name}, n = {size}: {shape.n_genes:.0f} genes, "
            f"{shape.n_classes:.0f} classes, {shape.n_holdout:.0f} held out, "
            f"{part.seed.nunique()} seeds\n"
        )
        table = part.groupby("method", sort=False)[
            [*FIDELITY, *PRIVACY, *CLASSIFIERS, *GAINS]
        ].mean()
        table = table.dropna(axis=1, how="all").dropna(how="all")
        fidelity = [c for c in FIDELITY + PRIVACY if c in table]
        scored = table[fidelity].dropna(how="all").rename(columns=NAMES).reset_index()
        scored["method"] = scored.method.replace("real", "real (ceiling)")
        print(markdown(scored, 2))
        use = [c for c in CLASSIFIERS + GAINS if c in table]
        scored = table[use].dropna(how="all").reset_index()
        scored["method"] = scored.method.replace("real", "no augmentation")
        print("Balanced accuracy on held-out rows, and its gain by augmentation:\n")
        print(markdown(scored, 3))


def comparison(a, b):
    """Frame of paired differences a - b per figure."""
    rows = []
    for figure, more_is_better in SIGNS.items():
        difference = a[figure] - b[figure]
        better = difference if more_is_better else -difference
        rows.append(
            {
                "figure": figure + (" (more is better)" if more_is_better else ""),
                "first": a[figure].mean(),
                "second": b[figure].mean(),
                "difference": difference.mean(),
                "better : worse": f"{(better > 0).sum()} : {(better < 0).sum()}",
                "p": p_value(difference),
                "better by": better.mean(),
            }
        )
    table = pd.DataFrame(rows)
    table["p (Holm)"] = holm(table.p.to_numpy())
    significant = table["p (Holm)"] < 0.05
    table["verdict"] = np.where(
        significant, np.where(table["better by"] > 0, "better", "WORSE"), ""
    )
    return table.drop(columns="better by")


def fidelity_tests(rows, first, second):
    """Print the comparison of two methods, over all splits and per set and size."""
    figures = against_ceiling(rows)
    a, b = pairs(figures, first, second)
    if a.empty:
        return
    named = {"first": first, "second": second}
    print(f"\n## Fidelity: {first} against {second}\n")
    print(
        f"All {len(a)} splits, paired; Wilcoxon signed-rank test, Holm-adjusted over "
        "the seven figures. Splits of one set share rows, so p-values are optimistic. "
        "Errors are distances to the ceiling; excess is max(AUC - 0.5, 0).\n"
    )
    print(markdown(comparison(a, b).rename(columns=named), 4))
    print(
        "\nPer set and size, the figures that differ after adjustment (within the "
        f"set and size; a paired t-test below {MIN_FOR_WILCOXON} seeds):\n"
    )
    lines = []
    for (name, size), part in a.groupby(level=["set", "size"], sort=False):
        table = comparison(part, b.loc[part.index])
        table = table[table.verdict != ""]
        better, worse = (
            ", ".join(
                f"{row.figure.split(' (')[0]} {row.difference:+.3f}"
                for row in table[table.verdict == verdict].itertuples()
            )
            for verdict in ("better", "WORSE")
        )
        lines.append(
            {"set": name, "n": size, "seeds": len(part)}
            | {f"{first} better": better, f"{first} WORSE": worse}
        )
    print(markdown(pd.DataFrame(lines)))


def ranks(rows):
    """Print the mean rank of each generator over figures and splits."""
    figures = against_ceiling(rows)
    figures = figures[~figures.index.isin(NOT_GENERATORS, level="method")]
    n_methods = figures.index.get_level_values("method").nunique()
    if n_methods < 2:
        return
    complete = figures.groupby(level=CELL).precision.transform("size") == n_methods
    figures = figures[complete]
    signed = figures * [-1 if more else 1 for more in SIGNS.values()]
    by_split = signed.groupby(level=CELL).rank()
    table = by_split.groupby(level="method").mean()
    table.insert(0, "mean rank", table.mean(axis=1))
    table = table.sort_values("mean rank").reset_index()
    n = len(figures) // n_methods
    print(f"\n## Mean ranks over the {n} splits that all methods finished (1: best)\n")
    print(markdown(table, 2))


def aims(rows):
    """Print how close to the ceiling each method comes, mean over sets and sizes."""
    ceiling = rows[rows.method == "real"].set_index(CELL)[["precision", "coverage"]]
    share = rows.set_index([*CELL, "method"]).sort_index()
    level = ceiling.reindex(share.index.droplevel("method")).to_numpy()
    share[["precision", "coverage"]] /= level
    columns = ["precision", "coverage", "c2st_logistic", "c2st_boosting", *PRIVACY]
    columns += ["fit_seconds", "rows_per_second"]
    by_size = share.groupby(["set", "size", "method"])[columns].mean()
    table = by_size.groupby("method").mean().dropna(how="all").reset_index()
    table = table[table.precision.notna()]
    table = table.rename(
        columns={
            "precision": "precision / ceiling",
            "coverage": "coverage / ceiling",
            "fit_seconds": "fit, CPU s",
            "rows_per_second": "rows per CPU s",
        }
    )
    table["rows per CPU s"] = [
        "" if np.isnan(rate) else f"{rate:,.0f}" for rate in table["rows per CPU s"]
    ]
    print("\n## Likeness, privacy and cost, mean over sets and sizes\n")
    print(markdown(table, 2))


def gate(rows, first):
    """Print how often the network was used, and its held-out gain."""
    part = rows[(rows.method == first) & rows.backend.notna()]
    if part.empty:
        return
    part = part.assign(opened=part.backend == "diffusion")
    table = part.groupby(["set", "size"], sort=False).agg(
        opened=("opened", "sum"), seeds=("seed", "size"), gain=("heldout_gain", "mean")
    )
    table.columns = ["gate open", "of seeds", "held-out gain"]
    mostly = part.groupby(["set", "size"]).opened.mean() > 0.5
    n_open = mostly.groupby("set").any().sum()
    print(f"\n## Where {first} uses its network\n")
    print(markdown(table.reset_index()))
    print(
        f"\nOpen for most seeds, at some size: {n_open} of {part.set.nunique()} sets."
    )


def privacy_tests(rows, first, second):
    """Print the paired differences of the privacy scores."""
    a, b = pairs(rows.set_index([*CELL, "method"])[PRIVACY], first, second)
    if a.dropna().empty:
        return
    print(f"\n## Privacy: {first} against {second}\n")
    lines = [
        {
            "score": score,
            first: a[score].mean(),
            second: b[score].mean(),
            "difference": (a[score] - b[score]).mean(),
            "p": p_value((a[score] - b[score]).dropna()),
            "lowest of a set and size": a[score].groupby(["set", "size"]).mean().min(),
            "largest difference of a set and size": (a[score] - b[score])
            .groupby(["set", "size"])
            .mean()
            .max(),
        }
        for score in PRIVACY
    ]
    print(markdown(pd.DataFrame(lines)))


def use_tests(rows):
    """Print the gains of augmentation, tested against none and the simple methods."""
    gains = rows.set_index([*CELL, "method"])[GAINS].dropna(axis=1, how="all")
    methods = [m for m in rows.method.unique() if m != "real"]
    lines = []
    for column in gains:
        for method in methods:
            own = gains[column].xs(method, level="method").dropna()
            if own.empty:
                continue
            line = {
                "classifier": column.removeprefix("gain_"),
                "method": method,
                "gain": own.mean(),
                "p": p_value(own),
            }
            by_size = own.groupby(level=["set", "size"])
            p = holm(by_size.agg(p_value).to_numpy())
            below = by_size.mean()[(p < 0.05) & (by_size.mean() < 0).to_numpy()]
            for other in ("smote", "oversample"):
                if other in methods and other != method:
                    a, b = pairs(gains[column].dropna(), method, other)
                    line[f"minus {other}"] = (a - b).mean()
                    line[f"p, {other}"] = p_value(a - b)
            line["significantly below none at"] = ", ".join(
                f"{name} n={size} ({gain:+.3f})" for (name, size), gain in below.items()
            )
            lines.append(line)
    if not lines:
        return
    print("\n## Use: gain of balanced accuracy over no augmentation, all splits\n")
    print(
        "Class-weighted classifiers. p: Wilcoxon over splits; the last column is "
        "Holm-adjusted over sets and sizes.\n"
    )
    table = pd.DataFrame(lines)
    last = "significantly below none at"
    table = table[[c for c in table if c != last] + [last]]
    print(markdown(table))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", nargs="+", help="CSV files of generation.py")
    parser.add_argument("--first", default="diffusion")
    parser.add_argument("--second", default="gaussian")
    args = parser.parse_args()
    texts = {"note": str, "backend": str}
    tables = [pd.read_csv(path, dtype=texts) for path in args.results]
    rows = pd.concat(tables, ignore_index=True)
    rows = rows.drop_duplicates(KEY, keep="last")
    noted = rows[rows.note.notna()]
    failed = rows.note.fillna("").str.startswith("failed")
    rows = rows[~failed]
    aims(rows)
    ranks(rows)
    fidelity_tests(rows, args.first, args.second)
    gate(rows, args.first)
    privacy_tests(rows, args.first, args.second)
    use_tests(rows)
    if len(noted):
        print("\n## Notes\n")
        print(markdown(noted.groupby(["method", "note"]).size().reset_index(name="n")))
    print("\n## Means over seeds")
    means(rows)


if __name__ == "__main__":
    main()
