"""The parts of a face in other objects, as those who bake and preview want them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..engine import Layout, MeshError, merge
from . import keeping
from .head_space import to_local_of

if TYPE_CHECKING:
    import bpy
    import numpy as np
    from numpy.typing import NDArray

    from ..mesh_bridge import Fit


@dataclass(frozen=True)
class Member:
    """A part of a face in another object.

    Attributes:
        obj: the object.
        binding: from the deformation of the face's template to its vertices: a Binding, or what stands for one.
        to_local: (3, 3) float64, a deformation d in mm is `to_local @ d` in the part's units and axes.
    """

    obj: bpy.types.Object
    binding: Any
    to_local: NDArray[np.float64]


def members(face: bpy.types.Object, fit: Fit) -> list[Member]:
    """The objects that move with a face; those that are switched off, or never move, are left out.

    Pieces of the face's own mesh are no members: they are in `fit.layout` already (see inner.py).

    Args:
        face: the face.
        fit: how it fits; it does.

    Raises:
        MeshError: a part is gone, not bound, bound to another template, or what is kept of it is damaged; so for
            pieces of the face's own mesh, which `fit.layout` passes over then.
    """
    assert fit.template is not None
    assert fit.to_local is not None
    movers: dict[bpy.types.Object, list[Any]] = {}
    for entry in face.mien_parts.parts:
        # A piece that keeps still must be known as well: else it would move as skin.
        if not entry.on or (isinstance(fit.layout, Layout) if entry.inner else not entry.moves):
            continue
        obj = entry.target
        if obj is None:
            raise MeshError(f"{entry.name}, a part of {face.name}, is gone.", "Take it off the list of parts.")
        mover = keeping.kept(entry)
        if mover is None or entry.template != fit.template.content_hash:
            name = f"{entry.kind.title} ({entry.title})" if entry.inner else obj.name
            raise MeshError(f"{name}, a part of {face.name}, is not bound to this head.", keeping.AGAIN)
        movers.setdefault(obj, []).append(mover)
    found = []
    for obj, every in movers.items():
        counts = {one.vertex_count for one in every}
        if counts != {len(obj.data.vertices)}:
            raise MeshError(
                f"{obj.name}, a part of {face.name}, has other vertices than when it was bound.", keeping.AGAIN
            )
        if obj == face:
            continue
        found.append(Member(obj, merge(every[0], every[1:]), to_local_of(face, fit.to_local, obj)))
    return found
