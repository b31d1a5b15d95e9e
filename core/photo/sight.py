"""One photo in a fit: where its camera is guessed to be, and what each unknown moves in the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..detection.faces import LEFT_EYE, RIGHT_EYE
from ..errors import MienError
from ..wrapping.spline import similarity
from .camera import NEAREST, Camera

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ..template import Template
    from .fitted import View
    from .kit import PhotoKit

    Floats = NDArray[np.float64]

CAMERA = 7
"""Unknowns of a camera: three turns, three shifts, the logarithm of the focal length."""

TURNS = 6
"""Functions of how a face is turned; see `turn_terms`."""

FOCAL = 1.5
"""Focal length, in lengths of the photo's longer side, that is believed where the file tells none: photos of faces are
taken from arm's length to some metres, and cropped."""

FOCAL_GUESSED, FOCAL_TOLD = 0.4, 0.05
"""Standard deviation of its logarithm."""


@dataclass(frozen=True)
class Sight:
    """A guess of one photo.

    Attributes:
        camera: of the photo.
        strengths: (E,) of the expressions, standard deviations.
        usual: the focal length that is expected, in pixels.
        deviation: of its logarithm.
    """

    camera: Camera
    strengths: Floats
    usual: float
    deviation: float

    def stepped(self, step: Floats) -> Sight:
        """After small changes: (7 + E,) turns in radians, shifts in mm, logarithm of the focal length, strengths."""
        now = self.camera
        rotation = _turn(step[:3]) @ now.rotation
        shift = now.shift + step[3:6]
        # Nobody is photographed through the lens.
        shift[2] = min(shift[2], -50.0)
        focal = now.focal * float(np.exp(np.clip(step[6], -0.5, 0.5)))
        moved = Camera(rotation, shift, focal, now.centre)
        return Sight(moved, self.strengths + step[CAMERA:], self.usual, self.deviation)


def begin(view: View, kit: PhotoKit, template: Template) -> Sight:
    """The first guess: the mean face, laid onto the points by a similarity, or onto the marks by a flat view.

    Raises:
        MienError: too few marks, or all on a line.
    """
    picture = view.picture
    usual = picture.focal or FOCAL * max(picture.width, picture.height)
    deviation = FOCAL_TOLD if picture.focal else FOCAL_GUESSED
    centre = np.array([picture.width / 2, picture.height / 2])
    if view.points is not None:
        there = view.points * [1.0, -1.0, 1.0] - [centre[0], -centre[1], 0.0]
        found = similarity(kit.points_of(template.vertices), there)
        scale, rotation, shift = found.scale, found.rotation, found.shift
    else:
        scale, rotation, shift = _flat(view.marks, template, centre)
    depth = usual / scale
    camera = Camera(rotation, np.array([shift[0] / scale, shift[1] / scale, -depth]), usual, centre)
    return Sight(camera, np.zeros(len(kit.expressions)), usual, deviation)


def _flat(marks: Mapping[str, Floats], template: Template, centre: Floats) -> tuple[float, Floats, Floats]:
    """Scale, rotation and shift of a view without perspective by marks alone."""
    if len(marks) < 6:
        raise MienError(f"{len(marks)} landmarks are too few for a photo.", "Place at least six.")
    places = np.array([template.vertices[template.landmarks[name]] for name in marks], np.float64)
    there = (np.array(list(marks.values())) - centre) * [1.0, -1.0]
    middle, seen = places.mean(axis=0), there.mean(axis=0)
    rows = np.linalg.lstsq(places - middle, there - seen, rcond=1e-6)[0].T
    scale = float(np.linalg.norm(rows, axis=1).mean())
    if not scale > 0:
        raise MienError("All landmarks of a photo lie on one spot.", "Place them on the face.")
    left, _, right = np.linalg.svd(np.vstack([rows, np.cross(rows[0], rows[1]) / scale]))
    rotation = left @ right
    if np.linalg.det(rotation) < 0:
        raise MienError("The landmarks of a photo make no face.", "Left and right are the person's own.")
    return scale, rotation, np.array([*(seen - scale * rotation[:2] @ middle), 0.0])


@dataclass(frozen=True)
class Seen:
    """Places of a face in a picture, and what moves them.

    Attributes:
        places: (n, 3) pixels from the lens' middle: to the right, up, and towards the viewer as if seen there.
        jacobian: (7 + m, n, 3) how each unknown moves them.
        scale: pixels that a mm is, about.
    """

    places: Floats
    jacobian: Floats
    scale: float


def look(camera: Camera, points: Floats, moves: Floats) -> Seen:
    """Projects.

    Args:
        camera: of the photo.
        points: (n, 3) mm in the template's frame.
        moves: (m, n, 3) how unknowns of the face move them.
    """
    turned = points @ camera.rotation.T
    at = turned + camera.shift
    depth = np.maximum(-at[:, 2], NEAREST)
    scale = camera.focal / float(depth.mean())
    near = camera.focal / depth
    places = np.column_stack([at[:, 0] * near, at[:, 1] * near, at[:, 2] * scale])
    x, y, z = turned.T
    none = np.zeros_like(x)
    turns = [(none, -z, y), (z, none, -x), (-y, x, none)]
    ways = [np.stack(one, axis=1) for one in turns] + [np.broadcast_to(one, points.shape) for one in np.eye(3)]
    moved = np.concatenate([np.stack(ways), moves @ camera.rotation.T])
    jacobian = np.empty((CAMERA + len(moves), len(points), 3))
    rows = np.r_[0:6, CAMERA : CAMERA + len(moves)]
    jacobian[rows, :, :2] = near[:, None] * (moved[:, :, :2] + (at[:, :2] / depth[:, None]) * moved[:, :, 2:])
    # What brings the whole face nearer shows it larger, and so deeper.
    deeper = (at[:, 2] - at[:, 2].mean()) * moved[:, :, 2].mean(axis=1, keepdims=True) / float(depth.mean())
    jacobian[rows, :, 2] = scale * (moved[:, :, 2] + deeper)
    jacobian[6, :, :2] = places[:, :2]
    # A longer lens makes all bigger; how deep the face looks in it is the same measure.
    jacobian[6, :, 2] = places[:, 2] - places[:, 2].mean()
    return Seen(places, jacobian, scale)


def upright(points: Floats) -> Floats:
    """(2, 2) turns the picture until the line between the eyes lies straight; of (468, 2 or 3) places, up positive."""
    across = points[list(LEFT_EYE), :2].mean(axis=0) - points[list(RIGHT_EYE), :2].mean(axis=0)
    cosine, sine = across / max(float(np.linalg.norm(across)), 1e-9)
    return np.array([[cosine, sine], [-sine, cosine]])


def turn_terms(rotation: NDArray[np.floating[Any]]) -> Floats:
    """(6,) 1, y, p, y^2, y p, p^2 of a face's turn.

    Args:
        rotation: (3, 3) of a `Camera`. y is how far the face looks to the picture's right, p how far up: the first two
            of its forward axis, sines of angles.
    """
    y, p = rotation[0, 2], rotation[1, 2]
    return np.array([1.0, y, p, y * y, y * p, p * p])


def _turn(vector: Floats) -> Floats:
    """Rodrigues."""
    angle = float(np.linalg.norm(vector))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = vector / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)
