"""Domination, crowding, and fronts whose optimum is known."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier

from skgenex.counterfactual.model import BlackBoxModel
from skgenex.counterfactual.pareto import (
    OBJECTIVES,
    compromise,
    crowding_distances,
    decode,
    domination,
    farthest_points,
    non_dominated_ranks,
    search_front,
)
from skgenex.counterfactual.problem import Problem
from skgenex.counterfactual.reference import Reference
from skgenex.counterfactual.searches.front import pareto
from skgenex.counterfactual.settings import Settings
from skgenex.plotting import ParetoDisplay


def test_ranks_peel_the_fronts():
    objectives = np.random.default_rng(0).random((60, 3))
    ranks = non_dominated_ranks(objectives)
    left = np.arange(60)
    for rank in range(ranks.max() + 1):
        front = [
            i
            for i in left
            if not any(
                all(objectives[j] <= objectives[i])
                and any(objectives[j] < objectives[i])
                for j in left
            )
        ]
        assert sorted(np.flatnonzero(ranks == rank)) == front
        left = np.setdiff1d(left, front)
    assert len(left) == 0


def test_equal_candidates_do_not_dominate_each_other():
    assert not domination(np.ones((3, 2))).any()
    assert (non_dominated_ranks(np.ones((3, 2))) == 0).all()


def test_crowding_is_the_width_of_the_gap():
    objectives = np.array([[0.0, 10], [1, 6], [4, 5], [10, 0]])
    np.testing.assert_allclose(
        crowding_distances(objectives), [np.inf, 0.4 + 0.5, 0.9 + 0.6, np.inf]
    )


def test_decoding_keeps_the_largest_genes():
    directions = np.array([[1.0, 0, 0, -4], [0, 2, 0, 0]])
    genotypes = np.array([[1.0, 1, 1], [1, 1, 0.5], [2, 1, 0]])
    expected = [[1, 2, 0, -4], [0, 2, 0, -4], [0, 0, 0, -8]]
    np.testing.assert_array_equal(decode(genotypes, directions), expected)


def test_farthest_points_spread():
    rows = np.array([[0.0], [1], [2], [9], [10]])
    assert farthest_points(rows, 0, 3).tolist() == [0, 4, 2]
    assert len(farthest_points(np.zeros((4, 1)), 1, 3)) == 1


def test_the_compromise_is_valid_where_anything_is():
    objectives = np.array([[0.5, 0, 0, 0], [0, 3, 2, 1], [0, 2, 1, 3], [0, 2, 1, 1.5]])
    assert compromise(objectives) == 3
    assert compromise(objectives[:1]) == 0


@pytest.fixture
def linear():
    """A linear boundary at distance 2, and a direction that is half wrong."""
    rng = np.random.default_rng(0)
    weight = rng.standard_normal(50)
    weight /= np.linalg.norm(weight)
    away = rng.standard_normal(50)
    away -= (away @ weight) * weight
    away /= np.linalg.norm(away)
    calls = []

    def gap(rows):
        calls.append(len(rows))
        return 2 - rows @ weight

    search = {
        "original": np.zeros(50),
        "directions": np.stack([3 * weight, 3 * weight + 3 * away]),
        "gap": gap,
        "distance": lambda change: np.linalg.norm(change, axis=1),
        "implausibility": lambda rows: np.linalg.norm(rows - 3 * away, axis=1),
    }
    return search, weight, calls


def test_front_reaches_the_known_optima(linear):
    search, weight, calls = linear
    front = search_front(**search, rng=np.random.default_rng(0))
    assert sum(calls) == 300
    assert front.objectives.shape[1] == len(OBJECTIVES)
    assert not domination(front.objectives).any()
    valid = front.objectives[:, 0] == 0
    np.testing.assert_array_equal(valid, front.profiles @ weight >= 2)
    # No valid point is nearer than the boundary; the front comes close to it.
    nearest = front.objectives[valid, 1].min()
    assert 2 <= nearest < 2.1
    # It also holds sparser and more plausible points, which are farther away.
    best = front.objectives[valid].min(axis=0)
    at_nearest = front.objectives[valid][front.objectives[valid, 1].argmin()]
    assert best[2] < at_nearest[2]
    assert best[3] < at_nearest[3]


def dominated_share(front, lower, upper):
    """Share of a box that valid members dominate: the hypervolume."""
    valid = front.objectives[front.objectives[:, 0] == 0, 1:]
    points = np.random.default_rng(0).uniform(lower, upper, (4000, 3))
    return (valid[None] <= points[:, None]).all(axis=2).any(axis=1).mean()


def test_evolution_beats_random_candidates(linear):
    search, weight, _ = linear
    # Only a mix of these noisy directions is near the shortest way.
    noise = np.random.default_rng(2).standard_normal((6, 50))
    search["directions"] = 3 * (weight + 0.2 * noise)
    shares = {}
    for name, budget in (("evolved", (20, 29)), ("random", (600, 0))):
        fronts = [
            search_front(
                **search,
                n_population=budget[0],
                n_generations=budget[1],
                rng=np.random.default_rng(seed),
            )
            for seed in range(5)
        ]
        shares[name] = [
            dominated_share(front, [2, 1, 3], [6, 50, 6]) for front in fronts
        ]
    assert np.mean(shares["evolved"]) > 1.05 * np.mean(shares["random"])


def test_constraints_hold_on_the_whole_front(linear):
    search, weight, _ = linear
    immutable = np.arange(10)

    def constrain(rows):
        rows = np.clip(rows, -0.7, 0.7)
        rows[:, immutable] = 0
        return rows

    front = search_front(**search, constrain=constrain, rng=np.random.default_rng(0))
    assert (front.profiles[:, immutable] == 0).all()
    assert np.abs(front.profiles).max() <= 0.7
    valid = front.objectives[:, 0] == 0
    np.testing.assert_array_equal(valid, front.profiles @ weight >= 2)


def test_same_seed_same_front(linear):
    search, *_ = linear
    first, second = (
        search_front(**search, rng=np.random.default_rng(5)) for _ in range(2)
    )
    np.testing.assert_array_equal(first.profiles, second.profiles)


@pytest.fixture
def forest_problem():
    """Patients of a forest, to be moved to the other class."""
    rng = np.random.default_rng(0)
    y = np.arange(120) % 2
    X = rng.standard_normal((120, 25))
    X[:, :8] += 2.0 * y[:, None]
    forest = RandomForestClassifier(30, random_state=0).fit(X[:100], y[:100])
    model = BlackBoxModel(forest, values=False)
    outputs = model.scores(torch.from_numpy(X[:100])).numpy()
    reference = Reference(X[:100], outputs, outputs.argmax(1), "total", rng)
    start = reference.standardise(X[100:])
    lower, upper = start - 4, start + 4
    lower[:, 20:] = upper[:, 20:] = start[:, 20:]  # immutable
    return Problem(
        model,
        reference,
        start,
        goal=torch.full((20,), 0.1, dtype=torch.float64),
        lower=lower,
        upper=upper,
        codes=torch.from_numpy(1 - y[100:]),
    )


def test_patients_of_a_black_box_arrive_within_the_predictions(forest_problem):
    model = forest_problem.model
    model.n_predictions = 0
    rows, reached, *_ = pareto(forest_problem, Settings(max_predictions=300))
    assert model.n_predictions <= 300 * len(forest_problem)
    assert reached.float().mean() >= 0.95
    torch.testing.assert_close(forest_problem.margin(rows) >= 0, reached)
    assert (rows[:, 20:] == forest_problem.start[:, 20:]).all()
    assert (rows >= forest_problem.lower).all()
    assert (rows <= forest_problem.upper).all()


def test_a_patients_front_does_not_depend_on_the_others(forest_problem):
    settings = Settings(max_predictions=150)
    *_, fronts, profiles = pareto(forest_problem, settings)
    one = forest_problem.of(torch.tensor([7]))
    *_, (front,), (alone,) = pareto(one, settings)
    np.testing.assert_allclose(alone, profiles[7])
    np.testing.assert_allclose(front, fronts[7])
    # Objectives are those of the profiles.
    change = torch.from_numpy(alone) - one.start[0]
    np.testing.assert_allclose(
        front["distance"] ** 2,
        one.reference.covariance.squared_length(change),
    )
    assert (front["n_genes"] == (change.abs() > 1e-3).sum(dim=1).numpy()).all()


def test_display_draws_the_front_of_a_patient():
    pytest.importorskip("matplotlib").use("agg")
    front = pd.DataFrame(
        [[0.0, 2.0, 9, 1.0], [0.0, 3.0, 4, 1.0], [0.7, 0.5, 1, 1.0]],
        columns=list(OBJECTIVES),
    )
    explanations = SimpleNamespace(fronts=[pd.DataFrame(), front])
    display = ParetoDisplay.from_explanations(explanations, 1)
    # What does not flip is no compromise, however near.
    assert display.objectives["prediction_gap"].max() == 0
    assert (display.x, display.y) == ("distance", "n_genes")
    assert display.front_.tolist() == [0, 1]
    with pytest.raises(ValueError, match="Patient 0 was predicted as the target"):
        ParetoDisplay.from_explanations(explanations, 0)
    with pytest.raises(ValueError, match="position among 2; got 2"):
        ParetoDisplay.from_explanations(explanations, 2)
    with pytest.raises(ValueError, match='Only method="pareto"'):
        ParetoDisplay.from_explanations(SimpleNamespace(fronts=None))
