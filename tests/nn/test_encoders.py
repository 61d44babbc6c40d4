"""Encoders: what they compute, and that a frozen one stays as it is."""

import numpy as np
import torch

from skgenex.nn.encoders import FrozenEncoder, SubsetEncoder


def test_subsets_are_encoded_alone_and_averaged():
    torch.manual_seed(0)
    encoder, x = SubsetEncoder([[0, 1, 2], [3, 4, -1]], 4), torch.randn(6, 5)
    latents = encoder.latents(x)
    first = encoder.network(x[:, :3])
    second = encoder.network(torch.cat([x[:, 3:], torch.zeros(6, 1)], dim=1))
    torch.testing.assert_close(latents, torch.stack([first, second], dim=1))
    torch.testing.assert_close(encoder(x), (first + second) / 2)


def test_frozen_encoder_takes_its_genes_and_stays_in_evaluation():
    torch.manual_seed(0)
    how = {"n_features": 3, "n_components": 2, "n_hidden": 8, "dropout": 0.5}
    frozen = FrozenEncoder("factors", how, np.array([4, -1, 0]), 2)
    torch.nn.init.normal_(frozen.encoder.last.weight)
    x = torch.randn(6, 5)
    own = torch.stack([x[:, 4], torch.zeros(6), x[:, 0]], dim=1)
    torch.testing.assert_close(frozen(x), frozen.encoder(own))
    frozen.train()
    torch.testing.assert_close(frozen(x), frozen.encoder(own))
    assert not frozen.training
    assert frozen(x.requires_grad_()).grad_fn is not None  # gradients reach the genes
    assert not any(p.requires_grad for p in frozen.parameters())
    assert frozen.to("meta")(x.to("meta")).shape == (6, 2)
