"""Words drawn over a 3D view."""

from __future__ import annotations

import blf
import bpy


def ui_scale() -> float:
    """How big the interface is drawn; 1 as it ships."""
    return bpy.context.preferences.system.ui_scale or 1.0  # 0 without a window


def measure(text: str, size: float) -> float:
    """Width in pixels."""
    blf.size(0, size)
    return float(blf.dimensions(0, text)[0])


def write(text: str, x: float, y: float, size: float, colour: tuple[float, ...], *, shadow: bool = True) -> None:
    """Writes at a place of the region, from its left lower corner on."""
    blf.size(0, size)
    if shadow:
        blf.enable(0, blf.SHADOW)
        blf.shadow(0, 5, 0.0, 0.0, 0.0, 0.9)
        blf.shadow_offset(0, 0, 0)
    blf.color(0, *colour[:3], 1.0)
    blf.position(0, x, y, 0)
    blf.draw(0, text)
    blf.disable(0, blf.SHADOW)
