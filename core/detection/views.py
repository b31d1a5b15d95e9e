"""Pictures of a head by rays, with no camera, lamp or scene; every pixel knows its place on the mesh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ..wrapping.meshes import unit, vertex_normals
from ..wrapping.surface import on_triangles

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..wrapping.surface import TreeSurface

    Floats = NDArray[np.float64]
    Values = TypeVar("Values", NDArray[np.float64], NDArray[np.float32])

SKIN, BEHIND = np.array([0.80, 0.62, 0.52]), np.array([0.55, 0.57, 0.60])
"""Colours of the head and of what is behind it, 0 to 1: the network has seen photographs of people."""

_AMBIENT, _CREASES = 0.35, 0.45
"""How bright a place is that no light meets, and how much the deepest creases darken."""

_LIGHTS = np.array([[0.25, 0.55, 0.80], [-0.25, 0.55, 0.80]])
"""Towards the light, in the picture's axes: from above, as people are photographed, once from each side."""


@dataclass(frozen=True)
class Head:
    """A mesh to look at.

    Attributes:
        surface: its triangles, in any unit and axes.
        normals: (N, 3) unit vectors of its vertices; their side does not matter.
    """

    surface: TreeSurface
    normals: Floats

    @classmethod
    def of(cls, surface: TreeSurface) -> Head:
        """A head with its normals."""
        return cls(surface, vertex_normals(surface.vertices, surface.triangles))


@dataclass(frozen=True)
class View:
    """From where, and what part, a square picture shows; parallel rays.

    Attributes:
        axes: (3, 3) rows of unit length: to the picture's right, up, and towards the viewer.
        centre: (3,) what lies in the middle of the picture.
        side: how much of the head the picture is wide, in the head's unit.
    """

    axes: Floats
    centre: Floats
    side: float

    def pixels(self, points: Floats, size: int) -> Floats:
        """(n, 3) points -> (n, 2) column and row in a picture of `size`; whole numbers are corners of pixels."""
        flat = (points - self.centre) @ self.axes[:2].T
        return np.asarray(size / 2 + flat * (size / self.side) * [1.0, -1.0])

    def turned(self, yaw: float, pitch: float) -> View:
        """Round the centre; degrees, to the picture's right and up."""
        a, b = np.radians([yaw, pitch])
        sideways = np.array([[np.cos(a), 0, -np.sin(a)], [0, 1, 0], [np.sin(a), 0, np.cos(a)]])
        upwards = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
        return View(upwards @ sideways @ self.axes, self.centre, self.side)


