"""
Augment training folds inside a pipeline
========================================

A sampler is a step of an imbalanced-learn pipeline. In cross-validation it learns from
the training fold, adds rows to it, and does nothing when the pipeline predicts. So a
test patient never shapes a synthetic one.
"""

# %%
# Patients
# --------
# BCR/ABL against NEG, within the B lineage: 79 leukaemia patients, and a question that
# is hard for a linear classifier.

from collections import Counter

import numpy as np

from skgenex.datasets import load_leukemia

leukemia = load_leukemia(n_genes=1000, target="molecular")
rows = (leukemia.patients["lineage"] == "B") & np.isin(
    leukemia.target, ["BCR/ABL", "NEG"]
)
X, y = leukemia.data[rows], leukemia.target[rows]
print(X.shape, Counter(y.tolist()))

# %%
# Pipelines
# ---------
# imbalanced-learn's ``Pipeline``: scikit-learn's own refuses steps that change the
# number of rows. ``multiply(3)`` grows every class of whatever fold it meets to three
# times its size; a dict of absolute counts would not fit folds of other sizes.

from imblearn.over_sampling import RandomOverSampler
from imblearn.pipeline import Pipeline
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from skgenex import DiffusionSampler, GaussianSampler
from skgenex.generation import multiply

samplers = {
    "none": "passthrough",
    "duplicates": RandomOverSampler(sampling_strategy=multiply(3), random_state=0),
    "Gaussian": GaussianSampler(sampling_strategy=multiply(3), random_state=0),
    "diffusion": DiffusionSampler(sampling_strategy=multiply(3), random_state=0),
}


def make_pipeline(sampler):
    return Pipeline(
        [
            ("scale", StandardScaler()),
            ("augment", sampler),
            ("clf", LogisticRegression(class_weight="balanced", max_iter=2000)),
        ]
    )


# %%
# Cross-validation
# ----------------
# The same five folds for all. ``n_jobs=2`` fits two folds at a time, with the results
# of one. Scores are those of real, held-out patients: nothing is added to test folds.

import pandas as pd
from sklearn.model_selection import StratifiedKFold, cross_validate

folds = list(StratifiedKFold(5, shuffle=True, random_state=0).split(X, y))
results = {
    name: cross_validate(
        make_pipeline(sampler),
        X,
        y,
        cv=folds,
        scoring="balanced_accuracy",
        return_estimator=True,
        n_jobs=2,
    )
    for name, sampler in samplers.items()
}
scores = pd.DataFrame({name: r["test_score"] for name, r in results.items()})
print(scores.agg(["mean", "std"]).round(3))

# %%
# Each point is a fold; a line connects the same fold. Compare the lines' slopes with
# the distance between lines: what augmentation changes is small beside what the choice
# of test patients changes, and five folds cannot call it a gain or a loss.

import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(5.5, 3.6), layout="constrained")
ax.plot(scores.columns, scores.T, color="0.6", marker="o", linewidth=1)
ax.plot(scores.columns, scores.mean(), color="#d9730d", linewidth=3, label="mean")
ax.set(ylabel="balanced accuracy", xlabel="what is added to training folds")
ax.legend(frameon=False)

# %%
# What was fitted
# ---------------
# The fitted samplers are there to be looked at. The diffusion sampler says for each
# fold whether held-out training rows spoke for the network or for its Gaussian.

pd.DataFrame(
    [
        {
            "training rows": sum(fitted["augment"].class_counts_),
            "backend": fitted["augment"].backend_,
            "gain on held-out rows": round(fitted["augment"].heldout_gain_, 4),
        }
        for fitted in results["diffusion"]["estimator"]
    ]
)
