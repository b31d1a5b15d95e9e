"""The network without torch: the same frames by numpy alone, so that Mien works the minute it is installed."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from .folding import Level, fold, in_cache_order, inverse
from .numpy_layouts import BLOCK, FoldedLayout, GatherLayout, Layout

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from .bundle import Bundle

State = tuple["NDArray[np.float32]", "NDArray[np.float32]"]

_CLEARLY = 0.8
"""The second way must take less than this part of the first one's time: noise shall not choose, for then the last bits
of the frames would differ from one start to the next."""

_TRIALS = 3
_FRAMES_EACH = 4


class NumpyEngine:
    """Encoder and decoder of `model.py` in numpy. Not to be called from two threads at once.

    How each level is computed (`numpy_layouts.py`), and whether two threads share the frames, is chosen by timing when
    it is made.

    Args:
        bundle: the trained generator.
        matmul: product of two matrices; another than numpy's own only to measure what BLAS is worth.
    """

    name = "numpy"
    device = "cpu"
    chunk = 16

    def __init__(self, bundle: Bundle, matmul: Callable[..., Any] = np.matmul) -> None:
        weights = {key: np.asarray(array, np.float32) for key, array in bundle.weights.items()}
        self._input, self._recurrent = weights["encoder.lstm.weight_ih_l0"].T, weights["encoder.lstm.weight_hh_l0"].T
        self._lstm_bias = weights["encoder.lstm.bias_ih_l0"] + weights["encoder.lstm.bias_hh_l0"]
        self._matmul = matmul
        topology = bundle.topology
        tables = zip(topology.unpool_index, topology.unpool_weight, topology.spirals, strict=True)
        levels, orders = in_cache_order([Level(*table) for table in reversed(list(tables))])
        sizes = bundle.sizes
        self._first, self._first_bias = _first_matrix(weights, levels[0], sizes.channels[0])
        widths = [sizes.outputs(stage) for stage in range(len(levels))]
        self._shapes = [(len(level.index), width) for level, width in zip(levels, widths, strict=True)]
        self._direct = {step: _in_order(weights[f"decoder.direct.{step}"], orders[step]) for step in sizes.direct}
        self._mix = weights.get("decoder.mix")
        self._own = None if self._mix is None else _columns(self._mix)
        layouts = []
        for step, level in enumerate(levels[1:], 1):
            last = step == len(levels) - 1
            scale = weights["decoder.output_scale"] if last else np.float32(1)
            taps, bias = (weights[f"decoder.convs.{step}.{part}"] * scale for part in ("weight", "bias"))
            rows = inverse(orders[-1]) if last else np.arange(len(level.index))
            layouts.append(self._sooner(step, (level, rows, taps, bias)))
        self._worker = _Worker(layouts, self._shapes)
        self._team: list[_Worker] = []
        self._pool: ThreadPoolExecutor | None = None
        self._share_frames()

    @property
    def choices(self) -> list[str]:
        """How each level after the first is computed, and by how many threads; for people."""
        return [*(type(layout).__name__ for layout in self._worker.layouts), f"{len(self._team) or 1} threads"]

    def encode(self, labels: NDArray[np.float32], state: State | None = None) -> tuple[NDArray[np.float32], State]:
        """LSTM over (T, inputs): (T, latent) float32, and the memory to carry into the next chunk."""
        size = len(self._recurrent)
        hidden, cell = state if state is not None else (np.zeros(size, np.float32), np.zeros(size, np.float32))
        latents = np.empty((len(labels), size), np.float32)
        projected = np.asarray(labels, np.float32) @ self._input + self._lstm_bias
        for t, row in enumerate(projected):
            gates = row + hidden @ self._recurrent
            keep_in, forget, candidate, out = np.split(gates, 4)  # torch's order: i, f, g, o
            cell = _sigmoid(forget) * cell + _sigmoid(keep_in) * np.tanh(candidate)
            hidden = _sigmoid(out) * np.tanh(cell)
            latents[t] = hidden
        return latents, (hidden, cell)

    def one_thread(self) -> AbstractContextManager[None]:
        """See `engines.Engine`: one frame is one thread's work anyway, and BLAS' threads are not ours."""
        return nullcontext()

    def prepare(self, jacobians: NDArray[np.float32]) -> NDArray[np.float32]:
        """(V, 3, 3) of a face -> (F, 3, V), with each vertex's own mix of the F fields, or none; for `decode`."""
        return _columns(jacobians if self._mix is None else np.matmul(jacobians, self._mix))

    def decode(
        self, latents: NDArray[np.float32], out: NDArray[np.float32], face: NDArray[np.float32] | None = None
    ) -> None:
        """Table 1 on (n, latent) into (n, V, 3) float32 millimetres, contiguous; on a face if it is given."""
        if len(latents) == 0:
            return
        first = self._product(latents, self._first)
        first += self._first_bias
        np.maximum(first, 0, out=first)
        features = first.reshape(len(latents), *self._shapes[0])
        direct = {step: self._product(latents, matrix) for step, matrix in self._direct.items()}
        face = self._own if face is None else face
        if self._pool is None or len(latents) == 1:
            self._worker(features, out, direct, face)
            return
        parts = [slice(number, None, len(self._team)) for number in range(len(self._team))]
        jobs = [
            self._pool.submit(
                worker, features[part], out[part], {step: one[part] for step, one in direct.items()}, face
            )
            for worker, part in zip(self._team, parts, strict=True)
        ]
        for job in jobs:
            job.result()

    def _product(self, latents: NDArray[np.float32], matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, latent) by (latent, m), in blocks of columns."""
        out = np.empty((len(latents), matrix.shape[1]), np.float32)
        block = max(1, BLOCK // latents.size)
        for begin in range(0, out.shape[1], block):
            part = slice(begin, begin + block)
            self._matmul(latents, matrix[:, part], out=out[:, part])
        return out

    def _sooner(self, step: int, given: tuple[Level, NDArray[Any], NDArray[np.float32], NDArray[np.float32]]) -> Layout:
        """The layout that computes a level sooner here."""
        coarse, out = (np.ones(self._shapes[number], np.float32) for number in (step - 1, step))
        one, other = GatherLayout(*given, self._matmul), FoldedLayout(*given, self._matmul)
        first, second = _time(lambda: one(coarse, out), lambda: other(coarse, out))
        return other if second < _CLEARLY * first else one

    def _share_frames(self) -> None:
        """Two threads over the frames, where that pays."""
        if (os.cpu_count() or 1) < 2:
            return
        latents = np.zeros((2 * _FRAMES_EACH, self._first.shape[0]), np.float32)
        out = np.empty((len(latents), self._shapes[-1][0], 3), np.float32)
        pool = ThreadPoolExecutor(2, thread_name_prefix="mien")
        self._team = [_Worker([layout.twin() for layout in self._worker.layouts], self._shapes) for _ in range(2)]

        def run(shared: ThreadPoolExecutor | None) -> None:
            self._pool = shared
            self.decode(latents, out)

        alone, together = _time(lambda: run(None), lambda: run(pool))
        # Either gives the same numbers, so noise may choose.
        if together >= alone:
            self._pool, self._team = None, []
            pool.shutdown()


class _Worker:
    """The stages after the first, for one thread: frames (n, N_1, C_1) -> out (n, V, 3)."""

    def __init__(self, layouts: Sequence[Layout], shapes: Sequence[tuple[int, int]]) -> None:
        self.layouts = layouts
        self._features = [np.empty(shape, np.float32) for shape in shapes[1:-1]]
        self._unturned = np.empty(shapes[-1], np.float32)
        self._axes = np.empty(shapes[-1][::-1], np.float32)
        self._turned, self._product = (np.empty((3, shapes[-1][0]), np.float32) for _ in range(2))

    def __call__(
        self,
        frames: NDArray[np.float32],
        out: NDArray[np.float32],
        direct: Mapping[int, NDArray[np.float32]],
        face: NDArray[np.float32] | None = None,
    ) -> None:
        for number, (frame, target) in enumerate(zip(frames, out, strict=True)):
            features, last = frame, target if face is None else self._unturned
            for step, (layout, fine) in enumerate(zip(self.layouts, [*self._features, last], strict=True), 1):
                layout(features, fine)
                if fine is not last:
                    np.maximum(fine, 0, out=fine)
                if step in direct:
                    np.add(fine, direct[step][number].reshape(fine.shape), out=fine)
                features = fine
            if face is not None:
                self._turn(face, target)

    def _turn(self, face: NDArray[np.float32], target: NDArray[np.float32]) -> None:
        """A_v x_v of the fields computed last, (V, F); column by column, which is what numpy multiplies fast."""
        axes, total, product = self._axes, self._turned, self._product
        np.copyto(axes, self._unturned.T)
        np.multiply(face[0], axes[0], out=total)
        for column in range(1, len(axes)):
            np.multiply(face[column], axes[column], out=product)
            np.add(total, product, out=total if column < len(axes) - 1 else target.T)


def _first_matrix(
    weights: dict[str, NDArray[np.float32]], level: Level, width: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """FC, unpooling and convolution of the first stage as one: (latent, N_1 * C_1) and the bias (N_1 * C_1,).

    Nothing non-linear stands between them.
    """
    taps = weights["decoder.convs.0.weight"].astype(np.float64)
    # The bias is one more latent.
    both = np.column_stack([weights["decoder.fc.weight"], weights["decoder.fc.bias"]]).astype(np.float64)
    features = both.reshape(-1, width, both.shape[1])
    operator = fold(level, len(features))
    dense = np.einsum("cil,jio->cjol", features, taps).reshape(operator.width, -1)
    matrix = np.zeros((operator.height, dense.shape[1]))
    np.add.at(matrix, operator.rows, operator.values[:, None] * dense[operator.columns])
    matrix = matrix.reshape(-1, both.shape[1])
    matrix[:, -1] += np.tile(weights["decoder.convs.0.bias"], operator.height)
    return np.ascontiguousarray(matrix[:, :-1].T.astype(np.float32)), matrix[:, -1].astype(np.float32)


def _columns(matrices: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """(V, 3, F) -> (F, 3, V), contiguous: of each column the three rows."""
    return np.ascontiguousarray(np.transpose(matrices, (2, 1, 0)), np.float32)


def _in_order(matrix: NDArray[np.float32], order: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
    """(N * C, latent) -> (latent, N * C), the vertices in another order."""
    return np.ascontiguousarray(matrix.reshape(len(order), -1, matrix.shape[1])[order].reshape(matrix.shape).T)


def _time(one: Callable[[], None], other: Callable[[], None]) -> tuple[float, float]:
    """Seconds of two ways, the best of a few trials in turn, after one to warm up."""
    best = [float("inf"), float("inf")]
    for trial in range(_TRIALS + 1):
        for number, way in enumerate((one, other)):
            begun = time.perf_counter()
            way()
            if trial:
                best[number] = min(best[number], time.perf_counter() - begun)
    return best[0], best[1]


def _sigmoid(x: NDArray[np.float32]) -> NDArray[np.float32]:
    # Through tanh: exp would overflow for large negative x.
    return (1 + np.tanh(x / 2)) / 2
