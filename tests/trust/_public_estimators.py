"""Every public estimator in tiny settings, the data it fits, and what it gives.

One row per variant that keeps different things: a linear fallback, a network, a space.
"""

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skgenex

N_SAMPLES, N_GENES = 80, 12
NET = {"max_epochs": 2, "device": "cpu", "random_state": 0}
SMALL = {**NET, "n_hidden": 4}
HOME = {"device": "cpu", "random_state": 0}
FORCED = {**SMALL, "validation_fraction": 0.0}
VIME = skgenex.VIMEPretrainer(n_components=3, n_hidden=4, max_epochs=1, device="cpu")


@dataclass(frozen=True)
class Variant:
    """An unfitted estimator and what it predicts."""

    name: str
    estimator: BaseEstimator
    target: str = "class"  # or "value", "none", "counts"
    in_skops: bool = True  # else it holds torch modules

    def fitted(self, X, y=None):
        """Return a fitted clone."""
        return fit(clone(self.estimator), self.target, X, y)


def patients(n_samples=N_SAMPLES, n_genes=N_GENES, seed=0):
    """Two classes, two domains; as in log2(CPM + 1), with gene names."""
    rng = np.random.default_rng(seed)
    label = np.arange(n_samples) % 2
    X = rng.normal(size=(n_samples, n_genes)) + label[:, None] * rng.normal(
        size=n_genes
    )
    X += 6 + rng.normal(size=(n_samples, 2)) @ rng.normal(size=(2, n_genes))
    X[n_samples // 2 :] += 0.5
    X = X.clip(min=0)
    genes = [f"G{i}" for i in range(n_genes)]
    return pd.DataFrame(X, columns=genes), np.array(["ALL", "AML"])[label]


def counts(X):
    """Counts whose logarithms are about X."""
    return np.round(np.where(np.isfinite(X), np.exp2(X), X))  # 2 ** -inf is a count


def domains(n_samples):
    """The first half of the rows is the source, the rest the target."""
    return np.where(np.arange(n_samples) < n_samples // 2, "source", "target")


def fit(estimator, target, X, y=None):
    """Fit ``estimator`` in the way its kind is fitted."""
    if y is None:
        _, y = patients(len(X))
    if target == "value":
        y = np.asarray(X, dtype=float)[:, 0] + (np.asarray(y) == "AML")
    how = {}
    if type(estimator).__module__.startswith("skgenex.domain_adaptation"):
        how["sample_domain"] = domains(len(X))
        estimator.set_params(target_domain="target")
    if target == "counts":
        return estimator.fit(counts(X))
    if target == "none":
        return estimator.fit(X, **how)
    if isinstance(estimator, skgenex.StyleTransferSampler):
        estimator.fit_resample(X, y, **how)
        return estimator
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "About .* rows: below 1,000")
        return estimator.fit(X, y, **how)


def outputs(estimator, X):
    """What a fitted estimator gives for rows X, by method: arrays."""
    results = {}
    if isinstance(estimator, skgenex.CounterfactualExplainer):
        explained = estimator.explain(X[:3])
        results["profiles"] = explained.profiles.to_numpy()
        results["score_after"] = np.asarray(explained.score_after)
        return results
    if isinstance(estimator, skgenex.StyleTransferSampler):
        return outputs(estimator.style_transfer_, np.asarray(X))
    if isinstance(estimator, skgenex.LogCPM):
        return {"transform": np.asarray(estimator.transform(counts(X)))}
    how = {}
    if type(estimator).__module__.startswith("skgenex.domain_adaptation"):
        how["sample_domain"] = domains(len(X))
    for method in ("predict_proba", "predict", "transform", "score_samples"):
        if hasattr(estimator, method):
            results[method] = np.asarray(getattr(estimator, method)(X, **how))
    if hasattr(estimator, "sample") and hasattr(estimator, "fit_resample"):
        drawn = estimator.sample(6, random_state=1)
        drawn = drawn[0] if isinstance(drawn, tuple) else drawn
        results["sample"] = np.asarray(drawn)
    return results


def explainer(**how):
    """An explainer of a linear pipeline."""
    model = make_pipeline(StandardScaler(), LogisticRegression())
    return skgenex.CounterfactualExplainer(model, **{**NET, **how})


VARIANTS = [
    Variant("GaussianSampler", skgenex.GaussianSampler(random_state=0)),
    Variant(
        "DiffusionSampler-auto",
        skgenex.DiffusionSampler(validation_fraction=0.5, n_steps=2, **SMALL),
    ),
    Variant(
        "DiffusionSampler-network",
        skgenex.DiffusionSampler(backend="diffusion", n_steps=2, **FORCED),
    ),
    Variant("VAESampler", skgenex.VAESampler(backend="vae", **FORCED)),
    Variant("GANSampler", skgenex.GANSampler(backend="gan", **FORCED)),
    Variant(
        "PhenotypeClassifier-auto",
        skgenex.PhenotypeClassifier(n_folds=2, n_members=1, **SMALL),
    ),
    Variant(
        "PhenotypeClassifier-network",
        skgenex.PhenotypeClassifier(backend="network", n_folds=2, n_members=2, **SMALL),
    ),
    Variant(
        "PhenotypeRegressor-auto",
        skgenex.PhenotypeRegressor(n_folds=2, n_members=1, **SMALL),
        "value",
    ),
    Variant(
        "PhenotypeRegressor-network",
        skgenex.PhenotypeRegressor(backend="network", n_folds=2, n_members=2, **SMALL),
        "value",
    ),
    *(
        Variant(
            f"CounterfactualExplainer-{method}",
            explainer(method=method, n_hidden=4),
        )
        for method in ("natural", "learned")
    ),
    Variant("DANNClassifier-auto", skgenex.DANNClassifier(**SMALL)),
    Variant("DANNClassifier-network", skgenex.DANNClassifier(fallback=None, **SMALL)),
    Variant("DANNRegressor-auto", skgenex.DANNRegressor(**SMALL), "value"),
    Variant(
        "DANNRegressor-network", skgenex.DANNRegressor(fallback=None, **SMALL), "value"
    ),
    Variant(
        "CyCADAClassifier-linear", skgenex.CyCADAClassifier(backend="linear", **NET)
    ),
    Variant("CyCADAClassifier-auto", skgenex.CyCADAClassifier(**NET)),
    Variant("StyleTransfer-moments", skgenex.StyleTransfer(**NET)),
    Variant("StyleTransfer-cycada", skgenex.StyleTransfer(method="cycada", **NET)),
    Variant("StyleTransferSampler", skgenex.StyleTransferSampler(**NET)),
    *(
        Variant(f"DomainScaler-{method}", skgenex.DomainScaler(method=method))
        for method in ("zscore", "coral")
    ),
    Variant("VIMEPretrainer", clone(VIME).set_params(random_state=0), "none"),
    Variant(
        "SubTabPretrainer",
        skgenex.SubTabPretrainer(n_components=3, **SMALL),
        "none",
    ),
    *(
        Variant(
            f"DiffusionSampler-{space}",
            skgenex.DiffusionSampler(
                space=space, backend="diffusion", n_steps=2, **FORCED
            ),
        )
        for space in ("genes", "autoencoder")
    ),
    Variant(
        "HierarchicalDiffusionSampler",
        skgenex.HierarchicalDiffusionSampler(
            prior=skgenex.GaussianSampler(), decoder=skgenex.GaussianSampler(), **HOME
        ),
    ),
    Variant("KLAutoencoder", skgenex.KLAutoencoder(n_components=3, **SMALL), "none"),
    Variant(
        "PrivateGaussianSampler-bounds",
        skgenex.PrivateGaussianSampler(bounds=(0, 20), dp_epsilon=20.0, random_state=0),
    ),
    Variant(
        "PrivateGaussianSampler-public",
        skgenex.PrivateGaussianSampler(
            public_data=patients()[0].to_numpy()[::2], dp_epsilon=20.0, random_state=0
        ),
    ),
    Variant(
        "PrivateDiffusionSampler",
        skgenex.PrivateDiffusionSampler(
            public_data=patients()[0].to_numpy()[::2],
            dp_epsilon=100.0,
            sampler=skgenex.DiffusionSampler(max_epochs=2, n_hidden=8, n_steps=2),
            gradient_steps=2,
            gradient_draws=1,
            random_state=0,
        ),
    ),
    Variant("TranscriptomeUpsampler", skgenex.TranscriptomeUpsampler(**SMALL), "value"),
    Variant("LogCPM", skgenex.LogCPM(), "counts"),
    Variant("VIMEClassifier", skgenex.VIMEClassifier(pretrainer=VIME, **NET)),
]
IDS = [variant.name for variant in VARIANTS]

# They take other tables than profiles with classes: tried in tests of their own.
WITHOUT_VARIANT = {"ContrastiveEmbedding", "TextConditions"}
