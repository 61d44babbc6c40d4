"""Source rows in the style of the target."""

import warnings
from collections.abc import Hashable, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import OneToOneFeatureMixin, TransformerMixin, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from .._base import TORCH_CONSTRAINTS, TorchEstimator, transactional
from .._domains import resolve_domains, resolve_query
from ._adaptation import MIN_STEPS_PER_EPOCH
from ._domain_scaler import DomainScaler
from .alignment import COVARIANCE_MAPS, fit_covariance
from .divergence import proxy_a_distance
from .translation_rows import (
    mean_correlation,
    source_target_shares,
    translation_rows,
)
from .translator import CycleObjective

STYLES = ("moments", "quantile", "coral", "ot", "cycada")
FEW_ROWS = 30  # of a domain: too few to learn a translator from

STYLE_CONSTRAINTS: dict[str, Any] = {
    **{
        name: TORCH_CONSTRAINTS[name]
        for name in (
            *("max_epochs", "lr", "batch_size", "callbacks", "device"),
            *("random_state", "verbose", "compile"),
        )
    },
    "method": [StrOptions(set(STYLES))],
    "label_shift": [StrOptions({"em"}), None],
    "rank": [Interval(Integral, 1, None, closed="left")],
    "n_components": [Interval(Integral, 1, None, closed="left")],
    "critic_weight": [Interval(Real, 0, None, closed="left")],
    "cycle_weight": [Interval(Real, 0, None, closed="left")],
    "semantic_weight": [Interval(Real, 0, None, closed="left")],
    "weight_decay": [Interval(Real, 0, None, closed="left")],
    "target_domain": "no_validation",
    "domain": "no_validation",
    "unlabelled": "no_validation",
}


