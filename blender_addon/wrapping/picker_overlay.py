"""Puts the picker's drawing together, in whatever 3D view Blender draws now."""

# mypy: disable-error-code="dict-item, func-returns-value"
from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import blf
import bpy
import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader

from ..engine import MienError, landmarks
from . import picker_draw, picker_view
from .picker_draw import CARD, COLOURS, GAP, LINE, PICTURE, RADIUS
from .picker_preview import Wires
from .picker_view import Box, View

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..engine import Template
    from .picker import Dot, Picker

_CATCH = 9.0
"""Pixels at a scale of 1 from a dot within which the mouse takes it."""

_WORDS = 44.0
"""Pixels at a scale of 1 that Blender's own words take at the top of a view."""

_DEAR = 30
"""Vertices that a landmark counts for where the card looks for its corner."""

_SMALLEST = 90.0
"""Pixels at a scale of 1 below which a picture of a face shows nothing."""

_GAP = 0.02
"""Share of the face's size that must lie between a landmark and what hides it."""

_SAMPLE = 1500
"""Vertices that tell what of the view the head covers."""


class _Seen(NamedTuple):
    """The dots in a view: pixels (n, 2), and whether the head hides them (n,)."""

    dots: list[Dot]
    places: NDArray[np.float64]
    hidden: NDArray[np.bool_]


