"""The two face networks: one finds a face in a picture, the other the 468 points of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .network import Network
from .views import sample

if TYPE_CHECKING:
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

_ROOM = 1.5
"""The second network wants so much more than the face's own square."""


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
    """

    points: Floats
    score: float


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
        size = self._finder.input_shape[0]
        whole = Crop(np.full(2, len(picture) / 2), float(len(picture)))
        boxes, scores = self._finder(whole.cut(picture, size) * 2 - 1)
        best = int(scores[:, 0].argmax())
        box, points = decode(boxes[best].astype(np.float64), anchors()[best], size)
        right, left = whole.to_picture(points[:2])
        middle, side = whole.to_picture(box[None, :2])[0], float(box[2:].max() * whole.side)
        return Crop(middle, side * _ROOM, _angle(right, left)), float(_logistic(scores[best, 0]))

    def read(self, picture: NDArray[np.float32], crop: Crop) -> Face:
        """The points of the face in a crop."""
        size = self._landmarks.input_shape[0]
        points, score = self._landmarks(crop.cut(picture, size))
        places = points.reshape(POINTS, 3)[:, :2].astype(np.float64) / size
        return Face(crop.to_picture(places), float(_logistic(score.ravel()[0])))


def crop_around(points: Floats) -> Crop:
    """The crop the second network likes best, for (468, 2) points that are about right."""
    angle = _angle(points[list(RIGHT_EYE)].mean(axis=0), points[list(LEFT_EYE)].mean(axis=0))
    cosine, sine = np.cos(angle), np.sin(angle)
    turn = np.array([[cosine, -sine], [sine, cosine]])
    upright = points @ turn
    low, high = upright.min(axis=0), upright.max(axis=0)
    return Crop((low + high) / 2 @ turn.T, float((high - low).max()) * _ROOM, angle)


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
