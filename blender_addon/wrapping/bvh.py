"""Surfaces over Blender's own trees of triangles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mathutils.bvhtree import BVHTree

from ..engine import TreeSurface

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def surface_of(vertices: NDArray[np.floating[Any]], triangles: NDArray[np.integer[Any]]) -> TreeSurface:
    """The surface of (N, 3) vertices and (F, 3) triangles; at least one triangle."""
    tree = BVHTree.FromPolygons(vertices.tolist(), triangles.tolist(), all_triangles=True)
    return TreeSurface(vertices, triangles, tree)
