"""The two face networks: one finds a face in a picture, the other the 468 points of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from .network import Network
from .views import sample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

POINTS = 468
"""How many points the second network finds."""

RIGHT_EYE, LEFT_EYE = (33, 133), (263, 362)
"""Its points at the outer and inner corner of each eye; the face's own right and left."""

MOUTH = (61, 291)
"""Its points at the right and left corner of the mouth."""

_GRIDS = ((16, 2), (8, 6))
"""The first network's grids: cells in a row, and faces it may find in a cell."""

ROOM = 1.5
"""The second network wants so much more than the face's own square."""

_SAME = 0.4
"""Two squares are of one face where so much of the smaller one lies in the other."""


@dataclass(frozen=True)
class Crop:
    """A square of a picture.

    Attributes:
        centre: (2,) column and row.
        side: in pixels.
        angle: of its upper edge, in radians; clockwise in the picture.
    """

    centre: Floats
    side: float
    angle: float = 0.0

    def to_picture(self, places: Floats) -> Floats:
        """(n, 2) places in the crop, 0 to 1 -> columns and rows of the picture."""
        cosine, sine = np.cos(self.angle), np.sin(self.angle)
        return np.asarray(self.centre + (places - 0.5) @ np.array([[cosine, sine], [-sine, cosine]]) * self.side)

    def from_picture(self, places: Floats) -> Floats:
        """(n, 2) columns and rows of the picture -> places in the crop, 0 to 1."""
        cosine, sine = np.cos(self.angle), np.sin(self.angle)
        return np.asarray((places - self.centre) @ np.array([[cosine, -sine], [sine, cosine]]) / self.side + 0.5)

    def cut(self, picture: NDArray[np.float32], size: int) -> NDArray[np.float32]:
        """(size, size, 3) what it shows."""
        steps = (np.arange(size) + 0.5) / size
        grid = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
        return sample(picture, self.to_picture(grid)).reshape(size, size, 3)


@dataclass(frozen=True)
class Face:
    """What the second network sees in a crop.

    Attributes:
        points: (468, 2) columns and rows of the picture.
        score: how sure it is that this is a face, 0 to 1.
        depth: (468,) how far each point lies towards the viewer, in pixels, as far as one picture tells; where 0 is
            does not matter.
    """

    points: Floats
    score: float
    depth: Floats


@dataclass(frozen=True)
class Sighting:
    """A face as the first network sees it.

    Attributes:
        crop: for `Reader.read`.
        points: (6, 2) columns and rows of its right and left eye, nose, mouth, right and left ear.
        score: how likely it is, 0 to 1.
    """

    crop: Crop
    points: Floats
    score: float

    @property
    def side(self) -> float:
        """Of the face's own square, in pixels: about from the brows to the chin."""
        return self.crop.side / ROOM

    @property
    def eyes(self) -> float:
        """How far the eyes lie apart, in shares of the face's square."""
        return float(np.linalg.norm(self.points[1] - self.points[0])) / max(self.side, 1e-9)

    def is_also(self, other: Sighting) -> bool:
        """Whether both are of one face: much of the smaller square lies in the other."""
        least = min(self.side, other.side)
        away = np.abs(self.crop.centre - other.crop.centre)
        both = np.clip((self.side + other.side) / 2 - away, 0, least)
        return bool(both.prod() >= _SAME * least**2)


