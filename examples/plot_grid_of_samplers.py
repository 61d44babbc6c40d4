"""
Let a grid search choose the sampler
====================================

Which sampler, and how many rows? These are parameters of the pipeline like any other:
a grid can swap the whole step, "passthrough" included, so that "add nothing" competes
on equal terms.
"""

# %%
# Data
# ----
# Simulated, so that the truth is known: 90 patients, 300 genes in correlated modules,
# a rare class of 15, and an effect in 20 genes.

from skgenex.datasets import make_expression

X, y = make_expression(
    90, 300, weights=[5, 1], effect_size=0.5, random_state=0, return_X_y=True
)

# %%
# A list of grids
# ---------------
# Each sampler comes with parameters of its own. Sizes are `multiply` and
# `augment_to`, which compute counts from the fold at hand, and can be compared,
# pickled and copied, as grid values must.

from imblearn.over_sampling import SMOTE
from imblearn.pipeline import Pipeline
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.preprocessing import StandardScaler

from skgenex import DiffusionSampler, GaussianSampler
from skgenex.generation import augment_to, multiply

pipeline = Pipeline(
    [
        ("scale", StandardScaler()),
        ("augment", "passthrough"),
        ("clf", LogisticRegression(class_weight="balanced", max_iter=2000)),
    ]
)
sizes = ["auto", multiply(3), augment_to(100)]
grid = [
    {"augment": ["passthrough"]},
    {
        "augment": [SMOTE(k_neighbors=3, random_state=0)],
        "augment__sampling_strategy": sizes,
    },
    {
        "augment": [GaussianSampler(random_state=0)],
        "augment__sampling_strategy": sizes,
    },
    {
        "augment": [DiffusionSampler(max_epochs=20, random_state=0)],
        "augment__sampling_strategy": [multiply(3)],
    },
]
search = GridSearchCV(
    pipeline,
    grid,
    scoring="roc_auc",
    cv=StratifiedKFold(4, shuffle=True, random_state=0),
    n_jobs=2,
)
search.fit(X, y)

# %%
# What the search saw
# -------------------
# The winner is the first row, but compare the differences between rows with ``sd``, the
# spread over folds: the candidates are closer to each other than one fold is to the
# next, so another 90 patients may rank them in another way. The best score of a search
# is optimistic, too; an honest one needs an outer cross-validation around the search.

import pandas as pd

results = pd.DataFrame(search.cv_results_)
table = pd.DataFrame(
    {
        "sampler": [
            s if s == "passthrough" else type(s).__name__
            for s in results["param_augment"]
        ],
        "size": results["param_augment__sampling_strategy"].fillna("").astype(str),
        "ROC AUC": results["mean_test_score"],
        "sd": results["std_test_score"],
        "fit seconds": results["mean_fit_time"],
    }
).sort_values("ROC AUC", ascending=False, ignore_index=True)
table.round(3)

# %%
# Drawn, with the standard deviation over folds:

import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(6.5, 3.2), layout="constrained")
labels = table["sampler"] + "  " + table["size"]
ax.errorbar(table["ROC AUC"], labels, xerr=table["sd"], fmt="o", color="#4c566a")
ax.invert_yaxis()
ax.set_xlabel("ROC AUC in cross-validation")

# %%
# The search refits the winner on all rows: the pipeline is ready to predict.

print(search.best_params_)
print(search.predict(X[:3]))
