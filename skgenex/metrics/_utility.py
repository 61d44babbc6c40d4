"""Train on synthetic, test on real (Esteban et al. 2017)."""

from collections.abc import Callable

from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.metrics import get_scorer


def train_on_synthetic_test_on_real(
    estimator: BaseEstimator,
    X_synthetic: ArrayLike,
    y_synthetic: ArrayLike,
    X_test: ArrayLike,
    y_test: ArrayLike,
    *,
    scoring: str | Callable[..., float] = "balanced_accuracy",
) -> float:
    """Score on real rows of a predictor fitted on synthetic rows only.

    Compare with the same predictor fitted on the real training rows.

    Parameters
    ----------
    estimator : classifier or regressor
        Cloned, so it stays as it is. A scaler belongs in front of it only if the
        synthetic genes all vary: refitted on a gene that is constant up to numerical
        noise, it blows up the test rows.
    X_synthetic : array-like of shape (n_synthetic, n_features)
        Generated rows.
    y_synthetic : array-like of shape (n_synthetic,)
        Their labels.
    X_test : array-like of shape (n_test, n_features)
        Real rows the generator never saw.
    y_test : array-like of shape (n_test,)
        Their labels.
    scoring : str or callable, default="balanced_accuracy"
        Name of a scikit-learn scorer, or a callable ``(estimator, X, y)``.

    Returns
    -------
    score : float
        The score on the test rows.

    References
    ----------
    Esteban, Hyland, Rätsch (2017). Real-valued (medical) time series generation with
    recurrent conditional GANs. arXiv:1706.02633 (TSTR).

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skgenex.datasets import make_expression
    >>> from skgenex.metrics import train_on_synthetic_test_on_real
    >>> X, y = make_expression(200, effect_size=3, random_state=0, return_X_y=True)
    >>> train_on_synthetic_test_on_real(
    ...     LogisticRegression(max_iter=1000), X[:100], y[:100], X[100:], y[100:])
    1.0
    """
    fitted = clone(estimator).fit(X_synthetic, y_synthetic)
    return float(get_scorer(scoring)(fitted, X_test, y_test))