class Reader:
    """Finds faces in pictures.

    Args:
        finder: the file of the first network.
        landmarks: the file of the second.

    Raises:
        MienError: a file is damaged.
    """

    def __init__(self, finder: bytes, landmarks: bytes) -> None:
        self._finder, self._landmarks = Network(finder), Network(landmarks)

    def find(self, picture: NDArray[np.float32]) -> tuple[Crop, float]:
        """The likeliest face in a picture (S, S, 3), as a crop for `read`, and how likely it is, 0 to 1."""
        boxes, scores = self._look(picture)
        best = int(scores.argmax())
        return self._sighting(boxes, scores, best, float(len(picture))).crop, float(scores[best])

    def find_all(self, picture: NDArray[np.float32], least: float) -> list[Sighting]:
        """The faces in a picture (S, S, 3) that are at least so likely, 0 to 1; each once, the likeliest first.

        A face is seen where it takes from an eighth to nine tenths of the picture's width.
        """
        boxes, scores = self._look(picture)
        every = [
            self._sighting(boxes, scores, one, float(len(picture)))
            for one in np.flatnonzero(scores >= least)
            if (boxes[one, 2:4] > 0).all()
        ]
        return apart(every)

    def _look(self, picture: NDArray[np.float32]) -> tuple[Floats, Floats]:
        """(896, 16) what the first network says of each face that it may find, and (896,) how likely each is."""
        size = self._finder.input_shape[0]
        boxes, scores = self._finder(_whole(float(len(picture))).cut(picture, size) * 2 - 1)
        return boxes.astype(np.float64), np.array([_logistic(one) for one in scores[:, 0]])

    def _sighting(self, boxes: Floats, scores: Floats, number: int, side: float) -> Sighting:
        box, points = decode(boxes[number], anchors()[number], self._finder.input_shape[0])
        whole = _whole(side)
        places = whole.to_picture(points)
        crop = Crop(whole.to_picture(box[None, :2])[0], float(box[2:].max()) * side * ROOM, _angle(*places[:2]))
        return Sighting(crop, places, float(scores[number]))

    def read(self, picture: NDArray[np.float32], crop: Crop) -> Face:
        """The points of the face in a crop."""
        size = self._landmarks.input_shape[0]
        points, score = self._landmarks(crop.cut(picture, size))
        places = points.reshape(POINTS, 3).astype(np.float64) / size
        return Face(crop.to_picture(places[:, :2]), float(_logistic(score.ravel()[0])), -places[:, 2] * crop.side)


def eye_distance(points: Floats) -> float:
    """How far the outer corners of the eyes lie apart, of (468, 3) points in any unit."""
    return float(np.linalg.norm(points[RIGHT_EYE[0]] - points[LEFT_EYE[0]]))


def crop_around(points: Floats) -> Crop:
    """The crop the second network likes best, for (468, 2) points that are about right."""
    angle = _angle(points[list(RIGHT_EYE)].mean(axis=0), points[list(LEFT_EYE)].mean(axis=0))
    cosine, sine = np.cos(angle), np.sin(angle)
    turn = np.array([[cosine, -sine], [sine, cosine]])
    upright = points @ turn
    low, high = upright.min(axis=0), upright.max(axis=0)
    return Crop((low + high) / 2 @ turn.T, float((high - low).max()) * ROOM, angle)


def apart(sightings: Sequence[Sighting]) -> list[Sighting]:
    """Each face once, the likeliest of it; the likeliest first."""
    kept: list[Sighting] = []
    for one in sorted(sightings, key=lambda one: one.score, reverse=True):
        if all(not one.is_also(other) for other in kept):
            kept.append(one)
    return kept


def _whole(side: float) -> Crop:
    return Crop(np.full(2, side / 2), side)


@lru_cache(maxsize=1)
def anchors() -> Floats:
    """(896, 2) the middle of the cell of each face that the first network may find, 0 to 1."""
    grids = []
    for cells, faces in _GRIDS:
        steps = (np.arange(cells) + 0.5) / cells
        grid = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
        grids.append(np.repeat(grid, faces, axis=0))
    return np.concatenate(grids)


def decode(box: Floats, anchor: Floats, size: int) -> tuple[Floats, Floats]:
    """What the first network says of one face: 16 numbers, in pixels from the anchor.

    Returns:
        (4,) the box's middle, width and height, and (6, 2) its right and left eye, nose, mouth, right and left ear,
        all from 0 to 1.
    """
    pairs = box.reshape(8, 2) / size
    return np.concatenate([pairs[0] + anchor, pairs[1]]), pairs[2:] + anchor


def _angle(right: Floats, left: Floats) -> float:
    """Of the line between the eyes: 0 where the face's left eye lies straight to the picture's right."""
    across = left - right
    return float(np.arctan2(across[1], across[0]))


def _logistic(value: float) -> float:
    return float(1 / (1 + np.exp(-np.clip(value, -80, 80))))
