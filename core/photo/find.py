"""The face in a photo: found, read, and refused in a sentence where nothing good would come of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..detection.faces import LEFT_EYE, MOUTH, RIGHT_EYE, ROOM, Face, eye_distance
from ..detection.views import sample
from ..errors import PhotoError
from ..steps import waited
from .search import SMALL, Candidate, over_grey, read_surely, search

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from numpy.typing import NDArray

    from ..detection.faces import Reader
    from ..steps import Step
    from .picture import Picture

    Floats = NDArray[np.float64]

FEWEST_PIXELS = 24
"""Between the eyes' outer corners; below, the points of a photo shrunk so far are off by more than one percent of it,
which is more than the detector's own error."""

_SQUARE = 1.5
"""The face's square beside the distance between the eyes' outer corners, about."""

FARTHEST_TURN = 60.0
"""Degrees; beyond, the network guesses."""

_MEASURED, _TRUE = (0.0, 40.0, 46.0, 52.0, 58.0, 62.0), (0.0, 40.0, 50.0, 60.0, 70.0, 80.0)
"""Turns as the points show them, and as they are: by rendered heads that were turned."""

_OUTSIDE, _SEE_THROUGH = 0.05, 0.15
"""Shares of the points that may lie beside the photo (hair does), or where it is see-through (the outline does)."""

_LOOKS_ASIDE = 0.25
"""Eyes nearer to each other than this, in shares of the face's square, look aside."""

_INNER = 0.5 + np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * 0.4 / ROOM
"""Corners of the middle of a crop, which a face surely fills."""

_LIKELY = 0.75
"""How likely the first network must call a face to be told that it is too small, or looks aside."""


@dataclass(frozen=True)
class Found:
    """A face in a photo.

    Attributes:
        points: (468, 3) column, row, and how far towards the viewer, in pixels of the photo.
        score: how sure the network is that this is a face, 0 to 1.
        faces: how many were seen, without those in the background, smaller than half of the largest.
        turn: how far it looks aside, in degrees, about; to the right of the picture (were the head upright in it)
            above 0.
    """

    points: Floats
    score: float
    faces: int
    turn: float

    @property
    def pixels(self) -> float:
        """Between the outer corners of the eyes, were the face seen from the front."""
        return eye_distance(self.points)


def find(
    picture: Picture,
    reader: Reader,
    which: int = 0,
    cancelled: Callable[[], bool] | None = None,
    near: Floats | None = None,
) -> Found:
    """Finds the face of a photo; see `find_in_steps`."""
    return waited(find_in_steps(picture, reader, which, cancelled, near))


def find_in_steps(
    picture: Picture,
    reader: Reader,
    which: int = 0,
    cancelled: Callable[[], bool] | None = None,
    near: Floats | None = None,
) -> Generator[Step, None, Found]:
    """Finds the face of a photo, also where the photo lies on its side or stands on its head.

    Args:
        picture: the photo.
        reader: the two networks.
        which: of several faces, counted from the left, from 1 on; 0 for the only one. Faces in the background, smaller
            than half of the largest, do not count.
        cancelled: asked between steps.
        near: (2,) column and row of a place in the face that is meant, in the place of `which`.

    Yields:
        A step before each window that is looked at.

    Raises:
        PhotoError: there is no face, there are several and it is not said which, or it is none that can be used: too
            small, seen from the side, cut off by the edge, see-through.
        Cancelled: as it was asked.
    """
    every = yield from search(picture, reader, FEWEST_PIXELS * _SQUARE, cancelled)
    faces = _counting([one for one in every if one.is_face])
    if not faces:
        raise _nobody(every, picture)
    chosen = _nearest(faces, near) if near is not None and not which else _chosen(faces, which, picture.name)
    face = read_surely(over_grey(picture), chosen, reader)
    assert face is not None
    _check(face, picture)
    points = np.column_stack([face.points, face.depth])
    return Found(points, face.score, len(faces), turn_of(points))


