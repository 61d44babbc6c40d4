"""Interventions, transport and imputation against what was measured.

python benchmarks/interventions.py FOLDER [--parts ifnb l1000 breast impute] [--out CSV]
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist
from scipy.stats import mannwhitneyu, spearmanr
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.model_selection import GroupKFold, train_test_split

from skgenex.datasets import load_dataset
from skgenex.generation import (
    DiffusionSampler,
    GaussianSampler,
    impute,
    simulate_intervention,
    transport,
)

INTERFERON = ["ISG15", "IFI6", "IFIT1", "IFIT2", "IFIT3", "MX1"]
IMPUTED_SETS = ["breast_tcga_subtype", "leukemia_golub", "gdsc_celllines"]
N_IMPUTED_GENES = 400
SEEDS = range(3)


def samplers(seed=0):
    """Fresh samplers by name."""
    return {
        "gaussian": GaussianSampler(random_state=seed),
        "diffusion": DiffusionSampler(random_state=seed),
        "diffusion_forced": DiffusionSampler(backend="diffusion", random_state=seed),
    }


def energy_distance(A, B):
    """Of two sets of rows, Euclidean."""
    return 2 * cdist(A, B).mean() - cdist(A, A).mean() - cdist(B, B).mean()


def ifnb(folder):
    """Control cells to treated ones, for a cell type whose treated cells are unseen."""
    data = load_dataset(folder / "pbmc_ifnb", as_frame=True)
    X, kind, domain = data.data, data.target, data.samples["domain"]
    conditions = pd.DataFrame({"kind": kind.to_numpy()}, index=X.index)
    for unseen in sorted(kind.unique()):
        is_held_out = ((kind == unseen) & (domain == "stim")).to_numpy()
        is_start = ((kind == unseen) & (domain == "ctrl")).to_numpy()
        start, truth = X[is_start], X[is_held_out].to_numpy()
        observed = truth.mean(axis=0) - start.to_numpy().mean(axis=0)
        shifts = [
            X[(kind == other) & (domain == "stim")].mean()
            - X[(kind == other) & (domain == "ctrl")].mean()
            for other in kind.unique()
            if other != unseen
        ]
        shift = np.mean(shifts, axis=0)
        results = {
            "no_change": (start.to_numpy(), np.nan, np.nan),
            "shift_of_others": ((start + shift).clip(lower=0).to_numpy(), 0.0, np.nan),
        }
        for name, sampler in samplers().items():
            began = time.process_time()
            sampler.fit(
                X[~is_held_out],
                domain[~is_held_out],
                conditions=conditions[~is_held_out],
            )
            moved = transport(
                sampler,
                start,
                to="stim",
                y=domain[is_start],
                conditions=conditions[is_start],
            )
            seconds = time.process_time() - began
            known = len(set(moved.table.index[:20]) & set(INTERFERON))
            results[name] = (moved.profiles.to_numpy(), seconds, known)
            yield {
                "part": "ifnb",
                "case": unseen,
                "method": name,
                "round_trip": moved.round_trip_error,
                "backend": getattr(sampler, "backend_", "gaussian"),
            }
        for name, (rows, seconds, known) in results.items():
            change = rows.mean(axis=0) - start.to_numpy().mean(axis=0)
            correlation = np.nan
            if change.any():
                correlation = np.corrcoef(change, observed)[0, 1]
            yield {
                "part": "ifnb",
                "case": unseen,
                "method": name,
                "correlation": correlation,
                "energy": energy_distance(rows, truth),
                "spread": rows.std(axis=0).mean() / truth.std(axis=0).mean(),
                "interferon_in_20": known,
                "seconds": seconds,
            }


def l1000(folder):
    """Knock-downs of genes whose wells are unseen; the target is set to its value."""
    data = load_dataset(folder / "l1000_knockdown", as_frame=True)
    X, target = data.data, data.target.astype(str)
    is_control = target.isin(["EMPTY_VECTOR", "UnTrt"]).to_numpy()
    rows = np.flatnonzero(target.isin(X.columns).to_numpy())
    folds = GroupKFold(4).split(rows, groups=target.iloc[rows])
    for fold, (_, test) in enumerate(folds):
        held_out = rows[test]
        seen = np.setdiff1d(np.arange(len(X)), held_out)
        fitted = {
            name: sampler.fit(X.iloc[seen])
            for name, sampler in samplers().items()
            if name != "diffusion"
        }
        controls = X[is_control]
        train = X.iloc[seen].to_numpy(dtype=float)
        others = np.random.default_rng(fold)
        for gene in sorted(target.iloc[held_out].unique()):
            wells = X.iloc[held_out][(target.iloc[held_out] == gene).to_numpy()]
            observed = (wells.mean() - controls.mean()).drop(gene).to_numpy()
            value = float(wells[gene].mean())
            step = value - controls[gene].mean()
            x = train[:, X.columns.get_loc(gene)]
            slope = (train - train.mean(axis=0)).T @ (x - x.mean()) / x.var() / len(x)
            predicted = {
                "plain_correlation": pd.Series(slope * step, X.columns),
                "any_other_gene": None,
            }
            for name, sampler in fitted.items():
                result = simulate_intervention(
                    sampler, controls, {gene: value}, n_draws=0
                )
                predicted[name] = result.change.mean()
            wrong = others.choice(X.columns.drop(gene))
            x = train[:, X.columns.get_loc(wrong)]
            slope = (train - train.mean(axis=0)).T @ (x - x.mean())
            predicted["any_other_gene"] = -pd.Series(slope, X.columns)
            for name, change in predicted.items():
                change = change.drop(gene).to_numpy()
                top = np.argsort(-np.abs(change))[:50]
                yield {
                    "part": "l1000",
                    "case": gene,
                    "method": name,
                    "correlation": spearmanr(change, observed)[0],
                    "sign_top50": np.mean(np.sign(change[top] * observed[top]) > 0),
                    "fall": step,
                }


def breast(folder):
    """Knock ESR1 down in ER+ tumours: its known targets should fall, others less."""
    graph = pd.read_csv(folder / "annotations" / "dorothea_abc.csv")
    graph = graph[(graph["tf"] == "ESR1") & (graph["target"] != "ESR1")]
    data = load_dataset(
        folder / "breast_er", expression="expression_affy.parquet", as_frame=True
    )
    for cohort in ("EXPO", "VDX"):
        chosen = data.samples["series"].eq(cohort).to_numpy()
        X, y = data.data[chosen], data.target[chosen]
        X = X.loc[:, X.notna().all()]
        is_target = X.columns.isin(graph["target"])
        positive = (y == "ER+").to_numpy()
        centred = (X - X.mean()) / X.std()
        falls = -centred.mul(centred["ESR1"], axis=0).mean()
        within = X[positive] - X[positive].mean()
        falls_within = -(within / within.std()).mul(within["ESR1"], axis=0).mean()
        predicted = {
            "plain_correlation": falls * X.std(),
            "plain_correlation_within": falls_within * X.std(),
        }
        for name, sampler in samplers().items():
            if name == "diffusion":
                continue
            for by_class in (True, False):
                labels = y if by_class else None
                sampler.fit(X, labels)
                result = simulate_intervention(
                    sampler,
                    X[positive],
                    {"ESR1": "knockdown"},
                    y=y[positive] if by_class else None,
                    n_draws=0,
                )
                key = f"{name}_within" if by_class else name
                predicted[key] = result.change.mean()
        for name, change in predicted.items():
            effect = (change / X.std()).drop("ESR1")
            at = is_target[X.columns != "ESR1"]
            auc = mannwhitneyu(-effect[at], -effect[~at]).statistic
            yield {
                "part": "breast",
                "case": cohort,
                "method": name,
                "auc_targets": auc / at.sum() / (~at).sum(),
                "targets_fall": np.mean(effect[at] < 0),
                "others_fall": np.mean(effect[~at] < 0),
                **{g: effect.get(g, np.nan) for g in ("TFF1", "GREB1", "PGR")},
            }


def imputation(folder):
    """Real values hidden at random in held-out rows; errors in standard deviations."""
    for name in IMPUTED_SETS:
        X_all, y_all = load_dataset(folder / name, return_X_y=True, min_class_size=6)
        for seed in SEEDS:
            X, held_out, y, _ = train_test_split(
                X_all.astype(float),
                y_all,
                train_size=min(300, int(0.7 * len(X_all))),
                test_size=min(100, int(0.3 * len(X_all))),
                stratify=y_all if name != "gdsc_celllines" else None,
                random_state=seed,
            )
            common = np.isin(y, [c for c in np.unique(y) if np.sum(y == c) > 1])
            X, y = X[common], y[common]
            best = np.sort(np.argsort(-X.var(axis=0))[:N_IMPUTED_GENES])
            mean, sd = X[:, best].mean(axis=0), X[:, best].std(axis=0)
            X, held_out = ((Z[:, best] - mean) / sd for Z in (X, held_out))
            gaussian = GaussianSampler(random_state=seed).fit(X, y)
            without = GaussianSampler(random_state=seed).fit(X)
            iterative = IterativeImputer(
                n_nearest_features=50, max_iter=3, random_state=seed
            )
            for share in (0.1, 0.5):
                hidden = np.random.default_rng(seed).random(held_out.shape) < share
                gappy = np.where(hidden, np.nan, held_out)
                # Fitted on complete rows, `IterativeImputer` learns no regressions.
                train = np.where(
                    np.random.default_rng(seed + 99).random(X.shape) < share, np.nan, X
                )
                methods = {
                    "mean": SimpleImputer().fit(X).transform,
                    "knn": KNNImputer(n_neighbors=10).fit(X).transform,
                    "iterative": iterative.fit(train).transform,
                    "gaussian": lambda rows, s=without: impute(s, rows).to_numpy(),
                    "gaussian_classes": lambda rows, s=gaussian: impute(
                        s, rows
                    ).to_numpy(),
                }
                for method, fill in methods.items():
                    began = time.process_time()
                    gap = (fill(gappy) - held_out)[hidden]
                    yield {
                        "part": "impute",
                        "case": f"{name} {share:.0%}",
                        "seed": seed,
                        "method": method,
                        "rmse": np.sqrt(np.mean(gap**2)),
                        "seconds": time.process_time() - began,
                    }


PARTS = {"ifnb": ifnb, "l1000": l1000, "breast": breast, "impute": imputation}


def table(rows, part):
    """Means over cases and seeds, in Markdown."""
    rows = rows[rows["part"] == part]
    values = rows.drop(columns=["part", "seed"], errors="ignore")
    keys = ["case", "method"] if part == "impute" else ["method"]
    numbers = values.drop(columns=["case", "method"]).select_dtypes("number")
    means = numbers.groupby([values[key] for key in keys], sort=False).mean()
    means = means.dropna(axis=1, how="all").reset_index()
    lines = [list(means.columns), ["---"] * means.shape[1]]
    lines += [
        [f"{v:.3f}" if isinstance(v, float) else str(v) for v in row]
        for row in means.itertuples(index=False)
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main():
    """Run the parts; write a CSV file and print tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=PARTS)
    parser.add_argument("--out", default="interventions.csv")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", category=ConvergenceWarning)
    records = []
    for part in arguments.parts:
        for record in PARTS[part](arguments.folder):
            records.append(record)
            pd.DataFrame(records).to_csv(arguments.out, index=False)
        print(f"### {part}\n\n{table(pd.DataFrame(records), part)}\n", flush=True)


if __name__ == "__main__":
    main()
