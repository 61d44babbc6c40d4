"""Classifier that learns from one domain for another, by adversarial training."""

from collections.abc import Hashable, Sequence
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.metrics import accuracy_score
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import validate_data

from .._base import TorchEstimator, transactional
from .._domains import resolve_domains
from .._residuals import SomeRows
from ..prediction.linear import fit_logistic
from ._adaptation import ADAPTATION_CONSTRAINTS, AdaptationMixin
from ._search_space import log_uniform, search_space
from .adaptation_rows import warn_of_domains
from .adversarial import METHODS


class DANNClassifier(AdaptationMixin, ClassifierMixin, TorchEstimator):
    """Predict classes in a domain with few labels or none, learning from others.

    Each domain is standardised by itself, corrected for its class shares
    (`DomainScaler`); a ridge-type logistic regression on the labelled rows of all
    domains is the start, and hard to beat. A network on the leading components, whose
    features a critic cannot assign to domains, learns what the regression misses. It
    starts at zero, and a guard keeps it only where rows held out speak for it and the
    predicted class shares of the target are plausible: ``adaptation_report_`` says what
    was found and ``kept_`` what is used.

    Parameters
    ----------
    method : {"dann", "cdan", "deepcoral", "mmd", "none"}, default="dann"
        What makes the features of domains alike: a critic behind a gradient reversal,
        which with "cdan" sees them together with the predicted classes; the distance of
        covariances ("deepcoral") or of kernel means ("mmd"). "none" learns from
        labelled rows alone.
    adversarial_weight : float, default=0.3
        Weight of that against the labels' loss, reached along Ganin's ramp. Useful:
        0.01 to 3.
    scaling : {"zscore", "quantile", "coral", "combat", "ot", "source", "pooled"} or \
None, default="zscore"
        The first five standardise each domain by itself (`DomainScaler`); "source" and
        "pooled" use one scaler for all; None takes rows as they are.
    label_shift : {"em"} or None, default="em"
        Whether standardisation by domain accounts for different class shares.
    gene_weights : {"coexpression"} or None, default="coexpression"
        Whether standardisation by domain gives less weight to genes whose co-expression
        in the source and in the target disagrees (`DomainScaler`).
    target_weight : float, default=0.2
        Least share of the labels' total weight that labelled target rows get.
    entropy_weight : float, default=0.0
        Weight of the entropy of predictions for unlabelled rows. Useful: 0 to 0.3.
    label_smoothing : float, default=0.0
        Share of a label's weight that is spread over all classes.
    fallback : {"source"} or None, default="source"
        "source" compares linear model, network without and with adaptation on
        held-out labelled rows: those of the target if there are eight or more, else
        rows of the source, weighted by how likely they are in the target. None always
        uses the adapted network.
    class_weight : dict, "balanced" or None, default="balanced"
        Weights of the classes; the target's shares are not the source's.
    n_components : int, default=32
        Leading components within domains, which the network sees.
    n_members : int, default=1
        Networks whose outputs are averaged.
    n_hidden : int, default=32
        Units per layer.
    n_layers : int, default=2
        Hidden layers.
    dropout : float, default=0.3
        Share of hidden units dropped in training.
    batch_norm : bool, default=True
        Whether hidden layers are normalised by batch, each domain by its own
        statistics; else row by row.
    warm_start_from : pretrainer, FrozenEstimator or path-like, default=None
        A fitted `VIMEPretrainer` or `SubTabPretrainer`, its genes matched by name (by
        place without names): the network takes the latents of its encoder, which stays
        as it is, in place of leading components; not with ``scaling=None``. Within
        cross-validation wrap it in `sklearn.frozen.FrozenEstimator`, as cloning loses
        what was fitted. If it has seen the test rows, scores are transductive.
    weight_decay : float, default=0.01
        Of AdamW.
    max_epochs : int, default=40
        Epochs; one has at least 4 optimisation steps.
    lr : float, default=1e-3
        Learning rate of AdamW at the start; it falls to zero along a cosine.
    batch_size : int, default=32
        Rows of each domain per step.
    validation_fraction : float, default=0.25
        Share of labelled rows held out for the guard; the network that is kept is
        trained on all rows. With 0 the adapted network is kept.
    unlabelled : object, default=-1
        Label of rows without one; None, NaN and `pandas.NA` are so as well. It counts
        as a class if no domains are given and fewer than two other classes remain.
    target_domain : hashable or list of hashable, default=None
        The domains that matter; None: those without labels, or else those with
        unlabelled rows.
    domain : hashable, default=None
        Column of a DataFrame ``X`` which holds the domains, in place of
        ``sample_domain``.
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
        What predicts: the adapted network, the one trained on labelled rows alone, or
        the linear model.
    adaptation_report_ : dict
        ``kept``; ``judged_by``; held-out log-loss of each (``loss_linear``, ...); gain
        over what was kept before it, as a share, with its standard error; proxy
        A-distance before (component scores) and after (features); ``lost_genes``, the
        share of genes without co-expression in the target;
        ``target_shares_...`` that each network predicts for the target and those
        expected.
    classes_ : ndarray of shape (n_classes,)
        Labels; never ``unlabelled``.
    domains_ : tuple of hashable
        Domains of the fit.
    target_domains_ : tuple of hashable
        The targets among them.
    scaler_ : DomainScaler, StandardScaler or None
        Standardisation of the rows.
    net_ : ObjectiveNet
        The trained skorch net.
    history_ : list of dict
        Loss per epoch of the final training; empty for the linear model.
    gene_share_ : float
        Share of the genes of ``warm_start_from`` found in X; NaN without.
    n_iter_ : int
        Its epochs.
    n_features_in_ : int
        Number of genes.
    feature_names_in_ : ndarray of shape (n_features,)
        Genes, if X had names.

    See Also
    --------
    DomainScaler : The standardisation alone; with logistic regression, the baseline.
    DANNRegressor : The same for continuous phenotypes.

    References
    ----------
    Ganin et al. (2016), Domain-Adversarial Training of Neural Networks, JMLR 17:59;
    Long, Cao, Wang & Jordan (2018), Conditional Adversarial Domain Adaptation,
    NeurIPS; Sun & Saenko (2016), Deep CORAL; Chang et al. (2019), Domain-Specific Batch
    Normalization, CVPR.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.datasets import make_expression
    >>> from skgenex.domain_adaptation import DANNClassifier
    >>> data = make_expression(
    ...     200, 100, n_domains=2, domain_shift=2.0, effect_size=1.0, random_state=0)
    >>> is_target = data.domain == 1
    >>> y = np.where(is_target, None, data.target)
    >>> model = DANNClassifier(max_epochs=5, random_state=0)
    >>> model = model.fit(data.data, y, sample_domain=data.domain)
    >>> model.score(data.data[is_target], data.target[is_target]) > 0.8
    True
    """

    __metadata_request__predict_proba = {"sample_domain": True}
    __metadata_request__decision_function = {"sample_domain": True}

    _parameter_constraints = {
        **ADAPTATION_CONSTRAINTS,
        "method": [StrOptions(set(METHODS))],
        "entropy_weight": [Interval(Real, 0, None, closed="left")],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "class_weight": [StrOptions({"balanced"}), dict, None],
    }

    def __init__(
        self,
        *,
        method="dann",
        adversarial_weight=0.3,
        scaling="zscore",
        label_shift="em",
        gene_weights="coexpression",
        target_weight=0.2,
        entropy_weight=0.0,
        label_smoothing=0.0,
        fallback="source",
        class_weight="balanced",
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
        unlabelled=-1,
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
        self.label_shift = label_shift
        self.gene_weights = gene_weights
        self.target_weight = target_weight
        self.entropy_weight = entropy_weight
        self.label_smoothing = label_smoothing
        self.fallback = fallback
        self.class_weight = class_weight
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
    ) -> "DANNClassifier":
        """Learn from the rows of all domains.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows of all domains, for example log2(CPM + 1) or log2 intensities.
        y : array-like of shape (n_samples,)
            Labels; ``unlabelled`` or missing where unknown.
        sample_domain : sequence of hashable of shape (n_samples,), default=None
            Domain of each row. Without it labelled rows are the source and unlabelled
            ones the target, with a warning.

        Returns
        -------
        DANNClassifier
            Itself.

        Raises
        ------
        ValueError
            If there are labels of fewer than two classes, lengths differ, or a domain
            is missing or unknown.
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
        n_classes = len(domains.classes_)
        if n_classes < 2:
            raise ValueError(
                "DANNClassifier needs labels of two classes or more; got 1 class: "
                f"{domains.classes_.tolist()}."
            )
        warn_of_domains(domains)
        seed = self._draw_seed()
        self._remember(domains)
        self.classes_ = domains.classes_
        labels = np.full(len(X), None, dtype=object)
        labels[domains.is_labelled] = domains.classes_[domains.y[domains.is_labelled]]
        Z = self._fit_scaling(X, domains, labels)
        known, codes = domains.is_labelled, domains.y[domains.is_labelled]
        weight = np.zeros(len(X))
        weight[known] = compute_sample_weight(
            self.class_weight, domains.classes_[codes]
        )
        weight = self._label_weights(weight, domains)
        linear = fit_logistic(
            SomeRows(Z, np.flatnonzero(known)),
            codes,
            n_classes,
            sample_weight=weight[known],
            seed=seed,
        )
        target = np.zeros((len(X), n_classes))
        target[known] = np.eye(n_classes)[codes]
        self._fit_network(
            Z,
            domains,
            linear,
            target,
            weight,
            seed,
            loss="cross_entropy",
            entropy_weight=self.entropy_weight,
            label_smoothing=self.label_smoothing,
        )
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
        outputs = self._outputs(X, sample_domain)
        return outputs[:, 1] - outputs[:, 0] if outputs.shape[1] == 2 else outputs

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
        outputs = self._outputs(X, sample_domain)
        odds = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

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
        codes = self._outputs(X, sample_domain).argmax(axis=1)
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

    @classmethod
    def optuna_space(cls) -> dict[str, Any]:
        """Return Optuna distributions of the parameters worth a search.

        Returns
        -------
        dict of str to optuna.distributions.BaseDistribution
            For ``OptunaSearchCV`` or ``study.optimize``; without labels of the target
            choose by a score of `skgenex.model_selection`, and expect little.
        """
        return {**search_space(), "entropy_weight": log_uniform(1e-3, 0.3)}
