"""What is compared: each method takes a task, returns probabilities and features."""

from functools import partial

import numpy as np
from peers.adapt_networks import adapt_network
from peers.skada_networks import skada_network
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

import skgenex.domain_adaptation as room
from skgenex.domain_adaptation import DomainScaler

LABELLED_TARGET_WEIGHT = 0.2  # of all labelled rows together
DEEP = {"dann": "DANNClassifier", "cycada": "CyCADAClassifier"}


def logistic(C=0.01):
    return LogisticRegression(C=C, class_weight="balanced", max_iter=1000)


def weights(task):
    """Labelled target rows weigh a fifth of all labelled rows."""
    n_source, n_target = len(task.y_source), (task.seen >= 0).sum()
    share = LABELLED_TARGET_WEIGHT / (1 - LABELLED_TARGET_WEIGHT)
    extra = max(1.0, share * n_source / max(n_target, 1))
    return np.r_[np.ones(n_source), np.full(n_target, extra)]


def labelled(task, Z_source, Z_adapt):
    """Labelled rows of both domains, their labels and weights."""
    known = task.seen >= 0
    X = np.concatenate([Z_source, Z_adapt[known]])
    return X, np.concatenate([task.y_source, task.seen[known]]), weights(task)


def table(task):
    """All rows that may be learned from, as one table."""
    X = np.concatenate([task.X_source, task.X_adapt])
    y = np.concatenate([task.y_source, task.seen])
    return X, y, ["source"] * len(task.y_source) + ["target"] * len(task.seen)


def all_classes(model, X, n_classes):
    """Probabilities with a column for each class, seen or not."""
    out = np.zeros((len(X), n_classes))
    out[:, np.asarray(model.classes_, int)] = model.predict_proba(X)
    return out


def source_only(task):
    scaler = StandardScaler().fit(task.X_source)
    parts = [scaler.transform(X) for X in (task.X_source, task.X_adapt, task.X_test)]
    X, y, weight = labelled(task, *parts[:2])
    model = logistic().fit(X, y, sample_weight=weight)
    return all_classes(model, parts[2], task.n_classes), (parts[0], parts[2])


def scaled(task, make, **params):
    """Classify after `DomainScaler`."""
    X, y, domain = table(task)
    scaler = DomainScaler(target_domain="target", **params)
    Z = scaler.fit_transform(X, y, sample_domain=domain)
    Z_source, Z_adapt = np.split(Z, [len(task.y_source)])
    Z_test = scaler.transform(task.X_test)
    rows, labels, weight = labelled(task, Z_source, Z_adapt)
    model = make().fit(rows, labels, sample_weight=weight)
    return all_classes(model, Z_test, task.n_classes), (Z_source, Z_test)


def target_only(task, truth=False):
    """Logistic regression on labelled target rows alone; with ``truth`` the ceiling."""
    labels = task.y_adapt if truth else task.seen
    scaler = StandardScaler().fit(task.X_adapt)
    known = labels >= 0
    if len(np.unique(labels[known])) < 2:
        return None
    model = logistic().fit(scaler.transform(task.X_adapt)[known], labels[known])
    return all_classes(model, scaler.transform(task.X_test), task.n_classes), None


def deep(task, name, **params):
    """Fit a classifier of the room on the whole table."""
    X, y, domain = table(task)
    model = getattr(room, name)(
        target_domain="target", random_state=task.seed, **params
    )
    model.fit(X, y, sample_domain=domain)
    probabilities = all_classes(model, task.X_test, task.n_classes)
    if not hasattr(model, "transform"):
        return probabilities, None
    names = ["source"] * len(task.X_source)
    Z_source = model.transform(task.X_source, sample_domain=names)
    return probabilities, (Z_source, model.transform(task.X_test))


def forest(seed=0):
    return RandomForestClassifier(
        300, class_weight="balanced", random_state=seed, n_jobs=1
    )


def phenotype():
    from skgenex.prediction import PhenotypeClassifier

    return PhenotypeClassifier(random_state=0)


METHODS = {
    "source_lr": source_only,
    "scaled_lr": partial(scaled, make=partial(logistic, 0.1), label_shift=None),
    "scaled_lr_c001": partial(scaled, make=logistic, label_shift=None),
    "scaled_rf": partial(scaled, make=forest, label_shift=None),
    "scaled_phenotype": partial(scaled, make=phenotype, label_shift=None),
    "combat_lr": partial(scaled, make=logistic, label_shift=None, method="combat"),
    "quantile_lr": partial(scaled, make=logistic, label_shift=None, method="quantile"),
    "coral_lr": partial(scaled, make=logistic, label_shift=None, method="coral"),
    "ot_lr": partial(scaled, make=logistic, label_shift=None, method="ot"),
    "shift_lr": partial(scaled, make=logistic),
    "shift_lr_c01": partial(scaled, make=partial(logistic, 0.1)),
    "weighted_lr": partial(scaled, make=logistic, gene_weights="coexpression"),
    "shift_phenotype": partial(scaled, make=phenotype),
    **{
        short: partial(deep, name=name)
        for short, name in DEEP.items()
        if hasattr(room, name)
    },
    **{
        f"skada_{name}": partial(skada_network, name=name)
        for name in ("dann_shipped", "dann", "cdan", "deepcoral")
    },
    **{
        f"adapt_{name.lower()}": partial(adapt_network, name=name)
        for name in ("DANN", "CDAN", "DeepCORAL")
    },
    "target_only": target_only,
    "ceiling": partial(target_only, truth=True),
}
SLOW = ("cycada", "scaled_phenotype", "shift_phenotype")
PEERS = ("skada_", "adapt_")
DEFAULT = [n for n in METHODS if n not in SLOW and not n.startswith(PEERS)]
