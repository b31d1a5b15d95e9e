"""Finds the parts of a face, suggests their roles, and binds them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import bpy
import numpy as np

from .. import packs
from ..engine import Layout, MeshError, MienError, Role, part_mover, suggest_roles
from ..preferences import choice
from ..wrapping import store
from . import keeping
from .head_space import HeadSpace, head_space
from .part_list import silence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from ..mesh_bridge import Fit
    from .part_list import MienPart

_BESIDE = 60.0
"""Millimetres that a part may reach beyond the skin of the face."""

MAX_VERTICES = 500_000
"""An object with more is no part of a face that anybody looks at by itself."""


def find(face: bpy.types.Object, fit: Fit) -> int:
    """Looks for parts near a face and in its own mesh; binds all, also those that were there.

    What a person has chosen stays; what was found before and is not found any more stays too, until it is removed.

    Args:
        face: the face.
        fit: how it fits.

    Returns:
        How many are new.

    Raises:
        MeshError: the face does not fit.
    """
    space = head_space(face, fit)
    count = len(face.mien_parts.parts)
    if not isinstance(fit.layout, Layout):
        _take(face, space, face, fit)
    for obj in candidates(face, space):
        _take(face, space, obj, fit)
    bind_all(face, fit)
    return len(face.mien_parts.parts) - count


def add(face: bpy.types.Object, fit: Fit, objects: Iterable[bpy.types.Object]) -> int:
    """Puts objects on the list that a person has chosen; those that nothing is known of are ignored until told.

    Returns:
        How many are new.

    Raises:
        MeshError: the face does not fit, or an object cannot be a part.
    """
    space = head_space(face, fit)
    count = len(face.mien_parts.parts)
    for obj in objects:
        if obj == face or obj.type != "MESH":
            raise MeshError(f"{obj.name} cannot be a part of {face.name}.", "Select meshes beside the face.")
        _take(face, space, obj, fit, wanted=True)
    return len(face.mien_parts.parts) - count


def bind_all(face: bpy.types.Object, fit: Fit) -> None:
    """Binds every part of the list as it lies now.

    Raises:
        MeshError: the face does not fit, or a part is gone or damaged.
    """
    space = head_space(face, fit)
    for entry in face.mien_parts.parts:
        bind(entry, space)


def bind_again(face: bpy.types.Object, fit: Fit) -> None:
    """Binds every part of the list after the face was wrapped anew; one that cannot be says so when it should move."""
    for entry in face.mien_parts.parts:
        keeping.forget(entry)
    with contextlib.suppress(MienError):
        space = head_space(face, fit)
        for entry in face.mien_parts.parts:
            with contextlib.suppress(MienError):
                bind(entry, space)


def bind(entry: MienPart, space: HeadSpace) -> None:
    """Binds one part as it lies now; a deleted one is left as it is.

    Raises:
        MeshError: it has fewer vertices than when it was found, or some are nowhere.
    """
    obj = entry.target
    if obj is None or obj.type != "MESH":
        return
    mesh = space.mesh_of(obj)
    rows = keeping.rows_of(entry, mesh.vertex_count)
    mover = part_mover(entry.kind, space.template, space.head, mesh.only(rows))
    keeping.keep(entry, mover, space.template.content_hash)


def candidates(face: bpy.types.Object, space: HeadSpace) -> list[bpy.types.Object]:
    """Meshes of the face's scenes that reach into the room round its head, by name."""
    skin = space.head
    low, high = skin.min(axis=0) - _BESIDE, skin.max(axis=0) + _BESIDE
    found = []
    for obj in sorted({one for scene in face.users_scene for one in scene.objects}, key=lambda one: one.name):
        if obj == face or obj.type != "MESH" or obj.data == face.data or obj.library or obj.data.library:
            continue
        if not 3 < len(obj.data.vertices) <= MAX_VERTICES or obj.mode != "OBJECT":
            continue
        if obj.hide_viewport and obj.hide_render:  # put aside for good: other levels of detail, old versions
            continue
        corners = space.box_of(obj)
        if (corners.min(axis=0) < high).all() and (corners.max(axis=0) > low).all():
            found.append(obj)
    return found


def _take(face: bpy.types.Object, space: HeadSpace, obj: bpy.types.Object, fit: Fit, *, wanted: bool = False) -> None:
    """Puts an object's parts on the list, unless it is there already."""
    own = obj == face
    every = [one for one in face.mien_parts.parts if one.target == obj]
    if any(one.by_hand for one in every) or (every and wanted):
        return
    off = {one.role for one in every if not one.on}
    for number in reversed([number for number, one in enumerate(face.mien_parts.parts) if one.target == obj]):
        face.mien_parts.parts.remove(number)
    mesh = space.mesh_of(obj)
    found = suggest_roles(
        fit.template, space.head, mesh.points, store.edge_list(obj.data),
        names=(obj.name, obj.data.name), names_of=_materials(obj), own=own,
    )  # fmt: skip
    told = [one for one in found if one.role not in (Role.FACE, Role.NONE)]
    if wanted and not told:
        told = found
    for one in told:
        entry = face.mien_parts.parts.add()
        entry.inner = own
        if not own:
            entry.object = obj
        with silence():
            entry.role = one.role.value
        entry.on = one.role.value not in off
        entry.why, entry.pieces = one.why, one.pieces
        entry.name = obj.name
        if len(one.vertices) < mesh.vertex_count:
            entry.rows = keeping.rows_to_text(one.vertices)


def _materials(obj: bpy.types.Object) -> Callable[[NDArray[np.int64]], Sequence[str]]:
    """Tells the names of the materials that some vertices have."""
    mesh = obj.data
    names = [slot.material.name if slot.material else "" for slot in obj.material_slots]
    of_vertex = np.zeros(len(mesh.vertices), np.int64)
    if names and len(mesh.polygons):
        polygons = np.empty(len(mesh.polygons), np.int32)
        mesh.polygons.foreach_get("material_index", polygons)
        loops, sizes = np.empty(len(mesh.loops), np.int32), np.empty(len(mesh.polygons), np.int32)
        mesh.loops.foreach_get("vertex_index", loops)
        mesh.polygons.foreach_get("loop_total", sizes)
        of_vertex[loops] = np.repeat(polygons, sizes)

    def tell(rows: NDArray[np.int64]) -> list[str]:
        used = np.unique(of_vertex[rows]) if names else ()
        return [names[number] for number in used if 0 <= number < len(names)]

    return tell


def role_chosen(face: bpy.types.Object, entry: MienPart) -> None:
    """Binds a part whose role a person has changed; where that cannot be, `Refresh` will tell why."""
    try:
        fit, _ = packs.fit(face, choice(bpy.context).bundle)
        bind(entry, head_space(face, fit))
    except MienError:
        keeping.forget(entry)
