"""
Tutorial: many profiles, few labels
===================================

Sequencing is cheap, a diagnosis by three pathologists is not: of some hundred profiles
only a handful bear a label. At the end of this page all are classified, you know
whether the profiles without labels helped, have latents to use elsewhere, and the
figure that shows it.

The counts are simulated with four subtypes. Put your own table in place of ``counts``,
and your labels, with ``None`` where there is none, in place of ``y``.
"""

# %%
# 1. Counts, and a few labels
# ---------------------------

import numpy as np
import pandas as pd

from skgenex import LogCPM
from skgenex.datasets import make_expression

simulated = make_expression(
    500,
    300,
    n_classes=4,
    n_informative=40,
    effect_size=1.2,
    library_noise=0.4,
    depth=300_000,
    random_state=0,
)
counts = pd.DataFrame(simulated.counts, columns=simulated.feature_names)
truth = np.array([name.replace("class_", "subtype ") for name in simulated.target])

# %%
# A third of the patients only judges. Of the others five per subtype have a label:
# ``None`` says that the rest have not.

from sklearn.model_selection import train_test_split

from_counts = LogCPM().set_output(transform="pandas")
counts_train, counts_test, truth_train, y_test = train_test_split(
    counts, truth, test_size=1 / 3, stratify=truth, random_state=0
)
X = from_counts.fit_transform(counts_train)
X_test = from_counts.transform(counts_test)
rng = np.random.default_rng(0)
y = np.full(len(X), None, dtype=object)
for subtype in np.unique(truth):
    y[rng.choice(np.flatnonzero(truth_train == subtype), 5, replace=False)] = subtype
labelled = np.array([label is not None for label in y])
print(f"{len(X)} profiles to learn from, {labelled.sum()} with a label")

# %%
# 2. What the labels alone are worth
# ----------------------------------
# Always the first line of the table.

from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

baseline = make_pipeline(StandardScaler(), LogisticRegression(C=0.1))
baseline.fit(X[labelled], y[labelled].astype(str))
print(f"{balanced_accuracy_score(y_test, baseline.predict(X_test)):.3f}")

# %%
# 3. Learn from all profiles
# --------------------------
# :class:`~skgenex.self_supervision.VIMEPretrainer` sees no label. It starts as
# principal component analysis, is given profiles in which some values were replaced by
# other patients', and learns to find and mend them. ``pretext_gain_`` is by how much
# that lowered the loss on held-out profiles; where it does not, the principal
# components stay.

from skgenex import VIMEPretrainer

pretrainer = VIMEPretrainer(n_components=16, random_state=0).fit(X)
print(f"loss of held-out profiles lowered by {pretrainer.pretext_gain_:.1%}")
latents = pretrainer.transform(X_test)
print(latents.shape)

# %%
# 4. Classify
# -----------
# :class:`~skgenex.self_supervision.VIMEClassifier` averages logistic regressions: of
# the genes, of the genes weighted by association, of the factors of *all* profiles and
# of the encoder's latents. Each counts by what it says of labels that it did not see.
# From there it tunes a network, and keeps it only if held-out labels say so.

from sklearn.frozen import FrozenEstimator

from skgenex import VIMEClassifier

classifier = VIMEClassifier(warm_start_from=FrozenEstimator(pretrainer), random_state=0)
classifier.fit(X, y)

# %%
# Inside is the encoder. On the patients set aside:

predicted = classifier.predict(X_test)
print(f"{balanced_accuracy_score(y_test, predicted):.3f}")
print({name: round(loss, 2) for name, loss in classifier.cv_scores_.items()})
print("what predicts:", classifier.backend_)

# %%
# A rival that needs no more than the latents and the labels:

from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

rival = LinearDiscriminantAnalysis()
rival.fit(pretrainer.transform(X[labelled]), y[labelled].astype(str))
print(f"{balanced_accuracy_score(y_test, rival.predict(latents)):.3f}")

# %%
# It does as well here, and has to: the simulated patients are Gaussian with one
# covariance for all subtypes, word for word what discriminant analysis supposes. The
# classifier has the same latents among its members, whitened by how neighbouring
# patients differ, and the held-out labels give them nearly all the weight. On real
# cohorts with few labels discriminant analysis is now ahead, now far behind
# (:doc:`/benchmark_self_supervision` has it in the table).
#
# 5. How sure is it?
# ------------------
# Whom to have diagnosed next? Those of whom the classifier is least sure; and its
# mistakes should be among them.

