"""
Change a gene, and carry patients to another class
==================================================

What leukaemia patients of the B lineage look like with less CD79A, which single-gene
changes move them towards the T lineage, and what they would be as T lineage patients.
These are conditional effects, learned from patients nobody intervened on: genes
upstream of a changed gene move as much as those downstream.
"""

# %%
# Patients
# --------
# The sampler learns from half of them; the other half are those we change.

from sklearn.model_selection import train_test_split

from skgenex.datasets import load_leukemia
from skgenex.generation import (
    GaussianSampler,
    Shift,
    edit,
    intervention_scan,
    simulate_intervention,
    transport,
)

X, y = load_leukemia(return_X_y=True, as_frame=True)
X_train, X_new, y_train, y_new = train_test_split(X, y, stratify=y, random_state=0)
sampler = GaussianSampler(random_state=0).fit(X_train, y_train)
is_b = y_new == "B"

# %%
# A gene less by one unit of log2
# -------------------------------
# Genes are listed by how clearly they follow. The standard error is that of a
# regression on as many patients as there were in the fit; a draw is one possible truth.

result = simulate_intervention(
    sampler, X_new[is_b], {"CD79A": Shift(-1.0, unit="raw")}, y=y_new[is_b]
)
print(result.table().head(8).round(2))

# %%
# Which change moves patients most
# --------------------------------
# The outcome is any classifier. The mark shows what the gene alone would do, if no
# other gene followed: nearly nothing, since a linear model spreads over many genes.

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skgenex.plotting import InterventionScanDisplay

outcome = make_pipeline(StandardScaler(), LogisticRegression(C=0.01))
outcome.fit(X_train, y_train)
variable = X_train.var().nlargest(200).index
scan = intervention_scan(
    sampler, X_new[is_b], list(variable), outcome=outcome, wanted="T", y=y_new[is_b]
)
InterventionScanDisplay.from_table(scan, n_genes=12)

# %%
# The same patients as T lineage
# ------------------------------
# Candidate markers by their change, in within-class standard deviations.

carried = transport(sampler, X_new[is_b], to="T", y=y_new[is_b])
print(carried.table.head(10).round(2))
print("predicted T:", (outcome.predict(carried.profiles) == "T").mean())

# %%
# Known genes kept, the others drawn anew
# ---------------------------------------
# One patient's lineage markers stay as measured; the rest is another patient's who
# could have them.

markers = ["CD19", "CD22", "CD79A", "CD79B"]
edited = edit(sampler, X_new[is_b], keep=markers, y=y_new[is_b], random_state=0)
print((edited - X_new[is_b])[[*markers, "CD3D"]].head(3).round(2))
