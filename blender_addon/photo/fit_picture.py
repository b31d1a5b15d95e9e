"""A picture of how a face lies on its photos, for whoever has no window: landmarks, and the mesh over the photo."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..engine import limited
from ..wrapping.wrap_picture import write_png

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ..engine import Camera, Fitted, PhotoView, Template

    Floats = NDArray[np.float64]
    Pixels = NDArray[np.float32]

HEIGHT = 900
"""Pixels."""

_ROOM = 0.12
"""How much of the photo is shown around the head, in shares of its size."""

_WIRES, _FOUND, _PLACED = (1.0, 1.0, 1.0), (0.1, 1.0, 0.3), (1.0, 0.45, 0.0)
_FAINT = 0.3
_DENSE = 1.5
"""Dots for each pixel of a line."""


def write(template: Template, views: Sequence[PhotoView], fitted: Fitted, path: Path) -> None:
    """Writes a PNG: each photo around the face, beside each other, and what was found over it.

    White is the mesh as it is fitted there, green the points that the landmark finder saw, orange what a person placed.

    Raises:
        MienError: the file cannot be written.
    """
    shown = [
        _picture(template, view, camera, posed)
        for view, camera, posed in zip(views, fitted.cameras, fitted.posed, strict=True)
    ]
    write_png(np.concatenate(shown, axis=1), path)


def _picture(template: Template, view: PhotoView, camera: Camera, posed: NDArray[np.float32]) -> Pixels:
    """(HEIGHT, w, 3)."""
    at = camera.project(posed)
    low, high, canvas = _around(view, at)
    scale = HEIGHT / (high[1] - low[1])
    canvas = _resized(canvas, HEIGHT, max(round((high[0] - low[0]) * scale), 1))
    _blend(canvas, (_wires(template, camera, posed, at) - low) * scale, _WIRES, _FAINT, dot=1)
    if view.points is not None:
        _blend(canvas, (view.points[:, :2] - low) * scale, _FOUND, 1.0, dot=3)
    if view.marks:
        _blend(canvas, (np.array(list(view.marks.values())) - low) * scale, _PLACED, 1.0, dot=5)
    return canvas


def _around(view: PhotoView, at: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp], Pixels]:
    """Upper left and lower right corner of what is shown, in pixels of the photo, and its colours."""
    picture = view.picture
    size = np.array([picture.width, picture.height])
    points = np.empty((0, 2)) if view.points is None else view.points[:, :2]
    places = np.concatenate([at, points, np.array(list(view.marks.values())).reshape(-1, 2)])
    room = _ROOM * float(np.ptp(at, axis=0).max())
    low = np.clip(np.floor(places.min(axis=0) - room), 0, size - 1).astype(np.intp)
    high = np.clip(np.ceil(places.max(axis=0) + room), low + 1, size).astype(np.intp)
    colours = picture.colours[low[1] : high[1], low[0] : high[0]]
    if picture.alpha is not None:
        alpha = picture.alpha[low[1] : high[1], low[0] : high[0], None]
        colours = colours * alpha + 0.5 * (1 - alpha)
    return low, high, colours


def _resized(colours: Pixels, height: int, width: int) -> Pixels:
    """Shrunk by areas, or each pixel repeated."""
    small = limited(colours, max(height, width))
    rows = np.arange(height) * small.shape[0] // height
    return np.array(small[rows][:, np.arange(width) * small.shape[1] // width])


def _wires(template: Template, camera: Camera, posed: NDArray[np.float32], at: Floats) -> Floats:
    """(n, 2) dots along the edges of the triangles that look at the camera, in pixels of the photo."""
    corners = posed[template.triangles].astype(np.float64)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    front = template.triangles[np.einsum("tk,tk->t", normals, camera.eye() - corners[:, 0]) > 0]
    edges = np.concatenate([front[:, [0, 1]], front[:, [1, 2]], front[:, [2, 0]]])
    start, end = at[np.unique(np.sort(edges, axis=1), axis=0).T]
    scale = HEIGHT / max(float(np.ptp(at[:, 1])), 1e-9)
    count = np.clip(np.ceil(np.linalg.norm(end - start, axis=1) * scale * _DENSE), 1, 100).astype(np.intp)
    line = np.repeat(np.arange(len(count)), count)
    part = (np.arange(len(line)) - np.repeat(np.cumsum(count) - count, count)) / count[line]
    return np.asarray(start[line] + (end - start)[line] * part[:, None])


def _blend(canvas: Pixels, places: Floats, colour: tuple[float, float, float], strength: float, dot: int) -> None:
    """Dots of some pixels' size; where many lie on each other they count once."""
    covered = np.zeros(canvas.shape[:2], bool)
    corner = np.round(places - dot / 2).astype(np.intp)
    for right in range(dot):
        for down in range(dot):
            column, row = corner[:, 0] + right, corner[:, 1] + down
            inside = (column >= 0) & (column < canvas.shape[1]) & (row >= 0) & (row < canvas.shape[0])
            covered[row[inside], column[inside]] = True
    canvas[covered] = canvas[covered] * (1 - strength) + np.array(colour, np.float32) * strength
