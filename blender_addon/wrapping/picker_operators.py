"""The buttons of the landmarks: pick them in the 3D view, clear them."""

# mypy: disable-error-code="override"
from __future__ import annotations

import bpy

from .. import engine
from ..engine import MienError
from ..operator_base import MienOperator
from ..operators import face_is_readable, face_of
from ..preferences import choice
from . import marks, picker_running, picker_view, wrap_job
from .picker import Picker
from .picker_overlay import Overlay
from .picker_tool import OverlayTool

_LOOKING = frozenset(
    {
        "ACCENT_GRAVE",
        "HOME",
        "MIDDLEMOUSE",
        "MOUSEROTATE",
        "MOUSESMARTZOOM",
        "N",
        "T",
        "TRACKPADPAN",
        "TRACKPADZOOM",
        "WHEELDOWNMOUSE",
        "WHEELINMOUSE",
        "WHEELOUTMOUSE",
        "WHEELUPMOUSE",
        *(f"NUMPAD_{word}" for word in (*range(10), "PERIOD", "PLUS", "MINUS", "SLASH")),
    }
)
"""What turns, moves and zooms the view, and opens its sidebars: it goes on working."""

_KEYS = (
    ("MOUSE_LMB", "Place or Drag"),
    ("EVENT_RETURN", "Accept Suggestions, Finish"),
    ("EVENT_TAB", "Skip"),
    ("EVENT_BACKSPACE", "  Take Back"),
    ("EVENT_X", "Remove"),
    ("EVENT_S", "Symmetry"),
    ("EVENT_W", "Wires"),
    ("EVENT_ESC", "  Cancel"),
)


