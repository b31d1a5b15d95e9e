"""What one photo asks of a fit: its points, and the marks that a person placed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .sight import CAMERA, Sight, look, upright

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .fitted import View
    from .person import Model

    Floats = NDArray[np.float64]
    Equations = tuple[Floats, Floats, float]

_MARK, _PUT_RIGHT = 0.015, 0.006
"""Eye distances by which a mark that a person places is usually off, and one that puts the detector right: it stands
against all the points around it."""


class PointTerms:
    """The points and marks of one photo.

    Args:
        model: of the face.
        view: the photo; its points as they are after they were put right.
        first: the first guess, whose scale errors are measured in from then on.
    """

    def __init__(self, model: Model, view: View, first: Sight) -> None:
        self._model, self._view = model, view
        # Fixed, or a face that comes nearer would count as one that fits better.
        self.unit = model.eyes * first.camera.focal / -float(first.camera.shift[2])
        centre = np.array([view.picture.width / 2, view.picture.height / 2])
        names = list(view.marks)
        self._marked = np.array([model.bundle.template.landmarks[name] for name in names], np.intp)
        self._marks = (np.array([view.marks[name] for name in names]).reshape(-1, 2) - centre) * [1.0, -1.0]
        if view.points is not None:
            self._points = view.points * [1.0, -1.0, 1.0] - [centre[0], -centre[1], 0.0]
            self._turn = upright(self._points)

    def __call__(self, person: Floats, sight: Sight) -> Equations:
        """(n, n), (n,) and the cost; the unknowns are the person's strengths, the camera, the expressions."""
        size = len(person) + CAMERA + len(sight.strengths)
        matrix, right, cost = np.zeros((size, size)), np.zeros(size), 0.0
        if self._view.points is not None:
            left, jacobian = self._points_off(person, sight)
            more, pull = self._model.noise.normal(jacobian.reshape(size, -1), left.reshape(-1))
            matrix, right, cost = matrix + more, right + pull, cost + self._model.noise.cost(left.reshape(-1))
        if len(self._marked):
            left, jacobian = self._marks_off(person, sight)
            usual = _MARK if self._view.points is None else _PUT_RIGHT
            rows, flat = jacobian.reshape(size, -1) / usual, left.reshape(-1) / usual
            matrix, right, cost = matrix + rows @ rows.T, right + rows @ flat, cost + float(flat @ flat)
        return matrix, right, cost

    def _points_off(self, person: Floats, sight: Sight) -> tuple[Floats, Floats]:
        """(468, 3) in eye distances, in the upright picture; and (n, 468, 3) how the unknowns change what is fitted."""
        model = self._model
        moved = np.tensordot(np.concatenate([person, sight.strengths]), model.point_moves, axes=1)
        seen = look(sight.camera, model.points + moved, model.point_moves)
        left = (self._points - seen.places) / self.unit
        left[:, :2] = left[:, :2] @ self._turn.T
        left[:, 2] -= left[:, 2].mean()
        jacobian = seen.jacobian / self.unit
        jacobian[:, :, :2] = jacobian[:, :, :2] @ self._turn.T
        return left, _ordered(jacobian, model)

    def _marks_off(self, person: Floats, sight: Sight) -> tuple[Floats, Floats]:
        model = self._model
        moves = model.moves[:, self._marked]
        places = np.tensordot(np.concatenate([person, sight.strengths]), moves, axes=1)
        seen = look(sight.camera, model.vertices[self._marked] + places, moves)
        left = (self._marks - seen.places[:, :2]) / self.unit
        return left, _ordered(seen.jacobian[:, :, :2] / self.unit, model)

    def off(self, person: Floats, sight: Sight) -> float:
        """Root mean square distance in the picture, percent of the eye distance."""
        if self._view.points is not None:
            left = self._points_off(person, sight)[0]
        else:
            left = self._marks_off(person, sight)[0]
        return float(100 * np.sqrt((left[:, :2] ** 2).sum(axis=1).mean()))


def _ordered(jacobian: Floats, model: Model) -> Floats:
    """Camera, modes, expressions -> modes, camera, expressions."""
    last = CAMERA + model.modes
    return np.concatenate([jacobian[CAMERA:last], jacobian[:CAMERA], jacobian[last:]])
