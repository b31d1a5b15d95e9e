"""What one photo asks of a fit: its points, as the detector sees them, and the marks that a person placed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .sight import CAMERA, Sight, bias_of, look, upright

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .fitted import View
    from .person import Model

    Floats = NDArray[np.float64]
    Equations = tuple[Floats, Floats, float]

_TRUSTED = 1.0
"""Eye distances: a point that errs more by itself has no place on this template, and is not counted."""

_MARK, _PUT_RIGHT = 0.015, 0.006
"""Eye distances by which a mark that a person places is usually off, and one that puts the detector right: it stands
against all the points around it."""


class PointTerms:
    """The points and marks of one photo.

    Args:
        model: of the face.
        view: the photo.
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

    def turn_to(self, sight: Sight) -> None:
        """The bias that a face turned like this has; it stays until told otherwise."""
        if self._view.points is not None:
            self._bias = bias_of(self._model.kit, sight.camera, self._turn)

    def __call__(self, shared: Floats, sight: Sight) -> Equations:
        """(n, n), (n,) and the cost; the unknowns are those that are shared, the camera, the expressions."""
        size = len(shared) + CAMERA + len(sight.strengths)
        matrix, right, cost = np.zeros((size, size)), np.zeros(size), 0.0
        if self._view.points is not None:
            left, jacobian = self._points_off(shared, sight)
            more, pull = self._model.noise.normal(jacobian.reshape(size, -1), left.reshape(-1))
            matrix, right, cost = matrix + more, right + pull, cost + self._model.noise.cost(left.reshape(-1))
        if len(self._marked):
            left, jacobian = self._marks_off(shared, sight)
            usual = _MARK if self._view.points is None else _PUT_RIGHT
            rows, flat = jacobian.reshape(size, -1) / usual, left.reshape(-1) / usual
            matrix, right, cost = matrix + rows @ rows.T, right + rows @ flat, cost + float(flat @ flat)
        return matrix, right, cost

    def _points_off(self, shared: Floats, sight: Sight) -> tuple[Floats, Floats]:
        """(468, 3) in eye distances, in the upright picture; and (n, 468, 3) how the unknowns change what is fitted."""
        model = self._model
        strengths = model.strengths(shared, sight.strengths)
        seen = look(sight.camera, model.points + np.tensordot(strengths, model.point_moves, axes=1), model.point_moves)
        left = (self._points - seen.places) / self.unit
        left[:, :2] = left[:, :2] @ self._turn.T
        left -= self._bias
        left -= np.tensordot(strengths, model.leaning, axes=1)
        left -= np.tensordot(shared[model.modes :], model.person, axes=1)
        left[:, 2] -= left[:, 2].mean()
        moved = seen.jacobian / self.unit
        moved[:, :, :2] = moved[:, :, :2] @ self._turn.T
        moved[CAMERA:] += model.leaning
        return left, _ordered(moved, model, model.person)

    def _marks_off(self, shared: Floats, sight: Sight) -> tuple[Floats, Floats]:
        model = self._model
        moves = model.moves[:, self._marked]
        places = np.tensordot(model.strengths(shared, sight.strengths), moves, axes=1)
        seen = look(sight.camera, model.vertices[self._marked] + places, moves)
        nothing = np.zeros((len(model.person), len(places), 2))
        left = (self._marks - seen.places[:, :2]) / self.unit
        return left, _ordered(seen.jacobian[:, :, :2] / self.unit, model, nothing)

    def off(self, shared: Floats, sight: Sight) -> float:
        """Root mean square distance in the picture, percent of the eye distance."""
        if self._view.points is not None:
            known = (self._model.kit.spread < _TRUSTED).all(axis=1)
            left = self._points_off(shared, sight)[0][known]
        else:
            left = self._marks_off(shared, sight)[0]
        return float(100 * np.sqrt((left[:, :2] ** 2).sum(axis=1).mean()))


def _ordered(jacobian: Floats, model: Model, person: Floats) -> Floats:
    """Camera, modes, expressions -> modes, the detector's errors on the person, camera, expressions."""
    last = CAMERA + model.modes
    return np.concatenate([jacobian[CAMERA:last], person, jacobian[:CAMERA], jacobian[last:]])
