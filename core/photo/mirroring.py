"""What one side of a face does not show, taken from its other side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..detection.views import sample
from .diffusion import settled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .sheet import Sheet

    Floats = NDArray[np.float64]
    Texels = NDArray[np.float32]

_FIRM = 30.0
"""How firmly vertices hold to what is known of them, against their neighbours."""

_BOTH = 0.2  # share of a vertex' texels that must be known on both sides to compare them
_FORGOTTEN = 90.0  # mm from what is known, in which the difference of light between the sides is forgotten


def with_other_side(sheet: Sheet, colours: Texels, sure: Texels) -> tuple[Texels, Texels]:
    """The other side's skin, in this side's light, wherever this side is not known: (n, 3) and (n,) as they are given.

    Args:
        sheet: the texels.
        colours: (n, 3).
        sure: (n,) from 0 to 1 how far they are known.
    """
    column, row = np.clip(sheet.mirrored.astype(np.intp), 0, sheet.size - 1).T
    told = np.zeros(sheet.size * sheet.size, bool)
    told[sheet.place] = sure > 0
    lacking = np.flatnonzero((sure < 1) & told[row * sheet.size + column])
    image = sheet.image(np.column_stack([colours * sure[:, None], sure]))
    found = sample(image, sheet.mirrored[lacking].astype(np.float64))
    there = found[:, 3]
    across = found[:, :3] / np.maximum(there, 1e-6)[:, None]
    across += sheet.spread(_other_light(sheet, colours, sure), lacking)
    here = sure[lacking]
    more = (1 - here) * there
    out, known = colours.copy(), sure.copy()
    total = np.maximum(here + more, 1e-6)[:, None]
    out[lacking] = (colours[lacking] * here[:, None] + np.clip(across, 0, 1) * more[:, None]) / total
    known[lacking] = here + more
    return out, known


def _other_light(sheet: Sheet, colours: Texels, sure: Texels) -> Floats:
    """(V, 3) what this side is lighter than the other, told where both are known and smooth beyond."""
    means, share = sheet.told(colours, sure)
    both = np.minimum(share, share[sheet.twin])
    both[both <= _BOTH] = 0.0
    pull = sheet.area / _FORGOTTEN**2
    return settled(sheet.edges, means - means[sheet.twin], _FIRM * both, pull, np.zeros(3))
