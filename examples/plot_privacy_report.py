"""
Attack a generator before its rows leave the house
==================================================

Membership attacks ask of a real patient: were you in the training set? Here they run on
two samplers, beside a control that copies.
"""

# %%
# Three sets of patients
# ----------------------
# Simulated patients: the generators train on one third, one third is held out, and the
# attacker has one third as reference.

import numpy as np

from skgenex.datasets import make_expression

X, y = make_expression(300, 150, random_state=0, return_X_y=True)
train, held_out, reference = np.split(X, 3)
y_train, y_held_out, y_reference = np.split(y, 3)

# %%
# Attacks on two samplers
# -----------------------
# The second knows no correlation but those of class means and row scale.

from skgenex import GaussianSampler
from skgenex.metrics.privacy import privacy_report

reports = {}
for name, shrinkage in (("all correlations", "matched"), ("none", 1.0)):
    sampler = GaussianSampler(shrinkage=shrinkage, random_state=0)
    sampler.fit(train, y_train)
    reports[name] = privacy_report(
        sampler,
        train,
        held_out,
        y_train,
        y_held_out,
        reference=reference,
        y_reference=y_reference,
        n_shadows=1,
        random_state=0,
    )
print(reports["all correlations"])

# %%
# ``copy_auc`` shows that the attacks work, ``real_auc`` what chance gives. Distances
# describe only: they are no measure of privacy.

import matplotlib.pyplot as plt

figure, axes = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
for (name, report), ax in zip(reports.items(), axes, strict=True):
    report.plot(ax=ax)
    ax.set_title(f"correlations kept: {name}")

# %%
# The curves that matter start high on the left: training patients found while hardly
# anyone is accused wrongly.
#
# Canaries
# --------
# Outliers, planted and held out: can an attack work at all?

from skgenex.metrics.privacy import plant_canaries

canaries = plant_canaries(train, 30, y=y_train, random_state=0)
sampler = GaussianSampler(random_state=0).fit(canaries.X, canaries.y)
found = privacy_report(
    sampler,
    canaries.planted,
    canaries.held_out,
    canaries.y_planted,
    canaries.y_held_out,
    reference=reference,
    y_reference=y_reference,
    n_shadows=0,
    n_samples=1000,
    random_state=0,
)
found.table[["auc", "auc_low", "auc_high"]].round(2)
