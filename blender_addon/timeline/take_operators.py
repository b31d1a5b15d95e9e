"""The subpanel "Take" and its button: another natural performance of the same expressions, and life between them."""

# mypy: disable-error-code="override"
from __future__ import annotations

import bpy

from .. import takes
from ..operator_base import MienOperator
from ..operators import face_fits, face_of, generator_of, verdict
from ..panel import _MienPanel, say
from ..preview import preview


class MIEN_OT_new_take(MienOperator, bpy.types.Operator):  # noqa: N801 - Blender's way to name classes
    """Another seed."""

    bl_idname = "mien.new_take"
    bl_label = "New Take"
    bl_description = "Give another natural performance of the same expressions: choose a new seed, and turn Vary on"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Grey with a reason."""
        if not face_fits(cls, context):
            return False
        found = generator_of(context)
        if found is None or not found.varies:
            cls.poll_message_set(f"{takes.NO_TAKES} {takes.NEWER}")
            return False
        return True

    def run(self, context: bpy.types.Context) -> set[str]:
        """Straight through."""
        face = face_of(context)
        seed = takes.new_take(face)
        hint = "" if preview.is_on(face) else " Live Preview or a bake shows it."
        self.report({"INFO"}, f"{face.name} gives take {seed}.{hint}")
        return {"FINISHED"}


class MIEN_PT_take(_MienPanel, bpy.types.Panel):  # noqa: N801
    """Which performance is given, and how much life."""

    bl_idname = "MIEN_PT_take"
    bl_parent_id = "MIEN_PT_performance"
    bl_label = "Take"

    def draw(self, context: bpy.types.Context) -> None:
        """The button, Vary and its numbers, life; grey where the generator knows neither."""
        layout, face, found = self.layout, face_of(context), generator_of(context)
        if face is None or found is None:
            why = verdict(context)
            say(layout, context, "Pick a face first." if face is None else f"{why.sentence} {why.remedy}".strip())
            return
        layout.use_property_split = True
        layout.use_property_decorate = False
        local = face.library is None
        column = layout.column()
        column.enabled = local and found.varies
        column.operator("mien.new_take", icon="FILE_REFRESH")
        column.prop(face.mien, "vary")
        amount = column.column()
        amount.active = face.mien.vary
        amount.prop(face.mien, "variation", slider=True)
        seed = layout.column()
        seed.enabled = local and (found.varies or found.lives)
        seed.active = face.mien.vary or face.mien.life
        seed.prop(face.mien, "seed")
        alive = layout.column()
        alive.enabled = local and found.lives
        alive.prop(face.mien, "life")
        amount = alive.column()
        amount.active = face.mien.life
        amount.prop(face.mien, "life_amount", slider=True)
        for able, sentence in ((found.varies, takes.NO_TAKES), (found.lives, takes.NO_LIFE)):
            if not able:
                say(layout, context, f"{sentence} {takes.NEWER}", "INFO")
