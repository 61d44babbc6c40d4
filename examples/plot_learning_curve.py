"""
From how many patients on does a network pay?
=============================================

On few patients a linear model is hard to beat; a network needs more of them, and
something that no linear model can say. ``PhenotypeClassifier`` contains both. Learning
curves, after Hanczar, Bourgeais & Zehraoui (2022), show where the network goes ahead,
and what held-out rows of the training set had to say about it.
"""

# %%
# Two kinds of patients
# ---------------------
# Leukaemia patients of the B lineage, BCR/ABL against NEG: a linear model does what can
# be done. And simulated patients in whom a phenotype appears if *either* of two
# programmes is active, but not if both are: no gene is associated with it by itself.

import numpy as np

from skgenex.datasets import load_leukemia

rng = np.random.default_rng(0)
activity = rng.normal(size=(900, 4))
loadings = rng.normal(size=(4, 100))
X_simulated = activity @ loadings + 0.5 * rng.normal(size=(900, 100))
either = activity[:, 0] * activity[:, 1] < 0
leukemia = load_leukemia(n_genes=500, target="molecular")
kept = (leukemia.patients["lineage"] == "B") & np.isin(
    leukemia.target, ["BCR/ABL", "NEG"]
)

data = {
    "BCR/ABL (real)": (leukemia.data[kept], leukemia.target[kept], [20, 40, 60]),
    "either, not both (simulated)": (X_simulated, either, [40, 80, 160, 320]),
}

# %%
# Learning curves
# ---------------
# Two splits per size; all that does not train is test.

import pandas as pd
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split

from skgenex.prediction import PhenotypeClassifier

rows = []
for name, (X, y, sizes) in data.items():
    for size in sizes:
        for seed in range(2):
            X_train, X_test, y_train, y_test = train_test_split(
                X, y, train_size=size, stratify=y, random_state=seed
            )
            for backend in ("linear", "network", "auto"):
                classifier = PhenotypeClassifier(
                    backend=backend, class_weight="balanced", random_state=seed
                ).fit(X_train, y_train)
                predicted = classifier.predict(X_test)
                rows.append(
                    {
                        "data": name,
                        "patients": size,
                        "backend": backend,
                        "used": classifier.backend_,
                        "deep_gain": classifier.deep_gain_,
                        "balanced accuracy": balanced_accuracy_score(y_test, predicted),
                    }
                )
results = pd.DataFrame(rows)
curves = results.pivot_table(
    index=["data", "patients"], columns="backend", values="balanced accuracy"
)
print(curves.round(3))

# %%
# ``backend="auto"`` follows the better of the two: it takes the network where the loss
# of held-out training rows falls by more than its standard error.

import matplotlib.pyplot as plt

figure, axes = plt.subplots(1, 2, figsize=(8, 3.4), layout="constrained", sharey=True)
styles = {"linear": ("0.5", "-"), "network": ("#1f6fb2", "-"), "auto": ("#d9730d", ":")}
for ax, name in zip(axes, data, strict=True):
    curve = curves.loc[name]
    for backend, (color, line) in styles.items():
        ax.plot(curve.index, curve[backend], line, color=color, marker="o")
    ax.set(title=name, xlabel="training patients", xscale="log")
    ax.set_xticks(curve.index, curve.index)
    ax.minorticks_off()
axes[0].set_ylabel("balanced accuracy")
axes[1].legend(list(styles), frameon=False)

# %%
# What the fits say of themselves
# -------------------------------
# ``deep_gain_`` is the share of the linear model's held-out loss that the network
# saves.

automatic = results[results["backend"] == "auto"]
automatic.groupby(["data", "patients"]).agg(
    uses_network=("used", lambda used: (used == "network").mean()),
    deep_gain=("deep_gain", "mean"),
).round(3)
