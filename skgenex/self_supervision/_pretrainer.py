"""What the pretrainers share: rows to latents and back, genes by name, streams."""

from copy import deepcopy
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from .._base import TORCH_CONSTRAINTS, transactional
from .._batching import RowReader, slices
from .._blocks import blocks
from .._device import full_precision
from .._genes import match_genes, take_genes
from .._mapped import take, validate_by_blocks
from .._objective_net import VALIDATION_BATCH_SIZE, ObjectiveNet
from .._residuals import LIMIT, Residuals, SomeRows, gene_units, in_units, is_large
from .._seeding import seeded
from .._training import restore_net
from .._validation import split_validation
from .factors import latent_map

FLOATS = (np.float64, np.float32)
N_IMPUTATIONS = 10
MAX_WHITENED = 5_000  # rows among which neighbours are searched
MAX_VALIDATED = 2_000_000  # values of held-out rows of a large table

PRETRAINER_CONSTRAINTS: dict[str, list] = {
    **TORCH_CONSTRAINTS,
    "n_components": [Interval(Integral, 1, None, closed="left")],
    "n_hidden": [Interval(Integral, 2, None, closed="left")],
    "dropout": [Interval(Real, 0, 1, closed="left")],
    "corruption_rate": [Interval(Real, 0, 1, closed="both")],
    "temperature": [Interval(Real, 0, None, closed="neither")],
    "weight_decay": [Interval(Real, 0, None, closed="left")],
    "genes": [StrOptions({"match", "strict"})],
}


