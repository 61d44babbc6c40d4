"""Membership attacks by synthetic rows alone: a score per row, more is more suspect.

An attack is one function of rows ``X``, their ``labels`` (or None) and what the
attacker has, `Evidence`. The attacker never has training rows: projections, scales and
densities come from synthetic and reference rows.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.neighbors import KernelDensity

from .._distances import nearest_distances, squared_distance_blocks
from .._mahalanobis import ShrunkMahalanobis

MAX_COMPONENTS = 40  # Hilprecht et al. 2019
MAX_KERNEL_COMPONENTS = 10  # more dimensions leave kernel densities empty
MAX_GAUSSIAN_ROWS = 2_000  # the Gram matrix of the rows is decomposed


@dataclass(frozen=True)
class Evidence:
    """What an attacker has: synthetic rows, and real rows of the same population.

    Parameters
    ----------
    synthetic : ndarray of shape (n_synthetic, n_features)
        Generated rows.
    reference : ndarray of shape (n_reference, n_features)
        Real rows that are not training rows, on the same scale.
    synthetic_labels, reference_labels : ndarray of shape (n_rows,) or None
        Their classes.
    seed : int
        Of attacks that draw.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics.privacy import Evidence, gan_leaks
    >>> evidence = Evidence(synthetic=np.zeros((4, 2)), reference=np.ones((4, 2)))
    >>> gan_leaks(np.array([[3.0, 4.0]]), None, evidence)
    array([-5.])
    """

    synthetic: NDArray
    reference: NDArray
    synthetic_labels: NDArray | None = None
    reference_labels: NDArray | None = None
    seed: int = 0


def gan_leaks(X: NDArray, labels: NDArray | None, evidence: Evidence) -> NDArray:
    """Minus the distance to the nearest synthetic row (Chen et al. 2020).

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows to judge.
    labels : ndarray of shape (n_samples,) or None
        Not used.
    evidence : Evidence
        What the attacker has.

    Returns
    -------
    ndarray of shape (n_samples,)
        Scores.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics.privacy import Evidence, gan_leaks, membership_result
    >>> rng = np.random.default_rng(0)
    >>> members, others, reference = np.split(rng.standard_normal((120, 30)), 3)
    >>> copies = members + 0.1 * rng.standard_normal(members.shape)
    >>> evidence = Evidence(synthetic=copies, reference=reference)
    >>> judged = np.concatenate([members, others])
    >>> scores = gan_leaks(judged, None, evidence)
    >>> result = membership_result(scores[:40], scores[40:], random_state=0)
    >>> result.auc[0] > 0.9
    True
    """
    return -nearest_distances(X, evidence.synthetic)


def monte_carlo(X: NDArray, labels: NDArray | None, evidence: Evidence) -> NDArray:
    """Synthetic rows in a ball, the near ones counting more (Hilprecht et al. 2019).

    Distances are those in principal components of the reference. The radius is the
    median, over the rows to judge, of the distance to the nearest synthetic row; a row
    at distance d within radius r counts log(r / d). So rows that shall be compared must
    be judged in one call.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows to judge.
    labels : ndarray of shape (n_samples,) or None
        Not used.
    evidence : Evidence
        What the attacker has.

    Returns
    -------
    ndarray of shape (n_samples,)
        Scores; 0 for rows with an empty ball.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics.privacy import Evidence, membership_result, monte_carlo
    >>> rng = np.random.default_rng(0)
    >>> members, others, reference = np.split(rng.standard_normal((120, 30)), 3)
    >>> copies = members + 0.1 * rng.standard_normal(members.shape)
    >>> evidence = Evidence(synthetic=copies, reference=reference)
    >>> judged = np.concatenate([members, others])
    >>> scores = monte_carlo(judged, None, evidence)
    >>> result = membership_result(scores[:40], scores[40:], random_state=0)
    >>> result.auc[0] > 0.7
    True
    """
    rows, synthetic, _ = _projected(X, evidence, MAX_COMPONENTS)
    log_radius = np.log(np.median(nearest_distances(rows, synthetic)).clip(min=1e-6))
    score = np.empty(len(rows))
    for start, block in squared_distance_blocks(rows, synthetic):
        log_distance = 0.5 * np.log(np.maximum(block, 1e-12))
        inside = np.maximum(log_radius - log_distance, 0)
        score[start : start + len(block)] = inside.mean(axis=1)
    return score


def logan(X: NDArray, labels: NDArray | None, evidence: Evidence) -> NDArray:
    """How synthetic a row looks to a classifier (Hayes et al. 2019, black box).

    A random forest learns to tell synthetic from reference rows in principal components
    of the reference; LOGAN's discriminator network needs more rows than patients are.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows to judge.
    labels : ndarray of shape (n_samples,) or None
        Not used.
    evidence : Evidence
        What the attacker has.

    Returns
    -------
    ndarray of shape (n_samples,)
        Probabilities.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics.privacy import Evidence, logan, membership_result
    >>> rng = np.random.default_rng(0)
    >>> members, others, reference = np.split(rng.standard_normal((120, 30)), 3)
    >>> copies = members + 0.1 * rng.standard_normal(members.shape)
    >>> evidence = Evidence(synthetic=copies, reference=reference)
    >>> judged = np.concatenate([members, others])
    >>> scores = logan(judged, None, evidence)
    >>> result = membership_result(scores[:40], scores[40:], random_state=0)
    >>> result.auc[0] > 0.7
    True
    """
    rows, synthetic, reference = _projected(X, evidence, MAX_COMPONENTS)
    forest = RandomForestClassifier(
        200,
        min_samples_leaf=3,
        class_weight="balanced_subsample",
        random_state=evidence.seed,
    )
    is_synthetic = np.repeat([True, False], [len(synthetic), len(reference)])
    forest.fit(np.concatenate([synthetic, reference]), is_synthetic)
    return forest.predict_proba(rows)[:, 1]


def density_ratio(X: NDArray, labels: NDArray | None, evidence: Evidence) -> NDArray:
    """Log density of synthetic less that of reference rows (DOMIAS).

    Kernel densities in whitened principal components of the reference, bandwidths by
    Scott's rule.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows to judge.
    labels : ndarray of shape (n_samples,) or None
        Not used.
    evidence : Evidence
        What the attacker has.

    Returns
    -------
    ndarray of shape (n_samples,)
        Log ratios.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics.privacy import Evidence, density_ratio, membership_result
    >>> rng = np.random.default_rng(0)
    >>> members, others, reference = np.split(rng.standard_normal((120, 30)), 3)
    >>> copies = members + 0.1 * rng.standard_normal(members.shape)
    >>> evidence = Evidence(synthetic=copies, reference=reference)
    >>> judged = np.concatenate([members, others])
    >>> scores = density_ratio(judged, None, evidence)
    >>> result = membership_result(scores[:40], scores[40:], random_state=0)
    >>> result.auc[0] > 0.9
    True
    """
    n_components = min(MAX_KERNEL_COMPONENTS, max(2, len(evidence.reference) // 3))
    rows, *known = _projected(X, evidence, n_components, whiten=True)

    def log_density(of):
        # Scott's rule, on one spread for all components: they are whitened.
        bandwidth = len(of) ** (-1 / (of.shape[1] + 4)) * of.std(axis=0).mean()
        kernels = KernelDensity(bandwidth=max(bandwidth, 1e-3)).fit(of)
        return kernels.score_samples(rows)

    by_synthetic, by_reference = map(log_density, known)
    return by_synthetic - by_reference


def gaussian_ratio(X: NDArray, labels: NDArray | None, evidence: Evidence) -> NDArray:
    """Log density ratio of two Gaussians in all genes, one of synthetic rows.

    With more genes than patients, a covariance leaks the directions in which training
    rows lie, which neither distances nor a projection see. Both covariances are those
    within classes, after Ledoit and Wolf.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows to judge.
    labels : ndarray of shape (n_samples,) or None
        Classes; rows are centred on the mean of theirs.
    evidence : Evidence
        What the attacker has.

    Returns
    -------
    ndarray of shape (n_samples,)
        Log ratios, up to a constant.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics.privacy import Evidence, gaussian_ratio, membership_result
    >>> rng = np.random.default_rng(0)
    >>> members, others, reference = np.split(rng.standard_normal((60, 100)), 3)
    >>> mixtures = rng.standard_normal((200, 20)) @ members  # they span the members
    >>> evidence = Evidence(synthetic=mixtures, reference=reference)
    >>> judged = np.concatenate([members, others])
    >>> scores = gaussian_ratio(judged, None, evidence)
    >>> result = membership_result(scores[:20], scores[20:], random_state=0)
    >>> result.auc[0] > 0.9
    True
    """
    e = evidence
    by_reference = squared_length(X, labels, e.reference, e.reference_labels, e.seed)
    by_synthetic = squared_length(X, labels, e.synthetic, e.synthetic_labels, e.seed)
    return 0.5 * (by_reference - by_synthetic)


ATTACKS: dict[str, Callable[[NDArray, NDArray | None, Evidence], NDArray]] = {
    "gan_leaks": gan_leaks,
    "monte_carlo": monte_carlo,
    "logan": logan,
    "density_ratio": density_ratio,
    "gaussian_ratio": gaussian_ratio,
}


def _projected(
    X: NDArray, evidence: Evidence, n_components: int, *, whiten: bool = False
) -> list[NDArray]:
    """Rows, synthetic and reference rows in components of the reference."""
    n_components = min(n_components, len(evidence.reference) - 1, X.shape[1])
    pca = PCA(n_components, whiten=whiten, random_state=evidence.seed)
    pca.fit(evidence.reference)
    return [pca.transform(a) for a in (X, evidence.synthetic, evidence.reference)]


def squared_length(
    X: NDArray,
    labels: NDArray | None,
    known: NDArray,
    known_labels: NDArray | None,
    seed: int,
) -> NDArray:
    """Squared Mahalanobis distance of rows to their class among known rows.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows to judge.
    labels : ndarray of shape (n_samples,) or None
        Their classes.
    known : ndarray of shape (n_known, n_features)
        Rows whose class means and covariance within classes are used.
    known_labels : ndarray of shape (n_known,) or None
        Their classes.
    seed : int
        Chooses `MAX_GAUSSIAN_ROWS` known rows where there are more.

    Returns
    -------
    ndarray of shape (n_samples,)
        Squared lengths.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.metrics.privacy.attacks import squared_length
    >>> known = np.random.default_rng(0).standard_normal((100, 3))
    >>> rows = known.mean(axis=0) + np.array([[0.0, 0.0, 0.0], [2.0, 0.0, 0.0]])
    >>> lengths = squared_length(rows, None, known, None, seed=0)
    >>> float(lengths[0]), bool(lengths[1] > 1)
    (0.0, True)
    """
    if len(known) > MAX_GAUSSIAN_ROWS:  # by chance: they come in order of class
        rng = np.random.default_rng(seed)
        some = rng.choice(len(known), MAX_GAUSSIAN_ROWS, replace=False)
        known = known[some]
        known_labels = None if known_labels is None else known_labels[some]
    if labels is None or known_labels is None:
        mean = known.mean(axis=0)
        residuals, rows = known - mean, X - mean
    else:
        residuals = _centred_by_class(known, known_labels, known, known_labels)
        rows = _centred_by_class(X, labels, known, known_labels)
    return ShrunkMahalanobis(residuals).squared_length(rows)


def _centred_by_class(
    rows: NDArray, labels: NDArray, known: NDArray, known_labels: NDArray
) -> NDArray:
    """Rows less the known mean of their class; less that of all if it is not known."""
    out = rows - known.mean(axis=0)
    for c in np.unique(labels):
        own = known[known_labels == c]
        if len(own):
            out[labels == c] = rows[labels == c] - own.mean(axis=0)
    return out
