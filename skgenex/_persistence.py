"""Save and load estimators in skops' format: a file that is read, not executed."""

import json
import os
import uuid
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile

from ._memory import require_memory

FORMAT_ENTRY = "skgenex.json"  # beside skops' own entries, which skops reads alone
RECORDED = ("scikit-learn", "imbalanced-learn", "numpy", "torch", "skops")

# What files of fitted estimators hold and skops does not trust by itself. Explicit,
# since each is a class that whoever wrote a file may have called: none may read or
# write files, start processes or evaluate text.
OWN_TYPES = (
    "skgenex.counterfactual._explainer.CounterfactualExplainer",
    "skgenex.counterfactual.reference.FactorCovariance",
    "skgenex.counterfactual.reference.Reference",
    "skgenex.counterfactual.searches.learned.GeneratorObjective",
    "skgenex.domain_adaptation._cycada.CyCADAClassifier",
    "skgenex.domain_adaptation._dann.DANNClassifier",
    "skgenex.domain_adaptation._dann_regressor.DANNRegressor",
    "skgenex.domain_adaptation._domain_scaler.DomainScaler",
    "skgenex.domain_adaptation._style_transfer.StyleTransfer",
    "skgenex.domain_adaptation._style_transfer_sampler.StyleTransferSampler",
    "skgenex.domain_adaptation.adversarial.AdaptationObjective",
    "skgenex.domain_adaptation.alignment.Affine",
    "skgenex.domain_adaptation.alignment.LinearMap",
    "skgenex.domain_adaptation.class_moments.ClassMoments",
    "skgenex.domain_adaptation.class_shift.ClassShift",
    "skgenex.domain_adaptation.label_shift.ScoreModel",
    "skgenex.domain_adaptation.translator.CycleObjective",
    "skgenex.generation._conditions.ConditionEncoder",
    "skgenex.generation._diffusion_sampler.DiffusionSampler",
    "skgenex.generation._gan_sampler.GANSampler",
    "skgenex.generation._gaussian_sampler.GaussianSampler",
    "skgenex.generation._hierarchical_sampler.HierarchicalDiffusionSampler",
    "skgenex.generation._kl_autoencoder.KLAutoencoder",
    "skgenex.generation._private_diffusion_sampler.PrivateDiffusionSampler",
    "skgenex.generation._private_gaussian_sampler.PrivateGaussianSampler",
    "skgenex.generation.upsampling.CorrectionObjective",
    "skgenex.generation._upsampler.TranscriptomeUpsampler",
    "skgenex.generation._vae_sampler.VAESampler",
    "skgenex.generation.autoencoder.RowVAE",
    "skgenex.generation._contrastive_embedding.ContrastiveEmbedding",
    "skgenex.generation.contrastive.ContrastiveObjective",
    "skgenex.generation.factors.FactorModel",
    "skgenex.generation.gan.LatentGAN",
    "skgenex.generation.marginals.MarginalMap",
    "skgenex.generation.private_gaussian.PublicSpace",
    "skgenex.generation.public_rows.MovedModel",
    "skgenex.generation.spaces.CodeModel",
    "skgenex.generation.spaces.GeneModel",
    "skgenex.generation.strategies.augment_to",
    "skgenex.generation.strategies.multiply",
    "skgenex.generation.vae.LatentVAE",
    "skgenex.nn.diffusion.denoiser.DenoisingObjective",
    "skgenex.prediction._classifier.PhenotypeClassifier",
    "skgenex.prediction._regressor.PhenotypeRegressor",
    "skgenex.prediction.objectives.PhenotypeObjective",
    "skgenex.preprocessing._log_cpm.LogCPM",
    "skgenex.self_supervision._subtab_pretrainer.SubTabPretrainer",
    "skgenex.self_supervision._vime_classifier.VIMEClassifier",
    "skgenex.self_supervision._vime_pretrainer.VIMEPretrainer",
    "skgenex.self_supervision.finetune.FineTuneObjective",
    "skgenex.self_supervision.pretext.PretextObjective",
    "skgenex.self_supervision.subsets.SubsetObjective",
)
OTHER_TYPES = (
    "imblearn.pipeline.Pipeline",
    "numpy.dtype",
    "sklearn.compose._column_transformer.make_column_selector",
)


