"""The searches against closed forms."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from skgenex.counterfactual.model import DifferentiableModel
from skgenex.counterfactual.problem import Problem, nearest_step, target_score
from skgenex.counterfactual.rebuild import Linear
from skgenex.counterfactual.reference import FactorCovariance, Reference
from skgenex.counterfactual.searches.black_box import estimated_gradient
from skgenex.counterfactual.searches.drivers import followed
from skgenex.counterfactual.searches.gradient import gradient
from skgenex.counterfactual.searches.natural import natural
from skgenex.counterfactual.searches.prototype import nearest_prototypes
from skgenex.counterfactual.searches.sparse import sparse
from skgenex.counterfactual.settings import Settings

P = 12
PLAIN = Settings(class_shift=0.0, roughness=0.0)


def make_problem(weight, n=60, goal=0.5, covariance="total", bounded=False, p=P):
    """Patients of class 0 who shall become class 1 of a linear model."""
    rng = np.random.default_rng(0)
    n_factors = min(p, P)
    X = rng.standard_normal((n, n_factors)) @ rng.standard_normal((n_factors, p))
    if p > n_factors:
        X += rng.standard_normal((n, p))
    weight = np.asarray(weight, dtype=float)
    model = DifferentiableModel(Linear(weight[:, None], [0.0]))
    model.scores(torch.from_numpy(X))
    outputs = model.scores(torch.from_numpy(X)).numpy()
    groups = outputs.argmax(axis=1)
    reference = Reference(X, outputs, groups, covariance, np.random.default_rng(1))
    start = reference.standardise(X[groups == 0][:7])
    wide = torch.full_like(start, torch.inf)
    if bounded:
        lower, upper = (
            reference.standardise(ends[None])
            for ends in (reference.lowest, reference.highest)
        )
    else:
        lower, upper = -wide, wide
    return Problem(
        model=model,
        reference=reference,
        start=start,
        goal=torch.full((len(start),), goal, dtype=torch.float64),
        lower=torch.minimum(lower.expand_as(start), start),
        upper=torch.maximum(upper.expand_as(start), start),
        codes=torch.ones(len(start), dtype=torch.int64),
    )


WEIGHT = np.linspace(-1, 1, P)


def dense(covariance, p=P):
    return covariance.multiply(torch.eye(p, dtype=torch.float64)).numpy()


def test_covariance_in_factor_form_equals_the_dense_one():
    rng = np.random.default_rng(0)
    for n in (8, 50):
        rows = rng.standard_normal((n, P)) @ rng.standard_normal((P, P))
        rows -= rows.mean(axis=0)
        covariance = FactorCovariance(rows, rng)
        S = dense(covariance)
        v = torch.from_numpy(rng.standard_normal((3, P)))
        w = v.numpy()
        expected = np.einsum("ij,jk,ik->i", w, np.linalg.inv(S), w)
        np.testing.assert_allclose(covariance.squared_length(v), expected)
        np.testing.assert_allclose(covariance.diagonal(), np.diag(S))
        values, vectors = np.linalg.eigh(S)
        root = vectors * np.sqrt(values) @ vectors.T
        np.testing.assert_allclose(covariance.multiply(v, 0.5), w @ root, atol=1e-9)


def test_natural_change_is_the_shortest_in_its_metric():
    problem = make_problem(WEIGHT)
    rows, reached = natural(problem, PLAIN)
    assert reached.all()
    reference = problem.reference
    S = dense(reference.covariance)
    slope = WEIGHT * reference.scale
    # argmin d'S^-1 d subject to slope'd = missing, in closed form.
    missing = (problem.goal - problem.score(problem.start)).numpy()
    expected = np.outer(missing / (slope @ S @ slope), S @ slope)
    np.testing.assert_allclose(rows - problem.start, expected, rtol=1e-3, atol=1e-9)


def test_tempering_ends_at_the_plain_gradient():
    problem = make_problem(WEIGHT)
    tempered = Settings(class_shift=0.0, roughness=0.0, tempering=0.0)
    change = natural(problem, tempered)[0] - problem.start
    euclidean = make_problem(WEIGHT, covariance="identity")
    other = natural(euclidean, PLAIN)[0] - euclidean.start
    slope = torch.from_numpy(WEIGHT * problem.reference.scale)
    cosine = torch.nn.functional.cosine_similarity(change, slope[None])
    np.testing.assert_allclose(cosine, 1)
    np.testing.assert_allclose(change, other, atol=1e-9)


def test_texture_meets_the_roughness_and_spares_what_changes_most():
    rng = np.random.default_rng(3)
    problem = make_problem(0.1 * rng.standard_normal(300), n=80, p=300)
    smooth, _ = natural(problem, PLAIN)
    rough, reached = natural(problem, Settings(class_shift=0.0, roughness=1.0))
    assert reached.all()
    assert (problem.margin(rough) >= 0).all()
    reference = problem.reference

    def stiffness(rows):
        stiff, squares = reference.stiffness_parts(rows - problem.start)
        return (stiff / squares / reference.stiffness).numpy()

    # These patients are training rows: nothing of them is outside of the factors.
    np.testing.assert_allclose(smooth, rough)
    new = problem.start + 0.7 * torch.from_numpy(rng.standard_normal((7, 300)))
    problem = replace(
        problem, start=new, lower=new - 100, upper=new + 100, outputs=None
    )
    problem.goal = problem.score(new).detach() + 3
    smooth, _ = natural(problem, PLAIN)
    rough, reached = natural(problem, Settings(class_shift=0.0, roughness=1.0))
    assert reached.all()
    assert (stiffness(smooth) < 0.7).all()
    np.testing.assert_allclose(np.median(stiffness(rough)), 1, atol=0.25)
    before, after = smooth - new, rough - new
    top = before.abs().mean(dim=0).argsort(descending=True)[:5]
    np.testing.assert_allclose(
        after[:, top] / before[:, top], (after / before)[:, top[:1]].expand(-1, 5)
    )


def test_sparse_solves_the_knapsack():
    problem = make_problem(WEIGHT, bounded=True, goal=2.0)
    rows, reached = sparse(problem, Settings())
    assert reached.all()
    slope = WEIGHT * problem.reference.scale
    linear_programme = pytest.importorskip("scipy.optimize").linprog
    for i in range(len(problem)):
        change = (rows - problem.start)[i].numpy()
        missing = float(problem.goal[i] - problem.score(problem.start)[i])
        ranges = [
            (0, r)
            for r in np.where(
                slope > 0,
                (problem.upper - problem.start)[i],
                (problem.start - problem.lower)[i],
            )
        ]
        shortest = linear_programme(
            np.ones(P), A_ub=-np.abs(slope)[None], b_ub=[-missing], bounds=ranges
        ).fun
        # Fewer genes may be worth a longer way, but not by much here.
        assert shortest - 1e-6 <= np.abs(change).sum() <= 1.5 * shortest
        reverted = np.abs(slope * change)
        used = change != 0
        excess = float(problem.margin(rows)[i])
        assert (reverted[used] > excess).all()  # no gene is superfluous


def test_gradient_search_needs_the_weight():
    problem = make_problem(0.2 * WEIGHT, goal=1.0)
    rows, reached = gradient(problem, Settings(max_steps=6))
    assert reached.all()
    closest = problem.start + torch.from_numpy(
        np.outer(
            (problem.goal - problem.score(problem.start)).numpy()
            / ((0.2 * WEIGHT * problem.reference.scale) ** 2).sum(),
            0.2 * WEIGHT * problem.reference.scale,
        )
    )
    ratio = (rows - problem.start).norm(dim=1) / (closest - problem.start).norm(dim=1)
    assert (ratio >= 1 - 1e-6).all()
    assert (ratio < 1.6).all()


def test_prototypes_are_the_nearest_of_the_target():
    problem = make_problem(WEIGHT)
    near = nearest_prototypes(problem)
    reference = problem.reference
    assert (problem.score(near[:, 0]) >= problem.goal).all()
    S = dense(reference.within)
    # All directions are factors here, so that latent distances are Mahalanobis'.
    members = reference.rows[reference.outputs[:, 1] >= 0.5]
    difference = (members[None] - problem.start[:, None]).numpy()
    distance = np.einsum("abi,ij,abj->ab", difference, np.linalg.inv(S), difference)
    nearest = members[distance.argmin(axis=1)]
    np.testing.assert_allclose(near[:, 0], nearest)


def test_estimated_gradient_agrees_with_the_true_one():
    problem = make_problem(WEIGHT)
    settings = Settings(max_predictions=20_000)
    estimate = estimated_gradient(problem, settings, problem.start, 0)
    truth = torch.from_numpy(WEIGHT * problem.reference.scale)[None]
    S = problem.reference.within
    cosine = torch.nn.functional.cosine_similarity(
        S.multiply(estimate), S.multiply(truth)
    )
    assert (cosine > 0.99).all()


def test_followers_have_their_conditional_expectation():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((50, P)) @ rng.standard_normal((P, P))
    covariance = FactorCovariance(rows - rows.mean(axis=0), rng)
    S = dense(covariance)
    K, R = [1, 4], [0, 2, 3, 5]
    values = torch.tensor([1.0, -2.0], dtype=torch.float64)
    change = followed(covariance, torch.tensor(K), values).numpy()
    expected = S[np.ix_(R, K)] @ np.linalg.solve(S[np.ix_(K, K)], values.numpy())
    np.testing.assert_allclose(change[R], expected)
    np.testing.assert_allclose(change[K], values)


def test_score_of_targets():
    outputs = torch.tensor([[1.0, 3.0, 2.0], [5.0, 1.0, 0.0]], dtype=torch.float64)
    score = target_score(outputs, torch.tensor([1, 2]), None, 1.0)
    assert score.tolist() == [1.0, -5.0]
    interval = torch.tensor([[0.0, 4.0], [6.0, torch.inf]], dtype=torch.float64)
    depth = target_score(outputs[:, :1], None, interval, 2.0)
    assert depth.tolist() == [0.5, -0.5]


def test_nearest_step_stops_at_the_first_of_a_straight_margin():
    problem = make_problem(WEIGHT)
    way = torch.from_numpy(WEIGHT * problem.reference.scale)[None]
    rows, reached = nearest_step(problem, lambda a: problem.start + a * way)
    assert reached.all()
    margin = problem.margin(rows)
    assert (margin >= 0).all()
    assert (margin < 0.01).all()
    _, reached = nearest_step(problem, lambda a: problem.start - a * way)
    assert not reached.any()
