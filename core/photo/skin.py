"""Skin, told from the hair, clothes and hands that hide it in a photo."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..colours import light
from .blending import distances, ramp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .sheet import Sheet
    from .shot import Shot
    from .zones import Zones

    Floats = NDArray[np.float64]

_LEAST = 30  # vertices of plain skin, without which nothing is told
_ROUNDS = 6
_SPREAD = np.array([0.17, 0.07, 0.07])
"""At least so much, and at most twice as much skin differs from what is expected, one standard deviation: logarithms of
its lightness, of red to green, and of green to blue."""

_ALIKE, _UNLIKE = 2.2, 3.8  # standard deviations
_SPOT = 2.8  # standard deviations
_AWAY = (1.7, 5.5)
"""mm from what is no skin, from which on and up to which skin is believed."""

_BESIDE = (-0.8, 0.2)  # how far outside the middle of the face what is beside hair is not believed
_BEARDED = 0.6  # share of the chin that is no skin, of a person with a beard
_LIGHTER = 0.6
"""Lighter than expected is less of a sign than darker: skin shines."""


def _told(colours: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """(n, 3) logarithms: lightness, red to green, green to blue."""
    logs = np.log(light(colours) + 0.004)
    return np.stack([logs.mean(axis=1), logs[:, 0] - logs[:, 1], logs[:, 1] - logs[:, 2]], axis=1)


@dataclass(frozen=True)
class Look:
    """How skin looks in the light of a photo.

    Attributes:
        expected: (V, 3) how plain skin would look at each vertex; see `_told`.
        spread: (3,) by how much it usually differs, one standard deviation.
        unlike: (V,) how many of them what the photo shows there differs by.
        share: (V,) from 0 to 1 how far the photo is believed there.
    """

    expected: Floats
    spread: Floats
    unlike: Floats
    share: Floats


def look_of(sheet: Sheet, zones: Zones, shot: Shot, normals: Floats) -> Look | None:
    """How plain skin looks in a photo, told by a smooth function of its normals; None where too little of it is seen.

    Args:
        sheet: the texels.
        zones: of the template.
        shot: of a photo.
        normals: (V, 3) of the posed face.
    """
    colours, share = sheet.told(shot.colours, shot.weights, shot.texels)
    bare = zones.bare & (share > 0.3)
    if bare.sum() < _LEAST:
        return None
    told = _told(colours)
    expected, spread = _expected(told, normals, bare, sheet.area)
    return Look(expected, spread, _unlikeness(told - expected, spread), share)


def has_beard(sheet: Sheet, zones: Zones, looks: Sequence[Look | None]) -> bool:
    """Whether most of the chin is no skin in the photos that show it."""
    shown = [look.share * sheet.area * zones.chin for look in looks if look is not None]
    hairy = [share * (look.unlike > _UNLIKE) for look, share in zip([one for one in looks if one], shown, strict=True)]
    return float(np.sum(hairy)) > _BEARDED * float(np.sum(shown)) > 0


def skin_alone(sheet: Sheet, zones: Zones, shot: Shot, look: Look | None) -> Shot:
    """A shot without what is no skin.

    What looks unlike skin is kept in the middle of the face, where it is a beard, a scar or paint, and left out around
    it, where it is hair or a collar; and so is all that can only be reached across it. Where it is not known how skin
    looks, nothing is kept.
    """
    if look is None:
        return _only(shot, shot.weights * 0)
    own = 1 - zones.suspect * (1 - ramp(look.unlike, _UNLIKE, _ALIKE))
    reached = _reached(sheet.edges, (look.share > 0.05) & (own > 0.5), zones.suspect < 0.5)
    own = np.where(reached, own, 0.0) * (1 - zones.scalp)
    fields = sheet.spread(np.column_stack([own, zones.outside, zones.features, look.expected]), shot.texels)
    suspect = ramp(fields[:, 1], 0.0, 1.0)
    off = _unlikeness(_told(shot.colours) - fields[:, 3:], look.spread)
    weights = shot.weights * fields[:, 0] * (1 - suspect * ramp(off, 1.2 * _ALIKE, 1.2 * _UNLIKE))
    # What is beside hair is in its shade, a little way into the middle of the face too; but for brows.
    beside = ramp(fields[:, 1], *_BESIDE) * (1 - fields[:, 2])
    weights *= 1 - beside * (1 - _away(sheet, shot, off * suspect))
    return _only(shot, weights)


def _only(shot: Shot, weights: NDArray[np.float32]) -> Shot:
    """The same with other weights; without what has none."""
    kept = weights > 0
    return replace(
        shot,
        texels=shot.texels[kept],
        colours=shot.colours[kept],
        weights=weights[kept],
        sharpness=shot.sharpness[kept],
    )


def _away(sheet: Sheet, shot: Shot, off: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """(m,) 0..1 how far each texel of a shot is from what is no skin: some of it lies over the skin beside it, too."""
    small, mm = sheet.coarse(np.column_stack([off, np.ones(len(off))]).astype(np.float32), shot.texels)
    blur = 1.0 / float(shot.sharpness.max(initial=1e-3))
    low, high = _AWAY[0] + blur, _AWAY[1] + blur
    bad = small[..., 0] > _SPOT * np.maximum(small[..., 1], 0.1)
    far = distances(bad, int(high / mm) + 2) * mm
    return ramp(sheet.from_coarse(far[..., None], shot.texels)[:, 0], low, high)


def _expected(
    told: NDArray[np.floating[Any]], normals: Floats, bare: NDArray[np.bool_], area: Floats
) -> tuple[Floats, Floats]:
    """(V, 3) how skin would look at each vertex, and (3,) how far plain skin is from that."""
    terms = np.column_stack([np.ones(len(normals)), normals])
    rows, seen = terms[bare], told[bare]
    weights, left = area[bare].copy(), np.zeros_like(seen)
    # The slopes are held back a little: they reach far beyond the normals that they are fitted to.
    hold = np.diag([0.0, 0.02, 0.02, 0.02]) * weights.sum()
    spread = _SPREAD
    factors = np.zeros((4, 3))
    for _ in range(_ROUNDS):
        factors = np.linalg.solve(rows.T @ (rows * weights[:, None]) + hold, rows.T @ (seen * weights[:, None]))
        left = seen - rows @ factors
        spread = np.clip(1.4826 * np.median(np.abs(left), axis=0), _SPREAD, 2 * _SPREAD)
        weights = area[bare] / (1 + ((left / spread) ** 2).sum(axis=1)) ** 2
    return np.asarray(terms @ factors), np.asarray(spread)


def _unlikeness(left: NDArray[np.floating[Any]], spread: Floats) -> NDArray[np.floating[Any]]:
    """(n,) standard deviations."""
    off = left / spread
    off[:, 0] = np.where(off[:, 0] > 0, _LIGHTER * off[:, 0], off[:, 0])
    return np.asarray(np.sqrt((off * off).sum(axis=1)))


def _reached(edges: NDArray[np.int64], passable: NDArray[np.bool_], start: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(V,) passable vertices that a way over such leads to from the start."""
    reached = passable & start
    while True:
        first, second = reached[edges[:, 0]], reached[edges[:, 1]]
        wider = reached.copy()
        wider[edges[first, 1]] = True
        wider[edges[second, 0]] = True
        wider &= passable
        if np.array_equal(wider, reached):
            return reached
        reached = wider
