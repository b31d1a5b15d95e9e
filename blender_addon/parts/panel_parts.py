"""The panel of a face's parts: the list, roles as drop-downs, and what the chosen one does."""

# mypy: disable-error-code="override"
from __future__ import annotations

import bpy

from ..operators import face_of, verdict
from ..panel import _MienPanel, say
from . import keeping, part_list


class MIEN_UL_parts(bpy.types.UIList):  # noqa: N801 - Blender's way to name classes
    """The parts, each with its role."""

    bl_idname = "MIEN_UL_parts"

    def draw_item(
        self, _context: bpy.types.Context, layout: bpy.types.UILayout, _data: object, item: part_list.MienPart,
        _icon: int, _active: object, _property: str, _index: int,
    ) -> None:  # fmt: skip
        """Its role as a drop-down of icons, role and name in words, and whether it moves along."""
        row = layout.row(align=True)
        row.prop(item, "role", text="", icon_only=True, emboss=False)
        # The role first: a sidebar is narrow, and names of objects begin alike.
        words = item.title if item.target is None else f"{item.kind.title}: {item.title}"
        row.label(text=words, icon="ERROR" if item.target is None else "NONE")
        row.prop(item, "on", text="", icon="CHECKBOX_HLT" if item.on else "CHECKBOX_DEHLT", emboss=False)


class MIEN_PT_parts(_MienPanel, bpy.types.Panel):  # noqa: N801
    """Eyes, teeth, lashes and the rest."""

    bl_idname = "MIEN_PT_parts"
    bl_label = "Parts"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Only for a face that performs, or one that has a list."""
        face = face_of(context)
        return face is not None and (bool(len(face.mien_parts.parts)) or verdict(context).ok)

    def draw(self, context: bpy.types.Context) -> None:
        """The button, the list, and the chosen part."""
        layout, face = self.layout, face_of(context)
        own = face.mien_parts
        layout.operator("mien.find_parts", icon="VIEWZOOM")
        if not len(own.parts):
            say(layout, context, "Eyes, teeth, lashes, beard or glasses of their own move with the face from here.")
            return
        row = layout.row()
        row.template_list("MIEN_UL_parts", "", own, "parts", own, "active", rows=4, maxrows=10)
        column = row.column(align=True)
        column.operator("mien.add_parts", text="", icon="ADD")
        column.operator("mien.remove_part", text="", icon="REMOVE")
        column.separator()
        column.operator("mien.bind_parts", text="", icon="FILE_REFRESH")
        chosen = part_list.chosen(face)
        if chosen is not None:
            _draw_chosen(layout, context, face, chosen)


def _draw_chosen(
    layout: bpy.types.UILayout, context: bpy.types.Context, face: bpy.types.Object, entry: part_list.MienPart
) -> None:
    if entry.target is None:
        say(layout, context, f"{entry.name} was deleted. Take it off the list.", "ERROR")
        return
    layout.prop(entry, "role")
    say(layout, context, f"{entry.kind.motion}.", "INFO")
    if entry.why and not entry.by_hand:
        say(layout, context, f"Suggested: {entry.why}.", "BLANK1")
    found = verdict(context)
    stale = found.template is not None and entry.template != found.template.content_hash
    if entry.on and (entry.moves or entry.inner) and stale:
        say(layout, context, f"It is not bound to this head. {keeping.AGAIN}", "ERROR")
    if face.mien_parts.parts and entry.inner and not entry.moves:
        say(layout, context, "It keeps still in the mesh of the face.", "BLANK1")
