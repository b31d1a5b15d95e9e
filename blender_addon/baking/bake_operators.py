"""The buttons of the bakes: bake, bake again, duplicate, remove, play none."""

# mypy: disable-error-code="override"
from __future__ import annotations

import time
from typing import TYPE_CHECKING

import bpy
from bpy.props import BoolProperty  # noqa: TC002 - Blender evaluates the annotations

from .. import api
from ..engine import Cancelled, MeshError
from ..operator_base import MienOperator
from ..operators import face_fits, face_of
from ..preferences import choice
from . import records

if TYPE_CHECKING:
    from collections.abc import Iterator

SLICE = 0.08
"""Seconds of computing between two looks at the keyboard."""


class MIEN_OT_bake(MienOperator, bpy.types.Operator):  # noqa: N801 - Blender's way to name classes
    """Bakes."""

    bl_idname = "mien.bake"
    bl_label = "Bake"
    bl_options = {"REGISTER", "UNDO"}

    new: BoolProperty(name="New", description="Make another bake beside those that are there", options={"SKIP_SAVE"})
    recorded: BoolProperty(
        name="As Recorded",
        description="Bake again from the record, whatever the keys say by now",
        options={"SKIP_SAVE"},
    )

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        """One for each of its buttons."""
        if properties.recorded:
            return "Bake exactly what is on record: labels, shaping, way and generator, whatever the timeline says now"
        if properties.new:
            return "Turn the strengths into another bake with an action of its own; those that are there stay"
        return "Turn the strengths into motion on the mesh; the bake that plays is replaced, others stay"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Grey with a reason."""
        return face_fits(cls, context)

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
        options = {"engine_name": chosen.engine, "device": chosen.device, "scene": context.scene}
        if self.recorded:
            playing = records.active_of(face.data)
            if playing is None:
                raise MeshError("No bake plays.", "Choose one in the list.")
            return api.BakeJob(face, recorded=playing.name, **options)
        wanted = {"way": settings.way, "tolerance": settings.tolerance, "step": settings.step, "new": self.new}
        return api.BakeJob(face, start=start, end=end, bundle=chosen.bundle, **wanted, **options)

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
            doing = f"frame {done:,} of {total:,}" if done < total else "finding the fewest keys"
            context.workspace.status_text_set(f"Mien: {doing} — ESC cancels")
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


class _OnBake(MienOperator):
    """What works on the bake that plays."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Grey with a reason."""
        face = face_of(context)
        if face is None or face.type != "MESH" or not len(face.data.mien.bakes):
            cls.poll_message_set("The face has no bake.")
            return False
        if records.active_of(face.data) is None:
            cls.poll_message_set("None of the bakes plays; click one in the list first.")
            return False
        if face.mode != "OBJECT":
            cls.poll_message_set("Go back to Object Mode first.")
            return False
        return True


class MIEN_OT_remove_bake(_OnBake, bpy.types.Operator):  # noqa: N801
    """Removes a bake."""

    bl_idname = "mien.remove_bake"
    bl_label = "Remove Bake"
    bl_description = "Take the chosen bake away; after the last one the face is as before the first. Its strengths stay"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context: bpy.types.Context) -> set[str]:
        """Straight through."""
        count = api.remove_bake(face_of(context))
        self.report({"INFO"}, f"{count:,} shape keys removed." if count else "The bake is removed.")
        return {"FINISHED"}


class MIEN_OT_duplicate_bake(_OnBake, bpy.types.Operator):  # noqa: N801
    """Copies a bake."""

    bl_idname = "mien.duplicate_bake"
    bl_label = "Duplicate Bake"
    bl_description = "Copy the chosen bake, with shape keys and an action of its own, to change one and keep the other"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context: bpy.types.Context) -> set[str]:
        """Straight through."""
        name = api.duplicate_bake(face_of(context))
        self.report({"INFO"}, f"{name} plays now.")
        return {"FINISHED"}


class MIEN_OT_play_none(_OnBake, bpy.types.Operator):  # noqa: N801
    """Lets no bake play."""

    bl_idname = "mien.play_none"
    bl_label = "Play None"
    bl_description = "Let none of the bakes play; the face is at rest and its own animation plays. Click one to play it"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context: bpy.types.Context) -> set[str]:
        """Straight through."""
        api.play_bake(face_of(context), "")
        return {"FINISHED"}
