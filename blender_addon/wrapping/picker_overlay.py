"""Puts the picker's drawing together, in whatever 3D view Blender draws now."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import bpy
import gpu
import numpy as np

from ..engine import MienError, landmarks
from . import picker_draw, picker_view
from .picker_card import Card
from .picker_draw import COLOURS, LINE, RADIUS
from .picker_preview import Wires
from .picker_text import measure, ui_scale, write
from .picker_view import Box, View

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..engine import Template
    from .picker import Dot, Picker

_CATCH = 9.0
"""Pixels at a scale of 1 from a dot within which the mouse takes it."""

_DEAR = 30
"""Vertices that a landmark counts for where the card looks for its corner."""

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

    of = "head"

    def __init__(self, picker: Picker, template: Template, portrayed: Template) -> None:
        self.picker = picker
        self.wires = True
        self.mouse: tuple[float, float] | None = None
        self.hovered = ""
        self._wires = Wires(template)
        self._card = Card(portrayed, landmarks.places_on(portrayed))
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
        return seen.dots[nearest].name if away[nearest] <= _CATCH * ui_scale() else ""

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
            words = picker_draw.card_lines(self.picker)
            card = self._card.place(view, words, precious, free, self.mouse) if self._is_main(view) else None
            self._draw_dots(seen)
            self._draw_names(seen, covered, free if card is None else picker_view.beside(free, card))
            if card is not None:
                placed = {dot.name for dot in self.picker.dots if dot.how != "offered"}
                self._card.draw(card, words, self.picker.asked, placed)
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
        scale, asked = ui_scale(), self.picker.asked
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
                shapes += picker_draw.hollow(at, size, width, (*colour, (1.0 if now else 0.55) * alpha), alpha)
                continue
            rim, wide = (COLOURS["wrong"], 2.2) if dot.name in wrong else ((1.0, 1.0, 1.0), 1.2)
            shapes += picker_draw.solid(at, grown, scale, COLOURS[dot.how], rim=(rim, wide), alpha=alpha)
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
        scale, line = ui_scale(), LINE * ui_scale()
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
            wide = measure(text, 11 * scale)
            x = where[0] + 4 * scale if where[0] >= place[0] else where[0] - wide - 4 * scale
            write(text, x, where[1] - 4 * scale, 11 * scale, colour)
