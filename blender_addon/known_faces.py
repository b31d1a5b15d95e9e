"""Which face that Mien knows a mesh is: told by its number of vertices and by its edges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .wrapping.store import edge_list

if TYPE_CHECKING:
    from collections.abc import Sequence

    import bpy
    from numpy.typing import NDArray

    from .engine import Layout, Template

EDGES_NEEDED = 0.99
"""Share of the template's edges that must be found in the mesh; triangulating adds edges, it removes none."""


def knows(mesh: bpy.types.Mesh, templates: Sequence[Template]) -> bool:
    """Whether one of the templates lies in a mesh, with or without a wrap."""
    best = likest(mesh, templates)
    return best is not None and best[2] >= EDGES_NEEDED


def likest(mesh: bpy.types.Mesh, templates: Sequence[Template]) -> tuple[Template, Layout, float] | None:
    """The template that has most of its edges in a mesh, its layout, and that share; None where no number fits."""
    count = len(mesh.vertices)
    every = [(template, layout) for template in templates for layout in template.all_layouts()]
    candidates = [(template, layout) for template, layout in every if layout.vertex_count == count]
    if not candidates:
        return None
    edges = edge_list(mesh)
    shares = [_edge_share(layout, template, edges, count) for template, layout in candidates]
    best = int(np.argmax(shares))
    return *candidates[best], shares[best]


def _edge_share(layout: Layout, template: Template, edges: NDArray[np.int32], count: int) -> float:
    """Which share of the template's edges, among the vertices that are there, the mesh has."""
    wanted = layout.object_index[template.edges].astype(np.int64)
    wanted = np.sort(wanted[(wanted >= 0).all(axis=1)], axis=1)
    if not len(wanted):
        return 0.0
    there = np.sort(edges.astype(np.int64), axis=1)
    return float(np.isin(wanted @ (count, 1), there @ (count, 1)).mean())
