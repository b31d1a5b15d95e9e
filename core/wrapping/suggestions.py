"""What the landmarks that are placed tell about the others: where they should be, and which look wrong.

Everything is told in the object's units and axes. The template lies on the head by a similarity through the landmarks,
and what the similarity leaves over is spread softly round each of them; no affine part, for few landmarks lie nearly
in one plane and would tilt it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .landmarks import GUIDE, is_known, mark_of, mirrored
from .spline import Similarity, similarity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from .landmarks import Mark, Places

_REACH = 45.0
"""mm on the template over which a landmark's own deviation is believed of its surroundings."""

_FLAT = 0.12
"""Landmarks whose second extent is below this share of the first lie on one line: they tell no turn."""

_FAR = 20.0
"""mm of the template by which a landmark may always be off from where the others expect it."""

_FAR_RATIO = 3.0
"""…and how many times further than the landmarks usually are."""

_CLOSE = 1.0
"""mm of the template: two landmarks closer than this are the same place."""


@dataclass(frozen=True)
class Concern:
    """What looks wrong.

    Attributes:
        names: the landmarks it is about.
        sentence: for people, with a full stop.
    """

    names: tuple[str, ...]
    sentence: str


@dataclass(frozen=True)
class Plane:
    """The plane between the face's left and right.

    Attributes:
        point: (3,) on it.
        left: (3,) unit vector to the face's own left.
    """

    point: NDArray[np.float64]
    left: NDArray[np.float64]

    def offset(self, place: NDArray[np.float64]) -> float:
        """How far to the face's left of the plane."""
        return float((place - self.point) @ self.left)

    def mirror(self, place: NDArray[np.float64]) -> NDArray[np.float64]:
        """(3,) the same on the other side."""
        return np.asarray(place - 2 * self.offset(place) * self.left)


def lay(template: Places, placed: Places) -> Similarity | None:
    """How the template's millimetres lie on the head; None until three landmarks that are not on one line are there."""
    names = [name for name in template if name in placed]
    if len(names) < 3:
        return None
    source, target = (np.array([places[name] for name in names], np.float64) for places in (template, placed))
    for points in (source, target):
        extents = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
        if not extents[1] > _FLAT * extents[0]:
            return None
    return similarity(source, target)


def symmetry(template: Places, placed: Places) -> Plane | None:
    """The plane of symmetry that pairs and middle landmarks tell; None as long as they tell none."""
    pairs = [(placed[name], placed[mirrored(name)]) for name in _lefts(placed) if mirrored(name) in placed]
    middle = [placed[name] for name in placed if not mirrored(name)]
    lying = lay(template, placed)
    if pairs:
        across = np.sum([left - right for left, right in pairs], axis=0)
        middle += [(left + right) / 2 for left, right in pairs]
    elif lying is not None:
        across = lying.rotation[:, 0]
    else:
        return None
    length = float(np.linalg.norm(across))
    if not middle or length == 0:
        return None
    return Plane(np.mean(middle, axis=0), across / length)


def predict(template: Places, placed: Places, names: Iterable[str]) -> dict[str, NDArray[np.float64]]:
    """Where the landmarks that are placed expect others: name -> (3,); empty as long as they tell too little."""
    lying = lay(template, placed)
    if lying is None:
        return {}
    known = [name for name in template if name in placed]
    source = np.array([template[name] for name in known], np.float64)
    over = np.array([placed[name] for name in known], np.float64) - lying.apply(source)
    # Ridge regression with a Gaussian kernel: near a landmark its deviation counts, far away none does.
    weights = np.linalg.solve(_kernel(source, source) + 0.1 * np.eye(len(known)), over)
    wanted = [name for name in names if name in template]
    if not wanted:
        return {}
    points = np.array([template[name] for name in wanted], np.float64)
    return dict(zip(wanted, lying.apply(points) + _kernel(points, source) @ weights, strict=True))


def suggest(template: Places, placed: Places, *, mirror: bool = True) -> dict[str, NDArray[np.float64]]:
    """Where all landmarks that are not placed may be: name -> (3,).

    Args:
        template: name -> (3,) mm.
        placed: name -> (3,), what a person or a detector placed; no suggestions among them.
        mirror: take over from the other side where that is placed.
    """
    found = predict(template, placed, [mark.name for mark in GUIDE if mark.name not in placed])
    plane = symmetry(template, placed) if mirror else None
    for name in found if plane is not None else ():
        partner = mirrored(name)
        if partner in placed:
            assert plane is not None
            found[name] = plane.mirror(placed[partner])
    return found


