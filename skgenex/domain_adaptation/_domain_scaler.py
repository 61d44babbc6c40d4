"""Standardisation of each data set by itself, aware of different class shares."""

import warnings
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import (
    BaseEstimator,
    OneToOneFeatureMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted

from .._blocks import blocks
from .._domains import resolve_domains, resolve_query
from .._mapped import take, validate_by_blocks
from .._residuals import SomeRows
from .._seeding import draw_seed
from .._transaction import transactional
from .alignment import (
    COVARIANCE_MAPS,
    Affine,
    fit_combat,
    fit_covariance,
    fit_moments,
    fit_normal_scores,
    fit_shrunk_moments,
    standardised_rows,
)
from .class_shift import fit_class_shift
from .coexpression import gene_weights, lost_genes, thinned
from .label_shift import MIN_CLASS_ROWS

MIN_ROWS = 10  # of a domain, to be standardised by its own rows alone
CLIP = 10.0  # standard deviations
MANY_LOST = 0.3  # share of the genes that is worth a warning
LIKELY_SHIFT = 0.2  # difference of a class's share that is worth a warning
METHODS = ("zscore", "quantile", "coral", "combat", "ot")


class DomainScaler(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Standardise each domain by its own rows, corrected for its class shares.

    Between platforms and cohorts, most of what separates expression profiles is a
    shift and a scale of each gene. Standardising each domain by itself removes both,
    and is the baseline that any adaptation must beat. But a domain's mean also depends
    on its class shares: standardising a cohort with few ER-negative patients pulls
    these towards the ER-positive ones of other cohorts. With ``label_shift="em"`` the
    shares of each domain are estimated without its labels, and its mean and spread
    are those it would have with the shares of the source.

    Parameters
    ----------
    method : {"zscore", "quantile", "coral", "combat", "ot"}, default="zscore"
        How domains are made alike. "zscore": mean and standard deviation of each gene.
        "combat": the same, shrunk over genes by empirical Bayes. "quantile": each
        gene's quantiles to those of the normal distribution. "coral" and "ot":
        z-scores, then the target's covariance to the source's, by whitening and
        recolouring or by the least displacement.
    label_shift : {"em"} or None, default="em"
        Whether class shares are accounted for. It needs labels (at least five rows of
        each class in the source), and does nothing without them; None supposes that
        shares are equal, with a warning where they probably are not.
    gene_weights : {"coexpression"} or None, default=None
        With "coexpression" each gene is multiplied by the square root of how well its
        co-expression in the source agrees with that in the target
        (`integrative_correlation`): a ridge-type model that follows relies less on
        genes that do something else in the target, or are lost there.
    target_domain : hashable or list of hashable, default=None
        The domains to adapt to; None: those without labels, or else those with
        unlabelled rows.
    domain : hashable, default=None
        Column of a DataFrame ``X`` which holds the domains, in place of
        ``sample_domain``; it is removed.
    unlabelled : object, default=-1
        Label of rows without one; None, NaN and `pandas.NA` are so as well.
    random_state : int, RandomState instance or None, default=0
        Draws folds and bootstrap samples for ``label_shift``.

    Attributes
    ----------
    domains_ : tuple of hashable
        The domains of the fit.
    target_domains_ : tuple of hashable
        The targets among them.
    maps_ : list of Affine or NormalScores
        Standardisation of each domain.
    placements_ : list of Affine
        Mean and spread, in units of the source, that each domain's standardised rows
        are given; zero and one without label shift.
    covariance_maps_ : dict of LinearMap
        By target domain, for "coral" and "ot".
    gene_weights_ : ndarray of shape (n_features,)
        By which genes are multiplied, of mean square one; ones without
        ``gene_weights``, or without a source and a target.
    lost_genes_ : ndarray of bool of shape (n_features,)
        Genes with ``gene_weights`` that are co-expressed with others in the source and
        with none in the target; all False with fewer than 50 rows of either.
    classes_ : ndarray of shape (n_classes,)
        Labels of the fit; empty if class shares were not looked at.
    source_shares_ : ndarray of shape (n_classes,)
        Class shares of the labelled source rows, to which all domains are brought.
    class_shares_ : ndarray of shape (n_domains, n_classes)
        Shares of each domain: counted where all rows have labels, else estimated.
    class_share_errors_ : ndarray of shape (n_domains, n_classes)
        Bootstrap standard errors of the estimates; zero where counted.
    n_features_in_ : int
        Number of genes.
    feature_names_in_ : ndarray of shape (n_features,)
        Genes, if X had names.

    Notes
    -----
    Values are clipped to ±10 standard deviations. Domains with fewer than 10 rows use
    moments shrunk towards those of all domains, with a warning.

    `transform` gives new rows of a domain of the fit that domain's map; they change
    nothing. New domains are standardised by their own rows, at least 10.

    References
    ----------
    Saerens, Latinne & Decaestecker (2002), Neural Computation 14:21 (EM for class
    shares, here with free location and scale); Johnson, Li & Rabinovic (2007),
    Biostatistics 8:118 (ComBat); Sun, Feng & Saenko (2016), AAAI (CORAL); Peyré &
    Cuturi (2019), Computational Optimal Transport, Remark 2.31.

    Examples
    --------
    A cohort measured on another platform, and poor in the second class:

    >>> import numpy as np
    >>> from skgenex.datasets import make_expression
    >>> from skgenex.domain_adaptation import DomainScaler
    >>> data = make_expression(
    ...     300, 100, n_domains=2, domain_shift=2.0, effect_size=2.0,
    ...     weights=[[0.5, 0.5], [0.9, 0.1]], random_state=0)
    >>> y = np.where(data.domain == 0, data.target, None)
    >>> scaler = DomainScaler().fit(data.data, y, sample_domain=data.domain)
    >>> scaler.class_shares_.round(1)
    array([[0.5, 0.5],
           [0.9, 0.1]])
    """

    __metadata_request__fit = {"sample_domain": True}
    __metadata_request__transform = {"sample_domain": True}

    _parameter_constraints = {
        "method": [StrOptions(set(METHODS))],
        "label_shift": [StrOptions({"em"}), None],
        "gene_weights": [StrOptions({"coexpression"}), None],
        "target_domain": "no_validation",
        "domain": "no_validation",
        "unlabelled": "no_validation",
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        method="zscore",
        label_shift="em",
        gene_weights=None,
        target_domain=None,
        domain=None,
        unlabelled=-1,
        random_state=0,
    ):
        self.method = method
        self.label_shift = label_shift
        self.gene_weights = gene_weights
        self.target_domain = target_domain
        self.domain = domain
        self.unlabelled = unlabelled
        self.random_state = random_state

    def fit(
        self,
        X: Any,
        y: ArrayLike | None = None,
        sample_domain: Sequence[Hashable] | None = None,
    ) -> "DomainScaler":
        """Learn each domain's map.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows of all domains, in any units; log2(CPM + 1) or log2 intensities.
        y : array-like of shape (n_samples,), default=None
            Labels, used for class shares only; missing where unknown. A continuous
            target is not used.
        sample_domain : sequence of hashable of shape (n_samples,), default=None
            Domain of each row. Without it labelled rows are the source, unlabelled
            ones the target.

        Returns
        -------
        DomainScaler
            Itself.

        Raises
        ------
        ValueError
            If lengths differ, a domain is missing, or ``target_domain`` does not exist;
            for "coral" and "ot" also if there is no target.
        """
        self._fit(X, y, sample_domain)
        return self

    def fit_transform(
        self,
        X: Any,
        y: ArrayLike | None = None,
        sample_domain: Sequence[Hashable] | None = None,
    ) -> Any:
        """Fit, and standardise each row as of its own domain.

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
            Standardised rows, or a DataFrame after ``set_output``.
        """
        names = self._fit(X, y, sample_domain)
        return self.transform(X, sample_domain=names)

    def transform(self, X: Any, sample_domain: Sequence[Hashable] | None = None) -> Any:
        """Standardise new rows.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows in the units of their domain.
        sample_domain : sequence of hashable of shape (n_samples,), default=None
            Domain of each row; without it, and without the column ``domain``, the
            target.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            Standardised rows, or a DataFrame after ``set_output``.

        Raises
        ------
        ValueError
            If there is no single target and no domain is told, or a domain that the
            fit has not seen has fewer than 10 rows.
        """
        check_is_fitted(self)
        X, codes, new_names = resolve_query(
            X,
            sample_domain,
            names=self.domains_,
            default=self._default,
            domain=self.domain,
        )
        X = self._validated(X, reset=False)
        Z = np.empty_like(X)
        for code in np.unique(codes):
            rows = np.flatnonzero(codes == code)
            if code < len(self.domains_):
                standardise = self._standardiser(code)
            else:
                name = new_names[code - len(self.domains_)]
                standardise = self._new_standardiser(X[rows], name)
            for block in blocks(len(rows), X.shape[1]):
                part = standardise(take(X, rows[block])).clip(-CLIP, CLIP)
                Z[rows[block]] = part * self.gene_weights_
        return Z

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
            continuous=_is_continuous(y),
            require_labels=False,
        )
        X = self._validated(domains.X, reset=True)
        seed = draw_seed(self.random_state)
        rng = np.random.default_rng(seed)
        self.domains_, self.target_domains_ = domains.names, domains.target_names
        self._default = domains.default
        self._fit_maps(X, domains)
        Z = standardised_rows(X, domains.codes, self.maps_)
        self._fit_gene_weights(Z, domains, np.random.default_rng([seed, 1]))
        self._fit_shares(Z, domains, rng)
        self._fit_covariance_maps(Z, domains, rng)
        return [domains.names[code] for code in domains.codes]

    def _fit_maps(self, X, domains):
        """Each domain's own standardisation."""
        several = len(domains.names) > 1
        few = several and np.bincount(domains.codes).min() < MIN_ROWS
        if few or (several and self.method == "combat"):
            pooled = fit_moments(X, groups=domains.codes)
        self.maps_ = []
        for d, name in enumerate(domains.names):
            rows = SomeRows(X, np.flatnonzero(domains.codes == d))
            if len(rows) < MIN_ROWS and several:
                warnings.warn(
                    f"Domain {name!r} has {len(rows)} rows: its mean and spread are "
                    f"shrunk towards those of all domains. {MIN_ROWS} or more rows "
                    "are standardised by themselves.",
                    UserWarning,
                    stacklevel=5,
                )
                self.maps_.append(fit_shrunk_moments(_double(rows[:]), pooled))
            elif self.method == "combat" and several:
                self.maps_.append(fit_combat(_double(rows[:]), pooled))
            elif self.method == "quantile":
                self.maps_.append(fit_normal_scores(_double(rows[:])))
            else:
                self.maps_.append(fit_moments(rows))

    def _fit_gene_weights(self, Z, domains, rng):
        """How far genes do the same in source and target, each standardised."""
        self.gene_weights_ = np.ones(Z.shape[1])
        self.lost_genes_ = np.zeros(Z.shape[1], dtype=bool)
        target = domains.is_target
        if self.gene_weights is None or target.all() or not target.any():
            return
        source_rows, target_rows = (
            _double(Z[thinned(np.flatnonzero(rows))]) for rows in (~target, target)
        )
        self.gene_weights_ = gene_weights(source_rows, target_rows, rng)
        lost = lost_genes(source_rows, target_rows, rng)
        if lost is None:
            return
        self.lost_genes_ = lost
        if lost.mean() > MANY_LOST:
            warnings.warn(
                f"{lost.mean():.0%} of the genes are co-expressed with others in the "
                "source and with none in the target: is a cell type or a programme "
                "missing there? They count little; lost_genes_ tells which.",
                UserWarning,
                stacklevel=5,
            )

    def _fit_shares(self, Z, domains, rng):
        """Class shares of each domain, and where they place its rows."""
        n_domains, n_features = len(domains.names), Z.shape[1]
        identity = Affine(np.zeros(n_features), np.ones(n_features))
        self.placements_ = [identity] * n_domains
        self.classes_ = np.array([])
        self.source_shares_ = np.empty(0)
        self.class_shares_ = self.class_share_errors_ = np.empty((n_domains, 0))
        self._shift = None
        is_source = domains.is_labelled & ~domains.is_target
        if not is_source.any():
            is_source = domains.is_labelled
        n_classes = len(domains.classes_)
        if n_domains == 1 or n_classes < 2:
            return
        counts = np.bincount(domains.y[is_source], minlength=n_classes)
        if counts.min() < MIN_CLASS_ROWS:
            if self.label_shift is not None:
                rarest = domains.classes_[counts.argmin()]
                warnings.warn(
                    f"Class shares are not accounted for: class {str(rarest)!r} has "
                    f"{counts.min()} labelled rows in the source, {MIN_CLASS_ROWS} are "
                    "needed.",
                    UserWarning,
                    stacklevel=5,
                )
            return
        shift = fit_class_shift(Z, domains.y, domains.codes, is_source, rng)
        self.classes_, self.source_shares_ = domains.classes_, shift.source_shares
        self.class_shares_, self.class_share_errors_ = shift.shares, shift.errors
        if self.label_shift is None:
            self._warn_of_label_shift(domains.names)
        else:
            self._shift = shift
            self.placements_ = [shift.moments.at(share) for share in shift.shares]

    def _warn_of_label_shift(self, names):
        difference = np.abs(self.class_shares_ - self.source_shares_)
        certain = difference > 2 * self.class_share_errors_
        shifted = (certain & (difference > LIKELY_SHIFT)).any(axis=1)
        if shifted.any():
            listed = [name for name, s in zip(names, shifted, strict=True) if s]
            warnings.warn(
                f"Class shares of the domains {listed} probably differ by more than "
                f"{LIKELY_SHIFT} from the source's; standardising them by themselves "
                "removes class signal. Use label_shift='em'.",
                UserWarning,
                stacklevel=6,
            )

    def _fit_covariance_maps(self, Z, domains, rng):
        self.covariance_maps_ = {}
        if self.method not in COVARIANCE_MAPS or len(domains.names) == 1:
            return
        if not domains.target_names:
            raise ValueError(
                f"method={self.method!r} changes the target's covariance, but the "
                f"target is not known among {list(domains.names)}: set target_domain."
            )
        Z = Z[:]  # a copy
        for d, placement in enumerate(self.placements_):
            rows = domains.codes == d
            Z[rows] = placement.inverse_transform(Z[rows]).clip(-CLIP, CLIP)
        if domains.is_target.all():
            raise ValueError(
                f"method={self.method!r} needs a source, but all domains "
                f"{list(domains.names)} are targets."
            )
        source = fit_covariance(Z[~domains.is_target], rng)
        for name in domains.target_names:
            rows = domains.codes == domains.names.index(name)
            target = fit_covariance(Z[rows], rng)
            fit_map = COVARIANCE_MAPS[self.method]
            self.covariance_maps_[name] = fit_map(target, source)

    def _standardiser(self, code):
        """Return the map of rows of a domain of the fit."""
        marginal, placement = self.maps_[code], self.placements_[code]
        covariance_map = self.covariance_maps_.get(self.domains_[code])

        def standardise(X):
            Z = placement.inverse_transform(marginal.transform(X))
            return Z if covariance_map is None else covariance_map.transform(Z)

        return standardise

    def _new_standardiser(self, X, name):
        """Return an unseen domain's map: its own moments and class shares."""
        if len(X) < MIN_ROWS:
            raise ValueError(
                f"Domain {name!r} was not in the fit, and its {len(X)} rows are too "
                f"few to standardise it by itself: give at least {MIN_ROWS}, or one of "
                f"the domains {list(self.domains_)}."
            )
        X = _double(X)
        fit_map = fit_normal_scores if self.method == "quantile" else fit_moments
        marginal = fit_map(X)
        if self._shift is None:
            return marginal.transform
        Z = marginal.transform(X)
        shares, _ = self._shift.estimate(Z, np.random.default_rng(0))
        placement = self._shift.moments.at(shares)
        return lambda X: placement.inverse_transform(marginal.transform(X))

    def _validated(self, X: Any, reset: bool) -> NDArray:
        return validate_by_blocks(
            self, X, dtype=[np.float64, np.float32], order="C", reset=reset
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _double(X):
    return X.astype(np.float64, copy=False)


def _is_continuous(y):
    """Whether ``y`` is a continuous target, missing values aside."""
    if y is None:
        return False
    values = np.asarray(y, dtype=object).ravel()
    values = values[~np.asarray(pd.isna(values))]
    if any(isinstance(value, str) for value in values):
        return False
    try:
        values = values.astype(np.float64)
    except (TypeError, ValueError):
        return False
    return type_of_target(values).startswith("continuous") if len(values) else False
