"""Networks of skada (``pip install skada POT``), as methods of adaptation.py.

All get what ours get: rows standardised domain by domain, class weights, the labelled
source and the unlabelled half of the target. The body is one of two hidden layers, as
skada brings none for tables; 60 epochs of AdamW. ``skada_dann_shipped`` keeps the
domain classifier of skada 0.6, a softmax over a single unit, which is constant and so
adapts nothing; ``skada_dann`` and ``skada_cdan`` replace it by a sigmoid.
"""

import numpy as np
import torch
from sklearn.preprocessing import StandardScaler
from torch import nn

SOURCE, TARGET = 1, -2  # skada's signs
N_HIDDEN = 64
MAX_EPOCHS = 60
BATCH_SIZE = 32


class Body(nn.Module):
    """A network for rows of genes, with a layer of features by name."""

    def __init__(self, n_features, n_classes):
        super().__init__()
        self.first = nn.Sequential(
            nn.Linear(n_features, N_HIDDEN), nn.ReLU(), nn.Dropout(0.5)
        )
        self.features = nn.Sequential(nn.Linear(N_HIDDEN, N_HIDDEN), nn.ReLU())
        self.head = nn.Linear(N_HIDDEN, n_classes)

    def forward(self, X, sample_weight=None):
        return self.head(self.features(self.first(X)))


def domain_classifier(n_features):
    """Return a critic like skada's, with the sigmoid that a single unit needs."""
    from skada.deep.modules import GradientReversalLayer

    class Critic(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.Sequential(
                nn.Linear(n_features, 100),
                nn.BatchNorm1d(100),
                nn.ReLU(),
                nn.Linear(100, 1),
                nn.Sigmoid(),
            )

        def forward(self, X, sample_weight=None):
            return self.layers(GradientReversalLayer.apply(X, 1.0)).squeeze()

    return Critic()


def _network(name, n_features, n_classes, how):
    import skada.deep

    body = Body(n_features, n_classes)
    if name == "deepcoral":
        return skada.deep.DeepCoral(body, reg=1.0, **how)
    if name == "cdan":
        critic = domain_classifier(N_HIDDEN * n_classes)
        return skada.deep.CDAN(
            body,
            reg=0.1,
            num_features=N_HIDDEN,
            n_classes=n_classes,
            domain_classifier=critic,
            **how,
        )
    critic = None if name == "dann_shipped" else domain_classifier(N_HIDDEN)
    return skada.deep.DANN(
        body, reg=0.1, num_features=N_HIDDEN, domain_classifier=critic, **how
    )


def skada_network(task, name):
    """Probabilities and features of the target's test rows; None with target labels."""
    if (task.seen >= 0).any():
        return None
    target = StandardScaler().fit(task.X_adapt)
    Z_source = StandardScaler().fit_transform(task.X_source).astype(np.float32)
    Z_adapt = target.transform(task.X_adapt).astype(np.float32)
    Z_test = torch.as_tensor(target.transform(task.X_test).astype(np.float32))
    y, n = np.asarray(task.y_source, int), task.n_classes
    counts = np.bincount(y, minlength=n).clip(1)
    class_weights = torch.as_tensor(len(y) / (n * counts), dtype=torch.float32)
    torch.manual_seed(task.seed)
    how = {
        "layer_name": "features",
        "max_epochs": MAX_EPOCHS,
        "lr": 1e-3,
        "batch_size": min(BATCH_SIZE, len(y), len(Z_adapt)),
        "optimizer": torch.optim.AdamW,
        "optimizer__weight_decay": 1e-2,
        "train_split": None,
        "verbose": 0,
        "iterator_train__drop_last": True,
        "base_criterion": nn.CrossEntropyLoss(weight=class_weights),
    }
    model = _network(name, Z_source.shape[1], n, how)
    model.fit(
        np.concatenate([Z_source, Z_adapt]),
        np.concatenate([y, np.full(len(Z_adapt), -1)]),
        sample_domain=np.repeat([SOURCE, TARGET], [len(y), len(Z_adapt)]),
    )
    body = getattr(model.module_, "base_module_", model.module_).eval()
    with torch.no_grad():
        probabilities = torch.softmax(body(Z_test), 1).numpy()
        features = [
            body.features(body.first(Z)).numpy()
            for Z in (torch.as_tensor(Z_source), Z_test)
        ]
    return probabilities, tuple(features)
