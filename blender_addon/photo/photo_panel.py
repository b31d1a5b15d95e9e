"""The panel "Face from Photo": a person's photos, what was found in them, and the button that makes the face."""

from __future__ import annotations

import bpy

from ..detector import finder_files
from ..engine import photo_guide
from ..operators import face_of
from ..panel import _MienPanel, say
from ..version import PACKAGE
from ..wrapping import picker_running
from . import choosing, photo_list, photo_make, photo_operators, photo_work

_ICONS = {
    "gone": "LIBRARY_DATA_BROKEN",
    "found": "CHECKMARK",
    "moved": "CHECKMARK",
    "placed": "CHECKMARK",
    "bare": "ERROR",
}


class MIEN_UL_photos(bpy.types.UIList):  # noqa: N801 - Blender's way to name classes
    """The photos of a person."""

    bl_idname = "MIEN_UL_photos"

    def draw_item(  # type: ignore[override]
        self,
        _context: bpy.types.Context,
        layout: bpy.types.UILayout,
        _data: photo_list.MienPhotos,
        item: photo_list.MienPhoto,
        _icon: int,
        _active_data: object,
        _active_property: str,
    ) -> None:
        """Its name, and what is known of it."""
        state = photo_list.state_of(item)
        row = layout.row(align=True)
        row.label(text=item.title, icon=_ICONS[state])
        right = row.row()
        right.alignment = "RIGHT"
        right.label(text=short(item, state))


def short(photo: photo_list.MienPhoto, state: photo_list.State) -> str:
    """What is known of a photo, in a word or two."""
    count = len(photo.marks)
    words = {"gone": "gone", "found": "found", "moved": f"{count} moved", "placed": f"{count} placed"}
    return words.get(state) or ("no landmarks" if not count else f"{count} of {photo_guide.FEWEST}")


class _PhotoPanel(_MienPanel):
    bl_label = "Face from Photo"

    def draw(self, context: bpy.types.Context) -> None:
        """In the order of the work."""
        layout, own = self.layout, context.scene.mien_photos
        if len(own.photos):
            _draw_list(layout, own)
            _draw_photo(layout, context)
        else:
            layout.operator("mien.add_photos", icon="FILE_IMAGE")
            _draw_progress(layout)
            say(layout, context, "One photo from the front is enough; others from the sides help.", "INFO")
        if not finder_files.is_here():
            _draw_finder(layout, context)
        if len(own.photos):
            _draw_making(layout, context, own)


def _draw_list(layout: bpy.types.UILayout, own: photo_list.MienPhotos) -> None:
    row = layout.row()
    row.template_list("MIEN_UL_photos", "", own, "photos", own, "active", rows=4, maxrows=6)
    column = row.column(align=True)
    column.operator("mien.add_photos", text="", icon="ADD")
    column.operator("mien.remove_photo", text="", icon="REMOVE")
    if len(own.photos) > 1:
        column.separator()
        column.operator("mien.move_photo", text="", icon="TRIA_UP").direction = "UP"
        column.operator("mien.move_photo", text="", icon="TRIA_DOWN").direction = "DOWN"
    else:
        column.separator()
        column.operator("mien.clear_photos", text="", icon="TRASH")


def _draw_photo(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """What there is to do and to say about the photo that is selected."""
    photo = photo_list.chosen(context.scene)
    if photo is None:
        return
    state = photo_list.state_of(photo)
    if state == "gone":
        say(layout, context, f"{photo.title} is not on the disk any more. Choose where it lies:", "ERROR")
        layout.prop(photo, "filepath", text="")
        return
    if photo.problem and state == "bare":
        say(layout, context, photo.problem, "ERROR")
    if finder_files.is_here() and (photo.problem or photo.which):
        row = layout.row(align=True)
        row.prop(photo, "which")
        row.operator("mien.find_photo_faces", text="", icon="FILE_REFRESH").again = True
    row = layout.row(align=True)
    row.scale_y = 1.4 if state == "bare" else 1.0
    known = photo_list.points_of(photo) is not None
    text = "Edit Landmarks" if known or len(photo.marks) else "Place Landmarks"
    row.operator("mien.edit_photo", text=text, icon="EYEDROPPER", depress=picker_running.is_on("photo"))
    row.operator("mien.clear_photo", text="", icon="TRASH")
    if picker_running.is_on("photo"):
        say(layout, context, "The photo lies over the 3D view. Enter finishes, Esc cancels.", "INFO")


def _draw_finder(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    box = layout.box().column()
    say(box, context, "The landmark finder is not here: get it, or place landmarks by hand.", "INFO")
    box.operator("preferences.addon_show", text="Get It in Preferences", icon="PREFERENCES").module = PACKAGE


def _draw_making(layout: bpy.types.UILayout, context: bpy.types.Context, own: photo_list.MienPhotos) -> None:
    if finder_files.is_here() and any(photo_operators.is_new(photo) for photo in own.photos):
        layout.operator("mien.find_photo_faces", icon="VIEWZOOM")
    column = layout.column()
    column.use_property_split = True
    column.use_property_decorate = False
    column.prop(own, "title", placeholder=photo_list.path_of(own.photos[0]).stem)
    column.prop(own, "size")
    if choosing.are_several(context):
        column.prop(context.scene.mien, "like")
    if _draw_progress(layout):
        return
    row = layout.row()
    row.scale_y = 1.4
    row.operator("mien.make_face", icon="USER")
    why = photo_make.hindrance(context)
    photo = photo_list.chosen(context.scene)
    # What is so of the photo that is selected is told above.
    if why and not picker_running.is_on() and (photo is None or photo_list.state_of(photo) not in ("bare", "gone")):
        say(layout, context, why, "INFO")


def _draw_progress(layout: bpy.types.UILayout) -> bool:
    """How far it is; whether anything is under way."""
    running = photo_work.progress
    if running.running:
        layout.progress(factor=running.share, type="BAR", text=f"{running.doing} (Esc cancels)")
    return running.running


class MIEN_PT_photo(_PhotoPanel, bpy.types.Panel):  # noqa: N801
    """Where there is no face yet: open, for it is a way to get one."""

    bl_idname = "MIEN_PT_photo"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Where no face is picked."""
        return face_of(context) is None


class MIEN_PT_photo_closed(_PhotoPanel, bpy.types.Panel):  # noqa: N801
    """Where there is a face: the same, closed until somebody wants another."""

    bl_idname = "MIEN_PT_photo_closed"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Where a face is picked."""
        return face_of(context) is not None
