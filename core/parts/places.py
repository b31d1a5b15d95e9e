"""Where the features of a head lie: told by the landmarks of its template, or guessed from its lips and nose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..template import ABSENT, EYEBALL_PARTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..template import Template

SKIN_PARTS = ("skin", "brows", "lips")
"""Parts of a template that are a face's outer skin."""

# Where a template names no landmarks: millimetres from the nose tip or the lips, those of ICT-FaceKit's mean head.
_EYE_UP, _EYE_ASIDE, _EYE_BACK = 33.0, 31.0, 51.0
_CHIN_DOWN, _CHIN_BOTTOM_DOWN = 27.3, 42.0

_EYE_DEPTH = 13.0
"""Millimetres from the middle of the lids back to the eye's centre."""

_NEIGHBOURS = 8

_SOME, _AT_ONCE = 500, 4_000_000


@dataclass(frozen=True)
class Features:
    """Places on a head at rest, mm in the template's axes.

    Attributes:
        skin: (S,) int32, the template's vertices of the outer skin.
        nose_tip: (3,).
        chin: (3,), the front of the chin.
        chin_bottom: (3,), its lower edge.
        mouth: (3,), where the lips meet, on the midline.
        eyes: (2, 3), the left eye's centre and the right one's.
    """

    skin: NDArray[np.int32]
    nose_tip: NDArray[np.float64]
    chin: NDArray[np.float64]
    chin_bottom: NDArray[np.float64]
    mouth: NDArray[np.float64]
    eyes: NDArray[np.float64]


def features(template: Template, head: NDArray[np.floating[Any]]) -> Features:
    """The places on one head.

    Args:
        template: what the head is registered to.
        head: (V, 3) where the template's vertices lie on it, mm in the template's axes.
    """
    points = np.asarray(head, np.float64)
    skin = vertices_of(template, SKIN_PARTS)
    marks = template.landmarks
    nose = points[marks.get("nose_tip", int(skin[template.vertices[skin, 2].argmax()]))]
    lips = [marks[name] for name in ("upper_lip_bottom", "lower_lip_top") if name in marks]
    mouth = points[lips].mean(axis=0) if lips else nose - (0.0, 35.0, 15.0)
    chin, bottom = (
        points[marks[name]] if name in marks else _foremost(points[skin], mouth, down)
        for name, down in (("chin", _CHIN_DOWN), ("chin_bottom", _CHIN_BOTTOM_DOWN))
    )
    return Features(skin, nose, chin, bottom, mouth, _eyes(template, points, nose))


def vertices_of(template: Template, parts: tuple[str, ...]) -> NDArray[np.int32]:
    """The template's vertices that the named parts' polygons use, ascending; empty where it has no such part."""
    assert template.polygon_part is not None
    wanted = np.isin(template.polygon_part, [number for number, name in enumerate(template.parts) if name in parts])
    corners = np.unique(template.polygons[wanted])
    return corners[corners != ABSENT].astype(np.int32)


def completed(template: Template, places: NDArray[np.floating[Any]], present: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Where a template's vertices lie on a head that lacks some of them.

    What is absent lies beside its nearest neighbours as it does in the template.

    Args:
        template: the head's.
        places: (V, 3) mm; rows that are absent mean nothing.
        present: (V,) which ones the head has; at least one.

    Returns:
        (V, 3) mm.
    """
    out = np.array(places, np.float64)
    absent = np.flatnonzero(~present)
    there = np.flatnonzero(present)
    rest = template.vertices.astype(np.float64)
    if len(absent):
        near, away = nearest(rest[absent], rest[there], _NEIGHBOURS)
        weights = 1 / (away + 1.0) ** 2
        weights /= weights.sum(axis=1, keepdims=True)
        moved = out[there] - rest[there]
        out[absent] = rest[absent] + np.einsum("mk,mki->mi", weights, moved[near])
    return out


def nearest(
    points: NDArray[np.floating[Any]], among: NDArray[np.floating[Any]], count: int
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The nearest of many points, found by comparing all.

    Args:
        points: (M, 3).
        among: (N, 3), at least one.
        count: how many are wanted; fewer where there are fewer.

    Returns:
        (M, count) their numbers, nearest first, and (M, count) distances.
    """
    count = min(count, len(among))
    index, away = np.empty((len(points), count), np.intp), np.empty((len(points), count))
    here, there = np.asarray(points, np.float64), np.asarray(among, np.float64)
    kept = _within_reach(here, there, count)
    middle = there[kept].mean(axis=0) if len(kept) else 0.0
    # Single precision orders them well enough, once they lie round the origin; the distances are exact.
    near = (there[kept] - middle).astype(np.float32)
    step = max(1, _AT_ONCE // max(len(near), 1))
    for first in range(0, len(points), step):
        rows = slice(first, first + step)
        some = (here[rows] - middle).astype(np.float32)
        squares = (near**2).sum(1) - 2 * some @ near.T
        chosen = np.empty((len(some), count), np.intp)
        for column in range(count):  # a few times the smallest: sooner than any sorting
            chosen[:, column] = squares.argmin(axis=1)
            squares[np.arange(len(some)), chosen[:, column]] = np.inf
        found = np.linalg.norm(here[rows][:, None] - there[kept[chosen]], axis=2)
        order = np.argsort(found, axis=1)
        index[rows] = kept[np.take_along_axis(chosen, order, 1)]
        away[rows] = np.take_along_axis(found, order, 1)
    return index, away


def _within_reach(points: NDArray[np.float64], among: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """Which of many points may be among the nearest of any of these."""
    every = np.arange(len(among))
    if not len(points) or len(among) <= 2 * _SOME:
        return every
    # Whoever has so many of a few within a distance has its nearest ones within it.
    _, bound = nearest(points, among[np.linspace(0, len(among) - 1, max(_SOME, count)).astype(int)], count)
    reach = bound.max() + 1.0
    low, high = points.min(axis=0) - reach, points.max(axis=0) + reach
    return every[((among >= low) & (among <= high)).all(axis=1)]


def _foremost(skin: NDArray[np.float64], mouth: NDArray[np.float64], down: float) -> NDArray[np.float64]:
    """(3,) the foremost place of the skin's middle, so many mm below the mouth."""
    level = np.abs(skin[:, 1] - (mouth[1] - down)) < 3
    middle = skin[level & (np.abs(skin[:, 0] - mouth[0]) < 6)]
    front = middle[:, 2].max() if len(middle) else mouth[2] - 8.0
    return np.array([mouth[0], mouth[1] - down, front])


def _eyes(template: Template, points: NDArray[np.float64], nose: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2, 3): of the template's own eyes, else behind the corners of the lids, else above the nose tip."""
    own = vertices_of(template, EYEBALL_PARTS)
    found = []
    for side, sign in (("left", 1.0), ("right", -1.0)):
        here = own[template.vertices[own, 0] * sign > 0]
        names = [f"{side}_{name}" for name in ("eye_inner", "eye_outer", "lid_upper", "lid_lower")]
        marks = [template.landmarks[name] for name in names if name in template.landmarks]
        if len(here):
            found.append((points[here].min(axis=0) + points[here].max(axis=0)) / 2)
        elif len(marks) == len(names):
            found.append(points[marks].mean(axis=0) - (0, 0, _EYE_DEPTH))
        else:
            found.append(nose + np.array([sign * _EYE_ASIDE, _EYE_UP, -_EYE_BACK]))
    return np.stack(found)
