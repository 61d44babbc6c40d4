"""
Judge a generator: likeness, copying, use
=========================================

Fidelity scores alone reward copying. Put a control that copies into every comparison,
judge against patients the generator never saw, and read likeness beside privacy.
"""

# %%
# Split first
# -----------
# 128 leukaemia patients: half train the generators, half are held out for judging. All
# rows are scaled by the mean and spread of the real training rows.

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skgenex.datasets import load_leukemia

leukemia = load_leukemia(n_genes=1000, as_frame=True)
train, held_out, y_train, y_held_out = train_test_split(
    leukemia.data,
    leukemia.target,
    test_size=0.5,
    stratify=leukemia.target,
    random_state=0,
)
scaler = StandardScaler().set_output(transform="pandas").fit(train)
train, held_out = scaler.transform(train), scaler.transform(held_out)

# %%
# Four generators
# ---------------
# Each doubles the training rows; the added half is judged. The control copies: it
# returns training patients with a little noise.

from imblearn.over_sampling import SMOTE

from skgenex import DiffusionSampler, GaussianSampler
from skgenex.generation import multiply

double = multiply(2)
samplers = {
    "SMOTE": SMOTE(sampling_strategy=double, random_state=0),
    "Gaussian": GaussianSampler(sampling_strategy=double, random_state=0),
    "diffusion": DiffusionSampler(sampling_strategy=double, random_state=0),
}
synthetic = {
    "copies": (
        train + 0.05 * np.random.default_rng(0).standard_normal(train.shape),
        y_train,
    )
}
for name, sampler in samplers.items():
    X_grown, y_grown = sampler.fit_resample(train, y_train)
    synthetic[name] = X_grown[len(train) :], y_grown[len(train) :]

# %%
# Scores
# ------
# Likeness (``precision`` to ``correlation``) against held-out patients, then privacy,
# then use: the balanced accuracy on held-out patients of a classifier that was trained
# on synthetic patients alone.

import pandas as pd
from sklearn.linear_model import LogisticRegression

from skgenex.metrics import (
    fidelity_scores,
    privacy_scores,
    train_on_synthetic_test_on_real,
)

classifier = LogisticRegression(class_weight="balanced", max_iter=2000)
table = pd.DataFrame(
    {
        name: {
            **fidelity_scores(held_out, X_new, random_state=0),
            **privacy_scores(X_new, X_train=train, X_holdout=held_out, random_state=0),
            "use": train_on_synthetic_test_on_real(
                classifier, X_new, y_new, held_out, y_held_out
            ),
        }
        for name, (X_new, y_new) in synthetic.items()
    }
)
table.round(2)

# %%
# Read the first column first. In likeness, copies do what a second sample of real
# patients does, so they show the best value to hope for: the ceiling. In privacy they
# show the worst: ``nearest_ratio`` near 0, where unseen patients have 1, and a
# ``membership_auc`` of 1, where chance is 0.5. SMOTE interpolates between neighbours
# and stands between. A good generator is near the first column above, and far from it
# below. Lineage is so easy to tell that ``use`` says little here.

import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(6, 4), layout="constrained")
for name in table:
    x, y = table.loc["nearest_ratio", name], table.loc["coverage", name]
    ax.scatter(x, y, s=60)
    ax.annotate(name, (x, y), xytext=(6, 4), textcoords="offset points")
ax.axvline(1, color="0.6", linestyle="--", linewidth=1)
ax.set(
    xlabel="nearest-training ratio (0: copies; line: unseen patients)",
    ylabel="coverage of held-out patients",
    xlim=(-0.05, 1.3),
    ylim=(0, 1.1),
)

# %%
# Pictures
# --------
# Held-out patients and synthetic ones in two principal components, by lineage:

from skgenex.plotting import CorrelationDisplay, EmbeddingDisplay, MarginalsDisplay

figure, axes = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
for name, ax in zip(["SMOTE", "diffusion"], axes, strict=True):
    X_new, y_new = synthetic[name]
    EmbeddingDisplay.from_arrays(
        held_out, X_new, y_real=y_held_out, y_synthetic=y_new, ax=ax
    )
    ax.set_title(name)

# %%
# Single genes: lineage markers have two modes, one per class.

markers = ["CD3D", "CD19", "CD79A"]
MarginalsDisplay.from_arrays(
    held_out, synthetic["diffusion"][0], genes=markers, bins=20
)

# %%
# Gene-gene correlations, in the order of a clustering of the held-out patients:

display = CorrelationDisplay.from_arrays(held_out, synthetic["diffusion"][0])
print(f"agreement {display.agreement_:.2f}")
