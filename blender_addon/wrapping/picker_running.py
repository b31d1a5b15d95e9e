"""The picking that goes on now: one at a time, and what it draws."""

from __future__ import annotations

from typing import Protocol

import bpy


class Drawn(Protocol):
    """What can be drawn over the 3D views.

    Attributes:
        of: what the landmarks are of: "head" or "photo".
    """

    of: str

    def draw_scene(self) -> None:
        """Among the scene's own objects."""

    def draw_pixels(self) -> None:
        """Over everything."""


_now: list[tuple[Drawn, list[object]]] = []


def is_on(of: str = "") -> bool:
    """Whether landmarks are being picked; of this alone, or of anything."""
    return any(of in ("", overlay.of) for overlay, _ in _now)


def start(overlay: Drawn) -> None:
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
