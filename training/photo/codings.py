"""Points that were put right tell together where they are, and of whom: learned from photos whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from core.photo.coding import Coding
from core.photo.sight import TURNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

CODES = 120
"""Beside the guesses of modes."""

_FOLDS = 8
_HARDLY, _TINY = 1e-3, 1e-6
_RIDGE, _RIDGE_CODES = 0.3, 1e-3
"""Doubt of what a point says, in mean squares of a photo's points; of what a code says, in mean squares of a code."""

_LEAST = 1e-3
"""Of the largest variance of what guesses are off by, the smallest."""

_FLOOR = 0.003
"""Eye distances that every point errs at least."""

_MIRROR = np.array([1, -1, 1, 1, -1, 1])
"""Terms of the turn of a mirrored face, beside those of the face."""


_ACROSS = np.array([[1, -1, -1], [-1, 1, 1], [-1, 1, 1]])
"""Numbers of the rotation of a mirrored face, beside those of the face."""


@dataclass(frozen=True)
class Said:
    """Points of a photo that were put right, and the truth; both laid onto the template by the former.

    Attributes:
        left: (468, 3) where they lie, in eye distances from the template's.
        true: (468, 3) where they ought to.
        terms: (6,) of the turn.
        upright: (3, 3) from the template's axes to those of the upright picture.
    """

    left: Floats
    true: Floats
    terms: Floats
    upright: Floats


@dataclass(frozen=True)
class Lesson:
    """What was learned.

    Attributes:
        coding: see `Coding`.
        spread: (468, 3) by how much each decoded point errs, to the right, up and towards the viewer in the upright
            picture.
    """

    coding: Coding
    spread: Floats


def coded(people: Sequence[Sequence[Said]], strengths: Floats, mirror: Mirror) -> Lesson:
    """Learns; what guesses and points are off by is told by codes that other people taught, in maps that all taught.

    Args:
        people: of each person all photos, the same number of each.
        strengths: (P, M) of the modes, of each person.
        mirror: how people look in a mirror.
    """
    each = len(people[0])
    left, true = (
        mirror.both(np.array([[getattr(one, name) for one in who] for who in people])) for name in ("left", "true")
    )
    terms = np.array([[one.terms for one in who] for who in people])
    terms = np.concatenate([terms, terms * _MIRROR]).reshape(-1, TURNS)
    left, true = (one.reshape(len(terms), -1) for one in (left, true))
    who = np.concatenate([strengths, strengths @ mirror.strengths])
    whose = np.repeat(who, each, axis=0)
    fold = np.tile(np.repeat(np.arange(len(people)), each) % _FOLDS, 2)
    turned = np.linalg.lstsq(terms, left, rcond=None)[0]
    beside = left - terms @ turned
    weights = _ridge(beside, np.concatenate([whose, true - terms @ turned], axis=1), _RIDGE)
    # What is said of where the points are goes through few codes: the strongest ways of what it says.
    ways = _strongest(beside @ weights[:, who.shape[1] :])
    codes = np.concatenate([weights[:, : who.shape[1]], weights[:, who.shape[1] :] @ ways.T], axis=1)
    unseen = _unseen(beside, np.concatenate([whose, (true - terms @ turned) @ ways.T], axis=1), fold)
    points = _decoded(terms, beside @ codes, true)
    guesses = unseen[:, : who.shape[1]].reshape(len(who), each, -1)
    answer, between, within = _off(guesses, who)
    maps: list[Any] = [one.reshape(len(one), -1, 3) for one in (turned, codes.T, points)]
    matrices: list[Any] = [answer, between, within]
    coding = Coding(*maps, *matrices)
    off = (np.concatenate([terms, unseen], axis=1) @ points - true).reshape(len(terms), -1, 3)
    turns = np.array([one.upright for who in people for one in who])
    turns = np.concatenate([turns, turns * _ACROSS])
    return Lesson(coding, _spread(off @ turns.transpose(0, 2, 1)))


@dataclass(frozen=True)
class Mirror:
    """How people look in a mirror.

    Attributes:
        partner: (468,) number of each point's partner.
        strengths: (M, M) by which strengths of modes become those of the mirrored person.
    """

    partner: NDArray[np.integer[Any]]
    strengths: Floats

    def both(self, values: Floats) -> Floats:
        """(P, E, 468, 3) -> (2 P, E, 468, 3): people, and their mirror images."""
        return np.concatenate([values, values[:, :, self.partner] * [-1.0, 1.0, 1.0]])


def _strongest(said: Floats) -> Floats:
    """(K, n) ways in which rows (N, n) differ; fewer than there may be where the others hardly count."""
    _, values, ways = np.linalg.svd(said, full_matrices=False)
    return np.asarray(ways[: min(CODES, int((values > _HARDLY * values[0]).sum()))])


def _ridge(given: Floats, wanted: Floats, doubt: float) -> Floats:
    square = given.T @ given
    return np.linalg.solve(square + doubt * np.trace(square) / len(given) * np.eye(len(square)), given.T @ wanted)


def _unseen(given: Floats, wanted: Floats, fold: NDArray[np.integer[Any]]) -> Floats:
    """What each photo is said to show by what was learned from other people."""
    out = np.empty((len(given), wanted.shape[1]))
    for number in range(_FOLDS):
        mine = fold == number
        out[mine] = given[mine] @ _ridge(given[~mine], wanted[~mine], _RIDGE)
    return out


def _decoded(terms: Floats, codes: Floats, true: Floats) -> Floats:
    """(6 + K, n) how true points follow from the turn and the codes."""
    told = np.concatenate([terms, codes], axis=1)
    scale = (codes**2).sum(axis=0)
    doubt = np.diag(np.r_[np.zeros(terms.shape[1]), _RIDGE_CODES * scale])
    return np.linalg.solve(told.T @ told + doubt, told.T @ true)


def _off(guesses: Floats, who: Floats) -> tuple[Floats, Floats, Floats]:
    """Answer, between and within of `Coding`; of guesses (P, E, M) and the truth (P, M)."""
    each = guesses.shape[1]
    answer = np.linalg.lstsq(who, guesses.mean(axis=1), rcond=None)[0].T
    off = guesses - (who @ answer.T)[:, None]
    # So many numbers were fitted to so many people, who stand here twice.
    free = max(1 - 2 * who.shape[1] / len(who), 0.1)
    mean = off.mean(axis=1) / np.sqrt(free)
    rest = (off - off.mean(axis=1, keepdims=True)).reshape(-1, guesses.shape[2])
    within = rest.T @ rest / (len(who) * (each - 1))
    return answer, _floored(mean.T @ mean / len(mean) - within / each), _floored(within)


def _floored(matrix: Floats) -> Floats:
    values, ways = np.linalg.eigh((matrix + matrix.T) / 2)
    return np.asarray((ways * np.maximum(values, max(_LEAST * values.max(), _TINY))) @ ways.T)


def _spread(off: Floats) -> Floats:
    """(468, 3) by how much each point errs; of (N, 468, 3), of which what all points of a photo share is the pose's."""
    own = off - off.mean(axis=1, keepdims=True)
    return np.asarray(np.sqrt(np.maximum((own**2).mean(axis=0), _FLOOR**2)))
