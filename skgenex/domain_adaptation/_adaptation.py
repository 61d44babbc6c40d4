"""What classifier and regressor share: scaling, adaptation, guard, prediction."""

import warnings
from collections.abc import Hashable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from .._base import TORCH_CONSTRAINTS
from .._covariance import times
from .._domains import Domains, resolve_domains, resolve_query
from .._objective_net import ObjectiveNet
from .._seeding import seeded
from .._training import restore_net
from .._warm_start import WARM_START_CONSTRAINT, pretrained_scores
from ..prediction.linear import LinearFit
from ._domain_scaler import CLIP, METHODS, DomainScaler
from .adaptation_rows import (
    AdaptationRows,
    domain_shares,
    hold_out,
    label_weights,
    principal_directions,
)
from .adversarial import AdaptationObjective
from .divergence import proxy_a_distance
from .guard import describe_predictions, importance_weights, judge, row_losses

MIN_STEPS_PER_EPOCH = 4
MAX_COMPARED = 10_000  # rows by which the distance of domains is measured
_OFFERED = (
    *("max_epochs", "lr", "batch_size", "validation_fraction", "callbacks"),
    *("device", "random_state", "verbose", "compile"),
)
ADAPTATION_CONSTRAINTS: dict[str, Any] = {
    **{name: TORCH_CONSTRAINTS[name] for name in _OFFERED},
    "adversarial_weight": [Interval(Real, 0, None, closed="left")],
    "scaling": [StrOptions({*METHODS, "source", "pooled"}), None],
    "label_shift": [StrOptions({"em"}), None],
    "gene_weights": [StrOptions({"coexpression"}), None],
    "target_weight": [Interval(Real, 0, 1, closed="left")],
    "fallback": [StrOptions({"source"}), None],
    "n_components": [Interval(Integral, 1, None, closed="left")],
    "n_members": [Interval(Integral, 1, None, closed="left")],
    "n_hidden": [Interval(Integral, 2, None, closed="left")],
    "n_layers": [Interval(Integral, 1, None, closed="left")],
    "dropout": [Interval(Real, 0, 1, closed="left")],
    "batch_norm": ["boolean"],
    "weight_decay": [Interval(Real, 0, None, closed="left")],
    "warm_start_from": WARM_START_CONSTRAINT,
    "unlabelled": "no_validation",
    "target_domain": "no_validation",
    "domain": "no_validation",
}