class MIEN_OT_pick_landmarks(OverlayTool, bpy.types.Operator):  # noqa: N801 - Blender's way to name classes
    """Picks landmarks."""

    bl_idname = "mien.pick_landmarks"
    bl_label = "Pick Landmarks"
    bl_description = (
        "Click 12 to 18 places on the head in the 3D view; a picture shows where the next one goes, the other side "
        "and the rest are suggested. The mesh is not changed"
    )
    bl_options = {"REGISTER", "UNDO"}
    keys = _KEYS

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Grey with a reason."""
        if picker_running.is_on():
            cls.poll_message_set("Landmarks are being picked in the 3D view; Enter finishes.")
            return False
        return _may_change(cls, context)

    def run(self, _context: bpy.types.Context) -> set[str]:
        """Without a window there is nothing to click on."""
        raise MienError("Landmarks are picked in a 3D view.", "Without a window, give them by `mien wrap` and a file.")

    def _begin(self, context: bpy.types.Context) -> set[str]:
        self._need_view(context)
        face = face_of(context)
        like = wrap_job.generator_like(context.scene.mien.like, choice(context).bundle).bundle.template
        context.window.cursor_modal_set("WAIT")  # a million vertices take seconds
        try:
            self._picker = Picker(face, like, context)
        finally:
            context.window.cursor_modal_restore()
        self._overlay = Overlay(self._picker, like, engine.load().bundle.template)
        return self._show(context, self._overlay)

    def _event(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self._picker.look_again()
        if event.type == "LEFTMOUSE":
            return self._button(context, event)
        if event.type == "MOUSEMOVE":
            return self._move(context, event)
        if event.type in _LOOKING or event.type.startswith(("NDOF", "TIMER", "WINDOW", "INBETWEEN")):
            return {"PASS_THROUGH"}
        if event.value == "PRESS":
            return self._key(event)
        return {"RUNNING_MODAL"}

    def _button(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if event.value == "RELEASE":
            dragged = bool(self._picker.dragged)
            self._picker.release()
            return {"RUNNING_MODAL"} if dragged else {"PASS_THROUGH"}
        view = picker_view.view_under(context.screen, event.mouse_x, event.mouse_y)
        if view is None or event.alt or self._over_gizmo(context, view, event):
            return {"PASS_THROUGH"}
        name = self._overlay.dot_at(view, event.mouse_x, event.mouse_y)
        if name:
            # The dot stays as far from the mouse as it was caught, so that a touch does not move it.
            x, y = self._overlay.pixel_of(view, name)
            self._held = x - event.mouse_x, y - event.mouse_y
            self._picker.grab(name)
            return {"RUNNING_MODAL"}
        self._held = 0.0, 0.0
        origin, direction = picker_view.ray(view, event.mouse_x, event.mouse_y)
        spot = self._picker.head.cast(origin, direction)
        if spot is None:
            self._picker.notice = f"That is beside {self._picker.object.name}; click on the head."
        else:
            self._picker.place(spot, -direction)
        return {"RUNNING_MODAL"}

    def _move(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self._overlay.mouse = (event.mouse_x, event.mouse_y)
        view = picker_view.view_under(context.screen, event.mouse_x, event.mouse_y)
        if view is None:
            self._overlay.hovered = ""
            return {"RUNNING_MODAL"} if self._picker.dragged else {"PASS_THROUGH"}
        if not self._picker.dragged:
            self._overlay.hovered = self._overlay.dot_at(view, event.mouse_x, event.mouse_y)
            return {"PASS_THROUGH"}
        x, y = event.mouse_x + self._held[0], event.mouse_y + self._held[1]
        spot = self._picker.head.cast(*picker_view.ray(view, x, y))
        if spot is not None:
            self._picker.drag(spot)
        return {"RUNNING_MODAL"}

    def _over_gizmo(self, context: bpy.types.Context, view: picker_view.View, event: bpy.types.Event) -> bool:
        box = picker_view.gizmo_box(view, context.preferences.system.ui_scale or 1.0)
        return box is not None and box.holds(event.mouse_x - view.region.x, event.mouse_y - view.region.y)

    def _key(self, event: bpy.types.Event) -> set[str]:
        picker, key = self._picker, event.type
        if key == "ESC" and picker.dragged:
            picker.drop()
            return {"RUNNING_MODAL"}
        if key == "ESC":
            picker.restore()
            self.report({"INFO"}, "Cancelled; the landmarks are as they were.")
            return {"CANCELLED"}
        if key in ("RET", "NUMPAD_ENTER"):
            return {"RUNNING_MODAL"} if picker.accept() else self._finish()
        if key == "BACK_SPACE" or (key == "Z" and (event.ctrl or event.oskey) and not event.shift):
            picker.back()
        elif key == "TAB":
            picker.skip()
        elif key in ("X", "DEL") and self._overlay.hovered:
            picker.remove(self._overlay.hovered)
        elif key == "S" and not event.ctrl:
            picker.switch_symmetry()
        elif key == "W" and not event.ctrl:
            self._overlay.wires = not self._overlay.wires
        return {"RUNNING_MODAL"}

    def _finish(self) -> set[str]:
        obj = self._picker.object
        self._picker.release()
        lacking, count = len(marks.missing(obj)), len(marks.read(obj))
        if lacking:
            self.report({"WARNING"}, f"{count} landmarks are placed; {lacking} that a wrap needs are missing.")
        elif self._picker.concerns:
            self.report({"WARNING"}, self._picker.concerns[0].sentence)
        else:
            self.report({"INFO"}, f"{count} landmarks are placed. Wrap is next.")
        return {"FINISHED"}


class MIEN_OT_clear_landmarks(MienOperator, bpy.types.Operator):  # noqa: N801
    """Clears landmarks."""

    bl_idname = "mien.clear_landmarks"
    bl_label = "Clear Landmarks"
    bl_description = "Take all landmarks off the head; a wrap that was made with them stays"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Grey with a reason."""
        if not _may_change(cls, context):
            return False
        if not len(face_of(context).mien_marks):
            cls.poll_message_set("The head has no landmarks.")
            return False
        return True

    def run(self, context: bpy.types.Context) -> set[str]:
        """Straight through."""
        marks.clear(face_of(context))
        return {"FINISHED"}


def _may_change(cls: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
    if not face_is_readable(cls, context):
        return False
    face = face_of(context)
    if not face.visible_get():
        cls.poll_message_set(f"{face.name} is hidden.")
        return False
    return True
