"""A person is fitted to photos: pose, lens, identity and expression at the same time.

What each photo's points tell of the person is asked first, see `measurement.py`: a Gaussian of the modes' strengths c,
with the mean m and the precision P; without a detector it is that of all people. The unknowns then are c, shared by all
photos, and for each photo the camera (turn, shift, focal length) and the strengths e of the expressions. They minimise

    (c - m)' P (c - m) + sum over photos of |e|^2 + (log f - log f0)^2 / s^2 + r' C^-1 r + sum over marks of |d|^2 / t^2

with r what the photo's points are off from those of such a face, and C the covariance of what they err. Since m has
what they tell of the person already, P is larger there than it is: so they do not count twice but where they tell best.
Marks, which a person placed, still count. Gauss and Newton's steps, damped after Levenberg and Marquardt; each is
solved by numpy's LAPACK.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..errors import Cancelled, MienError
from ..steps import Step
from .coding import Prior
from .fitted import Fitted, View
from .measurement import Measurement, measure
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

_SURER = 10.0
"""By how much what points tell of the person is taken for surer than it is while the same points are fitted."""


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
    model, told = Model(bundle), []
    for number, view in enumerate(views):
        if cancelled is not None and cancelled():
            raise Cancelled
        yield Step(number, len(views) + ROUNDS, "measuring the photos")
        told.append(measure(view, model.kit, bundle.template))
    right = [view if one is None else replace(view, points=one.points) for view, one in zip(views, told, strict=True)]
    prior = _prior(model, told)
    sights = [begin(view, model.kit, bundle.template) for view in right]
    terms = [PointTerms(model, view, sight) for view, sight in zip(right, sights, strict=True)]
    person, damping = prior.mean, 1.0
    for number in range(ROUNDS):
        if cancelled is not None and cancelled():
            raise Cancelled
        yield Step(len(views) + number, len(views) + ROUNDS, "finding the person")
        person, sights, gain, damping = _round(terms, prior, person, sights, damping)
        if number > 3 and gain < _ENOUGH:
            break
    return _fitted(model, person, sights, terms, told)


def _prior(model: Model, told: Sequence[Measurement | None]) -> Prior:
    """What photos tell of the person; where none tells anything, that of all people."""
    guesses = [one.guess for one in told if one is not None and one.guess is not None]
    if not guesses:
        return Prior(np.zeros(model.modes), np.eye(model.modes))
    assert model.kit.coding is not None
    return model.kit.coding.person_of(guesses, _SURER)


def _fitted(
    model: Model, person: Floats, sights: list[Sight], terms: list[PointTerms], told: Sequence[Measurement | None]
) -> Fitted:
    neutral = model.posed(person, np.zeros(len(model.kit.expressions)))
    posed = tuple(model.posed(person, sight.strengths).astype(np.float32) for sight in sights)
    cameras = tuple(sight.camera for sight in sights)
    met = tuple(term.off(person, sight) for term, sight in zip(terms, sights, strict=True))
    off = tuple(
        found if one is None else one.off(camera.project(model.kit.points_of(face)), term.unit)
        for found, one, camera, face, term in zip(met, told, cameras, posed, terms, strict=True)
    )
    return Fitted(neutral.astype(np.float32), person, cameras, posed, off, met)


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
    terms: list[PointTerms], prior: Prior, person: Floats, sights: list[Sight], damping: float
) -> tuple[Floats, list[Sight], float, float]:
    """The first step that betters the cost; none where there is none. With the share of the cost that it took away."""
    count, system = len(person), _system(terms, prior, person, sights)
    for _ in range(_TRIES):
        step = np.linalg.solve(system.matrix + damping * np.diag(np.diag(system.matrix)), system.right)
        own = step[count:].reshape(len(sights), -1)
        tried = [sight.stepped(part) for sight, part in zip(sights, own, strict=True)]
        then = _system(terms, prior, person + step[:count], tried)
        if np.isfinite(then.cost) and then.cost < system.cost:
            return person + step[:count], tried, 1 - then.cost / system.cost, max(damping / 8, 1e-9)
        damping *= 6
    return person, sights, 0.0, damping


def _system(terms: list[PointTerms], prior: Prior, person: Floats, sights: list[Sight]) -> System:
    count, own = len(person), CAMERA + len(sights[0].strengths)
    size = count + own * len(sights)
    away = person - prior.mean
    matrix, right, cost = np.zeros((size, size)), np.zeros(size), float(away @ prior.precision @ away)
    matrix[:count, :count] = prior.precision
    right[:count] = -prior.precision @ away
    for number, (term, sight) in enumerate(zip(terms, sights, strict=True)):
        first = count + own * number
        rows = np.r_[0:count, first : first + own]
        more, pull, costs = term(person, sight)
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
