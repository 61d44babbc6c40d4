"""Class shares of several domains, and the moments that go with them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._blocks import blocks
from .._residuals import SomeRows
from .class_moments import ClassMoments, fit_common_moments
from .label_shift import ScoreModel, estimate_shares, fit_scores

MAX_SCORED_ROWS = 10_000  # that class scores are learned from


@dataclass(frozen=True)
class ClassShift:
    """What class shares do to standardised rows.

    Attributes
    ----------
    moments : ClassMoments
        Mean and spread as functions of the shares, common to all domains.
    scores : ScoreModel
        Where classes lie along the directions that separate them.
    source_shares : ndarray of shape (n_classes,)
        Of the rows that both were learned from.
    shares, errors : ndarray of shape (n_domains, n_classes)
        Class shares of each domain, and their standard errors; zero where counted.
    """

    moments: ClassMoments
    scores: ScoreModel
    source_shares: NDArray
    shares: NDArray
    errors: NDArray

    def estimate(
        self, Z: Any, rng: np.random.Generator, known: NDArray | None = None
    ) -> tuple[NDArray, NDArray]:
        """Class shares of one domain, and their standard errors.

        Parameters
        ----------
        Z : ndarray or SomeRows of shape (n_samples, n_features)
            Rows standardised by themselves.
        rng : numpy.random.Generator
            Draws bootstrap samples.
        known : ndarray of int of shape (n_samples,), default=None
            Classes, -1 where unknown.

        Returns
        -------
        shares, errors : ndarray of shape (n_classes,)
            As from `estimate_shares`.
        """
        directions = self.scores.directions

        def score(shares):
            place = self.moments.at(shares)
            scores = np.empty((len(Z), directions.shape[1]))
            for rows in blocks(*Z.shape):
                scores[rows] = place.inverse_transform(Z[rows]) @ directions
            return scores

        return estimate_shares(score, self.scores, rng, known=known)


def fit_class_shift(
    Z: Any,
    classes: NDArray,
    domain: NDArray,
    is_source: NDArray,
    rng: np.random.Generator,
) -> ClassShift:
    """Learn class moments from labelled source rows, and shares of all domains.

    Parameters
    ----------
    Z : ndarray or Residuals of shape (n_samples, n_features)
        Rows, each domain standardised by itself.
    classes : ndarray of int, (n_samples,)
        Class of each row, -1 where unknown.
    domain : ndarray of int, (n_samples,)
        Domain of each row, from 0.
    is_source : ndarray of bool, (n_samples,)
        Labelled rows to learn from; they hold each class at least twice.
    rng : numpy.random.Generator
        Draws folds and bootstrap samples.

    Returns
    -------
    ClassShift
        Shares are counted where all rows of a domain have labels, else estimated.
    """
    n_domains, n_classes = domain.max() + 1, classes.max() + 1
    counts = np.bincount(classes[is_source], minlength=n_classes)
    source_shares = counts / counts.sum()
    shares = np.tile(source_shares, (n_domains, 1))
    for d in range(n_domains):
        labels = classes[(domain == d) & (classes >= 0)]
        if len(labels):
            shares[d] = np.bincount(labels, minlength=n_classes) / len(labels)
    source = np.flatnonzero(is_source)
    moments = fit_common_moments(Z, classes, domain, shares, source)
    scored = _some_of_each(source, classes, rng)
    placed = Z[scored]
    if isinstance(Z, np.ndarray):
        placed = placed.astype(np.float64)
    for d in np.unique(domain[scored]):
        rows = np.flatnonzero(domain[scored] == d)
        place = moments.at(shares[d])
        for block in blocks(len(rows), Z.shape[1]):
            placed[rows[block]] = place.inverse_transform(placed[rows[block]])
    scores = fit_scores(placed, classes[scored], rng)
    shift = ClassShift(moments, scores, source_shares, shares, np.zeros_like(shares))
    for d in range(n_domains):
        rows = domain == d
        if (classes[rows] < 0).any():
            shift.shares[d], shift.errors[d] = shift.estimate(
                SomeRows(Z, np.flatnonzero(rows)), rng, classes[rows]
            )
    return shift


def _some_of_each(rows: NDArray, classes: NDArray, rng: np.random.Generator) -> NDArray:
    """Choose at most about `MAX_SCORED_ROWS` rows, of each class in its share."""
    if len(rows) <= MAX_SCORED_ROWS:
        return rows
    order = rng.permutation(rows)
    order = order[np.argsort(classes[order], kind="stable")]
    step = len(rows) / MAX_SCORED_ROWS
    chosen = order[(np.arange(MAX_SCORED_ROWS) * step).astype(int)]
    rare = [c for c in np.unique(classes[rows]) if np.sum(classes[chosen] == c) < 100]
    more = [order[classes[order] == c][:100] for c in rare]
    return np.unique(np.concatenate([chosen, *more]))
