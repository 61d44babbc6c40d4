"""The profile of the same patient, had some genes been different."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t as student

from .._seeding import draw_seed
from ._patients import (
    Patients,
    check_patients,
    gene_positions,
    genes_of,
    network_change,
    rest_given,
    uses_network,
)

PRESETS = ("knockdown", "overexpression")
OVEREXPRESSED = 2.0  # within-class standard deviations above the class's mean


@dataclass(frozen=True)
class Shift:
    """Change a gene by an amount, from where each patient has it.

    Parameters
    ----------
    by : float
        How much, for example -1.
    unit : {"sd", "raw"}, default="sd"
        Within-class standard deviations of the gene, or the unit of X (log2 for
        log2(CPM + 1), so that -1 halves the expression).

    Examples
    --------
    >>> from skgenex.generation import Shift
    >>> Shift(-1.0, unit="raw")
    Shift(by=-1.0, unit='raw')
    """

    by: float
    unit: str = "sd"

    def __post_init__(self) -> None:
        if self.unit not in ("sd", "raw"):
            raise ValueError(f"unit must be 'sd' or 'raw'; got {self.unit!r}.")
        if not isinstance(self.by, Real) or not np.isfinite(self.by):
            raise ValueError(f"by must be a finite number; got {self.by!r}.")


@dataclass
class InterventionResult:
    """Patients before and after an intervention, with uncertainty and baselines.

    All tables are patients by genes, in the unit of X. Made by `simulate_intervention`.

    Parameters
    ----------
    profiles : DataFrame
        Expected profiles after the intervention.
    change : DataFrame
        ``profiles`` less the patients' own.
    change_sd : DataFrame
        Standard error of ``change``: what the finite number of training rows leaves
        open about the regression of the other genes on the changed ones. It does not
        hold errors of the model, nor that association is not causation.
    no_change : DataFrame
        Baseline: only the named genes differ.
    mean_shift : DataFrame
        Baseline: every patient gets the average change of all patients.
    conditional_mean : DataFrame
        Baseline: what an average patient of the class with these values has,
        E[rest | genes]; forgets who the patient was.
    genes : list
        The changed genes.
    _draws : ndarray of shape (n_classes, n_draws, n_changed, n_features)
        Errors of the regression, in standardised genes.
    _steps : ndarray of shape (n_samples, n_changed)
        Standardised changes of the named genes.
    _units : ndarray of shape (n_samples, n_features)
        Units of standardised genes.
    _codes : ndarray of shape (n_samples,)
        Classes.
    _dof : int
        Degrees of freedom of the regression.

    Examples
    --------
    >>> from skgenex.datasets import make_expression
    >>> from skgenex.generation import GaussianSampler, simulate_intervention
    >>> X, y = make_expression(n_samples=60, random_state=0, return_X_y=True)
    >>> sampler = GaussianSampler(random_state=0).fit(X, y)
    >>> result = simulate_intervention(sampler, X[:3], {0: "knockdown"}, y=y[:3])
    >>> low, high = result.interval(0.9)
    >>> bool((low <= result.change).all(axis=None))
    True
    """

    profiles: pd.DataFrame
    change: pd.DataFrame
    change_sd: pd.DataFrame
    no_change: pd.DataFrame
    mean_shift: pd.DataFrame
    conditional_mean: pd.DataFrame
    genes: list
    _draws: NDArray = field(repr=False)
    _steps: NDArray = field(repr=False)
    _units: NDArray = field(repr=False)
    _codes: NDArray = field(repr=False)
    _dof: int = field(repr=False)

    @property
    def n_draws(self) -> int:
        """Number of draws."""
        return self._draws.shape[1]

    def draw(self, i: int) -> pd.DataFrame:
        """Draw the change from its uncertainty, coherent across genes.

        Parameters
        ----------
        i : int
            Which, from 0 to ``n_draws`` - 1. A draw is one possible truth: the same
            error of the regression for all patients of a class.

        Returns
        -------
        DataFrame of shape (n_samples, n_features)
            Change of the profile.
        """
        errors = np.einsum("nk,nkj->nj", self._steps, self._draws[self._codes, i])
        return self.change + errors * self._units

    def interval(self, level: float = 0.9) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return bounds of the change, gene by gene.

        Parameters
        ----------
        level : float, default=0.9
            Wanted coverage.

        Returns
        -------
        low, high : DataFrame
            Of ``change``.
        """
        if not 0 < level < 1:
            raise ValueError(f"level must be between 0 and 1; got {level}.")
        width = student.ppf(0.5 + level / 2, self._dof) * self.change_sd
        return self.change - width, self.change + width

    def table(self) -> pd.DataFrame:
        """Rank genes by how clearly they change on average.

        Returns
        -------
        DataFrame
            Indexed by gene: ``change`` and ``sd`` (means over patients), ``z`` their
            ratio, by falling ``abs(z)``; without the changed genes.
        """
        change, sd = self.change.mean(), self.change_sd.mean()
        out = pd.DataFrame({"change": change, "sd": sd})
        out["z"] = (change / sd.where(sd > 0)).fillna(0.0)
        out = out.drop(index=self.genes)
        return out.sort_values("z", key=np.abs, ascending=False, kind="stable")


