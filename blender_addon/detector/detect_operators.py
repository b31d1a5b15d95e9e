"""The button "Find Landmarks"."""

# mypy: disable-error-code="override"
from __future__ import annotations

import time
from typing import TYPE_CHECKING

import bpy

from .. import mesh_bridge
from ..engine import Cancelled
from ..operator_base import MienOperator
from ..operators import face_of
from ..preferences import choice
from ..version import PACKAGE
from ..wrapping.wrap_operators import progress
from . import finder_files
from .detect import DetectJob

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..engine import Step

_SLICE = 0.08
"""Seconds of computing between two looks at the keyboard."""


def draw_detect(layout: bpy.types.UILayout, _context: bpy.types.Context, _face: bpy.types.Object) -> None:
    """The button; where the finder is not here, it is grey, and another one leads to where it can be had."""
    row = layout.row(align=True)
    row.operator("mien.detect_landmarks", icon="VIEWZOOM")
    if not finder_files.is_here():
        row.operator("preferences.addon_show", text="", icon="PREFERENCES").module = PACKAGE


class MIEN_OT_detect_landmarks(MienOperator, bpy.types.Operator):  # noqa: N801 - Blender's way to name classes
    """Finds landmarks."""

    bl_idname = "mien.detect_landmarks"
    bl_label = "Find Landmarks"
    bl_description = (
        "Look at the head from several sides and place the landmarks of its face, whichever way it looks, "
        "also on a whole body. Takes some seconds; landmarks that you placed by hand stay"
    )
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Grey with a reason."""
        refusal = mesh_bridge.refusal(face_of(context))
        if refusal is not None:
            cls.poll_message_set(f"{refusal.sentence} {refusal.remedy}".strip())
            return False
        if not finder_files.is_here():
            cls.poll_message_set("The landmark finder is not here. Get it in Mien's preferences.")
            return False
        return True

    def run(self, context: bpy.types.Context) -> set[str]:
        """Straight through."""
        job = self._job(context)
        for _ in job.compute():
            pass
        return self._finish(job)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """In a window: a picture at a time, with progress, until done or ESC."""
        if bpy.app.background or context.window is None:
            return self.execute(context)
        return self.guarded(lambda: self._begin(context))

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """One slice of work; all events wait, so that nobody changes the head meanwhile."""
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
        self._clear(context)

    def _job(self, context: bpy.types.Context) -> DetectJob:
        return DetectJob(face_of(context), like=context.scene.mien.like, bundle=choice(context).bundle)

    def _begin(self, context: bpy.types.Context) -> set[str]:
        self._work = self._job(context)
        self._steps: Iterator[Step] = self._work.compute()
        manager = context.window_manager
        self._timer = manager.event_timer_add(0.01, window=context.window)
        manager.progress_begin(0, 100)
        manager.modal_handler_add(self)
        progress.show("Looking", 0.0)
        return {"RUNNING_MODAL"}

    def _slice(self, context: bpy.types.Context) -> set[str]:
        until = time.monotonic() + _SLICE
        for step in self._steps:
            share = step.done / max(step.total, 1)
            context.window_manager.progress_update(int(100 * share))
            context.workspace.status_text_set(f"Mien: {step.doing} — ESC cancels")
            progress.show(step.doing.capitalize(), share)
            if time.monotonic() > until:
                _redraw(context)
                return {"RUNNING_MODAL"}
        return self._finish(self._work)

    def _stop(self) -> set[str]:
        raise Cancelled

    def _finish(self, job: DetectJob) -> set[str]:
        found = job.finish()
        self.report({"WARNING"} if found.missing else {"INFO"}, str(found))
        return {"FINISHED"}

    def _clear(self, context: bpy.types.Context) -> None:
        context.window_manager.event_timer_remove(self._timer)
        context.window_manager.progress_end()
        context.workspace.status_text_set(None)
        progress.clear()
        _redraw(context)


def _redraw(context: bpy.types.Context) -> None:
    for area in context.screen.areas if context.screen else ():
        area.tag_redraw()
