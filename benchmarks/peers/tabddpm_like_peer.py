"""Gaussian part of TabDDPM (Kotelnikov et al. 2023), written anew in plain torch.

The official code pins libraries of 2021 and the packaged one excludes current torch and
numpy, so this follows the paper: genes mapped to normal scores by quantiles, 1,000
steps of the cosine schedule, a network of time and class embeddings added after the
first layer, that predicts the noise and is trained by its squared error, AdamW with a
linearly falling learning rate, ancestral sampling (Ho et al. 2020, Algorithm 2). The
paper trains for up to 30,000 steps; `--steps` is cut to what one CPU does in a minute.

Usage: python tabddpm_like_peer.py [--steps N] [--width N] TRAIN.npz SYNTHETIC.npz
"""

import math

import numpy as np
import torch
from _files import read
from sklearn.preprocessing import QuantileTransformer
from torch import nn

N_NOISE_LEVELS = 1000


class NoisePredictor(nn.Module):
    """The paper's MLP: embeddings of time and class, then linear, ReLU, dropout."""

    def __init__(self, n_features, n_classes, width, n_embedding=128):
        super().__init__()
        exponent = torch.arange(n_embedding // 2) / (n_embedding // 2)
        self.register_buffer("frequencies", torch.exp(-math.log(10_000) * exponent))
        self.first = nn.Linear(n_features, n_embedding)
        self.time = nn.Sequential(
            nn.Linear(n_embedding, n_embedding),
            nn.SiLU(),
            nn.Linear(n_embedding, n_embedding),
        )
        self.label = nn.Embedding(n_classes, n_embedding)
        layers, wide = [], n_embedding
        for _ in range(2):
            layers += [nn.Linear(wide, width), nn.ReLU(), nn.Dropout(0.1)]
            wide = width
        self.layers = nn.Sequential(*layers, nn.Linear(wide, n_features))

    def forward(self, x, t, label):
        angle = t[:, None] * self.frequencies
        embedding = self.time(torch.cat([angle.cos(), angle.sin()], dim=1))
        embedding = nn.functional.silu(embedding + self.label(label))
        return self.layers(self.first(x) + embedding)


def cosine_betas(n):
    """Nichol and Dhariwal (2021), Eq. 17."""
    t = torch.linspace(0, 1, n + 1, dtype=torch.float64)
    alpha_bar = torch.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2
    return (1 - alpha_bar[1:] / alpha_bar[:-1]).clamp(max=0.999)


def main():
    X, y, counts, seed, args = read(steps=3000, width=512)
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    scores = QuantileTransformer(
        n_quantiles=max(min(len(X) // 30, 1000), 10),
        output_distribution="normal",
        random_state=seed,
    ).fit(X)
    x = torch.from_numpy(scores.transform(X)).float()
    label = torch.from_numpy(y).long()
    betas = cosine_betas(N_NOISE_LEVELS)
    alpha_bar = torch.cumprod(1 - betas, 0)
    previous = torch.cat([torch.ones(1, dtype=torch.float64), alpha_bar[:-1]])
    variances = betas * (1 - previous) / (1 - alpha_bar)
    signal, noise_sd = alpha_bar.sqrt().float(), (1 - alpha_bar).sqrt().float()

    network = NoisePredictor(X.shape[1], len(counts), args.width)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.0)
    batch_size = min(len(X), 256)
    for step in range(args.steps):
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * (1 - step / args.steps)
        rows = torch.randint(len(x), (batch_size,))
        t = torch.randint(N_NOISE_LEVELS, (batch_size,))
        noise = torch.randn(batch_size, x.shape[1])
        noisy = signal[t, None] * x[rows] + noise_sd[t, None] * noise
        loss = (network(noisy, t, label[rows]) - noise).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    network.eval()
    y_new = np.repeat(np.arange(len(counts)), counts)
    wanted = torch.from_numpy(y_new)
    with torch.no_grad():
        x = torch.randn(len(y_new), X.shape[1])
        for t in range(N_NOISE_LEVELS - 1, -1, -1):
            predicted = network(x, torch.full((len(x),), t), wanted)
            x = (x - betas[t] / noise_sd[t] * predicted) / (1 - betas[t]).sqrt()
            if t:
                x = x + variances[t].sqrt() * torch.randn_like(x)
            x = x.float()
    X_new = scores.inverse_transform(x.double().numpy())
    np.savez(args.synthetic, X=X_new, y=y_new)


main()
