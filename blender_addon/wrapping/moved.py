"""What has happened to a whole mesh, told by some of its vertices: scaled, turned, moved; others may be sculpted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_SAME = 1e-6
"""Share of the head's size below which a place is the same."""

_BETTER = 0.25
"""A common scale and turn is believed if it leaves less than this share of what standing still leaves."""

_SCULPTED = 0.05
"""Share of the head's size by which the middle one of all vertices moves at most when a head is sculpted."""

_FLAT = 1e-6
"""Least scale over the largest one below which a mesh was pressed flat."""

_FAR = 1e50
"""Beyond this, and for NaN, nothing is worked out: squares have no end there."""

_ROUNDS = 30


@dataclass(frozen=True)
class Moved:
    """What a mesh as a whole went through.

    Attributes:
        matrix: (3, 3) and
        shift: (3,) float64: a place p of then is `matrix @ p + shift` now.
        sure: False where so much has changed, and so unevenly, that this is a guess.
    """

    matrix: Floats
    shift: Floats
    sure: bool = True


def moved_whole(before: Floats, after: Floats) -> Moved:
    """The scale, turn and shift that most of some vertices share, wherever the others were sculpted to.

    Args:
        before: (S, 3) where they were.
        after: (S, 3) where they are, in the same units.

    Returns:
        Identity and zero for vertices that did not move as one.
    """
    still, lost = Moved(np.eye(3), np.zeros(3)), Moved(np.eye(3), np.zeros(3), sure=False)
    if not len(before) or not (np.abs(before) < _FAR).all() or not (np.abs(after) < _FAR).all():
        return lost
    size = float(np.abs(before - before.mean(axis=0)).max())
    standing = _middle(after - before)
    if standing <= _SAME * size:
        return still
    matrix, shift, left = _shared(before, after)
    scales = np.linalg.svd(matrix, compute_uv=False)
    if left <= _BETTER * standing and scales[2] > _FLAT * scales[0]:
        grown = float(np.cbrt(scales.prod()))
        return Moved(matrix, shift, sure=left <= _SCULPTED * size * grown)
    return still if standing <= _SCULPTED * size else lost


def _shared(before: Floats, after: Floats) -> tuple[Floats, Floats, float]:
    """An affine map by least squares, from which those that miss it are left out more and more.

    Returns:
        (3, 3), (3,), and by how much the middle one misses it.
    """
    from_centre, to_centre = before.mean(axis=0), after.mean(axis=0)
    given = np.column_stack([before - from_centre, np.ones(len(before))])
    wanted = after - to_centre
    found, reach = np.zeros((4, 3)), np.inf
    for _ in range(_ROUNDS):
        # Geman and McClure's weights; with an endless reach they are all 1.
        off = np.linalg.norm(given @ found - wanted, axis=1)
        roots = 1 / (1 + (off / reach) ** 2)
        found = np.linalg.lstsq(given * roots[:, None], wanted * roots[:, None], rcond=None)[0]
        off = np.linalg.norm(given @ found - wanted, axis=1)
        least = max(2 * float(np.median(off)), _SAME * float(np.abs(wanted).max()))
        reach = max(min(reach, float(off.max())) / 1.5, least)
        if reach <= 0:
            break
    matrix = found[:3].T
    return matrix, found[3] + to_centre - matrix @ from_centre, _middle(given @ found - wanted)


def _middle(steps: Floats) -> float:
    """The median length of (S, 3) vectors."""
    return float(np.median(np.linalg.norm(steps, axis=1)))
