"""The buttons of the panel "Performance": add, select, remove, duplicate an expression, go to it."""

# mypy: disable-error-code="override"
from __future__ import annotations

from typing import TYPE_CHECKING

import bpy
from bpy.props import EnumProperty, FloatProperty, IntProperty  # noqa: TC002 - Blender evaluates the annotations

from ..engine import EXPRESSIONS, MAX_INTENSITY, Cue, MotionError
from ..operator_base import MienOperator
from ..operators import face_fits
from ..properties import EXPRESSION_ITEMS
from . import cue_properties, cues, motion, presets
from .cue_keys import MIN_INTENSITY
from .presets import Preset

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .cues import FoundCue

TIMING = {
    "angry": (0.45, 1.2, 1.0),
    "disgust": (0.35, 0.8, 0.9),
    "fear": (0.25, 0.9, 1.1),
    "happy": (0.55, 1.0, 0.9),
    "sad": (0.9, 1.5, 1.4),
    "surprise": (0.2, 0.5, 0.7),
}
"""Seconds of onset, hold and offset of a posed expression that nobody has timed yet."""


def _face(context: bpy.types.Context) -> bpy.types.Object:
    face = cue_properties.face_in(context.scene)
    if face is None:
        raise MotionError("No face is picked.", "Pick a mesh in the panel Face first.")
    return face


def chosen_cue(context: bpy.types.Context, index: int) -> FoundCue:
    """The cue of a number in the list; below 0, the selected one."""
    every = cue_properties.cues_in(context.scene)
    number = cue_properties.index_in(context.scene, len(every)) if index < 0 else index
    if number >= len(every):
        raise MotionError("There is no such expression.", "Choose one in the list.")
    return every[number]


def any_cue(cls: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
    """For a poll: whether the face has any cue; else the reason is set."""
    if not cue_properties.cues_in(context.scene):
        cls.poll_message_set("There is no expression on the timeline yet.")
        return False
    return True


def _show(context: bpy.types.Context, expressions: Iterable[str]) -> None:
    """Lets the sliders say what the keys are at the playhead."""
    for expression in set(expressions):
        motion.show_strength(_face(context), expression, context.scene.frame_current_final)


def add_at_playhead(context: bpy.types.Context, preset: Preset, strength: float = 1.0) -> list[Cue]:
    """Keys a preset at the playhead, selects its first cue, shows the strengths."""
    scene, face = context.scene, _face(context)
    options = {"strength": strength, "whole": cue_properties.snaps(scene)}
    frame = scene.frame_current_final
    added = presets.apply(face, preset, frame, motion.frame_rate_of(scene), **options)
    cue_properties.select(scene, cues.at(face, added[0].expression, added[0].apex_start))
    _show(context, EXPRESSIONS)
    return added


class MIEN_OT_add_cue(MienOperator, bpy.types.Operator):  # noqa: N801 - Blender's way to name classes
    """Keys an expression at the playhead."""

    bl_idname = "mien.add_cue"
    bl_label = "Add Expression"
    bl_description = "Key this expression from the current frame on; where it is keyed already, the stronger counts"
    bl_options = {"REGISTER", "UNDO"}

    expression: EnumProperty(
        name="Expression", description="What the face performs", items=EXPRESSION_ITEMS, default="happy"
    )
    intensity: FloatProperty(
        name="Intensity",
        description="Strength at the apex: half of it is half of the motion, 1 is a strong performance",
        default=0.8,
        min=MIN_INTENSITY,
        max=MAX_INTENSITY,
        soft_max=1.0,
        step=1,
        precision=2,
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Grey with a reason."""
        return face_fits(cls, context)

    def run(self, context: bpy.types.Context) -> set[str]:
        """Straight through."""
        onset, hold, offset = TIMING[self.expression]
        cue = Cue(self.expression, self.intensity, 0.0, onset, onset + hold, onset + hold + offset)
        (added,) = add_at_playhead(context, Preset(self.expression, "", (cue,)))
        title = self.expression.capitalize()
        self.report({"INFO"}, f"{title} from frame {added.start:g} to {added.end:g}.")
        return {"FINISHED"}


class _OneCue(MienOperator):
    """What the operators on one cue of the list share."""

    bl_options = {"REGISTER", "UNDO"}

    index: IntProperty(
        name="Index",
        description="Number in the list, from 0; -1 is the selected one",
        default=-1,
        min=-1,
        options={"HIDDEN", "SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Grey with a reason."""
        return any_cue(cls, context)


class MIEN_OT_select_cue(_OneCue, bpy.types.Operator):  # noqa: N801
    """Selects a cue."""

    bl_idname = "mien.select_cue"
    bl_label = "Select Expression"
    bl_description = "Show the times and the intensity of this expression below, to edit them"

    def run(self, context: bpy.types.Context) -> set[str]:
        """Straight through."""
        cue_properties.select(context.scene, chosen_cue(context, self.index))
        return {"FINISHED"}


class MIEN_OT_remove_cue(_OneCue, bpy.types.Operator):  # noqa: N801
    """Removes a cue."""

    bl_idname = "mien.remove_cue"
    bl_label = "Remove Expression"
    bl_description = "Delete the keys of this expression"

    def run(self, context: bpy.types.Context) -> set[str]:
        """Straight through; whichever was selected stays so."""
        scene, gone, kept = context.scene, chosen_cue(context, self.index), chosen_cue(context, -1)
        cues.remove(_face(context), gone)
        cue_properties.select(scene, kept)
        _show(context, [gone.expression])
        return {"FINISHED"}


class MIEN_OT_duplicate_cue(_OneCue, bpy.types.Operator):  # noqa: N801
    """Copies a cue."""

    bl_idname = "mien.duplicate_cue"
    bl_label = "Duplicate at Playhead"
    bl_description = "Copy the selected expression to the current frame, or to the next place where it is free"

    def run(self, context: bpy.types.Context) -> set[str]:
        """Straight through; the copy is selected."""
        scene, cue = context.scene, chosen_cue(context, self.index)
        copy = cues.duplicate(_face(context), cue, scene.frame_current_final)
        cue_properties.select(scene, copy)
        _show(context, [cue.expression])
        if abs(copy.start - scene.frame_current_final) > 0.5:
            self.report({"WARNING"}, f"There is {cue.expression} already; the copy begins at frame {copy.start:g}.")
        return {"FINISHED"}


class MIEN_OT_jump_to_cue(_OneCue, bpy.types.Operator):  # noqa: N801
    """Goes to a cue."""

    bl_idname = "mien.jump_to_cue"
    bl_label = "Jump to Apex"
    bl_description = "Set the current frame to where the selected expression is fully there"

    def run(self, context: bpy.types.Context) -> set[str]:
        """Straight through."""
        apex = chosen_cue(context, self.index).apex_start
        whole = int(apex // 1)
        context.scene.frame_set(whole, subframe=min(apex - whole, 0.99999))
        return {"FINISHED"}
