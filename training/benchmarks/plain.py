"""The published operators in their plain form, to be measured against; written anew from the papers' descriptions.

Both public implementations of spiral meshes gather each vertex' spiral, concatenate it and apply a linear layer
(Bouritsas et al. 2019, Gong et al. 2019); the later one unpools by scattering weighted vertices into the finer mesh.
The earlier one's unpooling, by a dense matrix, is left out: it takes twenty times as long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

if TYPE_CHECKING:
    from core.model import SpiralConv, SpiralDecoder, Unpool


class PlainDecoder(nn.Module):
    """The decoder of table 1 through the published operators; it shares the decoder's numbers, copied.

    (B, latent) -> (B, V, 3) millimetres

    Args:
        decoder: whose weights to copy.
        scatter: unpool by scattering, as published; else by three weighted gathers, which is quicker.
    """

    def __init__(self, decoder: SpiralDecoder, *, scatter: bool) -> None:
        super().__init__()
        self.scatter, self.sizes = scatter, decoder.sizes
        self.fc = nn.Linear(decoder.fc.in_features, decoder.fc.out_features)
        self.fc.load_state_dict(decoder.fc.state_dict())
        self.register_buffer("output_scale", cast("Tensor", decoder.output_scale).clone())
        self.linears = nn.ModuleList()
        for number, (unpool, conv) in enumerate(zip(decoder.unpools, decoder.convs, strict=True)):
            self._add(number, cast("Unpool", unpool), cast("SpiralConv", conv))

    @torch.no_grad()
    def _add(self, number: int, unpool: Unpool, conv: SpiralConv) -> None:
        length, inputs, outputs = conv.weight.shape
        linear = nn.Linear(length * inputs, outputs)
        linear.weight.copy_(conv.weight.flatten(0, 1).t())
        linear.bias.copy_(conv.bias)
        self.linears.append(linear)
        count = len(conv.table)
        rows = torch.arange(count, device=conv.table.device)
        self.register_buffer(f"table{number}", conv.table.clone())
        self.register_buffer(f"corners{number}", unpool.index.clone())
        self.register_buffer(f"shares{number}", unpool.weight.clone())
        self.register_buffer(f"rows{number}", rows.repeat_interleave(3))

    def forward(self, latents: Tensor) -> Tensor:
        """Deformation of each frame."""
        features = self.fc(latents).view(len(latents), self.sizes.vertices[0], -1)
        for number, linear in enumerate(self.linears):
            features = self._unpool(features, number)
            table = cast("Tensor", getattr(self, f"table{number}"))
            # Padding reads zeros.
            padded = torch.cat([features, features.new_zeros(len(features), 1, features.shape[2])], dim=1)
            features = linear(padded.index_select(1, table.flatten()).view(len(features), len(table), -1))
            if number + 1 < len(self.linears):
                features = leaky_relu(features, 0.0)
        return features * cast("Tensor", self.output_scale)

    def _unpool(self, features: Tensor, number: int) -> Tensor:
        corners, shares, rows = (
            cast("Tensor", getattr(self, f"{name}{number}")) for name in ("corners", "shares", "rows")
        )
        if self.scatter:
            spread = features.index_select(1, corners.flatten()) * shares.flatten()[:, None]
            return features.new_zeros(len(features), len(corners), features.shape[2]).index_add_(1, rows, spread)
        one, two, three = (features.index_select(1, corners[:, k]) * shares[:, k, None] for k in range(3))
        return one + two + three
