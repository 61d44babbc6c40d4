"""
Counts to synthetic counts
==========================

Samplers learn on a logarithmic scale; RNA-seq and single cells come as counts. Take
the counts there with `LogCPM`, simulate, and come back: zeros, library sizes and the
relation of mean and variance should be those of real counts.
"""

# %%
# Counts, half of them held out
# -----------------------------
# Negative binomial counts of 300 samples in two groups, of differing library sizes.
# Half of them train the sampler, the others are what synthetic counts should be like.

import numpy as np
from sklearn.model_selection import train_test_split

from skgenex.datasets import make_expression

levels, y = make_expression(300, 400, random_state=0, return_X_y=True)
rng = np.random.default_rng(0)
abundance = 2.0 ** (levels - levels.mean(axis=1, keepdims=True))
abundance *= 2.0 ** rng.normal(0, 2, 400)  # genes differ in level
share = abundance / abundance.sum(axis=1, keepdims=True)
library = rng.lognormal(np.log(20_000), 0.4, (300, 1))
gamma = rng.gamma(5.0, 1 / 5.0, levels.shape)  # dispersion 0.2
counts = rng.poisson(share * library * gamma)
train, held_out, y_train, y_held_out = train_test_split(
    counts, y, test_size=0.5, stratify=y, random_state=0
)

# %%
# There and back
# --------------
# Measured profiles vary as counts do, and so do those of the sampler: ``noise="none"``,
# the default, only rounds.

from skgenex import GaussianSampler, LogCPM

logcpm = LogCPM(random_state=0)
sampler = GaussianSampler(random_state=0).fit(logcpm.fit_transform(train), y_train)
profiles, y_new = sampler.sample(len(held_out))
synthetic = logcpm.inverse_transform(profiles)
print(synthetic[:3, :8])

# %%
# What is kept
# ------------
# Per gene, against the held-out samples: the share of zeros, and the variance at each
# mean. The dotted line is what counting alone would give.

import matplotlib.pyplot as plt

figure, axes = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained")
zeros = [(rows == 0).mean(axis=0) for rows in (held_out, synthetic)]
axes[0].plot([0, 1], [0, 1], "k--", lw=1)
axes[0].plot(*zeros, "o", ms=4, alpha=0.5)
axes[0].set(xlabel="zeros, held out", ylabel="zeros, synthetic", title="Share of zeros")
for rows, label in ((held_out, "held out"), (synthetic, "synthetic")):
    mean, variance = rows.mean(axis=0), rows.var(axis=0)
    axes[1].loglog(mean, variance, "o", ms=4, alpha=0.5, label=label)
    axes[2].hist(np.log10(rows.sum(axis=1)), bins=20, alpha=0.5, label=label)
line = np.logspace(-2, 3.5, 20)
axes[1].loglog(line, line, "k:", lw=1)
axes[1].set(xlabel="mean", ylabel="variance", title="Mean and variance")
axes[2].set(xlabel="log10 of the library size", title="Library sizes")
axes[1].legend()
error = np.abs(zeros[0] - zeros[1]).mean()
print(f"Share of zeros: mean difference per gene {100 * error:.1f} points.")

# %%
# No new evidence
# ---------------
# The genes that differ between the groups are recovered as by the training samples, but
# so is chance: what the training samples' means differ by at random is a fact to the
# sampler, and as many synthetic samples again find it with confidence. Test hypotheses
# on real samples only.

from skgenex.metrics import differential_expression_recovery

reference = logcpm.transform(held_out)
for name, rows, labels in (
    ("training samples", logcpm.transform(train), y_train),
    ("synthetic counts", logcpm.transform(synthetic), y_new),
):
    scores = differential_expression_recovery(
        reference, y_held_out, rows, labels, random_state=0
    )
    print(
        f"{name}: {scores['recovered']:.0%} of the differing genes recovered, "
        f"{scores['false']:.0%} false, effects {scores['effect_slope']:.2f} as large"
    )
