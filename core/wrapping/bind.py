"""From a wrapped template to a binding: on which place of the face each vertex of the head rides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..binding import Binding
from ..errors import Cancelled
from .head import borders, on_border, welded_normals
from .meshes import edges_of, face_normals, neighbours, unit, vertex_normals, welded
from .walking import Walk
from .wrap import skin_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ..template import Template
    from .meshes import Neighbours
    from .surface import SurfaceOf
    from .wrap import Wrapped


_REACH, _FAR = 12.0, 36.0  # mm; places within the first are the face's, those beyond the second no part of it
_ALIKE = np.cos(np.radians(45.0))  # of the triangles offered to normals that look along an axis
_GRAIN = 0.01


def bind(
    template: Template,
    wrapped: Wrapped,
    vertices: NDArray[np.floating[Any]],
    triangles: NDArray[np.integer[Any]],
    surface_of: SurfaceOf,
    *,
    cancelled: Callable[[], bool] | None = None,
) -> Binding:
    """Binds the skin of a head to the template that was wrapped onto it.

    Each vertex rides on the closest place of the wrapped face that looks the same way, so that an upper lip never
    rides on the lower one. Hidden skin, which is built differently in every mesh, walks there from its neighbours
    (walking.py). What lies beyond the template's own edge stays still.

    Args:
        template: which was wrapped.
        wrapped: where it lies.
        vertices: (N, 3) object units.
        triangles: (F, 3).
        surface_of: makes a surface.
        cancelled: asked now and then.

    Returns:
        Rows of three corners each, barycentric.

    Raises:
        Cancelled: as asked.
    """
    points = wrapped.similarity.invert(np.asarray(vertices, np.float64))
    laid = wrapped.similarity.invert(wrapped.positions)
    sheet = skin_of(template)
    face = template.triangles[sheet[template.triangles[:, 0]]]
    low, high = laid[sheet].min(axis=0) - _REACH, laid[sheet].max(axis=0) + _REACH
    skin = np.flatnonzero(wrapped.skin & ((points > low) & (points < high)).all(axis=1))
    normals = welded_normals(points, triangles, welded(points, _GRAIN, triangles))[skin]
    place, triangle, distance = _alike_places(laid, face, points[skin], normals, surface_of, cancelled=cancelled)
    shares = surface_of(laid, face).shares(triangle, place)
    sure = wrapped.visible[skin] & (distance < _REACH)
    if not sure.all() and sure.any():
        walk = Walk(
            _near_among(triangles, skin, points),
            points[skin],
            normals,
            template_near=neighbours(edges_of(face)[0], len(laid)),
            laid=laid,
            laid_normals=vertex_normals(laid, face),
            face=face,
        )
        nearest = face[triangle, shares.argmax(axis=1)].astype(np.int64)
        to, way = walk(np.where(sure, nearest, -1), cancelled)
        reached = to >= 0
        triangle[reached], shares[reached] = to[reached], way[reached]
        where = np.einsum("nk,nkx->nx", shares[reached], laid[face[triangle[reached]]])
        distance[reached] = np.linalg.norm(where - points[skin[reached]], axis=1)
        sure |= reached
    # Skin far off, as a hat or a hand on the chin, fades out.
    shares = shares * np.clip((_FAR - distance) / (_FAR - _REACH), 0, 1)[:, None]
    moves = sure & (distance < _FAR) & ~_beyond(template, face, triangle, shares, distance)
    return Binding("wrapped head", len(points), skin[moves], face[triangle[moves]], shares[moves].astype(np.float32))


def _near_among(triangles: NDArray[np.integer[Any]], skin: NDArray[np.intp], points: NDArray[np.float64]) -> Neighbours:
    """Neighbours among the chosen vertices, in their numbers; those at one place are neighbours too."""
    number = np.full(len(points), -1)
    number[skin] = np.arange(len(skin))
    inside = number[triangles]
    edges = edges_of(inside[(inside >= 0).all(axis=1)])[0]
    place = welded(points[skin], _GRAIN, np.arange(len(skin)))
    order = np.argsort(place, kind="stable")
    same = np.flatnonzero(place[order[1:]] == place[order[:-1]])
    return neighbours(np.concatenate([edges, np.stack([order[same], order[same + 1]], axis=1)]), len(skin))


def _alike_places(
    laid: NDArray[np.float64],
    face: NDArray[np.int32],
    points: NDArray[np.float64],
    normals: NDArray[np.float64],
    surface_of: SurfaceOf,
    *,
    cancelled: Callable[[], bool] | None,
) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.float64]]:
    """For each point the closest place among the triangles that look its way: (n, 3), (n,), (n,) mm."""
    place, triangle, distance = points.copy(), np.zeros(len(points), np.intp), np.full(len(points), np.inf)
    ways = unit(np.array([(x, y, z) for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1) if x or y or z], float))
    looks = face_normals(laid, face)
    group = np.argmax(normals @ ways.T, axis=1)
    for number, way in enumerate(ways):
        if cancelled is not None and cancelled():
            raise Cancelled
        mine, theirs = np.flatnonzero(group == number), np.flatnonzero(looks @ way > _ALIKE)
        if len(mine) and len(theirs):
            found, at = surface_of(laid, face[theirs]).closest(points[mine])
            place[mine], triangle[mine] = at, theirs[found]
            distance[mine] = np.linalg.norm(at - points[mine], axis=1)
    return place, triangle, distance


def _beyond(
    template: Template,
    face: NDArray[np.int32],
    triangle: NDArray[np.intp],
    shares: NDArray[np.float64],
    distance: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """(n,) bool: what lies off the template's own edge, below the neck."""
    border = borders(face, template.vertex_count)
    on_edge = on_border(shares, border[face[triangle]])
    return np.asarray(on_edge & (distance > 1.0))
