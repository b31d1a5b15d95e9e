"""The buttons. Each reads its settings, calls one function of api.py, and says what came of it."""

# mypy: disable-error-code="override"
from __future__ import annotations

import time
from typing import TYPE_CHECKING

import bpy
from bpy.props import EnumProperty, FloatProperty, IntProperty  # noqa: TC002 - Blender evaluates the annotations

from . import api, mesh_bridge, operator_base, packs
from .engine import MAX_INTENSITY, MienError
from .operator_base import MienOperator
from .preferences import choice
from .properties import EXPRESSION_ITEMS
from .timeline import motion
from .timeline.cue_properties import face_in

if TYPE_CHECKING:
    from .engine import Loaded


def face_of(context: bpy.types.Context) -> bpy.types.Object | None:
    """The face that the scene has picked; None where it was deleted from the scene since."""
    return face_in(context.scene)


_FRESH = 0.2
"""Seconds that a verdict is believed: one redraw of the panel asks ten times, and each look reads the whole mesh."""

_believed: dict[tuple[object, ...], tuple[float, mesh_bridge.Fit, Loaded | None]] = {}


def verdict(context: bpy.types.Context) -> mesh_bridge.Fit:
    """How the picked face fits, for what is drawn; a bundle that cannot be read is told the same way.

    A mesh that was bent without another number of vertices, another mode or name is looked at again after `_FRESH`
    seconds; whoever bakes looks for himself.
    """
    return _looked(context)[0]


def generator_of(context: bpy.types.Context) -> Loaded | None:
    """The generator that performs on the picked face, as `verdict` has found it; None where the face does not fit."""
    found, loaded = _looked(context)
    return loaded if found.ok else None


def _looked(context: bpy.types.Context) -> tuple[mesh_bridge.Fit, Loaded | None]:
    face, bundle = face_of(context), choice(context).bundle
    mark = (bundle, *packs.installed(), *_outside(face))
    found = _believed.get(mark)
    if found is None or time.monotonic() - found[0] > _FRESH:
        loaded = None
        try:
            fit, loaded = packs.fit(face, bundle, cached=True)
        except MienError as problem:
            fit = mesh_bridge.Fit(ok=False, sentence=problem.sentence, remedy=problem.remedy)
        except Exception as problem:
            # Whoever draws must not fail: Blender would leave the panel empty.
            if operator_base.RAISE_UNEXPECTED:
                raise
            fit = mesh_bridge.Fit(ok=False, sentence=f"Mien did not expect this face ({problem}).")
        _believed.clear()
        _believed[mark] = found = (time.monotonic(), fit, loaded)
    return found[1:]


def _outside(face: bpy.types.Object | None) -> tuple[object, ...]:
    """What of a face can be told without reading its mesh."""
    if face is None or face.type != "MESH":
        return (None if face is None else face.name_full,)
    mesh, keys = face.data, face.data.shape_keys
    counts = len(mesh.vertices), len(mesh.edges), mesh.users, keys.use_relative if keys else None
    kept = mesh.mien.wrap.mark  # what it was wrapped with
    return (face.as_pointer(), face.name_full, mesh.name_full, face.mode, mesh.is_editmode, kept, *counts)


class MIEN_OT_pick_face(MienOperator, bpy.types.Operator):  # noqa: N801 - Blender's way to name classes
    """Picks the face."""

    bl_idname = "mien.pick_face"
    bl_label = "Use Active Object"
    bl_description = "Let the active object be the face that performs"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Grey with a reason."""
        if context.active_object is None or context.active_object.type != "MESH":
            cls.poll_message_set("Select the mesh of a face first.")
            return False
        return True

    def run(self, context: bpy.types.Context) -> set[str]:
        """Straight through."""
        context.scene.mien.face = context.active_object
        return {"FINISHED"}


class MIEN_OT_add_expression(MienOperator, bpy.types.Operator):  # noqa: N801
    """Keys a cue."""

    bl_idname = "mien.add_expression"
    bl_label = "Add Expression"
    bl_description = "Key this expression on the face's strengths; where it is keyed already, the stronger counts"
    bl_options = {"REGISTER", "UNDO"}

    expression: EnumProperty(name="Expression", items=EXPRESSION_ITEMS, default="happy")
    intensity: FloatProperty(name="Intensity", default=0.8, min=0.0, max=MAX_INTENSITY, soft_max=1.0)
    start: IntProperty(name="Start", default=1)
    apex_start: IntProperty(name="Apex", default=15)
    apex_end: IntProperty(name="Hold Until", default=35)
    end: IntProperty(name="End", default=55)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Grey with a reason."""
        return face_fits(cls, context)

    def run(self, context: bpy.types.Context) -> set[str]:
        """Straight through."""
        face = face_of(context)
        times = (self.start, self.apex_start, self.apex_end, self.end)
        api.add_expression(face, self.expression, self.intensity, *times)
        motion.show_strength(face, self.expression, context.scene.frame_current_final)
        self.report({"INFO"}, f"{self.expression.capitalize()} from frame {self.start} to {self.end}. Bake to see it.")
        return {"FINISHED"}


def face_is_readable(cls: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
    """For `poll`: whether the picked face is a mesh that can be looked at, known or not; else the reason."""
    refusal = mesh_bridge.refusal(face_of(context))
    if refusal is not None:
        cls.poll_message_set(f"{refusal.sentence} {refusal.remedy}".strip())
    return refusal is None


def face_fits(cls: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
    """For `poll`: whether the picked face can perform; the reason goes to the grey button."""
    found = verdict(context)
    if not found.ok:
        cls.poll_message_set(f"{found.sentence} {found.remedy}".strip())
    return found.ok
