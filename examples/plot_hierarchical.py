"""
Vary, blend and move patients through an embedding
==================================================

The hierarchical sampler first draws an embedding of the conditions, then a profile that
has it. So a patient's embedding can be kept while all else is drawn anew, blended with
another's, or moved to another class.
"""

# %%
# Fit
# ---
# B- and T-lineage leukaemia. Half of the patients fit the sampler; a classifier that
# never saw these judges what comes out.

import numpy as np
from sklearn.linear_model import LogisticRegression

from skgenex.datasets import load_leukemia
from skgenex.generation import GaussianSampler, HierarchicalDiffusionSampler

X, y = load_leukemia(n_genes=300, return_X_y=True)
sampler = HierarchicalDiffusionSampler(decoder=GaussianSampler(), random_state=0)
sampler.fit(X[::2], y[::2])
judge = LogisticRegression(C=0.01, max_iter=500).fit(X[1::2], y[1::2])
X_new, y_new = X[1::2], y[1::2]
first, second = judge.classes_
print(sampler.backends_)

# %%
# Variations keep the class
# -------------------------
# Five variations of each held-out patient: the lineage stays, the profile does not.

varied = sampler.variations(X_new, n=5, random_state=0)
kept = judge.predict(varied) == np.repeat(y_new, 5)
correlation = [
    np.corrcoef(a, b)[0, 1]
    for a, b in zip(varied, np.repeat(X_new, 5, axis=0), strict=True)
]
print(f"class kept: {kept.mean():.2f}; correlation: {np.mean(correlation):.2f}")

# %%
# Interpolation and shift
# -----------------------
# Left: the classifier's probability along paths from patients of the one lineage to
# patients of the other. Right: genes of one patient, before and after the shift to the
# other lineage, against the difference of the lineages' means. Most genes stay near
# zero: the patient is kept.

import matplotlib.pyplot as plt

a, b = X_new[y_new == first], X_new[y_new == second]
n = min(len(a), len(b))
path = sampler.interpolate(a[:n], b[:n], 9)
probability = judge.predict_proba(path.reshape(-1, X.shape[1]))[:, 1].reshape(n, 9)
shifted = sampler.shift(a, first, second)
print(
    f"judged {second} after the shift: {(judge.predict(shifted) == second).mean():.2f}"
)

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
left.plot(np.linspace(0, 1, 9), probability.T, color="0.8", linewidth=0.8)
left.plot(np.linspace(0, 1, 9), probability.mean(axis=0), color="C0", linewidth=2)
left.set(xlabel="share of the way", ylabel=f"probability of {second}")
right.scatter(b.mean(axis=0) - a.mean(axis=0), shifted[0] - a[0], s=8)
right.set(xlabel="difference of the held-out means", ylabel="change of one patient")
plt.show()
