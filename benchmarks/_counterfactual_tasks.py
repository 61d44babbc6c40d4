"""Tasks of the counterfactual benchmark: a real cohort and a frozen classifier."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from skgenex.datasets import load_dataset

N_PATIENTS = 50  # correctly predicted test patients, explained at most
ER = "ESR1 GATA3 FOXA1 XBP1 TFF1 CA12 AGR2 TBC1D9 MLPH NAT1 PGR"
LINEAGE = "CD3D CD3E CD7 LCK CD19 CD79A CD79B BLNK"


@dataclass(frozen=True)
class Cohort:
    """Where a cohort is, and the genes that are known for its phenotype."""

    folder: str
    known: str = ""
    expression: str = "expression.parquet"
    domain: str | None = None
    label: str = "label"
    n_classes: int | None = None  # only the largest


COHORTS = {
    "er_expo": Cohort(
        "breast_er", ER, "expression_affy.parquet", domain="EXPO_HGU133Plus2"
    ),
    "er_vdx": Cohort("breast_er", ER, "expression_affy.parquet", domain="VDX_HGU133A"),
    "er_nki": Cohort("breast_er", ER, domain="NKI_Agilent2color"),
    "golub": Cohort("leukemia_golub", "ZYX CST3 CD33 MPO CD79A TCF3 MYB"),
    "mesothelioma": Cohort(
        "lung_mesothelioma", "CALB2 WT1 KRT5 MSLN CLDN7 EPCAM NKX2-1"
    ),
    "bt_lineage": Cohort("leukemia_bt_pair", LINEAGE, "expression_chiaretti.parquet"),
    "gdsc_tissue": Cohort("gdsc_celllines", n_classes=16),
}
# The same cohorts on the genes that another one has too, to compare lists of genes.
PAIRED = {
    "er_expo_nki": Cohort("breast_er", ER, domain="EXPO_HGU133Plus2"),
    "er_vdx_nki": Cohort("breast_er", ER, domain="VDX_HGU133A"),
    "bt_golub": Cohort("leukemia_bt_pair", LINEAGE, domain="golub_HuGeneFL"),
    "bt_chiaretti": Cohort("leukemia_bt_pair", LINEAGE, domain="chiaretti_HGU95Av2"),
}


@dataclass
class Task:
    """A frozen classifier and the patients to explain; genes in training deviations."""

    X_train: pd.DataFrame
    y_train: np.ndarray
    X_test: pd.DataFrame
    y_test: np.ndarray
    model: object  # what the explainer gets
    predict: object  # of an array
    reseeded: object
    patients: pd.DataFrame
    target: np.ndarray
    accuracy: float
    known: frozenset


@cache
def load(folder, name):
    """Rows and labels of a cohort."""
    cohort = (COHORTS | PAIRED)[name]
    data = load_dataset(
        f"{folder}/{cohort.folder}",
        label=cohort.label,
        expression=cohort.expression,
        as_frame=True,
    )
    X, y = data.data, data.target.astype(str).to_numpy()
    keep = np.ones(len(y), bool)
    if cohort.domain is not None:
        keep &= (data.samples["domain"] == cohort.domain).to_numpy()
    if cohort.n_classes is not None:
        classes, counts = np.unique(y[keep], return_counts=True)
        largest = np.argsort(-counts, kind="stable")[: cohort.n_classes]
        keep &= np.isin(y, classes[largest])
    return X[keep].astype(np.float64), y[keep]


def mlp(X, codes, n_classes, seed):
    """64-32 hidden units, trained as small cohorts need it; in evaluation mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = torch.nn.Sequential(
            torch.nn.Linear(X.shape[1], 64),
            torch.nn.ReLU(),
            torch.nn.Dropout(0.3),
            torch.nn.Linear(64, 32),
            torch.nn.ReLU(),
            torch.nn.Linear(32, n_classes),
        )
        optimiser = torch.optim.AdamW(net.parameters(), 1e-3, weight_decay=0.1)
        x, label = torch.tensor(X, dtype=torch.float32), torch.tensor(codes)
        for _ in range(150):
            for rows in torch.randperm(len(x)).split(32):
                optimiser.zero_grad()
                loss = torch.nn.functional.cross_entropy(net(x[rows]), label[rows])
                loss.backward()
                optimiser.step()
    return net.eval().requires_grad_(False)


def predictor(model, classes):
    """Labels predicted for an array of rows; columns have no names here."""
    if isinstance(model, torch.nn.Module):

        def scores(rows):
            with torch.no_grad():
                return model(torch.tensor(np.asarray(rows), dtype=torch.float32))

        return lambda rows: classes[scores(rows).argmax(dim=1).numpy()]
    names = model.feature_names_in_
    return lambda rows: model.predict(pd.DataFrame(np.asarray(rows), columns=names))


def class_scores(model, rows):
    """Scores of all classes, to find the runner-up."""
    if isinstance(model, torch.nn.Module):
        with torch.no_grad():
            return model(torch.tensor(rows.to_numpy(), dtype=torch.float32)).numpy()
    return model.predict_proba(rows)


def train_model(kind, X, y, seed):
    """Train a classifier of a kind; labels are strings."""
    classes, codes = np.unique(y, return_inverse=True)
    if kind == "mlp":
        return mlp(X.to_numpy(), codes, len(classes), seed)
    if kind == "logistic":
        # Deterministic: another seed trains on nine tenths of the rows.
        rows = np.arange(len(y))
        if seed:
            rows = np.random.default_rng(seed).choice(
                len(y), int(0.9 * len(y)), replace=False
            )
        return LogisticRegression(C=0.1, max_iter=2000).fit(X.iloc[rows], y[rows])
    return RandomForestClassifier(300, random_state=seed).fit(X, y)


def make_task(folder, name, kind, seed, *, permute=None):
    """Split, standardise, train, choose patients and targets.

    With ``permute``, a seed, the classifier learns shuffled labels; the patients stay.
    """
    X, y = load(folder, name)
    train, test = train_test_split(
        np.arange(len(y)), test_size=0.35, stratify=y, random_state=seed
    )
    mean, sd = X.iloc[train].mean(), X.iloc[train].std(ddof=0)
    genes = sd.index[sd > 1e-6]
    X = ((X[genes] - mean[genes]) / sd[genes]).clip(-10, 10)
    classes = np.unique(y)
    model, reseeded = (train_model(kind, X.iloc[train], y[train], s) for s in (0, 1))
    predict = predictor(model, classes)
    right = test[predict(X.iloc[test]) == y[test]][:N_PATIENTS]
    scores = class_scores(model, X.iloc[right])
    target = classes[np.argsort(scores, axis=1)[:, -2]]
    learned = y[train]
    if permute is not None:
        learned = np.random.default_rng(permute).permutation(learned)
        model = train_model(kind, X.iloc[train], learned, 0)
        predict = predictor(model, classes)
    return Task(
        X_train=X.iloc[train],
        y_train=learned,
        X_test=X.iloc[test],
        y_test=y[test],
        model=model,
        predict=predict,
        reseeded=predictor(reseeded, classes),
        patients=X.iloc[right],
        target=target,
        accuracy=float(np.mean(predict(X.iloc[test]) == y[test])),
        known=frozenset((COHORTS | PAIRED)[name].known.split()),
    )
