"""The light of a photo, taken out of its colours as far as it is coarse."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..colours import light, screen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .sheet import Sheet
    from .shot import Shot
    from .zones import Zones

    Floats = NDArray[np.float64]

_LEAST = 60  # vertices, without which no light is told
_ROUNDS = 6
_TAKEN = 0.8
"""Share of the light that is taken out: all of it would take some of the skin's own colours too."""

_HOLD = 0.01
"""How strongly the light is held to be even, by the weight of what is seen."""

_OFF = 0.2  # logarithm by which skin usually differs from what the light alone makes of it
_DARK = 0.004  # amounts of light, added so that black has a logarithm


def evened(sheet: Sheet, zones: Zones, shot: Shot, normals: Floats) -> Shot:
    """A photo's skin as if light came from everywhere.

    A matt thing far from its lamps is lit by a smooth function of its normals; spherical harmonics of the second order
    tell it to a percent (Ramamoorthi and Hanrahan, 2001). They are fitted to the logarithms of what is seen.

    Args:
        sheet: the texels.
        zones: of the template.
        shot: of a photo, hair and clothes left out.
        normals: (V, 3) of the posed face.
    """
    amounts = light(shot.colours).astype(np.float32)
    means, share = sheet.told(amounts, shot.weights, shot.texels)
    weights = sheet.area * share * np.where(zones.plain, 1.0, 0.3 * (zones.suspect > 0))
    if (weights > 0).sum() < _LEAST:
        return shot
    terms = harmonics(normals)
    terms -= (terms * (weights * zones.plain)[:, None]).sum(axis=0) / max(float((weights * zones.plain).sum()), 1e-9)
    shade = terms @ _fitted(terms, np.log(means + _DARK), weights)
    gain = np.exp(-_TAKEN * shade)
    colours = screen(amounts * sheet.spread(gain, shot.texels))
    return replace(shot, colours=np.clip(colours, 0.0, 1.0).astype(np.float32))


def harmonics(normals: Floats) -> Floats:
    """(n, 8) of unit normals (n, 3): the first and second order."""
    x, y, z = normals.T
    return np.stack([x, y, z, x * y, y * z, z * x, x * x - y * y, 3 * z * z - 1], axis=1)


def _fitted(terms: Floats, logs: Floats, weights: Floats) -> Floats:
    """(8, 3) factors of the terms; what is unlike the rest counts less and less."""
    rows = np.column_stack([terms, np.ones(len(terms))])
    hold = np.diag([1.0] * 3 + [2.0] * 5 + [0.0]) * _HOLD * weights.sum()
    force = weights
    factors = np.zeros((rows.shape[1], 3))
    for _ in range(_ROUNDS):
        factors = np.linalg.solve(rows.T @ (rows * force[:, None]) + hold, rows.T @ (logs * force[:, None]))
        off = np.abs(logs - rows @ factors).max(axis=1) / _OFF
        force = weights / (1 + off**2) ** 2
    return np.asarray(factors[:-1])
