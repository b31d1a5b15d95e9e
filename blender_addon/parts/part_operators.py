"""The buttons of the list of parts: find, add, remove, refresh."""

# mypy: disable-error-code="override"
from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

from .. import packs
from ..engine import MeshError
from ..operator_base import MienOperator
from ..operators import face_fits, face_of
from ..preferences import choice
from . import finding

if TYPE_CHECKING:
    from ..mesh_bridge import Fit


def _fit(context: bpy.types.Context) -> Fit:
    context.view_layer.update()  # places of objects are as old as the last drawing
    return packs.fit(face_of(context), choice(context).bundle)[0].demand()


class MIEN_OT_find_parts(MienOperator, bpy.types.Operator):  # noqa: N801 - Blender's way to name classes
    """Finds parts."""

    bl_idname = "mien.find_parts"
    bl_label = "Find Parts"
    bl_description = (
        "Look for eyes, teeth, tongue, lashes, brows, beard and glasses near the face and in its own mesh, and let "
        "them move with it. Roles that you have chosen stay"
    )
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Grey with a reason."""
        return face_fits(cls, context)

    def run(self, context: bpy.types.Context) -> set[str]:
        """Straight through."""
        face = face_of(context)
        finding.find(face, _fit(context))
        face.update_tag()  # a live preview looks at its list of parts
        own = face.mien_parts
        own.active = min(max(own.active, 0), len(own.parts) - 1)
        count = len(own.parts)
        if count:
            self.report({"INFO"}, f"{count} part{'s' if count != 1 else ''} found. Look whether the roles are right.")
        else:
            self.report({"INFO"}, "No parts found near the face. Select some and press the plus.")
        return {"FINISHED"}


class MIEN_OT_add_parts(MienOperator, bpy.types.Operator):  # noqa: N801
    """Adds what is selected."""

    bl_idname = "mien.add_parts"
    bl_label = "Add Selected as Parts"
    bl_description = "Put the selected meshes on the list of the face's parts"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Grey with a reason."""
        if not face_fits(cls, context):
            return False
        if not _others(context):
            cls.poll_message_set("Select the meshes of eyes, teeth or other parts first.")
            return False
        return True

    def run(self, context: bpy.types.Context) -> set[str]:
        """Straight through."""
        face = face_of(context)
        fit, chosen = _fit(context), _others(context)
        finding.add(face, fit, chosen)
        finding.bind_all(face, fit)
        face.update_tag()
        face.mien_parts.active = len(face.mien_parts.parts) - 1
        return {"FINISHED"}


class MIEN_OT_bind_parts(MienOperator, bpy.types.Operator):  # noqa: N801
    """Binds all anew."""

    bl_idname = "mien.bind_parts"
    bl_label = "Refresh"
    bl_description = "Bind all parts anew as they lie now: after the face was wrapped again, or a part was moved"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Grey with a reason."""
        return face_fits(cls, context) and _has_parts(cls, context)

    def run(self, context: bpy.types.Context) -> set[str]:
        """Straight through."""
        face = face_of(context)
        finding.bind_all(face, _fit(context))
        face.update_tag()
        return {"FINISHED"}


class MIEN_OT_remove_part(MienOperator, bpy.types.Operator):  # noqa: N801
    """Takes one off the list."""

    bl_idname = "mien.remove_part"
    bl_label = "Remove Part"
    bl_description = "Take the chosen part off the list; its object stays as it is"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Grey with a reason."""
        return _has_parts(cls, context)

    def run(self, context: bpy.types.Context) -> set[str]:
        """Straight through."""
        face = face_of(context)
        own = face.mien_parts
        if not 0 <= own.active < len(own.parts):
            raise MeshError("No part is chosen.", "Click one in the list first.")
        own.parts.remove(own.active)
        own.active = min(own.active, len(own.parts) - 1)
        face.update_tag()
        return {"FINISHED"}


def _others(context: bpy.types.Context) -> list[bpy.types.Object]:
    face = face_of(context)
    return [one for one in context.selected_objects if one != face and one.type == "MESH"]


def _has_parts(cls: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
    face = face_of(context)
    if face is None or not len(face.mien_parts.parts):
        cls.poll_message_set("The face has no parts on its list.")
        return False
    return True
