"""From rows and a target to explanations, by a fitted CounterfactualExplainer."""

import time
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from ._result import Explanations
from .changes import UNCHANGED
from .constraints import gene_positions, limits
from .model import all_scores, named_rows, unwrap
from .problem import Problem
from .settings import Settings
from .solve import Solution, diverse_profiles, solve
from .targets import target_codes, target_intervals

INTERVAL_GOAL = 0.05  # standard deviations of the predictions


def explain_rows(
    explainer: Any, rows: NDArray, target: Any, index: Any = None
) -> Explanations:
    """Search counterfactuals of rows; see `CounterfactualExplainer.explain`.

    Parameters
    ----------
    explainer : CounterfactualExplainer
        Fitted.
    rows : ndarray of shape (n_patients, n_features)
        Patients, in the unit of the data.
    target : object
        As the user gave it.
    index : pandas.Index, default=None
        Names of the patients; None numbers them.

    Returns
    -------
    Explanations
        The result.
    """
    ends = limits_of(explainer, rows)
    problem = problem_of(explainer, rows, target, ends)
    score_before = problem.score_of(problem.known_outputs()).numpy()
    predicted_before = _predict(explainer, rows, problem.known_outputs())
    arrived = _is_target(explainer, predicted_before, problem)
    moving = np.flatnonzero(~arrived)
    method = "drivers" if explainer.n_drivers is not None else explainer.method
    solution = Solution(problem.start[:0], np.empty(0, dtype=object))
    if len(moving):
        part = problem.of(torch.from_numpy(moving))
        settings = _settings_of(explainer)
        solution = solve(part, method, settings, verbose=explainer.verbose)
    place = {int(i): k for k, i in enumerate(moving)}
    search = np.full(len(rows), "none", dtype=object)
    search[moving] = solution.search
    standardised = problem.start.clone()
    standardised[torch.from_numpy(moving)] = solution.rows
    profiles = _to_profiles(explainer, rows, problem.start, standardised, ends)
    outputs = torch.from_numpy(all_scores(explainer.model_, profiles))
    score_after = problem.score_of(outputs).numpy()
    predicted = _predict(explainer, profiles, outputs)
    valid = _is_target(explainer, predicted, problem)
    nearer = score_after > score_before
    lost = ~valid & ~nearer
    profiles[lost], search[lost] = rows[lost], "none"
    predicted[lost], score_after[lost] = predicted_before[lost], score_before[lost]
    names = gene_names(explainer)
    columns = pd.Index(names)  # once: thousands of strings are slow to convert
    if not isinstance(index, pd.Index):
        index = pd.RangeIndex(len(rows))
    details: dict[str, Any] = {}
    if explainer.n_drivers is not None:
        details["drivers"] = [
            names[solution.chosen.get(place.get(i, -1), [])] for i in range(len(rows))
        ]
    if explainer.method == "pareto":
        details["fronts"] = [
            solution.fronts.get(place.get(i, -1), pd.DataFrame())
            for i in range(len(rows))
        ]
    if explainer.diverse is not None:
        details["alternatives"] = [
            _alternatives(
                explainer, rows[i], problem.start[i], solution, place.get(i),
                tuple(end[i] for end in ends),
            )
            for i in range(len(rows))
        ]  # fmt: skip
    return Explanations(
        originals=pd.DataFrame(rows, index=index, columns=columns),
        profiles=pd.DataFrame(profiles, index=index, columns=columns, copy=False),
        status=np.where(valid, "valid", np.where(nearer, "best effort", "infeasible")),
        predicted_before=predicted_before,
        predicted_after=predicted,
        target=_target_of(explainer, problem),
        score_before=score_before,
        score_after=score_after,
        search=search,
        scale_=pd.Series(explainer.scale_, index=columns),
        spread_=pd.Series(explainer.reference_.spread, index=columns),
        quality=_quality(explainer, rows, profiles, valid, search, index),
        **details,
    )


def gene_names(explainer: Any) -> NDArray:
    """Return the names of the genes; x0, x1, ... where there are none."""
    names = getattr(explainer, "feature_names_in_", None)
    if names is None:
        names = [f"x{j}" for j in range(explainer.n_features_in_)]
    return np.asarray(names, dtype=object)


def limits_of(explainer: Any, rows: NDArray) -> tuple[NDArray, NDArray]:
    """Return the lower and upper limit of each gene of each row."""
    reference = explainer.reference_
    non_negative = explainer.non_negative
    if isinstance(non_negative, str):
        non_negative = bool(reference.lowest.min() >= 0)
    return limits(
        rows,
        gene_names(explainer),
        lowest=reference.lowest,
        highest=reference.highest,
        constant=reference.deviation == 0,
        immutable=explainer.immutable,
        direction=explainer.direction,
        bounds=explainer.bounds,
        non_negative=non_negative,
    )


