"""The decoder of `model.py`, sooner: the same parameters and numbers through folded operators (see `folding.py`).

Features lie as (vertices, channels, frames): a row of the sparse product then moves a whole chunk of frames, and the
taps of a chunk are one small product per vertex with the same left factor. The backward pass multiplies by the stored
transpose: no atomics, so the same result every time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu_, pad

from .folding import Level, Sparse, fold, in_cache_order, inverse

if TYPE_CHECKING:
    from .model import SpiralConv, SpiralDecoder, Unpool

CHUNK = 16
"""Frames that a CPU computes at a time: a level's features stay in its cache, and 16 floats fill a vector register."""

WIDE_CHUNK = 256
"""The same for a GPU."""


def chunk_of(device: torch.device | str) -> int:
    """How many frames a device computes at a time."""
    return CHUNK if torch.device(device).type == "cpu" else WIDE_CHUNK


class SparseOperator(nn.Module):
    """A fixed sparse matrix that multiplies dense ones. Its tables follow the module to a device but are never saved.

    (width, D) -> (height, D)

    The product is torch's embedding bag, the sum of weighted rows: on a CPU it is three to eight times as fast as the
    product of a CSR tensor, it runs on cuda as well, and it adds in a fixed order.
    """

    starts: Tensor
    columns: Tensor
    values: Tensor

    def __init__(self, matrix: Sparse) -> None:
        super().__init__()
        self.width = matrix.width
        for name in ("starts", "columns", "values"):
            self.register_buffer(name, torch.as_tensor(getattr(matrix, name)), persistent=False)

    def forward(self, dense: Tensor) -> Tensor:
        """The product."""
        return torch.embedding_bag(
            dense, self.columns, self.starts, False, 0, False, self.values, include_last_offset=True
        )[0]


class _Stage(torch.autograd.Function):
    """Unpooling, convolution and leaky ReLU: (N_coarse, in, F), (L * out, in), (out,) -> (N_fine, out, F).

    Of what it computes it keeps the result alone, which tells where the ReLU was open.
    """

    @staticmethod
    def forward(  # noqa: PLR0917 - torch passes them by place
        ctx: Any, features: Tensor, taps: Tensor, bias: Tensor, operator: SparseOperator, back: SparseOperator,
        slope: float,
    ) -> Tensor:  # fmt: skip
        fine = apply_stage(features, taps, operator).add_(bias[:, None])
        if slope != 1:
            leaky_relu_(fine, slope)
        ctx.save_for_backward(features, taps, fine)
        ctx.back, ctx.slope = back, slope
        return fine

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None, None]:
        features, taps, fine = ctx.saved_tensors
        gradient = gradients[0].contiguous()
        if ctx.slope != 1:
            gradient = torch.ops.aten.leaky_relu_backward(gradient, fine, ctx.slope, True)
        count, _, frames = features.shape
        dense = ctx.back(gradient.view(len(fine), -1)).view(count, len(taps), frames)
        to_features = torch.bmm(taps.t().expand(count, -1, -1), dense)
        to_taps = torch.bmm(features, dense.transpose(1, 2)).sum(0).t()
        # A vertex is always in its own spiral, and unpooling weights sum to 1: the first taps' share is the whole.
        to_bias = dense[:, : fine.shape[1]].sum((0, 2))
        return to_features, to_taps, to_bias, None, None, None


def apply_stage(features: Tensor, taps: Tensor, operator: SparseOperator, work: Tensor | None = None) -> Tensor:
    """Taps on the coarse level, then the operator: (N_coarse, in, F) -> (N_fine, out, F).

    Args:
        features: what unpooling would have spread.
        taps: (L * out, in), tap by tap.
        operator: folded, (N_fine, N_coarse * L).
        work: (N_coarse, L * out, F), overwritten; None to allocate it.
    """
    count, _, frames = features.shape
    dense = torch.bmm(taps.expand(count, -1, -1), features, out=work)
    fine: Tensor = operator(dense.view(operator.width, -1))
    return fine.view(len(fine), -1, frames)


class _ToFrames(torch.autograd.Function):
    """(N, 3, F) in the order of the caches -> (frames, N, 3) in the callers', times a number."""

    @staticmethod
    def forward(  # noqa: PLR0917 - torch passes them by place
        ctx: Any, fine: Tensor, places: Tensor, order: Tensor, frames: int, scale: float
    ) -> Tensor:
        ctx.order, ctx.width, ctx.scale = order, fine.shape[2], scale
        return to_frames(fine, places, frames, scale)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None, None]:
        (gradient,) = gradients
        frames, count, _ = gradient.shape
        flat = gradient.reshape(frames, -1).t()
        if flat.device.type == "cpu":
            turned = flat @ (ctx.scale * torch.eye(frames, ctx.width, dtype=flat.dtype))
        else:
            turned = pad(flat * ctx.scale, (0, ctx.width - frames)).contiguous()
        return turned.view(count, 3, ctx.width).index_select(0, ctx.order), None, None, None, None


