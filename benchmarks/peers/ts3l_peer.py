"""Few labels by ts3l's VIME, SubTab or SCARF: pretrain, then train all layers.

    ts3l_peer.py {vime,subtab,scarf} in.npz out.npz

In an environment with ts3l. Reads `pool`, `few` (-1 without label), `test` and `seed`,
writes `guess`, the codes of the test rows.
"""

import logging
import sys
import warnings

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, WeightedRandomSampler
from ts3l import pl_modules
from ts3l.utils.backbone_utils import MLPBackboneConfig
from ts3l.utils.embedding_utils import IdentityEmbeddingConfig
from ts3l.utils.scarf_utils import SCARFConfig, SCARFDataset
from ts3l.utils.subtab_utils import SubTabConfig, SubTabDataset
from ts3l.utils.vime_utils import VIMEConfig, VIMEDataset, VIMESecondPhaseCollateFN

N_HIDDEN = 256
PRETRAINING_EPOCHS, TUNING_EPOCHS = 40, 50
KINDS = {
    "vime": (
        pl_modules.VIMELightning,
        VIMEConfig,
        VIMEDataset,
        {
            "predictor_dim": 128,
            "alpha1": 2.0,
            "alpha2": 2.0,
            "beta": 1.0,
            "K": 3,
            "p_m": 0.3,
            "cat_cardinality": [],
        },
    ),
    "subtab": (
        pl_modules.SubTabLightning,
        SubTabConfig,
        SubTabDataset,
        {
            "projection_dim": 128,
            "tau": 0.1,
            "n_subsets": 4,
            "overlap_ratio": 0.75,
            "mask_ratio": 0.2,
            "noise_type": "Swap",
        },
    ),
    "scarf": (
        pl_modules.SCARFLightning,
        SCARFConfig,
        SCARFDataset,
        {
            "pretraining_head_dim": 128,
            "head_depth": 2,
            "dropout_rate": 0.04,
            "tau": 1.0,
            "corruption_rate": 0.6,
        },
    ),
}


def train(module, rows, n_epochs):
    """Train a lightning module on a loader, silently."""
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=n_epochs,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, rows)


def main(kind, given, made):
    """Run one method."""
    data = np.load(given)
    pool, few, test = data["pool"], data["few"], data["test"]
    seed, n_features = int(data["seed"]), pool.shape[1]
    known = few >= 0
    classes, codes = np.unique(few[known], return_inverse=True)
    pl.seed_everything(seed, verbose=False)
    module_class, config_class, dataset_class, own = KINDS[kind]
    if kind == "vime":
        own = {**own, "num_continuous": n_features}
    config = config_class(
        task="classification",
        loss_fn="CrossEntropyLoss",
        metric="accuracy_score",
        metric_hparams={},
        embedding_config=IdentityEmbeddingConfig(input_dim=n_features),
        backbone_config=MLPBackboneConfig(
            input_dim=n_features, hidden_dims=N_HIDDEN, n_hiddens=2
        ),
        output_dim=len(classes),
        random_seed=seed,
        optim_hparams={"lr": 1e-3, "weight_decay": 5e-5},
        **own,
    )
    module = module_class(config)
    genes = [f"g{i}" for i in range(n_features)]
    columns = {"continuous_cols": genes, "category_cols": []}
    with_config = {} if kind == "subtab" else {"config": config}
    rows = dataset_class(pd.DataFrame(pool, columns=genes), **with_config, **columns)
    batch_size = min(128, len(pool))
    loader = DataLoader(rows, batch_size=batch_size, shuffle=True, drop_last=True)
    train(module, loader, PRETRAINING_EPOCHS)
    module.set_second_phase(freeze_encoder=False)
    labelled = pd.DataFrame(pool[known], columns=genes)
    how = {} if kind == "subtab" else {"is_second_phase": True}
    if kind == "vime":
        how["config"] = config
    rows = dataset_class(labelled, codes, **how, **columns)
    sampler = WeightedRandomSampler(rows.weights, max(len(rows), 256))
    collate = {"collate_fn": VIMESecondPhaseCollateFN()} if kind == "vime" else {}
    batch_size = min(32, len(rows))
    loader = DataLoader(
        rows, batch_size=batch_size, sampler=sampler, drop_last=True, **collate
    )
    train(module, loader, TUNING_EPOCHS)
    module.eval()
    with torch.no_grad():
        logits = module.model(torch.as_tensor(test)).reshape(len(test), -1)
    np.savez(made, guess=classes[logits.argmax(dim=1).numpy()])


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    main(*sys.argv[1:])
