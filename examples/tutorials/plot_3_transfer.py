"""
Tutorial: a classifier for another platform
===========================================

You have sequencing counts of a cohort with labels, and array values of another without.
At the end of this page the second cohort is predicted, you know which step of it
brought what, and have the figure. The cohorts are simulated, so that the predictions
can be checked; put your own tables in place of ``counts``, ``y_first`` and ``arrays``.
"""

# %%
# 1. Two tables
# -------------
# They differ in everything that two laboratories differ in: counts here, log2
# intensities there; other genes, in another order; shifts and scales of their own for
# each gene; and the second hospital sees fewer patients of the severe form.

import numpy as np
import pandas as pd

from skgenex.datasets import make_expression


def two_cohorts(seed):
    """Return counts, their labels, array values, and the labels to be found."""
    data = make_expression(
        300,
        400,
        n_domains=2,
        domain_shift=1.5,
        domain_scale=0.4,
        n_informative=30,
        effect_size=0.8,
        weights=[[0.5, 0.5], [0.8, 0.2]],
        random_state=seed,
    )
    rng = np.random.default_rng(seed)
    genes = np.array([f"G{j}" for j in range(400)])
    labels = np.where(data.target == "class_0", "mild", "severe")
    first, second = data.domain == 0, data.domain == 1
    depth = 2.0 ** rng.normal(6, 0.5, size=(first.sum(), 1))
    share = 2.0 ** data.data[first]
    share /= share.sum(axis=1, keepdims=True)
    counts = rng.poisson(depth * 10_000 * share)
    on_array = rng.permutation(400)[:340]
    return (
        pd.DataFrame(counts, columns=genes),
        labels[first],
        pd.DataFrame(data.data[second][:, on_array], columns=genes[on_array]),
        labels[second],
    )


counts, y_first, arrays, y_hidden = two_cohorts(0)
print("counts", counts.shape, pd.Series(y_first).value_counts().to_dict())
print("arrays", arrays.shape, "labels unknown")

# %%
# 2. One scale, one table
# -----------------------
# Counts become log2(CPM + 1), which is on the scale of array values. Genes are matched
# by name. Then both cohorts go into *one* table; a second array names the cohort of
# each row, and the label of a row without one is ``None``.

from skgenex import LogCPM

profiles = LogCPM().set_output(transform="pandas").fit_transform(counts)
common = profiles.columns.intersection(arrays.columns)
X = pd.concat([profiles[common], arrays[common]], ignore_index=True)
cohort = np.repeat(["sequencing", "array"], [len(profiles), len(arrays)])
y = np.concatenate([y_first, np.full(len(arrays), None)])
target = cohort == "array"
print(X.shape, pd.Series(y).value_counts(dropna=False).to_dict())

# %%
# 3. How far apart are they?
# --------------------------
# :func:`~skgenex.domain_adaptation.proxy_a_distance` is 0 where nobody can tell the
# cohorts apart and 2 where a linear classifier always can.

from skgenex.domain_adaptation import DomainScaler, proxy_a_distance

scaler = DomainScaler()
Z = scaler.fit_transform(X, y, sample_domain=cohort)
for name, rows in (("as measured", X), ("each cohort scaled", Z)):
    rows = np.asarray(rows)
    print(f"{name:20s}{proxy_a_distance(rows[~target], rows[target]):.2f}")

# %%
# 4. Step by step
# ---------------
# Four ways, each one step more than the last. *Scaled by the source* is what a pipeline
# does that knows nothing of cohorts. *By cohort* standardises each by itself. *Class
# shares* is :class:`~skgenex.domain_adaptation.DomainScaler` with its defaults: it
# estimates that severe patients are fewer in the second cohort, and does not mistake
# this for a shift of the genes. The last adds a network that is trained not to see the
# cohort, and is kept only if held-out rows speak for it.

from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skgenex import DANNClassifier

STEPS = ["scaled by the source", "by cohort", "+ class shares", "+ network"]


def predictions(X, y, cohort, target):
    """Predict the target rows in the four ways."""
    labelled = y[~target].astype(str)
    model = LogisticRegression(C=0.01, class_weight="balanced")
    naive = make_pipeline(StandardScaler(), model).fit(X[~target], labelled)
    predicted = {STEPS[0]: naive.predict(X[target])}
    for name, label_shift in ((STEPS[1], None), (STEPS[2], "em")):
        scaler = DomainScaler(label_shift=label_shift, target_domain="array")
        Z = np.asarray(
            scaler.fit_transform(X, y if label_shift else None, sample_domain=cohort)
        )
        predicted[name] = model.fit(Z[~target], labelled).predict(Z[target])
    network = DANNClassifier(class_weight="balanced", random_state=0)
    network.fit(X, y, sample_domain=cohort)
    predicted[STEPS[3]] = network.predict(X[target])
    return predicted, network


predicted, network = predictions(X, y, cohort, target)
for name, labels in predicted.items():
    print(f"{name:22s}{balanced_accuracy_score(y_hidden, labels):.3f}")

# %%
# You would not see these figures, as the labels are hidden from you. What you can see:
# the estimated class shares, and what the network reports of itself.

