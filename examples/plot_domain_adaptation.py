"""
Learn on one platform, predict on another
=========================================

Two cohorts of the same disease, measured on different platforms. The first has labels,
the second has none, and fewer patients of one class. Standardising each cohort by
itself is most of the cure; its class shares are the rest; a network is kept only if
held-out patients speak for it.
"""

# %%
# The data: each gene has a shift and a scale of its own on the second platform, and
# three quarters of its patients are of the first class.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skgenex.datasets import make_expression
from skgenex.domain_adaptation import (
    CyCADAClassifier,
    DANNClassifier,
    DomainScaler,
    StyleTransfer,
)

data = make_expression(
    400,
    300,
    n_domains=2,
    domain_shift=1.5,
    domain_scale=0.5,
    effect_size=1.0,
    n_informative=30,
    weights=[[0.5, 0.5], [0.75, 0.25]],
    random_state=0,
)
platform = np.array(["first", "second"])[data.domain]
target = platform == "second"
y = np.where(target, None, data.target)

# %%
# Five ways to predict the second cohort.
source = ~target
naive = make_pipeline(StandardScaler(), LogisticRegression(C=0.01))
naive.fit(data.data[source], data.target[source])
predicted = {"scaled by the source": naive.predict(data.data[target])}
for name, label_shift in (("scaled by cohort", None), ("+ class shares", "em")):
    scaler = DomainScaler(label_shift=label_shift, target_domain="second")
    labels = None if label_shift is None else y
    Z = scaler.fit_transform(data.data, labels, sample_domain=platform)
    model = LogisticRegression(C=0.01).fit(Z[source], data.target[source])
    predicted[name] = model.predict(Z[target])
for name, model in (
    ("DANN", DANNClassifier(random_state=0)),
    ("CyCADA", CyCADAClassifier(random_state=0)),
):
    model.fit(data.data, y, sample_domain=platform)
    predicted[name] = model.predict(data.data[target])
    print(name, model.adaptation_report_)

accuracy = {
    name: balanced_accuracy_score(data.target[target], labels)
    for name, labels in predicted.items()
}
for name, value in accuracy.items():
    print(f"{name:22s}{value:.3f}")

# %%
# Patients of the first cohort in the style of the second: the cohorts overlap, classes
# stay apart.
style = StyleTransfer(method="cycada", random_state=0)
restyled = style.fit_transform(data.data, y, sample_domain=platform)
print(style.style_report_)

figure, axes = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
for axis, rows, title in (
    (axes[0], data.data, "as measured"),
    (axes[1], restyled, "first in the style of the second"),
):
    centred = rows - rows.mean(axis=0)
    plane = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T
    for name, marker in (("first", "o"), ("second", "^")):
        chosen = platform == name
        codes = np.unique(data.target, return_inverse=True)[1][chosen]
        axis.scatter(*plane[chosen].T, c=codes, marker=marker, s=12, cmap="coolwarm")
    axis.set(title=title, xlabel="first component", ylabel="second component")
axes[2].barh(list(accuracy), list(accuracy.values()), color="0.5")
axes[2].axvline(0.5, color="0.2", linestyle=":")
axes[2].set(xlim=(0.4, 1), xlabel="balanced accuracy, second cohort")
axes[2].invert_yaxis()
plt.show()
