"""The generator contains the natural change: it starts from a typical patient's."""

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from skgenex.counterfactual import CounterfactualExplainer
from skgenex.counterfactual._generator import typical_changes
from skgenex.counterfactual.searches.learned import GeneratorObjective
from skgenex.datasets import make_expression


def explainer_of(method, *, n_classes=2, **options):
    data = make_expression(60, 200, n_classes=n_classes, random_state=0)
    options = {"class_shift": 0.0, "roughness": 0.0, "bounds": None} | options
    explainer = CounterfactualExplainer(
        LogisticRegression(C=0.01, max_iter=1000),
        method=method,
        non_negative=False,
        random_state=0,
        **options,
    )
    return explainer.fit(data.data, data.target), data.data


def test_typical_change_takes_the_mean_row_to_the_goal_by_the_shortest_way():
    explainer, X = explainer_of("natural")
    reference, model = explainer.reference_, explainer.model_
    groups = np.asarray(reference.groups)
    covariance = reference.covariance
    k = len(covariance.vectors)
    typical = typical_changes(explainer, model, groups, k).double()
    factors = covariance.variances.sqrt()[:, None] * covariance.vectors
    for target in (0, 1):
        sign = 2 * target - 1
        slope = torch.from_numpy(explainer.estimator_.coef_[0] * reference.scale) * sign
        mean = X[groups != target].mean(axis=0, keepdims=True)
        before = sign * explainer.estimator_.decision_function(mean)
        change = typical[target] @ factors
        after = before + float(change @ slope)
        np.testing.assert_allclose(after, explainer._goals[target], rtol=1e-4)
        # Along the covariance within the factors: no other way there is shorter.
        natural = (factors @ slope) @ factors
        cosine = torch.nn.functional.cosine_similarity(change, natural, dim=0)
        assert cosine > 0.9999


def test_a_class_that_all_rows_are_predicted_as_has_no_typical_change():
    explainer, _ = explainer_of("natural", n_classes=3)
    groups = np.ones(len(explainer.reference_.rows), dtype=int)
    typical = typical_changes(explainer, explainer.model_, groups, 5)
    assert (typical[1] == 0).all()
    assert (typical[[0, 2]].abs().max(dim=1).values > 0).all()


def test_a_generator_that_has_hardly_learned_explains_like_the_natural_search():
    learned, X = explainer_of("learned", max_epochs=1, lr=1e-6)
    natural, _ = explainer_of("natural")
    pairs = [
        torch.from_numpy(e.explain(X[:20]).changes.to_numpy() / e.scale_)
        for e in (learned, natural)
    ]
    assert (torch.nn.functional.cosine_similarity(*pairs) > 0.98).all()


def test_a_stored_generator_without_a_typical_change_has_none():
    sizes = {"n_factors": 3, "n_classes": 2, "n_hidden": 4, "n_layers": 1}
    old, new = (GeneratorObjective(**sizes, dropout=0.0) for _ in range(2))
    new.typical += 1
    weights = {k: v for k, v in old.state_dict().items() if k != "typical"}
    new.load_state_dict(weights)
    scores, codes = torch.ones(2, 3), torch.tensor([0, 1])
    torch.testing.assert_close(new.weights(scores, codes), old.weights(scores, codes))
