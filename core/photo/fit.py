"""A person is fitted to photos: pose, lens, identity and expression at the same time.

The unknowns are the modes' strengths c and the detector's errors u on this person, both shared by all photos, and for
each photo the camera (turn, shift, focal length) and the strengths e of the expressions. They minimise

    |c|^2 + |u|^2 + sum over photos of |e|^2 + (log f - log f0)^2 / s^2 + r' C^-1 r + sum over marks of |m|^2 / t^2

with r what the detector's points are off from where it would see them on such a face, and C the covariance of what else
it errs: most of it points err together. So a point counts for as much as it tells. Gauss and Newton's steps, damped
after Levenberg and Marquardt; each is solved by numpy's LAPACK.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import Cancelled, MienError
from ..wrapping.wrap import Step
from .fitted import Fitted, View
from .person import Model
from .sight import CAMERA, Sight, begin
from .terms import PointTerms

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from numpy.typing import NDArray

    from ..bundle import Bundle

    Floats = NDArray[np.float64]

ROUNDS = 30
_TRIES = 8
_ENOUGH = 1e-4
"""A round that betters the cost by a smaller share ends the fit."""


def fit(
    bundle: Bundle, views: Sequence[View], cancelled: Callable[[], bool] | None = None
) -> Generator[Step, None, Fitted]:
    """Fits; the same photos give the same person.

    Args:
        bundle: with modes and a kit.
        views: photos of one person.
        cancelled: asked between steps.

    Yields:
        A step before each round.

    Raises:
        MienError: the bundle cannot do it, or the landmarks of a photo make no sense.
        Cancelled: as it was asked.
    """
    if bundle.photo is None or not len(bundle.modes):
        raise MienError("This generator cannot read photos.", "Choose one that can, such as the one that ships.")
    if not views:
        raise MienError("There is no photo.", "Choose one.")
    model = Model(bundle)
    sights = [begin(view, model.kit, bundle.template) for view in views]
    terms = [PointTerms(model, view, sight) for view, sight in zip(views, sights, strict=True)]
    shared, damping = np.zeros(model.shared), 1.0
    for number in range(ROUNDS):
        if cancelled is not None and cancelled():
            raise Cancelled
        yield Step(number, ROUNDS, "finding the person")
        for term, sight in zip(terms, sights, strict=True):
            term.turn_to(sight)
        shared, sights, gain, damping = _round(terms, shared, sights, damping)
        if number > 3 and gain < _ENOUGH:
            break
    neutral = model.posed(shared, np.zeros(len(model.kit.expressions)))
    posed = tuple(model.posed(shared, sight.strengths).astype(np.float32) for sight in sights)
    off = tuple(term.off(shared, sight) for term, sight in zip(terms, sights, strict=True))
    cameras = tuple(sight.camera for sight in sights)
    return Fitted(neutral.astype(np.float32), shared[: model.modes], cameras, posed, off)


@dataclass(frozen=True)
class System:
    """The linear equations of a round.

    Attributes:
        matrix: (n, n).
        right: (n,).
        cost: what is minimised, here.
    """

    matrix: Floats
    right: Floats
    cost: float


def _round(
    terms: list[PointTerms], shared: Floats, sights: list[Sight], damping: float
) -> tuple[Floats, list[Sight], float, float]:
    """The first step that betters the cost; none where there is none. With the share of the cost that it took away."""
    count, system = len(shared), _system(terms, shared, sights)
    for _ in range(_TRIES):
        step = np.linalg.solve(system.matrix + damping * np.diag(np.diag(system.matrix)), system.right)
        own = step[count:].reshape(len(sights), -1)
        tried = [sight.stepped(part) for sight, part in zip(sights, own, strict=True)]
        then = _system(terms, shared + step[:count], tried)
        if np.isfinite(then.cost) and then.cost < system.cost:
            return shared + step[:count], tried, 1 - then.cost / system.cost, max(damping / 8, 1e-9)
        damping *= 6
    return shared, sights, 0.0, damping


def _system(terms: list[PointTerms], shared: Floats, sights: list[Sight]) -> System:
    count, own = len(shared), CAMERA + len(sights[0].strengths)
    size = count + own * len(sights)
    matrix, right, cost = np.zeros((size, size)), np.zeros(size), float(shared @ shared)
    matrix[range(count), range(count)] = 1.0
    right[:count] = -shared
    for number, (term, sight) in enumerate(zip(terms, sights, strict=True)):
        first = count + own * number
        rows = np.r_[0:count, first : first + own]
        more, pull, costs = term(shared, sight)
        matrix[np.ix_(rows, rows)] += more
        right[rows] += pull
        focal = np.log(sight.camera.focal / sight.usual) / sight.deviation
        matrix[first + 6, first + 6] += sight.deviation**-2
        right[first + 6] -= focal / sight.deviation
        faces = np.arange(first + CAMERA, first + own)
        matrix[faces, faces] += 1.0
        right[faces] -= sight.strengths
        cost += costs + focal**2 + float(sight.strengths @ sight.strengths)
    return System(matrix, right, cost)
