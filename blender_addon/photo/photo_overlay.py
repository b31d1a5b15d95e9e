"""What is drawn while landmarks of a photo are edited: the photo over a 3D view, dots on it, a card, a button."""

# mypy: disable-error-code="func-returns-value"
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy
import gpu
import numpy as np
from gpu_extras.presets import draw_texture_2d

from ..engine import light, limited, photo_guide
from ..wrapping import picker_draw, picker_view
from ..wrapping.picker_card import Card
from ..wrapping.picker_draw import CARD, COLOURS, GAP, LINE, RADIUS, WARM, WHITE, Line
from ..wrapping.picker_text import measure, ui_scale, write
from ..wrapping.picker_view import Box, View
from .photo_frame import PhotoFrame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..engine import Picture, Template, landmarks
    from ..wrapping.picker_card import Words
    from .photo_edit import Dot, PhotoEdit

_CATCH = 9.0
"""Pixels at a scale of 1 from a dot within which the mouse takes it."""

_LONGEST = 3072
"""Pixels of the longer side that are handed to the graphics card."""

_BACKDROP = (0.07, 0.07, 0.075, 1.0)
_POINT = 1.1
"""Half the side of one of the detector's points, pixels at a scale of 1."""

_CROWD = 6
"""Dots that may come too near to each other."""

_WIDE = 2.2
"""A view that is wider than so many cards has room for the photo beside it."""

_LIGHT = {"is_scene_linear_with_rec709_srgb_target": True} if bpy.app.version >= (5, 0, 0) else {}
"""Since then Blender wants to be told what the numbers of a texture are."""

_BUTTON = 24.0
"""Height of the button, pixels at a scale of 1."""


