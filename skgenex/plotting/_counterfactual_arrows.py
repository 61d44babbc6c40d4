"""Arrows from patients to their counterfactuals among real patients."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.decomposition import PCA

from ..metrics._rows import checked_rows
from ._axes import single_axes


class ArrowsDisplay:
    """Two principal components of real patients, and an arrow per counterfactual.

    The components are those of the real patients alone, in standard deviations, so the
    counterfactuals cannot move them. Make it by :meth:`from_arrays` or
    :meth:`from_explanations`.

    Parameters
    ----------
    real : ndarray of shape (n_real, 2)
        Coordinates of real patients.
    y_real : array-like of shape (n_real,)
        Their classes.
    start, end : ndarray of shape (n_patients, 2)
        Coordinates of originals and counterfactuals.
    target : array-like of shape (n_patients,)
        Target classes, which colour the arrows.
    axis_labels : tuple of two str, default=("PC 1", "PC 2")
        Names of the dimensions.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it was drawn.
    figure_ : matplotlib Figure
        Its figure.
    arrows_ : dict of {str: matplotlib Quiver}
        The arrows by target.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.plotting import ArrowsDisplay
    >>> X = np.random.default_rng(0).standard_normal((50, 8))
    >>> y = np.repeat(["B", "T"], 25)
    >>> display = ArrowsDisplay.from_arrays(X, y, X[:3], X[:3] + 1, ["T"] * 3)
    >>> list(display.arrows_)
    ['T']
    """

    def __init__(
        self,
        real: np.ndarray,
        y_real: ArrayLike,
        start: np.ndarray,
        end: np.ndarray,
        target: ArrayLike,
        *,
        axis_labels: tuple[str, str] = ("PC 1", "PC 2"),
    ) -> None:
        self.real = real
        self.y_real = y_real
        self.start = start
        self.end = end
        self.target = target
        self.axis_labels = axis_labels

    @classmethod
    def from_arrays(
        cls,
        X_real: ArrayLike,
        y_real: ArrayLike,
        originals: ArrayLike,
        profiles: ArrayLike,
        target: ArrayLike,
        *,
        ax: Any = None,
    ) -> "ArrowsDisplay":
        """Project and draw patients and counterfactuals.

        Parameters
        ----------
        X_real : array-like of shape (n_real, n_features)
            Real patients, such as the training rows.
        y_real : array-like of shape (n_real,)
            Their classes.
        originals, profiles : array-like of shape (n_patients, n_features)
            Patients and their counterfactuals.
        target : array-like of shape (n_patients,)
            Target classes.
        ax : matplotlib Axes, default=None
            Axes to draw in; new ones if None.

        Returns
        -------
        display : ArrowsDisplay
            The drawn display.
        """
        real, before, after = checked_rows(
            X_real=X_real, originals=originals, profiles=profiles
        )
        for name, labels, rows in (
            ("y_real", y_real, real),
            ("target", target, before),
            ("profiles", after, before),
        ):
            if len(np.asarray(labels)) != len(rows):
                raise ValueError(
                    f"{name} must hold one entry for each of {len(rows)} rows; got "
                    f"{len(np.asarray(labels))}."
                )
        mean, sd = real.mean(axis=0), real.std(axis=0)
        sd = np.where(sd > 1e-6, sd, np.inf)
        pca = PCA(2, random_state=0).fit((real - mean) / sd)
        points, start, end = (
            pca.transform((rows - mean) / sd) for rows in (real, before, after)
        )
        share = pca.explained_variance_ratio_
        labels = (
            f"PC 1 ({share[0]:.0%} of variance)",
            f"PC 2 ({share[1]:.0%} of variance)",
        )
        return cls(points, y_real, start, end, target, axis_labels=labels).plot(ax)

    @classmethod
    def from_explanations(
        cls, explanations: Any, X_real: ArrayLike, y_real: ArrayLike, *, ax: Any = None
    ) -> "ArrowsDisplay":
        """Draw explanations among real patients.

        Parameters
        ----------
        explanations : Explanations
            Result of a counterfactual search; targets are classes.
        X_real : array-like of shape (n_real, n_features)
            Real patients, such as the training rows.
        y_real : array-like of shape (n_real,)
            Their classes.
        ax : matplotlib Axes, default=None
            Axes to draw in; new ones if None.

        Returns
        -------
        display : ArrowsDisplay
            The drawn display.
        """
        before, after = explanations.originals, explanations.profiles
        if not isinstance(X_real, pd.DataFrame):
            before, after = before.to_numpy(), after.to_numpy()
        return cls.from_arrays(
            X_real, y_real, before, after, explanations.target, ax=ax
        )

    def plot(self, ax: Any = None) -> "ArrowsDisplay":
        """Draw points and arrows.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in; new ones if None.

        Returns
        -------
        display : ArrowsDisplay
            This display.
        """
        ax = single_axes(ax)
        y_real, target = np.asarray(self.y_real), np.asarray(self.target)
        classes = np.unique(y_real).tolist()
        colours = {name: f"C{k}" for k, name in enumerate(classes)}
        for name in classes:
            ax.scatter(
                *self.real[y_real == name].T,
                color=colours[name], s=16, alpha=0.35, linewidths=0, label=str(name),
            )  # fmt: skip
        self.arrows_ = {}
        for name in np.unique(target).tolist():
            members = target == name
            start, way = self.start[members], (self.end - self.start)[members]
            self.arrows_[str(name)] = ax.quiver(
                *start.T, *way.T,
                angles="xy", scale_units="xy", scale=1, width=0.003,
                color=colours.get(name, "0.2"), label=f"to {name}",
            )  # fmt: skip
        ends = np.concatenate([self.real, self.start, self.end])
        ax.update_datalim(ends)
        ax.autoscale_view()
        ax.set(xlabel=self.axis_labels[0], ylabel=self.axis_labels[1])
        ax.legend(frameon=False)
        self.ax_, self.figure_ = ax, ax.figure
        return self
