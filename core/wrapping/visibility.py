"""Which of a surface sees the sky: the hidden insides of mouths, nostrils and eye sockets have no part in a wrap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..errors import Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from .surface import TreeSurface

DIRECTIONS = 24
"""Rays over a hemisphere."""

OPEN = 0.2
"""What sees this share of its hemisphere, weighted by the cosine, counts as visible."""

_LIFT = 2e-3  # mm off the surface
_GRAZING = 0.05
_CELL = 2.0  # mm
_FEW = 40_000


def openness(
    surface: TreeSurface,
    places: NDArray[np.float64],
    normals: NDArray[np.float64],
    reach: float,
    cancelled: Callable[[], bool] | None = None,
) -> NDArray[np.float64]:
    """Share of the hemisphere over places of a surface that nothing stands in, weighted by the cosine.

    Args:
        surface: with all that may stand in the way; in mm.
        places: (n, 3) on it.
        normals: (n, 3) unit; zero where there is none.
        reach: mm, what is farther away hides nothing.
        cancelled: asked now and then.

    Returns:
        (n,) in 0..1; 0 without a normal.

    Raises:
        Cancelled: as asked.
    """
    if len(places) > _FEW:
        # So many places are nearer than what they see differently: one speaks for its neighbours that look alike.
        first, inverse = _alike(places, normals)
        return _openness(surface, places[first], normals[first], reach, cancelled)[inverse]
    return _openness(surface, places, normals, reach, cancelled)


def _openness(
    surface: TreeSurface,
    places: NDArray[np.float64],
    normals: NDArray[np.float64],
    reach: float,
    cancelled: Callable[[], bool] | None,
) -> NDArray[np.float64]:
    seen, total = np.zeros(len(places)), np.zeros(len(places))
    origins = (places + _LIFT * normals).tolist()
    for way in _sphere(2 * DIRECTIONS):
        if cancelled is not None and cancelled():
            raise Cancelled
        cosine = normals @ way
        above = np.flatnonzero(cosine > _GRAZING)
        free = surface.misses([origins[number] for number in above.tolist()], way, reach)
        total[above] += cosine[above]
        seen[above] += cosine[above] * free
    return np.asarray(seen / np.where(total > 0, total, 1.0))


def _sphere(count: int) -> NDArray[np.float64]:
    """(count, 3) directions, evenly spread (Fibonacci's spiral)."""
    number = np.arange(count) + 0.5
    height = 1 - 2 * number / count
    turn = np.pi * (1 + 5**0.5) * number
    round_ = np.sqrt(1 - height**2)
    return np.stack([round_ * np.cos(turn), round_ * np.sin(turn), height], axis=1)


def _alike(places: NDArray[np.float64], normals: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """One of each group of places in a cell of space that look into the same octant; and whose group each is."""
    cell = np.floor((places - places.min(axis=0)) / _CELL).astype(np.int64)
    octant = (normals > 0) @ np.array([1, 2, 4])
    size = cell.max(axis=0) + 1
    keys = ((cell[:, 0] * size[1] + cell[:, 1]) * size[2] + cell[:, 2]) * 8 + octant
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    return first, inverse.reshape(-1)
