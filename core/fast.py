"""The decoder of `model.py`, sooner: the same parameters and numbers through folded operators.

A spiral convolution is linear, and so is the unpooling before it. So the L tap matrices are applied on the coarse
level, Z_j = X W_j, and one fixed sparse operator C = [P_0 U, P_1 U, ...] carries Z to the fine level: the wide buffers
of gathered features vanish. The backward pass multiplies by the stored transpose: no atomics, so the same result every
time.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

if TYPE_CHECKING:
    from .model import SpiralConv, SpiralDecoder, Unpool


class _SparseProduct(torch.autograd.Function):
    """operator @ dense, whose gradient is the stored transpose @ gradient."""

    @staticmethod
    def forward(ctx: Any, operator: Tensor, transpose: Tensor, dense: Tensor) -> Tensor:
        ctx.transpose = transpose
        return operator @ dense

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, None, Tensor]:
        return None, None, ctx.transpose @ gradients[0].contiguous()


class FoldedStage(nn.Module):
    """One unpooling and the spiral convolution behind it.

    (N_coarse, B, in) -> (N_fine, B, out); vertices come first, so that a sparse row moves whole frames at once.
    """

    def __init__(self, unpool: Unpool, conv: SpiralConv, coarse_count: int) -> None:
        super().__init__()
        self.conv = conv
        operator = _folded_operator(unpool, conv, coarse_count)
        self._operator = [_to_torch(operator), _to_torch(operator.T.tocsr())]

    def _apply(self, fn: Any, recurse: bool = True) -> FoldedStage:
        # Sparse CSR tensors travel between devices, but not as buffers of a saved state.
        self._operator = [fn(part) for part in self._operator]
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self

    def forward(self, features: Tensor) -> Tensor:
        """Taps on the coarse level, then the operator."""
        count, batch, width = features.shape
        taps = torch.matmul(features.reshape(1, count * batch, width), self.conv.weight)
        dense = taps.view(len(self.conv.weight) * count, -1)
        fine: Tensor = _SparseProduct.apply(*self._operator, dense)  # type: ignore[no-untyped-call]
        return fine.view(len(fine), batch, -1) + self.conv.bias


class FoldedDecoder(nn.Module):
    """`SpiralDecoder` through folded operators; it shares the decoder's parameters and trains them.

    (B, latent) -> (B, V, 3) millimetres
    """

    def __init__(self, decoder: SpiralDecoder) -> None:
        super().__init__()
        self.decoder = decoder
        pairs = zip(decoder.unpools, decoder.convs, decoder.sizes.vertices[:-1], strict=True)
        self.stages = nn.ModuleList(
            FoldedStage(cast("Unpool", unpool), cast("SpiralConv", conv), count) for unpool, conv, count in pairs
        )

    def forward(self, latents: Tensor) -> Tensor:
        """Deformation of each frame."""
        sizes = self.decoder.sizes
        features = self.decoder.fc(latents).view(-1, sizes.vertices[0], sizes.channels[0]).transpose(0, 1)
        for number, stage in enumerate(self.stages):
            features = stage(features.contiguous())
            if number + 1 < len(self.stages):
                features = leaky_relu(features, self.decoder.negative_slope)
        return features.transpose(0, 1) * self.decoder.output_scale


def _folded_operator(unpool: Unpool, conv: SpiralConv, coarse_count: int) -> Any:
    """C as a scipy CSR matrix of shape (N_fine, L * N_coarse); padding leaves its columns empty."""
    from scipy.sparse import coo_matrix

    spirals = conv.table.cpu().numpy()
    index, weight = unpool.index.cpu().numpy(), unpool.weight.cpu().numpy()
    fine_count, length = spirals.shape
    row, tap = np.nonzero(spirals < fine_count)
    source = spirals[row, tap]
    rows = np.repeat(row, 3)
    columns = (tap[:, None] * coarse_count + index[source]).ravel()
    matrix = coo_matrix((weight[source].ravel(), (rows, columns)), shape=(fine_count, length * coarse_count)).tocsr()
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return matrix


def _to_torch(matrix: Any) -> Tensor:
    row_starts = torch.as_tensor(matrix.indptr.astype("int32"))
    columns = torch.as_tensor(matrix.indices.astype("int32"))
    values = torch.as_tensor(matrix.data.astype("float32"))
    with warnings.catch_warnings():
        # torch calls its CSR tensors beta at first use; our tests hold them to the plain model's numbers.
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(row_starts, columns, values, matrix.shape, check_invariants=True)
