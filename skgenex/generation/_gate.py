"""The held-out gate: use the network only where unseen rows prefer it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from .._covariance import class_covariances
from .._mapped import take
from .._residuals import SomeRows
from .factors import FactorModel
from .simulation import assign_folds

N_NOISE_DRAWS = 64  # per held-out row: fewer hide overfitting behind noise
MAX_VALID_ROWS = 4_000
ENOUGH_HELD_OUT = 100


@dataclass(frozen=True)
class Verdict:
    """What held-out rows say of a network that corrects a Gaussian.

    Parameters
    ----------
    gain, gain_se : float
        How much lower the network's loss is, as a share of the Gaussian's, and its
        standard error over rows.
    n_epochs : int
        Mean of the folds' best epochs.
    history : list of dict
        Of the first fold's training.
    """

    gain: float
    gain_se: float
    n_epochs: int
    history: list[dict]

    @property
    def is_better(self) -> bool:
        """Whether the gain exceeds its standard error."""
        return self.gain > self.gain_se


def try_on_held_out(
    new_model: Callable[[], FactorModel],
    train: Callable[[FactorModel, NDArray, dict, dict, int], list[dict]],
    losses: Callable[[dict], NDArray],
    add_noise: Callable[[dict, torch.Generator], None],
    rows: tuple[NDArray, NDArray, NDArray],
    n_classes: int,
    class_covariance: float,
    validation_fraction: float,
    seed: int,
) -> Verdict | None:
    """Train without some rows, and compare the network with the Gaussian on these.

    The factors are learned without the held-out rows too. With few rows several folds
    take part, until `ENOUGH_HELD_OUT` were held out.

    Parameters
    ----------
    new_model : callable
        Returns an unfitted `FactorModel`.
    train : callable
        ``train(model, covariances, batch, valid_batch, n_rows)`` trains a network, and
        returns the history, with ``valid_loss`` per epoch if it stops by that.
    losses : callable
        ``losses(batch)`` returns the loss of the Gaussian and of that network,
        (n_rows, 2).
    add_noise : callable
        ``add_noise(batch, generator)`` adds the noise that the loss needs: then the
        losses of all epochs, and of both models, are comparable.
    rows : tuple of ndarray
        X, codes and covariates of the fit.
    n_classes : int
        Number of classes.
    class_covariance : float
        Weight of the common covariance in a class's.
    validation_fraction : float
        Share of rows held out.
    seed : int
        Of folds and noise.

    Returns
    -------
    Verdict or None
        None if there are too few rows to hold any out.
    """
    X, codes, covariates = rows
    rng = np.random.default_rng([seed, 2])
    n_folds = max(2, round(1 / validation_fraction))
    folds = assign_folds(codes, n_folds, rng)
    n_used = int(np.clip(ENOUGH_HELD_OUT * n_folds / len(X), 1, n_folds))
    gaussian, gain, best = [], [], []
    history: list[dict] = []
    for fold in range(n_used):
        inside, outside = folds != fold, folds == fold
        outside &= np.isin(codes, codes[inside])
        if inside.sum() - len(np.unique(codes[inside])) < 4 or outside.sum() < 2:
            continue
        model = new_model()
        latents = model.fit_encode(
            SomeRows(X, np.flatnonzero(inside)),
            codes[inside],
            n_classes,
            covariates[inside],
            np.random.default_rng([seed, 4]),
        )
        held = np.flatnonzero(outside)[:MAX_VALID_ROWS]
        n_draws = int(np.clip(MAX_VALID_ROWS // len(held), 8, N_NOISE_DRAWS))
        encoded = model.encode(take(X, held), codes[held], covariates[held])
        valid_batch = latent_batch(
            np.tile(encoded, (n_draws, 1)),
            np.tile(codes[held], n_draws),
            np.tile(covariates[held], (n_draws, 1)),
        )
        noise = torch.Generator().manual_seed(seed)
        add_noise(valid_batch, noise)
        curve = train(
            model,
            class_covariances(
                model.leading(latents), codes[inside], n_classes, class_covariance
            ),
            latent_batch(latents, codes[inside], covariates[inside]),
            valid_batch,
            int(inside.sum()),
        )
        both = losses(valid_batch).reshape(n_draws, -1, 2).mean(axis=0)
        gaussian.append(both[:, 0])
        gain.append(both[:, 0] - both[:, 1])
        best.append(best_epoch(curve))
        history = history or curve
    if not gain:
        return None
    mean, error = mean_and_error(np.concatenate(gain) / np.concatenate(gaussian).mean())
    return Verdict(
        gain=mean,
        gain_se=error,
        n_epochs=round(float(np.mean(best))),
        history=history,
    )


def mean_and_error(values: NDArray) -> tuple[float, float]:
    """Mean, and its standard error; NaN of one value.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
        Gains of held-out rows.

    Returns
    -------
    mean : float
        Their mean.
    error : float
        Its standard error.
    """
    n = len(values)
    error = values.std(ddof=1) / np.sqrt(n) if n > 1 else np.nan
    return float(values.mean()), float(error)


def best_epoch(history: list[dict]) -> int:
    """Epochs to the lowest held-out loss; all of them where none was held out.

    Parameters
    ----------
    history : list of dict
        Losses per epoch.

    Returns
    -------
    int
        Number of epochs.
    """
    if "valid_loss" not in history[0]:
        return len(history)
    return int(np.argmin([row["valid_loss"] for row in history])) + 1


def latent_batch(latents: NDArray, codes: NDArray, covariates: NDArray) -> dict:
    """Arrays by the names that `DenoisingObjective` gives them.

    Parameters
    ----------
    latents : ndarray of shape (n_samples, n_latents)
        Latents.
    codes : ndarray of shape (n_samples,)
        Classes.
    covariates : ndarray of shape (n_samples, n_covariates)
        Standardised covariates, possibly none.

    Returns
    -------
    dict of ndarray
        ``x``, ``label`` and, if there are any, ``covariates``.
    """
    batch = {"x": latents.astype(np.float32), "label": codes.astype(np.int64)}
    if covariates.shape[1]:
        batch["covariates"] = covariates.astype(np.float32)
    return batch
