"""The colours of somebody's eyes, read from photos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..colours import light, screen
from ..detection.views import sample
from ..template import EYEBALL_PARTS
from .blending import distances

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ..template import Template
    from .picture import Picture
    from .shot import Scene

    Floats = NDArray[np.float64]

_SMALLEST = 2.5  # pixels, the radius of an iris that can be read
_FEWEST = 10  # pixels of it
_SIDEWAYS = 0.9
"""Radii by which an eye may look elsewhere than the fitted one, which looks ahead."""

_RING = (0.45, 0.9)
"""Radii from and to which an iris is neither pupil nor dark edge."""

_WHITE = 0.5
"""Amount of light that the white of an eye gives back in the light of the face; lids and lashes shade it."""

_MOST = 1.8  # times that an iris is made lighter for the shade it lies in
_LUMA = np.array([0.2126, 0.7152, 0.0722])


@dataclass(frozen=True)
class EyeColours:
    """As on a screen, 0 to 1, in the light of the face.

    Attributes:
        iris: (3,) float32.
        white: (3,) float32.
    """

    iris: NDArray[np.float32]
    white: NDArray[np.float32]


def eye_colours(template: Template, pictures: Sequence[Picture], scenes: Sequence[Scene]) -> EyeColours | None:
    """The colours of both eyes together; None where no photo shows an iris well enough."""
    found = []
    for picture, scene in zip(pictures, scenes, strict=True):
        for vertices in () if picture.grey else _irises(template):
            read = _read(template, picture, scene, vertices)
            if read is not None:
                found.append(read)
    if not found:
        return None
    # The largest is seen best; others within half of its size have a say.
    largest = max(radius for radius, _, _ in found)
    good = [(iris, white) for radius, iris, white in found if radius > largest / 2]
    iris, white = np.median(np.array(good, np.float32), axis=0)
    return EyeColours(iris, white)


def _irises(template: Template) -> list[NDArray[np.intp]]:
    """The vertices of the left iris and of the right one; none where the template has no such part."""
    assert template.polygon_part is not None
    if "iris" not in template.parts:
        return []
    corners = template.polygons[template.polygon_part == template.parts.index("iris")]
    used = np.unique(corners[corners >= 0])
    left = template.vertices[used, 0] > 0
    return [used[left], used[~left]] if left.any() and not left.all() else []


def _read(
    template: Template, picture: Picture, scene: Scene, vertices: NDArray[np.intp]
) -> tuple[float, Floats, Floats] | None:
    """The radius of an iris in pixels, its colour, and that of the white beside it; None where too little is seen."""
    middle = scene.at[vertices].mean(axis=0)
    radius = float(np.linalg.norm(scene.at[vertices] - middle, axis=1).max())
    if radius < _SMALLEST or scene.facing[vertices].mean() < 0.5:
        return None
    places = _grid(middle, (1.6 + _SIDEWAYS) * radius, radius)
    opening = distances(~scene.shows(template, EYEBALL_PARTS), int(np.ceil(radius * scene.scale)))
    inside = sample(opening[..., None], scene.of_photo(places))[:, 0] / scene.scale > 0.12 * radius
    inside &= ((places > 0) & (places < [picture.width, picture.height])).all(axis=1)
    places = places[inside]
    if len(places) < _FEWEST:
        return None
    amounts = light(picture.at(places)).astype(np.float64)
    bright = amounts @ _LUMA
    at = _darkest_disc(places, bright, middle, radius)
    far = np.linalg.norm(places - at, axis=1) / radius
    ring = (far > _RING[0]) & (far < _RING[1])
    if ring.sum() < _FEWEST:
        return None
    # Reflections are the brightest of it; lashes and what is left of the pupil the darkest.
    low, high = np.quantile(bright[ring], [0.2, 0.75])
    ring &= (bright >= low) & (bright <= high)
    colour = np.median(amounts[ring], axis=0)
    beside = (far > 1.15) & (far < 1.8)
    white = np.full(3, _WHITE)
    if beside.sum() >= _FEWEST:
        # Its brighter half: the other is lids, lashes and their shade.
        white = np.median(amounts[beside & (bright >= np.quantile(bright[beside], 0.5))], axis=0)
    gain = np.clip(_WHITE / max(float(white @ _LUMA), 1e-3), 1.0, _MOST)
    # What lies beside an iris is lid, too: the white is less tinted than it seems.
    white = 0.5 * white + 0.5 * float(white @ _LUMA)
    return radius, np.clip(screen(colour * gain), 0.0, 1.0), np.clip(screen(white * gain), 0.0, 1.0)


def _grid(middle: Floats, reach: float, radius: float) -> Floats:
    """Places around a middle, about as many in each eye."""
    steps = np.arange(-reach, reach, max(radius / 12, 0.25))
    return np.asarray(middle + np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2))


def _darkest_disc(places: Floats, bright: NDArray[np.floating[Any]], middle: Floats, radius: float) -> Floats:
    """(2,) where a disc of an iris' size is darkest against what is around it: where the eye looks to."""
    steps = np.arange(-_SIDEWAYS, _SIDEWAYS + 1e-6, _SIDEWAYS / 6) * radius
    best, out = -np.inf, middle
    for right in steps:
        for down in steps * 0.5:
            at = middle + np.array([right, down])
            far = np.linalg.norm(places - at, axis=1) / radius
            disc, around = far < 0.9, (far > 1.1) & (far < 1.7)
            if disc.sum() < _FEWEST or around.sum() < _FEWEST:
                continue
            # Straight ahead is likelier than aside.
            off = np.hypot(right, down) / radius
            score = float(bright[around].mean() - bright[disc].mean()) * (1 - 0.25 * off * off)
            if score > best:
                best, out = score, at
    return out
