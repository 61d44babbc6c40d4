"""Variational autoencoder of the leading factors, inside the Gaussian model."""

from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from imblearn.over_sampling.base import BaseOverSampler
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from .._base import TORCH_CONSTRAINTS, TorchEstimator
from ._gaussian_sampler import MODEL_CONSTRAINTS
from ._latent_network import LatentNetworkMixin
from .density import log_density
from .vae import LatentVAE

N_SCORE_DRAWS = 50

# A fit from the weights of another would not start at the Gaussian.
LATENT_CONSTRAINTS: dict[str, list] = {
    **MODEL_CONSTRAINTS,
    **{k: v for k, v in TORCH_CONSTRAINTS.items() if k != "warm_start"},
    "n_hidden": [Interval(Integral, 2, None, closed="left")],
    "n_blocks": [Interval(Integral, 1, None, closed="left")],
    "dropout": [Interval(Real, 0, 1, closed="left")],
    "jitter": [Interval(Real, 0, None, closed="left")],
}


class VAESampler(LatentNetworkMixin, TorchEstimator, BaseOverSampler):
    """Simulate profiles by a variational autoencoder that starts as a Gaussian.

    The model of rows is that of `GaussianSampler`. The leading whitened factors and the
    row scale follow a class-conditional variational autoencoder whose untrained form
    *is* the Gaussian, with a tight bound; its decoder's spread is learned. Rows held
    out decide by their bound whether it is used: ``backend_`` says so.

    Parameters
    ----------
    sampling_strategy : str, dict, float or callable, default="auto"
        How many rows `fit_resample` adds, in imbalanced-learn's terms; see also
        `multiply` and `augment_to`.
    backend : {"auto", "vae", "gaussian"}, default="auto"
        "auto" decides on held-out rows; the others force it.
    n_factors : int or "auto", default="auto"
        Leading factors, which the network learns; see `GaussianSampler`.
    shrinkage : {"matched", "ledoit_wolf", "nonlinear"} or float, default="matched"
        See `GaussianSampler`.
    mean_shrinkage : float, default=1.0
        See `GaussianSampler`.
    class_covariance : float or "auto", default="auto"
        Of the Gaussian that the network starts from; see `GaussianSampler`.
    marginal : bool or "auto", default="auto"
        See `GaussianSampler`.
    n_hidden : int, default=96
        Units per layer of the network.
    n_blocks : int, default=2
        Residual blocks of the network.
    dropout : float, default=0.3
        Share of hidden units dropped in training.
    jitter : float, default=0.3
        Noise added to training latents, in standard deviations.
    max_epochs : int, default=80
        Epochs at most; an epoch has at least 20 optimisation steps.
    lr : float, default=1e-3
        Learning rate of AdamW.
    batch_size : int, default=256
        Rows per step.
    validation_fraction : float, default=0.25
        Share of rows held out to stop training and to choose the backend; all rows
        are used in the final fit. With 0 there is no check against the Gaussian.
    patience : int, default=6
        Epochs without a higher held-out bound before training stops.
    callbacks : list of skorch callbacks, default=None
        Cloned for each fit.
    device : str or torch.device, default="auto"
        "auto" takes CUDA if there is one.
    random_state : int, RandomState instance or None, default=None
        Source of randomness of the fit and of `sample`.
    verbose : int, default=0
        0 is silent, 1 shows a progress bar, 2 prints a line per epoch.
    compile : bool, default=False
        Train through `torch.compile`.
    checkpoint_dir : str or path-like, default=None
        Folder for a checkpoint of the final training, from which a killed fit goes on.

    Attributes
    ----------
    backend_ : {"vae", "gaussian"}
        What `sample` uses.
    heldout_gain_ : float
        How much shorter the held-out code length is than the Gaussian's, as a share
        of the latter; NaN without held-out rows.
    heldout_gain_se_ : float
        Its standard error over the held-out rows.
    classes_ : ndarray of shape (n_classes,)
        Labels of the fit.
    class_counts_ : ndarray of shape (n_classes,)
        Rows of each.
    model_ : FactorModel
        The linear model of rows.
    class_covariances_ : ndarray of shape (n_classes + 1, n_latents, n_latents)
        Of the Gaussian latents; the last is that of all classes.
    marginal_map_ : MarginalMap or None
        The map used.
    net_ : ObjectiveNet
        The trained skorch net; absent if the Gaussian is used.
    history_ : list of dict
        Losses per epoch of the training with held-out rows.
    n_iter_ : int
        Epochs of the final training.
    sampling_strategy_ : dict
        Rows added per class, after `fit_resample`.
    n_features_in_ : int
        Number of genes.
    feature_names_in_ : ndarray of shape (n_features,)
        Genes, if X had names.

    See Also
    --------
    DiffusionSampler : Usually closer to real rows.

    References
    ----------
    Kingma & Welling (2014), Auto-Encoding Variational Bayes, ICLR; Sohn, Lee & Yan
    (2015), Learning Structured Output Representation using Deep Conditional Generative
    Models, NeurIPS.

    Examples
    --------
    >>> from skgenex import VAESampler
    >>> from skgenex.datasets import make_expression
    >>> X, y = make_expression(n_samples=60, random_state=0, return_X_y=True)
    >>> sampler = VAESampler(max_epochs=2, random_state=0).fit(X, y)
    >>> X_new, y_new = sampler.sample(5)
    >>> X_new.shape
    (5, 200)
    """

    _backend_name = "vae"
    _parameter_constraints = {
        **BaseOverSampler._parameter_constraints,
        **LATENT_CONSTRAINTS,
        "backend": [StrOptions({"auto", "vae", "gaussian"})],
    }

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        backend="auto",
        n_factors="auto",
        shrinkage="matched",
        mean_shrinkage=1.0,
        class_covariance="auto",
        marginal="auto",
        n_hidden=96,
        n_blocks=2,
        dropout=0.3,
        jitter=0.3,
        max_epochs=80,
        lr=1e-3,
        batch_size=256,
        validation_fraction=0.25,
        patience=6,
        callbacks=None,
        device="auto",
        random_state=None,
        verbose=0,
        compile=False,
        checkpoint_dir=None,
    ):
        super().__init__(sampling_strategy=sampling_strategy)
        self.backend = backend
        self.n_factors = n_factors
        self.shrinkage = shrinkage
        self.mean_shrinkage = mean_shrinkage
        self.class_covariance = class_covariance
        self.marginal = marginal
        self.n_hidden = n_hidden
        self.n_blocks = n_blocks
        self.dropout = dropout
        self.jitter = jitter
        self.max_epochs = max_epochs
        self.lr = lr
        self.batch_size = batch_size
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.callbacks = callbacks
        self.device = device
        self.random_state = random_state
        self.verbose = verbose
        self.compile = compile
        self.checkpoint_dir = checkpoint_dir

    def _objective_of(self, covariances: NDArray, covariates: NDArray) -> tuple:
        return LatentVAE, {
            "covariances": covariances,
            "n_covariates": covariates.shape[1],
            "n_hidden": self.n_hidden,
            "n_blocks": self.n_blocks,
            "dropout": self.dropout,
            "jitter": self.jitter,
        }

    def _add_noise(self, batch: dict, generator: torch.Generator) -> None:
        batch["noise"] = torch.randn(batch["x"].shape, generator=generator)

    def _loss_of_both(self, held_out: dict) -> NDArray:
        """Code length per latent, in nats, of whitened rows."""
        vae = self._network()

        def losses(x, label, *rest):
            *covariates, noise = rest
            u = vae.whitening.whiten(x, label)
            gaussian = 0.5 * (u.square() + np.log(2 * np.pi)).mean(dim=1)
            covariates = covariates[0] if covariates else None
            gain = -vae(x, label, covariates, noise)
            return torch.stack([gaussian, gaussian - gain], dim=1)

        return self._apply(losses, *(np.asarray(value) for value in held_out.values()))

    def _draw_from_network(
        self,
        codes: NDArray,
        covariates: NDArray,
        rng: np.random.Generator,
        guidance: float,
    ) -> NDArray:
        vae: Any = self._network()
        shape = len(codes), 2 * self.class_covariances_.shape[1]
        noise = rng.standard_normal(shape, dtype=np.float32)
        return self._apply(vae.generate, noise, codes, covariates.astype(np.float32))

    def _score_rows(self, X: NDArray, codes: NDArray, covariates: NDArray) -> NDArray:
        """Log-likelihood of the Gaussian plus the gain of a weighted bound.

        With many codes per row the bound comes close to the log density (Burda, Grosse
        & Salakhutdinov 2016, Importance Weighted Autoencoders, ICLR, Eq. 8).
        """
        out = log_density(self.model_, self.class_covariances_, X, codes, covariates)
        if self.backend_ == "gaussian":
            return out
        latents = self.model_.encode(X, codes, covariates).astype(np.float32)
        rng = np.random.default_rng(0)  # the same draws for all rows and calls
        vae = self._network()
        draws = rng.standard_normal((N_SCORE_DRAWS, latents.shape[1]), dtype=np.float32)

        def gain(x, label, u):
            return vae.importance_gain(x, label, torch.as_tensor(draws).to(x.device), u)

        rows = latents, codes, covariates.astype(np.float32)
        return out + self._apply(gain, *rows).astype(np.float64)
