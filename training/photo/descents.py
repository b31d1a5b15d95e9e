"""How far the detector is off, by what is around its points: learned from photos whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from core.photo.descent import Descent, strangeness
from core.photo.gradients import FEATURES, Around, flipped
from core.photo.scaling import shrunk
from core.photo.sight import upright

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from core.photo.kit import PhotoKit
    from core.photo.measurement import Home

    from .learn import Shot

    Floats = NDArray[np.float64]

_RIDGE = 0.3
"""Doubt of each feature, in features' mean squares."""

_FADED, _GREY, _BLURRED = 0.5, 0.4, 0.7
"""Shares of photos that are learned from a second time, worse than they are; and of those that are then grey, and that
have fewer pixels."""

_BLUR = 0.25, 0.9
"""Pixels that are left for each."""

_LEAST = 0.02
"""Standard deviation of every feature at least."""

_USUAL, _STRANGE = 0.98, 2.0
"""Share of the places learned from that are familiar; how many times as strange what is not believed at all is."""


@dataclass(frozen=True)
class Look:
    """What is around the points in a photo, and how far they have to go.

    Attributes:
        person: number.
        features: (468, 432) float16.
        moves: (468, 2) eye distances to the right and up in the upright picture.
    """

    person: int
    features: NDArray[np.float16]
    moves: Floats


def looks(person: int, shot: Shot, kit: PhotoKit, home: Home, rng: np.random.Generator) -> list[Look]:
    """A photo as it is, and then for some as it might have been.

    Args:
        person: number.
        shot: the photo.
        kit: where the points lie.
        home: the same.
        rng: of all photos, one after the other.
    """
    eyes = home.pixels(shot.points)
    true = shot.camera.project(kit.points_of(shot.posed))
    moves = (true - shot.points[:, :2]) * [1.0, -1.0] @ upright(shot.points * [1.0, -1.0, 1.0]).T / eyes
    seen = [Around(shot.colours, shot.points, eyes).features(shot.points[:, :2])]
    if rng.random() < _FADED:
        colours, scale = _worse(shot.colours, rng)
        points = shot.points * [*scale, float(scale.mean())]
        seen.append(Around(colours, points, eyes * float(scale.mean())).features(points[:, :2]))
    return [Look(person, one.astype(np.float16), moves) for one in seen]


def _worse(colours: NDArray[np.float32], rng: np.random.Generator) -> tuple[NDArray[np.float32], Floats]:
    """A photo with fewer pixels, or without colours; and its pixels for each."""
    if rng.random() < _GREY:
        colours = np.repeat(colours.mean(axis=2, keepdims=True), 3, axis=2)
    worse = shrunk(colours, rng.uniform(*_BLUR)) if rng.random() < _BLURRED else colours
    return worse, np.array([worse.shape[1] / colours.shape[1], worse.shape[0] / colours.shape[0]])


def descents(every: Sequence[Look], partner: NDArray[np.integer[Any]], folds: int) -> list[Descent]:
    """Learns from all people; and then as often as is asked, the steps each time from all but every so manieth.

    What is usual, and how far points usually have to go, is told by all.

    Args:
        every: looks.
        partner: (468,) of each point.
        folds: how often; a person's number modulo this, plus 1, is the number of the descent whose steps have not
            learned from that person.
    """
    own = np.flatnonzero(np.arange(len(partner)) <= partner)
    fold = np.tile(np.array([one.person for one in every]) % folds, 2)
    parts = [np.flatnonzero(fold == number) for number in range(-1, folds)]
    found = [_lesson(every, point, int(partner[point]), parts) for point in own]
    return [
        Descent(np.asarray(partner, np.int32), *map(np.stack, zip(*one, strict=True)))
        for one in zip(*found, strict=True)
    ]


def _lesson(every: Sequence[Look], point: int, other: int, parts: Sequence[NDArray[np.intp]]) -> list[tuple[Any, ...]]:
    """Of a point, for each part that the steps are not to learn from: usual, deviation, shift, steps, familiar."""
    mirror = flipped()
    features = np.array([one.features[point] for one in every] + [one.features[other][mirror] for one in every])
    moves = np.array([one.moves[point] for one in every] + [one.moves[other] * [-1.0, 1.0] for one in every])
    features = features.astype(np.float32)
    usual, shift = features.mean(axis=0), moves.mean(axis=0)
    beyond, away = features - usual, (moves - shift).astype(np.float32)
    square, product = beyond.T @ beyond, beyond.T @ away
    deviation = np.maximum(np.sqrt(np.diag(square) / len(beyond)), _LEAST)
    first = float(np.quantile(strangeness(beyond, deviation), _USUAL))
    familiar = np.array([first, first * _STRANGE])
    doubt = _RIDGE * np.trace(square) / FEATURES * np.eye(FEATURES, dtype=np.float32)
    lessons: list[tuple[Any, ...]] = []
    for part in parts:
        left = square - beyond[part].T @ beyond[part] + doubt
        steps = np.linalg.solve(left, product - beyond[part].T @ away[part])
        lessons.append((usual, deviation, shift, steps, familiar))
    return lessons
