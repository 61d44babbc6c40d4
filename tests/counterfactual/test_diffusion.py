"""Noising partway and denoising under the target class, against a known prior."""

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge

from skgenex.counterfactual import CounterfactualExplainer
from skgenex.counterfactual._explain import limits_of, problem_of
from skgenex.counterfactual.searches.diffusion import _guide
from skgenex.generation import GaussianSampler, edit


@pytest.fixture(scope="module")
def cohort():
    rng = np.random.default_rng(0)
    y = np.where(np.arange(120) % 2, "T", "B")
    X = rng.standard_normal((120, 3)) @ rng.standard_normal((3, 20))
    X[:, :6] += 3.0 * (y == "T")[:, None]
    X = 8 + X + 0.5 * rng.standard_normal(X.shape)
    return pd.DataFrame(X, columns=[f"G{j}" for j in range(20)]), y


def explain(cohort, model, prior, n=10):
    X, y = cohort
    explainer = CounterfactualExplainer(
        model, method="diffusion", prior=prior, random_state=0
    )
    return explainer.fit(X, y), explainer.explain(X[:n])


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(C=0.01, max_iter=1000),
        RandomForestClassifier(20, random_state=0),
    ],
)
def test_patients_of_a_sampler_flip(cohort, model):
    sampler = GaussianSampler(random_state=0).fit(*cohort)
    _, result = explain(cohort, model, partial(edit, sampler, keep=[]))
    assert (result.status == "valid").all()
    # A draw at full strength may still miss the goal; then others help.
    assert (result.search == "diffusion").mean() >= 0.7


def test_prior_is_asked_for_the_target_no_more_strongly_than_needed(cohort):
    asked = []

    def towards_the_mean(X, *, y, strength, random_state):
        asked.append((strength, set(y), list(X.columns)))
        ends = np.where(y == "T", 14.0, 2.0)[:, None]
        return X + strength * (ends - X)

    X, _ = cohort
    model = LogisticRegression(C=0.01, max_iter=1000)
    explainer, result = explain(cohort, model, towards_the_mean, n=1)
    strengths = [strength for strength, *_ in asked]
    assert strengths == sorted(strengths)
    assert strengths[-1] < 1
    assert asked[0][1:] == ({"T"}, list(X.columns))
    # Not beyond the goal, but for the precision of the search.
    goal = explainer._goals[list(explainer.classes_).index("T")]
    assert goal <= result.score_after[0] < 1.25 * goal


def test_guidance_raises_the_score_more_at_greater_strength(cohort):
    X, y = cohort
    explainer = CounterfactualExplainer(
        LogisticRegression(C=0.01, max_iter=1000), random_state=0
    ).fit(X, y)
    rows = X[:4].to_numpy(copy=True)
    problem = problem_of(explainer, rows, None, limits_of(explainer, rows))
    gains = [
        (problem.margin(_guide(problem, problem.start, t)) - problem.start_margin())
        for t in (0.1, 0.3)
    ]
    assert (gains[0] > 0).all()
    assert (gains[1] > 2 * gains[0]).all()
    fixed = replace(problem, lower=problem.start, upper=problem.start)
    assert torch.equal(_guide(fixed, fixed.start, 0.3), fixed.start)


def test_what_does_not_fit_is_refused(cohort):
    X, y = cohort
    with pytest.raises(ValueError, match=r"needs a prior.*keep=\[\]"):
        CounterfactualExplainer(method="diffusion").fit(X, y)
    with pytest.raises(ValueError, match='prior needs method="diffusion"'):
        CounterfactualExplainer(prior=lambda X, **_: X).fit(X, y)
    prior = partial(edit, GaussianSampler(random_state=0).fit(X, y), keep=[])
    with pytest.raises(ValueError, match="needs classes"):
        explain((X, X["G0"].to_numpy()), Ridge(), prior)
    with pytest.raises(ValueError, match=r"shape it is given.*got \(1, 3"):
        explain(cohort, LogisticRegression(C=0.01), lambda X, **_: X.iloc[:, :3])