class PretrainerMixin(ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """Fit and apply an encoder; a subclass writes the parts named ``_new_...``.

    ``_new_objective(X, seed)`` returns class, keyword arguments and a dict of given
    initial weights of the objective, a module with an ``encoder`` for standardised
    rows; ``_encoder_parameters()`` kind and arguments of this, as in
    `skgenex.nn.encoders.FrozenEncoder`.

    Attributes
    ----------
    net_ : ObjectiveNet
        The skorch net.
    pretext_gain_ : float
        How much lower the held-out loss is than before training, as a share of it.
    whitening_ : ndarray of shape (n_components, n_components)
        Map of the latents after which neighbouring rows differ alike in all directions.
    """

    net_: ObjectiveNet

    @_fit_context(prefer_skip_nested_validation=True)
    @transactional
    def fit(
        self, X: ArrayLike, y: Any = None, sample_domain: ArrayLike | None = None
    ) -> "PretrainerMixin":
        """Learn from rows without labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Expression, for example log2(CPM + 1).
        y : None
            Ignored.
        sample_domain : array-like of shape (n_samples,), default=None
            Cohort of each row: values are exchanged within cohorts only.

        Returns
        -------
        self : estimator
            The fitted pretrainer.
        """
        rows = validate_by_blocks(
            self, X, dtype=FLOATS, order="C", ensure_min_samples=2
        )
        self._fit_rows(rows, sample_domain, goes_on=False)
        self._fit_whitening(rows)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    @transactional
    def partial_fit(
        self, X: ArrayLike, y: Any = None, sample_domain: ArrayLike | None = None
    ) -> "PretrainerMixin":
        """Learn from further rows, keeping what was learned; the first call fits.

        Mean and scale of the genes stay those of the first rows: a network that goes on
        must see its rows in one unit.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Expression, in the unit of the first rows.
        y : None
            Ignored.
        sample_domain : array-like of shape (n_samples,), default=None
            Cohort of each row.

        Returns
        -------
        self : estimator
            The pretrainer.
        """
        if not hasattr(self, "net_"):
            return self.fit(X, y, sample_domain)
        rows = self._read(X)
        self._fit_rows(rows, sample_domain, goes_on=True)
        self._fit_whitening(rows)
        return self

    def transform(self, X: ArrayLike) -> NDArray:
        """Return latents.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Expression, in the unit of the training data. The columns of a DataFrame are
            matched by name (see ``genes``).

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            Latents; a row's do not depend on the other rows.
        """
        check_is_fitted(self, "net_")
        rows = self._read(X)
        return self._encode(rows).astype(rows.dtype, copy=False)

    def reconstruct(self, X: ArrayLike) -> NDArray:
        """Return rows as the network sees them.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Expression, as in `transform`.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            Estimated expression of the genes of the fit, in the unit of the training
            data.
        """
        check_is_fitted(self, "net_")
        self._check_decodes()
        return self._reconstruct(self._read(X))

    def inverse_transform(self, X: ArrayLike) -> NDArray:
        """Return the rows that latents stand for.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Latents, as `transform` returns them.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            Estimated expression of the genes of the fit, in the unit of the training
            data.
        """
        check_is_fitted(self, "net_")
        self._check_decodes()
        latents = check_array(X, dtype=FLOATS, order="C")
        if latents.shape[1] != self._n_features_out:
            raise ValueError(
                f"X must hold {self._n_features_out} latents per row, as transform "
                f"returns them; got {latents.shape[1]}."
            )
        module = self._network()
        rows = self._apply(
            lambda z: _unstandardise(module, module.decode(z)), RowReader(latents)
        )
        return rows.astype(latents.dtype, copy=False)

    def impute(self, X: ArrayLike) -> NDArray:
        """Return rows whose NaN are replaced by estimates.

        Missing values start at the gene's mean; estimates of the network take their
        place, and are given to the network again.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Expression, as in `transform`, with NaN where it is missing.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            The rows, known values as they were.
        """
        check_is_fitted(self, "net_")
        self._check_decodes()
        rows = self._read(X, ensure_all_finite="allow-nan")
        is_missing = np.isnan(rows)
        mean = self._network().standardise.mean.cpu().numpy()
        filled = np.where(is_missing, mean.astype(rows.dtype), rows)
        for _ in range(N_IMPUTATIONS):
            filled[is_missing] = self._reconstruct(filled)[is_missing]
        return filled

    def _encode(self, rows):
        module = self._network()
        return self._apply(
            lambda x: module.encoder(module.standardise(x)), RowReader(rows)
        )

    def _fit_whitening(self, rows):
        some = np.arange(0, len(rows), -(-len(rows) // MAX_WHITENED))
        self.whitening_ = latent_map(self._encode(take(rows, some)))

    def _reconstruct(self, rows):
        module = self._network()
        estimate = self._apply(
            lambda x: _unstandardise(module, module.reconstruct(module.standardise(x))),
            RowReader(rows),
        )
        return estimate.astype(rows.dtype)

    def _check_decodes(self):
        """Raise where no head was trained to estimate genes."""

    def _read(self, X, **how):
        """Validate rows, their genes in the order of the fit."""
        known = getattr(self, "feature_names_in_", None)
        is_other_panel = (
            self.genes == "match"
            and known is not None
            and isinstance(X, pd.DataFrame)
            and not np.array_equal(X.columns, known)
        )
        if is_other_panel:
            places, _ = match_genes(known, X.columns)
            found = places >= 0
            rows = check_array(X.iloc[:, places[found]], dtype=FLOATS, order="C", **how)
            places[found] = np.arange(found.sum())
            mean = self._network().standardise.mean.cpu().numpy()
            return take_genes(rows, places, mean)
        if "ensure_all_finite" in how:
            return validate_data(self, X, reset=False, dtype=FLOATS, order="C", **how)
        return validate_by_blocks(self, X, reset=False, dtype=FLOATS, order="C")

    def _fit_rows(self, rows, sample_domain, *, goes_on):
        seed = self._draw_seed()
        cohort = _codes(sample_domain, len(rows))
        goes_on = goes_on or (self.warm_start and hasattr(self, "net_"))
        if goes_on:
            module = self._network()
            unit = module.standardise
            units = unit.mean.cpu().numpy(), unit.inverse_scale.cpu().numpy()
            rows = standardised(rows, *units)
            kind, parameters = self._objective
            start = {k: v.detach().cpu() for k, v in module.state_dict().items()}
        else:
            mean, inverse = gene_units(rows)
            rows = standardised(rows, mean, inverse)
            kind, parameters, weights = self._new_objective(rows, seed)
            with seeded(seed):
                module = kind(**parameters)
            start = module.state_dict()
            weights |= {
                "standardise.mean": mean,
                "standardise.inverse_scale": inverse,
            }
            start |= {
                name: torch.from_numpy(np.ascontiguousarray(weight, dtype=np.float32))
                for name, weight in weights.items()
            }
            del weights
        self._n_features_out = parameters["n_components"]
        self.pretext_gain_ = np.nan
        if not self._has_task():
            self._keep((kind, parameters), start, seed)
            return
        batch, valid_batch = self._batches(rows, cohort, module, seed)
        del rows, module  # as large as the data, and as the network
        self._train(
            (kind, parameters),
            batch,
            seed=seed,
            valid_batch=valid_batch,
            initial_weights=start,
            weight_decay=self.weight_decay,
            lr_schedule="cosine",
            clip_norm=1.0,
        )
        if valid_batch is None:
            return
        before = self._loss_of((kind, parameters), start, valid_batch, seed)
        after = self._loss_of((kind, parameters), None, valid_batch, seed)
        self.pretext_gain_ = (before - after) / max(abs(before), 1e-12)
        if self.pretext_gain_ <= 0:
            self._keep((kind, parameters), start, seed)

    def _batches(self, rows, cohort, module, seed):
        """Rows to train on and, corrupted once and for all, rows to validate on."""
        train, valid = split_validation(len(rows), self.validation_fraction, seed=seed)
        if isinstance(rows, Residuals):
            if valid is not None:  # not more than may be held in memory
                n_valid = max(1, MAX_VALIDATED // rows.shape[1])
                valid, more = valid[:n_valid], valid[n_valid:]
                train = np.concatenate([train, more])
            batch = {"x": RowReader(SomeRows(rows, train)), "cohort": cohort[train]}
        else:
            batch = {"x": rows[train], "cohort": cohort[train]}
        valid_batch = None
        if valid is not None:
            valid_batch = {
                "x": torch.from_numpy(rows[valid].astype(np.float32, copy=False)),
                "cohort": torch.from_numpy(cohort[valid]),
            }
            with seeded(seed):
                parts = [
                    module.corrupt(**part)
                    for part in slices(valid_batch, VALIDATION_BATCH_SIZE)
                ]
            corrupted, changed = (
                torch.cat(tensors) for tensors in zip(*parts, strict=True)
            )
            valid_batch |= {"corrupted": corrupted, "changed": changed}
        return batch, valid_batch

    def _loss_of(self, objective, weights, batch, seed):
        """Mean loss of a fixed batch with these weights; None for the trained ones."""
        module = self._network()
        device = next(module.parameters()).device
        if weights is not None:
            with seeded(seed):
                module = restore_net(objective, deepcopy(weights), device).module_
        total = 0.0
        with full_precision(device), seeded(seed):
            for part in slices(batch, VALIDATION_BATCH_SIZE):
                part = {name: tensor.to(device) for name, tensor in part.items()}
                total += float(module.eval()(**part).sum())
        return total / len(batch["x"])

    def _keep(self, objective, weights, seed):
        """Use weights as they are."""
        with seeded(seed):
            net = restore_net(objective, deepcopy(weights), self._resolve_device())
        if not hasattr(self, "history_") or not self._has_task():
            self.history_, self.n_iter_ = [], 0
        self.net_, self._objective = net, objective

    def _has_task(self):
        return True

    def __sklearn_tags__(self):
        """Return the tags: floats of 32 bits stay so."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def standardised(rows: NDArray, mean: NDArray, inverse: NDArray) -> Any:
    """Rows in the unit of the networks.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
        As they were given.
    mean, inverse : ndarray of shape (n_features,)
        From `gene_units`.

    Returns
    -------
    ndarray of float32, or Residuals, of shape (n_samples, n_features)
        Of large tables rows are made when they are read.
    """
    if is_large(rows):
        return in_units(rows, mean, inverse)
    z = np.empty(rows.shape, dtype=np.float32)
    for part in blocks(*rows.shape):
        z[part] = np.clip((rows[part] - mean) * inverse, -LIMIT, LIMIT)
    return z


def _unstandardise(module, z):
    """Rows of a network's unit in that of the training data."""
    scale = module.standardise.inverse_scale
    # A gene that does not vary keeps its value.
    unit = torch.where(scale > 0, 1 / scale, torch.zeros_like(scale))
    return module.standardise.mean + z * unit


def _codes(sample_domain, n):
    if sample_domain is None:
        return np.zeros(n, dtype=np.int64)
    ids = np.asarray(sample_domain, dtype=object)
    if ids.shape != (n,):
        raise ValueError(
            f"sample_domain must name a cohort per row, {n}; got shape {ids.shape}."
        )
    return pd.factorize(ids, use_na_sentinel=False)[0].astype(np.int64)
