"""The buttons of the list of photos: add, find faces, remove, move, clear."""

# mypy: disable-error-code="override"
from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import (  # Blender evaluates the annotations
    BoolProperty,  # noqa: TC002
    CollectionProperty,  # noqa: TC002
    EnumProperty,  # noqa: TC002
    StringProperty,  # noqa: TC002
)

from ..detector import finder_files
from ..engine import MienError
from ..operator_base import MienOperator
from . import photo_list
from .photo_edit_operators import is_busy
from .photo_look import LookJob
from .photo_work import PhotoWork


class MIEN_OT_add_photos(PhotoWork, bpy.types.Operator):  # noqa: N801 - Blender's way to name classes
    """Adds photos."""

    bl_idname = "mien.add_photos"
    bl_label = "Add Photos…"
    bl_description = (
        "Choose one or more photos of one person. One from the front is enough; others from the sides make the face "
        "more alike. What is found in them stays in this file"
    )
    bl_options = {"REGISTER", "UNDO"}

    files: CollectionProperty(type=bpy.types.OperatorFileListElement, options={"HIDDEN", "SKIP_SAVE"})
    directory: StringProperty(subtype="DIR_PATH", options={"HIDDEN", "SKIP_SAVE"})
    filter_image: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_folder: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    # Blender's file browser asks for these two, and for the number of the second.
    hide_props_region: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    display_type: EnumProperty(items=[("THUMBNAIL", "Thumbnails", "", 3)], options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        """Grey with a reason."""
        return not is_busy(cls)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """In a window: asks for the files, unless they were dropped."""
        if bpy.app.background or context.window is None or len(self.files):
            return super().invoke(context, event)
        self._is_asked = True
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Straight through from a script; with progress where the files were asked for."""
        if getattr(self, "_is_asked", False):
            return self.guarded(lambda: self._begin(context))
        return super().execute(context)

    def _job(self, context: bpy.types.Context) -> LookJob:
        folder = Path(bpy.path.abspath(self.directory))
        names = [one.name for one in self.files if one.name]
        if not names:
            raise MienError("No photo was chosen.")
        here = {photo_list.path_of(photo).resolve() for photo in context.scene.mien_photos.photos}
        paths = [folder / name for name in names]
        new = [path for path in paths if path.resolve() not in here]
        if not new:
            raise MienError(f"{names[0]} is in the list already." if len(names) == 1 else "All are in the list.")
        self._scene = context.scene
        return LookJob([(path, 0) for path in new])

    def _finish(self, job: LookJob) -> set[str]:
        own = self._scene.mien_photos
        for seen in job.seen:
            if seen.readable:
                photo = own.photos.add()
                photo.filepath, photo.problem = str(seen.path), seen.problem
                photo_list.keep_points(photo, seen.points)
        added = sum(seen.readable for seen in job.seen)
        problems = [seen.problem for seen in job.seen if seen.problem]
        if not added:
            raise MienError(" ".join(problems[:3]))
        own.active = len(own.photos) - 1
        what = "One photo was" if added == 1 else f"{added} photos were"
        self._tell(f"{what} added.", problems)
        return {"FINISHED"}


class MIEN_FH_photos(bpy.types.FileHandler):  # noqa: N801
    """Photos dropped onto the sidebar are added; over the scene itself Blender makes empties of them, as always."""

    bl_idname = "MIEN_FH_photos"
    bl_label = "Photos of a Face"
    bl_import_operator = "mien.add_photos"
    bl_file_extensions = ".jpg;.jpeg;.png;.webp;.tif;.tiff;.bmp"

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        """Over the sidebar of a 3D view."""
        region, area = context.region, context.area
        return area is not None and area.type == "VIEW_3D" and region is not None and region.type == "UI"


class MIEN_OT_find_photo_faces(PhotoWork, bpy.types.Operator):  # noqa: N801
    """Finds the faces in photos."""

    bl_idname = "mien.find_photo_faces"
    bl_label = "Find Faces"
    bl_description = "Look for the face in every photo of which nothing is known yet"
    bl_options = {"REGISTER", "UNDO"}

    again: BoolProperty(
        name="Again",
        description="Look again at the photo that is selected; its landmarks are found anew, also those that you moved",
        options={"SKIP_SAVE"},
    )

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        """What this button does."""
        return properties.bl_rna.properties["again"].description if properties.again else cls.bl_description

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Grey with a reason."""
        if is_busy(cls):
            return False
        if not finder_files.is_here():
            cls.poll_message_set("The landmark finder is not here. Get it in Mien's preferences.")
            return False
        if not len(context.scene.mien_photos.photos):
            cls.poll_message_set("Add a photo first.")
            return False
        return True

    def _job(self, context: bpy.types.Context) -> LookJob:
        self._scene = context.scene
        own = context.scene.mien_photos
        numbers = [own.active] if self.again else [n for n, one in enumerate(own.photos) if is_new(one)]
        self._wanted = [(number, own.photos[number].filepath) for number in numbers if 0 <= number < len(own.photos)]
        if not self._wanted:
            raise MienError("No photo is selected." if self.again else "Every photo was looked at already.")
        photos = [own.photos[number] for number, _ in self._wanted]
        return LookJob([(photo_list.path_of(photo), photo.which) for photo in photos])

    def _finish(self, job: LookJob) -> set[str]:
        photos = self._scene.mien_photos.photos
        for number, path in self._wanted:
            if number >= len(photos) or photos[number].filepath != path:
                raise MienError("The list of photos was changed meanwhile.", "Look again.")
        for (number, _), seen in zip(self._wanted, job.seen, strict=True):
            photos[number].problem = seen.problem
            photo_list.keep_points(photos[number], seen.points)
            if self.again:
                photo_list.keep_marks(photos[number], {})
        found = sum(seen.points is not None for seen in job.seen)
        what = "a face" if found == 1 else f"{found} faces"
        self._tell(f"Found {what}." if found else "Found no face.", [seen.problem for seen in job.seen if seen.problem])
        return {"FINISHED"}


def is_new(photo: photo_list.MienPhoto) -> bool:
    """Whether nobody has looked for the face in a photo yet."""
    return not photo.problem and photo_list.state_of(photo) == "bare" and not len(photo.marks)


class _OnList(MienOperator):
    """What changes the list."""

    needed = 1
    """How many photos it needs."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Grey with a reason."""
        if is_busy(cls):
            return False
        if len(context.scene.mien_photos.photos) < cls.needed:
            cls.poll_message_set("The list is empty." if cls.needed == 1 else "There is one photo only.")
            return False
        return True


class MIEN_OT_remove_photo(_OnList, bpy.types.Operator):  # noqa: N801
    """Removes a photo."""

    bl_idname = "mien.remove_photo"
    bl_label = "Remove Photo"
    bl_description = "Take the selected photo off the list; the file stays"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context: bpy.types.Context) -> set[str]:
        """Straight through."""
        own = context.scene.mien_photos
        if not 0 <= own.active < len(own.photos):
            raise MienError("No photo is selected.", "Click one in the list.")
        own.photos.remove(own.active)
        own.active = min(own.active, len(own.photos) - 1)
        return {"FINISHED"}