class AdaptationMixin(ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """Fit and apply an `AdaptationNet`; a subclass reads y and names its loss.

    The subclass has the parameters of `DANNClassifier`, which explains them.

    Attributes
    ----------
    scaler_ : DomainScaler, StandardScaler or None
        Standardisation of the rows.
    kept_ : {"linear", "source", "adapted"}
        What the guard has chosen.
    adaptation_report_ : dict
        Held-out losses and distances that led to it.
    net_ : ObjectiveNet
        The skorch net.

    References
    ----------
    Ganin et al. (2016), Domain-adversarial training of neural networks, JMLR 17:59.
    """

    __metadata_request__fit = {"sample_domain": True}
    __metadata_request__predict = {"sample_domain": True}
    __metadata_request__transform = {"sample_domain": True}
    __metadata_request__score = {"sample_domain": True}

    net_: ObjectiveNet

    def transform(
        self, X: Any, sample_domain: Sequence[Hashable] | None = None
    ) -> NDArray:
        """Return the features that domains share.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows in the units of their domain.
        sample_domain : sequence of hashable of shape (n_samples,), default=None
            Domain of each row; by default the target.

        Returns
        -------
        ndarray of shape (n_samples, n_members * n_hidden)
            Hidden units of the members, those of one after those of another. They are
            those of the network that was trained last, even if ``kept_`` is "linear".
        """
        return self._features(*self._query(X, sample_domain))

    def fit_transform(
        self,
        X: Any,
        y: ArrayLike,
        sample_domain: Sequence[Hashable] | None = None,
    ) -> NDArray:
        """Fit, and return the features of each row as of its own domain.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            As in ``fit``.
        y : array-like of shape (n_samples,)
            As in ``fit``.
        sample_domain : sequence of hashable of shape (n_samples,), default=None
            As in ``fit``.

        Returns
        -------
        ndarray of shape (n_samples, n_members * n_hidden)
            As in `transform`.
        """
        self.fit(X, y, sample_domain)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the fit has said it
            domains = resolve_domains(
                X,
                y,
                sample_domain,
                target_domain=self.target_domain,
                unlabelled=self.unlabelled,
                domain=self.domain,
                continuous=not hasattr(self, "classes_"),
            )
        return self.transform(X, [domains.names[code] for code in domains.codes])

    @property
    def _n_features_out(self):
        return self.n_members * self.n_hidden

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _outputs(self, X, sample_domain):
        Z, codes = self._query(X, sample_domain)
        network = self._network().network

        def outputs(x, domain):
            return network(x.double(), domain).float()

        return self._apply(outputs, Z, codes)

    def _features(self, Z, codes):
        network = self._network().network

        def joined(x, domain):
            features = network.features(network.projection(x.double()), domain)
            return features.permute(1, 0, 2).flatten(1).float()

        return self._apply(joined, Z, codes)

    def _query(self, X, sample_domain):
        """Rows to predict in the scale of the network, and their domains."""
        check_is_fitted(self, "net_")
        X, codes, new_names = resolve_query(
            X,
            sample_domain,
            names=self.domains_,
            default=self._default,
            domain=self.domain,
        )
        X = validate_data(self, X, dtype=np.float32, order="C", reset=False)
        names = (*self.domains_, *new_names)
        Z = self._scaled(X, [names[code] for code in codes])
        return Z, np.minimum(codes, len(self.domains_))

    def _remember(self, domains: Domains) -> None:
        self.domains_, self.target_domains_ = domains.names, domains.target_names
        self._default = domains.default

    def _fit_scaling(self, X, domains: Domains, labels) -> NDArray:
        """Learn ``scaler_``; return standardised rows."""
        self.scaler_: DomainScaler | StandardScaler | None = None
        names = [domains.names[code] for code in domains.codes]
        if self.scaling in METHODS:
            self.scaler_ = DomainScaler(
                method=self.scaling,
                label_shift=self.label_shift,
                gene_weights=self.gene_weights,
                target_domain=list(domains.target_names) or None,
            ).fit(X, labels, sample_domain=names)
        elif self.scaling is not None:
            is_source = ~domains.is_target
            everything = self.scaling == "pooled" or not is_source.any()
            self.scaler_ = StandardScaler().fit(X if everything else X[is_source])
        return self._scaled(X, names)

    def _scaled(self, X, names):
        if isinstance(self.scaler_, DomainScaler):
            return self.scaler_.transform(X, sample_domain=names)
        if self.scaler_ is None:
            return X
        return self.scaler_.transform(X).clip(-CLIP, CLIP).astype(np.float32)

    def _label_weights(self, weight: NDArray, domains: Domains) -> NDArray:
        return label_weights(weight, domains, self.target_weight)

    def _fit_network(
        self,
        Z: NDArray,
        domains: Domains,
        linear: LinearFit,
        target: NDArray,
        weight: NDArray,
        seed: int,
        *,
        loss: str,
        **adapting: Any,
    ) -> None:
        """Adapt a correction of the linear model, judge it, and choose.

        ``target`` is (n_samples, n_outputs); ``weight``, (n_samples,), is zero where a
        row has no label.
        """
        scores, projection, pretrained = self._network_inputs(Z, domains, seed)
        fitted = (times(Z, linear.coef.T) + linear.intercept).astype(np.float32)
        offset = fitted.copy()
        offset[domains.is_labelled] = linear.heldout
        columns = {"x": scores, "offset": offset, "target": target}
        columns = {name: array.astype(np.float32) for name, array in columns.items()}
        rows = AdaptationRows(
            columns, weight, domains, domain_shares(self.scaler_, domains), seed
        )
        parameters = {
            "loss": loss,
            "n_outputs": target.shape[1],
            "n_domains": len(domains.names),
            "n_members": self.n_members,
            "n_hidden": self.n_hidden,
            "n_layers": self.n_layers,
            "dropout": self.dropout,
            "batch_norm": self.batch_norm,
            "n_components": scores.shape[1],
        }
        candidates: dict[str, dict] = {"source": {"method": "none"}}
        if self.method != "none" and len(domains.names) > 1:
            candidates["adapted"] = {
                "method": self.method,
                "weight": self.adversarial_weight,
                **adapting,
            }
        elif "label_smoothing" in adapting:
            candidates["source"]["label_smoothing"] = adapting["label_smoothing"]
        kept = next(reversed(candidates))
        report: dict[str, Any] = {"judged_by": "nothing"}
        train, held_out = np.arange(len(Z)), None
        if self.fallback is not None:
            train, held_out = hold_out(domains, self.validation_fraction, seed)
        if held_out is not None:
            losses = {"linear": row_losses(loss, offset[held_out], target[held_out])}
            collapsed = {}
            for name, how in candidates.items():
                self._train_rows(rows, train, {**parameters, **how})
                added = self._corrections(scores, domains.codes)
                losses[name] = row_losses(
                    loss, (offset + added)[held_out], target[held_out]
                )
                part, collapsed[name] = describe_predictions(
                    fitted, added, domains, rows.shares
                )
                report |= {f"{key}_{name}": value for key, value in part.items()}
            importance = np.ones(len(held_out))
            report["judged_by"] = "target"
            if not domains.is_target[held_out].all():
                importance = importance_weights(
                    scores, held_out, domains.is_target, ~domains.is_target
                )
                report["judged_by"] = "source"
            verdict = judge(losses, importance * weight[held_out], collapsed)
            kept = verdict.kept
            report |= {f"loss_{name}": v for name, v in verdict.losses.items()}
            report |= {f"gain_{name}": v for name, v in verdict.gains.items()}
            report |= {f"gain_se_{name}": v for name, v in verdict.gain_errors.items()}
        elif self.fallback is not None and self.validation_fraction:
            kept = "linear"  # nothing speaks for the network
        if held_out is None or kept != "linear":
            name = kept if kept != "linear" else next(reversed(candidates))
            how = candidates[name]
            self._train_rows(rows, np.arange(len(Z)), {**parameters, **how})
        parameters = parameters | how | pretrained
        self._assemble(linear, projection, parameters, Z.shape[1], kept)
        self.kept_ = kept
        self.adaptation_report_ = {"kept": kept, **report}
        if isinstance(self.scaler_, DomainScaler):
            lost = float(self.scaler_.lost_genes_.mean())
            self.adaptation_report_["lost_genes"] = lost
        self.adaptation_report_ |= self._distances(scores, Z, domains)

    def _network_inputs(self, Z, domains, seed):
        """Scores of the rows, the weights of their projection, and how to build it."""
        self.gene_share_ = np.nan
        if self.warm_start_from is None:
            rng = np.random.default_rng([seed, 0])
            directions, lengths = principal_directions(
                Z, domains.codes, self.n_components, rng
            )
            directions = directions / lengths[:, None]
            scores = times(Z, directions.T).astype(np.float32)
            return scores, {"weight": directions}, {}
        if self.scaling is None:
            raise ValueError(
                "warm_start_from needs scaling, such as 'zscore'; got None: pretrained "
                "encoders take standardised genes."
            )
        names = getattr(self, "feature_names_in_", None)
        weights = getattr(self.scaler_, "gene_weights_", None)
        encoder = pretrained_scores(self.warm_start_from, names, Z, weights)
        self.gene_share_ = encoder.gene_share
        return encoder.scores, encoder.weights, {"pretrained": encoder.parameters}

    def _train_rows(
        self, rows: AdaptationRows, train: NDArray, parameters: Mapping
    ) -> None:
        pairing = rows.pair(train)
        steps = max(MIN_STEPS_PER_EPOCH, -(-pairing.per_pass // self.batch_size))
        parameters = {
            **parameters,
            "n_features": parameters["n_components"],
            "n_steps": steps * self.max_epochs,
        }
        self._train(
            (AdaptationObjective, parameters),
            rows.batch(train, pairing),
            seed=rows.seed,
            weight_decay=self.weight_decay,
            steps_per_epoch=steps,
            lr_schedule="cosine",
        )

    def _corrections(self, scores, codes):
        network = self._network().network

        def mean(x, domain):
            return network.corrections(network.features(x, domain)).mean(dim=0)

        return self._apply(mean, scores, codes)

    def _assemble(self, linear, projection, parameters, n_features, kept):
        """Put linear model and projection beside the trained correction.

        In double precision: then what is said of a row, in single precision, does not
        depend on which rows it is computed with.
        """
        trained = self._network().state_dict()
        weights = {k: v for k, v in trained.items() if ".projection." not in k}
        weights["network.linear.weight"] = linear.coef
        weights["network.linear.bias"] = linear.intercept
        for name, weight in projection.items():
            weights[f"network.projection.{name}"] = weight
        for name, value in weights.items():
            value = torch.as_tensor(value, device="cpu").clone()
            if value.is_floating_point():
                value = value.double()
            is_muted = kept == "linear" and ".heads." in name
            weights[name] = torch.zeros_like(value) if is_muted else value
        parameters = {**parameters, "n_features": n_features}
        self._objective = AdaptationObjective, parameters
        with seeded(0):  # the new module draws initial weights, only to lose them
            self.net_ = restore_net(self._objective, weights, self._resolve_device())
        if kept == "linear":
            self.history_, self.n_iter_ = [], 0

    def _distances(self, scores, Z, domains: Domains):
        """A-distance of component scores, and of features."""
        some = slice(None, None, -(-len(Z) // MAX_COMPARED))
        scores, Z, codes = scores[some], Z[some], domains.codes[some]
        source, target = ~domains.is_target[some], domains.is_target[some]
        if min(source.sum(), target.sum()) < 2:
            return {}
        features = self._features(Z, codes)
        return {
            "a_distance_before": proxy_a_distance(scores[source], scores[target]),
            "a_distance_after": proxy_a_distance(features[source], features[target]),
        }
