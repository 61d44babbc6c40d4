"""Classifier which starts as a linear model and goes beyond where it pays."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, validate_data

from .._base import TorchEstimator, transactional
from .._frames import check_same_order
from ._phenotype import PHENOTYPE_CONSTRAINTS, PhenotypeMixin
from .calibration import fit_temperature
from .linear import fit_logistic
from .solvers import softmax


class PhenotypeClassifier(ClassifierMixin, PhenotypeMixin, TorchEstimator):
    """Predict classes of patients by a linear model and what a network adds to it.

    Genes are standardised. A ridge-type logistic regression, in which genes count by
    their own association with the classes, gets its penalty from held-out folds. A
    small ensemble of perceptrons, one per fold, then learns what the regression misses
    of rows that it did not see; it starts at zero, so that the untrained network *is*
    the regression, and each row is judged by the member that never saw it. Where the
    held-out log-loss does not fall by more than its standard error, the network is
    dropped: ``backend_`` says which is used. Probabilities are tempered to what the
    held-out rows, as few as they are, vouch for (``temperature_``).

    Parameters
    ----------
    backend : {"auto", "network", "linear"}, default="auto"
        "auto" decides on held-out rows; the others force it. "linear" does not train
        the network.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, as in scikit-learn. "balanced" gives each class the same
        total weight: choose it if balanced accuracy counts.
    standardize : bool, default=True
        Whether to bring each gene to mean 0 and standard deviation 1 of the training
        rows, and clip at 10. Constant genes are ignored.
    emphasis : float or "auto", default="auto"
        How much genes count by their own association with the classes in the linear
        model: they are multiplied by the square root of the F statistic to this power.
        0 gives ridge regression, 2 comes close to a sparse model; "auto" takes that of
        0, 1 and 2 which has the lowest held-out loss.
    n_folds : int, default=5
        Folds of the training rows, by which all is chosen; also the members of the
        ensemble.
    n_components : int, default=32
        Principal components that the network sees.
    n_members : int, default=4
        Perceptrons per fold.
    n_hidden : int, default=32
        Units per layer and member.
    n_layers : int, default=2
        Hidden layers.
    dropout : float, default=0.3
        Share of hidden units dropped in training.
    input_dropout : float, default=0.1
        Share of components dropped in training.
    warm_start_from : pretrainer, FrozenEstimator or path-like, default=None
        A fitted `VIMEPretrainer` or `SubTabPretrainer`, its genes matched by name (by
        place without names): the network takes the latents of its encoder, which stays
        as it is, in place of components. Within cross-validation wrap it in
        `sklearn.frozen.FrozenEstimator`, as cloning loses what was fitted. If it has
        seen the test rows, scores are transductive.
    weight_decay : float, default=0.1
        Of AdamW, for the network's weights.
    max_epochs : int, default=100
        Epochs at most; an epoch has at least 4 optimisation steps.
    lr : float, default=1e-3
        Learning rate of AdamW.
    batch_size : int, default=64
        Rows per step.
    patience : int or None, default=10
        Epochs without a lower held-out loss before training stops; None trains for
        ``max_epochs``.
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
        Folder for a checkpoint of the network's training, from which a killed fit goes
        on.

    Attributes
    ----------
    backend_ : {"network", "linear"}
        What predicts.
    deep_gain_ : float
        How much lower the network's held-out log-loss is than that of the linear model,
        as a share of the latter; NaN if no network was trained.
    deep_gain_se_ : float
        Its standard error over the rows.
    emphasis_ : float
        The emphasis used.
    strength_ : float
        Penalty of the linear model, see `skgenex.prediction.linear.fit_logistic`.
    cv_score_ : float
        Held-out log-loss of the linear model, rows weighted as in the fit.
    temperature_ : float
        What the logits were divided by; at least 1, see
        `skgenex.prediction.calibration.fit_temperature`. Does not change the classes
        predicted.
    classes_ : ndarray of shape (n_classes,)
        Labels.
    net_ : ObjectiveNet
        The fitted skorch net; see also `as_module`.
    history_ : list of dict
        Losses per epoch of the network; empty if none was trained.
    gene_share_ : float
        Share of the genes of ``warm_start_from`` found in X; NaN without.
    n_iter_ : int
        Epochs of the network.
    n_features_in_ : int
        Number of genes.
    feature_names_in_ : ndarray of shape (n_features,)
        Genes, if X had names.

    See Also
    --------
    PhenotypeRegressor : The same for continuous phenotypes.

    Notes
    -----
    Rows of weight zero are left out. A class with fewer rows than folds is missing from
    the training rows of some fold; its held-out losses are then large.

    References
    ----------
    Hastie & Tibshirani (2004), Efficient quadratic regularization for expression
    arrays, Biostatistics 5:329; Wolpert (1992), Stacked generalization, Neural Networks
    5:241 (learning from held-out outputs); Gorishniy, Kotelnikov & Babenko (2025),
    TabM, ICLR (ensembles in one network); Hanczar, Bourgeais & Zehraoui (2022),
    Assessment of deep learning and transfer learning for cancer prediction based on
    gene expression data, BMC Bioinformatics 23:262 (from which size it pays).

    Examples
    --------
    >>> from skgenex.datasets import load_leukemia
    >>> from skgenex.prediction import PhenotypeClassifier
    >>> X, y = load_leukemia(n_genes=300, return_X_y=True)
    >>> classifier = PhenotypeClassifier(random_state=0).fit(X[::2], y[::2])
    >>> classifier.score(X[1::2], y[1::2]) > 0.9
    True
    >>> classifier.backend_ in ("network", "linear")
    True
    """

    _parameter_constraints = {
        **PHENOTYPE_CONSTRAINTS,
        "class_weight": [StrOptions({"balanced"}), dict, None],
    }

    def __init__(
        self,
        *,
        backend="auto",
        class_weight=None,
        standardize=True,
        emphasis="auto",
        n_folds=5,
        n_components=32,
        n_members=4,
        n_hidden=32,
        n_layers=2,
        dropout=0.3,
        input_dropout=0.1,
        warm_start_from=None,
        weight_decay=0.1,
        max_epochs=100,
        lr=1e-3,
        batch_size=64,
        patience=10,
        callbacks=None,
        device="auto",
        random_state=None,
        verbose=0,
        compile=False,
        checkpoint_dir=None,
    ):
        self.backend = backend
        self.class_weight = class_weight
        self.standardize = standardize
        self.emphasis = emphasis
        self.n_folds = n_folds
        self.n_components = n_components
        self.n_members = n_members
        self.n_hidden = n_hidden
        self.n_layers = n_layers
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.warm_start_from = warm_start_from
        self.weight_decay = weight_decay
        self.max_epochs = max_epochs
        self.lr = lr
        self.batch_size = batch_size
        self.patience = patience
        self.callbacks = callbacks
        self.device = device
        self.random_state = random_state
        self.verbose = verbose
        self.compile = compile
        self.checkpoint_dir = checkpoint_dir

    @_fit_context(prefer_skip_nested_validation=True)
    @transactional
    def fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> "PhenotypeClassifier":
        """Fit the linear model, train the network, and choose.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Expression, for example log2(CPM + 1).
        y : array-like of shape (n_samples,)
            Labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows; they multiply those of the classes.

        Returns
        -------
        self : PhenotypeClassifier
            The fitted classifier.
        """
        check_same_order(X, y, "y", strict=False)
        rows, labels = validate_data(
            self, X, y, dtype=np.float32, order="C", ensure_min_samples=2
        )
        check_classification_targets(labels)
        weight = _check_sample_weight(
            sample_weight, rows, dtype=np.float64, ensure_non_negative=True
        )
        kept = weight > 0
        if not kept.all():
            rows, labels, weight = rows[kept], labels[kept], weight[kept]
        self.classes_, codes = np.unique(labels, return_inverse=True)
        n_classes = len(self.classes_)
        if n_classes < 2:
            raise ValueError(
                "PhenotypeClassifier needs rows of two classes or more, of positive "
                f"weight; got {n_classes} class: {self.classes_.tolist()}."
            )
        if self.class_weight is not None:
            weight = weight * compute_sample_weight(self.class_weight, labels)

        def fit_linear(rows, **how):
            return fit_logistic(rows, codes, n_classes, **how)

        def to_units(heldout):
            self.temperature_ = fit_temperature(heldout, codes, weight)
            return 0.0, 1 / self.temperature_

        self._fit_rows(
            rows,
            np.eye(n_classes)[codes],
            weight,
            loss="cross_entropy",
            fit_linear=fit_linear,
            to_units=to_units,
        )
        return self

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
        logits = self._outputs(X)
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
        return softmax(self._outputs(X))

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
        codes = self._outputs(X).argmax(axis=1)
        return self.classes_[codes]
