"""What the picker draws over a 3D view: dots and their names on the head, and a card with the next landmark."""

# mypy: disable-error-code="dict-item"
from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any, NamedTuple

import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader

from ..engine import landmarks
from .picker_view import Box

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..engine import Template
    from .picker import Picker

COLOURS = {
    "picked": (0.20, 0.62, 1.0),
    "detected": (0.75, 0.55, 1.0),
    "suggested": (0.35, 0.85, 0.45),
    "offered": (1.0, 1.0, 1.0),
    "asked": (1.0, 0.55, 0.10),
    "wrong": (1.0, 0.20, 0.20),
}
"""What each kind of dot looks like."""

RADIUS = 5.5
"""Of a dot, pixels at a scale of 1."""

_SKIN = np.array((0.78, 0.70, 0.64))
_PARTS = {
    "brows": (0.30, 0.22, 0.18),
    "lips": (0.72, 0.42, 0.40),
    "eyes": (0.95, 0.95, 0.95),
    "iris": (0.30, 0.40, 0.48),
    "pupil": (0.05, 0.05, 0.05),
}
_LIGHT = np.array((-0.35, 0.45, 0.82))
_LOWEST, _FADING = -150.0, -105.0
"""mm: what of the template lies below is neck, and not in the picture; below the second the picture fades."""

_UNSEEN = frozenset({"lashes"})
"""Parts that are no part of a picture: MakeHuman's lashes are strips that hairs would be painted on."""

CARD = 226.0
PICTURE = 215.0
GAP = 10.0
LINE = 15.0
"""Widths and heights of the card, its picture, what is between, and a line: pixels at a scale of 1."""

_LETTERS = 35
"""Of the small size, that go into a line of the card."""
PALE, WHITE, WARM, RED = (0.72, 0.72, 0.72), (1.0, 1.0, 1.0), (1.0, 0.78, 0.45), (1.0, 0.5, 0.45)
"""Colours of its lines."""

_VIEWS = {"front": ((1, 0, 0), (0, 0, 1)), "left": ((0, 0, -1), (1, 0, 0)), "right": ((0, 0, 1), (-1, 0, 0))}
"""Direction to the right of the picture, and toward the viewer, in the template's axes."""


class Line(NamedTuple):
    """A line of text on the card: words, size, colour."""

    text: str
    size: float
    colour: tuple[float, float, float]


