"""A face of any number of vertices: a template subdivided, and cropped round the nose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import trimesh
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra

from core.errors import TemplateError
from core.spirals import edges_of
from core.template import Template

if TYPE_CHECKING:
    from numpy.typing import NDArray

PAPER_VERTICES = 28_431
"""The paper's finest level (table 1)."""

_MOST = 6
"""Times that a template is subdivided at most."""


def face_of(template: Template, count: int = PAPER_VERTICES) -> Template:
    """A face of exactly `count` vertices.

    Every triangle is cut in four until there are enough vertices; those farther from the nose, along the edges, are
    cut off.

    Args:
        template: with the landmark "nose_tip", or the vertex farthest forward is taken for it.
        count: vertices wanted.

    Returns:
        A template of triangles with the landmark "nose_tip".

    Raises:
        TemplateError: no whole number of triangles leaves so many vertices.
    """
    points, triangles = np.asarray(template.vertices, np.float64), np.asarray(template.triangles, np.int64)
    tip = template.landmarks.get("nose_tip", int(points[:, 2].argmax()))
    away = _from(tip, points, triangles)
    for _ in range(_MOST):
        if np.isfinite(away).sum() > count:
            break
        points, triangles = trimesh.remesh.subdivide(points, triangles)
        away = _from(tip, points, triangles)
    # Triangle by triangle from the nose: each vertex comes with its first triangle.
    order = np.argsort(away[triangles].max(axis=1), kind="stable")
    ordered = triangles[order]
    first = np.full(len(points), len(triangles))
    np.minimum.at(first, ordered.ravel(), np.repeat(np.arange(len(ordered)), 3))
    last = np.sort(first)[count - 1]
    used = np.flatnonzero(first <= last)
    if len(used) != count or not np.isfinite(away[used]).all():
        raise TemplateError(f"The template {template.name} cannot be cropped to {count} vertices.", "Ask for others.")
    new = np.full(len(points), -1, np.int32)
    new[used] = np.arange(count)
    corners = new[ordered[: last + 1]]
    polygons = np.column_stack([corners, np.full(len(corners), -1, np.int32)])
    name = f"{template.name}_{count}"
    return Template(name, points[used].astype(np.float32), polygons, {"nose_tip": int(new[tip])})


def _from(tip: int, points: NDArray[np.float64], triangles: NDArray[np.int64]) -> NDArray[np.float64]:
    edges = edges_of(triangles)
    lengths = np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1)
    graph = coo_matrix((np.maximum(lengths, 1e-9), edges.T), shape=(len(points),) * 2)
    return np.asarray(dijkstra(graph, directed=False, indices=tip))
