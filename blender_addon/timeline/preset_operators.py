"""The menu Add Expression with its presets, and the buttons that add, keep and delete these."""

# mypy: disable-error-code="override, return-value"
from __future__ import annotations

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, StringProperty  # noqa: TC002 - Blender evaluates them

from ..engine import EXPRESSIONS, Cue
from ..operator_base import MienOperator
from ..operators import face_fits
from . import cue_properties, motion, presets
from .cue_operators import add_at_playhead, any_cue, chosen_cue


def _preset_names(_self: object, _context: bpy.types.Context, _typed: str) -> list[str]:
    return [preset.name for preset in presets.every()]


class MIEN_OT_add_preset(MienOperator, bpy.types.Operator):  # noqa: N801
    """Keys a preset at the playhead."""

    bl_idname = "mien.add_preset"
    bl_label = "Add Preset"
    bl_description = "Key this performance from the current frame on"
    bl_options = {"REGISTER", "UNDO"}

    preset: StringProperty(name="Preset", description="Name of the performance", search=_preset_names)
    strength: FloatProperty(
        name="Strength",
        description="Factor of all its intensities: 1 as it was made, 0.5 half as strong",
        default=1.0,
        min=0.05,
        max=3.0,
        soft_max=1.5,
        step=5,
        precision=2,
    )

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        """What is seen, in the menu's tooltip; Blender adds the full stop."""
        found = [preset for preset in presets.every() if preset.name == properties.preset]
        if not found:
            return cls.bl_description
        return f"{found[0].description or found[0].name}, {found[0].seconds:.1f} seconds from the current frame on"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Grey with a reason."""
        return face_fits(cls, context)

    def run(self, context: bpy.types.Context) -> set[str]:
        """Straight through."""
        preset = presets.find(self.preset)
        added = add_at_playhead(context, preset, self.strength)
        last = max(cue.end for cue in added)
        self.report({"INFO"}, f"{preset.name} from frame {min(cue.start for cue in added):g} to {last:g}.")
        return {"FINISHED"}


class MIEN_OT_save_preset(MienOperator, bpy.types.Operator):  # noqa: N801
    """Keeps cues as a preset."""

    bl_idname = "mien.save_preset"
    bl_label = "Save as Preset"
    bl_description = "Keep expressions of this face under a name, to use them anywhere; they begin at their first frame"
    bl_options = {"REGISTER"}  # a file is written, the scene stays

    name: StringProperty(name="Name", description="What the menu calls it", maxlen=presets.MAX_NAME)
    text: StringProperty(name="Description", description="What is seen, for the tooltip", maxlen=200)
    which: EnumProperty(
        name="Expressions",
        description="What is saved",
        items=[
            ("SELECTED", "Selected", "The selected expression alone"),
            ("ALL", "All", "All expressions of the face"),
        ],
        default="SELECTED",
    )
    replace: BoolProperty(name="Replace", description="Overwrite a preset of yours that has this name", default=False)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Grey with a reason."""
        return any_cue(cls, context)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Ask for the name."""
        return context.window_manager.invoke_props_dialog(self)

    def run(self, context: bpy.types.Context) -> set[str]:
        """Straight through."""
        scene = context.scene
        fps = motion.frame_rate_of(scene)
        found = cue_properties.cues_in(scene) if self.which == "ALL" else [chosen_cue(context, -1)]
        seconds = [_in_seconds(cue.plain(), fps) for cue in found]
        saved = presets.save(self.name, seconds, self.text, replace=self.replace)
        note = " Their eased or extra keys are not part of it." if any(cue.shaped for cue in found) else ""
        self.report({"INFO"}, f"{saved.name} is in the menu Add Expression now.{note}")
        return {"FINISHED"}


def _in_seconds(cue: Cue, fps: float) -> Cue:
    times = (frame / fps for frame in (cue.start, cue.apex_start, cue.apex_end, cue.end))
    return Cue(cue.expression, cue.intensity, *times)


class MIEN_OT_delete_preset(MienOperator, bpy.types.Operator):  # noqa: N801
    """Deletes a preset."""

    bl_idname = "mien.delete_preset"
    bl_label = "Delete Preset"
    bl_description = "Delete this preset of yours for good; what was made with it stays"
    bl_options = {"REGISTER"}  # a file goes, the scene stays

    preset: StringProperty(name="Preset", description="Name of the preset", search=_preset_names)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Ask before: undo does not bring files back."""
        return context.window_manager.invoke_confirm(self, event)

    def run(self, _context: bpy.types.Context) -> set[str]:
        """Straight through."""
        presets.delete(self.preset)
        self.report({"INFO"}, f"{self.preset} is deleted.")
        return {"FINISHED"}


class MIEN_MT_add_cue(bpy.types.Menu):  # noqa: N801
    """What can be added at the playhead."""

    bl_idname = "MIEN_MT_add_cue"
    bl_label = "Add Expression"

    def draw(self, _context: bpy.types.Context) -> None:
        """Expressions, presets, the artist's own."""
        layout = self.layout
        for expression in EXPRESSIONS:
            layout.operator("mien.add_cue", text=expression.capitalize()).expression = expression
        layout.separator()
        known = presets.every()
        for preset in (one for one in known if not one.own):
            layout.operator("mien.add_preset", text=preset.name).preset = preset.name
        own = [one for one in known if one.own]
        if own:
            layout.separator()
        for preset in own:
            layout.operator("mien.add_preset", text=preset.name, icon="USER").preset = preset.name
        for sentence in presets.damaged():
            layout.label(text=sentence, icon="ERROR")
        if own:
            layout.separator()
            layout.menu("MIEN_MT_delete_preset")


class MIEN_MT_delete_preset(bpy.types.Menu):  # noqa: N801
    """The artist's own presets, to delete one."""

    bl_idname = "MIEN_MT_delete_preset"
    bl_label = "Delete Preset"

    def draw(self, _context: bpy.types.Context) -> None:
        """One line an own preset."""
        for preset in presets.every():
            if preset.own:
                self.layout.operator("mien.delete_preset", text=preset.name, icon="TRASH").preset = preset.name
