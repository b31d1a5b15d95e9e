"""What the tools share that draw over the 3D views and take mouse and keys until Enter or Esc."""

# mypy: disable-error-code="override"
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from ..engine import MeshError
from ..operator_base import MienOperator
from . import picker_running

if TYPE_CHECKING:
    from .picker_running import Drawn


class OverlayTool(MienOperator):
    """Base of these operators.

    A subclass prepares in `_begin`, which ends in `_show`, and handles one event in `_event`. `keys` are icons and
    words for the status bar.
    """

    keys: tuple[tuple[str, str], ...] = ()

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """In a window: until Enter or Esc."""
        if bpy.app.background or context.window is None:
            return self.execute(context)
        return self.guarded(lambda: self._begin(context))

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """One event."""
        outcome = self.guarded(lambda: self._event(context, event))
        if outcome <= {"RUNNING_MODAL", "PASS_THROUGH"}:
            if event.type not in ("TIMER", "NONE"):
                picker_running.redraw()
        else:
            self._clear(context)
        return outcome

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends the operator (the window closes): what the scene holds stays."""
        self._clear(context)

    def _begin(self, context: bpy.types.Context) -> set[str]:
        raise NotImplementedError

    def _event(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        raise NotImplementedError

    def _need_view(self, context: bpy.types.Context) -> None:
        if not any(area.type == "VIEW_3D" for area in context.screen.areas):
            raise MeshError("There is no 3D view in this window.", "Open one and press the button again.")

    def _show(self, context: bpy.types.Context, overlay: Drawn) -> set[str]:
        picker_running.start(overlay)
        context.workspace.status_text_set(_words_of(self.keys))
        context.window.cursor_modal_set("CROSSHAIR")
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def _clear(self, context: bpy.types.Context) -> None:
        picker_running.stop()
        context.workspace.status_text_set(None)
        context.window.cursor_modal_restore()


def _words_of(keys: tuple[tuple[str, str], ...]) -> Any:
    def draw(header: bpy.types.Header, _context: bpy.types.Context) -> None:
        row = header.layout.row(align=True)
        for icon, text in keys:
            row.label(text=text, icon=icon)

    return draw
