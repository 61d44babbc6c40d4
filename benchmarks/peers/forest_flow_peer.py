"""ForestFlow (Jolicoeur-Martineau et al. 2024) of the package ForestDiffusion.

Usage: python forest_flow_peer.py [--trees N] [--times N] [--duplicates N] [--depth N]
TRAIN.npz SYNTHETIC.npz. It boosts trees per gene, time and label, on all genes: cost
grows with the square of the number of genes. The package's 50 times and 100 duplicates
would take days; ours are a smaller budget, for about 50 genes.
"""

import numpy as np
from _files import collect, read
from ForestDiffusion import ForestDiffusionModel

X, y, counts, seed, args = read(trees=100, times=10, duplicates=20, depth=7)
np.random.seed(seed)  # noqa: NPY002  the package draws from the global generator
model = ForestDiffusionModel(
    X,
    label_y=y,
    n_t=args.times,
    duplicate_K=args.duplicates,
    n_estimators=args.trees,
    max_depth=args.depth,
    diffusion_type="flow",
    n_batch=0,
    n_jobs=1,
    seed=seed,
)


def draw(label):
    made = model.generate(batch_size=int(max(200, counts.sum())))
    return made[:, :-1], made[:, -1].astype(int)


X_new, y_new = collect(draw, counts)
np.savez(args.synthetic, X=X_new, y=y_new)
