"""Class shares of an unlabelled domain, when expression is shifted too.

Standardising a domain by its own rows removes class signal if its class shares differ:
a cohort with few ER-negative patients has a mean near the ER-positive one. Black-box
shift estimation (Lipton et al. 2018) and the EM of Saerens et al. (2002) estimate
shares from the predictions of a classifier, and so suppose that the expression of a
class is the same in both domains; between platforms it is not, and after
standardisation the *mean* score holds no information about the shares at all. What
remains is the shape: a mixture of unequal parts is skewed, and its modes lie at unequal
distances from its mean. So shares, location and scale are estimated jointly, by EM, in
the few directions that tell classes apart.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from .._covariance import factorise

MIN_CLASS_ROWS = 5  # labelled rows a class needs, for scores of held-out rows
N_FOLDS = 5
PRIOR_ROWS = 4.0  # rows' worth of trust in the source's shares
SPREAD_ROWS = 10.0  # rows' worth of trust in the common covariance of scores
MIN_SHARE = 0.005
SCALE_BOUNDS = 0.5, 2.0  # of the spread of scores against the source's
N_BOOTSTRAPS = 30
INVERSE_PENALTY = 0.01  # of logistic regression on standardised genes


@dataclass(frozen=True)
class ScoreModel:
    """Gaussian scores of each class along the directions that separate classes.

    Attributes
    ----------
    directions : ndarray of shape (n_features, n_scores)
        Standardised rows times these are scores of within-class covariance one;
        there are as many as classes, less one.
    means : ndarray of shape (n_classes, n_scores)
        Of *held-out* rows: those of training rows lie too far apart.
    covariances : ndarray of shape (n_classes, n_scores, n_scores)
        Shrunk towards the common one.
    shares : ndarray of shape (n_classes,)
        Of the rows of the fit.
    """

    directions: NDArray
    means: NDArray
    covariances: NDArray
    shares: NDArray

    def log_density(self, scores: NDArray) -> NDArray:
        """Log density of scores under each class, (n_samples, n_classes)."""
        out = np.empty((len(scores), len(self.means)))
        classes = zip(self.means, self.covariances, strict=True)
        for c, (mean, covariance) in enumerate(classes):
            root = np.linalg.cholesky(covariance)
            whitened = np.linalg.solve(root, (scores - mean).T)
            out[:, c] = -0.5 * (whitened**2).sum(axis=0) - np.log(np.diag(root)).sum()
        return out - 0.5 * scores.shape[1] * np.log(2 * np.pi)


@dataclass(frozen=True)
class Mixture:
    """Result of `fit_mixture`.

    Attributes
    ----------
    shares : ndarray of shape (n_classes,)
        Estimated class shares.
    location : ndarray of shape (n_scores,)
        Shift of the scores against the model's.
    scale : float
        Spread of the scores against the model's.
    responsibilities : ndarray of shape (n_samples, n_classes)
        Probability of each class for each row.
    """

    shares: NDArray
    location: NDArray
    scale: float
    responsibilities: NDArray


def fit_scores(X: NDArray, codes: NDArray, rng: np.random.Generator) -> ScoreModel:
    """Learn the directions that separate classes, and where each class lies on them.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Labelled standardised rows.
    codes : ndarray of int, (n_samples,)
        Classes, 0 to n_classes - 1, each with at least two rows.
    rng : numpy.random.Generator
        Draws the folds.

    Returns
    -------
    ScoreModel
        From the decision values of logistic regression: its coefficients on all rows,
        their distribution on held-out rows.
    """
    n_classes = codes.max() + 1
    # With a ridge penalty the solution lies in the span of the rows: an exact and
    # much smaller problem.
    axes = factorise(X, rng, with_scores=False)[1]
    rows = X @ axes.T.astype(X.dtype, copy=False)
    held_out = np.empty((len(rows), 1 if n_classes == 2 else n_classes))
    fold = _assign_folds(codes, rng)
    for f in range(fold.max() + 1):
        train = fold != f
        held_out[~train] = _decisions(
            _fit_logistic(rows[train], codes[train]), rows[~train]
        )
    model = _fit_logistic(rows, codes)
    means = _class_means(held_out, codes, n_classes)
    whitening = _whitening(held_out - means[codes], means)
    scores = held_out @ whitening
    means = means @ whitening
    covariances = _class_spreads(scores - means[codes], codes, n_classes)
    counts = np.bincount(codes, minlength=n_classes)
    return ScoreModel(
        directions=axes.T @ model.coef_.T @ whitening,
        means=means - scores.mean(axis=0),
        covariances=covariances,
        shares=counts / counts.sum(),
    )


def fit_mixture(
    scores: NDArray,
    model: ScoreModel,
    *,
    known: NDArray | None = None,
    start: NDArray | None = None,
    n_iter: int = 200,
    tol: float = 1e-4,
) -> Mixture:
    r"""Estimate class shares, location and scale of scores by EM.

    Scores of class *c* are :math:`\ell + \tau z` with *z* of the model's Gaussian of
    that class. The location is free, so at each step it matches the mean of the rows:
    :math:`\ell = \bar s - \tau \sum_c \pi_c \mu_c`, which is its maximum-likelihood
    update where classes share one covariance; the scale matches the total variance.
    Shares have a Dirichlet prior centred at the model's.

    Parameters
    ----------
    scores : ndarray of shape (n_samples, n_scores)
        Rows times the model's directions.
    model : ScoreModel
        Where classes lie.
    known : ndarray of int of shape (n_samples,), default=None
        Classes of labelled rows, -1 elsewhere.
    start : ndarray of shape (n_classes,), default=None
        First shares; None: the model's.
    n_iter : int, default=200
        Steps at most.
    tol : float, default=1e-4
        Change of the shares at which to stop.

    Returns
    -------
    Mixture
        The estimates.

    References
    ----------
    Saerens, Latinne & Decaestecker (2002), Adjusting the outputs of a classifier to new
    a priori probabilities, Neural Computation 14:21, Eq. 2.9, for fixed location and
    scale.
    """
    shares = model.shares if start is None else start
    prior = PRIOR_ROWS * model.shares
    mean = scores.mean(axis=0)
    total = ((scores - mean) ** 2).sum() / len(scores)
    one_hot = np.eye(len(shares))
    for _ in range(n_iter):
        centre = shares @ model.means
        within = np.trace(model.covariances, axis1=1, axis2=2)
        between = ((model.means - centre) ** 2).sum(axis=1)
        spread = float(shares @ (within + between))
        scale = float(np.clip(np.sqrt(total / spread), *SCALE_BOUNDS))
        location = mean - scale * centre
        log_joint = model.log_density((scores - location) / scale) + np.log(shares)
        log_joint -= log_joint.max(axis=1, keepdims=True)
        responsibilities = np.exp(log_joint)
        responsibilities /= responsibilities.sum(axis=1, keepdims=True)
        if known is not None:
            responsibilities[known >= 0] = one_hot[known[known >= 0]]
        new = responsibilities.sum(axis=0) + prior
        new = np.maximum(new / new.sum(), MIN_SHARE)
        new /= new.sum()
        change = np.abs(new - shares).max()
        shares = new
        if change < tol:
            break
    return Mixture(shares, location, scale, responsibilities)


def estimate_shares(
    score: Callable[[NDArray], NDArray],
    model: ScoreModel,
    rng: np.random.Generator,
    *,
    known: NDArray | None = None,
    n_rounds: int = 6,
) -> tuple[NDArray, NDArray]:
    """Class shares of a domain, and their standard errors.

    Parameters
    ----------
    score : callable
        Scores of the domain's rows, (n_samples, n_scores), if its class shares are
        those given: standardisation depends on the shares, and they on it.
    model : ScoreModel
        Where classes lie.
    rng : numpy.random.Generator
        Draws bootstrap samples.
    known : ndarray of int of shape (n_samples,), default=None
        Classes of labelled rows, -1 elsewhere.
    n_rounds : int, default=6
        Turns of standardising and estimating, at most.

    Returns
    -------
    shares : ndarray of shape (n_classes,)
        The estimate, shrunk towards the model's shares: not at all where it is
        certain, and to them where their distance is within its error (the
        positive-part rule of James and Stein).
    errors : ndarray of shape (n_classes,)
        Bootstrap standard errors, before shrinkage.
    """
    shares = model.shares
    for _ in range(n_rounds):
        scores = score(shares)
        new = fit_mixture(scores, model, known=known, start=shares).shares
        change = np.abs(new - shares).max()
        shares = new
        if change < 0.01:
            break
    draws = []
    for _ in range(N_BOOTSTRAPS):
        rows = rng.integers(len(scores), size=len(scores))
        some = None if known is None else known[rows]
        draws.append(fit_mixture(scores[rows], model, known=some, start=shares).shares)
    variance = ((np.array(draws) - shares) ** 2).mean(axis=0)
    distance = ((shares - model.shares) ** 2).sum()
    trust = max(0.0, 1 - variance.sum() / distance) if distance > 0 else 0.0
    return model.shares + trust * (shares - model.shares), np.sqrt(variance)


def _fit_logistic(rows, codes):
    return LogisticRegression(
        C=INVERSE_PENALTY, class_weight="balanced", max_iter=500
    ).fit(rows, codes)


def _decisions(model, rows):
    decisions = model.decision_function(rows)
    return decisions[:, None] if decisions.ndim == 1 else decisions


def _assign_folds(codes, rng):
    """Folds with every class in each training part; fewer where a class is small."""
    n_folds = min(N_FOLDS, np.bincount(codes).min())
    fold = np.empty(len(codes), dtype=int)
    for c in np.unique(codes):
        rows = rng.permutation(np.flatnonzero(codes == c))
        fold[rows] = np.arange(len(rows)) % n_folds
    return fold


def _class_means(scores, codes, n_classes):
    return np.stack([scores[codes == c].mean(axis=0) for c in range(n_classes)])


def _whitening(residuals, means):
    """To unit within-class covariance, and to the directions in which means differ."""
    covariance = residuals.T @ residuals / len(residuals)
    q = len(covariance)
    covariance += 1e-3 * np.trace(covariance) / q * np.eye(q)  # logits sum to zero
    values, vectors = np.linalg.eigh(covariance)
    whitening = vectors / np.sqrt(values)
    if len(means) == 2:
        return whitening
    apart = (means - means.mean(axis=0)) @ whitening
    directions = np.linalg.svd(apart, full_matrices=False)[2][: len(means) - 1]
    return whitening @ directions.T


def _class_spreads(residuals, codes, n_classes):
    common = residuals.T @ residuals / len(residuals)
    spreads = []
    for c in range(n_classes):
        own = residuals[codes == c]
        weight = len(own) / (len(own) + SPREAD_ROWS)
        spread = weight * own.T @ own / len(own) + (1 - weight) * common
        spreads.append(spread + 1e-6 * np.eye(len(spread)))
    return np.stack(spreads)
