"""The button "Find Landmarks"."""

# mypy: disable-error-code="override"
from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

from ..modal_job import ModalJob
from ..operators import face_is_readable, face_of
from ..preferences import choice
from ..version import PACKAGE
from ..wrapping.wrap_operators import progress
from . import finder_files
from .detect import DetectJob

if TYPE_CHECKING:
    from ..engine import Step


def draw_detect(layout: bpy.types.UILayout, _context: bpy.types.Context, _face: bpy.types.Object) -> None:
    """The button; where the finder is not here, it is grey, and another one leads to where it can be had."""
    row = layout.row(align=True)
    row.operator("mien.detect_landmarks", icon="VIEWZOOM")
    if not finder_files.is_here():
        row.operator("preferences.addon_show", text="", icon="PREFERENCES").module = PACKAGE


class MIEN_OT_detect_landmarks(ModalJob, bpy.types.Operator):  # noqa: N801 - Blender's way to name classes
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
        if not face_is_readable(cls, context):
            return False
        if not finder_files.is_here():
            cls.poll_message_set("The landmark finder is not here. Get it in Mien's preferences.")
            return False
        return True

    def _job(self, context: bpy.types.Context) -> DetectJob:
        return DetectJob(face_of(context), like=context.scene.mien.like, bundle=choice(context).bundle)

    def _start(self, context: bpy.types.Context) -> None:
        self._steps = self._work.compute()
        progress.show(context, "looking", 0.0)

    def _show(self, context: bpy.types.Context, step: Step) -> None:
        progress.show(context, step.doing, step.done / max(step.total, 1))

    def _finish(self, job: DetectJob) -> set[str]:
        found = job.finish()
        self.report({"WARNING"} if found.missing else {"INFO"}, str(found))
        return {"FINISHED"}

    def _ended(self) -> None:
        progress.clear()
