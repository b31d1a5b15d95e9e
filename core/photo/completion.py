"""What no photo shows of either side of a face: grown from the skin around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .blending import distances, doubled, filled, halved, ramp
from .diffusion import settled
from .grain import grain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .sheet import Sheet
    from .zones import Zones

    Floats = NDArray[np.float64]
    Texels = NDArray[np.float32]

_FIRM = 30.0
"""How firmly vertices hold to what is known of them, against their neighbours."""

_DARKER, _LIGHTER, _TINTED = 0.09, 0.20, 0.06
"""What is darker or lighter than plain skin, or tinted otherwise, by more than that is hardly skin, away from eyes,
brows, nostrils and lips."""

_FINE = 1.5  # times as unlike may single texels be
_LIDS = 1.8  # times as unlike may lids be: they are darker, though not as dark as lashes and paint
_ALIKE = (0.1, 0.5)  # how alike skin it is, from which on and up to which it is believed
_BORDER = 12.0  # mm, about half of the way in which what is known blends with what grows
_FEATHER = 8.0  # mm in which what is kept ends
_LIP_TO_SKIN = 0.05
"""How much of its colour a lip takes from the skin beside it, against the lip beside it."""

_FORGOTTEN = 60.0  # mm from what is known, in which skin becomes plain skin
_USUAL = (0.78, 0.60, 0.52)  # skin of which nothing at all is known
_PORTION = 1 << 18  # texels at a time


@dataclass(frozen=True)
class Growth:
    """Of a template's vertices.

    Attributes:
        base: (V, 3) the colours that grow.
        drift: (V, 3) by which what is known changes: towards its border it takes on the coarse colours of what grows
            beyond, so that there is no line between them.
        alike: (V,) from 0 to 1, how alike skin it is.
        outside: (V,) of the zones.
        inner: (V,) on and round lips, nostrils and eyes.
    """

    base: Floats
    drift: Floats
    alike: Floats
    outside: NDArray[np.float32]
    inner: NDArray[np.bool_]


def completed(sheet: Sheet, zones: Zones, colours: Texels, sure: Texels) -> Texels:
    """All texels: those known, and elsewhere what grows from them towards plain skin.

    Args:
        sheet: the texels.
        zones: of the template.
        colours: (n, 3) what is known.
        sure: (n,) from 0 to 1 how well.

    Returns:
        (n, 3) from 0 to 1.
    """
    growth = grow(sheet, zones, colours, sure)
    flags = np.column_stack([growth.inner, zones.features]).astype(np.float64)
    fields = np.column_stack([growth.base, growth.drift, growth.alike, growth.outside, flags])
    grown, drifted, kept = np.empty_like(colours), np.empty_like(colours), np.empty_like(sure)
    near, features = np.empty_like(sure), np.empty_like(sure)
    for begin in range(0, len(sure), _PORTION):
        some = slice(begin, begin + _PORTION)
        values = sheet.spread(fields, some)
        grown[some], drifted[some] = values[:, :3], colours[some] + values[:, 3:6]
        off = drifted[some] - grown[some]
        kept[some] = _kept(sure[some], off, values[:, 6], values[:, 7], values[:, 9])
        near[some], features[some] = values[:, 8], values[:, 9]
    kept *= _feather(sheet, kept, features)
    rest = np.zeros((sheet.size * sheet.size, 4), np.float32)
    rest[sheet.place, :3] = (drifted - grown) * (near * kept)[:, None]
    rest[sheet.place, 3] = kept
    # Lips, lids and nostrils go on at their edges as they are there, finer than the mesh.
    half = halved(rest.reshape(sheet.size, sheet.size, 4))
    whole = doubled(filled(half[..., :3] / np.maximum(half[..., 3:], 1e-6), half[..., 3]), (sheet.size, sheet.size))
    edge = np.ascontiguousarray(whole).reshape(-1, 3)
    lively = grain(sheet, zones, drifted, kept)
    for begin in range(0, len(sure), _PORTION):
        some = slice(begin, begin + _PORTION)
        grown[some] += edge[sheet.place[some]] + lively[some]
        grown[some] += (drifted[some] - grown[some]) * kept[some, None]
    return np.clip(grown, 0.0, 1.0, out=grown)


def _kept(sure: Texels, off: Texels, alike: Texels, outside: Texels, features: Texels) -> Texels:
    """(n,) how far texels are believed that are so far off what would grow there: around the face not all are."""
    unlike = ramp(outside, 0.0, 1.0) * (1 - ramp(alike, *_ALIKE))
    # Single hairs, too, differ from the skin that would grow, and fall onto the forehead, though not as brows.
    alone = ramp(outside, -0.8, 0.2) * (1 - features) * (1 - ramp(_likeness(off / _FINE), *_ALIKE)) * alike
    return np.asarray(sure * (1 - unlike) * (1 - alone))


def _feather(sheet: Sheet, kept: Texels, features: Texels) -> Texels:
    """(n,) 0 to 1: what is kept ends softly, so that its grain has no line around it; lips, lids and brows do not."""
    out = np.ones_like(kept)
    some = np.flatnonzero((kept > 0) & (features < 1))
    small, mm = sheet.coarse(kept[:, None], slice(None))
    far = distances(small[..., 0] < 0.5, int(_FEATHER / mm) + 2) * mm
    out[some] = np.maximum(ramp(sheet.from_coarse(far[..., None], some)[:, 0], 0.0, _FEATHER), features[some])
    return out


def grow(sheet: Sheet, zones: Zones, colours: Texels, sure: Texels) -> Growth:
    """What grows from texels (n, 3), of which it is (n,) sure."""
    means, share = sheet.told(colours, sure)
    skin = plain_colour(zones, means, share * sheet.area)
    off = means - skin
    features = zones.features & (zones.outside <= 0)
    inner = features & ~zones.brows
    # At the border of hair and collars some of them shines through; skin must not grow from that.
    alike = np.where(inner, np.where(zones.eyes, _likeness(off / _LIDS), 1.0), _likeness(off))
    share = share * (1 - zones.suspect * (1 - ramp(alike, *_ALIKE)))
    firm = _depth(sheet, np.where(features, 1.0, share))
    lips = [number for number, name in enumerate(sheet.template.parts) if name == "lips"]
    lip = np.isin(sheet.template.vertex_part, lips)[sheet.edges]
    joined = np.where(lip[:, 0] == lip[:, 1], 1.0, _LIP_TO_SKIN)
    weights = _FIRM * share**2 * alike * firm
    base = settled(sheet.edges, means, weights, sheet.area / _FORGOTTEN**2, skin, joined)
    drift = (1 - firm)[:, None] * (base - means)
    # Lips, brows and eyes go along with the skin around them.
    drift = settled(sheet.edges, drift, _FIRM * share**2 * ~features, sheet.area / _BORDER**2, np.zeros(3))
    return Growth(base, drift, alike, zones.outside, inner)


def _likeness(off: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """(n,) 1 to 0, how alike plain skin colours are that differ from it by (n, 3)."""
    red, green, blue = off[:, 0], off[:, 1], off[:, 2]
    lighter = (red + green + blue) / 3
    tinted = (red - lighter) ** 2 + (green - lighter) ** 2 + (blue - lighter) ** 2
    scale = np.where(lighter < 0, off.dtype.type(_DARKER), off.dtype.type(_LIGHTER))
    return np.asarray(1 / (1 + (lighter / scale) ** 2 + tinted / _TINTED**2) ** 2)


def _depth(sheet: Sheet, share: Floats) -> Floats:
    """(V,) 0 at the border of what is known and beyond, 1 some way inside of it."""
    known = (share > 0.5).astype(np.float64)[:, None]
    soft = settled(sheet.edges, known, sheet.area / _BORDER**2, np.zeros(len(share)), np.zeros(1))
    return ramp(soft[:, 0], 0.5, 0.93).astype(np.float64)


def plain_colour(zones: Zones, means: Floats, weights: Floats) -> Floats:
    """(3,) the median of plain skin; of all that is known where there is none; of usual skin where nothing is."""
    for which in (zones.plain, np.ones(len(means), bool)):
        force = weights * which
        if force.sum() > 0:
            out = np.empty(3)
            for channel in range(3):
                order = np.argsort(means[:, channel])
                running = np.cumsum(force[order])
                out[channel] = means[order[np.searchsorted(running, running[-1] / 2)], channel]
            return out
    return np.array(_USUAL)
