"""Classifier on source rows rewritten in the style of the target."""

from collections.abc import Hashable, Sequence
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, _fit_context
from sklearn.metrics import accuracy_score
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import check_is_fitted, validate_data

from .._domains import resolve_domains, resolve_query
from .._seeding import draw_seed
from .._transaction import transactional
from ..prediction import PhenotypeClassifier
from ._style_transfer import STYLE_CONSTRAINTS, StyleTransfer
from .adaptation_rows import label_weights, warn_of_domains

_STYLE = (
    *("method", "label_shift", "n_components", "rank", "critic_weight"),
    *("cycle_weight", "semantic_weight", "weight_decay", "max_epochs", "lr"),
    *("batch_size", "callbacks", "device", "verbose", "compile"),
)


class CyCADAClassifier(ClassifierMixin, BaseEstimator):
    """Classify rows of a target domain by source rows rewritten in its style.

    A `StyleTransfer` brings all rows to the target's style; then a
    `skgenex.prediction.PhenotypeClassifier` learns from the restyled rows and the
    labelled rows of the target. The translators start at gene-wise moments and the
    classifier at logistic regression, so the untrained classifier is logistic
    regression on rows standardised by domain. Without domains and unlabelled rows it is
    the classifier alone.

    Parameters
    ----------
    method : {"cycada", "moments", "quantile", "coral", "ot"}, default="cycada"
        How rows are restyled.
    backend : {"auto", "network", "linear"}, default="auto"
        Of the classifier: whether a network corrects the regression.
    label_shift : {"em"} or None, default="em"
        See `StyleTransfer`.
    class_weight : dict, "balanced" or None, default="balanced"
        Weights of the classes; "balanced" gives each the same total.
    target_weight : float, default=0.2
        Least share of labelled target rows in the weight of all labelled rows.
    target_domain : hashable, default=None
        The domain to adapt to; None: the one without labels, or else with unlabelled
        rows.
    domain : hashable, default=None
        Column of a DataFrame ``X`` which holds the domains, in place of
        ``sample_domain``; it is removed.
    unlabelled : object, default=-1
        Label of rows without one; None, NaN and `pandas.NA` are so as well.
    n_components : int, default=32
        See `StyleTransfer`.
    rank : int, default=32
        See `StyleTransfer`.
    critic_weight : float, default=0.3
        See `StyleTransfer`.
    cycle_weight : float, default=5.0
        See `StyleTransfer`.
    semantic_weight : float, default=1.0
        See `StyleTransfer`.
    weight_decay : float, default=0.01
        Of the translators.
    max_epochs : int, default=40
        Of the translators.
    lr : float, default=1e-3
        Of the translators.
    batch_size : int, default=32
        Of the translators: rows of each domain per step.
    callbacks : list of skorch callbacks, default=None
        Of the translators; cloned for each fit.
    device : str or torch.device, default="auto"
        "auto" takes CUDA if there is one.
    random_state : int, RandomState instance or None, default=None
        Source of randomness of the fit.
    verbose : int, default=0
        0 is silent, 1 shows progress bars, 2 prints a line per epoch.
    compile : bool, default=False
        Train through `torch.compile`.

    Attributes
    ----------
    style_transfer_ : StyleTransfer
        The fitted translator.
    classifier_ : PhenotypeClassifier
        The fitted classifier of rows in the target's style.
    adaptation_report_ : dict
        ``style_report_`` of the translator, and ``backend`` of the classifier.
    classes_ : ndarray of shape (n_classes,)
        Labels.
    domains_ : tuple of hashable
        Domains of the fit.
    n_features_in_ : int
        Number of genes.
    feature_names_in_ : ndarray of shape (n_features,)
        Genes, if X had names.

    See Also
    --------
    DANNClassifier : Aligns features instead of rows.

    References
    ----------
    Hoffman et al. (2018), CyCADA: Cycle-Consistent Adversarial Domain Adaptation, ICML.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.datasets import make_expression
    >>> from skgenex.domain_adaptation import CyCADAClassifier
    >>> data = make_expression(
    ...     160, 60, n_domains=2, domain_shift=2.0, effect_size=2.0, random_state=0)
    >>> is_target = data.domain == 1
    >>> y = np.where(is_target, None, data.target)
    >>> model = CyCADAClassifier(max_epochs=3, random_state=0)
    >>> model = model.fit(data.data, y, sample_domain=data.domain)
    >>> model.score(data.data[is_target], data.target[is_target]) > 0.9
    True
    """

    __metadata_request__fit = {"sample_domain": True}
    __metadata_request__predict = {"sample_domain": True}
    __metadata_request__predict_proba = {"sample_domain": True}
    __metadata_request__decision_function = {"sample_domain": True}
    __metadata_request__score = {"sample_domain": True}

    _parameter_constraints = {
        **STYLE_CONSTRAINTS,
        "backend": [StrOptions({"auto", "network", "linear"})],
        "class_weight": [StrOptions({"balanced"}), dict, None],
        "target_weight": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
        *,
        method="cycada",
        backend="auto",
        label_shift="em",
        class_weight="balanced",
        target_weight=0.2,
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
        self.backend = backend
        self.label_shift = label_shift
        self.class_weight = class_weight
        self.target_weight = target_weight
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

    @_fit_context(prefer_skip_nested_validation=True)
    @transactional
    def fit(
        self,
        X: Any,
        y: ArrayLike,
        sample_domain: Sequence[Hashable] | None = None,
    ) -> "CyCADAClassifier":
        """Learn the translator, then the classifier.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows of all domains, for example log2(CPM + 1).
        y : array-like of shape (n_samples,)
            Labels; ``unlabelled`` or missing where unknown.
        sample_domain : sequence of hashable of shape (n_samples,), default=None
            Domain of each row. Without it labelled rows are the source and unlabelled
            ones the target, with a warning.

        Returns
        -------
        CyCADAClassifier
            Itself.

        Raises
        ------
        ValueError
            If there are labels of fewer than two classes, or several domains but not
            one target among them.
        """
        domains = resolve_domains(
            X,
            y,
            sample_domain,
            target_domain=self.target_domain,
            unlabelled=self.unlabelled,
            domain=self.domain,
        )
        X = validate_data(
            self, domains.X, dtype=np.float32, order="C", ensure_min_samples=2
        )
        self.classes_ = domains.classes_
        if len(self.classes_) < 2:
            raise ValueError(
                "CyCADAClassifier needs labels of two classes or more; got 1 class: "
                f"{self.classes_.tolist()}."
            )
        warn_of_domains(domains)
        seed = draw_seed(self.random_state)
        parameters = self.get_params(deep=False)
        self.domains_, self._default = domains.names, domains.default
        self.style_transfer_ = StyleTransfer(
            **{name: parameters[name] for name in _STYLE},
            target_domain=list(domains.target_names),
            random_state=seed,
        )
        names = [domains.names[code] for code in domains.codes]
        known = domains.is_labelled
        restyled = self.style_transfer_.fit_transform(X, domains.y_codes, names)
        codes = domains.y_codes[known]
        weight = np.zeros(len(X))
        weight[known] = compute_sample_weight(self.class_weight, self.classes_[codes])
        weight = label_weights(weight, domains, self.target_weight)
        self.classifier_ = PhenotypeClassifier(
            backend=self.backend,
            device=self.device,
            verbose=self.verbose,
            random_state=seed,
        ).fit(restyled[known], codes, sample_weight=weight[known])
        self.adaptation_report_ = {
            **self.style_transfer_.style_report_,
            "backend": self.classifier_.backend_,
        }
        return self

    def decision_function(
        self, X: Any, sample_domain: Sequence[Hashable] | None = None
    ) -> NDArray:
        """Return log-odds or logits.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows in the units of their domain.
        sample_domain : sequence of hashable of shape (n_samples,), default=None
            Domain of each row; by default the target.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            With two classes the log-odds of ``classes_[1]``; otherwise logits.
        """
        return self._classify("decision_function", X, sample_domain)

    def predict_proba(
        self, X: Any, sample_domain: Sequence[Hashable] | None = None
    ) -> NDArray:
        """Return probabilities of the classes.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows in the units of their domain.
        sample_domain : sequence of hashable of shape (n_samples,), default=None
            Domain of each row; by default the target.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        return self._classify("predict_proba", X, sample_domain)

    def predict(
        self, X: Any, sample_domain: Sequence[Hashable] | None = None
    ) -> NDArray:
        """Return the most probable class.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows in the units of their domain.
        sample_domain : sequence of hashable of shape (n_samples,), default=None
            Domain of each row; by default the target.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels.
        """
        codes = self._classify("predict", X, sample_domain)
        return self.classes_[codes]

    def score(
        self,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        sample_domain: Sequence[Hashable] | None = None,
    ) -> float:
        """Return the accuracy.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows in the units of their domain.
        y : array-like of shape (n_samples,)
            Labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        sample_domain : sequence of hashable of shape (n_samples,), default=None
            Domain of each row; by default the target.

        Returns
        -------
        float
            Share of rows predicted right.
        """
        predicted = self.predict(X, sample_domain)
        return accuracy_score(y, predicted, sample_weight=sample_weight)

    def _classify(self, what, X, sample_domain):
        check_is_fitted(self, "classifier_")
        X, codes, new_names = resolve_query(
            X,
            sample_domain,
            names=self.domains_,
            default=self._default,
            domain=self.domain,
        )
        X = validate_data(self, X, dtype=np.float32, order="C", reset=False)
        names = (*self.domains_, *new_names)
        restyled = self.style_transfer_.transform(X, [names[code] for code in codes])
        return getattr(self.classifier_, what)(restyled)
