"""Pretraining on overlapping subsets of genes."""

from collections.abc import Mapping
from numbers import Integral, Real

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval

from .._base import TorchEstimator
from ._pretrainer import PRETRAINER_CONSTRAINTS, PretrainerMixin
from .genes import find_gene_sets
from .subsets import SubsetObjective, overlapping_subsets


class SubTabPretrainer(PretrainerMixin, TorchEstimator):
    """Learn latents from subsets of genes, by one encoder shared by all subsets.

    From each subset the whole row is estimated, and the latents of a row's subsets are
    brought together. A row's latents are the mean over its subsets, without noise.

    Parameters
    ----------
    subsets : int or dict of str to list of str, default=4
        Number of overlapping subsets that the genes are dealt into, or pathways: names
        of genes by name of the pathway. Genes that X lacks are left out; so are
        pathways of which fewer than two genes are left.
    overlap : float, default=0.75
        Genes that a subset takes from the next one, as a share of its own.
    n_components : int, default=64
        Latents.
    n_hidden : int, default=128
        Units of the hidden layers.
    dropout : float, default=0.1
        Share of hidden units dropped in training.
    corruption_rate : float, default=0.3
        Probability that a value is replaced, in training only.
    contrastive_weight : float, default=1.0
        Weight of the contrastive loss beside the reconstruction.
    distance_weight : float, default=1.0
        Weight of the squared distance between the latents of two subsets.
    temperature : float, default=0.1
        Of the contrastive loss.
    genes : {"match", "strict"}, default="match"
        See `VIMEPretrainer`.
    weight_decay : float, default=0.01
        Of AdamW.
    max_epochs : int, default=30
        Passes over the rows at most.
    lr : float, default=1e-3
        Learning rate of AdamW, lowered along a cosine.
    batch_size : int, default=64
        Rows per step.
    validation_fraction : float, default=0.1
        Share of rows held out to stop training.
    patience : int or None, default=8
        Epochs without a lower held-out loss before training stops.
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
    warm_start : bool, default=False
        Go on from the previous fit, as `partial_fit` does.
    checkpoint_dir : str or path-like, default=None
        Folder for a checkpoint, from which a killed fit goes on.

    Attributes
    ----------
    subsets_ : dict of str to ndarray of int
        Places of each subset's genes.
    pretext_gain_ : float
        How much lower the held-out loss is than before training; see `VIMEPretrainer`.
    whitening_ : ndarray of shape (n_components, n_components)
        Map of the latents after which neighbouring rows differ alike in all
        directions; `VIMEClassifier` applies it.
    net_ : ObjectiveNet
        The skorch net.
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
    VIMEPretrainer : Learn from corrupted rows, starting at principal components.

    References
    ----------
    Ucar, Hajiramezanali & Edwards (2021), SubTab, NeurIPS, Sec. 2 and Eq. 1-5.

    Examples
    --------
    >>> from skgenex.datasets import make_expression
    >>> from skgenex.self_supervision import SubTabPretrainer
    >>> X, _ = make_expression(n_samples=60, random_state=0, return_X_y=True)
    >>> pretrainer = SubTabPretrainer(n_components=5, max_epochs=2, random_state=0)
    >>> pretrainer.fit_transform(X).shape
    (60, 5)
    """

    _parameter_constraints = {
        **PRETRAINER_CONSTRAINTS,
        "subsets": [Interval(Integral, 2, None, closed="left"), dict],
        "overlap": [Interval(Real, 0, None, closed="left")],
        "contrastive_weight": [Interval(Real, 0, None, closed="left")],
        "distance_weight": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        *,
        subsets=4,
        overlap=0.75,
        n_components=64,
        n_hidden=128,
        dropout=0.1,
        corruption_rate=0.3,
        contrastive_weight=1.0,
        distance_weight=1.0,
        temperature=0.1,
        genes="match",
        weight_decay=0.01,
        max_epochs=30,
        lr=1e-3,
        batch_size=64,
        validation_fraction=0.1,
        patience=8,
        callbacks=None,
        device="auto",
        random_state=None,
        verbose=0,
        compile=False,
        warm_start=False,
        checkpoint_dir=None,
    ):
        self.subsets = subsets
        self.overlap = overlap
        self.n_components = n_components
        self.n_hidden = n_hidden
        self.dropout = dropout
        self.corruption_rate = corruption_rate
        self.contrastive_weight = contrastive_weight
        self.distance_weight = distance_weight
        self.temperature = temperature
        self.genes = genes
        self.weight_decay = weight_decay
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
        self.warm_start = warm_start
        self.checkpoint_dir = checkpoint_dir

    def _new_objective(self, rows: NDArray, seed: int) -> tuple:
        if isinstance(self.subsets, Mapping):
            names = getattr(self, "feature_names_in_", None)
            self.subsets_ = find_gene_sets(self.subsets, names, "subsets")
        else:
            rng = np.random.default_rng([seed, 5])
            # No more subsets than genes: the rest would repeat others.
            n_subsets = min(self.subsets, max(rows.shape[1], 2))
            drawn = overlapping_subsets(rows.shape[1], n_subsets, self.overlap, rng)
            self.subsets_ = {f"subset{k}": genes for k, genes in enumerate(drawn)}
        width = max(len(genes) for genes in self.subsets_.values())
        places = np.full((len(self.subsets_), width), -1)
        for k, genes in enumerate(self.subsets_.values()):
            places[k, : len(genes)] = genes
        parameters = {
            "subsets": places,
            "n_features": rows.shape[1],
            "n_components": self.n_components,
            "n_hidden": self.n_hidden,
            "corruption_rate": self.corruption_rate,
            "contrastive_weight": self.contrastive_weight,
            "distance_weight": self.distance_weight,
            "temperature": self.temperature,
            "dropout": self.dropout,
        }
        return SubsetObjective, parameters, {}

    def _encoder_parameters(self) -> tuple[str, dict]:
        given = self._objective[1]
        names = ("subsets", "n_components", "n_hidden")
        return "subsets", {name: given[name] for name in names}
