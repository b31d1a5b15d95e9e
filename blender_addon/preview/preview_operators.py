"""The button of the live preview."""

# mypy: disable-error-code="override"
from __future__ import annotations

import bpy

from .. import operators
from ..operator_base import MienOperator
from . import preview


class MIEN_OT_preview(MienOperator, bpy.types.Operator):  # noqa: N801 - Blender's way to name classes
    """Turns the preview on and off."""

    bl_idname = "mien.preview"
    bl_label = "Live Preview"
    bl_description = (
        "Let the face perform while you scrub and play, before any bake; no keys are written, renders and saved files "
        "do not show it. Click again to leave"
    )
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Grey with a reason; to leave is always possible."""
        if preview.is_on(operators.face_of(context)):
            return True
        found = operators.verdict(context)
        if not found.ok:
            cls.poll_message_set(f"{found.sentence} {found.remedy}".strip())
        return found.ok

    def run(self, context: bpy.types.Context) -> set[str]:
        """On or off."""
        face = operators.face_of(context)
        if preview.is_on(face):
            preview.stop(face)
        else:
            preview.start(face)
        return {"FINISHED"}
