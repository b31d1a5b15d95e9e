"""What several views of a head agree on, and what its neighbours make believable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

VIEWS_NEEDED = 2
"""A point that fewer views saw is not believed."""

_FACING = 0.25
"""Seen at a flatter angle than this, a pixel more or less is a long way on the head."""

_FAR = 0.02
"""Share of the face's size within which views of a point count as agreeing at any rate."""

_TIMES = 2.5
"""Beyond so many times the usual distance, a view or a pair counts as gone astray."""

_NEIGHBOURS = 12


def agree(places: Floats, facing: Floats, size: float) -> tuple[Floats, NDArray[np.bool_], Floats]:
    """The robust mean of what the views say.

    Args:
        places: (W, P, 3) where each of W views sees each of P points; NaN where it sees none.
        facing: (W, P) how much the surface looks at the viewer there, 0 to 1.
        size: of the face, in the same unit.

    Returns:
        (P, 3) the points, NaN where not kept; (P,) which are kept; (P,) root mean square distance of the views that
        count from the point, NaN where not kept.
    """
    seen = np.isfinite(places).all(axis=2) & (facing > _FACING)
    middle = _median(places, seen)
    away = np.linalg.norm(np.where(seen[:, :, None], places, 0.0) - middle, axis=2)
    usual = _median(away[:, :, None], seen)[:, 0]
    counts = seen & (away <= np.maximum(_TIMES * usual, _FAR * size))
    weights = np.where(counts, facing, 0.0)[:, :, None]
    total = np.where(weights.sum(axis=0) > 0, weights.sum(axis=0), 1.0)
    points = (np.where(counts[:, :, None], places, 0.0) * weights).sum(axis=0) / total
    away = np.where(counts, np.linalg.norm(np.where(seen[:, :, None], places, 0.0) - points, axis=2), 0.0)
    spread = np.sqrt((away**2).sum(axis=0) / np.maximum(counts.sum(axis=0), 1))
    kept = (counts.sum(axis=0) >= VIEWS_NEEDED) & (2 * counts.sum(axis=0) > seen.sum(axis=0)) & (spread <= _FAR * size)
    return np.where(kept[:, None], points, np.nan), kept, np.where(kept, spread, np.nan)


def _median(values: Floats, counts: NDArray[np.bool_]) -> Floats:
    """(P, C) of (W, P, C) over the views that count; 0 where none does."""
    some = counts.any(axis=0)
    masked = np.where(counts[:, :, None] | ~some[None, :, None], values, np.nan)
    masked[:, ~some] = 0.0
    return np.asarray(np.nanmedian(masked, axis=0))


def believable(here: Floats, there: Floats, least: float) -> NDArray[np.bool_]:
    """Which pairs move as their neighbours do: one that went astray alone is found out.

    Args:
        here: (n, 3).
        there: (n, 3) the same points elsewhere, roughly aligned, in the same unit.
        least: a difference that is never too big.

    Returns:
        (n,) bool.
    """
    moved = there - here
    count = min(_NEIGHBOURS, len(here) - 1)
    if count < 3:
        return np.ones(len(here), bool)
    away = np.linalg.norm(here[:, None] - here[None], axis=2)
    near = np.argsort(away, axis=1)[:, 1 : count + 1]
    unlike = np.linalg.norm(moved - np.median(moved[near], axis=1), axis=1)
    return np.asarray(unlike <= np.maximum(_TIMES * np.median(unlike), least))
