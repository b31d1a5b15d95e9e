"""The button "Make Face": the photos of the list become a face."""

# mypy: disable-error-code="override"
from __future__ import annotations

import bpy

from ..preferences import choice
from ..sample_face import frame_view
from . import choosing, photo_list
from .photo_edit_operators import is_busy
from .photo_job import PhotoInput, PhotoJob
from .photo_work import PhotoWork


class MIEN_OT_make_face(PhotoWork, bpy.types.Operator):  # noqa: N801
    """Makes a face of the photos."""

    bl_idname = "mien.make_face"
    bl_label = "Make Face"
    bl_description = (
        "Make a neutral face with a texture that looks like the person in the photos, and that performs. "
        "Takes some seconds to a minute; nothing else in the scene changes"
    )
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Grey with a reason."""
        if is_busy(cls):
            return False
        why = hindrance(context)
        if why:
            cls.poll_message_set(why)
        return not why

    def _job(self, context: bpy.types.Context) -> PhotoJob:
        own, settings = context.scene.mien_photos, context.scene.mien
        chosen = choice(context).bundle
        reader = choosing.reader_like(settings.like, chosen)
        photos = [input_of(photo) for photo in own.photos]
        return PhotoJob(photos, name=own.title, like=reader.title, bundle=chosen, size=int(own.size))

    def _finish(self, job: PhotoJob) -> set[str]:
        result = job.finish()
        frame_view(bpy.context)
        _show_texture(bpy.context)
        self.report({"WARNING"} if result.warnings else {"INFO"}, str(result))
        return {"FINISHED"}


def hindrance(context: bpy.types.Context) -> str:
    """Why no face can be made of the photos; empty where one can."""
    photos = context.scene.mien_photos.photos
    if not len(photos):
        return "Add a photo first."
    if context.mode != "OBJECT":
        return "Go back to Object Mode first."
    for photo in photos:
        state = photo_list.state_of(photo)
        if state == "gone":
            return f"{photo.title} is not on the disk any more: remove it, or choose where it lies."
        if state == "bare":
            return f"{photo.title} has no landmarks yet: place them, or remove it."
    return choosing.refusal(context)


def input_of(photo: photo_list.MienPhoto) -> PhotoInput:
    """A photo of the list as the job takes it."""
    points, marks = photo_list.points_of(photo), photo_list.marks_of(photo)
    return PhotoInput(photo_list.path_of(photo), points, marks, which=photo.which)


def _show_texture(context: bpy.types.Context) -> None:
    """Blender's plain shading shows one colour a material: let it show the texture, where nothing else was chosen."""
    for area in context.screen.areas if context.screen and not bpy.app.background else ():
        if area.type == "VIEW_3D":
            shading = area.spaces.active.shading
            if shading.type == "SOLID" and shading.color_type == "MATERIAL":
                shading.color_type = "TEXTURE"
