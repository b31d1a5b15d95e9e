"""Triangles drawn into a grid of pixels: which of them each pixel shows, and where in it (numpy alone)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]

_SLIVER = 1e-12  # twice the area in pixels below which a triangle shows nothing


@dataclass(frozen=True)
class Covered:
    """Pixels of triangles, row by row of one triangle after the other.

    Attributes:
        row: (n,) from the top.
        column: (n,).
        triangle: (n,) which one.
        shares: (n, 3) float32 how much each of its corners counts at the pixel's middle; they sum to 1.
    """

    row: NDArray[np.int32]
    column: NDArray[np.int32]
    triangle: NDArray[np.int32]
    shares: NDArray[np.float32]


def covered(corners: Floats, height: int, width: int) -> Covered:
    """The pixels whose middles lie in each of some triangles; on a side that two share, in one of them alone.

    Args:
        corners: (F, 3, 2) columns and rows; whole numbers are corners of pixels, row 0 is on top.
        height: of the grid.
        width: of the grid; what lies outside is left out.
    """
    corners = np.asarray(corners, np.float64)
    low, high = corners[..., 1].min(axis=1), corners[..., 1].max(axis=1)
    first = np.clip(np.ceil(low - 0.5), 0, height).astype(np.int64)
    last = np.clip(np.ceil(high - 0.5), 0, height).astype(np.int64)
    owner, row = _runs(first, last)
    left, right = _spans(corners, owner, row + 0.5)
    begin = np.clip(np.ceil(left - 0.5), 0, width).astype(np.int64)
    end = np.clip(np.ceil(right - 0.5), 0, width).astype(np.int64)
    line, column = _runs(begin, end)
    triangle = owner[line].astype(np.int32)
    row32, column32 = row[line].astype(np.int32), column.astype(np.int32)
    shares = _shares(corners, triangle, column32, row32)
    return Covered(row32, column32, triangle, shares)


def _runs(first: NDArray[np.int64], end: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For ranges of whole numbers, all of them one after the other: which range, which number."""
    count = np.maximum(end - first, 0)
    owner = np.repeat(np.arange(len(count)), count)
    before = np.cumsum(count) - count
    return owner, np.arange(len(owner)) + (first - before)[owner]


def _spans(
    corners: NDArray[np.float64], owner: NDArray[np.int64], middle: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """From which column to which triangles reach at heights of theirs."""
    left, right = np.full(len(owner), np.inf), np.full(len(owner), -np.inf)
    for one in range(3):
        start, stop = corners[:, one], corners[:, (one + 1) % 3]
        # Always from the upper end, so that two triangles get the very same number on the side they share.
        swap = (start[:, 1] > stop[:, 1])[:, None]
        upper, lower = np.where(swap, stop, start), np.where(swap, start, stop)
        rise = lower[:, 1] - upper[:, 1]
        slope = (lower[:, 0] - upper[:, 0]) / np.where(rise > 0, rise, 1.0)
        top, bottom = upper[owner, 1], lower[owner, 1]
        met = (top <= middle) & (middle < bottom)
        at = upper[owner, 0] + (middle - top) * slope[owner]
        left = np.where(met, np.minimum(left, at), left)
        right = np.where(met, np.maximum(right, at), right)
    empty = left > right
    return np.where(empty, 0.0, left), np.where(empty, 0.0, right)


def _shares(
    corners: NDArray[np.float64], triangle: NDArray[np.int32], column: NDArray[np.int32], row: NDArray[np.int32]
) -> NDArray[np.float32]:
    origin = corners[:, 0]
    one, two = corners[:, 1] - origin, corners[:, 2] - origin
    doubled = one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]
    scale = 1.0 / np.where(np.abs(doubled) > _SLIVER, doubled, 1.0)
    across = np.stack([two[:, 1], -two[:, 0], -one[:, 1], one[:, 0]], axis=1) * scale[:, None]
    x = column + 0.5 - origin[triangle, 0]
    y = row + 0.5 - origin[triangle, 1]
    second = x * across[triangle, 0] + y * across[triangle, 1]
    third = x * across[triangle, 2] + y * across[triangle, 3]
    second = np.clip(second, 0, 1)
    third = np.clip(third, 0, 1 - second)
    return np.stack([1 - second - third, second, third], axis=1).astype(np.float32)


def nearest(corners: Floats, depths: Floats, height: int, width: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Which triangle each pixel shows, and how far away it is.

    Args:
        corners: (F, 3, 2) columns and rows, as a lens sees them.
        depths: (F, 3) how far before the lens, above 0.
        height: of the grid.
        width: of the grid.

    Returns:
        (height, width) int32 the nearest triangle, -1 where there is none; (height, width) float32 its distance, in the
        unit of the depths, infinite where there is none.
    """
    pixels = covered(corners, height, width)
    # What is straight in space is straight in a picture of it too, but evenly spaced only in 1 / distance.
    near = np.einsum("nc,nc->n", pixels.shares, (1.0 / depths).astype(np.float32)[pixels.triangle])
    place = pixels.row.astype(np.int64) * width + pixels.column
    best = np.zeros(height * width, np.float32)
    np.maximum.at(best, place, near)
    shown = np.full(height * width, -1, np.int32)
    wins = near == best[place]
    shown[place[wins]] = pixels.triangle[wins]
    with np.errstate(divide="ignore"):
        distance = np.where(best > 0, 1.0 / best, np.inf).astype(np.float32)
    return shown.reshape(height, width), distance.reshape(height, width)
