"""The trained decoder at its fastest: `fast.py` with weights that stand still.

What training cannot do: the fully connected layer and the first stage have nothing non-linear between them and are one
matrix here; the output's scale is in the last taps; buffers are used again and again. A single frame goes its own way,
with channels innermost; on cuda that way is captured as a graph.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, NamedTuple, cast

import torch
from torch import Tensor
from torch.nn.functional import leaky_relu_, pad

from .fast import SparseOperator, apply_stage, chunk_of, folded_levels, stacked_taps, to_frames
from .folding import Sparse, inverse, permuted_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from .model import SpiralConv, SpiralDecoder

_FEW = 9
"""From so many frames on, a CPU is faster with a chunk padded to its full width than with single frames."""

_AHEAD = 3
"""Runs before a graph is captured, in which libraries settle."""


class _Level(NamedTuple):
    """One stage for chunks of frames: operator, (L * out, in) taps, (out, 1) bias, (N_coarse, L * out, F) buffer."""

    operator: SparseOperator
    taps: Tensor
    bias: Tensor
    work: Tensor


class _SingleLevel(NamedTuple):
    """One stage for a single frame: CSR or operator; (in, L * width) taps and (1, L * width) bias; buffers.

    The bias stands with the first tap: a vertex is always in its own spiral, and unpooling weights sum to 1.
    """

    operator: Tensor | SparseOperator
    taps: Tensor
    bias: Tensor
    work: Tensor
    result: Tensor


class Face(NamedTuple):
    """A face's matrices as they are used: (F, V, 3), column by column, and as an operator on a chunk's rows."""

    columns: Tensor
    operator: SparseOperator


class InferenceDecoder:
    """A trained `SpiralDecoder`, frozen: later changes of its parameters are not seen.

    Not to be called from two threads at once: the buffers are shared.

    Args:
        decoder: the trained decoder, in float32.
        device: where to compute.
    """

    @torch.no_grad()
    def __init__(self, decoder: SpiralDecoder, device: torch.device | str = "cpu") -> None:
        self.device, self.chunk = torch.device(device), chunk_of(device)
        self.vertex_count, self._slope = decoder.sizes.vertices[-1], decoder.negative_slope
        matrices, orders = folded_levels(decoder)
        order = orders[-1]
        self._places = torch.as_tensor(inverse(order)).to(self.device)
        self._width = decoder.sizes.channels[1]
        self._first, self._first_bias = (part.to(self.device) for part in _first_matrix(decoder, matrices[0]))
        self._first_turned = self._first.t().contiguous()
        self._levels, self._singles = [], []
        self._direct: dict[int, Tensor] = {}
        for step in decoder.sizes.direct:
            weight, place = cast("Tensor", decoder.direct[str(step)]).detach(), torch.as_tensor(orders[step])
            rows = weight.view(len(place), -1)[place.to(weight.device)].reshape(weight.shape)
            # The stages that are left begin with the second.
            self._direct[step - 1] = rows.contiguous().to(self.device)
        mix = decoder.mix
        self._mix = None if mix is None else mix.detach().clone().float().cpu()
        self._own = None if self._mix is None else self._face(self._mix)
        for conv, matrix in zip(cast("list[SpiralConv]", decoder.convs[1:]), matrices[1:], strict=True):
            taps, bias = (part.detach().clone() for part in (stacked_taps(conv), conv.bias))
            last = conv is decoder.convs[-1]
            if last:
                scale = float(cast("Tensor", decoder.output_scale))
                taps, bias = taps * scale, bias * scale
            self._levels.append(self._level(taps, bias, matrix))
            # A single frame's rows are so short that they stay in the cache in any order: the callers' is the result's.
            self._singles.append(
                self._single_level(taps, bias, permuted_rows(matrix, inverse(order)) if last else matrix)
            )
        self._single: Callable[[Tensor], Tensor] = self._one
        if self.device.type == "cuda":
            self._single = _captured(self._one, decoder.sizes.latent, self.device)

    def prepare(self, jacobians: Tensor) -> Face:
        """(V, 3, 3) of a face, for deformations that are turned by them; one with each vertex's own mix of fields."""
        given = jacobians.float().cpu()
        return self._face(given if self._mix is None else given @ self._mix)

    def _face(self, matrices: Tensor) -> Face:
        """(V, 3, F) what makes a vertex's motion of its fields.

        For a chunk the operator takes the place of the permutation to the callers' order, which each row needs anyway.
        """
        fields = matrices.shape[2]
        columns = (fields * self._places.cpu()[:, None, None] + torch.arange(fields)).expand(-1, 3, -1).flatten()
        starts = torch.arange(0, len(columns) + 1, fields)
        values = matrices.flatten().numpy()
        rows = Sparse(starts.int().numpy(), columns.int().numpy(), values, fields * len(matrices))
        return Face(matrices.permute(2, 0, 1).contiguous().to(self.device), SparseOperator(rows).to(self.device))

    @torch.inference_mode()
    def __call__(self, latents: Tensor, out: Tensor | None = None, face: Face | None = None) -> Tensor:
        """Deformations.

        Args:
            latents: (n, latent) float32 on the device.
            out: (n, V, 3) float32 on the device, contiguous, to be written; None to allocate it.
            face: from `prepare`; None for the template's own.

        Returns:
            (n, V, 3) millimetres.
        """
        face = face or self._own
        if out is None:
            out = latents.new_empty(len(latents), self.vertex_count, 3)
        first = 0
        while first < len(latents):
            frames = min(self.chunk, len(latents) - first)
            if frames == 1 or (self.device.type == "cpu" and frames < _FEW):
                frame = self._single(latents[first])
                if face is None:
                    out[first] = frame
                else:
                    _turn(frame, face.columns, out[first])
                first += 1
            else:
                self._many(latents[first : first + frames], out[first : first + frames], face)
                first += frames
        return out

    def _level(self, taps: Tensor, bias: Tensor, matrix: Sparse) -> _Level:
        count = matrix.width * len(bias) // len(taps)
        return _Level(
            SparseOperator(matrix).to(self.device),
            taps.contiguous().to(self.device),
            bias[:, None].to(self.device),
            torch.zeros(count, len(taps), self.chunk, device=self.device),
        )

    def _single_level(self, taps: Tensor, bias: Tensor, matrix: Sparse) -> _SingleLevel:
        count, length = matrix.width * len(bias) // len(taps), len(taps) // len(bias)
        # The result's rows have four floats: three are not moved as one.
        lanes = 4 if len(bias) == 3 else len(bias)
        wide = pad(taps.view(length, len(bias), -1), (0, 0, 0, lanes - len(bias))).flatten(0, 1).t()
        return _SingleLevel(
            # Where rows are short, a CPU is faster with a CSR product than with sums of weighted rows.
            _csr(matrix) if self.device.type == "cpu" else SparseOperator(matrix).to(self.device),
            wide.contiguous().to(self.device),
            pad(bias, (0, length * lanes - len(bias)))[None].to(self.device),
            torch.zeros(count, length * lanes, device=self.device),
            torch.zeros(matrix.height, lanes, device=self.device),
        )

    def _many(self, latents: Tensor, out: Tensor, face: Face | None) -> None:
        frames = len(latents)
        width = self.chunk if self.device.type == "cpu" else frames
        wide = pad(latents.t(), (0, width - frames))
        flat = torch.addmm(self._first_bias[:, None], self._first, wide)
        features = self._relu(flat).view(-1, self._width, width)
        for step, level in enumerate(self._levels):
            work = level.work if width == self.chunk else None
            features = apply_stage(features, level.taps, level.operator, work).add_(level.bias)
            if level is not self._levels[-1]:
                features = self._relu(features)
            if step in self._direct:
                features.view(-1, width).addmm_(self._direct[step], wide)
        if face is None:
            to_frames(features, self._places, frames, out=out)
        else:
            rows = face.operator(features.view(-1, features.shape[2])).t()
            # As in `to_frames`: on a CPU a product turns them sooner than torch's own transposed copy.
            if self.device.type == "cpu":
                torch.mm(torch.eye(frames, width), rows, out=out.view(frames, -1))
            else:
                out.view(frames, -1).copy_(rows[:frames])

    def _one(self, latent: Tensor) -> Tensor:
        """(latent,) -> (V, 3), a view of a buffer."""
        flat = torch.addmm(self._first_bias[None], latent[None], self._first_turned)
        features = self._relu(flat).view(-1, self._width)
        for step, (operator, taps, bias, work, result) in enumerate(self._singles):
            dense = torch.addmm(bias, features, taps, out=work).view(-1, result.shape[1])
            if isinstance(operator, SparseOperator):
                features = operator(dense)
            else:
                features = torch.addmm(result, operator, dense, beta=0, out=result)
            if result is not self._singles[-1].result:
                features = self._relu(features)
            if step in self._direct:
                features = features + (self._direct[step] @ latent).view(features.shape)
        return features if self._mix is not None else features[:, :3]

    def _relu(self, features: Tensor) -> Tensor:
        return leaky_relu_(features, self._slope) if self._slope else features.relu_()


