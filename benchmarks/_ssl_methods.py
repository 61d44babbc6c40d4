"""Methods of the self-supervision benchmark, by name.

Each takes `Data` and returns the predicted codes of the test rows; rows are
standardised by the pool, without labels.
"""

import subprocess
import tempfile
from functools import cached_property
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier

from skgenex.prediction import PhenotypeClassifier
from skgenex.self_supervision import VIMEClassifier, VIMEPretrainer

N_FACTORS = 32
STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0)


class Data:
    """Rows of a split with few labels; what is learned without labels is kept."""

    def __init__(self, split, seed):
        self.split, self.seed = split, seed
        scaler = StandardScaler().fit(split.pool)
        self.pool = np.clip(scaler.transform(split.pool), -10, 10)
        self.test = np.clip(scaler.transform(split.test), -10, 10)
        self.few = None

    @cached_property
    def rotated(self):
        """The same rows in the space they span: ridge-type models are the same."""
        _, _, directions = np.linalg.svd(self.pool, full_matrices=False)
        return self.pool @ directions.T, self.test @ directions.T

    @cached_property
    def factors(self):
        rows = self.pool
        if self.split.further is not None:
            rows = np.vstack([rows, self.split.further])
        pca = PCA(min(N_FACTORS, *rows.shape), random_state=self.seed).fit(rows)
        return pca.transform(self.pool), pca.transform(self.test)

    @cached_property
    def encoder(self):
        rows, cohort = self.pool, np.zeros(len(self.pool), dtype=int)
        if self.split.further is not None:
            rows = np.vstack([rows, self.split.further])
            cohort = np.r_[cohort, np.ones(len(self.split.further), dtype=int)]
        pretrainer = VIMEPretrainer(n_components=N_FACTORS, random_state=self.seed)
        return FrozenEstimator(pretrainer.fit(rows, sample_domain=cohort))

    def fit(self, model, rows):
        known = self.few >= 0
        return model.fit(rows[0][known], self.few[known]).predict(rows[1])

    def fit_tuned(self, rows):
        """Logistic regression, its penalty by the held-out log-loss of the labels."""
        known = self.few >= 0
        X, y = rows[0][known], self.few[known]
        n_folds = min(5, np.unique(y, return_counts=True)[1].min())
        folds = StratifiedKFold(n_folds, shuffle=True, random_state=self.seed)
        losses = []
        for strength in STRENGTHS:
            model = LogisticRegression(C=strength, max_iter=1000)
            guess = cross_val_predict(model, X, y, cv=folds, method="predict_proba")
            losses.append(log_loss(y, guess))
        best = STRENGTHS[int(np.argmin(losses))]
        return LogisticRegression(C=best, max_iter=1000).fit(X, y).predict(rows[1])


def logistic(data):
    return data.fit(LogisticRegression(C=0.1, max_iter=1000), data.rotated)


def logistic_tuned(data):
    return data.fit_tuned(data.rotated)


def pca_logistic(data):
    return data.fit(LogisticRegression(C=0.1, max_iter=1000), data.factors)


def pca_logistic_tuned(data):
    return data.fit_tuned(data.factors)


def pca_lda(data):
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    return data.fit(model, data.factors)


def forest(data):
    model = RandomForestClassifier(300, random_state=data.seed)
    return data.fit(model, (data.pool, data.test))


def spreading(data):
    model = LabelSpreading(kernel="knn", n_neighbors=10, max_iter=200)
    return model.fit(data.factors[0], data.few).predict(data.factors[1])


def self_training(data):
    model = SelfTrainingClassifier(LogisticRegression(C=0.1, max_iter=1000))
    return model.fit(data.rotated[0], data.few).predict(data.rotated[1])


def phenotype(data):
    model = PhenotypeClassifier(random_state=data.seed)
    return data.fit(model, (data.pool, data.test))


def vime(data, needs_encoder=True, **how):
    """Our classifier on an encoder that saw the pool and, if any, the further rows."""
    if data.split.further is not None:
        how["X_unlabelled"] = data.split.further
    if needs_encoder:
        how["warm_start_from"] = data.encoder
    model = VIMEClassifier(pretrain=False, random_state=data.seed, **how)
    model.fit(data.split.pool, data.few)
    data.chosen = f"{model.start_}/{model.backend_}"
    return model.predict(data.split.test)


def vime_start(data, start="ensemble"):
    """Our classifier without fine-tuning; only its latents need the encoder."""
    return vime(data, start == "latents", backend="linear", start=start)


METHODS = {
    "LR": logistic,
    "LR tuned": logistic_tuned,
    "PCA + LR": pca_logistic,
    "PCA + LR tuned": pca_logistic_tuned,
    "PCA + LDA": pca_lda,
    "spreading": spreading,
    "self-training": self_training,
    "forest": forest,
    "phenotype": phenotype,
    "VIME": vime,
    "VIME start": vime_start,
    "VIME factors": lambda data: vime_start(data, "factors"),
    "VIME latents": lambda data: vime_start(data, "latents"),
}


class Peer:
    """A command of another environment: reads an .npz file, writes another.

    It is given `pool`, further rows among them, `few` (-1 without label), `test` and
    `seed`, all standardised, and writes `guess`, the codes of the test rows.
    """

    def __init__(self, command, timeout):
        self.command, self.timeout = command, timeout

    def __call__(self, data):
        with tempfile.TemporaryDirectory() as folder:
            given, made = Path(folder, "in.npz"), Path(folder, "out.npz")
            pool, few = data.pool, data.few
            if data.split.further is not None:
                pool = np.vstack([pool, data.split.further])
                few = np.r_[few, np.full(len(data.split.further), -1)]
            np.savez(given, pool=pool, few=few, test=data.test, seed=data.seed)
            subprocess.run(
                [*self.command, given, made], check=True, timeout=self.timeout
            )
            return np.load(made)["guess"]
