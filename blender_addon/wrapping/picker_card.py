"""The card beside what is picked: which landmark is asked for, in words and in a picture of a face."""

# mypy: disable-error-code="dict-item, func-returns-value"
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader

from ..engine import landmarks
from . import picker_draw, picker_view
from .picker_draw import CARD, COLOURS, GAP, PICTURE
from .picker_text import ui_scale, write
from .picker_view import Box

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from numpy.typing import NDArray

    from ..engine import Template
    from .picker_view import View

    Words = tuple[list[picker_draw.Line], list[picker_draw.Line]]

_WORDS = 44.0
"""Pixels at a scale of 1 that Blender's own words take at the top of a view."""

_SMALLEST = 90.0
"""Pixels at a scale of 1 below which a picture of a face shows nothing."""


class Card:
    """Draws it, in the corner of a view where it hides least.

    Args:
        portrayed: the head of the picture.
        places: landmarks' names -> (3,) mm on it, those that the picture shows.
    """

    def __init__(self, portrayed: Template, places: Mapping[str, NDArray[np.float64]]) -> None:
        self._portrayed = portrayed
        self._places = places
        self._pictures: dict[str, Any] = {}
        self._corner = -1
        self._picture = PICTURE

    def place(
        self,
        view: View,
        words: Words,
        precious: NDArray[np.float64],
        free: Box,
        mouse: tuple[float, float] | None,
    ) -> Box:
        """Where it goes.

        Args:
            view: the 3D view.
            words: lines above and below the picture.
            precious: (n, 2) pixels of the region that should be seen.
            free: see `picker_view.free_box`.
            mouse: where it is in the window.
        """
        scale = ui_scale()
        heights = [sum(picker_draw.height_of(line) for line in lines) for lines in words]
        free = free._replace(top=free.top - _WORDS * scale)
        # A view may be low, a quarter of a quad view above all: the words matter more than the picture.
        taken = sum(heights) + (3 + bool(words[1])) * GAP
        room = (free.top - free.bottom) / scale - taken - 2 * GAP
        self._picture = min(PICTURE, room) if room > _SMALLEST else 0.0
        size = CARD * scale, (taken + self._picture) * scale
        avoid = [box for box in (picker_view.gizmo_box(view, scale),) if box is not None]
        if mouse is not None:
            x, y = mouse[0] - view.region.x, mouse[1] - view.region.y
            avoid.append(Box(x - 30, y - 30, x + 30, y + 30))
        self._corner, box = picker_view.corner_for(size, free, precious, tuple(avoid), self._corner)
        return box

    def draw(self, box: Box, words: Words, mark: landmarks.Mark | None, placed: Container[str]) -> None:
        """Draws it where `place` has put it.

        Args:
            box: its place.
            words: as for `place`.
            mark: the landmark that the picture points at; None for none.
            placed: names of those that are there.
        """
        scale = ui_scale()
        picker_draw.paint([picker_draw.rectangle(box, (0.08, 0.08, 0.08, 0.88))])
        top = self._draw_lines(words[0], box, box.top - GAP * scale)
        if self._picture:
            middle = (box.left + box.right) / 2, top - (GAP + self._picture / 2) * scale
            self._draw_picture(middle, scale * self._picture / PICTURE, mark, placed)
        self._draw_lines(words[1], box, top - (2 * GAP + self._picture) * scale)

    def _draw_lines(self, lines: list[picker_draw.Line], box: Box, top: float) -> float:
        scale = ui_scale()
        for line in lines:
            top -= picker_draw.height_of(line) * scale
            write(line.text, box.left + GAP * scale, top + 4 * scale, line.size * scale, line.colour, shadow=False)
        return top

    def _draw_picture(
        self, middle: tuple[float, float], scale: float, mark: landmarks.Mark | None, placed: Container[str]
    ) -> None:
        seen_from = mark.seen_from if mark is not None else "front"
        if seen_from not in self._pictures:
            corners, colours = picker_draw.portrait(self._portrayed, seen_from)
            low, high = corners.min(axis=0), corners.max(axis=0)
            flat = np.column_stack([corners, np.zeros(len(corners), np.float32)])
            shader = gpu.shader.from_builtin("SMOOTH_COLOR")
            batch = batch_for_shader(shader, "TRIS", {"pos": flat, "color": colours})
            zoom = float(min(PICTURE / (high[1] - low[1]), (CARD - 2 * GAP) / (high[0] - low[0])))
            self._pictures[seen_from] = batch, (low + high) / 2, zoom
        batch, centre, zoom = self._pictures[seen_from]
        zoom *= scale
        with gpu.matrix.push_pop():
            gpu.matrix.translate((middle[0], middle[1], 0))
            gpu.matrix.scale((zoom, zoom, 0.0))
            gpu.matrix.translate((-float(centre[0]), -float(centre[1]), 0))
            gpu.state.blend_set("ALPHA")
            batch.draw(gpu.shader.from_builtin("SMOOTH_COLOR"))
        shapes = []
        for name, place in self._places.items():
            if seen_from != "front" and landmarks.mirrored(name) and not name.startswith(seen_from):
                continue
            spot = (picker_draw.place_in_portrait(place, seen_from) - centre) * zoom + middle
            at = (float(spot[0]), float(spot[1]))
            if mark is not None and name == mark.name:
                shapes.append(picker_draw.disc(at, 0, 4.4 * scale, (1, 1, 1, 1)))
                shapes.append(picker_draw.disc(at, 0, 3.4 * scale, (*COLOURS["asked"], 1)))
                shapes.append(picker_draw.disc(at, 10 * scale, 11.5 * scale, (*COLOURS["asked"], 1)))
            elif name in placed:
                shapes.append(picker_draw.disc(at, 0, 2.6 * scale, (*COLOURS["picked"], 1)))
        picker_draw.paint(shapes)