shares = pd.DataFrame(
    scaler.class_shares_, index=scaler.domains_, columns=scaler.classes_
)
print(shares.round(2))
print("truly severe on the arrays:", np.mean(y_hidden == "severe").round(2))
print("kept:", network.kept_)
pd.Series(network.adaptation_report_).to_frame("reported")

# %%
# The report says what was tried and what was kept. ``loss_...`` are held-out
# log-losses, ``gain_...`` what each stage gains over what was kept before it, with its
# standard error: the network is kept if the gain exceeds it. Class shares among the
# predictions (``target_shares_...``) far from the expected ones would say that it
# collapsed.
#
# 5. Once is an anecdote
# ----------------------
# The same with cohorts drawn anew. Compare pairwise: a cohort that is hard for one way
# is hard for all.

results = []
for seed in range(6):
    drawn, labels, drawn_arrays, hidden = two_cohorts(seed)
    table = LogCPM().set_output(transform="pandas").fit_transform(drawn)
    genes = table.columns.intersection(drawn_arrays.columns)
    both = pd.concat([table[genes], drawn_arrays[genes]], ignore_index=True)
    marked = np.concatenate([labels, np.full(len(drawn_arrays), None)])
    found, _ = predictions(both, marked, cohort, target)
    results.append(
        {step: balanced_accuracy_score(hidden, said) for step, said in found.items()}
    )
results = pd.DataFrame(results)
pd.DataFrame({"mean": results.mean(), "worst": results.min()}).round(3)

# %%
# A pipeline that knows nothing of cohorts can be right by luck, as it was in the first
# draw, and puts all patients into one class in the worst. Standardising by cohort ends
# that, and leaves a cost where class shares differ; estimating these takes most of it
# away. The network adds to that here. On pairs of real cohorts it did not on average
# (:doc:`/benchmark_adaptation`), so look at your own.
#
# 6. A few labels change what you can know
# ----------------------------------------
# No score without target labels is a reliable guide. So have some patients of the
# second cohort diagnosed: 20 of them let you *measure* the accuracy there, by a
# splitter that tests on labelled target rows only, and they train as well.

from sklearn.model_selection import cross_val_score

from skgenex.model_selection import LabelledTargetSplit

rng = np.random.default_rng(0)
diagnosed = np.concatenate(
    [
        rng.choice(np.flatnonzero(y_hidden == label), 10, replace=False)
        for label in ("mild", "severe")
    ]
)
y_some = y.copy()
y_some[np.flatnonzero(target)[diagnosed]] = y_hidden[diagnosed]
known = y_some != None  # noqa: E711
splits = LabelledTargetSplit(5, target_domain="array").split(
    X[known], y_some[known], sample_domain=cohort[known]
)
pipeline = make_pipeline(
    DomainScaler(target_domain="array"),
    LogisticRegression(C=0.01, class_weight="balanced"),
)
scores = cross_val_score(
    pipeline,
    X[known],
    y_some[known].astype(str),
    cv=list(splits),
    scoring="balanced_accuracy",
    params={"domainscaler__sample_domain": cohort[known]},
)
print(f"estimated from 20 labels: {scores.mean():.2f} ± {scores.std():.2f}")

# %%
# 7. The figure
# -------------
# Cohorts as measured, cohorts aligned, and what each step brought.

import matplotlib.pyplot as plt

figure, axes = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
truth = np.concatenate([y_first, y_hidden])
for ax, rows, title in zip(axes, (X, Z), ("as measured", "scaled"), strict=False):
    centred = np.asarray(rows) - np.asarray(rows).mean(axis=0)
    plane = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T
    for name, marker in (("sequencing", "o"), ("array", "^")):
        for label, colour in (("mild", "#4a6fa5"), ("severe", "#d1793a")):
            chosen = (cohort == name) & (truth == label)
            legend = f"{name}, {label}"
            ax.scatter(*plane[chosen].T, marker=marker, c=colour, s=14, label=legend)
    ax.set(xlabel="first component", ylabel="second component", title=title)
axes[0].legend(fontsize=8)
axes[2].plot(results.T, color="0.75", marker=".")
axes[2].plot(results.mean(), color="k", marker="o", label="mean")
axes[2].axhline(0.5, color="0.6", linestyle=":")
axes[2].set(ylabel="balanced accuracy, second cohort", ylim=(0.4, 1))
axes[2].tick_params(axis="x", rotation=20)
axes[2].legend()
for letter, ax in zip("ABC", axes, strict=True):
    ax.set_title(letter, loc="left", fontweight="bold")
plt.show()

# %%
# 8. What to report
# -----------------
# That standardisation by cohort is the baseline; which step was added and what it
# brought on *labelled* target rows; the estimated class shares; ``kept_``. What all
# this supposes: that a class differs from another by the same genes in both cohorts,
# and that the second has no class the first has not got.
#
# Where next: :doc:`/user_guide/domain_adaptation` for other methods and three or more
# cohorts, :doc:`/user_guide/dann` on how to read a network's report, and
# :doc:`/auto_examples/plot_domain_adaptation` for style transfer.