@dataclass(frozen=True)
class Shot:
    """A picture and where its pixels lie.

    Attributes:
        view: from where.
        pictures: (L, S, S, 3) float32, red, green and blue from 0 to 1, in the light of each of L lamps.
        depth: (S, S) how far in front of the view's centre, in the head's unit; -inf for what is behind the head.
        facing: (S, S) how much the surface looks at the viewer, 0 to 1.
    """

    view: View
    pictures: NDArray[np.float32]
    depth: Floats
    facing: Floats

    def places(self, pixels: Floats) -> tuple[Floats, Floats]:
        """Back to the mesh.

        Args:
            pixels: (n, 2) column and row.

        Returns:
            (n, 3) the places, NaN where a pixel shows no head or lies outside; (n,) how much it faces the viewer there.
        """
        size = len(self.depth)
        weights, rows, columns = _bilinear(pixels, (size, size))
        depths = self.depth[rows, columns]
        nearest = depths[np.arange(len(pixels)), weights.argmax(axis=1)]
        # A pixel on the far side of an edge (the cheek behind the nose) must not be mixed in.
        with np.errstate(invalid="ignore"):
            same = np.abs(depths - nearest[:, None]) < 4 * self.view.side / size
        weights = np.where(same, weights, 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            depth = (np.where(same, depths, 0.0) * weights).sum(axis=1) / weights.sum(axis=1)
        inside = ((pixels >= 0) & (pixels <= size)).all(axis=1) & np.isfinite(nearest)
        flat = (pixels - size / 2) * (self.view.side / size) * [1.0, -1.0]
        places = self.view.centre + np.column_stack([flat, np.where(inside, depth, np.nan)]) @ self.view.axes
        facing = self.facing[rows[:, 0], columns[:, 0]]
        return places, np.where(inside, facing, 0.0)


def shoot(head: Head, view: View, size: int) -> Shot:
    """Takes a picture of `size` times `size` pixels."""
    shown = view.pixels(head.surface.vertices, size)
    low, high = (np.clip(edge, 0, size).astype(int) for edge in (shown.min(axis=0), shown.max(axis=0) + 1))
    rows, columns = (axis.ravel() for axis in np.mgrid[low[1] : high[1], low[0] : high[0]])
    flat = (np.column_stack([columns, rows]) + 0.5 - size / 2) * (view.side / size) * [1.0, -1.0]
    ahead = float(((head.surface.vertices - view.centre) @ view.axes[2]).max()) + view.side
    origins = view.centre + flat @ view.axes[:2] + ahead * view.axes[2]
    distance, triangle = head.surface.cast(origins, np.broadcast_to(-view.axes[2], origins.shape))
    hit = triangle >= 0
    depth, facing = np.full((size, size), -np.inf), np.zeros((size, size))
    lights = np.zeros((len(_LIGHTS), size, size))
    at = rows[hit], columns[hit]
    depth[at] = ahead - distance[hit]
    normals = _normals(head, triangle[hit], origins[hit] - distance[hit, None] * view.axes[2]) @ view.axes.T
    normals = np.where(normals[:, 2:] < 0, -normals, normals)
    facing[at] = normals[:, 2]
    lights[:, at[0], at[1]] = unit(_LIGHTS) @ normals.T
    return Shot(view, _pictures(depth, lights, view.side), depth, facing)


def _normals(head: Head, triangle: NDArray[np.intp], places: Floats) -> Floats:
    """(n, 3) mixed from the corners' by where in the triangle a place lies."""
    shares = head.surface.shares(triangle, places)
    return unit(on_triangles(head.normals, head.surface.triangles[triangle], shares))


def _pictures(depth: Floats, lights: Floats, side: float) -> NDArray[np.float32]:
    """Skin in soft lights, darker in the creases: lids and lips of a head without colours are lines of shadow."""
    shown = np.isfinite(depth)
    bright = _AMBIENT + (1 - _AMBIENT) * np.clip(lights, 0, 1)
    for reach in (0.012, 0.03):
        hollow = _hollow(depth, shown, max(round(reach * len(depth)), 1)) / (reach * side)
        bright *= 1 - _CREASES * np.clip(hollow, 0, 1)
    return np.where(shown[:, :, None], bright[..., None] * SKIN, BEHIND).astype(np.float32)


def _hollow(depth: Floats, shown: NDArray[np.bool_], reach: int) -> Floats:
    """How far a place lies behind its surroundings in the picture."""
    filled = np.where(shown, depth, 0.0)
    count = box_mean(shown.astype(np.float64), reach)
    around = box_mean(filled, reach) / np.where(count > 0, count, 1.0)
    return np.where(shown, around - filled, 0.0)


def box_mean(values: Values, reach: int) -> Values:
    """The mean of a square of 2 reach + 1 pixels around each; (H, W) or (H, W, C), float64 or float32."""
    for axis in (0, 1):
        border = [(reach + 1, reach) if one == axis else (0, 0) for one in range(values.ndim)]
        summed = np.pad(values, border, mode="edge").cumsum(axis=axis, dtype=np.float64)
        length = values.shape[axis]
        ends = np.take(summed, range(2 * reach + 1, 2 * reach + 1 + length), axis=axis)
        values = ((ends - np.take(summed, range(length), axis=axis)) / (2 * reach + 1)).astype(values.dtype)
    return values


def _bilinear(pixels: Floats, shape: tuple[int, ...]) -> tuple[Floats, NDArray[np.intp], NDArray[np.intp]]:
    """(n, 4) weights, rows and columns of the four pixels around each place; the nearest's stand first in none."""
    given = np.where(np.isfinite(pixels), pixels, 0.0) - 0.5
    corner = np.floor(given).astype(int)
    part = given - corner
    right, down = np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1])
    weights = np.where(right, part[:, :1], 1 - part[:, :1]) * np.where(down, part[:, 1:], 1 - part[:, 1:])
    rows, columns = corner[:, 1:] + down, corner[:, :1] + right
    return weights, np.clip(rows, 0, shape[0] - 1), np.clip(columns, 0, shape[1] - 1)


def sample(values: NDArray[np.float32], places: Floats) -> NDArray[np.float32]:
    """What a picture shows between its pixels, mixed of four; beyond its edge that of the edge.

    Args:
        values: (H, W, C).
        places: (n, 2) column and row; whole numbers are corners of pixels.

    Returns:
        (n, C) float32.
    """
    height, width = values.shape[:2]
    given = np.where(np.isfinite(places), places, 0.0) - 0.5
    column = np.clip(given[:, 0], 0, width - 1)
    row = np.clip(given[:, 1], 0, height - 1)
    left, top = np.floor(column).astype(np.intp), np.floor(row).astype(np.intp)
    right, below = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    across, down = (column - left)[:, None].astype(np.float32), (row - top)[:, None].astype(np.float32)
    upper = values[top, left] * (1 - across) + values[top, right] * across
    lower = values[below, left] * (1 - across) + values[below, right] * across
    return np.asarray(upper * (1 - down) + lower * down, np.float32)
