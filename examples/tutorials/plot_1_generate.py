"""
Tutorial: from raw counts to synthetic patients
===============================================

You have a table of sequencing counts with one rare class. At the end of this page you
have synthetic patients of it, know how real they look, what they give away and whether
they help a classifier, and have the figure that shows all this.

The counts are simulated here, so that the page needs no file and the truth is known.
Put your own table in place of ``counts`` and ``y``; nothing below knows where they
come from.
"""

# %%
# 1. The counts
# -------------
# Patients are rows, genes are columns: a DataFrame keeps their names to the end. Look
# at three things before anything else: how many patients each class has, how much the
# library sizes differ, and how many counts are zero.

import numpy as np
import pandas as pd

from skgenex.datasets import make_expression

simulated = make_expression(
    240,
    400,
    n_classes=3,
    weights=[0.4, 0.4, 0.2],
    n_informative=30,
    effect_size=0.8,
    row_scale=0.15,
    library_noise=0.5,
    depth=40_000,
    random_state=1,
)
counts = pd.DataFrame(simulated.counts, columns=simulated.feature_names)
# Two subtypes share the label "common", as subtypes that nobody has named yet do.
y = pd.Series(np.where(simulated.target == "class_2", "rare", "common"), name="class")
library_sizes = counts.sum(axis=1)
print(y.value_counts().to_dict())
print(f"library sizes from {library_sizes.min():,.0f} to {library_sizes.max():,.0f}")
print(f"zeros: {(counts == 0).to_numpy().mean():.0%}")

# %%
# 2. Split, then learn
# --------------------
# Whatever learns from patients learns from the training half only: that goes for the
# scale of the counts as much as for the generator. The other half is for judging.
# :class:`~skgenex.preprocessing.LogCPM` takes counts to log2(CPM + 1), the unit that
# every sampler here expects, and will take synthetic rows back to counts.

from sklearn.model_selection import train_test_split

from skgenex import LogCPM

counts_train, counts_held_out, y_train, y_held_out = train_test_split(
    counts, y, test_size=0.5, stratify=y, random_state=0
)
to_profiles = LogCPM(random_state=0).set_output(transform="pandas").fit(counts_train)
train = to_profiles.transform(counts_train)
held_out = to_profiles.transform(counts_held_out)
train.iloc[:3, :5].round(2)

# %%
# 3. The simple generator first
# -----------------------------
# :class:`~skgenex.generation.GaussianSampler` is fitted in an instant, and is what the
# deep samplers start from. ``sample`` takes the labels you want.

from skgenex import GaussianSampler

gaussian = GaussianSampler(random_state=0).fit(train, y_train)
new, y_new = gaussian.sample(y={"rare": 3})
print(y_new)
new.iloc[:, :5].round(2)

# %%
# 4. Does a network describe these patients better?
# -------------------------------------------------
# :class:`~skgenex.generation.DiffusionSampler` asks rows that it holds out of its own
# training. ``heldout_gain_`` is how much lower the network's loss is on them, with its
# standard error; only a gain above the error opens the gate. A closed gate is an
# answer, not a failure: then the sampler *is* the Gaussian.

from skgenex import DiffusionSampler

diffusion = DiffusionSampler(random_state=0)
diffusion.fit(train, y_train)

# %%
# That is how a notebook shows it; a click on the arrow lists the parameters, those that
# differ from their defaults marked. And this is what held-out rows said:

print(
    f"gain {diffusion.heldout_gain_:+.3f} ± {diffusion.heldout_gain_se_:.3f}, "
    f"used: {diffusion.backend_}"
)

# %%
# 5. Judge likeness and copying together
# --------------------------------------
# Likeness alone is won by whoever copies. So two controls stand beside the samplers:
# the training rows themselves, which show the best likeness to hope for, and the same
# rows with a little noise, a generator that only copies.

from sklearn.preprocessing import StandardScaler

from skgenex.metrics import fidelity_scores, privacy_scores

scaler = StandardScaler().set_output(transform="pandas").fit(train)
rng = np.random.default_rng(0)
noisy = train + 0.1 * rng.normal(size=train.shape) * train.std().to_numpy()
synthetic = {
    "training rows": train,
    "noisy copies": noisy,
    "Gaussian": gaussian.sample(y=y_held_out)[0],
    "diffusion": diffusion.sample(y=y_held_out)[0],
}
scores = {}
for name, rows in synthetic.items():
    rows = scaler.transform(rows)
    scores[name] = {
        **fidelity_scores(scaler.transform(held_out), rows, random_state=0),
        **privacy_scores(
            rows,
            X_train=scaler.transform(train),
            X_holdout=scaler.transform(held_out),
            random_state=0,
        ),
    }
scores = pd.DataFrame(scores)
scores.round(2)

# %%
# Read down a column. The copies reach the ceiling in every figure of likeness, and give
# themselves away below: a ``nearest_ratio`` near 0, where unseen patients have 1, and a
# ``membership_auc`` of 1, where chance is 0.5. The samplers lie somewhat below the
# ceiling and make new patients. That the diffusion was let in says that held-out rows
# preferred it, by a hair, and hardly shows in these scores.
#
# 6. Do they help a classifier?
# -----------------------------
# The sampler is a step of a pipeline, so each training fold makes its own synthetic
# patients and no test patient has a part in them. The competitors are what reviewers
# will ask for: class weights, plain over-sampling, SMOTE. All classifiers are weighted
# by class, which does nothing to classes that the sampler has balanced.

from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.pipeline import Pipeline
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score

from skgenex.generation import multiply