def turn_of(points: Floats) -> float:
    """How far a face (468, 3) looks aside, in degrees, about; see `Found.turn`."""
    up_positive = points * [1.0, -1.0, 1.0]
    right, left, mouth = (up_positive[list(names)].mean(axis=0) for names in (RIGHT_EYE, LEFT_EYE, MOUTH))
    across, upwards = left - right, (left + right) / 2 - mouth
    forward = np.cross(across, upwards)
    # In the picture turned until the eyes lie straight in it.
    straight = across[:2] / max(float(np.linalg.norm(across[:2])), 1e-9)
    measured = float(np.degrees(np.arctan2(forward[:2] @ straight, forward[2])))
    return float(np.copysign(np.interp(abs(measured), _MEASURED, _TRUE), measured))


def _counting(faces: list[Candidate]) -> list[Candidate]:
    """Those that are not background, from the left to the right."""
    largest = max((one.square.side for one in faces), default=0.0)
    counting = [one for one in faces if one.square.side >= SMALL * largest]
    return sorted(counting, key=lambda one: float(one.square.centre[0]))


def _nearest(faces: list[Candidate], place: Floats) -> Candidate:
    return min(faces, key=lambda one: float(np.linalg.norm(one.square.centre - place)))


def _chosen(faces: list[Candidate], which: int, name: str) -> Candidate:
    if which > len(faces):
        raise PhotoError(
            f"{name} shows {_counted(len(faces))}, so there is no number {which}.",
            "Choose another number, counted from the left; faces smaller than half of the largest do not count.",
        )
    if which <= 0 and len(faces) > 1:
        raise PhotoError(
            f"{name} shows {_counted(len(faces))}.",
            f"Choose one by its number, 1 to {len(faces)} from the left, or crop the photo.",
        )
    return faces[max(which, 1) - 1]


def _counted(count: int) -> str:
    return "one face" if count == 1 else f"{count} faces"


def _nobody(every: list[Candidate], picture: Picture) -> PhotoError:
    """What to say where the second network sees no face."""
    likely = [one.sighting for one in every if one.sighting.score >= _LIKELY]
    best = max(likely, key=lambda one: one.side, default=None)
    if best is not None and best.side < FEWEST_PIXELS * _SQUARE:
        return _tiny(picture.name, best.side / _SQUARE)
    if best is not None and best.eyes < _LOOKS_ASIDE:
        return _aside(picture.name)
    if best is not None and _beside(best.crop.to_picture(_INNER), picture).any():
        return _cut_off(picture.name)
    where = f"the solid part of {picture.name}" if picture.alpha is not None else picture.name
    return PhotoError(
        f"Mien sees no face in {where}.",
        "Take a photo in which the face is large, well lit, not covered, and looks roughly at the camera.",
    )


def _check(face: Face, picture: Picture) -> None:
    points, name = np.column_stack([face.points, face.depth]), picture.name
    if eye_distance(points) < FEWEST_PIXELS:
        raise _tiny(name, eye_distance(points))
    if abs(turn_of(points)) > FARTHEST_TURN:
        raise _aside(name)
    if _beside(face.points, picture).mean() > _OUTSIDE:
        raise _cut_off(name)
    if picture.alpha is not None:
        solid = sample(picture.alpha[:, :, None], face.points)[:, 0]
        if (solid < 0.5).mean() > _SEE_THROUGH:
            raise PhotoError(
                f"The face in {name} lies where the picture is see-through.",
                "Take a photo whose face is solid, such as the one that this was cut out of.",
            )


def _beside(places: Floats, picture: Picture) -> NDArray[np.bool_]:
    """(n,) which of (n, 2) columns and rows lie beside the photo."""
    return np.asarray(((places < 0) | (places > [picture.width, picture.height])).any(axis=1))


def _cut_off(name: str) -> PhotoError:
    return PhotoError(f"The face in {name} is cut off by the edge.", "Take a photo that shows the whole face.")


def _tiny(name: str, pixels: float) -> PhotoError:
    return PhotoError(
        f"The face in {name} is too small: {pixels:.0f} pixels from eye to eye, and {FEWEST_PIXELS} are needed.",
        "Take a photo from nearer, or one with more pixels; 100 from eye to eye and more are good.",
    )


def _aside(name: str) -> PhotoError:
    return PhotoError(
        f"The face in {name} is seen from the side.",
        f"Take a photo in which it looks at the camera, or at most {FARTHEST_TURN:.0f} degrees past it.",
    )
