"""TVAE (Xu et al. 2019) of the package ctgan; rows of a label by rejection.

Usage: python tvae_peer.py [--epochs N] TRAIN.npz SYNTHETIC.npz
"""

import numpy as np
import pandas as pd
import torch
from _files import collect, read
from ctgan import TVAE

X, y, counts, seed, args = read(epochs=300)
np.random.seed(seed)  # noqa: NPY002  the package draws from the global generators
torch.manual_seed(seed)
torch.set_num_threads(1)

table = pd.DataFrame(X, columns=[f"gene{j}" for j in range(X.shape[1])])
table["label"] = y.astype(str)
batch_size = int(np.clip(len(X) // 10 * 10, 20, 500))
model = TVAE(epochs=args.epochs, batch_size=batch_size)
model.fit(table, discrete_columns=["label"])


def draw(label):
    made = model.sample(int(max(500, counts.sum())))
    labels = made.pop("label").astype(float).astype(int)
    return made.to_numpy(float), labels.to_numpy()


X_new, y_new = collect(draw, counts)
np.savez(args.synthetic, X=X_new, y=y_new)