def _turn(frame: Tensor, columns: Tensor, out: Tensor) -> None:
    """A_v x_v of one frame's fields, (V, F or more), into (V, 3), by the columns of A, (F, V, 3)."""
    torch.mul(columns[0], frame[:, :1], out=out)
    for axis in range(1, len(columns)):
        out.addcmul_(columns[axis], frame[:, axis : axis + 1])


def _first_matrix(decoder: SpiralDecoder, matrix: Sparse) -> tuple[Tensor, Tensor]:
    """FC, unpooling and convolution of the first stage as one: (N_1 * C_1, latent) weight, (N_1 * C_1,) bias."""
    conv = cast("SpiralConv", decoder.convs[0])
    # In double: it is done once, and what is rounded here stays. The bias is one more latent.
    both = torch.cat([decoder.fc.weight, decoder.fc.bias[:, None]], dim=1).detach().cpu().double()
    features = both.view(decoder.sizes.vertices[0], decoder.sizes.channels[0], -1)
    folded = apply_stage(features, stacked_taps(conv).detach().cpu().double(), SparseOperator(matrix).double())
    folded[:, :, -1] += conv.bias.detach().cpu().double()
    flat = folded.flatten(0, 1).float()
    return flat[:, :-1].contiguous(), flat[:, -1].contiguous()


def _csr(matrix: Sparse) -> Tensor:
    starts, columns, values = (torch.as_tensor(part) for part in (matrix.starts, matrix.columns, matrix.values))
    with warnings.catch_warnings():
        # torch calls its CSR tensors beta at first use; our tests hold them to the plain model's numbers.
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(starts, columns, values, (matrix.height, matrix.width), check_invariants=True)


def _captured(function: Callable[[Tensor], Tensor], size: int, device: torch.device) -> Callable[[Tensor], Tensor]:
    """A function of one vector as a CUDA graph: its kernels start with one launch instead of a dozen.

    Its result is overwritten by the next call.
    """
    with torch.inference_mode(), torch.cuda.device(device):
        given = torch.zeros(size, device=device)
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(_AHEAD):
                function(given)
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            result = function(given)

    def replay(latent: Tensor) -> Tensor:
        given.copy_(latent)
        graph.replay()
        return result

    return replay
