"""The button "Edit Landmarks" of a photo: the photo over a 3D view, and landmarks to drag or to place."""

# mypy: disable-error-code="override"
from __future__ import annotations

import bpy

from ..engine import MienError
from ..operator_base import MienOperator
from ..preferences import choice
from ..wrapping import picker_running, picker_view
from ..wrapping.picker_tool import OverlayTool
from . import photo_list
from .choosing import reader_like
from .photo_edit import PhotoEdit
from .photo_overlay import PhotoOverlay
from .reading import read_photo

_ZOOM = 1.2
"""What a step of the wheel makes bigger."""

_ZOOMS = {
    "WHEELUPMOUSE": _ZOOM,
    "WHEELINMOUSE": _ZOOM,
    "NUMPAD_PLUS": _ZOOM,
    "WHEELDOWNMOUSE": 1 / _ZOOM,
    "WHEELOUTMOUSE": 1 / _ZOOM,
    "NUMPAD_MINUS": 1 / _ZOOM,
}

_KEYS = (
    ("MOUSE_LMB", "Place or Drag"),
    ("MOUSE_MMB", "Move Photo"),
    ("MOUSE_MMB_SCROLL", "Zoom"),
    ("EVENT_HOME", "   Fit"),
    ("EVENT_TAB", "Skip"),
    ("EVENT_X", "Remove"),
    ("EVENT_BACKSPACE", "  Take Back"),
    ("EVENT_RETURN", "Done"),
    ("EVENT_ESC", "  Cancel"),
)


def is_busy(cls: type[bpy.types.Operator]) -> bool:
    """For `poll`: whether landmarks are being placed in a 3D view, so that all else must wait; it says so."""
    if picker_running.is_on():
        cls.poll_message_set("Landmarks are being edited in the 3D view; Enter finishes.")
    return picker_running.is_on()


def _is_passed(kind: str) -> bool:
    """Whether an event is none of ours; N and T open the sidebars."""
    return kind in ("N", "T") or kind.startswith(("NDOF", "TIMER", "WINDOW", "INBETWEEN"))


