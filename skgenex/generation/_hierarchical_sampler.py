"""Conditions to an embedding, the embedding to profiles: the hierarchy of unCLIP."""

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
import torch
from imblearn.over_sampling.base import BaseOverSampler
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.validation import check_is_fitted, validate_data

from .._frames import check_same_order
from .._seeding import draw_seed
from ._base import TARGET_COLUMN, GeneratorMixin, _dense
from ._conditions import as_table
from ._contrastive_embedding import ContrastiveEmbedding
from ._diffusion_sampler import DiffusionSampler
from ._drawing import codes_of
from ._interpolation import carry, path
from ._patients import Patients, check_patients

N_PAIRS = 1_000  # simulated (embedding, profile) pairs that give the posterior


class HierarchicalDiffusionSampler(GeneratorMixin, BaseOverSampler):
    """Simulate an embedding of the conditions, then a profile that has it.

    A contrastive embedding puts profiles where their descriptions (class and
    covariates) are. A *prior* draws embeddings given the conditions, a *decoder* draws
    profiles given embedding and conditions. What the embedding holds of a patient can
    then be kept (`variations`), blended (`interpolate`) or moved (`shift`). Prior and
    decoder fall back to Gaussians, the embedding to canonical correlation analysis; a
    hierarchy of these is the class Gaussian of `GaussianSampler`.

    Parameters
    ----------
    sampling_strategy : str, dict, float or callable, default="auto"
        How many rows `fit_resample` adds, in imbalanced-learn's terms; see also
        `multiply` and `augment_to`.
    embedding : ContrastiveEmbedding, default=None
        None makes one with its defaults.
    prior : sampler, default=None
        Distribution of embeddings given the conditions: a sampler of this package.
        None makes a `DiffusionSampler`.
    decoder : GaussianSampler or DiffusionSampler, default=None
        Distribution of profiles given embedding and conditions. None makes a
        `DiffusionSampler` of the factors.
    device : str or torch.device, default="auto"
        Of the parts made by default. "auto" takes CUDA if there is one.
    random_state : int, RandomState instance or None, default=None
        Source of randomness of the fit, of all parts, and of `sample`.

    Attributes
    ----------
    embedding_ : ContrastiveEmbedding or None
        The fitted embedding; None after a fit with neither classes nor conditions.
    prior_ : sampler or None
        The fitted prior; None without an embedding.
    decoder_ : sampler
        The fitted decoder.
    backends_ : dict of str to str
        What each part uses: "linear" or "network", "gaussian" or "diffusion".
    classes_ : ndarray of shape (n_classes,)
        Labels of the fit.
    class_counts_ : ndarray of shape (n_classes,)
        Rows of each.
    sampling_strategy_ : dict
        Rows added per class, after `fit_resample`.
    n_features_in_ : int
        Number of genes.
    feature_names_in_ : ndarray of shape (n_features,)
        Genes, if X had names.

    See Also
    --------
    DiffusionSampler : The same without the embedding.
    TextConditions : Free text as conditions.

    Notes
    -----
    An embedding has at most as many numbers as the description, one less than classes
    without covariates: it holds what conditions say of a profile, the decoder all else.

    Log densities come from the candidate's identity, p(x) = p(x | z) p(z) / p(z | x),
    at the mean of p(z | x), a Gaussian regression of embeddings on those of simulated
    profiles: exact where all parts are Gaussian, an approximation with networks.

    References
    ----------
    Ramesh, Dhariwal, Nichol, Chu & Chen (2022), Hierarchical Text-Conditional Image
    Generation with CLIP Latents, Sec. 2 and 3; Besag (1989), A candidate's formula,
    Biometrika 76:183.

    Examples
    --------
    >>> from skgenex.datasets import make_expression
    >>> from skgenex.generation import GaussianSampler, HierarchicalDiffusionSampler
    >>> X, y = make_expression(n_samples=60, random_state=0, return_X_y=True)
    >>> sampler = HierarchicalDiffusionSampler(
    ...     prior=GaussianSampler(), decoder=GaussianSampler(), random_state=0
    ... ).fit(X, y)
    >>> sampler.sample(5)[0].shape
    (5, 200)
    >>> sampler.variations(X[:2], y[:2], n=3).shape
    (6, 200)
    """

    _parameter_constraints = {
        **BaseOverSampler._parameter_constraints,
        "embedding": [ContrastiveEmbedding, None],
        "prior": [HasMethods(["fit", "sample", "score_samples"]), None],
        "decoder": [HasMethods(["fit", "sample", "score_samples"]), None],
        "device": [str, torch.device],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        embedding=None,
        prior=None,
        decoder=None,
        device="auto",
        random_state=None,
    ):
        super().__init__(sampling_strategy=sampling_strategy)
        self.embedding = embedding
        self.prior = prior
        self.decoder = decoder
        self.device = device
        self.random_state = random_state

    def _fit_rows(
        self, X: NDArray, codes: NDArray, covariates: NDArray, seed: int
    ) -> None:
        seeds = np.random.default_rng([seed, 0]).integers(2**31 - 1, size=4)
        label = codes if self.target_type_ == "class" else None
        table = _columns(covariates=covariates)
        self.embedding_ = self.prior_ = None
        z = np.empty((len(X), 0))
        if label is not None or covariates.shape[1]:
            embedding = self._part("embedding", ContrastiveEmbedding, seeds[0])
            embedding.fit(X, label, table)
            if embedding.n_components_:
                self.embedding_, z = embedding, embedding.transform(X)
        if self.embedding_ is not None:
            self.prior_ = self._part("prior", DiffusionSampler, seeds[1])
            self.prior_.fit(z, label, table)
        self.decoder_ = self._part("decoder", DiffusionSampler, seeds[2])
        self.decoder_.fit(X, label, _columns(covariates=covariates, z=z))
        parts = {
            "embedding": self.embedding_,
            "prior": self.prior_,
            "decoder": self.decoder_,
        }
        self.backends_ = {
            name: getattr(part, "backend_", "gaussian")
            for name, part in parts.items()
            if part is not None
        }
        if self.embedding_ is not None:
            self._fit_posterior(codes, covariates, int(seeds[3]))

    def _part(self, name: str, default: type, seed: int) -> Any:
        """Return an unfitted part, with a seed of its own."""
        part = getattr(self, name)
        if part is None:
            part = default(device=self.device)
            if name == "decoder":
                part.set_params(space="factors")
        return clone(part).set_params(random_state=int(seed))

    def _fit_posterior(self, codes: NDArray, covariates: NDArray, seed: int) -> None:
        """Learn p(z | x) as a linear regression of z on f(x), from simulated pairs."""
        rng = np.random.default_rng(seed)
        rows = rng.choice(len(codes), max(N_PAIRS, len(codes)))[:N_PAIRS]
        z = self._draw_embeddings(codes[rows], covariates[rows], rng)
        X = self._draw_profiles(codes[rows], covariates[rows], z, rng)
        inputs = self._posterior_inputs(X, codes[rows], covariates[rows])
        self._posterior_map = np.linalg.lstsq(inputs, z, rcond=None)[0]
        error = z - inputs @ self._posterior_map
        spread = error.T @ error / len(error) + 1e-8 * np.eye(z.shape[1])
        # log N(mean; mean, spread), all that the identity needs of the posterior.
        self._posterior_peak = -0.5 * np.linalg.slogdet(2 * np.pi * spread)[1]

    def _posterior_inputs(
        self, X: NDArray, codes: NDArray, covariates: NDArray
    ) -> NDArray:
        by_class = np.eye(len(self.classes_))[codes]
        return np.hstack([self._embed(X), by_class, covariates])

    def _embed(self, X: NDArray) -> NDArray:
        """Embeddings of rows, none without an embedding."""
        if self.embedding_ is None:
            return np.empty((len(X), 0))
        return self.embedding_.transform(X)

    def _label(self, codes: NDArray) -> NDArray | None:
        return codes if self.target_type_ == "class" else None

    def _draw_embeddings(
        self, codes: NDArray, covariates: NDArray, rng: np.random.Generator
    ) -> NDArray:
        if self.prior_ is None:
            return np.empty((len(codes), 0))
        return _draw(
            self.prior_, self._label(codes), _columns(covariates=covariates), rng
        )

    def _draw_profiles(
        self,
        codes: NDArray,
        covariates: NDArray,
        z: NDArray,
        rng: np.random.Generator,
    ) -> NDArray:
        table = _columns(covariates=covariates, z=z)
        if table is None and self.target_type_ != "class":
            seed = int(rng.integers(2**31 - 1))
            return self.decoder_.sample(len(codes), random_state=seed)
        return _draw(self.decoder_, self._label(codes), table, rng)

    def _sample_rows(
        self, codes: NDArray, covariates: NDArray, rng: np.random.Generator
    ) -> NDArray:
        z = self._draw_embeddings(codes, covariates, rng)
        return self._draw_profiles(codes, covariates, z, rng)

    def _score_rows(self, X: NDArray, codes: NDArray, covariates: NDArray) -> NDArray:
        label = self._label(codes)
        if self.prior_ is None:
            table = _columns(covariates=covariates)
            return self.decoder_.score_samples(X, label, table)
        z = self._posterior_inputs(X, codes, covariates) @ self._posterior_map
        by_prior = self.prior_.score_samples(z, label, _columns(covariates=covariates))
        by_decoder = self.decoder_.score_samples(
            X, label, _columns(covariates=covariates, z=z)
        )
        return by_decoder + by_prior - self._posterior_peak

    def variations(
        self,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        n: int = 1,
        conditions: Any = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> Any:
        """Draw profiles with the embedding of a patient, all else anew.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Patients, on the scale of the fit.
        y : array-like of shape (n_samples,), default=None
            Their classes; by default those likeliest by their embedding.
        n : int, default=1
            Variations per patient.
        conditions : DataFrame of shape (n_samples, n_conditions), default=None
            Their covariates, if the fit had some.
        random_state : int, RandomState instance or None, default=None
            None uses the constructor's.

        Returns
        -------
        ndarray or DataFrame of shape (n_samples * n, n_features)
            Variations of the first patient, then of the second, and so on.

        Raises
        ------
        ValueError
            If ``n`` is not positive, or conditions are not those of the fit.
        """
        if not isinstance(n, Integral) or n < 1:
            raise ValueError(f"n must be a positive integer; got {n!r}.")
        rows, codes, covariates = self._check_rows(X, y, conditions)
        self._require_memory(len(rows) * int(n))
        seed = draw_seed(self.random_state if random_state is None else random_state)
        again = np.repeat(np.arange(len(rows)), n)
        new = self._draw_profiles(
            codes[again],
            covariates[again],
            self._embed(rows)[again],
            np.random.default_rng([seed, 7]),
        )
        return self._frame(new.astype(self.dtype_))

    def interpolate(
        self,
        X_a: ArrayLike,
        X_b: ArrayLike,
        steps: int = 5,
        *,
        y_a: ArrayLike | None = None,
        y_b: ArrayLike | None = None,
        conditions_a: Any = None,
        conditions_b: Any = None,
    ) -> NDArray:
        """Go from patients to others, through profiles in between.

        Embeddings, covariates and class means are blended linearly; what is left of
        each patient, their noise, along the circle, a cos(t pi / 2) + b sin(t pi / 2),
        so that the profiles between are as rough as real ones.

        Parameters
        ----------
        X_a, X_b : array-like of shape (n_pairs, n_features)
            Patients at the start and at the end, on the scale of the fit.
        steps : int, default=5
            Profiles per pair, with both ends.
        y_a, y_b : array-like of shape (n_pairs,), default=None
            Their classes; by default those likeliest by their embedding.
        conditions_a, conditions_b : DataFrame, default=None
            Their covariates, if the fit had some.

        Returns
        -------
        ndarray of shape (n_pairs, steps, n_features)
            Profiles; the first and last are the patients, up to the error of solving
            the flow if the decoder is a network.

        Raises
        ------
        ValueError
            If ``steps`` is below 2 or X_a and X_b differ in their numbers of rows.
        """
        if not isinstance(steps, Integral) or steps < 2:
            raise ValueError(f"steps must be an integer of 2 or more; got {steps!r}.")
        ends = []
        for X, y, conditions in ((X_a, y_a, conditions_a), (X_b, y_b, conditions_b)):
            rows, codes, covariates = self._check_rows(X, y, conditions)
            ends.append(self._patients(rows, codes, covariates))
        if len(ends[0].X) != len(ends[1].X):
            raise ValueError(
                "X_a and X_b must have as many rows; got "
                f"{len(ends[0].X)} and {len(ends[1].X)}."
            )
        return path(*ends, int(steps)).astype(self.dtype_)

    def shift(
        self,
        X: ArrayLike,
        from_condition: Any,
        to_condition: Any,
    ) -> Any:
        """Move patients as their description would change, and keep all else.

        The embedding moves by the difference of the two descriptions' embeddings; the
        decoder then carries each patient from the one class and embedding to the
        other, deterministically: with Gaussians in closed form, with a network to
        noise and back.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Patients who fit ``from_condition``, on the scale of the fit.
        from_condition, to_condition : label, or dict or DataFrame of one row
            A class; or the value of each condition of the fit, with the class as "y".

        Returns
        -------
        ndarray or DataFrame of shape (n_samples, n_features)
            The moved patients.

        Raises
        ------
        ValueError
            If the fit had no such class or other conditions.

        References
        ----------
        Ramesh et al. (2022), Sec. 3.3 (text diffs).
        """
        rows, index = self._validate_rows(X)
        n = len(rows)
        if self.embedding_ is None:
            raise ValueError("shift needs a fit with classes or conditions.")
        before, after = (
            self._read_condition(value, n) for value in (from_condition, to_condition)
        )
        described = [
            self.embedding_.embed_conditions(
                self._label(codes), _columns(covariates=covariates)
            )
            for codes, covariates in (before, after)
        ]
        z = self._embed(rows)
        old = self._patients(rows, *before, z)
        new = self._patients(rows, *after, z + described[1] - described[0])
        moved = carry(old, new)
        moved = old.within_range(moved).astype(self.dtype_)
        return self._frame(moved, index)

    def _validate_rows(self, X: Any) -> tuple[NDArray, Any]:
        check_is_fitted(self, "class_counts_")
        index = X.index if isinstance(X, pd.DataFrame) else None
        X = validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)
        return _dense(X).astype(np.float64), index

    def _check_rows(
        self, X: Any, y: Any, conditions: Any
    ) -> tuple[NDArray, NDArray, NDArray]:
        """Rows, codes and covariates of patients."""
        rows, _ = self._validate_rows(X)
        check_same_order(X, y, "y")
        check_same_order(X, conditions, "conditions")
        table = as_table(conditions, len(rows))
        if self.target_type_ == "continuous":
            if y is None:
                raise ValueError("The fit had continuous y: give y here too.")
            table = table.assign(**{TARGET_COLUMN: np.asarray(y, dtype=float)})
        elif self.target_type_ == "none" and y is not None:
            raise ValueError("The sampler was fitted without y: leave y out.")
        covariates = self._encoder.transform(table)
        codes = np.zeros(len(rows), dtype=int)
        if self.target_type_ != "class":
            return rows, codes, covariates
        if y is not None:
            codes = codes_of(y, self.classes_)
            if len(codes) != len(rows):
                raise ValueError(
                    f"y must have a class per row, {len(rows)}; got {len(codes)}."
                )
            return rows, codes, covariates
        if self.prior_ is None:
            return rows, codes, covariates
        z, given = self._embed(rows), _columns(covariates=covariates)
        shares = self.class_counts_ / self.class_counts_.sum()
        by_class = [
            np.log(share) + self.prior_.score_samples(z, codes + c, given)
            for c, share in enumerate(shares)
        ]
        return rows, np.argmax(by_class, axis=0), covariates

    def _read_condition(self, condition: Any, n: int) -> tuple[NDArray, NDArray]:
        """Codes and covariates of one description, for n rows."""
        if isinstance(condition, pd.DataFrame):
            if len(condition) != 1:
                raise ValueError(f"A condition must be one row; got {len(condition)}.")
            condition = condition.iloc[0].to_dict()
        if not isinstance(condition, dict):
            condition = {"y": condition}
        values = dict(condition)
        codes = np.zeros(n, dtype=int)
        if self.target_type_ != "none":
            if "y" not in values:
                raise ValueError(
                    f"A condition needs the class (or value) as 'y'; got {condition!r}."
                )
            label = values.pop("y")
            if self.target_type_ == "continuous":
                values[TARGET_COLUMN] = float(label)
            else:
                codes = codes_of([label] * n, self.classes_)
        columns = {name: [value] * n for name, value in values.items()}
        table = pd.DataFrame(columns, index=pd.RangeIndex(n))
        return codes, self._encoder.transform(table)

    def _patients(
        self,
        rows: NDArray,
        codes: NDArray,
        covariates: NDArray,
        z: NDArray | None = None,
    ) -> Patients:
        """Patients of the decoder."""
        z = self._embed(rows) if z is None else z
        table = _columns(covariates=covariates, z=z)
        return check_patients(self.decoder_, rows, self._label(codes), table)

    def _frame(self, values: NDArray, index: Any = None) -> Any:
        if not hasattr(self, "feature_names_in_"):
            return values
        return pd.DataFrame(values, index=index, columns=self.feature_names_in_)


def _columns(**blocks: NDArray) -> pd.DataFrame | None:
    """Blocks of numbers side by side, as conditions of a part, if there are any."""
    table = {
        f"{name}{i}": column
        for name, block in blocks.items()
        for i, column in enumerate(block.T)
    }
    return pd.DataFrame(table) if table else None


def _draw(
    sampler: Any, label: NDArray | None, table: Any, rng: np.random.Generator
) -> NDArray:
    """Draw one row per label or row of the table."""
    seed = int(rng.integers(2**31 - 1))
    if label is None:
        return sampler.sample(conditions=table, random_state=seed)
    return sampler.sample(y=label, conditions=table, random_state=seed)[0]
