"""Classifier for few labelled and many unlabelled rows."""

import warnings
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin, _fit_context, clone
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import check_is_fitted, validate_data

from .._base import TORCH_CONSTRAINTS, TorchEstimator, transactional
from .._frames import check_same_order
from .._partial_labels import read_classes
from .._residuals import gene_units
from .._seeding import seeded
from .._training import restore_net
from .._warm_start import WARM_START_CONSTRAINT, read_pretrainer
from ..prediction.solvers import softmax
from ._encoder_parts import matched_parts, trained_parts, untrained_parts
from ._external import read_further, read_table, refuse_shared
from ._fine_tuning import STEPS_PER_EPOCH, FineTuningMixin, Rows
from ._pretrainer import standardised
from ._vime_pretrainer import VIMEPretrainer
from .factors import explains, latent_map, signal_map
from .finetune import FineTuneObjective
from .losses import CONSISTENCIES
from .start import STARTS

_NOT_OFFERED = {"validation_fraction", "patience", "warm_start"}


class VIMEClassifier(ClassifierMixin, FineTuningMixin, TorchEstimator):
    """Predict classes from few labelled rows and many unlabelled ones.

    Logistic regressions are averaged: of the genes, of the genes emphasised by their
    association with the classes, of the factors of all rows, of those of
    ``X_unlabelled``, and of the latents of a pretrained encoder, the last three
    whitened by how neighbouring rows differ. Each counts by the probability that it
    gives to labels which it did not see (``start_weights_``). The predicted shares of
    the classes among all rows are brought nearer to those of the labels. This is the
    start of a network, which is fine-tuned on the labels and on the consistency of
    corrupted copies of unlabelled rows. Where fine-tuning does not lower the log-loss
    of held-out labelled rows by more than its standard error, the start is kept:
    ``backend_`` says.

    Parameters
    ----------
    pretrain : bool, default=True
        Pretrain an encoder on all rows given. In cross-validation these are the
        training rows, so nothing leaks. False starts the encoder at principal
        components. Ignored with ``warm_start_from``.
    pretrainer : VIMEPretrainer, default=None
        Cloned for ``pretrain``; None takes 32 components.
    warm_start_from : VIMEPretrainer, FrozenEstimator or path-like, default=None
        A fitted pretrainer, its genes matched by name (by place without names). Within
        cross-validation wrap it in `sklearn.frozen.FrozenEstimator`, as cloning loses
        what was fitted. If it has seen the test rows, scores are transductive.
    X_unlabelled : array-like, DataFrame or path-like, default=None
        Further rows without labels, such as another study: standardised by itself,
        genes matched by name. It may not hold samples of X, by the index.
    start : {"ensemble", "genes", "emphasised", "factors", "further", "latents", \
            "auto"}, default="ensemble"
        What fine-tuning starts from: the weighted mean of all logistic regressions;
        that of the genes; of the emphasised genes; of the factors of X; of those of
        ``X_unlabelled``; of the encoder's latents; or, with "auto", the one of the
        lowest held-out log-loss.
    backend : {"auto", "network", "linear"}, default="auto"
        "auto" decides on held-out rows whether to fine-tune; the others force it.
    freeze : {"linear_then_all", "all", "none"} or int, default="linear_then_all"
        "linear_then_all" starts at the linear solution and trains all layers; "all"
        keeps the encoder; "none" trains all layers, and with ``backend="network"`` from
        a classifier that is zero; an integer keeps so many layers of the encoder.
    consistency : {"probability", "logit"}, default="probability"
        Whether corrupted copies should agree in probabilities, or, as in the paper, in
        logits.
    consistency_weight : float, default=1.0
        Weight of the consistency, beta of the paper; it grows over the first third of
        the training.
    n_views : int, default=2
        Corrupted copies, K of the paper; 1 turns the consistency off.
    corruption_rate : float, default=0.2
        Probability that a value is replaced.
    unlabelled : object, default=-1
        Label of rows without one, besides None, NaN and `pandas.NA`.
    class_weight : "balanced", dict or None, default=None
        As in scikit-learn.
    weight_decay : float, default=0.01
        Of AdamW.
    max_epochs : int, default=20
        Epochs of fine-tuning, of four steps each, without early stopping.
    lr : float, default=1e-4
        Learning rate of AdamW.
    batch_size : int, default=64
        Rows per step.
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
    checkpoint_dir : str or path-like, default=None
        Folder for a checkpoint of the last training.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, without the mark of unlabelled rows.
    start_ : str
        The start used.
    start_weights_ : dict of str to float
        Weights of the logistic regressions in it.
    cv_scores_ : dict of str to float
        Held-out log-loss of each candidate, before shares are balanced.
    backend_ : {"network", "linear"}
        Whether the fine-tuned network predicts, or its start.
    tuning_gain_ : float
        How much fine-tuning lowers the log-loss of held-out labelled rows, per row; NaN
        if it was not measured.
    tuning_gain_se_ : float
        Its standard error over the rows.
    gene_share_ : float
        Share of the genes of ``warm_start_from`` found in X; NaN without.
    net_ : ObjectiveNet
        The skorch net.
    history_ : list of dict
        Losses per epoch of the last training.
    n_iter_ : int
        Its epochs.
    n_features_in_ : int
        Number of genes.
    feature_names_in_ : ndarray of shape (n_features,)
        Genes, if X had names.

    See Also
    --------
    VIMEPretrainer : The encoder.

    References
    ----------
    Yoon, Zhang, Jordon & van der Schaar (2020), VIME, NeurIPS, Eq. 7-9; Horn (1965), A
    rationale and test for the number of factors in factor analysis, Psychometrika
    30:179; He & Niyogi (2003), Locality preserving projections, NeurIPS; Zhu,
    Ghahramani & Lafferty (2003), Semi-supervised learning using Gaussian fields and
    harmonic functions, ICML, Sec. 4 (shares of the classes).

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.datasets import load_leukemia
    >>> from skgenex.self_supervision import VIMEClassifier
    >>> X, y = load_leukemia(n_genes=200, return_X_y=True)
    >>> few = np.full(len(y), None, dtype=object)
    >>> few[::8] = y[::8]
    >>> classifier = VIMEClassifier(pretrain=False, random_state=0).fit(X, few)
    >>> classifier.score(X[1::2], y[1::2]) > 0.8
    True
    """

    _parameter_constraints = {
        **{k: v for k, v in TORCH_CONSTRAINTS.items() if k not in _NOT_OFFERED},
        "pretrain": ["boolean"],
        "pretrainer": [VIMEPretrainer, None],
        "warm_start_from": WARM_START_CONSTRAINT,
        "X_unlabelled": "no_validation",
        "start": [StrOptions({"auto", *STARTS})],
        "backend": [StrOptions({"auto", "network", "linear"})],
        "freeze": [
            StrOptions({"linear_then_all", "all", "none"}),
            Interval(Integral, 0, None, closed="left"),
        ],
        "consistency": [StrOptions(set(CONSISTENCIES))],
        "consistency_weight": [Interval(Real, 0, None, closed="left")],
        "n_views": [Interval(Integral, 1, None, closed="left")],
        "corruption_rate": [Interval(Real, 0, 1, closed="both")],
        "unlabelled": "no_validation",
        "class_weight": [StrOptions({"balanced"}), dict, None],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        *,
        pretrain=True,
        pretrainer=None,
        warm_start_from=None,
        X_unlabelled=None,
        start="ensemble",
        backend="auto",
        freeze="linear_then_all",
        consistency="probability",
        consistency_weight=1.0,
        n_views=2,
        corruption_rate=0.2,
        unlabelled=-1,
        class_weight=None,
        weight_decay=0.01,
        max_epochs=20,
        lr=1e-4,
        batch_size=64,
        callbacks=None,
        device="auto",
        random_state=None,
        verbose=0,
        compile=False,
        checkpoint_dir=None,
    ):
        self.pretrain = pretrain
        self.pretrainer = pretrainer
        self.warm_start_from = warm_start_from
        self.X_unlabelled = X_unlabelled
        self.start = start
        self.backend = backend
        self.freeze = freeze
        self.consistency = consistency
        self.consistency_weight = consistency_weight
        self.n_views = n_views
        self.corruption_rate = corruption_rate
        self.unlabelled = unlabelled
        self.class_weight = class_weight
        self.weight_decay = weight_decay
        self.max_epochs = max_epochs
        self.lr = lr
        self.batch_size = batch_size
        self.callbacks = callbacks
        self.device = device
        self.random_state = random_state
        self.verbose = verbose
        self.compile = compile
        self.checkpoint_dir = checkpoint_dir

    @_fit_context(prefer_skip_nested_validation=True)
    @transactional
    def fit(self, X: ArrayLike, y: ArrayLike) -> "VIMEClassifier":
        """Choose the start, fine-tune, and keep what predicts held-out labels best.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Expression, for example log2(CPM + 1); all rows, labelled or not.
        y : array-like of shape (n_samples,)
            Labels; ``unlabelled``, None, NaN or `pandas.NA` where there is none.

        Returns
        -------
        self : VIMEClassifier
            The fitted classifier.
        """
        if y is None:
            raise ValueError(
                "VIMEClassifier requires y to be passed, but the target y is None."
            )
        check_same_order(X, y, "y", strict=False)
        table = read_table(self.X_unlabelled)
        refuse_shared(X, table)
        x = validate_data(self, X, dtype=np.float32, order="C", ensure_min_samples=2)
        self.classes_, codes = read_classes(y, len(x), self.unlabelled, False)
        if len(self.classes_) < 2:
            raise ValueError(
                "VIMEClassifier needs labelled rows of two classes or more; got "
                f"{len(self.classes_)} class: {self.classes_.tolist()}."
            )
        seed = self._draw_seed()
        mean, inverse = gene_units(x)
        x = standardised(x, mean, inverse)[:].astype(np.float32, copy=False)
        cohort = np.zeros(len(x), dtype=np.int64)
        names = getattr(self, "feature_names_in_", None)
        if table is not None:
            further = read_further(table, names, x.shape[1])
            x = np.vstack([x, further])
            cohort = np.r_[cohort, np.ones(len(further), dtype=np.int64)]
            codes = np.r_[codes, np.full(len(further), -1)]
        weight = np.zeros(len(x))
        known = codes >= 0
        weight[known] = compute_sample_weight(
            self.class_weight, self.classes_[codes[known]]
        )
        encoder, whitening = self._new_encoder(x, names, cohort, seed)
        factors = {"factors": signal_map(x[cohort == 0], seed)}
        if table is not None:
            further = signal_map(x[cohort == 1], seed)
            if self.start == "further" or explains(x[cohort == 0], further, seed):
                factors["further"] = further
            else:
                warnings.warn(
                    "The factors of X_unlabelled explain no more of X than with their "
                    "genes shuffled: they are not used. Is it the same kind of gene "
                    "names, and tissue?",
                    stacklevel=4,
                )
        latents = encoder.encode(x)
        if whitening is None:
            whitening = latent_map(latents)
        rows = Rows(x, codes, weight, cohort, latents, whitening, factors)
        objective = FineTuneObjective, self._objective_parameters(encoder)
        fixed = {
            name: torch.from_numpy(np.asarray(array, dtype=np.float32))
            for name, array in {
                **encoder.weights,
                "standardise.mean": mean,
                "standardise.inverse_scale": inverse,
            }.items()
        }
        own, start = self._fit_start(rows, known, seed)
        weights = fixed | own
        self.start_, self.cv_scores_ = start.name, start.cv_scores
        self.start_weights_ = start.weights
        self.tuning_gain_ = self.tuning_gain_se_ = np.nan
        self.history_, self.n_iter_ = [], 0
        if self.backend == "auto":
            self._measure_gain(objective, fixed, rows, seed)
        tunes = self.backend == "network" or self.tuning_gain_ > self.tuning_gain_se_
        self.backend_ = "network" if tunes else "linear"
        if tunes:
            self._tune(objective, weights, rows, known, seed)
        else:
            with seeded(seed):
                net = restore_net(objective, weights, self._resolve_device())
            self.net_, self._objective = net, objective
        return self

    def _new_encoder(self, x, names, cohort, seed):
        """Take the encoder given, or train one, its genes in the order of the fit.

        Also its `whitening_`; None if it is not trained.
        """
        self.gene_share_ = np.nan
        if self.warm_start_from is not None:
            fitted = read_pretrainer(self.warm_start_from)
            if not isinstance(fitted, VIMEPretrainer):
                raise TypeError(
                    "VIMEClassifier fine-tunes the encoder of a VIMEPretrainer; got "
                    f"{type(fitted).__name__}, which PhenotypeClassifier takes."
                )
            parts, self.gene_share_ = matched_parts(fitted, names, x.shape[1])
            return parts, fitted.whitening_
        pretrainer = clone(self.pretrainer or VIMEPretrainer(n_components=32))
        pretrainer.set_params(random_state=seed, device=self.device)
        if not self.pretrain:
            return untrained_parts(pretrainer, x, seed), None
        # Too few rows to hold one out is no reason to warn twice.
        if len(x) < 20:
            pretrainer.set_params(validation_fraction=0.0)
        table = x if names is None else pd.DataFrame(x, columns=names, copy=False)
        pretrainer.fit(table, sample_domain=cohort)
        return trained_parts(pretrainer), pretrainer.whitening_

    def _objective_parameters(self, encoder):
        n_layers = encoder.network["n_layers"] + 2
        frozen = self.freeze if isinstance(self.freeze, Integral) else 0
        return {
            "n_features": self.n_features_in_,
            "n_components": encoder.n_components,
            "n_classes": len(self.classes_),
            "encoder": encoder.network,
            "corruption_rate": self.corruption_rate,
            "consistency_weight": self.consistency_weight,
            "consistency": self.consistency,
            "n_views": self.n_views,
            "n_ramp_steps": self.max_epochs * STEPS_PER_EPOCH // 3,
            "n_frozen": n_layers if self.freeze == "all" else int(frozen),
        }

    def decision_function(self, X: ArrayLike) -> NDArray:
        """Return log-odds or logits.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Expression, in the unit of the training data.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
            With two classes the log-odds of ``classes_[1]``; otherwise a logit per
            class.
        """
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def predict_proba(self, X: ArrayLike) -> NDArray:
        """Return probabilities of the classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Expression, in the unit of the training data.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        return softmax(self._logits(X))

    def predict(self, X: ArrayLike) -> NDArray:
        """Return the most probable class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Expression, in the unit of the training data.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Of ``classes_``.
        """
        codes = self._logits(X).argmax(axis=1)
        return self.classes_[codes]

    def _logits(self, X: Any) -> NDArray:
        check_is_fitted(self, "net_")
        rows = validate_data(self, X, reset=False, dtype=np.float32, order="C")
        module: Any = self._network()
        return self._apply(lambda x: module.logits(module.standardise(x)), rows)