def simulate_intervention(
    sampler: Any,
    X: ArrayLike,
    genes: Mapping,
    *,
    y: ArrayLike | None = None,
    conditions: Any = None,
    n_draws: int = 20,
    random_state: int | np.random.RandomState | None = None,
) -> InterventionResult:
    """Simulate profiles of the same patients, had some genes been different.

    An observational model gives *conditional*, not causal, effects: what patients with
    less of the gene look like, not what taking it away does. Genes that drive the
    changed one move as much as those it drives.

    The change of the named genes is a linear-Gaussian observation of the factors. For
    a Gaussian the rest moves by its regression on them within the class, in
    standardised genes delta_rest = S_rest,O S_OO^-1 delta_O with S = V' L V + N. What
    is unrelated to the genes, the patient's own residual, and the row's scale stay.
    With a diffusion network, the leading latents go to noise along the probability
    flow given the old values, and back given the new ones, by guidance with the
    denoiser's own covariance; for a Gaussian denoiser this is the same regression.

    Parameters
    ----------
    sampler : GaussianSampler or DiffusionSampler
        A fitted sampler.
    X : array-like of shape (n_samples, n_features)
        Patients, on the scale of the fit, for example log2(CPM + 1).
    genes : dict
        Gene (its number, if the fit had no names) to what becomes of it: a value in
        the unit of X, a `Shift`, "knockdown" (the lowest value of the training rows)
        or "overexpression" (two standard deviations above the class's mean).
    y : array-like of shape (n_samples,), default=None
        Classes of the patients; by default those likeliest under the sampler.
    conditions : DataFrame of shape (n_samples, n_conditions), default=None
        Their covariates, if the fit had some.
    n_draws : int, default=20
        Draws of the change from its uncertainty, see `InterventionResult.draw`.
    random_state : int, RandomState instance or None, default=None
        Source of the draws; None takes the sampler's.

    Returns
    -------
    InterventionResult
        Profiles, changes with standard errors, draws and three baselines.

    Raises
    ------
    ValueError
        If a gene was not in the fit, is constant in it, or its value is not understood.
    TypeError
        If the sampler is none, or its network can't be inverted.

    Notes
    -----
    Why standard errors by the matrix-normal law of a regression and not a bootstrap: a
    bootstrap of a shrunk covariance of few rows repeats rows, which looks like
    correlation, and costs a fit per draw; the law is exact for a Gaussian without
    shrinkage.

    References
    ----------
    Anderson (2003), An Introduction to Multivariate Statistical Analysis, Th. 8.2.2;
    Pearl (2009), Causality, Sec. 7.1 (keeping a patient's own noise); Song et al.
    (2023), Pseudoinverse-Guided Diffusion Models for Inverse Problems, ICLR.

    Examples
    --------
    >>> from skgenex.datasets import make_expression
    >>> from skgenex.generation import GaussianSampler, Shift, simulate_intervention
    >>> X, y = make_expression(n_samples=60, random_state=0, return_X_y=True)
    >>> sampler = GaussianSampler(random_state=0).fit(X, y)
    >>> result = simulate_intervention(sampler, X[:3], {5: Shift(-1.0)}, y=y[:3])
    >>> result.profiles.shape
    (3, 200)
    >>> bool((result.change[5] < 0).all())
    True
    """
    if not isinstance(genes, Mapping) or not genes:
        raise ValueError(f"genes must be a dict of gene to change; got {genes!r}.")
    if not isinstance(n_draws, Integral) or n_draws < 0:
        raise ValueError(f"n_draws must be a non-negative integer; got {n_draws!r}.")
    patients = check_patients(sampler, X, y, conditions)
    columns = gene_positions(sampler, list(genes))
    wanted = wanted_values(patients, columns, list(genes.values()))
    model, codes = sampler.model_, patients.codes
    seed = draw_seed(sampler.random_state if random_state is None else random_state)
    rng = np.random.default_rng([seed, 5])
    units = model.sds_[codes]
    steps = (wanted - patients.X[:, columns]) / units[:, columns]
    n_rows = int(sampler.class_counts_.sum() - np.count_nonzero(sampler.class_counts_))

    standard = standard_change(patients, columns, steps)
    sd = np.zeros_like(standard)
    average = np.zeros_like(standard)
    draws = np.zeros((len(sampler.classes_), n_draws, len(columns), len(model.noise_)))
    for c in np.unique(codes):
        own, gaussian = codes == c, patients.gaussian(c)
        spread, gram = gaussian.coefficient_sds(columns, n_rows)
        size = np.einsum("ni,ij,nj->n", steps[own], gram, steps[own])
        sd[own] = np.sqrt(size)[:, None] * spread
        draws[c] = gaussian.draw_coefficients(columns, n_rows, n_draws, rng)
        residual = patients.residuals()[own][:, columns] + steps[own]
        average[own] = gaussian.expect(residual, columns)
    means = model.means_[codes] + patients.covariates @ model.slopes_
    change = standard * units

    def finish(rows: NDArray) -> NDArray:
        rows = patients.within_range(rows)
        rows[:, columns] = wanted
        return rows

    profiles = finish(patients.X + change)
    return InterventionResult(
        profiles=patients.frame(profiles),
        change=patients.frame(profiles - patients.X),
        change_sd=patients.frame(sd * units),
        no_change=patients.frame(finish(patients.X)),
        mean_shift=patients.frame(finish(patients.X + change.mean(axis=0))),
        conditional_mean=patients.frame(finish(means + average * units)),
        genes=list(genes),
        _draws=draws,
        _steps=steps,
        _units=units,
        _codes=codes,
        _dof=max(n_rows - len(columns), 1),
    )


