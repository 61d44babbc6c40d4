"""torch.autocast lowers the precision of training, and of nothing else."""

import numpy as np
import pytest
import torch

from skgenex import DiffusionSampler, VIMEClassifier, VIMEPretrainer
from skgenex.domain_adaptation import DANNClassifier
from skgenex.prediction import PhenotypeClassifier

AUTOCAST = {
    "vime": VIMEPretrainer(max_epochs=4, random_state=0),
    "diffusion": DiffusionSampler(max_epochs=4, backend="diffusion", random_state=0),
    "phenotype": PhenotypeClassifier(max_epochs=4, backend="network", random_state=0),
    "few_labels": VIMEClassifier(max_epochs=4, backend="network", random_state=0),
    "dann": DANNClassifier(max_epochs=4, fallback=None, random_state=0),
}


@pytest.mark.parametrize("name", AUTOCAST)
def test_fits_within_autocast_train_in_less_and_predict_in_full_precision(name):
    rng = np.random.default_rng(0)
    y = np.arange(80) % 2
    X = rng.standard_normal((80, 30)) + y[:, None]
    labels = np.where(np.arange(80) < 60, y, -1)
    estimator, how = AUTOCAST[name], {}
    if name == "dann":
        how["sample_domain"] = np.where(np.arange(80) < 40, "a", "b")

    def outputs():
        if name == "dann":
            return estimator.predict_proba(X, how["sample_domain"])
        if name == "diffusion":
            return estimator.sample(9, random_state=0)[0]
        if hasattr(estimator, "predict_proba"):
            return estimator.predict_proba(X)
        return estimator.transform(X)

    full = estimator.fit(X, y if name in ("diffusion", "phenotype") else labels, **how)
    weights = [p.detach().clone() for p in full.net_.module_.parameters()]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        estimator.fit(X, y if name in ("diffusion", "phenotype") else labels, **how)
        within = outputs()
    np.testing.assert_array_equal(within, outputs())
    found = [p.detach() for p in estimator.net_.module_.parameters()]
    assert all(p.dtype in (torch.float32, torch.float64) for p in found)
    moved = torch.cat([(a - b).flatten() for a, b in zip(weights, found, strict=True)])
    length = torch.cat([p.flatten() for p in weights]).norm()
    assert 0 < moved.norm() < 0.2 * length  # rounding changes a fit, but not much