class StyleTransfer(OneToOneFeatureMixin, TransformerMixin, TorchEstimator):
    """Give rows of other domains the style of the target domain.

    A patient of one study is rewritten as if measured in another: same biology, in the
    other platform's scale. Rows of the target stay as they are, so a model may be
    trained on both. Each method contains the one before: gene-wise moments, corrected
    for different class shares (`DomainScaler`); quantiles; covariances; and "cycada", a
    pair of small networks that start exactly at the moments.

    Parameters
    ----------
    method : {"moments", "quantile", "coral", "ot", "cycada"}, default="moments"
        "moments" matches mean and spread of each gene, "quantile" its distribution;
        "coral" and "ot" also the covariance, by whitening and recolouring or by the
        least displacement. "cycada" learns translators between the leading components
        of both styles, by critics that should not tell translated rows from real ones;
        there and back must lead to the same row, and classes must be kept.
    label_shift : {"em"} or None, default="em"
        Whether different class shares are estimated and accounted for.
    target_domain : hashable, default=None
        The domain whose style is wanted; None: the one without labels, or else with
        unlabelled rows.
    domain : hashable, default=None
        Column of a DataFrame ``X`` which holds the domains, in place of
        ``sample_domain``; it is removed.
    unlabelled : object, default=-1
        Label of rows without one; None, NaN and `pandas.NA` are so as well.
    n_components : int, default=32
        Leading components within domains that "cycada" translates.
    rank : int, default=32
        Hidden units of a translator.
    critic_weight : float, default=0.3
        How much critics count for the translators, at the end of a ramp. Sensible: 0.03
        to 1.
    cycle_weight : float, default=5.0
        Of the mean absolute difference after there and back.
    semantic_weight : float, default=1.0
        Of the log-loss, on translated rows, of a logistic regression fitted to the
        labelled rows.
    weight_decay : float, default=0.01
        Of AdamW.
    max_epochs : int, default=40
        Passes over the larger domain.
    lr : float, default=1e-3
        Learning rate of AdamW; it falls to zero along a cosine.
    batch_size : int, default=32
        Rows of each domain per step.
    callbacks : list of skorch callbacks, default=None
        Cloned for each fit.
    device : str or torch.device, default="auto"
        "auto" takes CUDA if there is one.
    random_state : int, RandomState instance or None, default=None
        Source of randomness of the fit.
    verbose : int, default=0
        0 is silent, 1 shows a progress bar, 2 prints a line per epoch.
    compile : bool, default=False
        Train through `torch.compile`.

    Attributes
    ----------
    style_report_ : dict
        ``a_distance_before``, ``a_distance_after``: `proxy_a_distance` of source and
        target rows before and after. ``gene_correlation``: mean over genes of the
        correlation of restyled with original source rows; it is 1 for "moments" with a
        single source. Empty without a source.
    domains_ : tuple of hashable
        Domains of the fit.
    target_domain_ : hashable
        The one whose style is given.
    scaler_ : DomainScaler
        The standardisation of each domain.
    net_ : ObjectiveNet
        The translators; only with "cycada".
    history_ : list of dict
        Losses per epoch, with "cycada".
    n_iter_ : int
        Epochs, with "cycada".
    n_features_in_ : int
        Number of genes.
    feature_names_in_ : ndarray of shape (n_features,)
        Genes, if X had names.

    See Also
    --------
    StyleTransferSampler : The same as a step of an imbalanced-learn pipeline.

    References
    ----------
    Hoffman et al. (2018), CyCADA: Cycle-Consistent Adversarial Domain Adaptation, ICML,
    Eq. 2-5; Sun, Feng & Saenko (2016), AAAI (CORAL); Peyré & Cuturi (2019),
    Computational Optimal Transport, Remark 2.31.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.datasets import make_expression
    >>> from skgenex.domain_adaptation import StyleTransfer
    >>> data = make_expression(
    ...     120, 40, n_domains=2, domain_shift=2.0, random_state=0)
    >>> style = StyleTransfer(target_domain=1, random_state=0)
    >>> X = style.fit_transform(data.data, data.target, sample_domain=data.domain)
    >>> is_target = data.domain == 1
    >>> np.array_equal(X[is_target], data.data[is_target])
    True
    >>> bool(np.abs(X[~is_target].mean(0) - X[is_target].mean(0)).max() < 0.3)
    True
    """

    __metadata_request__fit = {"sample_domain": True}
    __metadata_request__transform = {"sample_domain": True}
    __metadata_request__inverse_transform = {"sample_domain": True}

    _parameter_constraints = STYLE_CONSTRAINTS

    def __init__(
        self,
        *,
        method="moments",
        label_shift="em",
        target_domain=None,
        domain=None,
        unlabelled=-1,
        n_components=32,
        rank=32,
        critic_weight=0.3,
        cycle_weight=5.0,
        semantic_weight=1.0,
        weight_decay=0.01,
        max_epochs=40,
        lr=1e-3,
        batch_size=32,
        callbacks=None,
        device="auto",
        random_state=None,
        verbose=0,
        compile=False,
    ):
        self.method = method
        self.label_shift = label_shift
        self.target_domain = target_domain
        self.domain = domain
        self.unlabelled = unlabelled
        self.n_components = n_components
        self.rank = rank
        self.critic_weight = critic_weight
        self.cycle_weight = cycle_weight
        self.semantic_weight = semantic_weight
        self.weight_decay = weight_decay
        self.max_epochs = max_epochs
        self.lr = lr
        self.batch_size = batch_size
        self.callbacks = callbacks
        self.device = device
        self.random_state = random_state
        self.verbose = verbose
        self.compile = compile

    def fit(
        self,
        X: Any,
        y: ArrayLike | None = None,
        sample_domain: Sequence[Hashable] | None = None,
    ) -> "StyleTransfer":
        """Learn the target's style, and the way to it from each other domain.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows of all domains, for example log2(CPM + 1).
        y : array-like of shape (n_samples,), default=None
            Labels, missing where unknown; for class shares and the semantic loss.
        sample_domain : sequence of hashable of shape (n_samples,), default=None
            Domain of each row. Without it labelled rows are the source and unlabelled
            rows the target.

        Returns
        -------
        StyleTransfer
            Itself.

        Raises
        ------
        ValueError
            If there are several domains, but not one target among them.
        """
        self._fit(X, y, sample_domain)
        return self

    def fit_transform(
        self,
        X: Any,
        y: ArrayLike | None = None,
        sample_domain: Sequence[Hashable] | None = None,
    ) -> Any:
        """Fit, and give each row the target's style, from that of its own domain.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            As in `fit`.
        y : array-like of shape (n_samples,), default=None
            As in `fit`.
        sample_domain : sequence of hashable of shape (n_samples,), default=None
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            Rows in the target's style, or a DataFrame after ``set_output``.
        """
        names = self._fit(X, y, sample_domain)
        return self.transform(X, sample_domain=names)

    def transform(self, X: Any, sample_domain: Sequence[Hashable] | None = None) -> Any:
        """Give rows the target's style.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows in the units of their domain.
        sample_domain : sequence of hashable of shape (n_samples,), default=None
            Domain of each row; by default the target, whose rows do not change.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            Rows in the target's style, or a DataFrame after ``set_output``.

        Raises
        ------
        ValueError
            If a domain was not in the fit.
        """
        return self._translate(X, sample_domain, to_target=True)

    def inverse_transform(
        self, X: Any, sample_domain: Sequence[Hashable] | None = None
    ) -> NDArray:
        """Take rows in the target's style back to that of their domain.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows in the target's style.
        sample_domain : sequence of hashable of shape (n_samples,), default=None
            Whose style is wanted for each row; by default the target's.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            Exact inverse of `transform` for "moments", "coral" and "ot"; up to ties and
            rows beyond those of the fit for "quantile"; what the translator back makes
            of it for "cycada".
        """
        return self._translate(X, sample_domain, to_target=False)

    @_fit_context(prefer_skip_nested_validation=True)
    @transactional
    def _fit(self, X, y, sample_domain):
        """Fit, and return the domain of each row."""
        domains = resolve_domains(
            X,
            y,
            sample_domain,
            target_domain=self.target_domain,
            unlabelled=self.unlabelled,
            domain=self.domain,
            require_labels=False,
        )
        X = self._validated(domains.X, reset=True)
        seed = self._draw_seed()
        if len(domains.target_names) != 1:
            raise ValueError(
                "StyleTransfer needs one target domain; got "
                f"{list(domains.target_names)} of the domains {list(domains.names)}. "
                "Set target_domain."
            )
        self.domains_, self.target_domain_ = domains.names, domains.target_names[0]
        names = [domains.names[code] for code in domains.codes]
        labels = None
        if len(domains.classes_):
            labels = np.full(len(X), None, dtype=object)
            known = domains.is_labelled
            labels[known] = domains.classes_[domains.y[known]]
        self.scaler_ = DomainScaler(
            method="quantile" if self.method == "quantile" else "zscore",
            label_shift=self.label_shift if labels is not None else None,
            target_domain=[self.target_domain_],
        ).fit(X.astype(np.float64), labels, sample_domain=names)
        self._maps = None
        is_target = domains.is_target
        self.style_report_: dict[str, float] = {}
        if is_target.all():
            return names
        if self.method in (*COVARIANCE_MAPS, "cycada"):
            Z = np.empty(X.shape)
            for code in range(len(domains.names)):
                rows = domains.codes == code
                Z[rows] = self._standardised(X[rows], code)
        if self.method in COVARIANCE_MAPS:
            fit_map = COVARIANCE_MAPS[self.method]
            rng = np.random.default_rng([seed, 0])
            source = fit_covariance(Z[~is_target], rng)
            target = fit_covariance(Z[is_target], rng)
            self._maps = fit_map(source, target), fit_map(target, source)
        elif self.method == "cycada":
            self._fit_translators(Z, domains, seed)
        self._report(X, domains)
        return names

    def _fit_translators(self, Z, domains, seed):
        is_target = domains.is_target
        fewest = min(is_target.sum(), (~is_target).sum())
        if fewest < FEW_ROWS:
            warnings.warn(
                f"Source or target has {fewest} rows: method='cycada' wants {FEW_ROWS} "
                "of each, method='moments' fewer.",
                UserWarning,
                stacklevel=5,
            )
        rows = translation_rows(
            Z,
            domains,
            self.n_components,
            source_target_shares(self.scaler_, domains),
            seed,
        )
        self._directions, self._lengths = rows.directions, rows.lengths
        steps = max(MIN_STEPS_PER_EPOCH, -(-rows.per_pass // self.batch_size))
        parameters = {
            "n_components": len(rows.lengths),
            "n_classes": rows.n_classes,
            "rank": self.rank,
            "critic_weight": self.critic_weight,
            "cycle_weight": self.cycle_weight,
            "semantic_weight": self.semantic_weight,
            "n_steps": steps * self.max_epochs,
        }
        self._train(
            (CycleObjective, parameters),
            rows.batch,
            seed=seed,
            weight_decay=self.weight_decay,
            steps_per_epoch=steps,
            lr_schedule="cosine",
        )

    def _scores(self, Z):
        return Z @ self._directions.T / self._lengths

    def _standardised(self, X, code):
        marginal, place = self.scaler_.maps_[code], self.scaler_.placements_[code]
        return place.inverse_transform(marginal.transform(X))

    def _unstandardised(self, Z, code):
        marginal, place = self.scaler_.maps_[code], self.scaler_.placements_[code]
        return marginal.inverse_transform(place.transform(Z))

    def _translate(self, X, sample_domain, *, to_target):
        check_is_fitted(self, "scaler_")
        X, codes, new_names = resolve_query(
            X,
            sample_domain,
            names=self.domains_,
            default=self.target_domain_,
            domain=self.domain,
        )
        if new_names:
            raise ValueError(
                f"The domains {list(new_names)} were not in the fit, which had "
                f"{list(self.domains_)}: fit with their rows as well."
            )
        return self._restyle(self._validated(X, reset=False), codes, to_target)

    def _restyle(self, X, codes, to_target):
        restyled, target = X.copy(), self.domains_.index(self.target_domain_)
        for code in np.unique(codes[codes != target]):
            rows = codes == code
            start, end = (code, target) if to_target else (target, code)
            Z = self._standardised(X[rows].astype(np.float64), start)
            restyled[rows] = self._unstandardised(self._restyled(Z, to_target), end)
        return restyled

    def _restyled(self, Z, to_target):
        """Standardised rows in the other style."""
        if self._maps is not None:
            return self._maps[0 if to_target else 1].transform(Z)
        if self.method != "cycada":
            return Z
        objective = self._network()
        translator = objective.to_target if to_target else objective.to_source

        def moved(scores):
            return translator(scores) - scores

        change = self._apply(moved, self._scores(Z).astype(np.float32))
        return Z + change * self._lengths @ self._directions

    def _report(self, X, domains):
        restyled = self._restyle(X, domains.codes, to_target=True)
        target = domains.is_target
        if min(target.sum(), (~target).sum()) < 2:
            return
        self.style_report_ = {
            "a_distance_before": proxy_a_distance(X[~target], X[target]),
            "a_distance_after": proxy_a_distance(restyled[~target], X[target]),
            "gene_correlation": mean_correlation(X[~target], restyled[~target]),
        }

    def _validated(self, X: Any, reset: bool) -> NDArray:
        return validate_data(
            self, X, dtype=[np.float64, np.float32], order="C", reset=reset
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
