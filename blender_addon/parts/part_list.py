"""The list of a face's parts, `object.mien_parts`: what they are, and how each is bound."""

# mypy: disable-error-code="func-returns-value, return-value"
from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, IntProperty, PointerProperty, StringProperty

from ..engine import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

on_role: list[Callable[[bpy.types.Object, MienPart], None]] = []
"""Called when the person chooses another role; `register` puts here who binds it anew."""

_silent: list[bool] = []


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Meanwhile it is Mien that chooses roles, and no person."""
    _silent.append(True)
    try:
        yield
    finally:
        _silent.pop()


ICONS = {
    Role.EYES: "HIDE_OFF",
    Role.UPPER: "TRIA_UP",
    Role.LOWER: "TRIA_DOWN",
    Role.GUMS: "FULLSCREEN_EXIT",
    Role.TONGUE: "META_CAPSULE",
    Role.LASHES: "CURVES_DATA",
    Role.BROWS: "CURVES_DATA",
    Role.BEARD: "CURVES_DATA",
    Role.SKIN: "MOD_SHRINKWRAP",
    Role.GLASSES: "MOD_ARRAY",
    Role.HAIR: "OUTLINER_OB_CURVES",
    Role.NONE: "X",
}

ROLE_ITEMS = [
    (role.value, role.title, role.motion, ICONS[role], number) for number, role in enumerate(Role) if role in ICONS
]


def _chosen(self: MienPart, _context: bpy.types.Context) -> None:
    if _silent:
        return
    self.by_hand = True
    for call in on_role:
        call(self.id_data, self)


class MienPart(bpy.types.PropertyGroup):
    """One part of a face: an object, or pieces of an object's mesh."""

    object: PointerProperty(type=bpy.types.Object, options={"HIDDEN"})
    inner: BoolProperty(options={"HIDDEN"})
    role: EnumProperty(
        name="Role",
        description="What it is, and so how it moves with the face",
        items=ROLE_ITEMS,
        default=Role.NONE.value,
        update=_chosen,
        options=set(),
    )
    on: BoolProperty(
        name="Moves Along", description="Move it with the face and bake it with the face", default=True, options=set()
    )
    why: StringProperty(options={"HIDDEN"})
    by_hand: BoolProperty(options={"HIDDEN"})
    pieces: IntProperty(options={"HIDDEN"})
    rows: StringProperty(options={"HIDDEN"})
    text: StringProperty(options={"HIDDEN"})
    mark: StringProperty(options={"HIDDEN"})
    template: StringProperty(options={"HIDDEN"})

    @property
    def target(self) -> bpy.types.Object | None:
        """The object whose vertices move: the face itself for pieces of its own mesh; None where it was deleted."""
        if self.inner:
            return self.id_data
        # What was deleted in a window is in no scene any more, but stays in the file while this list names it.
        return self.object if self.object is not None and self.object.users_scene else None

    @property
    def kind(self) -> Role:
        """The role as core knows it; ignored where a file of another Mien tells of one that is not known here."""
        return Role(self.role or Role.NONE.value)

    @property
    def moves(self) -> bool:
        """Whether a part of this role moves at all."""
        return self.kind not in (Role.UPPER, Role.HAIR, Role.NONE)

    @property
    def title(self) -> str:
        """For people: the object, and how many of its pieces where it has several parts."""
        if self.target is None:
            return "(deleted)"
        if not self.rows:
            return str(self.target.name)
        count = f"{self.pieces} piece" + ("s" if self.pieces != 1 else "")
        return f"{count} of {'its own mesh' if self.inner else self.target.name}"


class MienParts(bpy.types.PropertyGroup):
    """The parts of a face."""

    parts: CollectionProperty(type=MienPart)
    active: IntProperty(name="Part", description="The part that is shown below", default=-1, min=-1, options=set())


def chosen(face: bpy.types.Object) -> MienPart | None:
    """The part that is selected in the list."""
    own = face.mien_parts
    return own.parts[own.active] if 0 <= own.active < len(own.parts) else None


def attach() -> None:
    """Hang the list on objects."""
    bpy.types.Object.mien_parts = PointerProperty(type=MienParts)


def detach() -> None:
    """Take it off again."""
    del bpy.types.Object.mien_parts
