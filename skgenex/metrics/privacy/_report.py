"""All attacks on one fitted sampler, beside the same attacks on controls."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ._closest import (
    authenticity,
    distance_to_closest_record_share,
    nearest_neighbour_distance_ratio,
    nearest_training_ratio,
)
from ._sets import Sets, checked_sets
from .attacks import ATTACKS, Evidence
from .controls import NoisyCopies, second_sample
from .inference import attribute_inference, linkability, singling_out
from .roc import MembershipResult, membership_result
from .shadow import Shadow, fit_shadows, model_attacks, shadow_attacks

ROWS_PER_MEMBER, MANY_ROWS = 10, 2_000  # synthetic rows drawn by default
DESCRIPTIVE = (
    "Distances describe, they don't measure privacy: a generator can leak with all of "
    "them as for real rows."
)
LOWER_BOUND = (
    "Attacks that were tried, not a proof: a stronger one may exist, and the highest "
    "of several AUCs lies above 0.5 by chance too."
)


@dataclass(frozen=True)
class PrivacyReport:
    """What attacks on a generator achieve; made by `privacy_report`.

    Parameters
    ----------
    table : DataFrame of shape (n_attacks, 9)
        A membership attack per row. ``access``: what the attacker has (synthetic rows,
        also refits of the sampler, or the fitted sampler). ``auc`` with its 95 %
        interval (``auc_low``, ``auc_high``), 0.5 is guessing; ``tpr_1``, ``tpr_10``
        (with intervals): share of training rows found with at most 1 % and 10 % of the
        held-out rows accused. ``copy_auc``, ``real_auc``: the AUC against the controls,
        noisy copies of the training rows, and other real rows.
    inference : DataFrame of shape (n_targets, 6)
        Guesses about patients of whom genes are known (`attribute_inference`,
        `linkability`, `singling_out`), and the advantage against noisy copies.
    distances : DataFrame of shape (4, 3)
        Descriptive distances of synthetic rows, of noisy copies and of real rows.
    attacks : dict of str to MembershipResult
        Scores behind the table.
    sizes : dict of str to int
        Numbers of rows and shadows.
    sampler_name : str
        Class of the sampler.
    """

    table: pd.DataFrame
    inference: pd.DataFrame
    distances: pd.DataFrame
    attacks: dict[str, MembershipResult]
    sizes: dict[str, int]
    sampler_name: str

    @property
    def strongest(self) -> str:
        """Name of the attack with the highest AUC."""
        return str(self.table["auc"].idxmax())

    def plot(self, ax: Any = None) -> Any:
        """Draw the attacks' ROC curves, both axes logarithmic.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in; new ones if None.

        Returns
        -------
        display : MembershipRocDisplay
            The drawn display.
        """
        from ...plotting import MembershipRocDisplay

        return MembershipRocDisplay.from_results(self.attacks, ax=ax)

    def to_dict(self) -> dict[str, Any]:
        """Return sizes and tables as plain numbers and strings, for JSON.

        Returns
        -------
        dict
            ``sampler``, ``sizes``, ``attacks``, ``inference``, ``distances``; a table
            is a dict of rows, missing values are None.
        """
        return {
            "sampler": self.sampler_name,
            "sizes": dict(self.sizes),
            "attacks": _plain(self.table),
            "inference": _plain(self.inference),
            "distances": _plain(self.distances),
            "notes": [LOWER_BOUND, DESCRIPTIVE],
        }

    def _parts(self) -> list[tuple[str, pd.DataFrame, str]]:
        return [
            ("Membership attacks", self.table, LOWER_BOUND),
            ("Inference about known patients", self.inference, ""),
            ("Distances", self.distances, DESCRIPTIVE),
        ]

    def _heading(self) -> str:
        sizes = ", ".join(
            f"{number} {name.replace('_', ' ')}" for name, number in self.sizes.items()
        )
        return f"Privacy of {self.sampler_name}: {sizes}."

    def __str__(self) -> str:
        out = [self._heading()]
        for title, table, note in self._parts():
            text = table.to_string(float_format="{:.3f}".format, na_rep="")
            out += ["", title, text, *filter(None, [note])]
        return "\n".join(out)

    def _repr_html_(self) -> str:
        out = [f"<p>{self._heading()}</p>"]
        for title, table, note in self._parts():
            html = table.to_html(float_format="{:.3f}".format, na_rep="")
            out += [f"<h4>{title}</h4>", html, f"<p>{note}</p>" if note else ""]
        return "\n".join(out)


def privacy_report(
    sampler: Any,
    X_train: ArrayLike,
    X_holdout: ArrayLike,
    y_train: ArrayLike | None = None,
    y_holdout: ArrayLike | None = None,
    *,
    reference: ArrayLike | None = None,
    y_reference: ArrayLike | None = None,
    n_samples: int | None = None,
    n_shadows: int = 4,
    white_box: bool = True,
    losses: Callable[[Any, Any, Any], NDArray] | None = None,
    n_bootstrap: int = 500,
    random_state: int | np.random.Generator | None = None,
) -> PrivacyReport:
    """Attack a fitted generator, and report what the attacks achieve.

    Parameters
    ----------
    sampler : estimator
        Fitted on ``X_train`` (and ``y_train``). Has ``fit(X, y)`` and
        ``sample(n_samples, random_state=)``, which returns rows, or rows and labels.
        With ``score_samples(X, y)`` it is also attacked through its likelihood.
    X_train : array-like of shape (n_train, n_features)
        The rows it was fitted on, as it was given them.
    X_holdout : array-like of shape (n_holdout, n_features)
        Real rows of the same population that it never saw.
    y_train, y_holdout : array-like of shape (n_rows,), default=None
        Their labels, if it was fitted with labels.
    reference : array-like of shape (n_reference, n_features), default=None
        Other real rows of that population, which the attacker has. None takes one half
        of the held-out rows, and attacks with the other half. Scales, projections,
        densities and refits use these rows alone.
    y_reference : array-like of shape (n_reference,), default=None
        Their labels.
    n_samples : int, default=None
        Synthetic rows the attacker has. None: ten per training row but not more than
        2,000, or as many as training rows if these are more.
    n_shadows : int, default=4
        Clones of the sampler that are fitted on halves of the reference; each costs a
        fit. 0 leaves out the attacks that need them.
    white_box : bool, default=True
        Whether to attack the fitted sampler itself, too. Set it to False for a sampler
        fitted with conditions.
    losses : callable, default=None
        ``losses(sampler, X, y)`` returns denoising losses, (n_samples, n_levels), such
        as :func:`skgenex.generation.denoising_losses`. None takes the sampler's own
        method ``denoising_losses(X, y)``, if it has one. Needs ``white_box``.
    n_bootstrap : int, default=500
        Resamples behind the intervals of true-positive rates.
    random_state : int, numpy.random.Generator or None, default=None
        Seed of samples, halves and bootstraps; global generators are not touched.

    Returns
    -------
    PrivacyReport
        Tables, with ``print`` and ``plot``.

    Raises
    ------
    ValueError
        If labels are given for some sets only, sets are too small, or no gene varies in
        the reference.

    Notes
    -----
    Everything is relative to ``X_holdout``: if it differs from ``X_train`` otherwise
    (another hospital, a split by time), attacks succeed without any leak. Below 100
    held-out rows the rate at 1 % false positives is that at none.

    References
    ----------
    Chen, Yu, Zhang & Fritz (2020), GAN-Leaks, ACM CCS. Hilprecht, Härterich & Bernau
    (2019), Monte Carlo and reconstruction membership inference attacks against
    generative models, PoPETs 2019(4):232. Hayes, Melis, Danezis & De Cristofaro (2019),
    LOGAN, PoPETs 2019(1):133. van Breugel, Sun, Qian & van der Schaar (2023),
    Membership inference attacks against synthetic data through overfitting detection
    (DOMIAS), AISTATS. Stadler, Oprisanu & Troncoso (2022), Synthetic data:
    anonymisation groundhog day, USENIX Security. Watson, Guo, Cormode & Sablayrolles
    (2022), On the importance of difficulty calibration in membership inference attacks,
    ICLR. Matsumoto, Miura & Yanai (2023), Membership inference attacks against
    diffusion models, IEEE S&P Workshops. Yao, Krčo, Ganev & de Montjoye (2025), The DCR
    delusion, arXiv:2505.01524: why distances are descriptive only.

    Examples
    --------
    >>> from sklearn.model_selection import train_test_split
    >>> from skgenex import GaussianSampler
    >>> from skgenex.datasets import make_expression
    >>> from skgenex.metrics.privacy import privacy_report
    >>> X, y = make_expression(n_samples=80, random_state=0, return_X_y=True)
    >>> train, holdout, y_train, y_holdout = train_test_split(X, y, random_state=0)
    >>> sampler = GaussianSampler(random_state=0).fit(train, y_train)
    >>> report = privacy_report(
    ...     sampler, train, holdout, y_train, y_holdout, n_shadows=0, random_state=0
    ... )
    >>> list(report.table.index)[:3]
    ['gan_leaks', 'monte_carlo', 'logan']
    """
    rng = np.random.default_rng(random_state)
    seed = int(rng.integers(2**31 - 1))
    sets = checked_sets(
        (X_train, y_train), (X_holdout, y_holdout), (reference, y_reference), seed
    )
    if n_shadows:
        sets.check_reference_classes()
    n_train = len(sets.scaled["train"])
    if n_samples is None:
        n_samples = max(n_train, min(ROWS_PER_MEMBER * n_train, MANY_ROWS))
    copies = NoisyCopies().fit(*sets.given["train"])
    how = (sets, n_samples, n_shadows)
    evidence, shadows, scores = _attack_rows(sampler, *how, rng)
    copied, _, copy_scores = _attack_rows(copies, *how, rng)
    real = second_sample(evidence, seed)
    access = {
        name: "synthetic rows" if name in ATTACKS else "refits" for name in scores
    }
    if white_box:
        if losses is None and hasattr(sampler, "denoising_losses"):
            losses = _own_losses
        judged = [sets.given["train"], sets.given["holdout"]]
        by_model = model_attacks(sampler, judged, shadows, losses)
        access |= dict.fromkeys(by_model, "fitted sampler")
        scores |= by_model

    def results(of_rows):
        return {
            name: membership_result(
                score[:n_train],
                score[n_train:],
                n_bootstrap=n_bootstrap,
                random_state=seed,
            )
            for name, score in of_rows.items()
        }

    attacks = results(scores)
    table = _table_of(attacks)
    table.insert(0, "access", pd.Series(access))
    for name, of_rows in (("copy", copy_scores), ("real", _basic_scores(sets, real))):
        aucs = {attack: result.auc[0] for attack, result in results(of_rows).items()}
        table[f"{name}_auc"] = pd.Series(aucs).reindex(table.index)
    inference = _inference(sets, evidence)
    inference["copy_advantage"] = _inference(sets, copied)["advantage"]
    return PrivacyReport(
        table=table,
        inference=inference,
        distances=pd.DataFrame(
            {
                name: _distances(sets, each)
                for name, each in (
                    ("synthetic", evidence),
                    ("copy", copied),
                    ("real", real),
                )
            }
        ),
        attacks=attacks,
        sizes={
            "training_rows": n_train,
            "held_out_rows": len(sets.scaled["holdout"]),
            "reference_rows": len(sets.scaled["reference"]),
            "synthetic_rows": int(n_samples),
            "shadows": n_shadows,
        },
        sampler_name=type(sampler).__name__,
    )


def _attack_rows(
    sampler: Any, sets: Sets, n_samples: int, n_shadows: int, rng: np.random.Generator
) -> tuple[Evidence, list[Shadow], dict[str, NDArray]]:
    """Draw rows, fit shadows, and run all attacks that need no more."""

    def draw(fitted, seed):
        return sets.evidence(fitted.sample(n_samples, random_state=seed), seed)

    evidence = draw(sampler, int(rng.integers(2**31 - 1)))
    scores = _basic_scores(sets, evidence)
    shadows = fit_shadows(sampler, *sets.given["reference"], n_shadows, draw, rng)
    if shadows:
        scores |= shadow_attacks(
            sets.judged,
            sets.judged_labels,
            sets.scaled["reference"],
            evidence,
            shadows,
        )
    return evidence, shadows, scores


def _basic_scores(sets: Sets, evidence: Evidence) -> dict[str, NDArray]:
    """Scores of members, then held-out rows, by attacks on synthetic rows alone."""
    return {
        name: attack(sets.judged, sets.judged_labels, evidence)
        for name, attack in ATTACKS.items()
    }


def _own_losses(sampler: Any, X: Any, y: Any) -> NDArray:
    return sampler.denoising_losses(X, y)


def _table_of(attacks: dict[str, MembershipResult]) -> pd.DataFrame:
    rows = {}
    for attack, result in attacks.items():
        figures = {"auc": result.auc}
        figures |= {f"tpr_{100 * fpr:.0f}": rate for fpr, rate in result.tpr.items()}
        rows[attack] = {
            name + suffix: value
            for name, values in figures.items()
            for suffix, value in zip(("", "_low", "_high"), values, strict=True)
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def _inference(sets: Sets, evidence: Evidence) -> pd.DataFrame:
    """Guesses about patients of whom some genes are known."""
    rows = (evidence.synthetic, sets.scaled["train"], sets.scaled["holdout"])
    labels: dict[str, Any] = {}
    if sets.labels is not None:
        labels = {
            "y_synthetic": evidence.synthetic_labels,
            "y_train": sets.labels["train"],
            "y_holdout": sets.labels["holdout"],
        }
    seed = evidence.seed
    # As many synthetic as training rows: with more, two parts of one patient are near
    # to different synthetic rows, whatever these are.
    n_once = min(len(rows[0]), len(rows[1]))
    some = np.random.default_rng(seed).choice(len(rows[0]), n_once, replace=False)
    once = rows[0][some]
    return pd.concat(
        [
            attribute_inference(*rows, **labels, random_state=seed),
            linkability(once, *rows[1:], random_state=seed),
            singling_out(*rows, random_state=seed),
        ]
    )


def _distances(sets: Sets, evidence: Evidence) -> dict[str, float]:
    synthetic, train, holdout = (
        evidence.synthetic,
        sets.scaled["train"],
        sets.scaled["holdout"],
    )
    return {
        "closer_share": distance_to_closest_record_share(
            synthetic, train, holdout, random_state=evidence.seed
        ),
        "nearest_ratio": nearest_training_ratio(synthetic, train, holdout),
        "neighbour_ratio": nearest_neighbour_distance_ratio(synthetic, train),
        "authenticity": authenticity(synthetic, train),
    }


def _plain(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Rows of a table as numbers and strings; missing values as None."""
    return {
        str(name): {
            column: value
            if isinstance(value, str)
            else (None if pd.isna(value) else float(value))
            for column, value in row.items()
        }
        for name, row in table.to_dict(orient="index").items()
    }
