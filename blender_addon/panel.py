"""The sidebar tab "Mien", in the order of the work: face, performance (panel_performance.py), shaping, bake."""

from __future__ import annotations

import textwrap

import bpy

from . import takes
from .baking import bake_sliders, records, ways
from .baking.bake import BYTES_A_VERTEX
from .operators import face_of, verdict
from .preview import preview
from .sample_face import sample_names
from .wrapping.wrap_operators import may_wrap

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
        # What has an icon goes on beside it, what has none goes on below its beginning.
        column.label(text=line, icon=icon if number == 0 or icon == "NONE" else "BLANK1")


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
        # A head that fits nothing is no mistake: the panel Wrap, right below, is the way on.
        way_on = not found.ok and found.layout is None and may_wrap(context)
        alert = layout.column()
        alert.alert = not found.ok and not way_on
        say(alert, context, found.sentence, "CHECKMARK" if found.ok else "INFO" if way_on else "ERROR")
        if found.remedy:
            say(layout, context, found.remedy, "ERROR" if found.caution else "RIGHTARROW")
        if found.ok:
            for line in found.size.split(", ", 1):
                say(layout, context, line[:1].upper() + line[1:], "BLANK1")
            row = layout.row()
            row.operator("mien.preview", icon="HIDE_OFF", depress=preview.is_on(face))
            if preview.problem(face):
                say(layout, context, preview.problem(face), "ERROR")
        else:
            self._samples(context)

    def _samples(self, context: bpy.types.Context) -> None:
        if sample_names(context):
            self.layout.operator_menu_enum("mien.add_sample_face", "sample", text="Add Sample Face", icon="USER")


class MIEN_PT_shaping(_MienPanel, bpy.types.Panel):  # noqa: N801
    """How much of the motion shows, and where."""

    bl_idname = "MIEN_PT_shaping"
    bl_label = "Shaping"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        """Gains, balance, speed, mask."""
        layout, face = self.layout, face_of(context)
        if face is None or face.type != "MESH":
            say(layout, context, "Pick a face first.")
            return
        layout.use_property_split = True
        layout.use_property_decorate = False
        column = layout.column()
        column.enabled = face.library is None
        gains = column.column(align=True)
        for name in ("gain", "brows", "eyes", "mouth"):
            gains.prop(face.mien, name, slider=True)
        column.prop(face.mien, "balance", slider=True)
        column.prop(face.mien, "speed", slider=True)
        column.prop_search(face.mien, "mask", face, "vertex_groups")
        if face.mien.mask and face.mien.mask not in face.vertex_groups:
            say(layout, context, f"There is no vertex group {face.mien.mask}.", "ERROR")


class MIEN_UL_bakes(bpy.types.UIList):  # noqa: N801
    """The bakes of a face."""

    bl_idname = "MIEN_UL_bakes"

    def draw_item(  # type: ignore[override]
        self,
        _context: bpy.types.Context,
        layout: bpy.types.UILayout,
        data: records.MienMesh,
        item: records.MienBake,
        _icon: int,
        _active_data: object,
        _active_property: str,
    ) -> None:
        """Its name, and what it is."""
        playing = records.active_of(data.id_data) == item
        row = layout.row(align=True)
        row.prop(item, "name", text="", emboss=False, icon="PLAY" if playing else "BLANK1")
        way = ways.way_of(item.way)
        if item.unfinished or way is None:
            row.label(text="unfinished", icon="SORTTIME")
        else:
            label = row.row()
            label.alignment = "RIGHT"
            label.label(text=way.short)


class MIEN_PT_bake(_MienPanel, bpy.types.Panel):  # noqa: N801
    """Turn the strengths into motion on the mesh, and back."""

    bl_idname = "MIEN_PT_bake"
    bl_label = "Bake"

    def draw(self, context: bpy.types.Context) -> None:
        """The way, its cost, the button, and what is baked."""
        layout, settings, face = self.layout, context.scene.mien, face_of(context)
        mesh = face.data if face is not None and face.type == "MESH" else None
        layout.prop(settings, "way", text="")
        way = ways.way_of(settings.way)
        say(layout, context, f"{way.brief}. To {', '.join(way.exports)}.")
        if settings.way == "compact":
            layout.prop(settings, "tolerance")
        if mesh is not None:
            if settings.way == "own":
                count = len(bake_sliders.sliders(face))
                say(layout, context, f"The face has {count} such keys.", "BLANK1" if count else "ERROR")
            self._draw_cost(context, mesh)
        playing = records.active_of(mesh) if mesh is not None else None
        row = layout.row(align=True)
        row.scale_y = 1.4
        row.operator("mien.bake", text="Bake Again" if playing else "Bake", icon="SHAPEKEY_DATA")
        if mesh is not None and len(mesh.mien.bakes):
            self._draw_bakes(context, mesh)

    def _draw_cost(self, context: bpy.types.Context, mesh: bpy.types.Mesh) -> None:
        settings = context.scene.mien
        start, end = settings.range_in(context.scene)
        if end < start:
            say(self.layout, context, f"The range from {start} to {end} holds no frame.", "ERROR")
            return
        count = int((end - start) / settings.step) + 1
        cost = f"Frames {start} to {end}"
        if settings.way in ("keys", "absolute", "cache"):
            cost += f": about {count * len(mesh.vertices) * BYTES_A_VERTEX / 1e6:,.0f} MB"
        say(self.layout, context, f"{cost}.")

    def _draw_bakes(self, context: bpy.types.Context, mesh: bpy.types.Mesh) -> None:
        layout, own = self.layout, mesh.mien
        row = layout.row()
        row.template_list("MIEN_UL_bakes", "", own, "bakes", own, "active", rows=5, maxrows=8)
        column = row.column(align=True)
        column.operator("mien.bake", text="", icon="ADD").new = True
        column.operator("mien.remove_bake", text="", icon="REMOVE")
        column.separator()
        column.operator("mien.duplicate_bake", text="", icon="DUPLICATE")
        again = column.row(align=True)
        again.enabled = records.active_of(mesh) is not None
        again.operator("mien.bake", text="", icon="FILE_REFRESH").recorded = True
        column.operator("mien.play_none", text="", icon="PAUSE")
        playing = records.active_of(mesh)
        if playing is None:
            say(layout, context, "None of them plays. Click one to play it.", "PAUSE")
        elif playing.unfinished:
            say(layout, context, f"{playing.name}: remove it, or bake again.", "SORTTIME")
        else:
            about = playing.about
            error = f", at most {about.get('error_mm', 0):.2f} mm off" if playing.way in ("compact", "own") else ""
            size = f"{about.get('megabytes', 0):,.1f} MB"
            span = f"Frames {about.get('start', 0):g} to {about.get('end', 0):g}"
            say(layout, context, f"{span}, {size}{error}.", "CHECKMARK")
            take = takes.title_recorded(about)
            if take:
                say(layout, context, f"{take[0].upper()}{take[1:]}.", "BLANK1")


class MIEN_PT_range(_MienPanel, bpy.types.Panel):  # noqa: N801
    """Which frames are baked."""

    bl_idname = "MIEN_PT_range"
    bl_label = "Frames"
    bl_parent_id = "MIEN_PT_bake"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        """The scene's range or another, and the step."""
        layout, settings = self.layout, context.scene.mien
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(settings, "own_range")
        if settings.own_range:
            column = layout.column(align=True)
            column.prop(settings, "frame_start")
            column.prop(settings, "frame_end")
        layout.prop(settings, "step")
