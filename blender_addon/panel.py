"""The sidebar tab "Mien", in the order of the work: face, expression, strengths, bake."""

from __future__ import annotations

import textwrap

import bpy

from . import rest
from .bake import BYTES_A_VERTEX
from .engine import EXPRESSIONS
from .operators import face_of, verdict
from .sample_face import sample_names

_LETTER = 6.6
"""Pixels that a letter of the interface takes on average, at a scale of 1."""


class _MienPanel:
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Mien"


def say(layout: bpy.types.UILayout, context: bpy.types.Context, text: str, icon: str = "NONE") -> None:
    """A sentence over as many lines as the sidebar's width asks for; Blender would cut it off."""
    width = context.region.width if context.region else 240
    scale = context.preferences.system.ui_scale or 1.0  # 0 without a window
    letters = max(18, int((width - 60 * scale) / (scale * _LETTER)))
    column = layout.column(align=True)
    column.scale_y = 0.8
    for number, line in enumerate(textwrap.wrap(text, letters)):
        column.label(text=line, icon=icon if number == 0 else "BLANK1")


class MIEN_PT_face(_MienPanel, bpy.types.Panel):  # noqa: N801 - Blender's way to name classes
    """Pick the face, and see whether it fits."""

    bl_idname = "MIEN_PT_face"
    bl_label = "Face"

    def draw(self, context: bpy.types.Context) -> None:
        """Picker and verdict; with no face, the two ways to get one."""
        layout = self.layout
        row = layout.row(align=True)
        row.prop(context.scene.mien, "face", text="")
        row.operator("mien.pick_face", text="", icon="RESTRICT_SELECT_OFF")
        face, found = face_of(context), verdict(context)
        if face is None and not found.ok:
            say(layout, context, found.sentence + " Pick a mesh above, or start with a sample:", "INFO")
            self._samples(context)
            return
        alert = layout.column()
        alert.alert = not found.ok
        say(alert, context, found.sentence, "CHECKMARK" if found.ok else "ERROR")
        if found.remedy:
            say(layout, context, found.remedy, "ERROR" if found.caution else "RIGHTARROW")
        if found.ok:
            for line in found.size.split(", ", 1):
                say(layout, context, line[:1].upper() + line[1:], "BLANK1")
        else:
            self._samples(context)

    def _samples(self, context: bpy.types.Context) -> None:
        if sample_names(context):
            self.layout.operator_menu_enum("mien.add_sample_face", "sample", text="Add Sample Face", icon="USER")


class MIEN_PT_expression(_MienPanel, bpy.types.Panel):  # noqa: N801
    """Write an expression onto the timeline."""

    bl_idname = "MIEN_PT_expression"
    bl_label = "Expression"

    def draw(self, context: bpy.types.Context) -> None:
        """Which, how strong, when; and the button."""
        layout, settings = self.layout, context.scene.mien
        layout.prop(settings, "expression", text="")
        layout.prop(settings, "intensity", slider=True)
        column = layout.column(align=True)
        row = column.row(align=True)
        row.prop(settings, "start")
        row.operator("mien.cue_at_playhead", text="", icon="TIME")
        for name in ("apex_start", "apex_end", "end"):
            column.prop(settings, name)
        button = layout.operator("mien.add_expression", icon="KEYFRAME")
        for name in ("expression", "intensity", "start", "apex_start", "apex_end", "end"):
            setattr(button, name, getattr(settings, name))


class MIEN_PT_strengths(_MienPanel, bpy.types.Panel):  # noqa: N801
    """The six strengths, keyed like any property."""

    bl_idname = "MIEN_PT_strengths"
    bl_label = "Strengths"

    def draw(self, context: bpy.types.Context) -> None:
        """Six sliders of the face."""
        face = face_of(context)
        if face is None:
            say(self.layout, context, "Pick a face first.")
            return
        column = self.layout.column(align=True)
        column.enabled = face.library is None
        for name in EXPRESSIONS:
            row = column.row(align=True)
            row.prop(face.mien, name, slider=True)
            row.prop_decorator(face.mien, name)


class MIEN_PT_bake(_MienPanel, bpy.types.Panel):  # noqa: N801
    """Turn the strengths into shape keys, and back."""

    bl_idname = "MIEN_PT_bake"
    bl_label = "Bake"

    def draw(self, context: bpy.types.Context) -> None:
        """Range, cost, buttons, and what is baked."""
        layout, settings = self.layout, context.scene.mien
        layout.prop(settings, "own_range")
        if settings.own_range:
            column = layout.column(align=True)
            column.prop(settings, "frame_start")
            column.prop(settings, "frame_end")
        face = face_of(context)
        record = rest.record_of(face.data.shape_keys) if face is not None and face.type == "MESH" else {}
        start, end = settings.range_in(context.scene)
        baked = (record.get("start"), record.get("end"))
        if record.get("unfinished"):
            say(layout, context, f"Unfinished: frames {baked[0]} to {baked[1]} so far", "SORTTIME")
        elif record:
            say(layout, context, f"Baked: frames {baked[0]} to {baked[1]}", "CHECKMARK")
        if end < start:
            say(layout, context, f"The range from {start} to {end} holds no frame.", "ERROR")
        elif face is not None and face.type == "MESH" and ((start, end) != baked or record.get("unfinished")):
            megabytes = (end - start + 1) * len(face.data.vertices) * BYTES_A_VERTEX / 1e6
            say(layout, context, f"Frames {start} to {end}: about {megabytes:,.0f} MB")
        row = layout.row(align=True)
        row.scale_y = 1.4
        row.operator("mien.bake", text="Bake Again" if record else "Bake", icon="SHAPEKEY_DATA")
        if record:
            row.operator("mien.remove_bake", text="", icon="TRASH")
