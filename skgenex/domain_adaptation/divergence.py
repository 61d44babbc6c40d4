"""How far two domains lie apart."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.linear_model import RidgeClassifier
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_array

PENALTY = 5.0  # per feature, on standardised features: made for more genes than rows
MAX_FOLDS = 5


def proxy_a_distance(
    X_source: ArrayLike,
    X_target: ArrayLike,
    *,
    random_state: int | np.random.RandomState | None = 0,
) -> float:
    r"""Distance of two domains by how well a linear classifier tells them apart.

    :math:`2 (1 - 2 \varepsilon)`, with the balanced error :math:`\varepsilon` of a
    ridge classifier on held-out rows, 0.5 at most: 0 where domains look the same, 2
    where they do not overlap. It says nothing about whether *classes* were aligned: a
    constant representation has distance 0. Domains that were each centred by their own
    rows look a little *more* alike than chance, since the rows held out of one pull the
    mean of its others away.

    Parameters
    ----------
    X_source, X_target : array-like of shape (n_samples, n_features)
        Rows of the two domains, at least two each, in one scale.
    random_state : int, RandomState instance or None, default=0
        Shuffles the folds.

    Returns
    -------
    float
        In [0, 2].

    Raises
    ------
    ValueError
        If a domain has fewer than two rows, or features differ in number.

    References
    ----------
    Ben-David, Blitzer, Crammer & Pereira (2007), Analysis of representations for
    domain adaptation, NeurIPS; Ganin et al. (2016), JMLR 17:59, Section 3.1.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenex.domain_adaptation import proxy_a_distance
    >>> X = np.random.default_rng(0).standard_normal((100, 5))
    >>> proxy_a_distance(X[:50], X[50:] + 10)
    2.0
    """
    source = check_array(X_source, dtype=np.float64, ensure_min_samples=2)
    target = check_array(X_target, dtype=np.float64, ensure_min_samples=2)
    if source.shape[1] != target.shape[1]:
        raise ValueError(
            "X_source and X_target must have the same features; got "
            f"{source.shape[1]} and {target.shape[1]}."
        )
    X = StandardScaler().fit_transform(np.concatenate([source, target]))
    is_target = np.arange(len(X)) >= len(source)
    folds = StratifiedKFold(
        min(MAX_FOLDS, len(source), len(target)),
        shuffle=True,
        random_state=random_state,
    )
    classifier = RidgeClassifier(alpha=PENALTY * X.shape[1], class_weight="balanced")
    predicted = cross_val_predict(classifier, X, is_target, cv=folds)
    accuracy = float(balanced_accuracy_score(is_target, predicted))
    return 2 * (2 * max(accuracy, 0.5) - 1)
