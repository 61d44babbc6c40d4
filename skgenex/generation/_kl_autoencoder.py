"""The autoencoder as a transformer, a space for diffusion."""

from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from .._base import TORCH_CONSTRAINTS, TorchEstimator
from .._covariance import count_factors
from .._transaction import transactional
from .autoencoder import MIN_LOG_NOISE, RowVAE, probabilistic_pca
from .factors import MAX_FACTORS


class KLAutoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, TorchEstimator):
    """Codes of profiles by a KL-regularised autoencoder which starts as PCA.

    Encoder and decoder are linear maps plus networks that start at zero: untrained, it
    is probabilistic PCA. Training stops when the bound on the log density of held-out
    rows no longer rises.

    Parameters
    ----------
    n_components : int or "auto", default="auto"
        Length of the codes; "auto" counts the factors above noise, within 4 and
        clip(n_samples / 8, 4, 48).
    n_hidden : int, default=128
        Units of the hidden layer of encoder and decoder.
    dropout : float, default=0.1
        Share of hidden units dropped in training.
    kl_weight : float, default=1.0
        Weight of the divergence of codes from N(0, I); 1 is the bound itself.
    weight_decay : float, default=1e-2
        Of AdamW.
    max_epochs : int, default=60
        Epochs at most.
    lr : float, default=5e-4
        Learning rate of AdamW.
    batch_size : int, default=128
        Rows per step.
    validation_fraction : float, default=0.1
        Share of rows held out to stop training; with 0 it trains for ``max_epochs``.
    patience : int, default=5
        Epochs without a higher bound before training stops.
    device : str or torch.device, default="auto"
        "auto" takes CUDA if there is one.
    random_state : int, RandomState instance or None, default=None
        Source of randomness of the fit.
    verbose : int, default=0
        0 is silent, 1 shows a progress bar, 2 prints a line per epoch.

    Attributes
    ----------
    n_components_ : int
        Length of the codes.
    mean_, scale_ : ndarray of shape (n_features,)
        Mean and standard deviation of the genes; 1 for constant genes.
    noise_variance_ : ndarray of shape (n_features,)
        Learned variance of each gene given the codes, in the genes' own units.
    net_ : ObjectiveNet
        The trained skorch net.
    history_ : list of dict
        Losses per epoch.
    n_iter_ : int
        Epochs.
    n_features_in_ : int
        Number of genes.
    feature_names_in_ : ndarray of shape (n_features,)
        Genes, if X had names.

    See Also
    --------
    DiffusionSampler : Simulates its codes, by ``space="autoencoder"``.

    References
    ----------
    Rombach et al. (2022), High-Resolution Image Synthesis with Latent Diffusion
    Models, CVPR, Sec. 3.1; Tipping & Bishop (1999), Probabilistic Principal Component
    Analysis, JRSS B 61:611.

    Examples
    --------
    >>> from skgenex.datasets import make_expression
    >>> from skgenex.generation import KLAutoencoder
    >>> X, y = make_expression(n_samples=60, random_state=0, return_X_y=True)
    >>> autoencoder = KLAutoencoder(n_components=5, max_epochs=3, random_state=0)
    >>> codes = autoencoder.fit_transform(X)
    >>> codes.shape, autoencoder.inverse_transform(codes).shape
    ((60, 5), (60, 200))
    """

    _parameter_constraints = {
        **TORCH_CONSTRAINTS,
        "n_components": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "n_hidden": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "kl_weight": [Interval(Real, 0, None, closed="left")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        *,
        n_components="auto",
        n_hidden=128,
        dropout=0.1,
        kl_weight=1.0,
        weight_decay=1e-2,
        max_epochs=60,
        lr=5e-4,
        batch_size=128,
        validation_fraction=0.1,
        patience=5,
        device="auto",
        random_state=None,
        verbose=0,
    ):
        self.n_components = n_components
        self.n_hidden = n_hidden
        self.dropout = dropout
        self.kl_weight = kl_weight
        self.weight_decay = weight_decay
        self.max_epochs = max_epochs
        self.lr = lr
        self.batch_size = batch_size
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    @transactional
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Learn the codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Expression on a log scale, for example log2(CPM + 1).
        y : None
            Not used.

        Returns
        -------
        self : object
            The fitted autoencoder.

        Raises
        ------
        ValueError
            If X has missing or infinite values.
        """
        given: NDArray = validate_data(
            self, X, dtype=[np.float64, np.float32], ensure_min_samples=2
        )
        seed = self._draw_seed()
        rng = np.random.default_rng([seed, 0])
        self.mean_ = given.mean(axis=0, dtype=np.float64)
        scale = given.std(axis=0, dtype=np.float64)
        rounding = 32 * np.finfo(given.dtype).eps * np.abs(self.mean_)
        self.scale_ = np.where(scale > rounding, scale, 1.0)
        rows = self._standardise(given)
        order = rng.permutation(len(rows))
        n_valid = int(self.validation_fraction * len(rows))
        valid, train = rows[order[:n_valid]], rows[order[n_valid:]]
        wanted = self.n_components
        if wanted == "auto":
            highest = int(np.clip(len(rows) / 8, 4, MAX_FACTORS))
            wanted = int(np.clip(count_factors(train, rng), 4, highest))
        self.n_components_ = max(1, min(wanted, len(train) - 1, rows.shape[1] - 1))
        loadings, projection, posterior, noise = probabilistic_pca(
            train, self.n_components_, rng
        )
        self.n_components_ = len(loadings)
        objective = {
            "loadings": loadings,
            "projection": projection,
            "posterior": posterior,
            "noise": noise,
            "n_hidden": self.n_hidden,
            "dropout": self.dropout,
            "kl_weight": self.kl_weight,
        }
        valid_batch = None
        if n_valid:
            shape = (n_valid, self.n_components_)
            draws = rng.standard_normal(shape).astype(np.float32)
            valid_batch = {"x": valid.astype(np.float32), "noise": draws}
        self._train(
            (RowVAE, objective),
            {"x": train.astype(np.float32)},
            valid_batch=valid_batch,
            seed=seed,
            patience=self.patience if n_valid else None,
            weight_decay=self.weight_decay,
            clip_norm=1.0,
        )
        module: Any = self._network()
        log_noise = module.log_noise.detach().clamp(min=MIN_LOG_NOISE)
        varying = scale > rounding
        variance = log_noise.exp().cpu().numpy().astype(np.float64) * self.scale_**2
        self.noise_variance_ = np.where(varying, variance, 0.0)
        return self

    def _standardise(self, X: NDArray) -> NDArray:
        return (X - self.mean_) / self.scale_

    @property
    def _n_features_out(self) -> int:
        return self.n_components_

    def transform(self, X: ArrayLike) -> NDArray:
        """Return the mean codes of rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows on the scale of the fit.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            Codes.
        """
        check_is_fitted(self)
        rows: NDArray = validate_data(
            self, X, dtype=[np.float64, np.float32], reset=False
        )
        module: Any = self._network()
        codes = self._apply(
            lambda x: module.encode(x)[0], self._standardise(rows).astype(np.float32)
        )
        return codes.astype(rows.dtype)

    def inverse_transform(self, X: ArrayLike) -> NDArray:
        """Return the expected rows of codes, without their noise.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            Rows on the scale of the fit.

        Raises
        ------
        ValueError
            If the codes have another length.
        """
        check_is_fitted(self)
        codes = check_array(X, dtype=[np.float64, np.float32])
        if codes.shape[1] != self.n_components_:
            raise ValueError(
                f"X must have {self.n_components_} columns, a code each; got "
                f"{codes.shape[1]}."
            )
        module: Any = self._network()
        rows = self._apply(module.decode, codes.astype(np.float32))
        return (rows * self.scale_ + self.mean_).astype(codes.dtype)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
