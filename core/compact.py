"""Compact keys: a performance of T frames as K << T shapes and their weights.

X (T, 3 M) holds the frames. K shapes S and weights W are wanted with

    max over frames t and vertices v of |X[t, v] - sum_k W[t, k] S[k, v]| <= tolerance

The singular value decomposition gives the shapes whose sum of squared errors is the smallest. With X X^T = U L U^T they
are S = U_K^T X, W = U_K. A sum of squares forgives what an eye sees: a brief frame that is far off. So some rounds give
frames with large errors more weight, R = diag(r), which takes a tenth to a third of the keys away: with R U L^(1/2) =
V m^(1/2) Q^T,

    S = V_K^T R X,    W = U L^(1/2) Q_K m_K^(-1/2)

are the best shapes of the weighted frames, and the least squares weights of the frames as they are. All of this happens
in T x T (or 3 M x 3 M where that is smaller); the frames are only read to make shapes and to measure the true error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .errors import Cancelled, MotionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

_SMALL, _LARGE = 2**20, 16 * 2**20
"""Bytes that a block of columns of all frames takes: small ones stay in the processor's cache, large ones are for the
Gram matrix, whose T x T sums would else be the work."""

_RANK = 1e-13
"""Eigenvalues of the Gram matrix below this share of the largest are its rounding errors."""

_ROUNDS, _POWER, _LEAST = 10, 0.7, 0.2
"""Rounds of weighting for each K; r grows with (error / largest error)^power, of errors no smaller than this share."""

_HOPELESS = 1.5
"""Half of the rounds that leave the error this many times above the tolerance are enough."""

_WORK = 4e12
"""Multiplications and additions that the rounds may take in all; very long performances get fewer rounds, or none."""


@dataclass(frozen=True)
class Compact:
    """A performance in few keys.

    Attributes:
        shapes: (K, M, 3) float32, deformations in the unit of the frames; what a key shows at the value 1.
        weights: (T, K) float32, the values of the keys; the largest of each key in size is exactly 1.
        error: largest distance of any vertex in any frame, of these rounded numbers; unit of the frames.
    """

    shapes: NDArray[np.float32]
    weights: NDArray[np.float32]
    error: float


class Compactor:
    """Takes frames in chunks, keeps one copy of them, and makes compact keys of them.

    Args:
        cancelled: asked now and then during `finish`.
    """

    def __init__(self, cancelled: Callable[[], bool] | None = None) -> None:
        self._chunks: list[NDArray[np.float32]] = []
        self._cancelled = cancelled
        self._vertices = 0

    @property
    def frame_count(self) -> int:
        """T, frames so far."""
        return sum(map(len, self._chunks))

    def add(self, chunk: NDArray[np.float32]) -> None:
        """Copies the next frames.

        Args:
            chunk: (n, M, 3) float32 deformations.

        Raises:
            MotionError: another shape than the chunks before, or numbers that are not finite.
        """
        frames = np.array(chunk, np.float32, order="C")
        if frames.ndim != 3 or frames.shape[2] != 3 or (self._chunks and frames.shape[1] != self._vertices):
            raise MotionError(f"Frames must have the shape (n, M, 3), not {frames.shape}.")
        if not np.isfinite(frames).all():
            raise MotionError("Some frames hold values that are not finite numbers.")
        self._vertices = frames.shape[1]
        self._chunks.append(frames.reshape(len(frames), 3 * self._vertices))

    def finish(self, tolerance: float) -> Compact:
        """As few keys as keep every vertex in every frame within the tolerance.

        A tolerance that rounding to single precision does not allow gives the frames themselves as keys, exactly.

        Args:
            tolerance: largest distance, 0 or above, in the unit of the frames.

        Raises:
            MotionError: there are no frames, or the tolerance is no such number.
            Cancelled: `cancelled` said so.
        """
        if not (math.isfinite(tolerance) and tolerance >= 0):
            raise MotionError(f"The tolerance is {tolerance}.", "Give a length of 0 or above.")
        if self.frame_count == 0:
            raise MotionError("The performance has no frames.", "Choose an end after its start.")
        none = np.zeros((0, self.frame_count)), np.zeros((self.frame_count, 0), np.float32)
        if self._errors(*none).max() <= tolerance:
            return self._made(*none)
        values, vectors = self._spectrum()
        keys = self._fewest(lambda count: self._plain(vectors, count), 1, len(values), tolerance)
        if keys is None:
            return self._made(*self._frames_themselves())
        count = len(keys[0])
        # A round makes shapes and puts them together again; bisection asks for log2 K counts, at most K of K keys.
        per_round = 4.0 * self.frame_count * count * 3 * self._vertices * math.log2(count + 1)
        rounds = int(min(_ROUNDS, _WORK / per_round))
        if rounds:
            fewer = self._fewest(
                lambda fewer: self._weighted(values, vectors, fewer, rounds, tolerance), 1, count - 1, tolerance
            )
            keys = fewer or keys
        return self._made(*keys)

    def _blocks(self, size: int = _SMALL) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """Columns of all frames: (which, (T, 3 b) float32), whole vertices each, about `size` bytes."""
        step = max(1, size // (4 * 3 * self.frame_count)) * 3
        for first in range(0, 3 * self._vertices, step):
            if self._cancelled is not None and self._cancelled():
                raise Cancelled
            columns = slice(first, min(first + step, 3 * self._vertices))
            yield columns, np.concatenate([chunk[:, columns] for chunk in self._chunks])

    def _spectrum(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Eigenvalues of X X^T (R,), largest first, and its eigenvectors (T, R); R is the rank."""
        if 3 * self._vertices < self.frame_count:
            exact = np.concatenate(self._chunks).astype(np.float64)
            values, right = _largest_first(exact.T @ exact)
            return values, exact @ right / np.sqrt(values)
        gram = np.zeros((self.frame_count, self.frame_count))
        for _, block in self._blocks(_LARGE):
            wide = block.astype(np.float64)
            gram += wide @ wide.T
        return _largest_first(gram)

    def _plain(self, vectors: NDArray[np.float64], count: int) -> _Keys:
        """The singular value decomposition's keys."""
        return _scaled(vectors[:, :count].T, vectors[:, :count])

    def _weighted(
        self, values: NDArray[np.float64], vectors: NDArray[np.float64], count: int, rounds: int, tolerance: float
    ) -> _Keys:
        """The keys of the first round that keeps the tolerance, else those of the last."""
        weight = np.ones(self.frame_count)
        factor = vectors * np.sqrt(values)
        keys = self._plain(vectors, count)
        for number in range(rounds):
            errors = self._errors(*keys)
            worst = errors.max()
            if worst <= tolerance or (number >= rounds // 2 and worst > _HOPELESS * tolerance):
                break
            weight *= np.maximum(errors / worst, _LEAST) ** _POWER
            weight /= weight.max()
            heavy = factor * weight[:, None]
            strength, turn = _largest_first(heavy.T @ heavy, count)
            turn /= np.sqrt(strength)
            keys = _scaled((heavy @ turn).T * weight, factor @ turn)
        return keys

    def _fewest(self, make: Callable[[int], _Keys], low: int, high: int, tolerance: float) -> _Keys | None:
        """The keys of the smallest count in low..high that keep the tolerance, by bisection; None where none does."""
        best: _Keys | None = None
        while low <= high:
            middle = (low + high) // 2
            keys = make(middle)
            if self._errors(*keys).max() <= tolerance:
                best, high = keys, middle - 1
            else:
                low = middle + 1
        return best

    def _frames_themselves(self) -> _Keys:
        moving = np.flatnonzero(np.concatenate([chunk.any(axis=1) for chunk in self._chunks]))
        mixing = np.zeros((len(moving), self.frame_count))
        mixing[np.arange(len(moving)), moving] = 1
        return mixing, mixing.T.astype(np.float32)

    def _errors(self, mixing: NDArray[np.float64], weights: NDArray[np.float32]) -> NDArray[np.float64]:
        """(T,) largest distance of a vertex in each frame, computed as Blender does: in single precision."""
        worst = np.zeros(self.frame_count, np.float32)
        single = mixing.astype(np.float32)
        for _, block in self._blocks():
            off = (block - weights @ (single @ block)).reshape(self.frame_count, -1, 3)
            np.maximum(worst, np.einsum("tvc,tvc->tv", off, off).max(axis=1), out=worst)
        return np.sqrt(worst.astype(np.float64))

    def _made(self, mixing: NDArray[np.float64], weights: NDArray[np.float32]) -> Compact:
        shapes = np.empty((len(mixing), 3 * self._vertices), np.float32)
        single = mixing.astype(np.float32)
        for columns, block in self._blocks():
            shapes[:, columns] = single @ block
        return Compact(shapes.reshape(-1, self._vertices, 3), weights, float(self._errors(mixing, weights).max()))


if TYPE_CHECKING:
    _Keys = tuple[NDArray[np.float64], NDArray[np.float32]]
    """(K, T) the frames' share in each shape, S = mixing X; (T, K) the weights."""


def _scaled(mixing: NDArray[np.float64], weights: NDArray[np.float64]) -> _Keys:
    """Both so scaled that the weight of each key which is the largest in size is 1."""
    peak = weights[np.abs(weights).argmax(axis=0), np.arange(weights.shape[1])]
    return mixing * peak[:, None], (weights / peak).astype(np.float32)


def _largest_first(
    symmetric: NDArray[np.float64], count: int | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Eigenvalues above rounding, largest first, at most `count`, and their vectors as columns."""
    values, vectors = np.linalg.eigh(symmetric)
    values, vectors = values[::-1], vectors[:, ::-1]
    rank = int((values > _RANK * max(values[0], 0.0)).sum())
    kept = rank if count is None else min(count, rank)
    return values[:kept], vectors[:, :kept]
