"""What the panel of a wrap shows of the landmarks: the button, how many are placed, which are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..engine import landmarks
from ..panel import say
from . import marks, picker_running

if TYPE_CHECKING:
    import bpy

_LISTED = 4
"""Names of missing landmarks that the panel lists; more would push the next button out of sight."""


def draw_marks(layout: bpy.types.UILayout, context: bpy.types.Context, face: bpy.types.Object | None) -> None:
    """The landmarks' part of the panel; nothing but the grey button where there is no face."""
    placed = marks.read(face) if face is not None else {}
    row = layout.row(align=True)
    row.scale_y = 1.4 if landmarks.missing(placed) else 1.0
    text = "Change Landmarks" if placed else "Pick Landmarks"
    row.operator("mien.pick_landmarks", text=text, icon="EYEDROPPER", depress=picker_running.is_on("head"))
    row.operator("mien.clear_landmarks", text="", icon="TRASH")
    if face is None:
        return
    if picker_running.is_on("head"):
        count = f"{len(placed)} of {len(landmarks.GUIDE)} placed"
        say(layout, context, f"{count}. Click on the head; Enter finishes, Esc cancels.", "INFO")
        return
    lacking = landmarks.missing(placed)
    count = f"{len(placed)} of {len(landmarks.GUIDE)} placed"
    if not lacking:
        say(layout, context, f"{count}, all that a wrap needs.", "CHECKMARK")
        return
    if not placed:
        say(layout, context, f"A wrap needs {len(landmarks.NEEDED)}; a symmetric head takes 9 clicks.", "INFO")
        return
    names = [mark.title for mark in lacking]
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    say(layout, context, f"{count}. Missing: {', '.join(names[:_LISTED])}{more}.", "INFO")