def problem_of(
    explainer: Any, rows: NDArray, target: Any, ends: tuple[NDArray, NDArray]
) -> Problem:
    """Return the problem of moving rows to a target within limits."""
    reference = explainer.reference_
    outputs = all_scores(explainer.model_, rows)
    lower, upper = ends
    common: dict[str, Any] = {
        "model": explainer.model_,
        "reference": reference,
        "start": reference.standardise(rows),
        "outputs": torch.from_numpy(outputs),
        "lower": reference.standardise(lower),
        "upper": reference.standardise(upper),
    }
    if explainer.classes_ is not None:
        codes = target_codes(target, outputs, explainer.classes_)
        goal = torch.from_numpy(explainer._goals[codes])
        return Problem(**common, goal=goal, codes=torch.from_numpy(codes))
    known = reference.outputs[:, 0].numpy()
    unit = max(float(known.std()), 1e-12)
    interval = target_intervals(target, outputs[:, 0], known)
    goal = np.minimum(INTERVAL_GOAL, (interval[:, 1] - interval[:, 0]) / unit / 4)
    return Problem(
        **common,
        goal=torch.from_numpy(goal),
        interval=torch.from_numpy(interval),
        unit=unit,
    )


def _settings_of(explainer):
    deadline = float("inf")
    if explainer.time_limit is not None:
        deadline = time.monotonic() + explainer.time_limit
    followers = None
    if explainer.followers is not None:
        names = gene_names(explainer)
        followers = {
            int(gene_positions([gene], names, "followers")[0]): torch.from_numpy(
                gene_positions(genes, names, "followers")
            )
            for gene, genes in explainer.followers.items()
        }
    return Settings(
        tempering=explainer.tempering,
        class_shift=explainer.class_shift,
        roughness=explainer.roughness,
        max_genes=explainer.max_genes,
        n_drivers=explainer.n_drivers,
        max_steps=explainer.max_steps,
        max_predictions=explainer.max_predictions,
        followers=followers,
        redraw=_redraw_of(explainer) if explainer.method == "diffusion" else None,
        generator=explainer._generate if explainer.method == "learned" else None,
        deadline=deadline,
        seed=explainer._seed,
    )


def _redraw_of(explainer):
    """Let the user's prior take and return standardised rows and codes of classes."""
    reference, classes = explainer.reference_, explainer.classes_

    def redraw(rows, codes, strength):
        X = reference.to_units(rows).numpy()
        named = hasattr(explainer, "feature_names_in_")
        drawn = explainer.prior(
            pd.DataFrame(X, columns=gene_names(explainer)) if named else X,
            y=classes[codes.numpy()],
            strength=strength,
            random_state=explainer._seed,
        )
        drawn = np.array(drawn, dtype=np.float64)
        if drawn.shape != X.shape:
            raise ValueError(
                f"prior must return rows of the shape it is given, {X.shape}; got "
                f"{drawn.shape}."
            )
        return reference.standardise(drawn)

    return redraw


def _predict(explainer, rows, outputs):
    estimator = explainer.estimator_
    if isinstance(estimator, torch.nn.Module):
        return explainer.classes_[outputs.argmax(dim=1).numpy()]
    predicted = np.array(estimator.predict(named_rows(unwrap(estimator), rows)))
    return predicted.reshape(len(rows))


def _target_of(explainer, problem):
    if problem.codes is None:
        return problem.interval.numpy()
    return explainer.classes_[problem.codes.numpy()]


def _is_target(explainer, predicted, problem):
    target = _target_of(explainer, problem)
    if problem.codes is not None:
        return predicted == target
    return (predicted >= target[:, 0]) & (predicted <= target[:, 1])


def _to_profiles(explainer, rows, start, standardised, ends):
    """Back to the unit of the data; what did not move stays to the last bit."""
    moved = (standardised != start).numpy()
    units = explainer.reference_.to_units(standardised).numpy()
    return np.clip(np.where(moved, units, rows), *ends)


def _quality(explainer, rows, profiles, valid, search, index):
    reference = explainer.reference_
    change = torch.from_numpy((profiles - rows) / reference.scale)
    squared = reference.covariance.squared_length(change).clamp_min(0)
    return pd.DataFrame(
        {
            "valid": valid,
            "search": search,
            "L1": change.abs().sum(dim=1).numpy(),
            "L2": change.norm(dim=1).numpy(),
            "n_genes_changed": (change.abs() > UNCHANGED).sum(dim=1).numpy(),
            "mahalanobis": squared.sqrt().numpy(),
        },
        index=index,
    )


def _alternatives(explainer, row, start, solution, place, ends):
    names = gene_names(explainer)
    if place not in solution.profiles:
        return pd.DataFrame(columns=names, dtype=float)
    found = torch.from_numpy(diverse_profiles(solution, place, explainer.diverse))
    originals = np.tile(row, (len(found), 1))
    profiles = _to_profiles(explainer, originals, start.expand_as(found), found, ends)
    return pd.DataFrame(profiles, columns=names)
