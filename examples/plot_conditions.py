"""
Simulate patients of a given sex and age
========================================

Covariates that are not the target can condition the simulation. Patients simulated as
female express XIST, as held-out women do; patients simulated as male do not.
"""

# %%
# Patients and their covariates
# -----------------------------
# Sex and age of the leukaemia patients. Some are missing: a missing category is a
# category of its own, a missing number becomes the mean with an indicator beside it.

from sklearn.model_selection import train_test_split

from skgenex.datasets import load_leukemia

leukemia = load_leukemia(as_frame=True)
X, y = leukemia.data, leukemia.target
conditions = leukemia.patients[["sex", "age"]]
print(conditions.isna().sum().to_dict())

X_train, X_held_out, y_train, y_held_out, known, held_out_known = train_test_split(
    X, y, conditions, test_size=0.5, stratify=y, random_state=0
)

# %%
# Fit and simulate
# ----------------
# ``conditions`` go beside X and y. Left out when sampling, they are drawn from the
# training patients of the class; given, they are used as given.

import pandas as pd

from skgenex import GaussianSampler

sampler = GaussianSampler(random_state=0).fit(X_train, y_train, conditions=known)
n = 200
simulated = {}
for sex in ("F", "M"):
    wanted = pd.DataFrame({"sex": [sex] * n, "age": [30.0] * n})
    simulated[sex], _ = sampler.sample(y=["B"] * n, conditions=wanted)

# %%
# What follows sex
# ----------------
# For every gene, the difference between women and men: simulated (all B lineage, aged
# 30) against that of held-out patients. XIST, which silences the second X chromosome,
# stands out in both. The cloud is what chance leaves of 64 patients on either side: the
# regression on covariates takes the chance differences of its training patients along,
# which do not recur in others. Trust a simulated effect no more than its size warrants.

import matplotlib.pyplot as plt

is_female = held_out_known["sex"] == "F"
is_male = held_out_known["sex"] == "M"
real_difference = X_held_out[is_female].mean() - X_held_out[is_male].mean()
simulated_difference = simulated["F"].mean() - simulated["M"].mean()

figure, ax = plt.subplots(figsize=(5.5, 4.5), layout="constrained")
ax.scatter(real_difference, simulated_difference, s=8, color="#4c566a", alpha=0.5)
ax.annotate(
    "XIST",
    (real_difference["XIST"], simulated_difference["XIST"]),
    xytext=(-32, -3),
    textcoords="offset points",
)
ax.set(
    xlabel="held-out women minus men (log2)",
    ylabel="simulated women minus men (log2)",
)

# %%
# Covariates come back from `fit_resample`
# ----------------------------------------
# As an over-sampler it returns a third value: the covariates of all rows. New rows
# have those of a training patient of their class, jointly.

X_grown, y_grown, conditions_grown = sampler.fit_resample(
    X_train, y_train, conditions=known
)
conditions_grown.tail(3)
