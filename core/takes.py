"""Takes: a seed gives another natural performance of the same labels, and the calm mean has none."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .chance import normal
from .errors import MotionError
from .motion import EXPRESSIONS

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_SEED = 2**31 - 1
MAX_VARIATION = 1.5
_MOST = 2.5  # standard deviations of a style that training has seen often enough
_PERSON = 0.6  # share of the variance that stays the same all take long: the rest is the moment's
_REST = 1e-4  # labels up to this are rest: what the gate lets through there is below 0.01 mm
_STREAM_PERSON, _STREAM_PIECE = 1, 2

REST = -1
"""The piece of labels that belong to no movement."""


@dataclass(frozen=True)
class Take:
    """Which of the many natural performances of the same labels is wanted. Checked when made.

    Attributes:
        seed: of its style, and of its life; None for the calm mean.
        variation: how far the style is from the mean, 0..1.5; 1 as people differ.
        life: 0..1, how strong the micro-movements are; above 0 the face blinks as well.

    Raises:
        MotionError: a number out of its range.
    """

    seed: int | None = None
    variation: float = 1.0
    life: float = 0.0

    def __post_init__(self) -> None:
        whole = self.seed is None or (isinstance(self.seed, (int, np.integer)) and not isinstance(self.seed, bool))
        if not whole or (self.seed is not None and not 0 <= self.seed <= MAX_SEED):
            raise MotionError(f"The seed {self.seed} is no whole number from 0 to {MAX_SEED}.", "Choose another seed.")
        for name, most in (("variation", MAX_VARIATION), ("life", 1.0)):
            value = getattr(self, name)
            if not (math.isfinite(value) and 0 <= value <= most):
                raise MotionError(f"The {name} of a take is {value:g}.", f"Keep it between 0 and {most:g}.")
            object.__setattr__(self, name, float(value))
        # Numbers of numpy's are as good, but no record could keep them.
        object.__setattr__(self, "seed", None if self.seed is None else int(self.seed))


class Pieces(NamedTuple):
    """What the labels so far leave for the style of those to come.

    Attributes:
        counts: movements so far, by the expression that began them.
        piece: whose style the last movement has; see `style`.
        resting: whether the last label was rest, and `before`, the one before it.
    """

    counts: tuple[int, ...] = (0,) * len(EXPRESSIONS)
    piece: int = REST
    resting: bool = True
    before: bool = True


def styles(
    take: Take, labels: NDArray[np.float32], width: int, begun: Pieces | None = None
) -> tuple[NDArray[np.float32], Pieces]:
    """The style of each label.

    A movement goes from rest to rest, and a single label of rest ends none. All of it has one style, which is known by
    the expression that is the strongest as it begins, and by how many movements of that expression came before. So it
    stays the same whatever other expressions come before it, and whenever it comes. At rest the style is what all of
    the take has in common.

    Args:
        take: whose seed and variation count.
        labels: (T, 6), the next ones.
        width: S, numbers of a style.
        begun: what the labels before these left; None at the start.

    Returns:
        (T, S) float32, 0 for the calm mean, and what to go on with.
    """
    begun = begun or Pieces()
    rest = np.concatenate([[begun.before, begun.resting], labels.max(axis=1) <= _REST])
    rises = ~rest[2:] & rest[1:-1] & rest[:-2]
    counts, pieces = list(begun.counts), [begun.piece]
    for column in labels[rises].argmax(axis=1).tolist():
        pieces.append(counts[column] * len(EXPRESSIONS) + column)
        counts[column] += 1
    left = Pieces(tuple(counts), pieces[-1], bool(rest[-1]), bool(rest[-2]))
    if take.seed is None or take.variation == 0:
        return np.zeros((len(labels), width), np.float32), left
    piece = np.where(rest[2:] & rest[1:-1], REST, np.array(pieces)[np.cumsum(rises)])
    numbers, which = np.unique(piece, return_inverse=True)
    return style(take, numbers, width)[which], left


def style(take: Take, pieces: NDArray[np.integer[Any]], width: int) -> NDArray[np.float32]:
    """The styles of some movements of a take that has a seed.

    Movement k has variation (sqrt(0.6) w + sqrt(0.4) w_k), both standard normal, limited to 2.5; rest has the first
    half of it, the mean of all movements.

    Args:
        take: whose seed and variation count.
        pieces: (n,) for each movement 6 times the number of those before it of its expression, plus the expression's
            column; `REST` for rest.
        width: S.

    Returns:
        (n, S) float32.
    """
    assert take.seed is not None
    column = np.arange(width)
    person = normal(take.seed, _STREAM_PERSON, column)
    moment = np.where(pieces[:, None] == REST, 0, normal(take.seed, _STREAM_PIECE, pieces[:, None], column))
    drawn = take.variation * (math.sqrt(_PERSON) * person + math.sqrt(1 - _PERSON) * moment)
    return np.clip(drawn, -_MOST, _MOST).astype(np.float32)
