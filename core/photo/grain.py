"""The grain of skin: fine differences in lightness that plain skin shows, made anew where no photo shows skin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..chance import normal
from .blending import doubled, halved

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .sheet import Sheet
    from .zones import Zones

    Texels = NDArray[np.float32]

_SCALES = 7  # of one texel, of two, of four and so on
_TILE = 512  # texels after which chance comes again; in each scale others
_LEAST = 500  # of a scale's texels, without which nothing is told of it


def grain(sheet: Sheet, zones: Zones, colours: Texels, sure: Texels) -> Texels:
    """(n, 1) what to add to smooth skin so that it is as lively as plain skin is in the photos; in all scales.

    Args:
        sheet: the texels.
        zones: of the template.
        colours: (n, 3).
        sure: (n,) from 0 to 1 how far they are known.
    """
    plain = sheet.spread(zones.plain[:, None].astype(np.float32))[:, 0] * sure
    lightness = sheet.image(np.column_stack([colours.mean(axis=1), plain >= 1]))
    value, known = lightness[..., 0], lightness[..., 1]
    sizes, shapes = [], []
    for _ in range(_SCALES):
        if len(value) <= 2:
            break
        shapes.append(value.shape)
        coarse = halved(known)
        means = halved(value * known) / np.maximum(coarse, 1e-6)
        whole = (known == 1) & (doubled((coarse == 1).astype(np.float32), value.shape) == 1)
        left = np.abs((value - doubled(means, value.shape))[whole])
        # By the median: freckles and pimples are somewhere, grain is everywhere.
        sizes.append(1.4826 * float(np.median(left)) if len(left) >= _LEAST else 0.0)
        value, known = means, (coarse == 1).astype(np.float32)
    made = np.zeros_like(value)
    for scale in range(len(sizes) - 1, -1, -1):
        made = doubled(made, shapes[scale])
        made += sizes[scale] * _noise(len(made), scale)
    return np.ascontiguousarray(made).reshape(-1)[sheet.place][:, None]


def _noise(size: int, scale: int) -> NDArray[np.float32]:
    """(size, size) of a standard normal distribution, what is coarser than two texels taken out."""
    tile = min(size, _TILE)
    rows = np.arange(tile)
    out = normal(rows[:, None], rows[None, :], scale).astype(np.float32)
    out -= doubled(halved(out), out.shape)
    out /= out.std()
    times = -(-size // tile)
    return np.tile(out, (times, times))[:size, :size]
