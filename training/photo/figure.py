"""The paper's figure 7 from photos: the person found, with and without texture, performing; and beside a second photo.

People are photographed in the studio, always from the front and in the same light, whatever their own photos show.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import MienError
from core.generator import Generator
from core.motion import EXPRESSIONS, Cue, labels_from_cues
from core.photo.camera import Camera
from core.photo.fit import fit
from core.photo.texture import make_texture
from core.photo.whole import head_of, shown
from core.steps import waited
from training.corpora.template_makehuman import makehuman_template

from .judge import rigid_mm
from .paint import SIZE, Cut, Skin
from .studio import Light, Studio

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from core.bundle import Bundle
    from core.photo.fitted import Fitted, View
    from core.photo.picture import Picture
    from core.photo.texture import Texture
    from core.template import Template

    from .album import Page

    Face = NDArray[np.floating[Any]]
    Image = NDArray[np.uint8]

_TIMES, _APEX = (0.0, 0.8, 1.4, 2.2), 1.1
"""Seconds of a cue, and of the moment that is shown."""

_CELL = 240, 300
_AWAY = 900.0
_SAMPLES = 24
_CLAY = 0.62
_AROUND = 1.9
"""Heights of the face that are shown of a photo."""

_TITLES = 22
"""Pixels above the columns, and below pairs."""


class Portraits:
    """Faces of one bundle, from the front.

    Args:
        bundle: with modes and a kit.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._generator = Generator(bundle, "numpy")
        assert bundle.photo is not None
        self._studio = Studio(_SAMPLES, shown(bundle.template, bundle.photo))
        self._aside = _between_eyes(bundle.template) - _between_eyes(makehuman_template())

    def row(self, view: View) -> list[Image]:
        """The photo, the neutral without and with its texture, and six expressions."""
        found = waited(fit(self._bundle, [view]))
        skin = self._skin([view.picture], found)
        performed = [self.performed(found.neutral, one, 1.0) for one in EXPRESSIONS]
        rest, *others = self._whole(found, found.neutral, *performed)
        return [_cropped(view), self._portrait(rest, None)] + [self._portrait(face, skin) for face in (rest, *others)]

    def pair(self, first: View, second: View, expression: str) -> tuple[list[Image], Pair]:
        """Two photos of a person, the first at rest; what is generated from the first beside what the second shows."""
        rest, moved = waited(fit(self._bundle, [first])), waited(fit(self._bundle, [second]))
        shown = moved.posed[0] - moved.neutral
        full = self.performed(rest.neutral, expression, 1.0) - rest.neutral
        strength = float(np.clip((shown * full).sum() / (full * full).sum(), 0.1, 1.5))
        face = self.performed(rest.neutral, expression, strength)
        skin, other = self._skin([first.picture], rest), self._skin([second.picture], moved)
        images = [self._portrait(one, skin) for one in self._whole(rest, rest.neutral, face)]
        images += [self._portrait(one, other) for one in self._whole(moved, moved.posed[0])]
        return [_cropped(first), *images, _cropped(second)], Pair(expression, strength, face, moved.posed[0])

    def _whole(self, found: Fitted, *faces: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        """Faces of a person, (V, 3), with all that the head has."""
        return head_of(self._bundle, replace(found, posed=faces)).fitted.posed

    def performed(self, neutral: Face, expression: str, strength: float) -> Face:
        """(V, 3) mm at the apex."""
        cue, rate = Cue(expression, strength, *_TIMES), float(self._bundle.header["frame_rate"])
        labels = labels_from_cues([cue], round(_TIMES[-1] * rate) + 1, rate)
        performer = self._generator.on(self._generator.identity_of(neutral))
        return np.asarray(neutral + performer.generate(labels, times=np.array([_APEX]))[0], np.float32)

    def _skin(self, pictures: Sequence[Picture], found: Fitted) -> Texture:
        head = head_of(self._bundle, found)
        return waited(make_texture(head.template, head.uv, pictures, head.fitted, SIZE))

    def _portrait(self, face: Face, texture: Texture | None) -> Image:
        if texture is None:
            colours, iris = np.full((SIZE, SIZE, 3), _CLAY, np.float32), np.full(3, 0.3)
        else:
            iris = np.full(3, 0.25) if texture.iris is None else texture.iris.astype(np.float64)
            colours = texture.colours
        # Bald: hair is not part of what is found.
        skin = Skin(np.ascontiguousarray(colours, np.float32), iris, np.zeros(3), True, Cut(60.0, 0.0, 1.0, 0))
        focal = 0.9 * _CELL[0] * _AWAY / 200
        shift = np.array([0.0, 38.0, -_AWAY]) - self._aside
        camera = Camera(np.eye(3), shift, focal, np.array(_CELL) / 2.0)
        return self._studio.photograph(face, skin, camera, _CELL, _room(), 0.0)


def _between_eyes(template: Template) -> NDArray[np.float64]:
    """(3,) mm."""
    corners = [template.landmarks[f"{side}_eye_{end}"] for side in ("left", "right") for end in ("inner", "outer")]
    return np.asarray(template.vertices[corners].mean(axis=0, dtype=np.float64))


@dataclass(frozen=True)
class Pair:
    """What came of two photos of a person.

    Attributes:
        expression: that the second shows.
        strength: with which it was generated, as strong as the second photo shows it.
        generated: (V, 3) mm, on the face of the first photo.
        shown: (V, 3) mm, the face fitted to the second.
    """

    expression: str
    strength: float
    generated: Face
    shown: Face


def pairs_of(pages: Iterable[Page], count: int) -> list[tuple[Page, int, int]]:
    """People who are at rest in one of their photos, and show one of the six expressions in another.

    Each expression comes before any comes again, those who show it most first.

    Raises:
        MienError: there are none.
    """
    found: dict[str, list[tuple[float, Page, int, int]]] = {name: [] for name in EXPRESSIONS}
    for page in pages:
        rest = [number for number, name in enumerate(page.expressions) if name == "neutral"]
        for number, name in enumerate(page.expressions):
            if rest and name in found:
                strength = float(((page.posed[number] - page.neutral) ** 2).sum())
                found[name].append((strength, page, rest[0], number))
    ranked = [sorted(one, key=lambda row: -row[0]) for one in found.values()]
    turns = [one[rank][1:] for rank in range(count) for one in ranked if len(one) > rank]
    if not turns:
        raise MienError("Nobody is at rest in one photo and expressive in another.", "Photograph more people.")
    return turns[:count]


def apart(pair: Pair, truth: Face, over: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Mm over the face, rigidly aligned: generated beside shown, generated beside the truth, shown beside the truth."""
    return (
        rigid_mm(pair.generated, pair.shown, over),
        rigid_mm(pair.generated, truth, over),
        rigid_mm(pair.shown, truth, over),
    )


def sheet(rows: Sequence[Sequence[Image]], titles: Sequence[str], captions: Sequence[str] = ()) -> Image:
    """Rows of pictures, titles above, a caption below each row where there are any."""
    from PIL import Image as Pictures
    from PIL import ImageDraw

    width, height = _CELL
    below = _TITLES if captions else 4
    paper = Pictures.new("RGB", (width * len(titles), _TITLES + len(rows) * (height + below)), "white")
    pen = ImageDraw.Draw(paper)
    for column, title in enumerate(titles):
        pen.text((column * width + width / 2, _TITLES / 2), title, fill="black", anchor="mm")
    for number, row in enumerate(rows):
        top = _TITLES + number * (height + below)
        for column, image in enumerate(row):
            paper.paste(Pictures.fromarray(image), (column * width, top))
        if captions:
            place = (paper.width / 2, top + height + below / 2)
            pen.text(place, captions[number], fill="black", anchor="mm")
    return np.asarray(paper)


def _cropped(view: View) -> Image:
    """The face of a photo and what is around it, as large as a cell."""
    from PIL import Image as Pictures

    assert view.points is not None
    low, high = view.points[:, :2].min(axis=0), view.points[:, :2].max(axis=0)
    middle, tall = (low + high) / 2, _AROUND * float((high - low)[1])
    size = np.array([view.picture.width, view.picture.height])
    half = np.array([tall * _CELL[0] / _CELL[1], tall]) / 2
    half *= min(1.0, float((size / 2 / half).min()))
    middle = np.clip(middle, half, size - half)
    image = Pictures.fromarray((np.clip(view.picture.colours, 0, 1) * 255).astype(np.uint8))
    return np.asarray(image.resize(_CELL, box=(*(middle - half), *(middle + half))))


def _room() -> Light:
    lamps = np.array([[-0.5, 0.5, 0.7], [0.6, 0.3, 0.8]])
    lamps /= np.linalg.norm(lamps, axis=1, keepdims=True)
    return Light(np.full(3, 0.75), lamps, np.array([5.0, 3.5]), np.array([0.8, 0.8]), np.full(3, 0.35))
