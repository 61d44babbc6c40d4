"""The smallest estimator on the package's base, for tests of the base."""

import numpy as np
import torch
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import nn

from skgenex._base import TORCH_CONSTRAINTS, TorchEstimator, transactional
from skgenex._validation import split_validation


class CrossEntropy(nn.Module):
    """A small network and its cross entropy per row."""

    def __init__(self, n_features, n_classes, n_hidden=16):
        super().__init__()
        self.network = nn.Sequential(
            nn.Linear(n_features, n_hidden),
            nn.LayerNorm(n_hidden),
            nn.ReLU(),
            nn.Dropout(0.1),
            nn.Linear(n_hidden, n_classes),
        )

    def forward(self, x, label):
        """Return the cross entropy per row."""
        return nn.functional.cross_entropy(self.network(x), label, reduction="none")


class SmallClassifier(ClassifierMixin, TorchEstimator):
    """Classifier with one hidden layer."""

    _parameter_constraints = {**TORCH_CONSTRAINTS, "extra": [dict, None]}

    def __init__(
        self,
        *,
        max_epochs=30,
        lr=1e-2,
        batch_size=64,
        validation_fraction=0.0,
        patience=10,
        callbacks=None,
        device="cpu",
        random_state=None,
        verbose=0,
        compile=False,
        warm_start=False,
        checkpoint_dir=None,
        extra=None,
    ):
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
        self.extra = extra

    @_fit_context(prefer_skip_nested_validation=True)
    @transactional
    def fit(self, X, y):
        """Train the network."""
        X, y = validate_data(self, X, y, dtype=np.float32, order="C")
        check_classification_targets(y)
        self.classes_, label = np.unique(y, return_inverse=True)
        seed = self._draw_seed()
        batch = {"x": X, "label": label.astype(np.int64)}
        train_rows, valid_rows = split_validation(
            len(X), self.validation_fraction, seed=seed, label=label
        )
        valid_batch = None
        if valid_rows is not None:
            valid_batch = {name: array[valid_rows] for name, array in batch.items()}
            batch = {name: array[train_rows] for name, array in batch.items()}
        objective = (
            CrossEntropy,
            {"n_features": X.shape[1], "n_classes": len(self.classes_)},
        )
        self._train(
            objective, batch, seed=seed, valid_batch=valid_batch, **(self.extra or {})
        )
        return self

    def predict_proba(self, X):
        """Return class probabilities."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float32, order="C")
        logits = self._apply(self._network().network, X)
        return torch.softmax(torch.from_numpy(logits), dim=1).numpy()

    def predict(self, X):
        """Return the most probable class."""
        check_is_fitted(self)
        return self.classes_[self.predict_proba(X).argmax(axis=1)]
