"""Make the CSV file of counterfactual.py readable, in Markdown.

Run ``python benchmarks/counterfactual_table.py counterfactual.csv [more.csv ...]``.
"""

import argparse
from itertools import combinations

import numpy as np
import pandas as pd

FIGURES = {
    "validity": ("valid", 2),
    "L1": ("L1", 0),
    "L2": ("L2", 1),
    "n_genes": ("genes", 0),
    "knn_ratio": ("kNN", 2),
    "lof_outlier": ("LOF out", 2),
    "lof_outlier_of_inliers": ("of inliers", 2),
    "mahalanobis_ratio": ("Maha", 2),
    "correlation_breaking": ("dCorr", 2),
    "redundancy": ("redundant", 2),
    "robustness": ("noise", 2),
    "validity_reseeded": ("reseeded", 2),
    "diversity": ("diversity", 2),
    "fit_seconds": ("fit s", 1),
    "milliseconds": ("ms", 1),
    "known": ("known", 1),
}
# Two cohorts of one disease on the same genes.
PAIRS = {
    "EXPO and VDX": ("er_expo", "er_vdx"),
    "EXPO and VDX, genes of NKI": ("er_expo_nki", "er_vdx_nki"),
    "EXPO and NKI": ("er_expo_nki", "er_nki"),
    "VDX and NKI": ("er_vdx_nki", "er_nki"),
    "Golub and Chiaretti": ("bt_golub", "bt_chiaretti"),
}
# Cohorts on the genes they share with another: only their lists are of interest.
VIEWS = ["er_expo_nki", "er_vdx_nki", "bt_golub", "bt_chiaretti"]


def markdown(table, digits):
    """Markdown of a frame; `digits` by column."""

    def text(name, value):
        if isinstance(value, str):
            return value
        return "" if pd.isna(value) else f"{value:.{digits.get(name, 2)}f}"

    lines = [list(table.columns), ["---"] * table.shape[1]]
    for row in table.to_dict("records"):
        lines.append([text(name, value) for name, value in row.items()])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def shared(first, second):
    return len(set(first.split()) & set(second.split()))


def quality(rows):
    """Print, per cohort and classifier, the means over splits."""
    rows = rows.assign(milliseconds=1000 * rows["seconds"])
    for (cohort, model), part in rows.groupby(["cohort", "model"], sort=False):
        first = part.iloc[0]
        print(
            f"\n### {cohort}, {model}: {first.n_genes_total} genes, {first.n_train} "
            f"training patients, {part.seed.nunique()} splits, accuracy "
            f"{part.groupby('seed').accuracy.first().mean():.2f}\n"
        )
        table = part.groupby("search", sort=False)[list(FIGURES)].mean()
        table = table.dropna(how="all").dropna(axis=1, how="all").reset_index()
        names = {key: name for key, (name, _) in FIGURES.items()}
        digits = dict(FIGURES.values())
        print(markdown(table.rename(columns=names), digits))
        notes = part.dropna(subset="note").drop_duplicates("search")
        for row in notes.itertuples():
            print(f"- {row.search}: {row.note}")


def lists(rows):
    """Print how the first 20 genes agree: with known ones, cohorts, splits, chance."""
    columns = {}
    whole = rows[~rows.cohort.isin(VIEWS)]
    n_cohorts = whole.dropna(subset="known").cohort.nunique()
    for (search, model), part in rows.groupby(["search", "model"], sort=False):
        part = part.dropna(subset="top")
        if part.empty:
            continue
        name = search if model == "mlp" else f"{search} ({model})"
        true = part[part.labels == "true"]
        alone = true[~true.cohort.isin(VIEWS)]
        figures = alone.groupby("cohort", sort=False).known.mean().dropna().to_dict()
        figures = {f"known {cohort}": value for cohort, value in figures.items()}
        if len(figures) == n_cohorts:  # means over different cohorts do not compare
            figures["known, mean"] = np.mean(list(figures.values()))
        tops = true.set_index(["cohort", "seed"]).top
        for title, pair in PAIRS.items():
            firsts, seconds = (tops[tops.index.isin([c], level=0)] for c in pair)
            both = [shared(a, b) for a in firsts for b in seconds]
            if both:
                figures[title] = np.mean(both)
        if PAIRS.keys() <= figures.keys():
            figures["pairs, mean"] = np.mean([figures[title] for title in PAIRS])
        within = [
            shared(a, b)
            for _, group in alone.groupby("cohort")
            for a, b in combinations(group.top, 2)
        ]
        if within:
            figures["two splits"] = np.mean(within)
        permuted = part[part.labels != "true"]
        control = [
            shared(tops[row.cohort, row.seed], row.top)
            for row in permuted.itertuples()
            if (row.cohort, row.seed) in tops.index
        ]
        if control:
            figures["permuted labels"] = np.mean(control)
        columns[name] = figures
    table = pd.DataFrame(columns).T.rename_axis("ranking").reset_index()
    print("\n## The first 20 genes: known ones, and how many two lists share\n")
    print(markdown(table, dict.fromkeys(table.columns, 1)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+")
    files = parser.parse_args().files
    rows = pd.concat([pd.read_csv(file, dtype={"labels": str}) for file in files])
    key = ["cohort", "model", "seed", "labels", "search"]
    rows = rows.drop_duplicates(key, keep="last")
    quality(rows[(rows.labels == "true") & ~rows.cohort.isin(VIEWS)])
    lists(rows)


if __name__ == "__main__":
    main()