sure = classifier.predict_proba(X_test).max(axis=1)
wrong = predicted != y_test
by_certainty = pd.qcut(sure, 4, labels=["least sure", "less", "more", "most sure"])
certainty = pd.DataFrame({"certainty": by_certainty, "wrong": wrong})
certainty.groupby("certainty", observed=True)["wrong"].agg(["size", "mean"]).round(2)

# %%
# 6. Did it pay? Ask your own data
# --------------------------------
# :func:`~skgenex.self_supervision.compare_pretraining` sets test patients aside before
# anything is learned, and gives the same labels to all methods, over several draws of
# both. The random encoder is the control: what any 16 numbers per patient would do.

from skgenex.self_supervision import compare_pretraining

curves = compare_pretraining(
    X,
    truth_train,
    pretrainer=VIMEPretrainer(n_components=16, max_epochs=15),
    n_labels=[2, 5, 15],
    n_repeats=3,
    random_state=0,
    verbose=0,
    plot=False,
)
curves.groupby(["method", "n_labels"])["score"].mean().unstack().round(3)

# %%
# "Probe" is logistic regression on the latents, "fine-tuned" the classifier of this
# page. With few labels both are far ahead; with fifteen per subtype the methods that
# saw all profiles are equal, and even the genes alone come near. That is the usual
# picture where classes are many genes strong. Where they differ in a few genes only,
# latents lose what distinguishes them, and this table would say so.
#
# 7. The next study
# -----------------
# It measured other genes, in another order. Columns are matched by name, and missing
# ones are filled in.

next_study = X_test.sample(frac=1, axis=1, random_state=0).iloc[:, :220]
moved = pretrainer.transform(next_study)
agreement = np.mean(
    [np.corrcoef(latents[:, j], moved[:, j])[0, 1] for j in range(latents.shape[1])]
)
print(f"{next_study.shape[1]} of {X.shape[1]} genes: latents correlate {agreement:.2f}")

# %%
# 8. The figure
# -------------
# Unseen patients along the axes of their latents which separate best what the
# classifier says of the *training* patients; the learning curves; and its mistakes.

import matplotlib.pyplot as plt

figure, axes = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
axes_of_classes = LinearDiscriminantAnalysis(n_components=2)
axes_of_classes.fit(pretrainer.transform(X), classifier.predict(X))
plane = axes_of_classes.transform(latents)
for subtype in np.unique(truth):
    chosen = y_test == subtype
    axes[0].scatter(*plane[chosen].T, s=16, label=subtype)
axes[0].set(xlabel="discriminant axis 1", ylabel="discriminant axis 2")
axes[0].legend(fontsize=8)
for method, scores in curves.groupby("method"):
    by_size = scores.groupby("n_labels")["score"]
    axes[1].errorbar(
        by_size.mean().index, by_size.mean(), by_size.std(), marker="o", label=method
    )
axes[1].set(xlabel="labels per subtype", ylabel="balanced accuracy, unseen patients")
axes[1].set_xscale("log")
axes[1].set_xticks([2, 5, 15], labels=["2", "5", "15"])
axes[1].minorticks_off()
axes[1].legend(fontsize=8)
rate = certainty.groupby("certainty", observed=True)["wrong"].mean()
axes[2].bar(list(rate.index), rate, color="0.6")
axes[2].set(ylabel="share of wrong predictions", xlabel="quarters of unseen patients")
for letter, ax in zip("ABC", axes, strict=True):
    ax.set_title(letter, loc="left", fontweight="bold")
plt.show()

# %%
# 9. What to report
# -----------------
# The labels alone, first; the learning curve with its spread; ``backend_`` and
# ``pretext_gain_``; that test patients took no part in pretraining.
#
# Where next: :doc:`/user_guide/self_supervision` for gene sets, rows of other studies
# and warm starts of other estimators;
# :doc:`/auto_examples/plot_pretrain_then_classify` for the same on real patients.
