"""Pretraining of an encoder by corruption of rows without labels."""

from numbers import Integral, Real

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from .._base import TorchEstimator
from .._covariance import factorise
from .._residuals import Residuals, weighted_mean
from ._pretrainer import PRETRAINER_CONSTRAINTS, PretrainerMixin
from .genes import find_gene_sets, list_sets_by_gene
from .pretext import PRETEXTS, PretextObjective

MANY_GENES = 5_000
N_SCORED = 2_000


class VIMEPretrainer(PretrainerMixin, TorchEstimator):
    """Learn latents of expression from rows without labels.

    The encoder starts as principal component analysis of the rows, with a perceptron
    that adds nothing yet, and learns to tell which values of a row were replaced by
    those of other rows and what stood there. If that does not lower the loss of
    held-out rows, the principal components are kept: ``pretext_gain_`` says.

    Parameters
    ----------
    pretext : {"vime", "dae", "scarf", "vicreg", "none"}, default="vime"
        What is learned: "vime" both of the above, "dae" only the values; "scarf" and
        "vicreg" that a row and its corrupted copy have like latents. "none" leaves a
        random encoder, a control for comparisons.
    init : {"pca", "random"}, default="pca"
        Where the encoder starts; with ``pretext="none"`` it is always random.
    n_components : int, default=64
        Latents; at most as many as there are principal components with "pca".
    n_hidden : int, default=128
        Units per hidden layer.
    n_layers : int, default=1
        Hidden layers.
    dropout : float, default=0.1
        Share of hidden units dropped in training.
    corruption_rate : float, default=0.3
        Probability that a value is replaced.
    gene_sets : dict of str to list of str, default=None
        Names of genes by name of a set, such as a pathway: sets are replaced as a
        whole, so that values must be told from the other sets. Each gene follows one
        of its sets, drawn for each batch; genes in none are replaced one by one.
    feature_weight : float, default=2.0
        Weight of the estimated values beside the estimated mask.
    temperature : float, default=0.5
        Of "scarf".
    n_scored_genes : int, "auto" or None, default="auto"
        Genes, drawn anew for each batch, for which mask and values are estimated; None
        takes all, "auto" all up to 5,000 genes and else 2,000.
    genes : {"match", "strict"}, default="match"
        "match": columns of a DataFrame are matched by name, in any order; further ones
        are ignored, missing ones filled with their mean, with a warning if less than
        half of the genes are there and an error below a tenth. "strict" wants the
        columns of the fit.
    weight_decay : float, default=0.01
        Of AdamW.
    max_epochs : int, default=40
        Passes over the rows at most.
    lr : float, default=1e-3
        Learning rate of AdamW, lowered along a cosine.
    batch_size : int, default=64
        Rows per step.
    validation_fraction : float, default=0.1
        Share of rows held out to stop training. Their corruption is drawn once.
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
    pretext_gain_ : float
        How much lower the held-out loss is than before training, as a share of it. If
        it is not positive, training was undone; NaN without held-out rows.
    whitening_ : ndarray of shape (n_components, n_components)
        Map of the latents after which neighbouring rows differ alike in all
        directions; `VIMEClassifier` applies it.
    net_ : ObjectiveNet
        The skorch net; ``net_.module_.encoder`` is the encoder.
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
    VIMEClassifier : Learn from few labels with the encoder.
    SubTabPretrainer : Learn from overlapping subsets of genes.

    Notes
    -----
    The paper's heads end in a sigmoid, which cannot estimate standardised values; here
    the head of the values is linear. Cohorts of different scale should be standardised
    each by itself before.

    References
    ----------
    Yoon, Zhang, Jordon & van der Schaar (2020), VIME, NeurIPS, Eq. 3-6.

    Examples
    --------
    >>> from skgenex.datasets import make_expression
    >>> from skgenex.self_supervision import VIMEPretrainer
    >>> X, _ = make_expression(n_samples=60, random_state=0, return_X_y=True)
    >>> pretrainer = VIMEPretrainer(n_components=5, max_epochs=2, random_state=0)
    >>> pretrainer.fit_transform(X).shape
    (60, 5)
    """

    _parameter_constraints = {
        **PRETRAINER_CONSTRAINTS,
        "pretext": [StrOptions(set(PRETEXTS))],
        "init": [StrOptions({"pca", "random"})],
        "n_layers": [Interval(Integral, 1, None, closed="left")],
        "gene_sets": [dict, None],
        "feature_weight": [Interval(Real, 0, None, closed="left")],
        "n_scored_genes": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
            None,
        ],
    }

    def __init__(
        self,
        *,
        pretext="vime",
        init="pca",
        n_components=64,
        n_hidden=128,
        n_layers=1,
        dropout=0.1,
        corruption_rate=0.3,
        gene_sets=None,
        feature_weight=2.0,
        temperature=0.5,
        n_scored_genes="auto",
        genes="match",
        weight_decay=0.01,
        max_epochs=40,
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
        self.pretext = pretext
        self.init = init
        self.n_components = n_components
        self.n_hidden = n_hidden
        self.n_layers = n_layers
        self.dropout = dropout
        self.corruption_rate = corruption_rate
        self.gene_sets = gene_sets
        self.feature_weight = feature_weight
        self.temperature = temperature
        self.n_scored_genes = n_scored_genes
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

    def _has_task(self) -> bool:
        return self.pretext != "none"

    def _starts_at_pca(self) -> bool:
        return self.init == "pca" and self._has_task()

    def _new_objective(self, rows: NDArray, seed: int) -> tuple:
        n_components = self.n_components
        weights: dict[str, NDArray] = {}
        if self._starts_at_pca():
            rng = np.random.default_rng([seed, 3])
            means = weighted_mean(rows, np.ones(len(rows)))
            centred = Residuals(rows, np.zeros(len(rows), dtype=int), means[None])
            values, directions, _ = factorise(centred, rng, with_scores=False)
            if len(values):  # none where nothing varies
                n_components = min(n_components, len(values))
                weights = _pca_weights(values[:n_components], directions[:n_components])
        n_scored = self.n_scored_genes
        if n_scored == "auto":
            n_scored = N_SCORED if rows.shape[1] > MANY_GENES else None
        gene_sets = None
        if self.gene_sets is not None:
            names = getattr(self, "feature_names_in_", None)
            found = find_gene_sets(self.gene_sets, names, "gene_sets")
            gene_sets = list_sets_by_gene(found, rows.shape[1])
        parameters = {
            "gene_sets": gene_sets,
            "n_features": rows.shape[1],
            "n_components": n_components,
            "n_hidden": self.n_hidden,
            "n_layers": self.n_layers,
            "dropout": self.dropout,
            "pretext": self.pretext,
            "corruption_rate": self.corruption_rate,
            "feature_weight": self.feature_weight,
            "temperature": self.temperature,
            "n_scored_genes": n_scored,
        }
        if not self._has_task():
            # Random all through: the perceptron, which starts at zero, too.
            rng = np.random.default_rng([seed, 4])
            noise = rng.normal(size=(n_components, self.n_hidden))
            weights["encoder.last.weight"] = noise / np.sqrt(self.n_hidden)
        return PretextObjective, parameters, weights

    def _encoder_parameters(self) -> tuple[str, dict]:
        given = self._objective[1]
        names = ("n_features", "n_components", "n_hidden", "n_layers")
        return "factors", {name: given[name] for name in names}

    def _check_decodes(self) -> None:
        pretext = self._network().pretext
        if pretext not in ("vime", "dae"):
            raise ValueError(
                "Genes are estimated only by an encoder trained with pretext='vime' or "
                f"'dae'; this one was trained with pretext={pretext!r}."
            )


def _pca_weights(values: NDArray, directions: NDArray) -> dict[str, NDArray]:
    """Return encoder and head of the values as principal component analysis."""
    scale = np.sqrt(values.mean())  # latents of mean square one
    return {
        "encoder.projection.weight": directions / scale,
        "feature_head.weight": directions.T * scale,
        "feature_head.bias": np.zeros(directions.shape[1]),
    }
