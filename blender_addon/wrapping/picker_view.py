"""From the mouse to the head and back: 3D views, rays, projection, and where there is room to draw."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from bpy_extras import view3d_utils

if TYPE_CHECKING:
    import bpy
    from numpy.typing import NDArray


class Box(NamedTuple):
    """A rectangle in a region's pixels."""

    left: float
    bottom: float
    right: float
    top: float

    def holds(self, x: float, y: float) -> bool:
        """Whether a point lies in it."""
        return self.left <= x <= self.right and self.bottom <= y <= self.top


class View(NamedTuple):
    """A 3D view: its area, the region that shows the scene, and the scene's camera there."""

    area: bpy.types.Area
    region: bpy.types.Region
    camera: bpy.types.RegionView3D


def views_of(screen: bpy.types.Screen | None) -> list[View]:
    """All 3D views of a window, each quarter of a quad view too."""
    return [
        View(area, region, region.data)
        for area in (screen.areas if screen is not None else ())
        if area.type == "VIEW_3D"
        for region in area.regions
        if region.type == "WINDOW" and region.data is not None
    ]


def view_under(screen: bpy.types.Screen | None, x: float, y: float) -> View | None:
    """The 3D view under a point of the window; None over its toolbar, sidebar, header, and elsewhere."""
    for view in views_of(screen):
        if _covers(view.region, x, y):
            others = (one for one in view.area.regions if one.type != "WINDOW")
            return None if any(_covers(one, x, y) for one in others) else view
    return None


def _covers(region: bpy.types.Region, x: float, y: float) -> bool:
    inside = region.x <= x < region.x + region.width and region.y <= y < region.y + region.height
    return inside and region.width > 1 and region.height > 1


def ray(view: View, x: float, y: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Origin (3,) and unit direction (3,) in the scene of what lies under a point of the window."""
    at = (x - view.region.x, y - view.region.y)
    origin = view3d_utils.region_2d_to_origin_3d(view.region, view.camera, at)
    direction = view3d_utils.region_2d_to_vector_3d(view.region, view.camera, at)
    return np.array(origin, np.float64), np.array(direction, np.float64)


def toward_viewer(view: View, places: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 3) unit vectors from places (n, 3) in the scene to the eye."""
    back = np.linalg.inv(np.array(view.camera.view_matrix, np.float64))
    away = back[:3, 3] - places if view.camera.is_perspective else np.broadcast_to(back[:3, 2], places.shape)
    return np.asarray(away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-30))


def project(view: View, places: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 3) in the scene -> (n, 2) pixels of the region; NaN for what lies behind the eye."""
    matrix = np.array(view.camera.perspective_matrix, np.float64)
    flat = np.column_stack([places, np.ones(len(places))]) @ matrix.T
    with np.errstate(divide="ignore", invalid="ignore"):
        seen = np.where(flat[:, 3:] > 1e-9, flat[:, :2] / flat[:, 3:], np.nan)
    return np.asarray((seen + 1) / 2 * (view.region.width, view.region.height))


def free_box(view: View) -> Box:
    """What of a region no toolbar, sidebar or header lies over."""
    region = view.region
    left, bottom, right, top = 0.0, 0.0, float(region.width), float(region.height)
    for other in view.area.regions:
        if other.type == "WINDOW" or other.width <= 1 or other.height <= 1:
            continue
        x, y = other.x - region.x, other.y - region.y
        if x >= right or y >= top or x + other.width <= left or y + other.height <= bottom:
            continue
        if other.width >= other.height:
            bottom, top = (bottom, min(top, y)) if y > region.height / 2 else (max(bottom, y + other.height), top)
        else:
            left, right = (left, min(right, x)) if x > region.width / 2 else (max(left, x + other.width), right)
    return Box(left, bottom, right, top)


def gizmo_box(view: View, scale: float) -> Box | None:
    """Where Blender draws the axes and buttons that turn the view; None where they are switched off."""
    space = view.area.spaces.active
    if not (getattr(space, "show_gizmo", False) and getattr(space, "show_gizmo_navigate", False)):
        return None
    free = free_box(view)
    return Box(free.right - 100 * scale, free.top - 260 * scale, free.right, free.top)


def corner_for(
    size: tuple[float, float], free: Box, taken: NDArray[np.float64], avoid: tuple[Box, ...] = (), last: int = -1
) -> tuple[int, Box]:
    """The corner of the free room where a card hides least.

    Args:
        size: of the card, pixels.
        free: where it may lie.
        taken: (n, 2) pixels that should be seen, such as the head's vertices.
        avoid: what it must not lie over if there is a choice, such as the buttons that turn the view.
        last: the corner of last time, kept unless another is clearly better.

    Returns:
        The corner's number and the card's place.
    """
    (width, height), gap = size, 12.0
    corners = [
        Box(left, bottom, left + width, bottom + height)
        for left in (free.left + gap, free.right - gap - width)
        for bottom in (free.bottom + gap, free.top - gap - height)
    ]
    with np.errstate(invalid="ignore"):
        inside = taken[((taken > (free.left, free.bottom)) & (taken < (free.right, free.top))).all(axis=1)]

    def hidden(number: int) -> tuple[int, float]:
        box = corners[number]
        over = (inside[:, 0] > box.left) & (inside[:, 0] < box.right)
        over &= (inside[:, 1] > box.bottom) & (inside[:, 1] < box.top)
        stays = 0.02 * len(inside) + 0.5 if number == last else 0.0
        return sum(_meet(box, other) for other in avoid), over.sum() - stays

    best = min(range(4), key=hidden)
    return best, corners[best]


def beside(free: Box, card: Box) -> Box:
    """The free room to the side of a card that lies in a corner of it."""
    if card.left + card.right < free.left + free.right:
        return free._replace(left=card.right)
    return free._replace(right=card.left)


def _meet(one: Box, other: Box) -> bool:
    apart = one.right < other.left or one.left > other.right or one.top < other.bottom or one.bottom > other.top
    return not apart
