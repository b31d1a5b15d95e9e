"""A picture of how a wrap lies on a head, made by rays: no window, no graphics card, and nothing in the scene."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..engine import MienError
from . import heat as colouring
from .bvh import surface_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ..engine import TreeSurface
    from .heat import HeatMap

    Pixels = NDArray[np.float32]

PIXELS = 480
"""Height of the picture, without the legend."""

_TURNS = (0.0, 40.0, -40.0)
"""Degrees that the head is turned about its own up for each of the views: from the front, from both sides."""

_PAPER = (0.93, 0.93, 0.93)
_INK = (0.15, 0.15, 0.15)
_MARGIN = 1.06

_GLYPHS = {
    "0": "111101101101111",
    "1": "010110010010111",
    "2": "111001111100111",
    "3": "111001111001111",
    "4": "101101111001001",
    "5": "111100111001111",
    "6": "111100111101111",
    "7": "111001001010010",
    "8": "111101111101111",
    "9": "111101111001111",
    ".": "000000000000010",
    "+": "000010111010000",
    "m": "0000000000111101010110101",
    " ": "000000000000000",
}
"""Signs of the legend, 5 rows each: Blender draws no text without a window."""


class _Head(NamedTuple):
    """A head in the template's axes, mm from its middle; all that the views have in common."""

    surface: TreeSurface
    normals: NDArray[np.float64]
    distance: NDArray[np.float32]
    flipped: NDArray[np.float64]
    wrapped: NDArray[np.float64]


class _Screen(NamedTuple):
    """Where the pixels are: mm to the right and up, in the axes of the view."""

    columns: NDArray[np.float64]
    rows: NDArray[np.float64]
    pixel: float
    start: float


def write(heat: HeatMap, path: Path) -> None:
    """Writes the picture as a PNG: three views of the head, and a legend in mm.

    Raises:
        MienError: the file cannot be written.
    """
    head = _head(heat)
    picture = np.concatenate([_picture(head, turn) for turn in _TURNS], axis=1)
    write_png(np.concatenate([picture, _legend(picture.shape[1])]), path)


def _head(heat: HeatMap) -> _Head:
    axes = np.linalg.inv(heat.to_local)
    centre = heat.wrapped.mean(axis=0)
    vertices, flipped, wrapped = ((one - centre) @ axes.T for one in (heat.vertices, heat.flipped, heat.wrapped))
    normals = colouring.vertex_normals(vertices, heat.triangles)
    return _Head(surface_of(vertices, heat.triangles), normals, heat.distance, flipped, wrapped)


def _picture(head: _Head, degrees: float) -> Pixels:
    """(H, W, 3) 0..1: a ray for each pixel."""
    angle = np.radians(degrees)
    # Rows: right, up and toward the viewer. A face's own left is at the right of who looks at it, as the template's x.
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    screen = _screen(head, turn)
    x, y = np.meshgrid(screen.columns, screen.rows)
    origins = np.stack([x.ravel(), y.ravel(), np.full(x.size, screen.start)], axis=1) @ turn
    distance, hit = head.surface.cast(origins, -turn[2])
    found = np.empty((x.size, 3), np.float32)
    found[:] = _PAPER
    seen = hit >= 0
    places = origins[seen] - distance[seen, None] * turn[2]
    found[seen] = _paint(head, hit[seen], places)
    picture = found.reshape(*x.shape, 3)
    _mark_flipped(picture, head.flipped @ turn.T, screen)
    return picture


def _screen(head: _Head, turn: NDArray[np.float64]) -> _Screen:
    wrapped = head.wrapped @ turn.T
    low, high = wrapped.min(axis=0), wrapped.max(axis=0)
    pixel = float(high[1] - low[1]) * _MARGIN / PIXELS
    width = round(float(high[0] - low[0]) * _MARGIN / pixel)
    middle = (low + high) / 2
    columns = middle[0] + (np.arange(width) - (width - 1) / 2) * pixel
    rows = middle[1] - (np.arange(PIXELS) - (PIXELS - 1) / 2) * pixel
    # From before everything, hair and hats too.
    return _Screen(columns, rows, pixel, float((head.surface.vertices @ turn[2]).max()) + 1.0)


def _paint(head: _Head, triangle: NDArray[np.intp], places: NDArray[np.float64]) -> NDArray[np.float32]:
    """(n, 3) colours at (n, 3) places on (n,) triangles."""
    weights, corners = head.surface.shares(triangle, places), head.surface.triangles[triangle]
    normals = np.einsum("nk,nkc->nc", weights, head.normals[corners])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    reached = np.isfinite(head.distance)[corners].all(axis=1)
    distance = np.einsum("nk,nk->n", weights, np.nan_to_num(head.distance)[corners])
    colour = colouring.colours(np.where(reached, distance, np.nan))
    return (colour * colouring.shade(normals)[:, None]).astype(np.float32)


def _mark_flipped(picture: Pixels, flipped: NDArray[np.float64], screen: _Screen) -> None:
    """A spot wherever a triangle is turned over; at the back of the head too, for nothing is to be overlooked."""
    for centre in flipped.mean(axis=1):
        column = round((centre[0] - screen.columns[0]) / screen.pixel)
        row = round((screen.rows[0] - centre[1]) / screen.pixel)
        picture[max(row - 2, 0) : max(row + 3, 0), max(column - 2, 0) : max(column + 3, 0)] = colouring.FLIPPED


def _legend(width: int) -> Pixels:
    """(h, W, 3) a bar of the colours, with 0, the half and the end of the scale in mm."""
    size, high = 3, 56
    legend = np.empty((high, width, 3), np.float32)
    legend[:] = _PAPER
    left, right = width // 5, width - width // 5
    ramp = np.linspace(0, colouring.WORST_MM, right - left).astype(np.float32)
    legend[8:22, left:right] = colouring.colours(ramp)
    for share, text in ((0.0, "0 mm"), (0.5, f"{colouring.WORST_MM / 2:g} mm"), (1.0, f"{colouring.WORST_MM:g}+ mm")):
        sign = _text(text).repeat(size, axis=0).repeat(size, axis=1)
        start = int(left + share * (right - left)) - sign.shape[1] // 2
        legend[30 : 30 + sign.shape[0], start : start + sign.shape[1]][sign] = _INK
    return legend


def _text(text: str) -> NDArray[np.bool_]:
    """(5, columns) which pixels are ink."""
    signs = [np.array([one == "1" for one in _GLYPHS[letter]]).reshape(5, -1) for letter in text]
    gap = np.zeros((5, 1), bool)
    return np.concatenate([part for sign in signs for part in (sign, gap)], axis=1)


def write_png(picture: Pixels, path: Path) -> None:
    """Writes (H, W, 3) colours from 0 to 1.

    Raises:
        MienError: the file cannot be written.
    """
    pixels = (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)
    height, width, _ = pixels.shape
    lines = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1)
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(lines.tobytes(), 9)),
        (b"IEND", b""),
    ]
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    try:
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    except OSError as problem:
        raise MienError(f"The picture {path.name} cannot be written ({problem.strerror}).") from problem