def portrait(template: Template, seen_from: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The template as a picture: triangles from the back to the front, shaded.

    Args:
        template: a face.
        seen_from: "front", "left" or "right", the face's own.

    Returns:
        (3 F, 2) corners in mm, x to the picture's right and y up; (3 F, 4) colours.
    """
    right, toward = (np.array(axis, np.float64) for axis in _VIEWS[seen_from])
    vertices = template.vertices.astype(np.float64)
    triangles, part = template.triangles, _part_of_triangles(template)
    shown = (vertices[triangles][:, :, 1] > _LOWEST).all(axis=1)
    shown &= ~np.array([name in _UNSEEN for name in template.parts])[part]
    triangles, part = triangles[shown], part[shown]
    corners = vertices[triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    facing = normals @ toward > 0
    order = np.flatnonzero(facing)[np.argsort((corners[facing] @ toward).mean(axis=1))]
    smooth = _smooth_normals(vertices, template.triangles)
    light = _LIGHT[0] * right + _LIGHT[1] * np.array((0, 1, 0)) + _LIGHT[2] * toward
    bright = 0.36 + 0.64 * np.clip(smooth @ light, 0, 1)
    colours = np.array([_PARTS.get(name, _SKIN) for name in template.parts])[part[order]]
    shaded = colours[:, None] * bright[triangles[order]][:, :, None]
    flat = np.stack([corners[order] @ right, corners[order][:, :, 1]], axis=-1).reshape(-1, 2)
    alpha = np.clip((flat[:, 1:] - _LOWEST) / (_FADING - _LOWEST), 0, 1) ** 2
    return flat.astype(np.float32), np.hstack([shaded.reshape(-1, 3), alpha]).astype(np.float32)


def place_in_portrait(place: NDArray[np.float64], seen_from: str) -> NDArray[np.float64]:
    """(2,) where a landmark (3,) mm of the template lies in its picture."""
    right = np.array(_VIEWS[seen_from][0], np.float64)
    return np.array([place @ right, place[1]])


def height_of(line: Line) -> float:
    """Pixels at a scale of 1."""
    return LINE * line.size / 11


def mark_lines(mark: landmarks.Mark) -> list[Line]:
    """What a card says of a landmark: its title, where it lies, whose side."""
    told = [Line(text, 14, WHITE) for text in textwrap.wrap(mark.title, int(_LETTERS * 0.8))]
    told += said(mark.hint, PALE)
    if mark.side:
        hand = "right" if mark.side == "left" else "left"
        told += said(f"The face's own {mark.side}: on your {hand} when it looks at you.", WARM)
    return told


def said(text: str, colour: tuple[float, float, float]) -> list[Line]:
    """A sentence in small letters, over as many lines as it needs."""
    return [Line(line, 11, colour) for line in textwrap.wrap(text, _LETTERS)]


def card_lines(picker: Picker) -> tuple[list[Line], list[Line]]:
    """What the card says above and below its picture."""
    mark = picker.asked
    total = len(landmarks.GUIDE)
    if mark is None:
        above = [Line(f"{picker.count} of {total} are placed", 11, PALE), Line("Done", 14, WHITE)]
        above += said("Enter finishes. Drag a dot to move it.", WHITE)
    else:
        number = 1 + [one.name for one in landmarks.GUIDE].index(mark.name)
        kind = "" if mark.needed else ", Tab skips it"
        above = [Line(f"{number} of {total}{kind}", 11, PALE), *mark_lines(mark)]
    below = said(picker.notice, WARM)
    for concern in picker.concerns[:2]:
        below += said(concern.sentence, RED)
    return above, below


def round_dots(dots: NDArray[np.float64], covered: NDArray[np.float64]) -> Box:
    """What the head covers round its landmarks, pixels: of a whole body the names must not go to the feet.

    Args:
        dots: (n, 2), at least one that is finite.
        covered: (m, 2) the head's vertices.
    """
    own = dots[np.isfinite(dots).all(axis=1)]
    low, high = own.min(axis=0), own.max(axis=0)
    room = 1.1 * max(float((high - low).max()), 40.0)
    seen = covered[np.isfinite(covered).all(axis=1)]
    seen = np.concatenate([own, seen]) if len(seen) else own
    low, high = np.maximum(seen.min(axis=0), low - room), np.minimum(seen.max(axis=0), high + room)
    return Box(float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def labels(places: NDArray[np.float64], head: Box, free: Box, line: float) -> NDArray[np.float64]:
    """Where the dots' names go: beside the head, on the side where the dot is, none over another.

    Args:
        places: (n, 2) the dots, pixels.
        head: what the head covers.
        free: where text can be read.
        line: height of a line.

    Returns:
        (n, 2): x of the edge that looks to the head, y of the middle; NaN where that side has no room beside the dots.
    """
    out = np.full_like(places, np.nan)
    middle = (head.left + head.right) / 2
    for rightward in (False, True):
        side = np.flatnonzero((places[:, 0] >= middle) == rightward)
        if not len(side):
            continue
        x = (
            min(head.right + 2 * line, free.right - 5 * line)
            if rightward
            else max(head.left - 2 * line, free.left + 5 * line)
        )
        outermost = places[side, 0].max() + line if rightward else places[side, 0].min() - line
        if (x < outermost) if rightward else (x > outermost):
            continue
        order = side[np.argsort(-places[side, 1], kind="stable")]
        y = places[order, 1].copy()
        for number in range(1, len(y)):
            y[number] = min(y[number], y[number - 1] - line)
        y += (places[order, 1] - y).mean()
        y += min(0.0, free.top - line - y[0])
        y += max(0.0, free.bottom + line - y[-1])
        out[order] = np.column_stack([np.full(len(y), x), y])
    return out


def _part_of_triangles(template: Template) -> NDArray[np.int32]:
    assert template.polygon_part is not None
    quads = template.polygons[:, 3] >= 0
    return np.repeat(template.polygon_part, np.where(quads, 2, 1))


def _smooth_normals(vertices: NDArray[np.float64], triangles: NDArray[np.int32]) -> NDArray[np.float64]:
    corners = vertices[triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(total, triangles[:, corner], normals)
    return np.asarray(total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12))


_SOFT = 0.9
"""Pixels over which an edge fades."""


def disc(centre: tuple[float, float], inner: float, outer: float, colour: tuple[float, ...]) -> tuple[Any, Any]:
    """A disc (inner radius 0) or ring with soft edges, as triangles: (n, 2) corners, (n, 4) colours."""
    turn = np.linspace(0, 2 * np.pi, 25)
    circle = np.column_stack([np.cos(turn), np.sin(turn)])
    clear, full = (*colour[:3], 0.0), colour
    bands = [(inner, outer, full, full), (outer, outer + _SOFT, full, clear)]
    if inner > 0:
        bands.append((max(inner - _SOFT, 0.0), inner, clear, full))
    corners, colours = [], []
    for near, far, one, other in bands:
        a, b = circle * near + centre, circle * far + centre
        corners.append(np.stack([a[:-1], b[:-1], b[1:], a[:-1], b[1:], a[1:]], axis=1).reshape(-1, 2))
        colours.append(np.tile([one, other, other, one, other, one], (24, 1)))
    return np.concatenate(corners), np.concatenate(colours)


def hollow(
    at: tuple[float, float], size: float, width: float, colour: tuple[float, ...], alpha: float = 1.0
) -> list[tuple[Any, Any]]:
    """A dot that is only offered: a ring of an inner radius and a width on a dark one, of this opacity."""
    return [disc(at, size - 1, size + width + 1, (0, 0, 0, 0.35 * alpha)), disc(at, size, size + width, colour)]


def solid(
    at: tuple[float, float],
    size: float,
    scale: float,
    colour: tuple[float, float, float],
    *,
    rim: tuple[tuple[float, float, float], float] = ((1.0, 1.0, 1.0), 1.2),
    alpha: float = 1.0,
) -> list[tuple[Any, Any]]:
    """A dot that is placed: its radius, the interface's scale, its colour, colour and width of its rim, its opacity."""
    return [
        disc(at, 0, size + 2.2 * scale, (0, 0, 0, 0.4 * alpha)),
        disc(at, 0, size + rim[1] * scale, (*rim[0], alpha)),
        disc(at, 0, size, (*colour, alpha)),
    ]


def paint(shapes: list[tuple[Any, Any]]) -> None:
    """Draws triangles in pixels: (n, 2) corners and (n, 4) colours each."""
    if not shapes:
        return
    corners = np.concatenate([shape[0] for shape in shapes]).astype(np.float32)
    colours = np.concatenate([shape[1] for shape in shapes]).astype(np.float32)
    shader = gpu.shader.from_builtin("SMOOTH_COLOR")
    flat = np.column_stack([corners, np.zeros(len(corners), np.float32)])
    gpu.state.blend_set("ALPHA")  # text leaves it switched off
    batch_for_shader(shader, "TRIS", {"pos": flat, "color": colours}).draw(shader)


def rectangle(box: Box, colour: tuple[float, ...]) -> tuple[Any, Any]:
    """A filled rectangle as triangles."""
    left, bottom, right, top = box
    corners = [(left, bottom), (right, bottom), (right, top), (left, bottom), (right, top), (left, top)]
    return np.array(corners), np.tile(colour, (6, 1))


def thread(one: NDArray[np.float64], other: NDArray[np.float64], colour: tuple[float, ...]) -> tuple[Any, Any]:
    """A thin line as triangles."""
    along = other - one
    across = np.array([-along[1], along[0]]) / max(float(np.hypot(*along)), 1e-9) * 0.6
    corners = [one - across, other - across, other + across, one - across, other + across, one + across]
    return np.array(corners), np.tile(colour, (6, 1))
