"""What the classifier does with its start: fine-tune it, and measure whether to."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from .._batching import RowReader
from .._covariance import times
from .._device import full_precision
from .._residuals import SomeRows, is_large
from .._seeding import seeded
from .._training import restore_net
from .start import fit_start, share_correction

STEPS_PER_EPOCH = 4
N_FOLDS = 3


class Rows(NamedTuple):
    """All rows of a fit, labelled or not.

    Attributes
    ----------
    x : ndarray of float32 of shape (n_samples, n_features)
        Standardised.
    codes : ndarray of int of shape (n_samples,)
        Classes, -1 without a label.
    weight : ndarray of shape (n_samples,)
        Weights of labelled rows.
    cohort : ndarray of int of shape (n_samples,)
        0 for the rows of X, 1 for rows of another table.
    latents : ndarray of shape (n_samples, n_latents)
        From the encoder, before fine-tuning.
    whitening : ndarray of shape (n_latents, n_latents)
        Map of the latents, from `factors.latent_map`.
    factors : dict of str to ndarray of shape (n_factors, n_features)
        From `factors.signal_map`, of the rows of X and of those of another table.
    """

    x: NDArray
    codes: NDArray
    weight: NDArray
    cohort: NDArray
    latents: NDArray
    whitening: NDArray
    factors: dict[str, NDArray]


class FineTuningMixin:
    """Start from linear classifiers, fine-tune, and judge on held-out labelled rows.

    The estimator has the parameters of `VIMEClassifier`, ``classes_`` and ``_train``.
    """

    def _fit_start(self, rows, known, seed):
        """Weights of classifier and head, from the labels of the ``known`` rows."""
        n_classes = len(self.classes_)
        codes, weight = rows.codes[known], rows.weight[known]
        latents = rows.latents[known] @ rows.whitening.T
        # An encoder that was not trained would count the factors twice.
        is_trained = self.pretrain or self.warm_start_from is not None
        start = fit_start(
            rows.x[known],
            codes,
            n_classes,
            rows.factors,
            latents,
            sample_weight=weight,
            seed=seed,
            name=self.start,
            left_out=() if is_trained else ("latents",),
        )
        (coef, intercept), (head, head_intercept) = start.linear, start.head
        head = head @ rows.whitening
        own = rows.cohort == 0
        logits = times(rows.x, coef.T)[own] + times(rows.latents, head.T)[own]
        shares = np.bincount(codes, weight, minlength=n_classes)
        intercept = intercept + share_correction(
            logits + intercept + head_intercept, shares / shares.sum(), len(codes)
        )
        weights = {
            "linear.weight": coef,
            "linear.bias": intercept,
            "head.weight": head,
            "head.bias": head_intercept,
            "step": np.zeros(()),
        }
        if self.freeze == "none" and self.backend == "network":
            weights = {name: np.zeros_like(array) for name, array in weights.items()}
        tensors = {
            name: torch.tensor(np.asarray(array), dtype=torch.float32)
            for name, array in weights.items()
        }
        return tensors, start

    def _tune(self, objective, weights, rows, known, seed, **how):
        """Train from ``weights``; only the labels of the ``known`` rows are used."""
        label = np.where(known, rows.codes, -1)
        labelled, others = np.flatnonzero(known), np.flatnonzero(rows.codes < 0)
        # Labelled rows are repeated, to be half of each batch.
        repeats = max(1, len(others) // max(len(labelled), 1))
        kept = np.r_[np.repeat(labelled, repeats), others]
        self._train(
            objective,
            {
                "x": RowReader(SomeRows(rows.x, kept))
                if is_large(rows.x)
                else rows.x[kept],
                "label": label[kept],
                "weight": rows.weight[kept].astype(np.float32),
                "cohort": rows.cohort[kept],
            },
            seed=seed,
            initial_weights=weights,
            weight_decay=self.weight_decay,
            steps_per_epoch=STEPS_PER_EPOCH,
            lr_schedule="cosine",
            clip_norm=1.0,
            **how,
        )

    def _measure_gain(self, objective, fixed, rows, seed):
        """Set the gain of fine-tuning on folds of the labelled rows.

        ``fixed`` holds the weights that do not depend on labels.
        """
        labelled = np.flatnonzero(rows.codes >= 0)
        n_folds = min(N_FOLDS, int(np.bincount(rows.codes[labelled]).min()))
        if n_folds < 2:
            return  # no class could spare a row
        folds = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
        gains = []
        for _, held in folds.split(labelled, rows.codes[labelled]):
            held = labelled[held]
            known = rows.codes >= 0
            known[held] = False
            own, _ = self._fit_start(rows, known, seed)
            weights = fixed | own
            with seeded(seed):
                module = restore_net(objective, dict(weights), "cpu").module_
            before = _row_losses(module, rows.x[held], rows.codes[held])
            self._tune(objective, weights, rows, known, seed, checkpoint_dir=None)
            after = _row_losses(self._network(), rows.x[held], rows.codes[held])
            gains.append((before - after) * rows.weight[held])
        gain = np.concatenate(gains)
        self.tuning_gain_ = float(gain.mean())
        self.tuning_gain_se_ = float(gain.std(ddof=1) / np.sqrt(len(gain)))


def _row_losses(module, rows, codes):
    device = next(module.parameters()).device
    with full_precision(device):
        logits = module.eval().logits(torch.from_numpy(rows).to(device))
        target = torch.from_numpy(codes).to(device)
        losses = torch.nn.functional.cross_entropy(logits, target, reduction="none")
    return losses.cpu().numpy().astype(np.float64)