class MIEN_OT_edit_photo(OverlayTool, bpy.types.Operator):  # noqa: N801 - Blender's way to name classes
    """Edits the landmarks of a photo."""

    bl_idname = "mien.edit_photo"
    bl_label = "Edit Landmarks"
    bl_description = (
        "Show the photo over the 3D view, with the landmarks of its face: drag what is off. "
        "Where none were found, click them one after the other; a picture shows where each goes"
    )
    bl_options = {"REGISTER", "UNDO"}
    keys = _KEYS

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Grey with a reason."""
        if is_busy(cls):
            return False
        photo = photo_list.chosen(context.scene)
        if photo is None:
            cls.poll_message_set("Add a photo first, and click it in the list.")
            return False
        if photo_list.state_of(photo) == "gone":
            cls.poll_message_set(f"{photo.title} is not on the disk any more.")
            return False
        return True

    def run(self, _context: bpy.types.Context) -> set[str]:
        """Without a window there is nothing to click on."""
        raise MienError("Landmarks of a photo are edited in a 3D view.", "Without a window, give them by a file.")

    def _begin(self, context: bpy.types.Context) -> set[str]:
        self._need_view(context)
        photo = photo_list.chosen(context.scene)
        bundle = reader_like(context.scene.mien.like, choice(context).bundle).bundle
        context.window.cursor_modal_set("WAIT")  # a large photo takes a second
        try:
            picture = read_photo(photo_list.path_of(photo))
        finally:
            context.window.cursor_modal_restore()
        size = picture.width, picture.height
        self._edit = PhotoEdit(
            bundle.template, bundle.photo, size, photo_list.points_of(photo), photo_list.marks_of(photo)
        )
        self._number, self._path = context.scene.mien_photos.active, photo.filepath
        views = picker_view.views_of(context.screen)
        here = [one for one in views if one.area == context.area] or views
        largest = max(here, key=lambda one: one.region.width * one.region.height)
        self._overlay = PhotoOverlay(self._edit, picture, bundle.template, largest)
        self._held, self._hauled = (0.0, 0.0), False
        return self._show(context, self._overlay)

    def _event(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        view = self._overlay.own_view(context.screen)
        if view is None:
            return self._finish(context)  # it was closed: what was done is kept
        x, y = event.mouse_x, event.mouse_y
        under = picker_view.view_under(context.screen, x, y)
        over = under is not None and under.region.as_pointer() == view.region.as_pointer()
        if event.type == "MOUSEMOVE":
            return self._move(view, x, y, over=over)
        if event.type in ("LEFTMOUSE", "MIDDLEMOUSE"):
            return self._button(context, view, event, over=over)
        # The sidebar goes on working, and so does the rest of Blender.
        ends = event.type in ("ESC", "RET", "NUMPAD_ENTER")
        if not ends and (not over or _is_passed(event.type)):
            return {"PASS_THROUGH"}
        if not self._zoom(view, event) and event.value == "PRESS":
            return self._key(context, view, event)
        return {"RUNNING_MODAL"}

    def _move(self, view: picker_view.View, x: float, y: float, *, over: bool) -> set[str]:
        overlay, edit = self._overlay, self._edit
        before, overlay.mouse = overlay.mouse, (x, y)
        if edit.dragged:
            edit.drag(overlay.place_at(view, x + self._held[0], y + self._held[1]))
        elif self._hauled and before is not None:
            overlay.look.drag(x - before[0], y - before[1], overlay.room(view))
        else:
            free = over and not overlay.is_over_card(view, x, y)
            overlay.hovered = overlay.dot_at(view, x, y) if free else ""
            return {"PASS_THROUGH"}
        return {"RUNNING_MODAL"}

    def _button(
        self, context: bpy.types.Context, view: picker_view.View, event: bpy.types.Event, *, over: bool
    ) -> set[str]:
        overlay, edit, x, y = self._overlay, self._edit, event.mouse_x, event.mouse_y
        overlay.mouse = (x, y)
        if event.value == "RELEASE":
            busy = bool(edit.dragged) or self._hauled
            self._hauled = False
            edit.release()
            return {"RUNNING_MODAL"} if busy else {"PASS_THROUGH"}
        if not over:
            return {"PASS_THROUGH"}
        if overlay.is_over_button(view, x, y):
            return self._finish(context)
        if event.type == "MIDDLEMOUSE" or overlay.is_over_card(view, x, y):
            self._hauled = event.type == "MIDDLEMOUSE"
            return {"RUNNING_MODAL"}
        name = overlay.dot_at(view, x, y)
        self._held = 0.0, 0.0
        if name:
            # The dot stays as far from the mouse as it was caught, so that a touch does not move it.
            at = overlay.pixel_of(view, name)
            self._held = at[0] - x, at[1] - y
            edit.grab(name)
        elif edit.asked is None:
            self._hauled = True
        elif overlay.look.holds(overlay.place_at(view, x, y)):
            edit.place(overlay.place_at(view, x, y))
        else:
            edit.notice = "That is beside the photo."
        return {"RUNNING_MODAL"}

    def _zoom(self, view: picker_view.View, event: bpy.types.Event) -> bool:
        """Whether an event of the wheel or the trackpad was one for the photo."""
        look, room, kind = self._overlay.look, self._overlay.room(view), event.type
        at = event.mouse_x - view.region.x, event.mouse_y - view.region.y
        if kind in _ZOOMS and event.value == "PRESS":
            look.zoom_at(*at, room, _ZOOMS[kind])
        elif kind == "TRACKPADPAN":
            look.drag(event.mouse_x - event.mouse_prev_x, event.mouse_y - event.mouse_prev_y, room)
        elif kind == "TRACKPADZOOM":
            way = event.mouse_x - event.mouse_prev_x + event.mouse_y - event.mouse_prev_y
            look.zoom_at(*at, room, float(_ZOOM ** (way / 40)))
        else:
            return False
        return True

    def _key(self, context: bpy.types.Context, view: picker_view.View, event: bpy.types.Event) -> set[str]:
        edit, key = self._edit, event.type
        if key == "ESC" and edit.dragged:
            edit.drop()
        elif key == "ESC":
            self.report({"INFO"}, "Cancelled; the landmarks are as they were.")
            return {"CANCELLED"}
        elif key in ("RET", "NUMPAD_ENTER"):
            return self._finish(context)
        elif key == "BACK_SPACE" or (key == "Z" and (event.ctrl or event.oskey) and not event.shift):
            edit.back()
        elif key == "TAB":
            edit.skip()
        elif key in ("X", "DEL") and self._overlay.hovered:
            edit.remove(self._overlay.hovered)
        elif key == "HOME":
            self._overlay.look.fit(self._overlay.room(view))
        return {"RUNNING_MODAL"}

    def _finish(self, context: bpy.types.Context) -> set[str]:
        edit, own = self._edit, context.scene.mien_photos
        edit.release()
        photo = own.photos[self._number] if self._number < len(own.photos) else None
        if photo is None or photo.filepath != self._path:
            raise MienError("The photo was taken off the list meanwhile; its landmarks went with it.")
        if not edit.is_changed:
            self.report({"INFO"}, f"The landmarks of {photo.title} are as they were.")
            return {"CANCELLED"}
        photo_list.keep_marks(photo, edit.marks)
        count = len(edit.marks)
        what = "One landmark is" if count == 1 else f"{count} landmarks are"
        done = f"{what} {'placed' if edit.is_placing else 'moved'} in {photo.title}"
        if edit.lacking:
            self.report({"WARNING"}, f"{done}; {edit.lacking} more are needed.")
        else:
            self.report({"INFO"}, f"{done}. Make Face is next.")
        return {"FINISHED"}


class MIEN_OT_clear_photo(MienOperator, bpy.types.Operator):  # noqa: N801
    """Forgets the landmarks of a photo."""

    bl_idname = "mien.clear_photo"
    bl_label = "Clear Landmarks"
    bl_description = "Forget the landmarks of this photo, those that were found too, to place them by hand"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Grey with a reason."""
        if is_busy(cls):
            return False
        photo = photo_list.chosen(context.scene)
        if photo is None or not (photo.points or len(photo.marks)):
            cls.poll_message_set("The photo has no landmarks.")
            return False
        return True

    def run(self, context: bpy.types.Context) -> set[str]:
        """Straight through."""
        photo = photo_list.chosen(context.scene)
        photo_list.keep_points(photo, None)
        photo_list.keep_marks(photo, {})
        return {"FINISHED"}
