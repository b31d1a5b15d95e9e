"""Finds the parts of a face, suggests their roles, and binds them."""

from __future__ import annotations

import contextlib
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import bpy
import numpy as np

from .. import packs, stored_arrays
from ..engine import Layout, MeshError, MienError, Role, part_mover, suggest_roles
from ..preferences import choice
from ..wrapping import store
from . import keeping
from .head_space import HeadSpace, head_space
from .part_list import silence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from ..mesh_bridge import Fit
    from .part_list import MienPart

_BESIDE = 60.0
"""Millimetres that a part may reach beyond the skin of the face."""

MAX_VERTICES = 500_000
"""An object with more is no part of a face that anybody looks at by itself."""


@dataclass(frozen=True)
class _Draft:
    """An entry that is going to be on the list, all worked out."""

    obj: bpy.types.Object
    role: Role
    on: bool
    why: str
    pieces: int
    rows: str
    mover: Any


def find(face: bpy.types.Object, fit: Fit) -> int:
    """Looks for parts near a face and in its own mesh; binds all, also those that were there.

    What a person has chosen stays; what was found before and is not found any more stays too, until it is removed.
    What was deleted goes. An object nearby that cannot be read is no part.

    Args:
        face: the face.
        fit: how it fits.

    Returns:
        How many more there are than before.

    Raises:
        MeshError: the face does not fit, or a part that is on the list cannot be read; the list is as it was.
    """
    space = head_space(face, fit)
    own = face.mien_parts.parts
    listed = {one.target for one in own}
    near = candidates(face, space) if isinstance(fit.layout, Layout) else [face, *candidates(face, space)]
    drafts: dict[bpy.types.Object, list[_Draft]] = {}
    for obj in near:
        try:
            found = _drafts(face, space, obj, fit)
        except MienError:
            if obj == face or obj in listed:
                raise
        else:
            drafts |= {} if found is None else {obj: found}
    staying = {number: _mover(one, space) for number, one in enumerate(own) if one.target not in {None, *drafts}}
    gone = sum(one.target is None for one in own)
    count = len(own) - gone
    for number, mover in staying.items():
        keeping.keep(own[number], mover, space.template.content_hash)
    for number in reversed([number for number in range(len(own)) if number not in staying]):
        own.remove(number)
    _write(face, space, drafts)
    return len(own) - count


def add(face: bpy.types.Object, fit: Fit, objects: Iterable[bpy.types.Object]) -> int:
    """Puts objects on the list that a person has chosen; those that nothing is known of are ignored until told.

    Returns:
        How many are new.

    Raises:
        MeshError: the face does not fit, or an object cannot be a part; the list is as it was.
    """
    space = head_space(face, fit)
    drafts: dict[bpy.types.Object, list[_Draft]] = {}
    for obj in objects:
        if obj == face or obj.type != "MESH":
            raise MeshError(f"{obj.name} cannot be a part of {face.name}.", "Select meshes beside the face.")
        drafts[obj] = _drafts(face, space, obj, fit, wanted=True) or []
    _write(face, space, drafts)
    return sum(map(len, drafts.values()))


def bind_all(face: bpy.types.Object, fit: Fit) -> None:
    """Binds every part of the list as it lies now; a deleted one is left as it is.

    Raises:
        MeshError: the face does not fit, or a part is damaged; all are bound as they were.
    """
    space = head_space(face, fit)
    there = [one for one in face.mien_parts.parts if one.target is not None]
    for entry, mover in [(one, _mover(one, space)) for one in there]:
        keeping.keep(entry, mover, space.template.content_hash)


def bind_again(face: bpy.types.Object, fit: Fit) -> None:
    """Binds every part of the list after the face was wrapped anew; one that cannot be says so when it should move."""
    for entry in face.mien_parts.parts:
        keeping.forget(entry)
    with contextlib.suppress(MienError):
        space = head_space(face, fit)
        for entry in face.mien_parts.parts:
            with contextlib.suppress(MienError):
                bind(entry, space)


def bindings_of(face: bpy.types.Object) -> list[tuple[str, str, str]]:
    """How all parts of the list are bound, to come back to; see `restore_bindings`."""
    return [(one.text, one.mark, one.template) for one in face.mien_parts.parts]


def restore_bindings(face: bpy.types.Object, bindings: Iterable[tuple[str, str, str]]) -> None:
    """All parts of the same list are bound as they were."""
    for entry, kept in zip(face.mien_parts.parts, bindings, strict=True):
        entry.text, entry.mark, entry.template = kept


def bind(entry: MienPart, space: HeadSpace) -> None:
    """Binds one part as it lies now; a deleted one is left as it is.

    Raises:
        MeshError: it cannot be read, has fewer vertices than when it was found, or some are nowhere.
    """
    if entry.target is not None:
        keeping.keep(entry, _mover(entry, space), space.template.content_hash)


def _mover(entry: MienPart, space: HeadSpace) -> Any:
    obj = entry.target
    assert obj is not None
    if obj.type != "MESH":
        raise MeshError(f"{obj.name}, a part of {space.face.name}, is not a mesh.", "Take it off the list of parts.")
    mesh = space.mesh_of(obj)
    rows = keeping.rows_of(entry, mesh.vertex_count)
    return part_mover(entry.kind, space.template, space.head, mesh.only(rows))


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


def _drafts(
    face: bpy.types.Object, space: HeadSpace, obj: bpy.types.Object, fit: Fit, *, wanted: bool = False
) -> list[_Draft] | None:
    """An object's parts as they should be on the list; None where the list has them already, as a person wants them."""
    own = obj == face
    every = [one for one in face.mien_parts.parts if one.target == obj]
    if any(one.by_hand for one in every) or (every and wanted):
        return None
    off = {one.role for one in every if not one.on}
    mesh = space.mesh_of(obj)
    found = suggest_roles(
        fit.template, space.head, mesh.points, store.edge_list(obj.data),
        names=(obj.name, obj.data.name), names_of=_materials(obj), own=own,
    )  # fmt: skip
    told = [one for one in found if one.role not in (Role.FACE, Role.NONE)]
    if wanted and not told:
        told = found
    drafts = []
    for one in told:
        rows = stored_arrays.rows_to_text(one.vertices) if len(one.vertices) < mesh.vertex_count else ""
        mover = part_mover(one.role, space.template, space.head, mesh.only(one.vertices))
        drafts.append(_Draft(obj, one.role, one.role.value not in off, one.why, one.pieces, rows, mover))
    return drafts


def _write(face: bpy.types.Object, space: HeadSpace, drafts: Mapping[bpy.types.Object, Iterable[_Draft]]) -> None:
    """Puts parts at the end of the list."""
    for one in itertools.chain.from_iterable(drafts.values()):
        entry = face.mien_parts.parts.add()
        entry.inner = one.obj == face
        if not entry.inner:
            entry.object = one.obj
        with silence():
            entry.role = one.role.value
        entry.on, entry.why, entry.pieces, entry.rows, entry.name = one.on, one.why, one.pieces, one.rows, one.obj.name
        keeping.keep(entry, one.mover, space.template.content_hash)


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
