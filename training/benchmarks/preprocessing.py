"""Levels and spirals of a head, against the decimation library alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from core.topology import build_topology

from .timing import in_turn

if TYPE_CHECKING:
    from core.template import Template


def time_preprocessing(template: Template, sizes: tuple[int, ...], rounds: int) -> dict[str, float]:
    """Median seconds: "mien" for levels, unpooling and spirals; "library" for its collapse through the same sizes.

    Args:
        template: the head.
        sizes: vertices of the levels, fine to coarse.
        rounds: how often each is timed, in turn.
    """
    import pymeshlab  # its ray tracer is in the way of Blender's, which other commands import

    points = template.vertices.astype(np.float64)
    share = len(template.triangles) / sizes[0]

    def library() -> None:
        meshes = pymeshlab.MeshSet(verbose=False)
        meshes.add_mesh(pymeshlab.Mesh(points, template.triangles))
        for count in sizes[1:]:
            meshes.meshing_decimation_quadric_edge_collapse(targetfacenum=int(count * share))

    return in_turn({"mien": lambda: build_topology(template), "library": library}, rounds)