class PhotoOverlay:
    """What is drawn, and where.

    Args:
        edit: the landmarks to show.
        picture: the photo.
        portrayed: the head for the picture on the card.
        own: the view that it is drawn in.

    Attributes:
        look: where the photo lies in the view.
        mouse: where it is in the window; None before it moved.
        hovered: the landmark under it; empty for none.
    """

    of = "photo"

    def __init__(self, edit: PhotoEdit, picture: Picture, portrayed: Template, own: View) -> None:
        self.edit = edit
        self.look = PhotoFrame((picture.width, picture.height))
        self.mouse: tuple[float, float] | None = None
        self.hovered = ""
        self._picture = picture
        self._region = own.region.as_pointer()
        self._texture: Any = None
        self._card = Card(portrayed, edit.face)
        # A face that is known fills the view; it may be a small part of the photo.
        known = edit.points[:, :2] if edit.points is not None else np.array(list(edit.marks.values())).reshape(-1, 2)
        self.look.fit(self.room(own), known if len(known) > 2 else None)

    def own_view(self, screen: bpy.types.Screen | None) -> View | None:
        """The view that it is drawn in; None where that was closed."""
        return next((one for one in picker_view.views_of(screen) if one.region.as_pointer() == self._region), None)

    def room(self, view: View) -> Box:
        """Where the photo goes: what is free, beside the card."""
        free, card = picker_view.free_box(view), (CARD + 2 * GAP) * ui_scale()
        return free._replace(left=free.left + card) if free.right - free.left > _WIDE * card else free

    def dot_at(self, view: View, x: float, y: float) -> str:
        """The name of the landmark under a point of the window that the hand would take; empty for none."""
        dots = [dot for dot in self.edit.dots if self.edit.can_grab(dot)]
        if not dots:
            return ""
        at = np.array([x - view.region.x, y - view.region.y])
        away = np.linalg.norm(self._seen(view, dots) - at, axis=1)
        nearest = int(away.argmin())
        return dots[nearest].name if away[nearest] <= _CATCH * ui_scale() else ""

    def pixel_of(self, view: View, name: str) -> tuple[float, float]:
        """Where a landmark is seen, in the window's pixels."""
        x, y = self._seen(view, [next(dot for dot in self.edit.dots if dot.name == name)])[0]
        return float(x) + view.region.x, float(y) + view.region.y

    def place_at(self, view: View, x: float, y: float) -> NDArray[np.float64]:
        """(2,) column and row under a point of the window."""
        return self.look.to_photo(x - view.region.x, y - view.region.y, self.room(view))

    def is_over_button(self, view: View, x: float, y: float) -> bool:
        """Whether a point of the window lies on the button that ends the editing."""
        button = _button_of(self._place_card(view, self.words()))
        return button.holds(x - view.region.x, y - view.region.y)

    def is_over_card(self, view: View, x: float, y: float) -> bool:
        """Whether a point of the window lies on the card."""
        return self._place_card(view, self.words()).holds(x - view.region.x, y - view.region.y)

    def words(self) -> Words:
        """What the card says above and below its picture."""
        edit, mark = self.edit, self.mark
        if edit.is_placing and edit.asked is not None:
            number = 1 + list(edit.face).index(edit.asked.name)
            above = [Line(f"{number} of {len(edit.face)}, Tab if it is hidden", 11, picker_draw.PALE)]
        elif edit.is_placing:
            above = [Line(f"{len(edit.marks)} are placed", 11, picker_draw.PALE)]
        else:
            above = [Line(f"{len(edit.dots)} landmarks, {len(edit.marks)} moved", 11, picker_draw.PALE)]
        if mark is not None:
            above += picker_draw.mark_lines(mark)
        else:
            above += picker_draw.said("Drag a dot that is off. What is around it follows.", WHITE)
        below = picker_draw.said(edit.notice, WARM)
        if edit.is_placing and edit.asked is not None and not edit.asked.needed and not edit.lacking:
            below += picker_draw.said("Enough to go on; each more makes it better.", WHITE)
        # Room for the button.
        return above, [*below, Line("", 11, WHITE), Line("", 11, WHITE)]

    @property
    def mark(self) -> landmarks.Mark | None:
        """The landmark that the card tells about."""
        name = self.edit.dragged or self.hovered
        if self.edit.asked is not None and not self.edit.dragged:
            return self.edit.asked
        return photo_guide.mark_of(name) if name else None

    def draw_scene(self) -> None:
        """Nothing; the scene is covered."""

    def draw_pixels(self) -> None:
        """All of it."""
        context = bpy.context
        if context.region is None or context.region.as_pointer() != self._region:
            return
        view = View(context.area, context.region, context.region.data)
        gpu.state.blend_set("ALPHA")
        try:
            self._draw_photo(view)
            self._draw_points(view)
            self._draw_dots(view)
            self._draw_name(view)
            words = self.words()
            box = self._place_card(view, words)
            self._card.draw(box, words, self.mark, self.edit.marks)
            self._draw_button(view, _button_of(box))
        finally:
            gpu.state.blend_set("NONE")

    def _seen(self, view: View, dots: list[Dot]) -> NDArray[np.float64]:
        return self.look.to_view(np.array([dot.place for dot in dots]).reshape(-1, 2), self.room(view))

    def _place_card(self, view: View, words: Words) -> Box:
        # It does not make way for the mouse: there is a button on it.
        return self._card.place(view, words, self._seen(view, self.edit.dots), picker_view.free_box(view), None)

    def _draw_photo(self, view: View) -> None:
        region = view.region
        picker_draw.paint([picker_draw.rectangle(Box(0, 0, region.width, region.height), _BACKDROP)])
        if self._texture is None:
            self._texture = _texture_of(self._picture)
        size = np.array([self._picture.width, self._picture.height], np.float64)
        (left, bottom), (right, top) = self.look.to_view(np.array([[0.0, size[1]], [size[0], 0.0]]), self.room(view))
        gpu.state.blend_set("ALPHA")
        draw_texture_2d(self._texture, (left, bottom), right - left, top - bottom, **_LIGHT)

    def _draw_points(self, view: View) -> None:
        if self.edit.points is None:
            return
        at = self.look.to_view(self.edit.points[:, :2], self.room(view))
        half = _POINT * ui_scale()
        corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, -1), (1, 1), (-1, 1)]) * half
        for grown, colour in ((2.0, (0, 0, 0, 0.25)), (1.0, (*COLOURS["detected"], 0.75))):
            flat = (at[:, None] + corners * grown).reshape(-1, 2)
            picker_draw.paint([(flat, np.tile(colour, (len(flat), 1)))])

    def _draw_dots(self, view: View) -> None:
        scale, asked = ui_scale(), self.edit.asked
        seen, shapes = self._seen(view, self.edit.dots), []
        # Of a face that is seen small the dots must not lie over each other.
        spread = float(np.ptp(seen, axis=0).max()) if len(seen) > _CROWD else np.inf
        radius = min(RADIUS * scale, max(spread / 50, 2.2 * scale))
        for dot, (x, y) in zip(self.edit.dots, seen, strict=True):
            at, now = (float(x), float(y)), asked is not None and dot.name == asked.name
            grown = radius * (1.35 if dot.name in (self.hovered, self.edit.dragged) else 1.0)
            if dot.how == "offered":
                width, size = (2.4, 1.5 * grown) if now else (1.2, 0.8 * grown)
                colour = (*COLOURS["asked" if now else "offered"], 1.0 if now else 0.55)
                shapes += picker_draw.hollow(at, size, width, colour)
            else:
                shapes += picker_draw.solid(at, grown, scale, COLOURS[dot.how])
        picker_draw.paint(shapes)

    def _draw_name(self, view: View) -> None:
        name = self.edit.dragged or self.hovered
        dot = next((one for one in self.edit.dots if one.name == name), None)
        if dot is None or (self.mark is not None and self.mark.name == name):
            return  # the card tells it
        x, y = self._seen(view, [dot])[0]
        scale, text = ui_scale(), photo_guide.mark_of(name).title
        wide, line = measure(text, 12 * scale), LINE * scale
        left = x + line if x + wide + 2 * line < picker_view.free_box(view).right else x - wide - line
        plate = Box(left - 0.4 * line, y - 0.55 * line, left + wide + 0.4 * line, y + 0.6 * line)
        picker_draw.paint([picker_draw.rectangle(plate, (0.05, 0.05, 0.05, 0.7))])
        write(text, left, y - 0.25 * line, 12 * scale, WHITE, shadow=False)

    def _draw_button(self, view: View, box: Box) -> None:
        x, y = (self.mouse[0] - view.region.x, self.mouse[1] - view.region.y) if self.mouse is not None else (-1, -1)
        bright = box.holds(x, y)
        picker_draw.paint([picker_draw.rectangle(box, (0.28, 0.45, 0.70, 1.0) if bright else (0.25, 0.25, 0.27, 1.0))])
        scale = ui_scale()
        wide = measure("Done", 12 * scale)
        at = (box.left + box.right - wide) / 2, (box.bottom + box.top) / 2 - 4 * scale
        write("Done", *at, 12 * scale, WHITE, shadow=False)


def _button_of(card: Box) -> Box:
    scale = ui_scale()
    gap = GAP * scale
    return Box(card.left + gap, card.bottom + gap, card.right - gap, card.bottom + gap + _BUTTON * scale)


def _texture_of(picture: Picture) -> Any:
    alpha = np.ones((picture.height, picture.width), np.float32) if picture.alpha is None else picture.alpha
    pixels = limited(np.dstack([picture.colours, alpha]), _LONGEST)[::-1].copy()  # the graphics card begins below
    # It is drawn as light, which Blender turns into a screen's colours again.
    pixels[:, :, :3] = light(pixels[:, :, :3])
    height, width = pixels.shape[:2]
    buffer = gpu.types.Buffer("FLOAT", height * width * 4, pixels.reshape(-1))
    return gpu.types.GPUTexture((width, height), format="RGBA16F", data=buffer)
