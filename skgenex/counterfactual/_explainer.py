"""CounterfactualExplainer."""

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import TransformerMixin, _fit_context, clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import (
    _check_feature_names_in,
    check_is_fitted,
    validate_data,
)

from .._base import TORCH_CONSTRAINTS, TorchEstimator, transactional
from .._frames import check_same_order, validate_rows
from ._explain import explain_rows, limits_of
from ._generator import fit_generator
from ._options import check_gradients, check_options, classes_of
from ._result import Explanations
from .model import (
    BlackBoxModel,
    DifferentiableModel,
    adapt,
    all_scores,
    is_fitted,
    predicts_values,
)
from .reference import Reference
from .searches import SEARCHES
from .searches.learned import generate
from .targets import goals_of_classes

NEED_CLASSES = ("learned", "diffusion")
# Of the median log-odds of real target patients, to reach: the further, the more
# plausible; each bit of margin costs "sparse" genes.
SHARE_OF_MEDIAN = {"natural": 2 / 3, "learned": 2 / 3, "sparse": 1 / 3}
N_VERIFIED = 200  # training rows on which a rebuilt model must equal the original


class CounterfactualExplainer(TransformerMixin, TorchEstimator):
    r"""Smallest plausible changes of patients that flip a frozen model's prediction.

    The model is never trained further nor touched. Changes are searched in standard
    deviations of the training rows; what is smallest is measured by a shrunk covariance
    in factor form, so that correlated genes move together.

    Parameters
    ----------
    estimator : estimator or torch.nn.Module, default=None
        The model to explain. A fitted estimator, and any module, is used as it is; an
        unfitted one is cloned and fitted in ``fit``. `sklearn.base.clone` makes a
        fitted estimator unfitted: wrap it in `sklearn.frozen.FrozenEstimator` to keep
        it through cross-validation. Torch modules, skorch nets, the package's
        predictors, linear models and perceptrons of scikit-learn, alone or after
        scalers, selectors and PCA, are differentiated; anything else with
        ``predict_proba``, ``decision_function`` or, for values, ``predict`` is asked
        as a black box. None: logistic regression on standardised genes.
    method : str, default="natural"
        The search. ``"natural"``: along the covariance times the gradient.
        ``"learned"``: a generator network, trained against the model, gives the
        direction of each patient in one pass. ``"gradient"``: Wachter et al.'s
        distance and growing weight. ``"sparse"``: few genes. ``"prototype"``: towards
        real target patients. ``"pareto"``: the best compromise of a front of four
        objectives. ``"diffusion"``: patients are noised partway and denoised under the
        target class by ``prior``, guided by the model. Who does not arrive is tried
        again by "natural" and "prototype"; ``Explanations.search`` tells.
    covariance : {"total", "within", "identity"}, default="total"
        Metric of changes: covariance of all training rows, of rows around the mean of
        their predicted class, or none.
    tempering : float, default=1.0
        Exponent of the covariance: 1 moves along :math:`S \nabla f`, 0 along the plain
        gradient.
    class_shift : float, default=0.75
        Weight, in [0, 1], of the difference of the mean patients predicted as target
        and as origin, in the direction of "natural" and "learned". 0 leaves the
        covariance and the gradient alone.
    roughness : float, default=1.0
        How rough the changes of "natural", "learned" and "diffusion" shall be, relative
        to differences of real patients, by turning the part of each patient that the
        covariance does not describe (noise, as far as the training rows tell). 0 does
        not touch this part: the smallest change, which is smoother than real ones.
    confidence : float, default=None
        Probability of the target, against the best other class, to reach; in
        [0.5, 1). None: a share of the median log-odds of the training patients
        predicted as the target: two thirds with "natural" and "learned", a third with
        "sparse", for which every bit of margin costs genes, half with the others.
    max_genes : int, default=None
        With ``method="sparse"``: the most genes that may change in any patient.
    n_drivers : int, default=None
        With ``method="natural"``: so many genes per patient are moved, all others
        follow their expectation given these.
    followers : mapping of gene to genes, default=None
        With ``n_drivers``: who may follow each driver, e.g. a regulator's targets. None
        lets all genes follow.
    immutable : list of genes or mask of shape (n_features,), default=None
        Genes, by name, position or boolean mask, that never change.
    direction : mapping of gene to {"up", "down"}, default=None
        Genes that may only rise or fall.
    bounds : {"training"}, mapping of gene to (lower, upper) or None, default="training"
        Range of the genes: that of the training rows, a range for each gene named, in
        the unit of the data, or none. Patients beyond may stay where they are.
    non_negative : "auto" or bool, default="auto"
        Whether expression cannot fall below 0; "auto" if no training value does.
    max_steps : int, default=6
        Steps of "natural", twentieths of the steps of "gradient" per weight.
    time_limit : float, default=None
        Seconds for one call of ``explain``, after which patients go to their
        prototype.
    max_predictions : int, default=300
        Predictions per patient asked of a black box by each search.
    diverse : int, default=None
        With ``method="pareto"``: so many far-apart members of each front.
    prior : callable, default=None
        With ``method="diffusion"``: called as ``prior(X, y=classes, strength=t,
        random_state=seed)`` with t in (0, 1], it draws patients anew under the classes,
        all of them that t makes noise. ``functools.partial(skgenex.generation.edit,
        sampler, keep=[])`` makes one of a fitted `skgenex.generation.DiffusionSampler`.
    n_hidden : int, default=64
        Units per layer of the generator.
    n_layers : int, default=1
        Hidden layers of the generator.
    dropout : float, default=0.0
        Dropout of the generator.
    max_epochs : int, default=100
        Epochs of the generator.
    lr : float, default=3e-3
        Its learning rate.
    batch_size : int, default=64
        Its rows per step.
    callbacks : list, default=None
        Skorch callbacks of its training.
    device : str or torch.device, default="auto"
        Where model and generator compute.
    random_state : int, RandomState instance or None, default=None
        Seed of the generator, of draws and signs.
    verbose : int, default=0
        Above 0 shows progress bars.

    Attributes
    ----------
    estimator_ : estimator or torch.nn.Module
        The fitted model.
    model_ : object
        The same as one function, ``model_.scores(tensor)``; ``model_.differentiable``
        tells whether gradients exist.
    classes_ : ndarray of shape (n_classes,)
        Labels; None where the model predicts values.
    scale_ : ndarray of shape (n_features,)
        Standard deviation of each gene in the training rows; 0 for constant genes.
    reference_ : Reference
        Covariance and prototypes.
    n_features_in_ : int
        Number of genes.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the genes, if X had string column names.

    References
    ----------
    Wachter, Mittelstadt, Russell (2017). Counterfactual explanations without opening
    the black box. Harvard Journal of Law & Technology 31:841.

    Van Looveren, Klaise (2021). Interpretable counterfactual explanations guided by
    prototypes. ECML PKDD.

    Jeanneret, Simon, Jurie (2022). Diffusion models for counterfactual explanations.
    ACCV.

    Dandl, Molnar, Binder, Bischl (2020). Multi-objective counterfactual explanations.
    PPSN.

    Haufe et al. (2014). On the interpretation of weight vectors of linear models in
    multivariate neuroimaging. NeuroImage 87:96.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skgenex.counterfactual import CounterfactualExplainer
    >>> from skgenex.datasets import load_leukemia
    >>> X, y = load_leukemia(n_genes=100, as_frame=True, return_X_y=True)
    >>> explainer = CounterfactualExplainer(
    ...     LogisticRegression(C=0.01), random_state=0).fit(X, y)
    >>> explanations = explainer.explain(X[:5])
    >>> explanations.status.tolist()
    ['valid', 'valid', 'valid', 'valid', 'valid']
    """

    _parameter_constraints = {
        "estimator": [HasMethods(["fit"]), torch.nn.Module, None],
        "method": [StrOptions(set(SEARCHES))],
        "covariance": [StrOptions({"total", "within", "identity"})],
        "tempering": [Interval(Real, 0, 1, closed="both")],
        "class_shift": [Interval(Real, 0, 1, closed="both")],
        "roughness": [Interval(Real, 0, None, closed="left")],
        "confidence": [Interval(Real, 0.5, 1, closed="left"), None],
        "max_genes": [Interval(Integral, 1, None, closed="left"), None],
        "n_drivers": [Interval(Integral, 1, None, closed="left"), None],
        "followers": [Mapping, None],
        "immutable": ["array-like", None],
        "direction": [Mapping, None],
        "bounds": [StrOptions({"training"}), Mapping, None],
        "non_negative": ["boolean", StrOptions({"auto"})],
        "max_steps": [Interval(Integral, 1, None, closed="left")],
        "time_limit": [Interval(Real, 0, None, closed="neither"), None],
        "max_predictions": [Interval(Integral, 150, None, closed="left")],
        "diverse": [Interval(Integral, 1, None, closed="left"), None],
        "prior": [callable, None],
        "n_hidden": [Interval(Integral, 1, None, closed="left")],
        "n_layers": [Interval(Integral, 0, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        **{
            name: TORCH_CONSTRAINTS[name]
            for name in ("max_epochs", "lr", "batch_size", "callbacks", "device",
                         "random_state", "verbose")
        },
    }  # fmt: skip

    def __init__(
        self,
        estimator=None,
        *,
        method="natural",
        covariance="total",
        tempering=1.0,
        class_shift=0.75,
        roughness=1.0,
        confidence=None,
        max_genes=None,
        n_drivers=None,
        followers=None,
        immutable=None,
        direction=None,
        bounds="training",
        non_negative="auto",
        max_steps=6,
        time_limit=None,
        max_predictions=300,
        diverse=None,
        prior=None,
        n_hidden=64,
        n_layers=1,
        dropout=0.0,
        max_epochs=100,
        lr=3e-3,
        batch_size=64,
        callbacks=None,
        device="auto",
        random_state=None,
        verbose=0,
    ):
        self.estimator = estimator
        self.method = method
        self.covariance = covariance
        self.tempering = tempering
        self.class_shift = class_shift
        self.roughness = roughness
        self.confidence = confidence
        self.max_genes = max_genes
        self.n_drivers = n_drivers
        self.followers = followers
        self.immutable = immutable
        self.direction = direction
        self.bounds = bounds
        self.non_negative = non_negative
        self.max_steps = max_steps
        self.time_limit = time_limit
        self.max_predictions = max_predictions
        self.diverse = diverse
        self.prior = prior
        self.n_hidden = n_hidden
        self.n_layers = n_layers
        self.dropout = dropout
        self.max_epochs = max_epochs
        self.lr = lr
        self.batch_size = batch_size
        self.callbacks = callbacks
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    @transactional
    def fit(
        self, X: ArrayLike, y: ArrayLike | None = None
    ) -> "CounterfactualExplainer":
        """Learn the reference distribution and, where needed, model and generator.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows, e.g. in log2(CPM + 1).
        y : array-like of shape (n_samples,), default=None
            Their labels or values; needed by an unfitted estimator.

        Returns
        -------
        CounterfactualExplainer
            The fitted explainer.
        """
        check_options(self)
        estimator = self._estimator_or_default()
        unfitted = not is_fitted(estimator)
        if unfitted and y is None:
            raise ValueError(
                "CounterfactualExplainer requires y to be passed, but the target y is "
                "None: its estimator is not fitted. A fitted estimator loses its fit "
                "when it is cloned; wrap it in sklearn.frozen.FrozenEstimator."
            )
        check_same_order(X, y, "y", strict=False)
        rows: Any = validate_data(
            self, X, dtype=np.float64, order="C", ensure_min_samples=2
        )
        if unfitted:
            estimator = clone(estimator).fit(X if hasattr(X, "columns") else rows, y)
        self.estimator_ = estimator
        self._seed = self._draw_seed()
        self._model = adapt(estimator, rows[:N_VERIFIED], self._resolve_device())
        check_gradients(self, self._model)
        self._predicts_values = predicts_values(estimator)
        if self._predicts_values and self.method in NEED_CLASSES:
            raise ValueError(
                f'method="{self.method}" needs classes; for values use "natural".'
            )
        outputs = all_scores(self._model, rows)
        groups = np.zeros(len(rows), dtype=np.int64)
        self.classes_ = self._goals = None
        if not self._predicts_values:
            groups = outputs.argmax(axis=1)
            self.classes_ = classes_of(estimator, outputs.shape[1], y)
            self._goals = goals_of_classes(
                outputs,
                groups,
                self.confidence,
                SHARE_OF_MEDIAN.get(self.method, 1 / 2),
            )
        elif outputs.shape[1] != 1:
            raise ValueError(
                f"The estimator must predict one value per row; got {outputs.shape[1]}."
            )
        self.reference_ = Reference(
            rows, outputs, groups, self.covariance, np.random.default_rng(self._seed)
        )
        self.scale_ = self.reference_.deviation
        limits_of(self, rows[:1])  # raises on genes that do not exist
        if self.method == "learned":
            fit_generator(self, self._model, groups)
        elif hasattr(self, "net_"):
            del self.net_, self.history_, self.n_iter_
        return self

    def explain(self, X: ArrayLike, target: Any = None) -> Explanations:
        """Search counterfactuals of patients.

        Parameters
        ----------
        X : array-like of shape (n_patients, n_features)
            Patients, in the unit of the training rows.
        target : object, default=None
            Of classifiers: ``"opposite"`` (of two classes), ``"runner-up"`` (the class
            with the second-best score; None means this), a class, or one for each
            patient. Of values (regression, survival risk): a pair (lower, upper), may
            be infinite, or one for each patient; ``"low"`` or ``"high"``, beyond the
            first or third quartile of the training predictions; or quantiles of these
            as ``{"below": 0.5}``, ``{"above": 0.9}``. None means "low" for predictions
            above the median, else "high".

        Returns
        -------
        Explanations
            Profiles, changes, status and quality, in the patients' unit and order.
        """
        check_is_fitted(self, "reference_")
        rows = validate_rows(self, X, dtype=np.float64, order="C")
        return explain_rows(self, rows, target, getattr(X, "index", None))

    def transform(self, X: ArrayLike) -> NDArray:
        """Return counterfactual profiles; see `explain`.

        Parameters
        ----------
        X : array-like of shape (n_patients, n_features)
            Patients.

        Returns
        -------
        ndarray of shape (n_patients, n_features)
            Their profiles.
        """
        return self.explain(X).profiles.to_numpy()

    def get_feature_names_out(self, input_features: Any = None) -> NDArray:
        """Return the names of the genes.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Ignored but for scikit-learn's checks.

        Returns
        -------
        ndarray of str of shape (n_features,)
            Names.
        """
        check_is_fitted(self, "reference_")
        return _check_feature_names_in(self, input_features)

    def _estimator_or_default(self):
        if self.estimator is not None:
            return self.estimator
        return make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))

    @property
    def model_(self) -> DifferentiableModel | BlackBoxModel:
        """The model as one function; made again where a file was read."""
        check_is_fitted(self, "reference_")
        if "_model" not in vars(self):
            reference = self.reference_
            rows = reference.to_units(reference.rows[:N_VERIFIED]).numpy()
            self._model = adapt(self.estimator_, rows, self._resolve_device())
        return self._model

    def __getstate__(self) -> dict:
        """Leave out the model's twin, which is made of the model."""
        state = super().__getstate__()
        state.pop("_model", None)
        return state

    def _generate(self, rows, codes):
        return generate(self._network(), self.reference_.covariance, rows, codes)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = not is_fitted(self._estimator_or_default())
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        """Tell `check_is_fitted`."""
        return hasattr(self, "reference_")
