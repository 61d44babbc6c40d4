"""A diffusion sampler with a promise of differential privacy."""

from collections.abc import Callable
from copy import deepcopy
from numbers import Integral, Real

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils._param_validation import HasMethods, Interval

from .._base import TORCH_CONSTRAINTS
from ._diffusion_sampler import DiffusionSampler
from ._gaussian_sampler import draw_gaussian
from ._private_gaussian_sampler import PrivateGaussianSampler
from .dp import PrivacyLedger
from .dp_sgd import private_mean, train_privately
from .public_rows import MovedModel

N_STAND_INS = 1_000  # rows of the private Gaussian, where there are no public ones
HELD_OUT = 0.2  # of the private rows
N_JUDGING_DRAWS = 32
LARGEST_GAIN = 0.5  # of a row, as a share of the public rows' mean loss
LARGEST_LATENT = 20.0  # standard deviations: no gradient overflows
MARGIN = 2.0  # standard deviations of noise


class PrivateDiffusionSampler(PrivateGaussianSampler):
    """Simulate profiles by a diffusion that is differentially private.

    As in `PrivateGaussianSampler`, public rows get labels from a private Gaussian, a
    sampler learns from these rows and labels, and its rows are moved to the private
    means and covariance. Here that sampler is a `DiffusionSampler`, whose network so
    costs no privacy; and the network then goes on learning from the private rows, by
    steps whose gradients are clipped row by row and get noise (DP-SGD). A fifth of the
    private rows, held out, tells with noise whether to use this network, the public
    one, or none. All together is (``dp_epsilon``, ``dp_delta``)-private.

    Parameters
    ----------
    sampling_strategy : str, dict, float or callable, default="auto"
        See `PrivateGaussianSampler`.
    dp_epsilon : float, default=3.0
        Privacy budget; infinity adds no noise and clips nothing.
    dp_delta : float, default=1e-5
        Probability of failure; should be well below 1 / n_samples.
    bounds : tuple of (float or array-like, float or array-like), default=None
        See `PrivateGaussianSampler`.
    public_data : DataFrame or array-like of shape (n_public, n_features), default=None
        See `PrivateGaussianSampler`. Without, rows of the private Gaussian stand in for
        public ones: then all that the network learns beyond that Gaussian it learns
        from noisy gradients.
    n_factors : int or "auto", default="auto"
        See `PrivateGaussianSampler`.
    clip_norm : float or "auto", default="auto"
        See `PrivateGaussianSampler`.
    classes : array-like, default=None
        See `PrivateGaussianSampler`.
    sampler : DiffusionSampler, default=None
        Unfitted sampler of the public rows: network, training, solver. None takes the
        defaults.
    network_share : float, default=0.3
        Share of the budget for the network and for judging it. With 0 the network
        learns from public rows alone, and their held-out rows judge it.
    gradient_steps : int, default=60
        Steps on private rows, each with all of them.
    gradient_norm : float, default=1.0
        Norm to which a row's gradient is clipped.
    gradient_draws : int, default=8
        Noisy versions of each row per step, whose gradients are averaged before
        clipping: more of them cost seconds but no privacy.
    gradient_lr : float, default=0.001
        Learning rate of these steps.
    device : str or torch.device, default="auto"
        "auto" takes CUDA if there is one. Replaces that of ``sampler``.
    random_state : int, RandomState instance or None, default=None
        See `PrivateGaussianSampler`: a secret.

    Attributes
    ----------
    backend_ : {"private", "public", "gaussian"}
        Which network `sample` uses: the one that learned from private rows too, the
        one of the public rows, or none.
    private_gains_ : dict
        By network, "public" and "private": how much lower its denoising loss of
        held-out private rows is than the Gaussian's, as a share of the public rows'
        loss, with noise. Empty if ``network_share`` is 0.
    private_gain_sd_ : float
        Standard deviation of the noise in each.
    epsilon_spent_, delta_spent_ : float
        What the fit cost.
    privacy_ledger_ : DataFrame
        A row per step; see `PrivateGaussianSampler`.
    classes_ : ndarray of shape (n_classes,)
        Labels.
    class_counts_ : ndarray of shape (n_classes,)
        Noisy number of rows of each.
    space_, covariance_, public_codes_
        See `PrivateGaussianSampler`.
    public_sampler_ : DiffusionSampler
        The sampler.
    n_features_in_ : int
        Number of genes.
    feature_names_in_ : ndarray of shape (n_features,)
        Genes, if X had names.

    See Also
    --------
    PrivateGaussianSampler : Without a network, in seconds.

    Notes
    -----
    Whole-table steps need no library for random batches, and compose exactly; clipped
    gradients and their noise are tested against Opacus. The held-out rows are drawn
    by a coin per row, so a row is either learned from or judged by, and both together
    cost what one does (parallel composition).

    References
    ----------
    Abadi et al. (2016), Deep Learning with Differential Privacy, CCS; Dockhorn, Cao,
    Vahdat & Kreis (2023), Differentially Private Diffusion Models, TMLR; Papernot et
    al. (2017), Semi-supervised Knowledge Transfer for Deep Learning from Private
    Training Data, ICLR; Dong, Roth & Su (2022), Gaussian Differential Privacy,
    JRSS B 84:3.

    Examples
    --------
    >>> from skgenex.datasets import make_expression
    >>> from skgenex.generation import DiffusionSampler, PrivateDiffusionSampler
    >>> X, y = make_expression(n_samples=2400, random_state=0, return_X_y=True)
    >>> sampler = PrivateDiffusionSampler(
    ...     dp_epsilon=3.0, public_data=X[:600], gradient_steps=2,
    ...     sampler=DiffusionSampler(max_epochs=2), random_state=0,
    ... )
    >>> X_new, y_new = sampler.fit(X[600:], y[600:]).sample(10)
    >>> X_new.shape
    (10, 200)
    >>> bool(sampler.epsilon_spent_ <= 3.0)
    True
    """

    _parameter_constraints = {
        **PrivateGaussianSampler._parameter_constraints,
        "sampler": [HasMethods(["fit", "sample", "denoising_losses"]), None],
        "network_share": [Interval(Real, 0, 1, closed="left")],
        "gradient_steps": [Interval(Integral, 1, None, closed="left")],
        "gradient_norm": [Interval(Real, 0, None, closed="neither")],
        "gradient_draws": [Interval(Integral, 1, None, closed="left")],
        "gradient_lr": [Interval(Real, 0, None, closed="neither")],
        "device": TORCH_CONSTRAINTS["device"],
    }

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        dp_epsilon=3.0,
        dp_delta=1e-5,
        bounds=None,
        public_data=None,
        n_factors="auto",
        clip_norm="auto",
        classes=None,
        sampler=None,
        network_share=0.3,
        gradient_steps=60,
        gradient_norm=1.0,
        gradient_draws=8,
        gradient_lr=1e-3,
        device="auto",
        random_state=None,
    ):
        super().__init__(
            sampling_strategy=sampling_strategy,
            dp_epsilon=dp_epsilon,
            dp_delta=dp_delta,
            bounds=bounds,
            public_data=public_data,
            n_factors=n_factors,
            clip_norm=clip_norm,
            classes=classes,
            random_state=random_state,
        )
        self.sampler = sampler
        self.network_share = network_share
        self.gradient_steps = gradient_steps
        self.gradient_norm = gradient_norm
        self.gradient_draws = gradient_draws
        self.gradient_lr = gradient_lr
        self.device = device

    def _new_public_sampler(self) -> DiffusionSampler:
        sampler = DiffusionSampler() if self.sampler is None else clone(self.sampler)
        if sampler.space not in ("auto", "factors"):
            raise ValueError(
                f"sampler.space must be 'auto' or 'factors'; got {sampler.space!r}."
            )
        sampler.set_params(device=self.device)
        if self.network_share:  # the private rows decide, so there must be a network
            sampler.set_params(backend="diffusion")
        return sampler

    def _moments_share(self) -> float:
        return 1.0 - self.network_share

    def _refine(
        self,
        X: NDArray,
        codes: NDArray,
        public: NDArray | None,
        counts: NDArray,
        ledger: PrivacyLedger,
    ) -> None:
        if public is None:
            public = self._learn_stand_ins(counts, ledger)
        sampler = self.public_sampler_
        self.private_gains_, self.private_gain_sd_ = {}, np.nan
        self.backend_ = "public" if sampler.backend_ == "diffusion" else "gaussian"
        if not self.network_share:
            return
        if self.backend_ == "gaussian":
            raise ValueError(
                "The network has nothing to learn: no factor of the public rows varies "
                "within classes. Use PrivateGaussianSampler, or other public rows."
            )
        rng, n_rows = ledger.rng, counts.sum()
        model = sampler.model_
        latents = model.encode(X, codes, np.empty((len(X), 0)))
        np.clip(latents, -LARGEST_LATENT, LARGEST_LATENT, out=latents)
        held_out = rng.random(len(X)) < HELD_OUT  # a coin for each row
        network = sampler._network()
        weights = {"public": deepcopy(network.state_dict())}
        train_privately(
            network,
            self._batches(latents[~held_out], codes[~held_out], rng),
            ledger,
            self.network_share,
            n_rows=n_rows * (1 - HELD_OUT),
            n_steps=self.gradient_steps,
            clip_norm=self.gradient_norm,
            lr=self.gradient_lr,
        )
        weights["private"] = deepcopy(network.state_dict())
        if isinstance(model, MovedModel):
            public = model.move(public, self.public_codes_)
        none = np.empty((len(public), 0))
        public = model.encode(public, self.public_codes_, none)
        losses = self._losses(public, self.public_codes_, weights["public"])
        scale = LARGEST_GAIN * losses[:, 0].mean()
        # A row is learned from or judged by: the same part of the budget pays for both.
        sd = np.sqrt(2) / ledger.mu / np.sqrt(self.network_share)
        for name, state in weights.items():
            both = self._losses(latents[held_out], codes[held_out], state)
            gain = (both[:, 0] - both[:, 1]) / scale
            noisy, self.private_gain_sd_ = private_mean(
                gain, n_rows * HELD_OUT, sd, rng
            )
            self.private_gains_[name] = LARGEST_GAIN * noisy
        self.private_gain_sd_ *= LARGEST_GAIN
        ledger.note("gains of two networks, on rows kept from the steps", "as them")
        self.backend_ = self._choose()
        if self.backend_ == "gaussian":
            sampler.backend_ = "gaussian"
            del sampler.net_
            return
        network.load_state_dict(weights[self.backend_])
        if self.backend_ == "private":
            sampler._match_moments(public, self.public_codes_, none, seed=0)

    def _choose(self) -> str:
        """Change what the public rows prefer only where noise does not explain it."""
        gains = {"gaussian": 0.0, **self.private_gains_}
        sampler = self.public_sampler_
        # Not a number if the public rows were too few to hold some out.
        likes_network = sampler.heldout_gain_ > sampler.heldout_gain_se_
        usual = "public" if likes_network else "gaussian"
        best = max(gains, key=lambda name: gains[name])
        margin = gains[best] - gains[usual]
        noise = self.private_gain_sd_ * (1 if "gaussian" in (best, usual) else 2**0.5)
        return best if margin > MARGIN * noise else usual

    def _learn_stand_ins(self, counts: NDArray, ledger: PrivacyLedger) -> NDArray:
        """Let the sampler learn from rows of the private Gaussian; return these."""
        shares = counts / counts.sum()
        n_rows = np.maximum(2, np.rint(N_STAND_INS * shares)).astype(int)
        codes = np.repeat(np.arange(len(shares)), n_rows)
        rng = ledger.rng
        latents = draw_gaussian(self._class_covariances(), codes, rng)
        rows = self.space_.decode(latents, codes, rng)
        ledger.note("rows of the private Gaussian as public ones", "steps above")
        self.public_codes_ = codes
        self.public_sampler_ = self._fit_public_sampler(rows, codes, rng)
        return rows

    def _batches(
        self, latents: NDArray, codes: NDArray, rng: np.random.Generator
    ) -> Callable[[], dict[str, torch.Tensor]]:
        """Return a function that returns all rows, each with noise drawn anew."""
        sampler = self.public_sampler_
        device = next(sampler._network().parameters()).device
        k = self.gradient_draws
        x = torch.as_tensor(latents, dtype=torch.float32)
        x = x[:, None].expand(-1, k, -1).to(device)
        label = torch.as_tensor(codes)[:, None].expand(-1, k).to(device)
        generator = torch.Generator().manual_seed(int(rng.integers(2**31 - 1)))

        def draw() -> dict[str, torch.Tensor]:
            flat: dict = {"x": x.reshape(-1, x.shape[2])}
            sampler._add_noise(flat, generator)
            sigma, noise = (flat[name].to(device) for name in ("sigma", "noise"))
            sigma, noise = sigma.view(label.shape), noise.view(x.shape)
            return {"x": x, "label": label, "sigma": sigma, "noise": noise}

        return draw

    def _losses(self, latents: NDArray, codes: NDArray, weights: dict) -> NDArray:
        """Denoising loss of each row under the Gaussian and a network, (n_rows, 2)."""
        sampler = self.public_sampler_
        sampler._network().load_state_dict(weights)
        batch: dict = {
            "x": np.tile(latents.astype(np.float32), (N_JUDGING_DRAWS, 1)),
            "label": np.tile(codes, N_JUDGING_DRAWS),
        }
        if not len(codes):
            return np.zeros((0, 2))
        generator = torch.Generator().manual_seed(0)  # the same noise for each network
        sampler._add_noise(batch, generator)
        both = sampler._loss_of_both(batch)
        return both.reshape(N_JUDGING_DRAWS, -1, 2).mean(axis=0)
