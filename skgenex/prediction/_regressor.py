"""Regressor which starts as a ridge regression and goes beyond where it pays."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils.validation import _check_sample_weight, validate_data

from .._base import TorchEstimator, transactional
from .._frames import check_same_order
from ._phenotype import PHENOTYPE_CONSTRAINTS, PhenotypeMixin
from .linear import fit_ridge


class PhenotypeRegressor(RegressorMixin, PhenotypeMixin, TorchEstimator):
    """Predict continuous phenotypes by a linear model and what a network adds to it.

    As `PhenotypeClassifier`, with ridge regression and squared errors: drug response,
    age, a pathway's activity. Several targets share a penalty and a network.

    Parameters
    ----------
    backend : {"auto", "network", "linear"}, default="auto"
        "auto" decides on held-out rows; the others force it. "linear" does not train
        the network.
    standardize : bool, default=True
        Whether to bring each gene to mean 0 and standard deviation 1 of the training
        rows, and clip at 10. Constant genes are ignored.
    emphasis : float or "auto", default="auto"
        How much genes count by their own association with the targets in the linear
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
        How much lower the network's held-out squared error is than that of the linear
        model, as a share of the latter; NaN if no network was trained.
    deep_gain_se_ : float
        Its standard error over the rows.
    emphasis_ : float
        The emphasis used.
    strength_ : float
        Penalty of the linear model, see `skgenex.prediction.linear.fit_ridge`.
    cv_score_ : float
        Held-out squared error of the linear model, as a share of the targets' variance.
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
    PhenotypeClassifier : The same for classes; has the references.

    References
    ----------
    Hastie & Tibshirani (2004), Efficient quadratic regularization for expression
    arrays, Biostatistics 5:329; Wolpert (1992), Stacked generalization, Neural Networks
    5:241 (learning from held-out outputs).

    Examples
    --------
    >>> from skgenex.datasets import load_leukemia
    >>> from skgenex.prediction import PhenotypeRegressor
    >>> X = load_leukemia(n_genes=300, return_X_y=True)[0]
    >>> genes, target = X[:, 1:], X[:, 0]
    >>> regressor = PhenotypeRegressor(random_state=0).fit(genes[::2], target[::2])
    >>> regressor.score(genes[1::2], target[1::2]) > 0.5
    True
    """

    _parameter_constraints = PHENOTYPE_CONSTRAINTS

    def __init__(
        self,
        *,
        backend="auto",
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
    ) -> "PhenotypeRegressor":
        """Fit the linear model, train the network, and choose.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Expression, for example log2(CPM + 1).
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets, in any unit.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        self : PhenotypeRegressor
            The fitted regressor.
        """
        check_same_order(X, y, "y", strict=False)
        rows, target = validate_data(
            self,
            X,
            y,
            dtype=np.float32,
            order="C",
            ensure_min_samples=2,
            multi_output=True,
            y_numeric=True,
        )
        weight = _check_sample_weight(
            sample_weight, rows, dtype=np.float64, ensure_non_negative=True
        )
        kept = weight > 0
        if not kept.all():
            rows, target, weight = rows[kept], target[kept], weight[kept]
        if len(rows) < 2:
            raise ValueError(
                "PhenotypeRegressor needs two rows or more, of positive weight; got "
                f"{len(rows)}."
            )
        self._is_single_output = target.ndim == 1
        target = np.asarray(target, dtype=np.float64).reshape(len(target), -1)
        mean = np.average(target, axis=0, weights=weight)
        sd = np.sqrt(np.average((target - mean) ** 2, axis=0, weights=weight))
        sd[sd <= 1e-12 * np.abs(mean)] = 1.0  # a constant target stays as it is
        target = (target - mean) / sd

        def fit_linear(rows, **how):
            return fit_ridge(rows, target, **how)

        self._fit_rows(
            rows,
            target,
            weight,
            loss="squared_error",
            fit_linear=fit_linear,
            to_units=lambda heldout: (mean, sd),
        )
        return self

    def predict(self, X: ArrayLike) -> NDArray:
        """Return predictions.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Expression, in the unit of the training data.

        Returns
        -------
        targets : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            In the unit and shape of the targets of the fit.
        """
        outputs = self._outputs(X).astype(np.float64)
        return outputs[:, 0] if self._is_single_output else outputs

    def __sklearn_tags__(self):
        """Say that several targets are possible."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