def to_frames(fine: Tensor, places: Tensor, frames: int, scale: float = 1.0, out: Tensor | None = None) -> Tensor:
    """The first frames of (N, 3, F) as (frames, N, 3), times a number; vertex i comes from row places[i].

    On a CPU a product with a multiple of the unit matrix turns it: twice as fast as torch's own transposed copy.

    Args:
        fine: features of the finest level.
        places: (N,) vertex -> row.
        frames: how many of the F are wanted.
        scale: the number.
        out: (frames, N, 3), contiguous; None to allocate it.
    """
    count, _, width = fine.shape
    flat = fine.index_select(0, places).view(count * 3, width).t()
    target = None if out is None else out.view(frames, count * 3)
    if fine.device.type == "cpu":
        turned = torch.mm(scale * torch.eye(frames, width, dtype=fine.dtype), flat, out=target)
    else:
        turned = torch.mul(flat[:frames], scale, out=target).contiguous()
    return turned.view(frames, count, 3)


class FoldedDecoder(nn.Module):
    """`SpiralDecoder` through folded operators; it shares the decoder's parameters and trains them.

    (B, latent) -> (B, V, 3) millimetres

    Any number of frames goes in; chunks of `chunk_of` are computed one after the other.
    """

    order: Tensor
    places: Tensor

    def __init__(self, decoder: SpiralDecoder) -> None:
        super().__init__()
        self.decoder = decoder
        matrices, orders = folded_levels(decoder)
        order = orders[-1]
        self.register_buffer("order", torch.as_tensor(order), persistent=False)
        for step in decoder.sizes.direct:
            self.register_buffer(f"order_{step}", torch.as_tensor(orders[step]), persistent=False)
        self.register_buffer("places", torch.as_tensor(inverse(order)), persistent=False)
        self.operators = nn.ModuleList(SparseOperator(matrix) for matrix in matrices)
        self.transposes = nn.ModuleList(SparseOperator(matrix.transposed()) for matrix in matrices)

    def forward(self, latents: Tensor) -> Tensor:
        """Deformation of each frame."""
        stacks = [stacked_taps(cast("SpiralConv", conv)) for conv in self.decoder.convs]
        direct = {step: self._direct(step) for step in self.decoder.sizes.direct}
        mix = None if self.decoder.mix is None else self.decoder.mix.index_select(0, self.order)
        chunks = [self._chunk(chunk, stacks, direct, mix) for chunk in torch.split(latents, chunk_of(latents.device))]
        return torch.cat(chunks) if len(chunks) > 1 else chunks[0]

    def _direct(self, step: int) -> Tensor:
        """The direct matrix after a stage with its vertices in the order of the caches: (N * C, latent)."""
        matrix = cast("Tensor", self.decoder.direct[str(step)])
        order = cast("Tensor", getattr(self, f"order_{step}"))
        return matrix.view(len(order), -1).index_select(0, order).view(matrix.shape)

    def _chunk(self, latents: Tensor, stacks: list[Tensor], direct: dict[int, Tensor], mix: Tensor | None) -> Tensor:
        decoder = self.decoder
        frames = len(latents)
        # A CPU's small products are three times as fast a frame at a full vector register; what is added is cut off.
        width = CHUNK if latents.device.type == "cpu" else frames
        wide = pad(latents.t(), (0, width - frames))
        flat = torch.addmm(decoder.fc.bias[:, None], decoder.fc.weight, wide)
        features = flat.view(decoder.sizes.vertices[0], decoder.sizes.channels[0], width)
        last = len(stacks) - 1
        for number, (taps, operator, back) in enumerate(zip(stacks, self.operators, self.transposes, strict=True)):
            bias = cast("SpiralConv", decoder.convs[number]).bias
            slope = 1.0 if number == last else decoder.negative_slope
            features = _Stage.apply(features, taps, bias, operator, back, slope)  # type: ignore[no-untyped-call]
            if number in direct:
                features = features + (direct[number] @ wide).view_as(features)
        if mix is not None:
            features = torch.bmm(mix, features)
        scale = float(cast("Tensor", decoder.output_scale))
        out: Tensor = _ToFrames.apply(features, self.places, self.order, frames, scale)  # type: ignore[no-untyped-call]
        return out


def stacked_taps(conv: SpiralConv) -> Tensor:
    """A convolution's weights tap by tap: (L * out, in)."""
    return conv.weight.transpose(1, 2).flatten(0, 1)


def folded_levels(decoder: SpiralDecoder) -> tuple[list[Sparse], list[Any]]:
    """The folded operator of each level, coarse to fine, in the order of the caches; and each level's order."""
    levels = []
    for unpool, conv in zip(decoder.unpools, decoder.convs, strict=True):
        tables = (cast("Unpool", unpool).index, cast("Unpool", unpool).weight, cast("SpiralConv", conv).table)
        levels.append(Level(*(table.cpu().numpy() for table in tables)))
    reordered, orders = in_cache_order(levels)
    counts = decoder.sizes.vertices[:-1]
    return [fold(level, count) for level, count in zip(reordered, counts, strict=True)], orders
