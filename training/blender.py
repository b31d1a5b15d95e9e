"""Blender's Python module, which some commands need."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

from core.errors import MienError
from core.wrapping.surface import TreeSurface

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray


def need_blender() -> None:
    """Raises MienError where there is no Blender."""
    if importlib.util.find_spec("bpy") is None:
        raise MienError("There is no Blender here.", "Install it with: pip install 'mien[blender]'.")


def blender_surfaces() -> Callable[[NDArray[np.float64], NDArray[np.integer[Any]]], TreeSurface]:
    """Surfaces over Blender's trees."""
    import bpy  # noqa: F401 - it brings mathutils
    from mathutils.bvhtree import BVHTree

    def surface_of(vertices: NDArray[np.float64], triangles: NDArray[np.integer[Any]]) -> TreeSurface:
        tree: Any = BVHTree.FromPolygons(vertices.tolist(), triangles.tolist())
        return TreeSurface(vertices, triangles, tree)

    return surface_of
