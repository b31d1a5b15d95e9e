"""The subpanel "Performance": what the face performs and when, and the six strengths for those who key by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

from ..engine import EXPRESSIONS
from ..panel import _MienPanel, say
from . import cue_properties, cues

if TYPE_CHECKING:
    from .cues import FoundCue

SHOWN = 8
"""Rows of the list at most; more would push the fields out of sight."""


def shown_rows(count: int, selected: int) -> range:
    """Which rows of a list are drawn: all, or those round the selected one."""
    first = max(0, min(selected - SHOWN // 2, count - SHOWN))
    return range(first, min(count, first + SHOWN))


def title_of(cue: FoundCue) -> str:
    """A cue as a line of the list."""
    muted = "  (muted)" if cue.muted else ""
    return f"{cue.expression.capitalize()}  {cue.intensity:.2f}  {cue.times}{muted}"


class MIEN_PT_performance(_MienPanel, bpy.types.Panel):  # noqa: N801 - Blender's way to name classes
    """The expressions on the timeline."""

    bl_idname = "MIEN_PT_performance"
    bl_label = "Performance"

    def draw(self, context: bpy.types.Context) -> None:
        """The button, the list, the selected one's fields."""
        layout, face = self.layout, cue_properties.face_in(context.scene)
        if face is None:
            say(layout, context, "Pick a face first.")
            return
        layout.menu("MIEN_MT_add_cue", icon="ADD")
        every = cues.read(face)
        if not every:
            say(layout, context, _nothing(face), "INFO")
            return
        number = cue_properties.index_in(context.scene, len(every))
        _draw_list(layout, every, number)
        _draw_fields(layout, context, face, every[number])


def _nothing(face: bpy.types.Object) -> str:
    """Why the list is empty, and what to do."""
    animation = face.animation_data
    if animation is not None and animation.action is None and any(track.strips for track in animation.nla_tracks):
        return "The expressions lie in the NLA: enter its tweak mode (Tab) to see them, or add new ones here."
    return "No expressions yet. Go to the frame where the face should begin to move, and add one."


def _draw_list(layout: bpy.types.UILayout, every: list[FoundCue], number: int) -> None:
    """One row each: a button that selects, and one that removes; beyond `SHOWN`, buttons that lead on."""
    rows = shown_rows(len(every), number)
    column = layout.column(align=True)
    if rows.start:
        earlier = column.operator(
            "mien.select_cue", text=f"{rows.start} earlier\N{HORIZONTAL ELLIPSIS}", icon="TRIA_UP"
        )
        earlier.index = rows.start - 1
    for index in rows:
        row = column.row(align=True)
        row.operator("mien.select_cue", text=title_of(every[index]), depress=index == number).index = index
        row.operator("mien.remove_cue", text="", icon="X").index = index
    left = len(every) - rows.stop
    if left:
        later = column.operator("mien.select_cue", text=f"{left} more\N{HORIZONTAL ELLIPSIS}", icon="TRIA_DOWN")
        later.index = rows.stop


def _draw_fields(layout: bpy.types.UILayout, context: bpy.types.Context, face: bpy.types.Object, cue: FoundCue) -> None:
    """The selected cue's times and intensity; where they cannot be edited, why."""
    problem, settings = cues.obstacle(face, cue.expression), context.scene.mien_cue
    if problem is not None:
        say(layout, context, problem.sentence, "LOCKED")
        say(layout, context, problem.remedy, "RIGHTARROW")
    fields = layout.column()
    fields.enabled = problem is None
    row = fields.row(align=True)
    row.prop(settings, "expression", text="")
    row.operator("mien.jump_to_cue", text="", icon="TIME")
    row.operator("mien.duplicate_cue", text="", icon="DUPLICATE")
    column = fields.column(align=True)
    column.use_property_split = True
    column.use_property_decorate = False
    column.prop(settings, "intensity", slider=True)
    for name in ("start", "apex_start", "apex_end", "end"):
        column.prop(settings, name)
    if cue.open:
        missing = " and ".join(word for word, is_open in (("start", cue.open_start), ("end", cue.open_end)) if is_open)
        say(layout, context, f"It has no {missing}: set one to let the face come from rest and return to it.", "INFO")
    elif cue.shaped:
        say(layout, context, "Shaped by hand: its keys and easings move along.", "IPO_EASE_IN_OUT")
    layout.operator("mien.save_preset", icon="PRESET")


class MIEN_PT_strengths(_MienPanel, bpy.types.Panel):  # noqa: N801
    """The six strengths, keyed like any property."""

    bl_idname = "MIEN_PT_strengths"
    bl_parent_id = "MIEN_PT_performance"
    bl_label = "Strengths"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        """Six sliders of the face, each with its key."""
        face = cue_properties.face_in(context.scene)
        if face is None:
            say(self.layout, context, "Pick a face first.")
            return
        column = self.layout.column(align=True)
        column.enabled = face.library is None
        for name in EXPRESSIONS:
            row = column.row(align=True)
            row.prop(face.mien, name, slider=True)
            row.prop_decorator(face.mien, name)