class Overlay:
    """What is drawn while landmarks are picked.

    Args:
        picker: what to show.
        template: the head to wrap, for the wires.
        portrayed: the head for the picture.

    Attributes:
        wires: whether the preview of the wrap is drawn.
        mouse: where it is in the window; None before it moved.
        hovered: the landmark under it; empty for none.
    """

    def __init__(self, picker: Picker, template: Template, portrayed: Template) -> None:
        self.picker = picker
        self.wires = True
        self.mouse: tuple[float, float] | None = None
        self.hovered = ""
        self._wires = Wires(template)
        self._portrayed = portrayed
        self._pictures: dict[str, Any] = {}
        self._corner = -1
        self._picture = PICTURE
        self._sample = picker.head.shown[:: max(1, len(picker.head.shown) // _SAMPLE)]

    def dot_at(self, view: View, x: float, y: float) -> str:
        """The name of the placed landmark under a point of the window; empty for none.

        What is only offered is not caught: a click beside an offer means the place of the click.
        """
        seen = self._seen(view)
        if not seen.dots:
            return ""
        at = np.array([x - view.region.x, y - view.region.y])
        away = np.linalg.norm(np.nan_to_num(seen.places, nan=1e9) - at, axis=1)
        away[[hidden or dot.how == "offered" for dot, hidden in zip(seen.dots, seen.hidden, strict=True)]] = np.inf
        nearest = int(away.argmin())
        return seen.dots[nearest].name if away[nearest] <= _CATCH * _scale() else ""

    def pixel_of(self, view: View, name: str) -> tuple[float, float]:
        """Where a landmark is seen, in the window's pixels."""
        dot = next(one for one in self.picker.dots if one.name == name)
        x, y = picker_view.project(view, self.picker.head.shown_of(dot.spot)[None])[0]
        return float(x) + view.region.x, float(y) + view.region.y

    def draw_scene(self) -> None:
        """The wires, among the scene's own objects."""
        if self.wires and self._alive():
            self._wires.draw(self.picker.targets(), self.picker.version)

    def draw_pixels(self) -> None:
        """Dots, names and the card, over everything."""
        context = bpy.context
        if not self._alive() or context.region is None or context.region.data is None:
            return
        view = View(context.area, context.region, context.region.data)
        gpu.state.blend_set("ALPHA")
        try:
            seen, free = self._seen(view), picker_view.free_box(view)
            covered = picker_view.project(view, self._sample)
            # A landmark that is covered hurts more than a piece of the skull.
            precious = np.concatenate([covered, np.repeat(seen.places, _DEAR, axis=0)])
            card = self._place_card(view, precious, free) if self._is_main(view) else None
            self._draw_dots(seen)
            self._draw_names(seen, covered, free if card is None else picker_view.beside(free, card))
            if card is not None:
                self._draw_card(card)
        finally:
            gpu.state.blend_set("NONE")

    def _alive(self) -> bool:
        try:
            return self.picker.object is not None
        except MienError:
            return False  # the next event ends the picking and says so

    def _is_main(self, view: View) -> bool:
        # Where the mouse is, or the first view of the window before it moved.
        views = picker_view.views_of(bpy.context.screen)
        under = picker_view.view_under(bpy.context.screen, *self.mouse) if self.mouse else None
        if under is None:
            under = max(views, key=lambda one: one.region.width * one.region.height, default=None)
        return under is not None and under.region.as_pointer() == view.region.as_pointer()

    def _seen(self, view: View) -> _Seen:
        dots = self.picker.dots
        head = self.picker.head
        if not dots:
            return _Seen([], np.empty((0, 2)), np.empty(0, bool))
        places = np.array([head.shown_of(dot.spot) for dot in dots])
        toward = picker_view.toward_viewer(view, places)
        # Of a whole body the face is a small part, so the gap goes by the landmarks as soon as there are some.
        gap = _GAP * float(np.linalg.norm(np.ptp(places if len(places) > 2 else self._sample, axis=0)))
        hidden = [head.hides(place, way, gap) for place, way in zip(places, toward, strict=True)]
        return _Seen(dots, picker_view.project(view, places), np.array(hidden, bool))

    def _draw_dots(self, seen: _Seen) -> None:
        scale, asked = _scale(), self.picker.asked
        wrong = {name for concern in self.picker.concerns for name in concern.names}
        shapes = []
        for dot, place, hidden in zip(seen.dots, seen.places, seen.hidden, strict=True):
            if not np.isfinite(place).all():
                continue
            at, alpha = (float(place[0]), float(place[1])), 0.3 if hidden else 1.0
            grown = RADIUS * scale * (1.35 if dot.name in (self.hovered, self.picker.dragged) else 1.0)
            if dot.how == "offered":
                now = asked is not None and dot.name == asked.name
                colour = COLOURS["asked" if now else "offered"]
                width, size = (2.4, 1.5 * grown) if now else (1.2, 0.8 * grown)
                shapes.append(picker_draw.disc(at, size - 1, size + width + 1, (0, 0, 0, 0.35 * alpha)))
                shapes.append(picker_draw.disc(at, size, size + width, (*colour, (1.0 if now else 0.55) * alpha)))
                continue
            rim = COLOURS["wrong"] if dot.name in wrong else (1.0, 1.0, 1.0)
            shapes.append(picker_draw.disc(at, 0, grown + 2.2 * scale, (0, 0, 0, 0.4 * alpha)))
            shapes.append(picker_draw.disc(at, 0, grown + (2.2 if dot.name in wrong else 1.2) * scale, (*rim, alpha)))
            shapes.append(picker_draw.disc(at, 0, grown, (*COLOURS[dot.how], alpha)))
        picker_draw.paint(shapes)

    def _draw_names(self, seen: _Seen, covered: NDArray[np.float64], free: Box) -> None:
        asked = self.picker.asked
        named = [
            number
            for number, dot in enumerate(seen.dots)
            if not seen.hidden[number]
            and np.isfinite(seen.places[number]).all()
            and (dot.how != "offered" or (asked is not None and dot.name == asked.name))
        ]
        if not named:
            return
        scale, line = _scale(), LINE * _scale()
        places = seen.places[named]
        at = picker_draw.labels(places, picker_draw.round_dots(seen.places, covered), free, line)
        shown = [(seen.dots[number], place, where) for number, place, where in zip(named, places, at, strict=True)]
        # Without room for a column only the names that matter now, right beside their dots.
        now = {self.hovered, self.picker.dragged, asked.name if asked is not None else ""}
        shown = [
            (dot, place, where if np.isfinite(where).all() else np.add(place, (1.2 * line, 0)))
            for dot, place, where in shown
            if np.isfinite(where).all() or dot.name in now
        ]
        threads = []
        for dot, place, where in shown:
            colour = (*COLOURS["asked"], 0.9) if dot.how == "offered" else (1.0, 1.0, 1.0, 0.45)
            threads.append(picker_draw.thread(place, where, colour))
        picker_draw.paint(threads)
        for dot, place, where in shown:
            text = landmarks.mark_of(dot.name).short
            colour = COLOURS["asked"] if dot.how == "offered" else (1.0, 1.0, 1.0)
            wide = _measure(text, 11 * scale)
            x = where[0] + 4 * scale if where[0] >= place[0] else where[0] - wide - 4 * scale
            _write(text, x, where[1] - 4 * scale, 11 * scale, colour)

    def _place_card(self, view: View, covered: NDArray[np.float64], free: Box) -> Box:
        scale = _scale()
        above, below = picker_draw.card_lines(self.picker)
        heights = [sum(picker_draw.height_of(line) for line in lines) for lines in (above, below)]
        free = free._replace(top=free.top - _WORDS * scale)
        # A view may be low, a quarter of a quad view above all: the words matter more than the picture.
        words = sum(heights) + (3 + bool(below)) * GAP
        room = (free.top - free.bottom) / scale - words - 2 * GAP
        self._picture = min(PICTURE, room) if room > _SMALLEST else 0.0
        size = CARD * scale, (words + self._picture) * scale
        avoid = [box for box in (picker_view.gizmo_box(view, scale),) if box is not None]
        if self.mouse is not None:
            x, y = self.mouse[0] - view.region.x, self.mouse[1] - view.region.y
            avoid.append(Box(x - 30, y - 30, x + 30, y + 30))
        self._corner, box = picker_view.corner_for(size, free, covered, tuple(avoid), self._corner)
        return box

    def _draw_card(self, box: Box) -> None:
        scale = _scale()
        above, below = picker_draw.card_lines(self.picker)
        picker_draw.paint([picker_draw.rectangle(box, (0.08, 0.08, 0.08, 0.88))])
        top = self._draw_lines(above, box, box.top - GAP * scale)
        if self._picture:
            middle = (box.left + box.right) / 2, top - (GAP + self._picture / 2) * scale
            self._draw_picture(middle, scale * self._picture / PICTURE)
        self._draw_lines(below, box, top - (2 * GAP + self._picture) * scale)

    def _draw_lines(self, lines: list[picker_draw.Line], box: Box, top: float) -> float:
        scale = _scale()
        for line in lines:
            top -= picker_draw.height_of(line) * scale
            _write(line.text, box.left + GAP * scale, top + 4 * scale, line.size * scale, line.colour, shadow=False)
        return top

    def _draw_picture(self, middle: tuple[float, float], scale: float) -> None:
        mark = self.picker.asked
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
        placed = {dot.name for dot in self.picker.dots if dot.how != "offered"}
        shapes = []
        for name, place in landmarks.places_on(self._portrayed).items():
            one = landmarks.mark_of(name)
            now = mark is not None and name == mark.name
            if one.side and seen_from not in ("front", one.side):
                continue
            spot = (picker_draw.place_in_portrait(place, seen_from) - centre) * zoom + middle
            at = (float(spot[0]), float(spot[1]))
            if now:
                shapes.append(picker_draw.disc(at, 0, 4.4 * scale, (1, 1, 1, 1)))
                shapes.append(picker_draw.disc(at, 0, 3.4 * scale, (*COLOURS["asked"], 1)))
                shapes.append(picker_draw.disc(at, 10 * scale, 11.5 * scale, (*COLOURS["asked"], 1)))
            elif name in placed:
                shapes.append(picker_draw.disc(at, 0, 2.6 * scale, (*COLOURS["picked"], 1)))
        picker_draw.paint(shapes)


def _scale() -> float:
    return bpy.context.preferences.system.ui_scale or 1.0  # 0 without a window


def _measure(text: str, size: float) -> float:
    blf.size(0, size)
    return float(blf.dimensions(0, text)[0])


def _write(text: str, x: float, y: float, size: float, colour: tuple[float, ...], *, shadow: bool = True) -> None:
    blf.size(0, size)
    if shadow:
        blf.enable(0, blf.SHADOW)
        blf.shadow(0, 5, 0.0, 0.0, 0.0, 0.9)
        blf.shadow_offset(0, 0, 0)
    blf.color(0, *colour[:3], 1.0)
    blf.position(0, x, y, 0)
    blf.draw(0, text)
    blf.disable(0, blf.SHADOW)
