"""One qualitative result of each cited paper, on a real cohort and a frozen network."""

import copy

import numpy as np
import pandas as pd
import torch
from _counterfactual_tasks import make_task

from skgenex.counterfactual.pareto import domination, search_front
from skgenex.metrics.counterfactual import plausibility_scores

LR, N_STEPS = 0.05, 400
ISTA_LR, L1, L2 = 0.01, 0.005, 0.1  # weights relative to the prediction's


def problem(task):
    """Patients, targets and the target's log-odds as torch needs them."""
    classes = np.unique(task.y_train)
    rows = torch.tensor(task.patients.to_numpy())
    target = torch.tensor(np.searchsorted(classes, task.target))
    model = copy.deepcopy(task.model).double()

    def log_odds(x, goal=target):
        logits = model(x)
        own = logits.gather(1, goal[:, None])[:, 0]
        others = torch.nn.functional.one_hot(goal, logits.shape[1]).bool()
        return own - logits.masked_fill(others, -torch.inf).amax(dim=1)

    return rows, target, log_odds


def wachter(task, weights=(0.1, 1, 10, 100, 1000)):
    """Share of patients that arrive, by the weight of the prediction (2017, Eq. 2).

    The distance is the L1 norm in units of each gene's median absolute deviation.
    """
    rows, _, log_odds = problem(task)
    X = task.X_train.to_numpy()
    deviation = np.median(np.abs(X - np.median(X, axis=0)), axis=0)
    deviation = torch.tensor(np.maximum(deviation, 1e-3))
    for weight in weights:
        change = torch.zeros_like(rows, requires_grad=True)
        optimiser = torch.optim.Adam([change], LR)
        for _ in range(N_STEPS):
            optimiser.zero_grad()
            missed = 1 - torch.sigmoid(log_odds(rows + change))
            distance = (change.abs() / deviation).mean(dim=1)
            (weight * missed.square() + distance).sum().backward()
            optimiser.step()
        with torch.no_grad():
            valid = log_odds(rows + change) > 0
            size = change.abs().sum(dim=1).mean()
        yield {"weight": weight, "validity": float(valid.double().mean()),
               "L1": float(size)}  # fmt: skip


def van_looveren(task, strengths=(0, 0.01, 0.03, 0.1)):
    """Count steps to the flip, without and with prototypes (2021, Eq. 5).

    The prototype is the mean of the five nearest training patients predicted as the
    target, in 30 principal components.
    """
    rows, _, log_odds = problem(task)
    X, predicted = task.X_train.to_numpy(), task.predict(task.X_train)
    basis = torch.tensor(np.linalg.svd(X - X.mean(axis=0), full_matrices=False)[2][:30])
    prototypes = []
    for row, target in zip(rows, task.target, strict=True):
        own = torch.tensor(X[predicted == target])
        near = ((own - row) @ basis.T).norm(dim=1).argsort()[:5]
        prototypes.append(own[near].mean(dim=0))
    prototypes = torch.stack(prototypes)
    for strength in strengths:
        change = torch.zeros_like(rows)
        steps = torch.full((len(rows),), float("nan"), dtype=torch.float64)
        ends = rows.clone()
        for step in range(1, N_STEPS + 1):
            change.requires_grad_(True)
            x = rows + change
            odds = log_odds(x)
            arrived = (odds > 0) & steps.isnan()
            steps[arrived] = step - 1
            ends[arrived] = x.detach()[arrived]
            loss = torch.relu(0.1 - odds) + L2 * change.square().sum(dim=1)
            loss = loss + strength * (x - prototypes).square().sum(dim=1)
            (slope,) = torch.autograd.grad(loss.sum(), change)
            # Proximal step of the L1 norm (ISTA), which the paper accelerates.
            change = (change - ISTA_LR * slope).detach()
            change = change.sign() * (change.abs() - ISTA_LR * L1).clamp_min(0)
        found = ~steps.isnan().numpy()
        plausible = plausibility_scores(
            pd.DataFrame(ends.numpy()[found], columns=task.patients.columns),
            task.target[found],
            X_train=task.X_train,
            y_train=task.y_train,
            X_holdout=task.X_test,
            y_holdout=task.y_test,
        ).mean()
        yield {
            "strength": strength,
            "validity": float(found.mean()),
            "steps": float(steps.nanmean()),
            "knn_ratio": plausible["knn_ratio"],
            "mahalanobis_ratio": plausible["mahalanobis_ratio"],
        }


