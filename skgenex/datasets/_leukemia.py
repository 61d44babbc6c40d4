"""The embedded patients: acute lymphoblastic leukemia (Chiaretti et al. 2004, 2005)."""

from importlib.resources import files
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

UNIT = 1024  # stored integers are multiples of 1 / UNIT on the log2 scale
TARGETS = ("lineage", "molecular")

DESCR = """\
Acute lymphoblastic leukemia (ALL), 128 patients
------------------------------------------------

Bone marrow or blood of 128 patients with ALL (ages 5 to 58, most of them adults),
Affymetrix HG-U95Av2, RMA, log2 intensity (2.0 to 14.0), one probe set per gene symbol:
the 4,000 genes of highest variance, and the known lineage and BCR/ABL markers that are
not among them; columns in order of decreasing variance.

:Number of patients: 128
:Number of genes: 4,003
:Missing values: none in the expression; sex of 3 and age of 5 patients

Targets
    lineage
        B 95, T 33. Easy. T: CD3D, CD3E, CD7, LCK; B: CD19, CD79A, CD79B, BLNK.
    molecular
        NEG 74, BCR/ABL 37, ALL1/AF4 10, E2A/PBX1 5, NUP-98 1, p15/p16 1.
        Strongly imbalanced. BCR/ABL against NEG within the B lineage is hard.

Two molecular types have a single patient, so no stratified split can hold them on both
sides, and no score of theirs can be estimated. They are kept, because rare types are
what real cohorts have. For cross-validation, leave them out::

    counts = pd.Series(y).value_counts()
    keep = np.isin(y, counts.index[counts >= 5])

or merge them into another class; E2A/PBX1 with 5 patients allows 5 folds at most.

References: Chiaretti et al. (2004), Blood 103:2771-2778; Chiaretti et al. (2005),
Clinical Cancer Research 11:7209-7219. Source: Debian package r-bioc-all 1.40.0
(Bioconductor data package ALL, Artistic License 2.0), modified: genes selected, values
rounded to multiples of 1/1024.
"""


def load_leukemia(
    *,
    n_genes: int | None = None,
    target: Literal["lineage", "molecular"] = "lineage",
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Any:
    """Load 128 patients with acute lymphoblastic leukemia (Chiaretti et al.).

    The data are embedded in the package; nothing is downloaded.

    Parameters
    ----------
    n_genes : int, default=None
        Exactly so many genes, those of highest variance over all 128 patients (labels
        play no part). None gives all 4,003: the 4,000 of highest variance and the
        known markers that are not among them.
    target : {"lineage", "molecular"}, default="lineage"
        Lineage (B, T), or molecular type (six, strongly imbalanced, two of them with a
        single patient: see ``DESCR`` for what to do).
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Return pandas objects, indexed by sample id.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the attributes

        data : ndarray or DataFrame of shape (128, n_genes)
            Expression, RMA log2 intensity, genes in order of decreasing variance.
        target : ndarray or Series of shape (128,)
            Strings.
        target_names : list of str
            The classes, sorted.
        feature_names : list of str
            Gene symbols.
        probe_sets : list of str
            HG-U95Av2 probe set of each gene.
        frame : DataFrame of shape (128, n_genes + 1) or None
            Data and target, only with ``as_frame=True``.
        patients : DataFrame of shape (128, 5)
            age (years), sex, stage, lineage and molecular, indexed by sample id.
        DESCR : str
            Description.
    (data, target) : tuple
        If ``return_X_y``.

    Raises
    ------
    ValueError
        If ``target`` is unknown or ``n_genes`` is out of range.

    References
    ----------
    Chiaretti et al. (2004). Gene expression profile of adult T-cell acute lymphocytic
    leukemia identifies distinct subsets of patients with different response to therapy
    and survival. Blood 103:2771-2778.

    Chiaretti et al. (2005). Gene expression profiles of B-lineage adult acute
    lymphocytic leukemia reveal genetic patterns that identify lineage derivation and
    distinct mechanisms of transformation. Clinical Cancer Research 11:7209-7219.

    Examples
    --------
    >>> from skgenex.datasets import load_leukemia
    >>> leukemia = load_leukemia(n_genes=200, target="molecular", as_frame=True)
    >>> leukemia.data.shape
    (128, 200)
    >>> leukemia.target.value_counts().to_dict()["BCR/ABL"]
    37
    >>> X, y = load_leukemia(return_X_y=True)
    >>> X.shape, [str(name) for name in sorted(set(y))]
    ((128, 4003), ['B', 'T'])
    """
    if target not in TARGETS:
        raise ValueError(f"target must be one of {TARGETS}; got {target!r}.")
    with (
        files(__package__).joinpath("data/leukemia.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as packed,
    ):
        stored = {name: packed[name] for name in packed.files}
    n_stored = len(stored["genes"])
    if n_genes is None:
        n_genes = n_stored
    if not isinstance(n_genes, (int, np.integer)) or not 1 <= n_genes <= n_stored:
        raise ValueError(
            f"n_genes must be an integer from 1 to {n_stored}, or None for all; "
            f"got {n_genes!r}."
        )

    index = pd.Index(stored["samples"].tolist(), name="sample_id")
    patients = pd.DataFrame(
        {
            name: stored[name].tolist()
            for name in ("age", "sex", "stage", "lineage", "molecular")
        },
        index=index,
    ).replace({"sex": {"": None}})
    genes = stored["genes"][:n_genes].tolist()
    data: Any = stored["expression"][:, :n_genes] / UNIT
    labels: Any = stored[target]
    frame = None
    if as_frame:
        data = pd.DataFrame(data, index=index, columns=genes)
        labels = patients[target].copy()
        frame = pd.concat([data, labels], axis=1)
    if return_X_y:
        return data, labels
    return Bunch(
        data=data,
        target=labels,
        target_names=np.unique(stored[target]).tolist(),
        feature_names=genes,
        probe_sets=stored["probe_sets"][:n_genes].tolist(),
        frame=frame,
        patients=patients,
        DESCR=DESCR,
    )
