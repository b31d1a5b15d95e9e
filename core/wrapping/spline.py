"""From few pairs of points to all of space: the similarity, and the thin-plate spline on top of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SUSPECT = 4.0
"""A landmark is suspected where the others miss it by so many times what they usually miss each other by."""

_LEAST = 0.18
"""Share of the landmarks' spread (root mean square distance from their middle) that is never too far off."""

_MOST_DROPPED = 0.25


@dataclass(frozen=True)
class Similarity:
    """target = scale * rotation @ source + shift.

    Attributes:
        scale: above 0.
        rotation: (3, 3) without reflection.
        shift: (3,).
    """

    scale: float
    rotation: NDArray[np.float64]
    shift: NDArray[np.float64]

    def apply(self, points: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """(n, 3) of the source -> (n, 3) of the target."""
        return np.asarray(self.scale * points @ self.rotation.T + self.shift)

    def invert(self, points: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """(n, 3) of the target -> (n, 3) of the source."""
        return np.asarray((points - self.shift) @ self.rotation / self.scale)


def similarity(source: NDArray[np.floating[Any]], target: NDArray[np.floating[Any]]) -> Similarity:
    """The similarity without reflection by least squares (Umeyama 1991).

    Args:
        source: (n, 3), n at least 3, not on one line.
        target: (n, 3).
    """
    origin, centre = source.mean(axis=0, dtype=np.float64), target.mean(axis=0, dtype=np.float64)
    here, there = source - origin, target - centre
    left, values, right = np.linalg.svd(there.T @ here)
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(left) * np.linalg.det(right)) or 1.0])
    rotation = (left * sign) @ right
    spread = float((here**2).sum())
    scale = float((values * sign).sum()) / spread if spread > 0 else 1.0
    scale = scale if scale > 0 else 1.0
    return Similarity(scale, rotation, centre - scale * rotation @ origin)


class Spline:
    """A map of space: a similarity, and a smooth bend that brings the given points together.

    The bend is the spline that minimises the integral of the squared second derivatives in space; its kernel is |r|
    (Duchon 1977; Bookstein 1989 for the plane).

    Args:
        source: (n, 3).
        target: (n, 3).
        smoothing: 0 meets the points exactly; the more, the less they are met. In units of the source's spread.
    """

    def __init__(
        self, source: NDArray[np.floating[Any]], target: NDArray[np.floating[Any]], smoothing: float = 0.0
    ) -> None:
        self.similarity = similarity(source, target)
        self._points = self.similarity.apply(source)
        count, affine = len(source), np.column_stack([np.ones(len(source)), self._points])
        spread = float(np.sqrt(((self._points - self._points.mean(axis=0)) ** 2).sum(axis=1).mean()))
        system = np.zeros((count + 4, count + 4))
        # The kernel -|r| is conditionally positive definite: what smooths is added with its sign.
        system[:count, :count] = -_distances(self._points, self._points) + smoothing * spread * np.eye(count)
        system[:count, count:] = affine
        system[count:, :count] = affine.T
        wanted = np.zeros((count + 4, 3))
        wanted[:count] = target - self._points
        # Fewer than four points, or all in one plane, leave the affine part open: the smallest answer is taken.
        self._weights = np.linalg.lstsq(system, wanted, rcond=1e-12)[0]

    def __call__(self, points: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """(n, 3) of the source -> (n, 3) of the target."""
        at = self.similarity.apply(points)
        count = len(self._points)
        out = at + self._weights[count] + at @ self._weights[count + 1 :]
        for first in range(0, len(at), 4096):
            chunk = slice(first, first + 4096)
            out[chunk] -= _distances(at[chunk], self._points) @ self._weights[:count]
        return np.asarray(out)


def misses(source: NDArray[np.floating[Any]], target: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """(n,) how far each target lies from where the spline of all others expects it, in units of the target."""
    out = np.zeros(len(source))
    for number in range(len(source)):
        others = np.arange(len(source)) != number
        spline = Spline(source[others], target[others], 0.1)
        out[number] = np.linalg.norm(spline(source[number : number + 1]) - target[number])
    return out


def trusted(source: NDArray[np.floating[Any]], target: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """Which landmarks agree with the others; the worst goes first, a quarter of them at most.

    Returns:
        (n,) bool; all True where there are fewer than eight.
    """
    kept = np.ones(len(source), bool)
    spread = float(np.sqrt(((target - target.mean(axis=0)) ** 2).sum(axis=1).mean()))
    for _ in range(int(len(source) * _MOST_DROPPED)):
        if kept.sum() < 8:
            break
        off = misses(source[kept], target[kept])
        worst = int(off.argmax())
        if off[worst] <= max(_SUSPECT * float(np.median(off)), _LEAST * spread):
            break
        kept[np.flatnonzero(kept)[worst]] = False
    return kept


def _distances(here: NDArray[np.float64], there: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.linalg.norm(here[:, None] - there[None], axis=-1))
