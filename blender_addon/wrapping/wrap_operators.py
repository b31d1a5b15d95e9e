"""The buttons of a wrap: wrap, show how it fits, forget."""

# mypy: disable-error-code="override"
from __future__ import annotations

import bpy

from .. import mesh_bridge
from ..engine import Cancelled, landmarks
from ..operator_base import MienOperator
from ..operators import face_of, verdict
from ..preferences import choice
from . import fit_look, fit_overlay, marks, wrap_job
from .wrap_worker import WrapWorker

LOOK = 0.05
"""Seconds between two looks at how far the work is."""


def may_wrap(context: bpy.types.Context) -> bool:
    """Whether the scene's face is a head to be wrapped, or one that is wrapped; faces that Mien knows are neither."""
    face = face_of(context)
    if face is None or mesh_bridge.refusal(face) is not None:
        return False
    return wrap_job.is_wrapped(face) or not verdict(context).ok


class MIEN_OT_wrap(MienOperator, bpy.types.Operator):  # noqa: N801 - Blender's way to name classes
    """Wraps."""

    bl_idname = "mien.wrap"
    bl_label = "Wrap"
    bl_description = (
        "Lay a head that Mien knows onto this one by its landmarks, so that it performs the same. "
        "Takes some seconds; the mesh keeps its shape, its vertices and its materials"
    )
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Grey with a reason."""
        face = face_of(context)
        refusal = mesh_bridge.refusal(face)
        if refusal is not None:
            cls.poll_message_set(f"{refusal.sentence} {refusal.remedy}".strip())
            return False
        lacking = len(marks.missing(face))
        if lacking:
            cls.poll_message_set(f"{lacking} of the {len(landmarks.NEEDED)} landmarks it needs are not placed yet.")
            return False
        return True

    def run(self, context: bpy.types.Context) -> set[str]:
        """Straight through."""
        job = self._job(context)
        for _ in job.compute():
            pass
        return self._finish(job)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """In a window: beside it, with progress, until done or ESC."""
        if bpy.app.background or context.window is None:
            return self.execute(context)
        return self.guarded(lambda: self._begin(context))

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """A look at the thread that computes; all events wait, so that nobody changes the head meanwhile."""
        if event.type == "ESC":
            outcome = self.guarded(self._stop)
        elif event.type == "TIMER":
            outcome = self.guarded(lambda: self._look(context))
        else:
            return {"RUNNING_MODAL"}
        if outcome != {"RUNNING_MODAL"}:
            self._clear(context)
        return outcome

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends the operator (the window closes): nothing was changed."""
        self._clear(context)

    def _job(self, context: bpy.types.Context) -> wrap_job.WrapJob:
        face, settings = face_of(context), context.scene.mien
        return wrap_job.WrapJob(face, like=settings.like, bundle=choice(context).bundle)

    def _begin(self, context: bpy.types.Context) -> set[str]:
        self._work = self._job(context)
        self._worker = WrapWorker(self._work)
        self._worker.start()
        manager = context.window_manager
        self._timer = manager.event_timer_add(LOOK, window=context.window)
        manager.progress_begin(0, 100)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def _look(self, context: bpy.types.Context) -> set[str]:
        self._work.check_unchanged()
        if self._worker.is_through():
            return self._finish(self._work)
        step = self._worker.step
        if step is not None and (step.doing.capitalize(), step.done / max(step.total, 1)) != progress.now:
            progress.show(step.doing.capitalize(), step.done / max(step.total, 1))
            context.window_manager.progress_update(int(100 * progress.share))
            context.workspace.status_text_set(f"Mien: {step.doing} — ESC cancels")
            _redraw(context)
        return {"RUNNING_MODAL"}

    def _stop(self) -> set[str]:
        raise Cancelled

    def _finish(self, job: wrap_job.WrapJob) -> set[str]:
        result = job.finish()
        self.report({"WARNING"} if result.advice else {"INFO"}, str(result))
        return {"FINISHED"}

    def _clear(self, context: bpy.types.Context) -> None:
        self._worker.stop()
        context.window_manager.event_timer_remove(self._timer)
        context.window_manager.progress_end()
        context.workspace.status_text_set(None)
        progress.clear()
        _redraw(context)


class _Progress:
    """How far the wrap that is under way has come, for the panel."""

    def __init__(self) -> None:
        self.doing, self.share, self.running = "", 0.0, False

    def show(self, doing: str, share: float) -> None:
        """It has come so far (0..1), and does this."""
        self.doing, self.share, self.running = doing, share, True

    @property
    def now(self) -> tuple[str, float]:
        """What is shown."""
        return self.doing, self.share

    def clear(self) -> None:
        """None is under way."""
        self.__init__()  # type: ignore[misc]


progress = _Progress()


def _redraw(context: bpy.types.Context) -> None:
    for area in context.screen.areas if context.screen else ():
        area.tag_redraw()


class _OnWrap(MienOperator):
    """What works on a face that is wrapped."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Grey with a reason."""
        if not wrap_job.is_wrapped(face_of(context)):
            cls.poll_message_set("The face is not wrapped.")
            return False
        return True


class MIEN_OT_show_fit(_OnWrap, bpy.types.Operator):  # noqa: N801
    """Shows the heat map."""

    bl_idname = "mien.show_fit"
    bl_label = "Show Fit"
    bl_description = (
        "Draw over the head how far it is from what was wrapped onto it: blue 0 mm, red 3 mm or more, "
        "magenta turned over, grey hidden or still. Nothing is changed; click again to hide it"
    )
    bl_options = {"REGISTER"}

    def run(self, context: bpy.types.Context) -> set[str]:
        """On or off."""
        if fit_overlay.is_on():
            fit_overlay.hide()
        else:
            fit_look.demand(face_of(context).data)
            fit_overlay.show()
        return {"FINISHED"}


class MIEN_OT_forget_wrap(_OnWrap, bpy.types.Operator):  # noqa: N801
    """Forgets the wrap."""

    bl_idname = "mien.forget_wrap"
    bl_label = "Forget Wrap"
    bl_description = "Take the wrap out of the mesh; landmarks, strengths and bakes stay"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Grey with a reason."""
        if not super().poll(context):
            return False
        face = face_of(context)
        if face.library or face.data.library or face.mode != "OBJECT":
            cls.poll_message_set("Make the face local and go to Object Mode first.")
            return False
        return True

    def run(self, context: bpy.types.Context) -> set[str]:
        """Straight through."""
        face = face_of(context)
        wrap_job.forget(face)
        self.report({"INFO"}, f"{face.name} is not wrapped any more.")
        return {"FINISHED"}