def standard_change(patients: Patients, columns: NDArray, steps: NDArray) -> NDArray:
    """Change of all standardised genes, given that of some."""
    latent_change = None
    if uses_network(patients.sampler):
        residuals = patients.residuals()
        varying = np.flatnonzero(patients.sampler.model_.common_sds_ > 0)
        scales = patients.scales(residuals, varying)
        before = residuals[:, columns]
        latent_change = network_change(
            patients, columns, before, before + steps, scales
        )
    out = np.zeros(patients.X.shape)
    for c in np.unique(patients.codes):
        own = patients.codes == c
        if latent_change is None:
            out[own] = steps[own] @ patients.gaussian(c).coefficients(columns)
        else:
            out[own] = rest_given(
                patients, c, columns, steps[own], latent_change[own], scales[own]
            )
    out[:, columns] = steps
    return out


def wanted_values(patients: Patients, columns: NDArray, changes: list) -> NDArray:
    """Values of the named genes after the intervention, (n_samples, n_genes)."""
    sampler, model = patients.sampler, patients.sampler.model_
    names = genes_of(sampler)
    dead = [names[j] for j in columns if model.common_sds_[j] == 0]
    if dead:
        raise ValueError(f"{dead} are constant in the fit: nothing follows from them.")
    own = patients.X[:, columns]
    sds = model.sds_[patients.codes][:, columns]
    out = np.empty_like(own)
    for k, (j, change) in enumerate(zip(columns, changes, strict=True)):
        if isinstance(change, Shift):
            unit = sds[:, k] if change.unit == "sd" else 1.0
            out[:, k] = own[:, k] + change.by * unit
            if sampler.lowest_[j] >= 0:
                out[:, k] = out[:, k].clip(min=np.minimum(own[:, k], 0.0))
        elif isinstance(change, str) and change == "knockdown":
            out[:, k] = np.minimum(own[:, k], sampler.lowest_[j])
        elif isinstance(change, str) and change == "overexpression":
            mean = model.means_[patients.codes, j]
            mean = mean + patients.covariates @ model.slopes_[:, j]
            out[:, k] = np.maximum(own[:, k], mean + OVEREXPRESSED * sds[:, k])
        elif isinstance(change, Real) and np.isfinite(float(change)):
            out[:, k] = float(change)
        else:
            raise ValueError(
                f"The change of {names[j]} must be a finite number, a Shift or one of "
                f"{PRESETS}; got {change!r}."
            )
    return out


