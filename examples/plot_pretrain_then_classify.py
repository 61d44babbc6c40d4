"""
Pretrain, then classify from few labels
=======================================

Many profiles, few labels. An encoder learns from all training profiles; a classifier
learns from a few labels per class, beside logistic regression on the genes and on
principal components. Whether pretraining pays is a question to the data, which
`compare_pretraining` asks.
"""

# %%
# B and T lineage leukaemia. A third of the patients is only used to score; of the rest,
# five per class have a label.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split

from skgenex.datasets import load_leukemia
from skgenex.self_supervision import (
    VIMEClassifier,
    VIMEPretrainer,
    compare_pretraining,
)

X, y = load_leukemia(n_genes=500, return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=1 / 3, stratify=y, random_state=0
)
rng = np.random.default_rng(0)
few = np.full(len(y_train), None, dtype=object)
for label in np.unique(y_train):
    few[rng.choice(np.flatnonzero(y_train == label), 5, replace=False)] = label

# %%
# The encoder starts as principal component analysis and learns to repair corrupted
# profiles. ``pretext_gain_`` is by how much that lowered the loss of held-out profiles.
pretrainer = VIMEPretrainer(n_components=16, random_state=0).fit(X_train)
print(f"pretext loss lowered by {pretrainer.pretext_gain_:.0%}")

# %%
# The classifier averages logistic regressions of the genes, of the genes emphasised by
# their association with the classes, of the factors of all training profiles and of the
# encoder's latents, weighted by what each says of labels that it did not see. It tunes
# this where held-out labels speak for it.
classifier = VIMEClassifier(
    warm_start_from=FrozenEstimator(pretrainer), random_state=0
).fit(X_train, few)
print({name: round(loss, 3) for name, loss in classifier.cv_scores_.items()})
print(f"what predicts: {classifier.backend_}")
print(f"accuracy on unseen patients: {classifier.score(X_test, y_test):.2f}")

# %%
# One split says little. Learning curves, with test patients and labels drawn anew:
_, axes = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
Z = pretrainer.transform(X_test)
for label in np.unique(y_test):
    of = np.asarray(y_test) == label
    axes[0].scatter(Z[of, 0], Z[of, 1], label=label, s=20)
axes[0].set(xlabel="latent 1", ylabel="latent 2", title="unseen patients")
axes[0].legend(title="lineage")
compare_pretraining(
    X,
    y,
    pretrainer=VIMEPretrainer(n_components=16, max_epochs=15),
    n_labels=[2, 5, 10],
    n_repeats=3,
    random_state=0,
    ax=axes[1],
)
axes[1].set_title("3 repeats: mean and standard deviation")
plt.show()