def trusted_types() -> list[str]:
    """Name the types that skops must be told to trust in files of this package.

    Returns
    -------
    list of str
        Estimators, networks and fitted parts of this package, and the two types of
        others which these or their pipelines hold: for ``trusted=`` of
        ``skops.io.load``. `load` trusts them by itself.

    Examples
    --------
    >>> from skgenex._persistence import trusted_types
    >>> "skgenex.generation._gaussian_sampler.GaussianSampler" in trusted_types()
    True
    """
    return sorted(OWN_TYPES + OTHER_TYPES)


def save(estimator: Any, path: str | os.PathLike) -> None:
    """Write an estimator, or a pipeline with one, to a file from which it can be read.

    The file is one of skops (``skops.io.load`` reads it), compressed, with one more
    entry: the versions of this package and of those it builds on. It takes the name
    ``path`` only when it is complete, so a process killed while saving leaves the file
    that was there before.

    Parameters
    ----------
    estimator : estimator
        Fitted or not.
    path : str or path-like
        Name of the file, usually ending in ``.skops``.

    Raises
    ------
    ImportError
        If skops is not installed.
    TypeError
        If the estimator holds something that skops cannot write, such as a torch
        module, or that no other process could find, such as a function of a script.
    FileNotFoundError
        If the folder of ``path`` does not exist.

    See Also
    --------
    load : Read the file.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from skgenex import GaussianSampler
    >>> from skgenex._persistence import load, save
    >>> from skgenex.datasets import make_expression
    >>> X, y = make_expression(n_samples=40, random_state=0, return_X_y=True)
    >>> sampler = GaussianSampler(random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(sampler, pathlib.Path(folder) / "sampler.skops")
    ...     again = load(pathlib.Path(folder) / "sampler.skops")
    >>> bool((again.sample(5)[0] == sampler.sample(5)[0]).all())
    True
    """
    skops_io = _skops_io()
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"{str(path)!r} cannot be written: there is no folder {str(path.parent)!r}."
        )
    # Beside the target: a file can only take a name atomically on its own disk.
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with open(temporary, "w+b") as file:
            _write(estimator, file, skops_io)
            file.flush()
            os.fsync(file.fileno())
        _check_can_be_found(temporary, skops_io)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def load(path: str | os.PathLike, *, trusted: Sequence[str | type] = ()) -> Any:
    """Read an estimator that `save`, or ``skops.io.dump``, has written.

    Only types of `trusted_types`, of ``trusted``, and those that skops trusts by
    itself are made; a file with any other is refused before anything is.

    Parameters
    ----------
    path : str or path-like
        Name of the file.
    trusted : sequence of str or type, default=()
        Further types to trust, such as ``"lightgbm.sklearn.LGBMClassifier"`` in a
        pipeline.

    Returns
    -------
    estimator
        As it was saved; networks on their device, or on the CPU where that is missing.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is truncated or altered, of another kind (such as a pickle), or of
        a newer version of this package or of skops.
    TypeError
        If the file holds a type that is not trusted.
    MemoryError
        If its content does not fit into the memory that is free.
    ImportError
        If skops is not installed.

    See Also
    --------
    save : Write the file.
    """
    skops_io = _skops_io()
    path = Path(path)
    try:
        with ZipFile(path) as archive:
            _check_archive(archive, path)
        return skops_io.load(path, trusted=[*trusted_types(), *trusted])
    except (BadZipFile, EOFError) as error:
        raise ValueError(_kind_of(path)) from error
    except skops_io.exceptions.UntrustedTypesFoundException as error:
        raise TypeError(
            f"{str(path)!r} was not loaded: {error} If you know who made the file and "
            "what these types do, name them in trusted=[...]."
        ) from error
    except (OSError, MemoryError, _NotReadable):
        raise
    except Exception as error:  # an altered file can fail at any place
        raise ValueError(
            f"{str(path)!r} was not loaded: its content is not that of a saved "
            f"estimator, or not one of these versions ({type(error).__name__}: "
            f"{error}). Get the file again from where it was made."
        ) from error


