"""
Sparse or natural: few genes against kept correlations
======================================================

Genes move together. A change of five genes therefore makes a patient whose genes no
longer fit together, and a change that keeps the correlations moves hundreds of genes.
No search has both; this page shows the conflict, and the way between.
"""

# %%
# A frozen classifier
# -------------------
# B against T lineage of 128 leukaemia patients. Two thirds train the classifier and the
# explainers; the others are explained, and are the standard of what is plausible.

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from skgenex.datasets import load_leukemia

X, y = load_leukemia(n_genes=1000, as_frame=True, return_X_y=True)
train, held_out, y_train, y_held_out = train_test_split(
    X, y, test_size=1 / 3, stratify=y, random_state=0
)
classifier = LogisticRegression(C=1e-3, max_iter=2000).fit(train, y_train)
right = classifier.predict(held_out) == y_held_out
patients = held_out[right]
print(f"accuracy {right.mean():.2f}, {len(patients)} patients to explain")

# %%
# Five ways to cross the boundary
# -------------------------------
# ``"sparse"`` changes as few genes as it can. ``"pareto"`` takes a compromise of four
# aims. With ``n_drivers=20`` twenty genes are chosen and moved, and all others follow
# as they would be expected to. ``"natural"`` takes the smallest change in the data's
# own metric, and ``"prototype"`` goes to real patients of the other class.

from skgenex.counterfactual import CounterfactualExplainer

ways = {
    "sparse": {"method": "sparse"},
    "pareto": {"method": "pareto"},
    "20 drivers": {"method": "natural", "n_drivers": 20},
    "natural": {"method": "natural"},
    "prototype": {"method": "prototype"},
}
explanations = {
    name: CounterfactualExplainer(classifier, random_state=0, **options)
    .fit(train, y_train)
    .explain(patients)
    for name, options in ways.items()
}

# %%
# What they cost
# --------------
# All figures of plausibility are 1 for real held-out patients of the target class;
# ``correlation_breaking`` is 1 for real differences between patients of the two
# classes. Above 1, genes that belong together are torn apart.

from skgenex.metrics.counterfactual import counterfactual_scores


def predict(rows):
    return classifier.predict(pd.DataFrame(rows, columns=X.columns))


scores = pd.DataFrame(
    {
        name: counterfactual_scores(
            patients,
            explained.profiles,
            explained.target,
            predict=predict,
            X_train=train,
            y_train=y_train,
            X_holdout=held_out,
            y_holdout=y_held_out,
        )
        for name, explained in explanations.items()
    }
).T
columns = ["validity", "n_genes", "L1", "knn_ratio", "correlation_breaking"]
scores[columns].round(2)

# %%
# The picture of the conflict: the fewer genes change, the more the change goes against
# the correlations. The dashed line is what real differences do.

import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(6, 4), layout="constrained")
for name, row in scores.iterrows():
    point = row["n_genes"], row["correlation_breaking"]
    ax.scatter(*point, s=70)
    ax.annotate(name, point, xytext=(7, 5), textcoords="offset points")
ax.axhline(1, color="0.5", linestyle="--", linewidth=1)
ax.set(
    xscale="log",
    xlabel="changed genes",
    ylabel="correlation breaking (1: real differences)",
)
ax.margins(x=0.2, y=0.15)

# %%
# Why
# ---
# Take a gene that the sparse search changes much, and one that goes with it in the
# patients but is left alone by that search. Grey points are real patients. The sparse
# change leaves the cloud sideways: it moves one gene and not the other. The natural
# change goes along it.

change = explanations["sparse"].changes / explanations["sparse"].scale_
size, left_alone = change.abs().mean(), (change == 0).mean() > 0.9
together = train.corr().abs().loc[size.nlargest(20).index, left_alone[left_alone].index]
gene, partner = together.mul(size[together.index], axis=0).stack().idxmax()

figure, axes = plt.subplots(
    1, 3, figsize=(10, 3.6), sharex=True, sharey=True, layout="constrained"
)
few = np.random.default_rng(0).choice(len(patients), 15, replace=False)
for ax, name in zip(axes, ["sparse", "20 drivers", "natural"], strict=True):
    explained = explanations[name]
    ax.scatter(train[gene], train[partner], s=14, color="0.75", linewidths=0)
    start, way = explained.originals.iloc[few], explained.changes.iloc[few]
    ax.quiver(
        start[gene],
        start[partner],
        way[gene],
        way[partner],
        angles="xy",
        scale_units="xy",
        scale=1,
        width=0.006,
        color=np.where(explained.target[few] == "T", "C1", "C0"),
    )
    ax.set(title=name, xlabel=gene)
axes[0].set_ylabel(partner)

# %%
# Which to take
# -------------
# For a short list that says what tips *this classifier*, take the sparse one, and do
# not believe in the patient it makes. For the patient, or for a list of genes that
# stands for biology, take the natural one. Drivers and followers give a short list to
# act on and the consequences that it would have.