def intervention_scan(
    sampler: Any,
    X: ArrayLike,
    genes: Sequence | None = None,
    *,
    outcome: Any,
    wanted: Any,
    change: Sequence[Shift] | Shift = (Shift(-1.0), Shift(1.0)),
    y: ArrayLike | None = None,
    conditions: Any = None,
) -> pd.DataFrame:
    """Which changes of single genes move patients towards a wanted class.

    Conditional, not causal, effects: see `simulate_intervention`. With a diffusion
    network each gene is a pass through its probability flow: name few.

    Parameters
    ----------
    sampler : GaussianSampler or DiffusionSampler
        A fitted sampler.
    X : array-like of shape (n_samples, n_features)
        Patients, on the scale of the fit.
    genes : sequence, default=None
        Genes to try, one at a time; None tries all that vary.
    outcome : classifier
        Fitted on the sampler's genes, with ``predict_proba``.
    wanted : label
        One of ``outcome.classes_``.
    change : Shift or sequence of Shift, default=(Shift(-1.0), Shift(1.0))
        What is tried of each gene.
    y : array-like of shape (n_samples,), default=None
        Classes of the patients; by default those likeliest under the sampler.
    conditions : DataFrame of shape (n_samples, n_conditions), default=None
        Their covariates, if the fit had some.

    Returns
    -------
    DataFrame
        A row per gene, its better change: ``gain``, the mean increase of the log odds
        of the wanted class; ``alone``, the gain if no other gene follows; ``sd``, the
        standard deviation of the gain over patients; ``crossed``, the share of
        patients whose prediction becomes the wanted class; ``by`` and ``unit`` of the
        change. Highest gain first.

    Raises
    ------
    ValueError
        If ``wanted`` is not a class of ``outcome``, or a gene was not in the fit.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skgenex.datasets import make_expression
    >>> from skgenex.generation import GaussianSampler, intervention_scan
    >>> X, y = make_expression(n_samples=60, random_state=0, return_X_y=True)
    >>> sampler = GaussianSampler(random_state=0).fit(X, y)
    >>> outcome = LogisticRegression(C=0.01, max_iter=1000).fit(X, y)
    >>> table = intervention_scan(
    ...     sampler, X[:5], [0, 1, 2], outcome=outcome, wanted=y[0], y=y[:5])
    >>> list(table.columns)
    ['gain', 'alone', 'sd', 'crossed', 'by', 'unit']
    """
    if not hasattr(outcome, "predict_proba"):
        raise TypeError("outcome must have predict_proba; see CalibratedClassifierCV.")
    place = np.flatnonzero(np.asarray(outcome.classes_) == wanted)
    if not len(place):
        raise ValueError(f"wanted must be of {list(outcome.classes_)}; got {wanted!r}.")
    changes = [change] if isinstance(change, Shift) else list(change)
    if not changes or not all(isinstance(one, Shift) for one in changes):
        raise ValueError(f"change must be Shifts; got {change!r}.")
    patients = check_patients(sampler, X, y, conditions)
    names = genes_of(sampler)
    if genes is None:
        genes = list(names[sampler.model_.common_sds_ > 0])
    columns = gene_positions(sampler, list(genes))
    takes_names = hasattr(outcome, "feature_names_in_")

    def log_odds(rows: NDArray) -> tuple[NDArray, NDArray]:
        given = patients.frame(rows) if takes_names else rows
        share = outcome.predict_proba(given)
        odds = share[:, place[0]].clip(1e-12, 1 - 1e-12)
        return np.log(odds / (1 - odds)), share.argmax(axis=1) == place[0]

    start, already = log_odds(patients.X)
    units = sampler.model_.sds_[patients.codes]
    records = []
    for j in columns:
        options = []
        for shift in changes:
            column = np.array([j])
            values = wanted_values(patients, column, [shift])
            steps = (values - patients.X[:, column]) / units[:, column]
            after = patients.within_range(
                patients.X + standard_change(patients, column, steps) * units
            )
            after[:, column] = values
            alone = patients.X.copy()
            alone[:, column] = values
            gain, there = log_odds(after)
            gain = gain - start
            crossed = np.mean(there[~already]) if not already.all() else np.nan
            options.append(
                {
                    "gain": gain.mean(),
                    "alone": (log_odds(alone)[0] - start).mean(),
                    "sd": gain.std(),
                    "crossed": crossed,
                    "by": shift.by,
                    "unit": shift.unit,
                }
            )
        records.append(max(options, key=lambda option: option["gain"]))
    table = pd.DataFrame(records, index=pd.Index(names[columns], name="gene"))
    return table.sort_values("gain", ascending=False, kind="stable")