def _write(estimator: Any, file: BinaryIO, skops_io: Any) -> None:
    """Write what skops writes, and the versions it was written by."""
    try:
        skops_io.dump(estimator, file, compression=ZIP_DEFLATED)
    except Exception as error:  # whatever the state of an object raises
        raise TypeError(
            f"{type(estimator).__name__} holds something that skops cannot write "
            f"({str(error).rstrip('.')}). Use joblib.dump, and joblib.load only for "
            "files of your own: loading them executes what they say."
        ) from error
    with ZipFile(file, "a", compression=ZIP_DEFLATED) as archive:
        archive.writestr(FORMAT_ENTRY, json.dumps(_versions()))


def _check_can_be_found(path: Path, skops_io: Any) -> None:
    """Raise if a type or function in a file exists in this process alone."""
    lost = []
    for name in skops_io.get_untrusted_types(file=path):
        module, _, attribute = name.rpartition(".")
        try:
            found = module != "__main__" and hasattr(import_module(module), attribute)
        except (ImportError, ValueError):  # the latter: a name without a module
            found = False
        if not found:
            lost.append(name)
    if lost:
        raise TypeError(
            f"Not saved: {', '.join(lost)} could not be found again by the process "
            "that loads the file. Put functions and classes of your own into a module "
            "that both can import."
        )


class _NotReadable(ValueError):
    """A reason of our own not to read a file, already in words."""


def _check_archive(archive: ZipFile, path: Path) -> None:
    """Raise if the archive is too large, damaged, or of a newer version."""
    from sklearn.utils.fixes import parse_version

    size = sum(entry.file_size for entry in archive.infolist())
    require_memory(size, f"the content of {str(path)!r}", "Is it what it should be?")
    damaged = archive.testzip()
    if damaged is not None:
        raise _NotReadable(
            f"{str(path)!r} is damaged in its entry {damaged!r}: get the file again."
        )
    if FORMAT_ENTRY not in archive.namelist():
        return  # written by skops.io.dump
    written_by = json.loads(archive.read(FORMAT_ENTRY))["skgenex"]
    from . import __version__

    if parse_version(written_by) > parse_version(__version__):
        raise _NotReadable(
            f"{str(path)!r} was saved by skgenex {written_by}, this is {__version__}: "
            f'update with pip install -U "skgenex>={written_by}".'
        )


def _kind_of(path: Path) -> str:
    """Say what a file that is no zip archive seems to be."""
    with open(path, "rb") as file:
        start = file.read(2)
    if start[:1] in (b"\x80", b"\x78") or start == b"\x1f\x8b":  # zlib, gzip
        return (
            f"{str(path)!r} is a pickle, as joblib.dump writes it: it could execute "
            "anything, and was not loaded. Save the estimator with skgenex.save."
        )
    return (
        f"{str(path)!r} is not, or no longer, a whole file of skgenex.save: it is "
        f"truncated or something else ({path.stat().st_size} bytes)."
    )


def _versions() -> dict[str, str]:
    from . import __version__

    return {"skgenex": __version__, **{name: version(name) for name in RECORDED}}


def _skops_io() -> Any:
    try:
        return import_module("skops.io")
    except ImportError as error:
        raise ImportError(
            "Saving and loading estimators needs skops; install it with "
            'pip install "skgenex[skops]".'
        ) from error