def own_side(
    mark: Mark, place: NDArray[np.float64], template: Places, placed: Places, toward: NDArray[np.float64] | None = None
) -> str:
    """The name that a place deserves: the landmark asked for, or its partner where it lies on the other side.

    A person who looks at a face easily takes its right for its left.

    Args:
        mark: the landmark asked for.
        place: (3,) where it was put.
        template: name -> (3,) mm.
        placed: name -> (3,), the others.
        toward: (3,) from the head to the viewer; tells the sides where nose and chin alone are placed.
    """
    others = {name: where for name, where in placed.items() if name != mark.name}
    if not mark.side or mark.partner in others:
        return mark.name
    plane, size = symmetry(template, others), 0.0
    if {"nose_tip", "chin"} <= others.keys():
        up = others["nose_tip"] - others["chin"]
        size = float(np.linalg.norm(up))
        if plane is None and toward is not None:
            left = np.cross(up, toward)
            length = float(np.linalg.norm(left))
            plane = Plane(others["nose_tip"], left / length) if length > 0 else None
    if plane is None:
        return mark.name
    offset = plane.offset(place) * (1 if mark.side == "left" else -1)
    # What lies nearly in the middle tells nothing.
    return mark.partner if offset < -0.1 * size else mark.name


def is_swapped(template: Places, placed: Places) -> bool:
    """Whether left and right are exchanged throughout: with their names exchanged the landmarks fit far better."""
    if not any(mirrored(name) in placed for name in _lefts(placed)):
        return False
    own, other = _residual(template, placed), _residual(template, exchanged(placed))
    return own is not None and other is not None and other < 0.6 * own


def exchanged(placed: Places) -> dict[str, NDArray[np.float64]]:
    """The same places, left called right and right left."""
    return {mirrored(name) or name: where for name, where in placed.items()}


def concerns(template: Places, placed: Places) -> tuple[Concern, ...]:
    """What looks wrong with landmarks: exchanged sides, the same place twice, one far from where others expect it."""
    placed = {name: where for name, where in placed.items() if is_known(name) and name in template}
    lying = lay(template, placed)
    if lying is None:
        return ()
    if is_swapped(template, placed):
        names = tuple(name for name in placed if mirrored(name))
        return (Concern(names, "Left and right are swapped; left is the face's own left."),)
    return (*_crossed(template, placed), *_same(placed, lying.scale), *_far(template, placed, lying.scale))


def _crossed(template: Places, placed: Places) -> list[Concern]:
    found = []
    for name in _lefts(placed):
        partner = mirrored(name)
        others = {key: where for key, where in placed.items() if key not in (name, partner)}
        lying = lay(template, others)
        if partner in placed and lying is not None and (placed[name] - placed[partner]) @ lying.rotation[:, 0] < 0:
            title = mark_of(name).title.removeprefix("Left ")
            found.append(Concern((name, partner), f"Left and right {title} are swapped."))
    return found


def _same(placed: Places, scale: float) -> list[Concern]:
    names = list(placed)
    return [
        Concern((one, other), f"{mark_of(one).title} and {_small(mark_of(other).title)} lie at the same place.")
        for number, one in enumerate(names)
        for other in names[:number]
        if np.linalg.norm(placed[one] - placed[other]) < _CLOSE * scale
    ]


def _far(template: Places, placed: Places, scale: float) -> list[Concern]:
    # The worst alone: it also makes its neighbours look wrong.
    if len(placed) < 6:
        return []
    off = {}
    for name in placed:
        others = {key: where for key, where in placed.items() if key != name}
        expected = predict(template, others, [name]).get(name)
        if expected is not None:
            off[name] = float(np.linalg.norm(expected - placed[name])) / scale
    worst = max(off, key=lambda name: off[name], default="")
    if not worst or off[worst] <= max(_FAR, _FAR_RATIO * float(np.median(list(off.values())))):
        return []
    return [Concern((worst,), f"{mark_of(worst).title} is far from where the others expect it.")]


def _residual(template: Places, placed: Places) -> float | None:
    """mm, root mean square; None where too little is placed."""
    lying = lay(template, placed)
    if lying is None or len(placed) < 4:
        return None
    names = [name for name in template if name in placed]
    source = np.array([template[name] for name in names], np.float64)
    off = lying.invert(np.array([placed[name] for name in names], np.float64)) - source
    return float(np.sqrt((off**2).sum(axis=1).mean()))


def _kernel(here: NDArray[np.float64], there: NDArray[np.float64]) -> NDArray[np.float64]:
    squares = ((here[:, None] - there[None]) ** 2).sum(axis=-1)
    return np.asarray(np.exp(-squares / (2 * _REACH**2)))


def _lefts(placed: Places) -> list[str]:
    return [name for name in placed if name.startswith("left_")]


def _small(title: str) -> str:
    return title[:1].lower() + title[1:]
