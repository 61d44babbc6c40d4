"""Free text as conditions: reports and descriptions become numeric columns."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.validation import check_is_fitted

from .._transaction import transactional

N_DEFAULT_COMPONENTS = 8


class TextConditions(TransformerMixin, BaseEstimator):
    """Replace columns of free text by the numbers an encoder makes of them.

    The result is a table of numbers, for ``conditions=`` of any sampler; other columns
    stay. Text that is missing counts as empty.

    Parameters
    ----------
    columns : str or sequence of str
        Columns of free text.
    encoder : transformer or str, default=None
        Anything with ``fit`` and ``transform`` that takes a sequence of texts; one
        clone is fitted per column. None: TF-IDF of words, reduced to at most 8
        components by a singular value decomposition. A string names a model of the
        sentence-transformers library, which must be installed
        (``pip install skgenex[text]``); its weights are loaded at the first use.

    Attributes
    ----------
    encoders_ : dict of str to transformer
        The fitted encoder of each column.
    columns_in_ : list
        Columns of the fit.
    n_encoded_ : dict of str to int
        Numbers that each text becomes.

    References
    ----------
    Deerwester et al. (1990), Indexing by Latent Semantic Analysis, JASIS 41:391
    (default); Reimers & Gurevych (2019), Sentence-BERT, EMNLP.

    Examples
    --------
    >>> import pandas as pd
    >>> from skgenex.generation import TextConditions
    >>> table = pd.DataFrame({
    ...     "age": [40, 60, 50],
    ...     "report": ["ER positive, grade 1", "ER negative, grade 3", "ER positive"],
    ... })
    >>> TextConditions(columns="report").fit_transform(table).columns.tolist()
    ['age', 'report_0', 'report_1']
    """

    _parameter_constraints = {
        "columns": [str, "array-like"],
        "encoder": [HasMethods(["fit", "transform"]), str, None],
    }

    def __init__(self, *, columns, encoder=None):
        self.columns = columns
        self.encoder = encoder

    @transactional
    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        """Fit an encoder per column of text.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, n_conditions)
            Conditions, with the columns of text.
        y : None
            Ignored.

        Returns
        -------
        self : TextConditions
            The fitted transformer.

        Raises
        ------
        ImportError
            If ``encoder`` is a string and sentence-transformers is not installed.
        TypeError
            If X is no DataFrame, or a column of text holds other things.
        ValueError
            If a column is missing.
        """
        self._validate_params()
        table = _check_table(X, self._names())
        self.encoders_, self.n_encoded_ = {}, {}
        for name in self._names():
            texts = _texts(table, name)
            self.encoders_[name] = self._new_encoder(texts).fit(texts)
            encoded = _encode(self.encoders_[name], texts, name)
            self.n_encoded_[name] = encoded.shape[1]
        self.columns_in_ = list(table.columns)
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Replace columns of text by numbers.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, n_conditions)
            Conditions, in the columns of the fit.

        Returns
        -------
        DataFrame of shape (n_samples, n_numbers)
            Other columns first, then ``<column>_0``, ``<column>_1``, ... per column of
            text.

        Raises
        ------
        ValueError
            If columns are missing.
        """
        check_is_fitted(self, "encoders_")
        table = _check_table(X, self.columns_in_)[self.columns_in_]
        parts = [table.drop(columns=list(self.encoders_))]
        for name, encoder in self.encoders_.items():
            values = _encode(encoder, _texts(table, name), name)
            names = [f"{name}_{i}" for i in range(values.shape[1])]
            parts.append(pd.DataFrame(values, index=table.index, columns=names))
        return pd.concat(parts, axis=1)

    def _names(self) -> list:
        given = [self.columns] if isinstance(self.columns, str) else self.columns
        return list(given)

    def _new_encoder(self, texts: Sequence[str]) -> Any:
        if self.encoder is None:
            return _latent_semantics(texts)
        if isinstance(self.encoder, str):
            return SentenceEncoder(model=self.encoder)
        return clone(self.encoder)

    def __sklearn_tags__(self):
        """Say that the input is text beside other columns."""
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags


class SentenceEncoder(TransformerMixin, BaseEstimator):
    """A pretrained model of the sentence-transformers library; nothing is fitted.

    Parameters
    ----------
    model : str
        Name or path of the model.
    """

    def __init__(self, *, model):
        self.model = model

    def fit(self, texts: Sequence[str], y: Any = None) -> Self:
        """Check that the library is there."""
        self._load()
        return self

    def transform(self, texts: Sequence[str]) -> np.ndarray:
        """Return sentence embeddings, (n_samples, n_dimensions)."""
        return np.asarray(self._load().encode(list(texts)), dtype=np.float64)

    def _load(self) -> Any:
        try:
            library = import_module("sentence_transformers")
        except ImportError as error:
            raise ImportError(
                f"The text encoder {self.model!r} needs sentence-transformers: "
                "pip install skgenex[text]; or give a scikit-learn encoder, such as "
                "make_pipeline(TfidfVectorizer(), TruncatedSVD(8))."
            ) from error
        return library.SentenceTransformer(self.model)

    def __sklearn_is_fitted__(self) -> bool:
        """Pretrained."""
        return True


def _latent_semantics(texts: Sequence[str]) -> Any:
    """TF-IDF and as many components as the texts allow, of unit length."""
    n_words = TfidfVectorizer().fit_transform(texts).shape[1]
    n = max(1, min(N_DEFAULT_COMPONENTS, len(set(texts)) - 1, n_words - 1))
    return make_pipeline(
        TfidfVectorizer(), TruncatedSVD(n, random_state=0), Normalizer()
    )


def _check_table(X: Any, needed: list) -> pd.DataFrame:
    if not isinstance(X, pd.DataFrame):
        raise TypeError(f"conditions must be a DataFrame; got {type(X).__name__}.")
    missing = [name for name in needed if name not in X.columns]
    if missing:
        raise ValueError(
            f"conditions lack the columns {missing}; they have {list(X.columns)}."
        )
    return X


def _texts(table: pd.DataFrame, name: Any) -> list[str]:
    column = table[name]
    known = column[column.notna()]
    other = [value for value in known if not isinstance(value, str)]
    if other:
        raise TypeError(f"Column {name!r} must hold text; got {other[0]!r}.")
    return column.where(column.notna(), "").astype(object).tolist()


def _encode(encoder: Any, texts: list[str], name: Any) -> np.ndarray:
    values = encoder.transform(texts)
    values = values.toarray() if sparse.issparse(values) else np.asarray(values)
    if values.ndim != 2 or len(values) != len(texts):
        raise ValueError(
            f"The encoder of {name!r} must return a row of numbers per text, "
            f"({len(texts)}, n); got an array of shape {values.shape}."
        )
    return values.astype(np.float64)