folds = RepeatedStratifiedKFold(n_splits=3, n_repeats=3, random_state=0)
classifiers = {
    "logistic regression": LogisticRegression(C=0.01, class_weight="balanced"),
    "random forest": RandomForestClassifier(class_weight="balanced", random_state=0),
}
candidates = {
    "class weights": "passthrough",
    "over-sampling": RandomOverSampler(random_state=0),
    "SMOTE": SMOTE(random_state=0),
    "GaussianSampler": GaussianSampler(random_state=0),
    "the same, x 3": GaussianSampler(sampling_strategy=multiply(3), random_state=0),
}
accuracy = {}
for classifier_name, classifier in classifiers.items():
    for name, augment in candidates.items():
        pipeline = Pipeline(
            [
                ("counts", LogCPM()),
                ("scale", StandardScaler()),
                ("augment", augment),
                ("clf", classifier),
            ]
        )
        accuracy[classifier_name, name] = cross_val_score(
            pipeline, counts, y, cv=folds, scoring="balanced_accuracy"
        )
accuracy = pd.DataFrame(accuracy)
gain = accuracy.copy()
for name in classifiers:
    gain[name] = accuracy[name].sub(accuracy[name, "class weights"], axis=0)
pd.DataFrame(
    {
        "balanced accuracy": accuracy.mean(),
        "gain over class weights": gain.mean(),
        "spread of the gain": gain.std(),
    }
).round(3)

# %%
# The answer depends on the classifier. The linear one, with its strong penalty, has
# what regularisation it needs: synthetic patients take accuracy from it. The forest
# hardly finds the rare class by itself, and neither weights nor copies help it;
# balanced synthetic patients do, and *more* of them in both classes undo it. Ask with
# your own classifier, and keep "passthrough" among the candidates.
#
# 7. Back to counts
# -----------------
# Some tools want counts. Library sizes are drawn from those of the training rows.

new, y_new = diffusion.sample(200)
counts_new = pd.DataFrame(to_profiles.inverse_transform(new), columns=counts.columns)
print(counts_new.iloc[:3, :6])
for name, table in (("real", counts_held_out), ("synthetic", counts_new)):
    print(
        f"{name:10s} zeros {(table == 0).to_numpy().mean():.1%}, "
        f"median library {table.sum(axis=1).median():,.0f}"
    )

# %%
# 8. The figure
# -------------
# Four panels, one claim each: the rows look alike; so does the gene that tells the rare
# class most, its zeros included; nothing is copied; and this is what they are worth to
# two classifiers. For a journal,
# ``figure.savefig("figure.pdf")`` keeps it a vector graphic.

import matplotlib.pyplot as plt

from skgenex.plotting import EmbeddingDisplay

figure, axes = plt.subplots(2, 2, figsize=(9, 7), layout="constrained")
(top_left, top_right), (bottom_left, bottom_right) = axes

new, y_new = diffusion.sample(y=y_held_out)
EmbeddingDisplay.from_arrays(
    scaler.transform(held_out),
    scaler.transform(new),
    y_real=y_held_out,
    y_synthetic=y_new,
    ax=top_left,
)
top_left.get_legend().set_frame_on(True)

gene = simulated.feature_names[int(np.abs(simulated.effects[2]).argmax())]
bins = np.linspace(held_out[gene].min(), held_out[gene].max(), 16)
for name, table in (("held-out", held_out), ("synthetic", new)):
    top_right.hist(table[gene], bins, density=True, alpha=0.5, label=name)
top_right.set(xlabel=f"{gene}, log2(CPM + 1)", ylabel="density")
top_right.legend(loc="upper center")

for name, marker in zip(scores, "sxo^", strict=True):
    x, height = scores.loc[["nearest_ratio", "coverage"], name]
    bottom_left.scatter(x, height, s=50, marker=marker, label=name)
bottom_left.axvline(1, color="0.6", linestyle="--", linewidth=1)
bottom_left.set(
    xlabel="nearest-training ratio (0: copies; line: unseen patients)",
    ylabel="coverage of held-out patients",
    xlim=(-0.1, 1.2),
    ylim=(0, 1.1),
)
bottom_left.legend(loc="lower center")

for offset, (name, marker) in enumerate(zip(classifiers, "os", strict=True)):
    shown = gain[name].drop(columns="class weights")
    bottom_right.errorbar(
        shown.mean(),
        np.arange(shown.shape[1]) + 0.2 * offset,
        xerr=shown.std(),
        fmt=marker,
        capsize=3,
        label=name,
    )
bottom_right.set_yticks(np.arange(shown.shape[1]) + 0.1, labels=list(shown))
bottom_right.legend()
bottom_right.axvline(0, color="0.6", linestyle="--", linewidth=1)
bottom_right.set(xlabel="gain over class weights (balanced accuracy)")
bottom_right.invert_yaxis()

for letter, ax in zip("ABCD", axes.ravel(), strict=True):
    ax.set_title(letter, loc="left", fontweight="bold")
plt.show()

# %%
# 9. Keep it, and say what you did
# --------------------------------
# A saved sampler is a file without code in it (``pip install "skgenex[skops]"``)::
#
#     skgenex.save(diffusion, "sampler.skops")
#     sampler = skgenex.load("sampler.skops")
#
# In the methods section, say: the version of the package, the random state, how many
# rows trained the generator and how many judged it, ``backend_`` and ``heldout_gain_``,
# likeness *with* its ceiling, the privacy scores, and the comparison with class
# weights. Synthetic rows are no new evidence: never test a hypothesis on them.
#
# Where next: :doc:`/auto_examples/plot_judge_a_generator` on the scores,
# :doc:`/auto_examples/plot_grid_of_samplers` to let a search choose,
# :doc:`/auto_examples/plot_conditions` for sex, age or batch, and
# :doc:`/user_guide/privacy` before rows leave the house.
