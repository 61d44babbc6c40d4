"""Labels of the same patients in another order are not learned from silently."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from skgenex import (
    CounterfactualExplainer,
    DANNClassifier,
    DiffusionSampler,
    DomainScaler,
    GaussianSampler,
    PhenotypeClassifier,
    PhenotypeRegressor,
    VIMEClassifier,
)

ESTIMATORS = {
    "gaussian": GaussianSampler(),
    "diffusion": DiffusionSampler(max_epochs=1),
    "phenotype": PhenotypeClassifier(max_epochs=1),
    "regressor": PhenotypeRegressor(max_epochs=1),
    "few_labels": VIMEClassifier(max_epochs=1, pretrain=False),
    "dann": DANNClassifier(max_epochs=1, target_domain="b"),
    "scaler": DomainScaler(target_domain="b"),
    "explainer": CounterfactualExplainer(LogisticRegression()),
}


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    index = [f"P{i}" for i in range(40)]
    y = pd.Series(np.arange(40) % 2, index)
    X = pd.DataFrame(rng.standard_normal((40, 6)) + y.to_numpy()[:, None], index)
    X.columns = [f"G{j}" for j in range(6)]
    return X, y, pd.Series(np.repeat(["a", "b"], 20), index)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_labels_in_another_order_are_noticed(name, table):
    X, y, domain = table
    how = {"sample_domain": domain} if name in ("dann", "scaler") else {}
    shuffled = y.sample(frac=1, random_state=0)
    said = r"y has the same row labels.*y.loc\[X.index\]"
    if name in ("gaussian", "diffusion"):
        with pytest.raises(ValueError, match=said):
            ESTIMATORS[name].fit(X, shuffled, **how)
    else:
        with pytest.warns(UserWarning, match=said):
            ESTIMATORS[name].fit(X, shuffled, **how)
    ESTIMATORS[name].fit(X, shuffled.loc[X.index], **how)
    # Other labels, or none, are no order: rows are matched by position.
    ESTIMATORS[name].fit(X.reset_index(drop=True), y, **how)


def test_domains_in_another_order_are_refused(table):
    X, y, domain = table
    with pytest.raises(ValueError, match="sample_domain has the same row labels"):
        DomainScaler(target_domain="b").fit(X, y, sample_domain=domain[::-1])
