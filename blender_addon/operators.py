"""The buttons. Each reads its settings, calls one function of api.py, and says what came of it."""

# mypy: disable-error-code="override"
from __future__ import annotations

import time
from typing import TYPE_CHECKING

import bpy
from bpy.props import EnumProperty, FloatProperty, IntProperty  # noqa: TC002 - Blender evaluates the annotations

from . import api, mesh_bridge, motion, packs, rest
from .engine import MAX_INTENSITY, Cancelled, MienError
from .operator_base import MienOperator
from .preferences import choice
from .properties import EXPRESSION_ITEMS

if TYPE_CHECKING:
    from collections.abc import Iterator

SLICE = 0.08
"""Seconds of computing between two looks at the keyboard."""


def face_of(context: bpy.types.Context) -> bpy.types.Object | None:
    """The face that the scene has picked; None where it was deleted from the scene since."""
    face = context.scene.mien.face
    return face if face is not None and face.name in context.scene.objects else None


def verdict(context: bpy.types.Context) -> mesh_bridge.Fit:
    """How the picked face fits; a bundle that cannot be read is told the same way."""
    try:
        return packs.fit(face_of(context), choice(context).bundle, cached=True)[0]
    except MienError as problem:
        return mesh_bridge.Fit(ok=False, sentence=problem.sentence, remedy=problem.remedy)


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


class MIEN_OT_cue_at_playhead(MienOperator, bpy.types.Operator):  # noqa: N801
    """Moves the cue."""

    bl_idname = "mien.cue_at_playhead"
    bl_label = "Start at Playhead"
    bl_description = "Let the expression start at the current frame"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context: bpy.types.Context) -> set[str]:
        """Straight through."""
        context.scene.mien.start = context.scene.frame_current
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
        return _face_fits(cls, context)

    def run(self, context: bpy.types.Context) -> set[str]:
        """Straight through."""
        face = face_of(context)
        times = (self.start, self.apex_start, self.apex_end, self.end)
        api.add_expression(face, self.expression, self.intensity, *times)
        motion.show_strength(face, self.expression, context.scene.frame_current_final)
        self.report({"INFO"}, f"{self.expression.capitalize()} from frame {self.start} to {self.end}. Bake to see it.")
        return {"FINISHED"}


class MIEN_OT_bake(MienOperator, bpy.types.Operator):  # noqa: N801
    """Bakes."""

    bl_idname = "mien.bake"
    bl_label = "Bake"
    bl_description = "Turn the keyed strengths into shape keys, one a frame; an earlier bake is replaced"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Grey with a reason."""
        return _face_fits(cls, context)

    def run(self, context: bpy.types.Context) -> set[str]:
        """Straight through."""
        job = self._job(context)
        for _ in job.compute():
            pass
        return self._finish(job)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """In a window: in slices, with progress, until done or ESC."""
        if bpy.app.background or context.window is None:
            return self.execute(context)
        return self.guarded(lambda: self._begin(context))

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """One slice of work; all events wait, so that nobody changes the face meanwhile."""
        if event.type == "ESC":
            outcome = self.guarded(self._stop)
        elif event.type == "TIMER":
            outcome = self.guarded(lambda: self._slice(context))
        else:
            return {"RUNNING_MODAL"}
        if outcome != {"RUNNING_MODAL"}:
            self._clear(context)
        return outcome

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends the operator (the window closes): nothing was changed."""
        self._work.abort()
        self._clear(context)

    def _job(self, context: bpy.types.Context) -> api.BakeJob:
        settings, chosen = context.scene.mien, choice(context)
        start, end = settings.range_in(context.scene)
        face = face_of(context)
        options = {"engine_name": chosen.engine, "device": chosen.device, "bundle": chosen.bundle}
        return api.BakeJob(face, scene=context.scene, start=start, end=end, **options)

    def _begin(self, context: bpy.types.Context) -> set[str]:
        self._work = self._job(context)
        self._steps: Iterator[tuple[int, int]] = self._work.compute()
        manager = context.window_manager
        self._timer = manager.event_timer_add(0.01, window=context.window)
        manager.progress_begin(0, 100)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def _slice(self, context: bpy.types.Context) -> set[str]:
        until = time.monotonic() + SLICE
        for done, total in self._steps:
            context.window_manager.progress_update(100 * done // total)
            context.workspace.status_text_set(f"Mien: frame {done:,} of {total:,} — ESC cancels")
            if time.monotonic() > until:
                return {"RUNNING_MODAL"}
        return self._finish(self._work)

    def _stop(self) -> set[str]:
        self._work.abort()
        raise Cancelled

    def _finish(self, job: api.BakeJob) -> set[str]:
        result = job.finish()
        self.report({"WARNING"} if result.notes else {"INFO"}, str(result))
        return {"FINISHED"}

    def _clear(self, context: bpy.types.Context) -> None:
        context.window_manager.event_timer_remove(self._timer)
        context.window_manager.progress_end()
        context.workspace.status_text_set(None)
        for area in context.screen.areas if context.screen else ():
            area.tag_redraw()


class MIEN_OT_remove_bake(MienOperator, bpy.types.Operator):  # noqa: N801
    """Removes the bake."""

    bl_idname = "mien.remove_bake"
    bl_label = "Remove Bake"
    bl_description = "Take Mien's shape keys away; the face is as it was before, its keyed strengths stay"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Grey with a reason."""
        face = face_of(context)
        if face is None or face.type != "MESH" or not rest.record_of(face.data.shape_keys):
            cls.poll_message_set("The face has no bake.")
            return False
        if face.mode != "OBJECT":
            cls.poll_message_set("Go back to Object Mode first.")
            return False
        return True

    def run(self, context: bpy.types.Context) -> set[str]:
        """Straight through."""
        count = api.remove_bake(face_of(context))
        self.report({"INFO"}, f"{count:,} shape keys removed.")
        return {"FINISHED"}


def _face_fits(cls: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
    found = verdict(context)
    if not found.ok:
        cls.poll_message_set(f"{found.sentence} {found.remedy}".strip())
    return found.ok
