"""The buttons of a wrap: wrap, show how it fits, forget."""

# mypy: disable-error-code="override"
from __future__ import annotations

import bpy

from .. import mesh_bridge
from ..engine import landmarks
from ..modal_job import ModalJob, Progress
from ..operator_base import MienOperator
from ..operators import face_is_readable, face_of, verdict
from ..preferences import choice
from . import fit_look, fit_overlay, marks, wrap_job
from .wrap_worker import WrapWorker


def may_wrap(context: bpy.types.Context) -> bool:
    """Whether the scene's face is a head to be wrapped, or one that is wrapped; faces that Mien knows are neither."""
    face = face_of(context)
    if face is None or mesh_bridge.refusal(face) is not None:
        return False
    return wrap_job.is_wrapped(face) or not verdict(context).ok


class MIEN_OT_wrap(ModalJob, bpy.types.Operator):  # noqa: N801 - Blender's way to name classes
    """Wraps."""

    bl_idname = "mien.wrap"
    bl_label = "Wrap"
    bl_description = (
        "Lay a head that Mien knows onto this one by its landmarks, so that it performs the same. "
        "Takes some seconds; the mesh keeps its shape, its vertices and its materials"
    )
    bl_options = {"REGISTER", "UNDO"}
    every = 0.05

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Grey with a reason."""
        if not face_is_readable(cls, context):
            return False
        lacking = len(marks.missing(face_of(context)))
        if lacking:
            cls.poll_message_set(f"{lacking} of the {len(landmarks.NEEDED)} landmarks it needs are not placed yet.")
            return False
        return True

    def _job(self, context: bpy.types.Context) -> wrap_job.WrapJob:
        face, settings = face_of(context), context.scene.mien
        return wrap_job.WrapJob(face, like=settings.like, bundle=choice(context).bundle)

    def _start(self, _context: bpy.types.Context) -> None:
        self._worker = WrapWorker(self._work)
        self._worker.start()

    def _tick(self, context: bpy.types.Context) -> set[str]:
        self._work.check_unchanged()
        if self._worker.is_through():
            return self._finish(self._work)
        step = self._worker.step
        if step is not None:
            progress.show(context, step.doing, step.done / max(step.total, 1))
        return {"RUNNING_MODAL"}

    def _finish(self, job: wrap_job.WrapJob) -> set[str]:
        result = job.finish()
        self.report({"WARNING"} if result.advice else {"INFO"}, str(result))
        return {"FINISHED"}

    def _ended(self) -> None:
        self._worker.stop()
        progress.clear()


progress = Progress()
"""Of the wrap, or of the finder, that is under way."""


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
