"""Classifier for few labelled and many unlabelled rows."""

import os
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin, _fit_context, clone
from sklearn.model_selection import StratifiedKFold
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import check_is_fitted, validate_data

from .._base import TORCH_CONSTRAINTS, TorchEstimator, transactional
from .._partial_labels import read_classes
from .._seeding import seeded
from .._training import restore_net
from ..prediction.solvers import softmax
from ._external import read_pretrainer, read_table, scaled_alone, shared_ids
from ._pretrainer import moments
from ._vime_pretrainer import VIMEPretrainer
from .finetune import FineTuneObjective
from .genes import match_genes, take_genes
from .losses import CONSISTENCIES
from .start import choose_start, signal_map

STEPS_PER_EPOCH = 4
N_FOLDS = 3
_NOT_OFFERED = {"validation_fraction", "patience", "warm_start"}


class VIMEClassifier(ClassifierMixin, TorchEstimator):
    """Predict classes from few labelled rows and many unlabelled ones.

    Logistic regressions on the genes, on the factors of all rows that stand out from
    noise, on both, and on the latents of a pretrained encoder are compared on held-out
    labelled rows; the best is the start of a network, which is fine-tuned on the labels
    and on the consistency of corrupted copies of unlabelled rows. Where fine-tuning
    does not lower the log-loss of held-out labelled rows by more than its standard
    error, the start is kept: ``backend_`` says.

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
    start : {"auto", "genes", "factors", "both", "latents"}, default="auto"
        The logistic regression that fine-tuning starts from; "auto" chooses.
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
    cv_scores_ : dict of str to float
        Held-out log-loss of each candidate.
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
    30:179.

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
        "warm_start_from": [HasMethods("transform"), str, os.PathLike, None],
        "X_unlabelled": "no_validation",
        "start": [StrOptions({"auto", "genes", "factors", "both", "latents"})],
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
        start="auto",
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
        table = read_table(self.X_unlabelled)
        self._refuse_shared(X, table)
        rows = validate_data(self, X, dtype=np.float32, order="C", ensure_min_samples=2)
        self.classes_, codes = read_classes(y, len(rows), self.unlabelled, False)
        if len(self.classes_) < 2:
            raise ValueError(
                "VIMEClassifier needs labelled rows of two classes or more; got "
                f"{len(self.classes_)} class: {self.classes_.tolist()}."
            )
        seed = self._draw_seed()
        mean, inverse = moments(rows)
        Z = np.clip((rows - mean) * inverse, -10, 10).astype(np.float32)
        cohort = np.zeros(len(Z), dtype=np.int64)
        if table is not None:
            further = self._read_further(table)
            Z = np.vstack([Z, further])
            cohort = np.r_[cohort, np.ones(len(further), dtype=np.int64)]
            codes = np.r_[codes, np.full(len(further), -1)]
        weight = np.zeros(len(Z))
        known = codes >= 0
        weight[known] = compute_sample_weight(
            self.class_weight, self.classes_[codes[known]]
        )
        encoder, parameters = self._new_encoder(Z, cohort, seed)
        data = Z, codes, weight, cohort
        factors = signal_map(Z, seed)
        latents = self._encode(encoder, parameters, Z, seed)
        objective = FineTuneObjective, self._objective_parameters(parameters)
        standardise = {
            "standardise.mean": mean,
            "standardise.inverse_scale": inverse,
        }
        weights, start = self._start_weights(
            data, known, factors, latents, encoder, standardise, seed
        )
        self.start_, self.cv_scores_ = start.name, start.cv_scores
        self.tuning_gain_ = self.tuning_gain_se_ = np.nan
        self.history_, self.n_iter_ = [], 0
        if self.backend == "auto":
            self._measure_gain(
                objective, data, factors, latents, encoder, standardise, seed
            )
        tunes = self.backend == "network" or self.tuning_gain_ > self.tuning_gain_se_
        self.backend_ = "network" if tunes else "linear"
        if tunes:
            self._tune(objective, weights, data, known, seed)
        else:
            with seeded(seed):
                net = restore_net(objective, weights, self._resolve_device())
            self.net_, self._objective = net, objective
        return self

    def _refuse_shared(self, X, table):
        shared = shared_ids(X, table)
        if shared:
            raise ValueError(
                f"X_unlabelled holds {len(shared)} samples of X, e.g. {shared[:3]}. "
                "Leave them out: rows of test folds would leak into the fit."
            )

    def _read_further(self, table):
        """Rows of another table, standardised by themselves, genes as in the fit."""
        names = getattr(self, "feature_names_in_", None)
        if names is not None and hasattr(table, "columns"):
            places, _ = match_genes(names, table.columns)
            rows = table.iloc[:, places[places >= 0]].to_numpy(dtype=np.float32)
            places[places >= 0] = np.arange(rows.shape[1])
        else:
            rows = np.asarray(table, dtype=np.float32)
            if rows.ndim != 2 or rows.shape[1] != self.n_features_in_:
                raise ValueError(
                    f"X_unlabelled must have the {self.n_features_in_} columns of X, "
                    f"or both must be DataFrames with names; got shape {rows.shape}."
                )
            places = np.arange(rows.shape[1])
        if not np.isfinite(rows).all():
            raise ValueError("X_unlabelled contains NaN or infinity; impute it first.")
        return take_genes(scaled_alone(rows, moments), places, 0.0)

    def _new_encoder(self, Z, cohort, seed):
        """Weights and parameters of the encoder, its genes in the order of the fit."""
        self.gene_share_ = np.nan
        if self.warm_start_from is not None:
            fitted = read_pretrainer(self.warm_start_from)
            weights, parameters = _parts(fitted)
            theirs = getattr(fitted, "feature_names_in_", None)
            ours = getattr(self, "feature_names_in_", None)
            projection = weights["encoder.projection.weight"]
            if theirs is not None and ours is not None:
                _, self.gene_share_ = match_genes(theirs, ours)
                where = {gene: i for i, gene in enumerate(theirs)}
                places = np.array([where.get(gene, -1) for gene in ours])
                # A gene that the pretrainer does not know says nothing to it.
                weights["encoder.projection.weight"] = take_genes(
                    projection, places, 0.0
                )
            elif projection.shape[1] != Z.shape[1]:
                raise ValueError(
                    f"warm_start_from knows {projection.shape[1]} genes and X has "
                    f"{Z.shape[1]}. Use DataFrames for both: genes are then matched by "
                    "name."
                )
            return weights, parameters
        pretrainer = clone(self.pretrainer or VIMEPretrainer(n_components=32))
        pretrainer.set_params(random_state=seed, device=self.device)
        if not self.pretrain:
            return _untrained_parts(pretrainer, Z, seed)
        # Too few rows to hold one out is no reason to warn twice.
        if len(Z) < 20:
            pretrainer.set_params(validation_fraction=0.0)
        pretrainer.fit(Z, sample_domain=cohort)
        return _parts(pretrainer)

    def _encode(self, weights, parameters, Z, seed):
        with seeded(seed):
            module = FineTuneObjective(
                Z.shape[1], **self._shape(parameters)
            ).encoder.eval()
        names = module.state_dict()
        module.load_state_dict(
            {name: torch.from_numpy(weights[f"encoder.{name}"]) for name in names}
        )
        with torch.no_grad():
            return module(torch.from_numpy(Z)).numpy()

    def _shape(self, parameters):
        n_layers = parameters["n_layers"] + 2
        frozen = self.freeze if isinstance(self.freeze, Integral) else 0
        return {
            "n_components": parameters["n_components"],
            "n_classes": len(self.classes_),
            "encoder": {k: parameters[k] for k in ("n_hidden", "n_layers", "dropout")},
            "corruption_rate": self.corruption_rate,
            "consistency_weight": self.consistency_weight,
            "consistency": self.consistency,
            "n_views": self.n_views,
            "n_ramp_steps": self.max_epochs * STEPS_PER_EPOCH // 3,
            "n_frozen": n_layers if self.freeze == "all" else int(frozen),
        }

    def _objective_parameters(self, parameters):
        return {"n_features": self.n_features_in_, **self._shape(parameters)}

    def _start_weights(self, data, rows, factors, latents, encoder, standardise, seed):
        """Weights of the network whose classifier was chosen on some labelled rows."""
        Z, codes, weight, _ = data
        start = choose_start(
            Z[rows],
            codes[rows],
            len(self.classes_),
            factors,
            latents[rows],
            sample_weight=weight[rows],
            seed=seed,
            name=None if self.start == "auto" else self.start,
        )
        given = {
            "linear.weight": start.linear[0],
            "linear.bias": start.linear[1],
            "head.weight": start.head[0],
            "head.bias": start.head[1],
            "step": np.zeros(()),
        }
        if self.freeze == "none" and self.backend == "network":
            given = {name: np.zeros_like(array) for name, array in given.items()}
        arrays = {**encoder, **standardise, **given}
        weights = {
            name: torch.tensor(np.asarray(array), dtype=torch.float32)
            for name, array in arrays.items()
        }
        return weights, start

    def _tune(self, objective, weights, data, rows, seed, **how):
        """Train from ``weights``; only the labels of ``rows`` are used."""
        Z, codes, weight, cohort = data
        label = np.where(rows, codes, -1)
        labelled, others = np.flatnonzero(rows), np.flatnonzero(codes < 0)
        # Labelled rows are repeated, to be half of each batch.
        repeats = max(1, len(others) // max(len(labelled), 1))
        kept = np.r_[np.repeat(labelled, repeats), others]
        self._train(
            objective,
            {
                "x": Z[kept],
                "label": label[kept],
                "weight": weight[kept].astype(np.float32),
                "cohort": cohort[kept],
            },
            seed=seed,
            initial_weights=weights,
            weight_decay=self.weight_decay,
            steps_per_epoch=STEPS_PER_EPOCH,
            lr_schedule="cosine",
            clip_norm=1.0,
            **how,
        )

    def _measure_gain(self, objective, data, factors, latents, encoder, fixed, seed):
        """Set the gain of fine-tuning on folds of the labelled rows."""
        Z, codes, weight, _ = data
        labelled = np.flatnonzero(codes >= 0)
        n_folds = min(N_FOLDS, int(np.bincount(codes[labelled]).min()))
        if n_folds < 2:
            return  # no class could spare a row
        folds = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
        gains = []
        for _, held in folds.split(labelled, codes[labelled]):
            held = labelled[held]
            rows = codes >= 0
            rows[held] = False
            weights, _ = self._start_weights(
                data, rows, factors, latents, encoder, fixed, seed
            )
            with seeded(seed):
                module = restore_net(objective, dict(weights), "cpu").module_
            before = _row_losses(module, Z[held], codes[held])
            self._tune(objective, weights, data, rows, seed, checkpoint_dir=None)
            after = _row_losses(self._network(), Z[held], codes[held])
            gains.append((before - after) * weight[held])
        gain = np.concatenate(gains)
        self.tuning_gain_ = float(gain.mean())
        self.tuning_gain_se_ = float(gain.std(ddof=1) / np.sqrt(len(gain)))

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


def _parts(pretrainer):
    """Return encoder weights, for rows that are standardised, and parameters."""
    module = pretrainer._network()
    weights = {
        f"encoder.{name}": tensor.detach().cpu().numpy().copy()
        for name, tensor in module.encoder.state_dict().items()
    }
    return weights, pretrainer._objective[1]


def _untrained_parts(pretrainer, Z, seed):
    """Return the same of an encoder where its training would start."""
    kind, parameters, given = pretrainer._new_objective(Z, seed)
    with seeded(seed):
        state = kind(**parameters).encoder.state_dict()
    weights = {f"encoder.{name}": tensor.numpy() for name, tensor in state.items()}
    return weights | {k: v for k, v in given.items() if k in weights}, parameters


def _row_losses(module, rows, codes):
    device = next(module.parameters()).device
    with torch.no_grad():
        logits = module.eval().logits(torch.from_numpy(rows).to(device))
        target = torch.from_numpy(codes).to(device)
        losses = torch.nn.functional.cross_entropy(logits, target, reduction="none")
    return losses.cpu().numpy().astype(np.float64)
