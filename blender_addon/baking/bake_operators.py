"""The buttons of the bakes: bake, bake again, duplicate, remove, play none."""

# mypy: disable-error-code="override"
from __future__ import annotations

import bpy
from bpy.props import BoolProperty  # noqa: TC002 - Blender evaluates the annotations

from .. import api
from ..engine import MeshError
from ..modal_job import ModalJob
from ..operator_base import MienOperator
from ..operators import face_fits, face_of
from ..preferences import choice
from . import records


class MIEN_OT_bake(ModalJob, bpy.types.Operator):  # noqa: N801 - Blender's way to name classes
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

    def _show(self, context: bpy.types.Context, step: tuple[int, int]) -> None:
        done, total = step
        context.window_manager.progress_update(100 * done // total)
        doing = f"frame {done:,} of {total:,}" if done < total else "finding the fewest keys"
        context.workspace.status_text_set(f"Mien: {doing} — ESC cancels")

    def _give_up(self) -> None:
        self._work.abort()

    def _finish(self, job: api.BakeJob) -> set[str]:
        result = job.finish()
        self.report({"WARNING"} if result.notes else {"INFO"}, str(result))
        return {"FINISHED"}


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
