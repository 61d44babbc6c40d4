"""Rows of other domains, restyled, as more training rows of the target."""

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from imblearn.base import BaseSampler
from numpy.typing import ArrayLike
from scipy import sparse

from .._domains import resolve_domains, take_domain_column
from .._transaction import transactional
from ._style_transfer import STYLE_CONSTRAINTS, StyleTransfer


class StyleTransferSampler(BaseSampler):
    """Enlarge a data set by rows of others, rewritten in its style.

    The labelled rows of the target stay as they are; labelled rows of all other domains
    are added after `StyleTransfer`. As a step of an imbalanced-learn pipeline it works
    in fits alone, so models are scored on real rows of the target only.

    Parameters
    ----------
    method : {"moments", "quantile", "coral", "ot", "cycada"}, default="moments"
        See `StyleTransfer`.
    label_shift : {"em"} or None, default="em"
        See `StyleTransfer`.
    target_domain : hashable, default=None
        The domain to enlarge; None: the one with unlabelled rows.
    domain : hashable, default=None
        Column of a DataFrame ``X`` which holds the domains; it is removed. Rows to
        predict must then come without it.
    unlabelled : object, default=-1
        Label of rows without one, which help to learn the style and are then left out;
        None, NaN and `pandas.NA` are so as well.
    max_epochs : int, default=40
        Of "cycada".
    device : str or torch.device, default="auto"
        Of "cycada".
    random_state : int, RandomState instance or None, default=None
        Source of randomness of the fit.

    Attributes
    ----------
    style_transfer_ : StyleTransfer
        The fitted transformer.
    sample_indices_ : ndarray of int, (n_samples_new,)
        Which given row each new row is, or was made of.
    sampling_strategy_ : dict
        Empty: the number of rows does not depend on classes.
    n_features_in_ : int
        Number of genes.
    feature_names_in_ : ndarray of shape (n_features,)
        Genes, if X had names.

    See Also
    --------
    StyleTransfer : The transformer.

    References
    ----------
    Hoffman et al. (2018), CyCADA: Cycle-Consistent Adversarial Domain Adaptation, ICML.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.datasets import make_expression
    >>> from skgenex.domain_adaptation import StyleTransferSampler
    >>> data = make_expression(
    ...     120, 40, n_domains=2, domain_shift=2.0, random_state=0)
    >>> few = np.flatnonzero(data.domain == 1)[10:]
    >>> y = data.target.astype(object)
    >>> y[few] = None
    >>> sampler = StyleTransferSampler(random_state=0)
    >>> X_new, y_new = sampler.fit_resample(data.data, y, sample_domain=data.domain)
    >>> X_new.shape  # 10 labelled rows of the target, 60 of the other domain
    (70, 40)
    """

    _sampling_type = "bypass"
    sampling_strategy = "auto"  # what imbalanced-learn's base looks for

    __metadata_request__fit_resample = {"sample_domain": True}

    _parameter_constraints = {
        name: STYLE_CONSTRAINTS[name]
        for name in (
            *("method", "label_shift", "target_domain", "domain", "unlabelled"),
            *("max_epochs", "device", "random_state"),
        )
    }

    def __init__(
        self,
        *,
        method="moments",
        label_shift="em",
        target_domain=None,
        domain=None,
        unlabelled=-1,
        max_epochs=40,
        device="auto",
        random_state=None,
    ):
        self.method = method
        self.label_shift = label_shift
        self.target_domain = target_domain
        self.domain = domain
        self.unlabelled = unlabelled
        self.max_epochs = max_epochs
        self.device = device
        self.random_state = random_state

    @transactional
    def fit_resample(
        self,
        X: Any,
        y: ArrayLike,
        sample_domain: Sequence[Hashable] | None = None,
    ) -> tuple:
        """Return labelled rows of the target, and of all others in its style.

        Parameters
        ----------
        X : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_features)
            Rows of all domains, for example log2(CPM + 1).
        y : array-like of shape (n_samples,)
            Labels, missing where unknown.
        sample_domain : sequence of hashable of shape (n_samples,), default=None
            Domain of each row; see `StyleTransfer`.

        Returns
        -------
        X_resampled : {ndarray, DataFrame, sparse matrix}
            Rows of the target first, then the restyled ones.
        y_resampled : ndarray or Series
            Their labels.

        Raises
        ------
        ValueError
            If there are several domains, but not one target among them.
        """
        X, sample_domain = take_domain_column(X, sample_domain, self.domain)
        if not np.asarray(pd.isna(np.asarray(y, dtype=object))).any():
            return super().fit_resample(
                X, y, sample_domain=sample_domain, unlabelled=self.unlabelled
            )
        # imbalanced-learn refuses missing labels: it gets codes instead.
        domains = resolve_domains(
            X, y, sample_domain, unlabelled=self.unlabelled, require_labels=True
        )
        names = [domains.names[code] for code in domains.codes]
        X_new, codes = super().fit_resample(
            X, domains.y_codes, sample_domain=names, unlabelled=-1
        )
        labels = domains.classes_[codes]
        if isinstance(y, pd.Series):
            labels = pd.Series(labels, name=y.name).astype(y.dtype)
        return X_new, labels

    def _fit_resample(self, X, y, sample_domain=None, unlabelled=-1):
        dense = X.toarray() if sparse.issparse(X) else X
        if dense.dtype.kind in "iub":
            raise ValueError(
                f"X has integer values ({dense.dtype}), in which restyled rows would "
                "be truncated: give it as floats."
            )
        style = StyleTransfer(**self.get_params())
        style.set_params(domain=None, unlabelled=unlabelled)
        domains = resolve_domains(
            dense,
            y,
            sample_domain,
            target_domain=self.target_domain,
            unlabelled=unlabelled,
        )
        restyled = style.fit(dense, y, sample_domain)
        names = [domains.names[code] for code in domains.codes]
        X_new = restyled.transform(dense, sample_domain=names)
        known = domains.is_labelled
        chosen = np.r_[
            np.flatnonzero(known & domains.is_target),
            np.flatnonzero(known & ~domains.is_target),
        ]
        self.style_transfer_ = restyled
        self.sample_indices_ = chosen
        X_new = X_new[chosen].astype(X.dtype)
        if sparse.issparse(X):
            X_new = type(X)(X_new)
        return X_new, np.asarray(y)[chosen]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.sampler_tags.sample_indices = True
        return tags
