"""LOF outliers among real patients, by the rule that counterfactuals are judged by."""

import numpy as np
from _counterfactual_tasks import load
from sklearn.model_selection import train_test_split
from sklearn.neighbors import LocalOutlierFactor

LEAST = 3  # patients of a class in training and held-out rows


def left_out_outliers(X_train, y_train, X_test, y_test):
    """Whether each held-out patient is beyond the 95 % point of its class's others.

    A column of floats; NaN where a class has too few patients.
    """
    outlier = np.full(len(y_test), np.nan)
    for label in np.unique(y_test):
        own, members = X_train[y_train == label], np.flatnonzero(y_test == label)
        if min(len(own), len(members)) < LEAST:
            continue
        lof = LocalOutlierFactor(min(20, len(own) - 1), novelty=True).fit(own)
        factor = -lof.score_samples(X_test[members])
        outlier[members] = [
            factor[i] > np.quantile(np.delete(factor, i), 0.95)
            for i in range(len(factor))
        ]
    return outlier


def real_outliers(folder, cohort, n_splits):
    """Print the share of held-out patients beyond the 95 % point of the others.

    Few patients of a class make this more than 0.05: a new draw exceeds the largest of
    n - 1 with probability 1 / n. Classes count as often as they are targets, which of
    two is as often as the other occurs.
    """
    X, y = load(folder, cohort)
    shares = []
    for seed in range(n_splits):
        train, test = train_test_split(
            np.arange(len(y)), test_size=0.35, stratify=y, random_state=seed
        )
        mean, sd = X.iloc[train].mean(), X.iloc[train].std(ddof=0)
        genes = sd.index[sd > 1e-6]
        rows = ((X[genes] - mean[genes]) / sd[genes]).clip(-10, 10).to_numpy()
        outlier = left_out_outliers(rows[train], y[train], rows[test], y[test])
        known = ~np.isnan(outlier)
        share = {
            label: outlier[known & (y[test] == label)].mean()
            for label in np.unique(y[test][known])
        }
        counts = [np.mean(y[test] != label) for label in share]
        weight = counts if len(share) == 2 else None
        shares.append(np.average(list(share.values()), weights=weight))
    each = ", ".join(f"{share:.3f}" for share in shares)
    print(f"{cohort}: {np.mean(shares):.3f} of real patients are outliers ({each})")
