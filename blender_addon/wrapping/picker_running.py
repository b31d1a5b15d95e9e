"""The picking that goes on now: one at a time, and what it draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

if TYPE_CHECKING:
    from .picker_overlay import Overlay

_now: list[tuple[Overlay, list[object]]] = []


def is_on() -> bool:
    """Whether landmarks are being picked."""
    return bool(_now)


def start(overlay: Overlay) -> None:
    """Draws it in every 3D view from now on."""
    stop()
    add = bpy.types.SpaceView3D.draw_handler_add
    handles = [
        add(overlay.draw_scene, (), "WINDOW", "POST_VIEW"),
        add(overlay.draw_pixels, (), "WINDOW", "POST_PIXEL"),
    ]
    _now.append((overlay, handles))
    redraw()


def stop() -> None:
    """Draws it no more."""
    while _now:
        for handle in _now.pop()[1]:
            bpy.types.SpaceView3D.draw_handler_remove(handle, "WINDOW")
    redraw()


def redraw() -> None:
    """Lets all 3D views draw anew, with their sidebars."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()