class MIEN_OT_move_photo(_OnList, bpy.types.Operator):  # noqa: N801
    """Moves a photo in the list."""

    bl_idname = "mien.move_photo"
    bl_label = "Move Photo"
    bl_description = "Move the selected photo up or down; the first gives the face its name"
    bl_options = {"REGISTER", "UNDO"}
    needed = 2

    direction: EnumProperty(
        name="Direction", items=[("UP", "Up", "Towards the first"), ("DOWN", "Down", "Towards the last")]
    )

    def run(self, context: bpy.types.Context) -> set[str]:
        """Straight through."""
        own = context.scene.mien_photos
        there = own.active + (-1 if self.direction == "UP" else 1)
        if not 0 <= there < len(own.photos):
            return {"CANCELLED"}
        own.photos.move(own.active, there)
        own.active = there
        return {"FINISHED"}


class MIEN_OT_clear_photos(_OnList, bpy.types.Operator):  # noqa: N801
    """Empties the list."""

    bl_idname = "mien.clear_photos"
    bl_label = "Clear Photos"
    bl_description = "Take all photos off the list; the files stay, and so do faces that were made of them"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context: bpy.types.Context) -> set[str]:
        """Straight through."""
        own = context.scene.mien_photos
        own.photos.clear()
        own.active = -1
        return {"FINISHED"}
