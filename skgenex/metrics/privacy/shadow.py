"""Attacks that refit the generator on reference rows, and learn from its leaks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.utils import _safe_indexing
from sklearn.utils.multiclass import type_of_target

from ..._validation import split_validation
from .._distances import squared_distance_blocks
from .attacks import Evidence, gan_leaks, squared_length

NEIGHBOURS = (1, 2, 5)  # whose distances a shadow attack sees


@dataclass(frozen=True)
class Shadow:
    """A clone of the sampler, fitted on one half of the reference rows.

    Parameters
    ----------
    sampler : estimator
        The fitted clone.
    rows, labels : array of shape (n_reference, n_features), (n_reference,) or None
        All reference rows, as the sampler takes them.
    is_member : ndarray of bool of shape (n_reference,)
        Which of them it was fitted on.
    evidence : Evidence
        What it generates, on the scale of the attacks.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics.privacy import Evidence
    >>> from skgenex.metrics.privacy.controls import NoisyCopies
    >>> from skgenex.metrics.privacy.shadow import Shadow
    >>> rows, is_member = np.eye(4), np.array([True, True, False, False])
    >>> twin = NoisyCopies().fit(rows[is_member])
    >>> evidence = Evidence(twin.sample(8, random_state=0), rows)
    >>> shadow = Shadow(twin, rows, None, is_member, evidence)
    >>> shadow.evidence.synthetic.shape
    (8, 4)
    """

    sampler: Any
    rows: Any
    labels: Any
    is_member: NDArray
    evidence: Evidence


def refitted(sampler: Any, X: Any, y: Any, seed: int) -> Any:
    """Return a clone with another seed, fitted on other rows.

    Examples
    --------
    >>> from skgenex import GaussianSampler
    >>> from skgenex.datasets import make_expression
    >>> from skgenex.metrics.privacy.shadow import refitted
    >>> X, y = make_expression(60, 20, n_informative=5, random_state=0, return_X_y=True)
    >>> sampler = GaussianSampler(random_state=0)
    >>> refitted(sampler, X, y, seed=1)
    GaussianSampler(random_state=1)
    """
    twin = clone(sampler)
    own = twin.get_params(deep=False)
    changes = {"random_state": seed, "checkpoint_dir": None, "verbose": 0}
    twin.set_params(**{k: v for k, v in changes.items() if k in own})
    return twin.fit(X) if y is None else twin.fit(X, y)


def fit_shadows(
    sampler: Any,
    X: Any,
    y: Any,
    n_shadows: int,
    draw: Callable[[Any, int], Evidence],
    rng: np.random.Generator,
) -> list[Shadow]:
    """Fit clones of a sampler on random halves of the reference rows.

    Parameters
    ----------
    sampler : estimator
        Cloned, so it stays as it is.
    X, y : array-like of shape (n_reference, n_features), (n_reference,) or None
        Reference rows.
    n_shadows : int
        How many clones.
    draw : callable
        ``draw(fitted_sampler, seed)`` returns synthetic rows as `Evidence`.
    rng : numpy.random.Generator
        Of the halves and the fits.

    Returns
    -------
    list of Shadow
        The clones, with what they were fitted on.

    Raises
    ------
    ValueError
        If the sampler cannot be fitted on half of the reference.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex import GaussianSampler
    >>> from skgenex.datasets import make_expression
    >>> from skgenex.metrics.privacy import Evidence
    >>> from skgenex.metrics.privacy.shadow import fit_shadows
    >>> X, y = make_expression(80, 20, n_informative=5, random_state=0, return_X_y=True)
    >>> def draw(sampler, seed):
    ...     rows, labels = sampler.sample(50, random_state=seed)
    ...     return Evidence(rows, X, labels, y, seed)
    >>> rng = np.random.default_rng(0)
    >>> shadows = fit_shadows(GaussianSampler(), X, y, 2, draw, rng)
    >>> [int(shadow.is_member.sum()) for shadow in shadows]
    [40, 40]
    """
    n = X.shape[0]
    classes = None
    if y is not None and "continuous" not in type_of_target(y):
        classes = np.asarray(y)
    shadows = []
    for _ in range(n_shadows):
        half_seed, fit_seed, draw_seed = (
            int(s) for s in rng.integers(2**31 - 1, size=3)
        )
        half, _ = split_validation(n, 0.5, seed=half_seed, label=classes)
        part = None if y is None else _safe_indexing(y, half)
        try:
            twin = refitted(sampler, _safe_indexing(X, half), part, fit_seed)
        except ValueError as error:
            raise ValueError(
                f"A shadow of {type(sampler).__name__} could not be fitted on "
                f"{len(half)} of the {n} reference rows: {error} Give more rows as "
                "reference, or n_shadows=0 to leave these attacks out."
            ) from error
        is_member = np.zeros(n, dtype=bool)
        is_member[half] = True
        shadows.append(Shadow(twin, X, y, is_member, draw(twin, draw_seed)))
    return shadows


def standard(features: NDArray) -> NDArray:
    """Features in standard deviations of the rows judged together.

    The attacker has these rows, and the halves of shadows differ in size from the
    training set, which moves all features.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics.privacy.shadow import standard
    >>> standard(np.array([[1.0, 5.0], [3.0, 5.0]]))
    array([[-1.,  0.],
           [ 1.,  0.]])
    """
    spread = features.std(axis=0)
    return (features - features.mean(axis=0)) / np.where(spread > 0, spread, 1.0)


def learned_attack(
    features: NDArray, shadow_features: list[NDArray], is_member: list[NDArray]
) -> NDArray:
    """Score rows by a logistic regression that has seen who was a member of shadows.

    Parameters
    ----------
    features : ndarray of shape (n_samples, n_features)
        Of the rows to judge, under the attacked sampler.
    shadow_features : list of ndarray of shape (n_reference, n_features)
        Of the reference rows, under each shadow.
    is_member : list of ndarray of bool of shape (n_reference,)
        Which rows each shadow was fitted on.

    Returns
    -------
    ndarray of shape (n_samples,)
        Log odds.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics.privacy.shadow import learned_attack
    >>> is_member = np.array([True, False] * 20)
    >>> seen = np.where(is_member, 1.0, 0.0)[:, None]
    >>> learned_attack(np.array([[0.9], [0.1]]), [seen], [is_member]) > 0
    array([ True, False])
    """
    classifier = LogisticRegression(C=1.0, class_weight="balanced", max_iter=1000)
    classifier.fit(
        np.concatenate([standard(part) for part in shadow_features]),
        np.concatenate(is_member),
    )
    return classifier.decision_function(standard(features))


def closeness(X: NDArray, labels: NDArray | None, evidence: Evidence) -> NDArray:
    """Features of the black-box shadow attack (after Stadler et al. 2022).

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows to judge.
    labels : ndarray of shape (n_samples,) or None
        Their classes.
    evidence : Evidence
        What the attacker has.

    Returns
    -------
    ndarray of shape (n_samples, n_closeness)
        Log distances to the nearest synthetic rows, the mean log distance to all, and
        the log of `squared_length`.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics.privacy import Evidence
    >>> from skgenex.metrics.privacy.shadow import closeness
    >>> rng = np.random.default_rng(0)
    >>> evidence = Evidence(rng.standard_normal((50, 4)), rng.standard_normal((20, 4)))
    >>> near, far = closeness(np.array([np.zeros(4), np.full(4, 9.0)]), None, evidence)
    >>> near.shape, bool((near < far).all())
    ((5,), True)
    """
    synthetic = evidence.synthetic
    ranks = [min(k, len(synthetic)) - 1 for k in NEIGHBOURS]
    out = np.empty((len(X), len(ranks) + 2))
    for start, block in squared_distance_blocks(X, synthetic):
        log_distance = 0.5 * np.log(np.maximum(block, 1e-12))
        rows = slice(start, start + len(block))
        out[rows, -2] = log_distance.mean(axis=1)
        log_distance.partition(ranks, axis=1)
        out[rows, :-2] = log_distance[:, ranks]
    length = squared_length(
        X, labels, synthetic, evidence.synthetic_labels, evidence.seed
    )
    out[:, -1] = np.log(np.maximum(length, 1e-12))
    return out


def shadow_attacks(
    X: NDArray,
    labels: NDArray | None,
    reference_rows: NDArray,
    evidence: Evidence,
    shadows: list[Shadow],
) -> dict[str, NDArray]:
    """Attacks by synthetic rows of the sampler and of its shadows.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows to judge, on the scale of the attacks.
    labels : ndarray of shape (n_samples,) or None
        Their classes.
    reference_rows : ndarray of shape (n_reference, n_features)
        The shadows' rows on that scale.
    evidence : Evidence
        Rows of the attacked sampler.
    shadows : list of Shadow
        Refitted clones.

    Returns
    -------
    dict of str to ndarray of shape (n_samples,)
        ``gan_leaks_calibrated``: nearest distance less its mean under the shadows (Chen
        et al. 2020). ``shadow``: see `learned_attack` and `closeness`.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex import GaussianSampler
    >>> from skgenex.datasets import make_expression
    >>> from skgenex.metrics.privacy import Evidence
    >>> from skgenex.metrics.privacy.shadow import fit_shadows, shadow_attacks
    >>> X, y = make_expression(80, 20, n_informative=5, random_state=0, return_X_y=True)
    >>> def draw(sampler, seed):
    ...     rows, labels = sampler.sample(50, random_state=seed)
    ...     return Evidence(rows, X, labels, y, seed)
    >>> rng = np.random.default_rng(0)
    >>> shadows = fit_shadows(GaussianSampler(), X, y, 2, draw, rng)
    >>> evidence = draw(GaussianSampler(random_state=0).fit(X, y), 0)
    >>> scores = shadow_attacks(X, y, X, evidence, shadows)
    >>> {name: len(score) for name, score in scores.items()}
    {'gan_leaks_calibrated': 80, 'shadow': 80}
    """
    expected = np.mean([gan_leaks(X, labels, s.evidence) for s in shadows], axis=0)
    return {
        "gan_leaks_calibrated": gan_leaks(X, labels, evidence) - expected,
        "shadow": learned_attack(
            closeness(X, labels, evidence),
            [
                closeness(reference_rows, evidence.reference_labels, s.evidence)
                for s in shadows
            ],
            [s.is_member for s in shadows],
        ),
    }


def model_attacks(
    sampler: Any,
    judged: list[tuple[Any, Any]],
    shadows: list[Shadow],
    losses: Callable[[Any, Any, Any], NDArray] | None,
) -> dict[str, NDArray]:
    """Attacks by the fitted sampler itself.

    Parameters
    ----------
    sampler : estimator
        The attacked sampler.
    judged : list of tuple of (X, y)
        Sets of rows to judge and their labels or None, as the sampler takes them.
    shadows : list of Shadow
        Refitted clones; empty if there are none.
    losses : callable or None
        ``losses(sampler, X, y)`` returns denoising losses, (n_samples, n_levels).

    Returns
    -------
    dict of str to ndarray of shape (n_samples,)
        ``likelihood``: log-likelihood by ``score_samples``, if the sampler has it.
        ``likelihood_calibrated``: less its mean under the shadows (Watson et al. 2022).
        ``loss_trajectory``: `learned_attack` on the log losses per noise level
        (Matsumoto et al. 2023). All sets one after the other.

    Examples
    --------
    >>> from skgenex import GaussianSampler
    >>> from skgenex.datasets import make_expression
    >>> from skgenex.metrics.privacy.shadow import model_attacks
    >>> X, y = make_expression(80, 200, random_state=0, return_X_y=True)
    >>> sampler = GaussianSampler(random_state=0).fit(X[:40], y[:40])
    >>> judged = [(X[:40], y[:40]), (X[40:], y[40:])]
    >>> scores = model_attacks(sampler, judged, [], None)["likelihood"]
    >>> bool(scores[:40].min() > scores[40:].max())  # members are likelier
    True
    """

    def of_all(function):
        return np.concatenate([function(X, y) for X, y in judged])

    out = {}
    if hasattr(sampler, "score_samples"):
        out["likelihood"] = of_all(sampler.score_samples)
        if shadows:
            by_shadow = [of_all(s.sampler.score_samples) for s in shadows]
            out["likelihood_calibrated"] = out["likelihood"] - np.mean(
                by_shadow, axis=0
            )
    if losses is not None and shadows:
        out["loss_trajectory"] = learned_attack(
            of_all(lambda X, y: np.log(losses(sampler, X, y))),
            [np.log(losses(s.sampler, s.rows, s.labels)) for s in shadows],
            [s.is_member for s in shadows],
        )
    return out
