"""What makes one performance of a label another than the next: a style, found in true sequences, drawn for new ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence

MOMENTS = 4
"""Parts that the moving frames of a sequence are told in."""

_WIDTH = 128


class StyleReader(nn.Module):
    """q(w | sequence) of a conditional variational autoencoder (Kingma and Welling 2014; Sohn et al. 2015).

    It stands beside the generator in training and is not shipped: a take draws w from the prior N(A c, 1) instead,
    whose mean leans with the face's code c.

    (n, features) -> mean and log variance, (n, S) each

    Args:
        features: (N, D) of all training sequences, see `sequence_features`.
        style: S.
    """

    features: Tensor

    def __init__(self, features: Tensor, style: int) -> None:
        super().__init__()
        self.size = style
        mean, deviation = features.mean(0), features.std(0, correction=0).clamp(min=1e-6)
        self.register_buffer("features", (features - mean) / deviation, persistent=False)
        last = nn.Linear(_WIDTH, 2 * style)
        self.layers = nn.Sequential(nn.Linear(features.shape[1], _WIDTH), nn.LeakyReLU(0.2), last)
        # At first all styles are near 0 and say nothing.
        nn.init.normal_(last.weight, std=0.01)
        nn.init.zeros_(last.bias)

    def forward(self, sequences: Tensor) -> tuple[Tensor, Tensor]:
        """Of the training sequences of these numbers, (n,): mean and log variance."""
        mean, spread = self.layers(self.features[sequences]).chunk(2, -1)
        return mean, spread.clamp(-8, 2)


def drawn(mean: Tensor, spread: Tensor, noise: Tensor) -> Tensor:
    """One style each, (n, S), by the reparametrisation w = mean + sigma noise, the noise from N(0, 1)."""
    return mean + noise * (spread / 2).exp()


def divergence(mean: Tensor, spread: Tensor) -> Tensor:
    """(n, S) Kullback-Leibler divergence of each number's distribution from N(0, 1), in nats.

    From N(m, 1) it is that of mean - m.
    """
    return (mean.square() + spread.exp() - spread - 1) / 2


def sequence_features(coefficients: Sequence[Tensor], labels: Sequence[Tensor]) -> Tensor:
    """What tells a sequence's style: its motion in a few moments, and the strongest labels in each.

    Args:
        coefficients: (T, K) of each sequence, its motion on the template in principal components.
        labels: (T, 6) of each.

    Returns:
        (N, MOMENTS * (K + 6)) float32; of each part of the frames that are not at rest the means.
    """
    rows = []
    for motion, label in zip(coefficients, labels, strict=True):
        moving = label.amax(-1) > 0
        both = torch.cat([motion, label], -1)[moving]
        parts = torch.tensor_split(both, MOMENTS) if len(both) >= MOMENTS else (both.mean(0)[None].nan_to_num(),) * 4
        rows.append(torch.cat([part.mean(0) for part in parts]))
    return torch.stack(rows)
