"""Source, target to adapt to, target to score on: real pairs, simulated shifts."""

from dataclasses import dataclass, replace

import numpy as np
from sklearn.model_selection import train_test_split

from skgenex.datasets import load_dataset, make_expression

SETS = ["breast_er", "leukemia_bt_pair", "pbmc_ifnb"]
MIN_SCORED_ROWS = 15  # of each class, in class-skewed tasks
MIN_ROWS = 4
MAX_GENES = 2000
SIMULATED = {
    "shift": {"domain_shift": 1.5},
    "scale": {"domain_scale": 0.7},
    "shift+scale": {"domain_shift": 1.5, "domain_scale": 0.7},
    "rotation": {"domain_rotation": 60.0},
    "label shift": {"domain_shift": 1.5, "weights": [[0.5, 0.5], [0.85, 0.15]]},
    "lost modules": {"domain_shift": 1.5, "domain_scale": 0.3},
}


@dataclass(frozen=True)
class Task:
    """One problem; ``y_adapt`` is the truth, ``seen`` what a method may know of it."""

    data: str
    source: str
    target: str
    thinned: str
    fraction: float
    seed: int
    X_source: np.ndarray
    y_source: np.ndarray
    X_adapt: np.ndarray
    y_adapt: np.ndarray
    seen: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray

    @property
    def key(self):
        return (
            self.data,
            self.source,
            self.target,
            self.thinned,
            self.fraction,
            self.seed,
        )

    @property
    def n_classes(self):
        return self.y_source.max() + 1


def real_tasks(folder, sets, seeds, skewed, fractions):
    """Every ordered pair of domains; the target split in halves."""
    for name in sets:
        X, y, domain, classes = read(folder / name)
        pairs = [(a, b) for a in np.unique(domain) for b in np.unique(domain) if a != b]
        for a, b in pairs:
            source, target = np.flatnonzero(domain == a), np.flatnonzero(domain == b)
            for seed in range(seeds):
                adapt, test = train_test_split(
                    target, test_size=0.5, stratify=y[target], random_state=seed
                )
                if np.bincount(y[test]).min() < MIN_ROWS:
                    continue
                task = Task(
                    *(name, a.split("_")[0], b.split("_")[0], "", 0.0, seed),
                    *(X[source], y[source], X[adapt], y[adapt]),
                    *(np.full(len(adapt), -1), X[test], y[test]),
                )
                yield from with_labels(task, fractions)
                enough = np.bincount(y[test]).min() >= MIN_SCORED_ROWS
                if skewed and enough:
                    for c, label in enumerate(classes):
                        yield thinned(task, c, label)


def simulated_tasks(seeds):
    """Two domains that differ by a known shift; 200 source rows, 150 + 150 target."""
    for kind, how in SIMULATED.items():
        for seed in range(seeds):
            data = make_expression(
                500,
                300,
                n_domains=2,
                row_scale=0.15,
                n_informative=20,
                effect_size=0.8,
                random_state=seed,
                **how,
            )
            X, y = data.data, np.unique(data.target, return_inverse=True)[1]
            if kind == "lost modules":  # as cell lines have no immune or stroma cells
                lost = np.isin(data.module, [0, 1])
                rows = np.ix_(data.domain == 1, lost)
                noise = np.random.default_rng(seed).standard_normal(X[rows].shape)
                X[rows] = data.mean[lost] - 2 + 0.3 * noise
            source, target = np.flatnonzero(data.domain == 0), data.domain == 1
            adapt, test = train_test_split(
                np.flatnonzero(target),
                test_size=0.5,
                stratify=y[target],
                random_state=seed,
            )
            yield Task(
                *("simulated", kind, "target", "", 0.0, seed),
                *(X[source], y[source], X[adapt], y[adapt]),
                *(np.full(len(adapt), -1), X[test], y[test]),
            )


def with_labels(task, fractions):
    """Label each fraction of the rows to adapt to."""
    rng = np.random.default_rng(1000 + task.seed)
    order = rng.permutation(len(task.y_adapt))
    for fraction in fractions:
        seen = np.full(len(order), -1)
        for c in np.unique(task.y_adapt) if fraction else []:
            rows = order[task.y_adapt[order] == c]
            rows = rows[: max(1, round(fraction * len(rows)))]
            seen[rows] = c
        yield replace(task, fraction=fraction, seen=seen)


def thinned(task, c, label):
    """Thin one class of the rows to adapt to, to a fifth."""
    rng = np.random.default_rng(2000 + task.seed)
    rows = rng.permutation(np.flatnonzero(task.y_adapt == c))
    keep = np.ones(len(task.y_adapt), dtype=bool)
    keep[rows[max(1, round(len(rows) / 5)) :]] = False
    return replace(
        task,
        thinned=str(label),
        X_adapt=task.X_adapt[keep],
        y_adapt=task.y_adapt[keep],
        seen=task.seen[keep],
    )


def read(folder):
    """Genes that vary most within domains, class codes, domains and class names."""
    data = load_dataset(folder)
    domain = data.samples["domain"].to_numpy(str)
    X = np.asarray(data.data, np.float64)
    spread = np.mean([X[domain == d].var(axis=0) for d in np.unique(domain)], axis=0)
    genes = np.sort(np.argsort(spread)[::-1][:MAX_GENES])
    classes, y = np.unique(np.asarray(data.target, str), return_inverse=True)
    return X[:, genes], y, domain, classes
