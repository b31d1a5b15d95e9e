"""Who performs: a face, and the parts in other objects that move with it (eyes, teeth, lashes, glasses)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..engine import MeshError, MienError
from . import records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import bpy
    from numpy.typing import NDArray

    from ..engine import Binding
    from ..mesh_bridge import Fit

OFF_THE_LIST = "Take it off the list of parts."


class Member(Protocol):
    """A part of a face in another object.

    Attributes:
        obj: the object.
        binding: from the deformation of the face's template to its vertices.
        to_local: (3, 3), a deformation d in mm is `to_local @ d` in the part's units and axes.
    """

    @property
    def obj(self) -> bpy.types.Object: ...  # noqa: D102 - see above

    @property
    def binding(self) -> Binding: ...  # noqa: D102

    @property
    def to_local(self) -> NDArray[np.floating[Any]]: ...  # noqa: D102


sources: list[Callable[[bpy.types.Object, Fit], Iterable[Member]]] = []
"""Who knows the parts of a face; `register` puts the function of the list of parts here: bakes know no list."""


@dataclass(frozen=True)
class Player:
    """An object that performs.

    Attributes:
        obj: the object.
        fit: how it moves with the template; of a part its `layout` is a Binding.
    """

    obj: bpy.types.Object
    fit: Fit


def members_of(face: bpy.types.Object, fit: Fit) -> list[Member]:
    """What is known of a face's parts, unchecked; see `parts_of`."""
    return [member for source in sources for member in source(face, fit)]


def parts_of(face: bpy.types.Object, fit: Fit, *, editing: bool = False) -> list[Player]:
    """The parts that move with a face; those that nothing moves are left out.

    Args:
        face: the face.
        fit: how it fits; it does.
        editing: parts may be in Edit Mode or any other; nobody is going to change them.

    Raises:
        MeshError: a part cannot be changed, or is another mesh than when it was added.
    """
    assert fit.template is not None
    found: list[Player] = []
    for member in members_of(face, fit):
        obj = member.obj
        check(obj, member.binding.vertex_count, editing=editing)
        try:
            member.binding.check(fit.template.vertex_count)
        except MienError as problem:
            raise MeshError(f"{obj.name} was bound to another head than this.", "Bind the parts again.") from problem
        same = next((one for one in [face, *(one.obj for one in found)] if one.data == obj.data), None)
        if same is not None:
            raise MeshError(
                f"{same.name} and {obj.name} share one mesh, and each needs its own to move by itself.",
                "Choose Object > Relations > Make Single User > Object & Data.",
            )
        if len(member.binding.moving):
            to_local = np.asarray(member.to_local, np.float64)
            scale = float(np.cbrt(abs(np.linalg.det(to_local))))
            found.append(Player(obj, replace(fit, layout=member.binding, to_local=to_local, scale=scale)))
    return found


def check(obj: bpy.types.Object, vertex_count: int, *, editing: bool = False) -> None:
    """Whether a part can be changed now, and has as many vertices as it should.

    Args:
        obj: the part.
        vertex_count: of its mesh when it was bound.
        editing: whether it may be in Edit Mode.

    Raises:
        MeshError: one sentence on what is wrong.
    """
    try:
        name = obj.name
    except (ReferenceError, AttributeError) as problem:
        raise MeshError("A part of the face is gone; it was deleted.", OFF_THE_LIST) from problem
    if not obj.users_scene:
        raise MeshError(f"{name}, a part of the face, is in no scene any more.", OFF_THE_LIST)
    if obj.type != "MESH":
        raise MeshError(f"{name}, a part of the face, is not a mesh.", OFF_THE_LIST)
    if obj.library or obj.data.library or obj.override_library:
        raise MeshError(
            f"{name}, a part of the face, is linked from another file and cannot get shape keys.",
            "Make it local, or take it off the list of parts.",
        )
    if not editing and (obj.mode != "OBJECT" or obj.data.is_editmode):
        raise MeshError(f"{name}, a part of the face, is not in Object Mode.", "Go back to Object Mode there.")
    if records.keeps_absolute_keys(obj.data):
        raise MeshError(
            f"The shape keys of {name}, a part of the face, are absolute; Mien's would change all of them.",
            "Turn on Relative in its Shape Keys panel, or take it off the list of parts.",
        )
    if len(obj.data.vertices) != vertex_count:
        raise MeshError(
            f"{name}, a part of the face, has {len(obj.data.vertices):,} vertices, and had {vertex_count:,}.",
            "Bind the parts again.",
        )
