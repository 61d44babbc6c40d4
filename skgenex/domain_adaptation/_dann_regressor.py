"""Regressor that learns from one domain for another, by adversarial training."""

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin, _fit_context
from sklearn.metrics import r2_score
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import validate_data

from .._base import TorchEstimator, transactional
from .._domains import resolve_domains
from .._residuals import SomeRows
from ..prediction.linear import fit_ridge
from ._adaptation import ADAPTATION_CONSTRAINTS, AdaptationMixin
from ._search_space import search_space
from .adaptation_rows import warn_of_domains
from .adversarial import METHODS


class DANNRegressor(AdaptationMixin, RegressorMixin, TorchEstimator):
    """Predict a continuous phenotype in a domain with few values or none.

    As `DANNClassifier`, from ridge regression on rows standardised by domain: for
    example the response of patients to a drug, from cell lines. The guard compares
    squared errors; there is no collapse alarm and no label shift to correct.

    Parameters
    ----------
    method : {"dann", "deepcoral", "mmd", "none"}, default="dann"
        See `DANNClassifier`.
    adversarial_weight : float, default=0.3
        See `DANNClassifier`.
    scaling : {"zscore", "quantile", "coral", "combat", "ot", "source", "pooled"} or \
None, default="zscore"
        See `DANNClassifier`.
    gene_weights : {"coexpression"} or None, default="coexpression"
        See `DANNClassifier`.
    target_weight : float, default=0.2
        See `DANNClassifier`.
    fallback : {"source"} or None, default="source"
        See `DANNClassifier`.
    n_components, n_members, n_hidden, n_layers : int
        See `DANNClassifier`.
    dropout, batch_norm : float, bool
        See `DANNClassifier`.
    warm_start_from : pretrainer, FrozenEstimator or path-like, default=None
        See `DANNClassifier`.
    weight_decay : float, default=0.01
        Of AdamW.
    max_epochs, lr, batch_size, validation_fraction : int, float, int, float
        See `DANNClassifier`.
    unlabelled : float, default=nan
        Value of rows without one; None, NaN and `pandas.NA` always are so.
    target_domain, domain : hashable, default=None
        See `DANNClassifier`.
    callbacks : list of skorch callbacks, default=None
        Cloned for each training.
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
    kept_ : {"adapted", "source", "linear"}
        What predicts.
    adaptation_report_ : dict
        As in `DANNClassifier`; losses are squared errors over the variance of ``y``.
    domains_, target_domains_ : tuple of hashable
        Domains of the fit, and the targets.
    scaler_ : DomainScaler, StandardScaler or None
        Standardisation of the rows.
    net_ : ObjectiveNet
        The trained skorch net.
    history_ : list of dict
        Loss per epoch of the final training.
    gene_share_ : float
        Share of the genes of ``warm_start_from`` found in X; NaN without.
    n_iter_ : int
        Its epochs.
    n_features_in_ : int
        Number of genes.
    feature_names_in_ : ndarray of shape (n_features,)
        Genes, if X had names.

    References
    ----------
    Ganin et al. (2016), Domain-Adversarial Training of Neural Networks, JMLR 17:59.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.domain_adaptation import DANNRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((80, 30))
    >>> y = X[:, 0] - X[:, 1]
    >>> X[40:] = 2 * X[40:] + 5
    >>> domain = np.repeat(["cell lines", "patients"], 40)
    >>> known = np.where(domain == "patients", np.nan, y)
    >>> model = DANNRegressor(max_epochs=5, random_state=0)
    >>> model = model.fit(X, known, sample_domain=domain)
    >>> model.score(X[40:], y[40:]) > 0.3
    True
    """

    _parameter_constraints = {
        **{k: v for k, v in ADAPTATION_CONSTRAINTS.items() if k != "label_shift"},
        "method": [StrOptions(set(METHODS) - {"cdan"})],
    }
    label_shift = None  # there are no classes whose shares could differ

    def __init__(
        self,
        *,
        method="dann",
        adversarial_weight=0.3,
        scaling="zscore",
        gene_weights="coexpression",
        target_weight=0.2,
        fallback="source",
        n_components=32,
        n_members=1,
        n_hidden=32,
        n_layers=2,
        dropout=0.3,
        batch_norm=True,
        warm_start_from=None,
        weight_decay=0.01,
        max_epochs=40,
        lr=1e-3,
        batch_size=32,
        validation_fraction=0.25,
        unlabelled=np.nan,
        target_domain=None,
        domain=None,
        callbacks=None,
        device="auto",
        random_state=None,
        verbose=0,
        compile=False,
    ):
        self.method = method
        self.adversarial_weight = adversarial_weight
        self.scaling = scaling
        self.gene_weights = gene_weights
        self.target_weight = target_weight
        self.fallback = fallback
        self.n_components = n_components
        self.n_members = n_members
        self.n_hidden = n_hidden
        self.n_layers = n_layers
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.warm_start_from = warm_start_from
        self.weight_decay = weight_decay
        self.max_epochs = max_epochs
        self.lr = lr
        self.batch_size = batch_size
        self.validation_fraction = validation_fraction
        self.unlabelled = unlabelled
        self.target_domain = target_domain
        self.domain = domain
        self.callbacks = callbacks
        self.device = device
        self.random_state = random_state
        self.verbose = verbose
        self.compile = compile

    @_fit_context(prefer_skip_nested_validation=True)
    @transactional
    def fit(
        self,
        X: Any,
        y: ArrayLike,
        sample_domain: Sequence[Hashable] | None = None,
    ) -> "DANNRegressor":
        """Learn from the rows of all domains.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows of all domains.
        y : array-like of shape (n_samples,)
            Values; missing where unknown.
        sample_domain : sequence of hashable of shape (n_samples,), default=None
            Domain of each row.

        Returns
        -------
        DANNRegressor
            Itself.

        Raises
        ------
        ValueError
            If no row has a value, lengths differ, or a domain is missing or unknown.
        """
        domains = resolve_domains(
            X,
            y,
            sample_domain,
            target_domain=self.target_domain,
            unlabelled=self.unlabelled,
            domain=self.domain,
            continuous=True,
        )
        X = validate_data(
            self, domains.X, dtype=np.float32, order="C", ensure_min_samples=2
        )
        warn_of_domains(domains)
        seed = self._draw_seed()
        self._remember(domains)
        Z = self._fit_scaling(X, domains, None)
        known = domains.is_labelled
        values = domains.y[known]
        mean, sd = values.mean(), values.std()
        sd = sd if sd > 1e-12 * abs(mean) and sd > 0 else 1.0
        target = np.zeros((len(X), 1))
        target[known, 0] = (values - mean) / sd
        weight = self._label_weights(known.astype(np.float64), domains)
        linear = fit_ridge(
            SomeRows(Z, np.flatnonzero(known)),
            target[known],
            sample_weight=weight[known],
            seed=seed,
        )
        self._fit_network(
            Z, domains, linear, target, weight, seed, loss="squared_error"
        )
        self.y_mean_, self.y_sd_ = float(mean), float(sd)
        return self

    def predict(
        self, X: Any, sample_domain: Sequence[Hashable] | None = None
    ) -> NDArray:
        """Return predicted values.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows in the units of their domain.
        sample_domain : sequence of hashable of shape (n_samples,), default=None
            Domain of each row; by default the target.

        Returns
        -------
        ndarray of shape (n_samples,)
            In the unit of ``y``.
        """
        outputs = self._outputs(X, sample_domain)[:, 0]
        return self.y_mean_ + self.y_sd_ * outputs

    def score(
        self,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        sample_domain: Sequence[Hashable] | None = None,
    ) -> float:
        """Return the coefficient of determination.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows in the units of their domain.
        y : array-like of shape (n_samples,)
            Values.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        sample_domain : sequence of hashable of shape (n_samples,), default=None
            Domain of each row; by default the target.

        Returns
        -------
        float
            R squared.
        """
        predicted = self.predict(X, sample_domain)
        return r2_score(y, predicted, sample_weight=sample_weight)

    @classmethod
    def optuna_space(cls) -> dict[str, Any]:
        """Return Optuna distributions of the parameters worth a search.

        Returns
        -------
        dict of str to optuna.distributions.BaseDistribution
            See `DANNClassifier.optuna_space`.
        """
        return search_space()