def dandl(task, n_patients=10, n_weights=10):
    """How the front compares with the minima of weighted sums of its objectives.

    Shares of weighted minima that the front dominates, of its members that one of the
    minima dominates, and of the objectives' box that either dominates. The minima get
    together as many predictions as the front, or each as many.
    """
    for n_generations, predictions in ((2, "300 together"), (29, "300 each")):
        figures = _front_against_sums(task, n_patients, n_weights, n_generations)
        yield {**figures, "weighted sums": predictions}


def _front_against_sums(task, n_patients, n_weights, n_generations):
    rows, target, log_odds = problem(task)
    X, predicted = task.X_train.to_numpy(), task.predict(task.X_train)
    rng = np.random.default_rng(0)
    beaten, lost, volumes = [], [], []
    for i in range(min(n_patients, len(rows))):
        row, own = rows[i].numpy(), X[predicted == task.target[i]]
        near = own[np.argsort(((own - row) ** 2).sum(axis=1))]
        ways = np.stack([near[0], near[:5].mean(axis=0), own.mean(axis=0)]) - row

        def gap(candidates, goal=target[i]):
            with torch.no_grad():
                odds = log_odds(torch.tensor(candidates), goal.expand(len(candidates)))
            return -odds.numpy()

        def distance(changes):
            return np.abs(changes).mean(axis=1)

        def implausibility(candidates, near=near):
            apart = np.linalg.norm(candidates[:, None] - near[None, :30], axis=2)
            return np.sort(apart, axis=1)[:, :5].mean(axis=1)

        front = search_front(
            row, ways, gap=gap, distance=distance, implausibility=implausibility,
            rng=np.random.default_rng(i),
        ).objectives  # fmt: skip
        front = front[front[:, 0] <= 0]
        width = np.ptp(front, axis=0)[1:]
        width[width == 0] = 1.0
        minima = []
        for weight in rng.dirichlet(np.ones(3), n_weights):

            def cost(changes, weight=weight / width, row=row, far=implausibility):
                n_genes = (np.abs(changes) > 1e-3).sum(axis=1)
                parts = [distance(changes), n_genes, far(row + changes)]
                return np.column_stack(parts) @ weight

            single = search_front(
                row, ways, gap=gap, distance=cost,
                implausibility=lambda candidates: np.zeros(len(candidates)),
                rng=np.random.default_rng(i), tolerance=np.inf,
                n_population=10, n_generations=n_generations,
            )  # fmt: skip
            valid = single.objectives[:, 0] <= 0
            if valid.any():
                best = single.profiles[valid][single.objectives[valid, 1].argmin()]
                changes = (best - row)[None]
                n_genes = (np.abs(changes) > 1e-3).sum()
                minima.append([0, distance(changes)[0], n_genes,
                               implausibility(best[None])[0]])  # fmt: skip
        minima = np.array(minima).reshape(-1, 4)
        both = np.concatenate([front, minima])
        wins = domination(both)
        n = len(front)
        beaten.append(wins[:n, n:].any(axis=0).mean() if len(minima) else 1.0)
        lost.append(wins[n:, :n].any(axis=0).mean())
        box = both[:, 1:].min(axis=0), both[:, 1:].max(axis=0)
        points = rng.uniform(*box, (2000, 3))
        volumes.append(
            [
                (part[None, :, 1:] <= points[:, None]).all(axis=2).any(axis=1).mean()
                for part in (front, minima)
            ]
        )
    return {
        "minima dominated": float(np.mean(beaten)),
        "members dominated": float(np.mean(lost)),
        "volume of front": float(np.mean(volumes, axis=0)[0]),
        "volume of minima": float(np.mean(volumes, axis=0)[1]),
    }


PAPERS = {
    "Wachter et al. (2017): validity grows with the weight": wachter,
    "Van Looveren & Klaise (2021): prototypes speed up and raise plausibility": (
        van_looveren
    ),
    "Dandl et al. (2020): a front against weighted sums": dandl,
}


def reproduce(folder, cohort, n_seeds):
    """Print a table for each paper, means over splits."""
    for title, experiment in PAPERS.items():
        tables = [
            pd.DataFrame(experiment(make_task(folder, cohort, "mlp", seed)))
            for seed in range(n_seeds)
        ]
        numbers = [table.select_dtypes("number") for table in tables]
        mean = sum(numbers) / n_seeds
        rest = tables[0].drop(columns=mean.columns)
        print(f"\n### {title}; {cohort}\n")
        print(pd.concat([mean.round(2), rest], axis=1).to_string(index=False))
