"""Compare ways to augment small training folds, on embedded leukaemia patients.

Run by ``make demo``. Prints a table and writes ``demo.png`` to the current folder.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.pipeline import Pipeline
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedShuffleSplit, cross_validate
from sklearn.preprocessing import StandardScaler

from skgenex import DiffusionSampler, GaussianSampler
from skgenex.datasets import load_leukemia
from skgenex.generation import multiply
from skgenex.metrics import fidelity_scores, privacy_scores
from skgenex.plotting import EmbeddingDisplay

MIN_PATIENTS = 10  # per class, so that small training folds hold about five of each
N_TRAIN = 50
N_REPEATS = 10
N_GENES = 1000
TIMES = multiply(3)  # every class to three times its size: 50 rows become 150

SAMPLERS = {
    "no augmentation": "passthrough",
    "random over-sampling": RandomOverSampler(sampling_strategy=TIMES, random_state=0),
    "SMOTE": SMOTE(sampling_strategy=TIMES, k_neighbors=3, random_state=0),
    "GaussianSampler": GaussianSampler(sampling_strategy=TIMES, random_state=0),
    "DiffusionSampler": DiffusionSampler(
        sampling_strategy=TIMES, random_state=0, device="cpu"
    ),
}
REAL = "training rows"  # judged as if a generator had made them


def variance(X, y):
    """Score genes without looking at the labels."""
    return X.var(axis=0)


def make_pipeline(sampler):
    """All steps learn from the training fold alone."""
    return Pipeline(
        [
            ("genes", SelectKBest(variance, k=N_GENES)),
            ("scale", StandardScaler()),
            ("augment", sampler),
            ("clf", LogisticRegression(class_weight="balanced", max_iter=2000)),
        ]
    )


def load_patients():
    """B-lineage patients of the molecular types that have enough of them."""
    leukemia = load_leukemia(target="molecular", as_frame=True)
    in_b_lineage = leukemia.patients["lineage"] == "B"
    counts = leukemia.target[in_b_lineage].value_counts()
    kept = counts[counts >= MIN_PATIENTS]
    dropped = counts[counts < MIN_PATIENTS]
    rows = in_b_lineage & leukemia.target.isin(kept.index)
    print(f"Patients: {rows.sum()} of {len(rows)} ({_listed(kept)}).")
    print(
        f"Left out: {(~in_b_lineage).sum()} of T lineage, so that lineage does not "
        f"give the type away, and types with fewer than {MIN_PATIENTS} patients "
        f"({_listed(dropped)}), too few to train on and to test on."
    )
    return leukemia.data[rows].to_numpy(), leukemia.target[rows].to_numpy()


def _listed(counts):
    return ", ".join(f"{name} {n}" for name, n in counts.items())


def judge(sampler, X, y, train, test):
    """Fidelity, privacy and CPU seconds of the rows that one sampler adds."""
    before = make_pipeline(sampler)[:2].fit(X[train], y[train])
    X_train, X_test = before.transform(X[train]), before.transform(X[test])
    if sampler == "passthrough":
        new, seconds, uses_network = X_train, np.nan, False
    else:
        start = time.process_time()
        fitted = clone(sampler)
        grown, _ = fitted.fit_resample(X_train, y[train])
        seconds = time.process_time() - start
        uses_network = getattr(fitted, "backend_", None) == "diffusion"
        new = np.random.default_rng(0).permutation(grown[len(train) :])
    scores = {
        **fidelity_scores(X_test, new, random_state=0),
        **privacy_scores(new, X_train=X_train, X_holdout=X_test, random_state=0),
        "CPU s": seconds,
        "uses_network": uses_network,
    }
    return scores, X_test, new


def compare(X, y):
    """One row per method, means over the splits, and what the figure needs."""
    cv = StratifiedShuffleSplit(N_REPEATS, train_size=N_TRAIN, random_state=0)
    splits = list(cv.split(X, y))
    rows, drawn = {}, {}
    for name, sampler in SAMPLERS.items():
        accuracy = cross_validate(
            make_pipeline(sampler),
            X,
            y,
            cv=splits,
            scoring="balanced_accuracy",
            n_jobs=2,
            error_score="raise",
        )["test_score"]
        judged = Parallel(n_jobs=2)(
            delayed(judge)(sampler, X, y, train, test) for train, test in splits
        )
        scores = pd.DataFrame([scores for scores, _, _ in judged]).mean()
        use = {"accuracy": accuracy.mean(), "sd": accuracy.std(ddof=1)}
        if name == "DiffusionSampler":
            # One whose network was used, or the picture is GaussianSampler's.
            uses = [scores["uses_network"] for scores, _, _ in judged]
            shown = uses.index(True) if any(uses) else 0
        drawn[name] = judged
        if sampler == "passthrough":
            rows[REAL] = scores
            rows[name] = pd.Series(use)
        else:
            rows[name] = pd.concat([pd.Series(use), scores])
    examples = {name: judged[shown][1:] for name, judged in drawn.items()}
    return pd.DataFrame(rows).T.reindex([*SAMPLERS, REAL]), examples, shown + 1


COLUMNS = {  # as the scores are called, and as the table calls them
    "precision": "precision",
    "recall": "recall",
    "coverage": "coverage",
    "c2st_logistic": "C2ST logistic",
    "c2st_boosting": "C2ST trees",
    "nearest_ratio": "nearest ratio",
    "closer_share": "closer share",
    "membership_auc": "member AUC",
}


def as_markdown(table):
    """Lay the table out for reading, and for pasting into Markdown."""
    shown = pd.DataFrame(index=table.index)
    shown["balanced accuracy"] = [
        "" if np.isnan(mean) else f"{mean:.3f} ± {sd:.3f}"
        for mean, sd in zip(table["accuracy"], table["sd"], strict=True)
    ]
    for score, title in {**COLUMNS, "CPU s": "CPU s"}.items():
        shown[title] = ["" if np.isnan(v) else f"{v:.2f}" for v in table[score]]
    shown = shown.reset_index(names="method")
    cells = [list(shown.columns), *shown.to_numpy().tolist()]
    widths = [max(len(row[j]) for row in cells) for j in range(shown.shape[1])]
    lines = [
        "| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |"
        for row in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
    return "\n".join(lines)


def draw(table, examples, split, path="demo.png"):
    """Draw real and synthetic patients above, the scores of all methods below."""
    figure = plt.figure(figsize=(11, 6.2), layout="constrained")
    above, below = figure.subfigures(2, 1)
    shown = ["SMOTE", "GaussianSampler", "DiffusionSampler"]
    for name, ax in zip(shown, above.subplots(1, 3, sharey=True), strict=True):
        held_out, new = examples[name]
        EmbeddingDisplay.from_arrays(held_out, new[: len(held_out)], ax=ax)
        ax.set_title(f"{name}: split {split}")
    colours = ["#9aa0ab", "#c9b458", "#8c6bb1", "#4c78a8", "#d9730d"]
    panels = (
        ("accuracy", "balanced accuracy\n(mean and sd over splits)", None),
        ("coverage", "coverage\n(line: training rows)", REAL),
        (
            "c2st_boosting",
            "C2ST, trees (0.5: not told\napart; line: training rows)",
            REAL,
        ),
        ("nearest_ratio", "nearest-training ratio\n(0: copies, 1: new rows)", 1.0),
    )
    for (score, title, line), ax in zip(
        panels, below.subplots(1, 4, sharey=True), strict=True
    ):
        values = table.loc[list(SAMPLERS), score]
        error = table.loc[list(SAMPLERS), "sd"] if score == "accuracy" else None
        ax.barh(list(SAMPLERS), values, xerr=error, color=colours)
        if line is not None:
            at = table.loc[line, score] if line == REAL else line
            ax.axvline(at, color="black", linewidth=1, linestyle="--")
        ax.set_xlim(0.4 if score in ("accuracy", "c2st_boosting") else 0, 1.1)
        ax.set_title(title, fontsize=9)
    ax.invert_yaxis()
    figure.savefig(path, dpi=100)


def say_what_to_see(table):
    """Put in words what the table shows, with its figures."""
    spread = table.loc["no augmentation", "sd"]
    gain = table["accuracy"] - table.loc["no augmentation", "accuracy"]
    gain = gain.drop([REAL, "no augmentation"])
    largest = gain[gain.abs().idxmax()]
    verdict = "less than" if abs(largest) < spread else "more than"
    ratio, coverage = table["nearest_ratio"], table["coverage"]
    shown = ["SMOTE", "GaussianSampler", "DiffusionSampler"]
    ratios = ", ".join(f"{ratio[name]:.2f}" for name in shown)
    coverages = ", ".join(f"{coverage[name]:.2f}" for name in shown)
    opened = round(table.loc["DiffusionSampler", "uses_network"] * N_REPEATS)
    return (
        f"What to see: augmentation changes balanced accuracy by {largest:+.3f} at most"
        f", {verdict} the spread over splits ({spread:.3f}). New rows keep this much of"
        f" the distance at which unseen patients lie from training patients: {ratios} "
        f"({', '.join(shown)}); they cover this share of unseen patients: {coverages} "
        f"(training patients: {coverage[REAL]:.2f}). DiffusionSampler found its network"
        f" better than its Gaussian in {opened} of {N_REPEATS} splits."
    )


if __name__ == "__main__":
    start = time.perf_counter()
    X, y = load_patients()
    print(
        f"{N_REPEATS} splits: {N_TRAIN} patients to train on, {len(y) - N_TRAIN} held "
        f"out; the {N_GENES} most variable genes of the training patients; one "
        f"class-weighted logistic regression.\n"
    )
    table, examples, split = compare(X, y)
    print(as_markdown(table))
    print(f"\n{say_what_to_see(table)}")
    draw(table, examples, split)
    print(f"Wrote demo.png. {time.perf_counter() - start:.0f} s.")
