"""Several photos of one skin made one: of one brightness and tint, each where it shows most."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..colours import light, screen
from .blending import ramp
from .diffusion import settled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .sheet import Sheet
    from .shot import Shot

    Floats = NDArray[np.float64]

_SURE = 0.3  # share of a vertex' texels that two photos must show to be compared there
_LEAST = 10  # vertices at which two photos are compared, or they are not
_DARK = 0.02  # amount of light, added so that ratios of dark colours are no noise
_CHOOSY = 4.0
"""The higher, the more the better photo is taken alone for what is fine."""

_FINE = 4.0  # pixels a mm; sharper photos are as good
_ENOUGH = 0.4
"""What a photo tells with so much weight is better than what is guessed."""

_FIRM = 20.0
"""How firmly a photo's shift towards the others holds to what is told at each vertex, against its neighbours."""

_FORGOTTEN = 60.0  # mm from where photos overlap, in which their differences are forgotten
_LUMA = np.array([0.2126, 0.7152, 0.0722])


def merged(sheet: Sheet, shots: Sequence[Shot]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """One skin.

    Args:
        sheet: the texels.
        shots: of each photo.

    Returns:
        (n, 3) float32 the colours, and (n,) float32 from 0 to 1 how far they are known.
    """
    shots = _tinted(sheet, [_coloured(shot, shots) for shot in shots])
    count = len(sheet.place)
    total, sure = np.zeros(count, np.float32), np.zeros(count, np.float32)
    colours = np.zeros((count, 3), np.float32)
    sharpest = max((float(shot.sharpness.max(initial=0.0)) for shot in shots), default=0.0)
    for shot, shift in zip(shots, _shifts(sheet, shots), strict=True):
        good = shot.weights * np.minimum(shot.sharpness / max(min(sharpest, _FINE), 1e-6), 1.0)
        good = np.maximum(good, 1e-4 * shot.weights) ** _CHOOSY
        own = shot.colours if shift is None else shot.colours + sheet.spread(shift, shot.texels)
        colours[shot.texels] += own * good[:, None]
        total[shot.texels] += good
        sure[shot.texels] = np.maximum(sure[shot.texels], ramp(shot.weights, 0.0, _ENOUGH))
    colours /= np.maximum(total, 1e-30)[:, None]
    return np.clip(colours, 0.0, 1.0), sure


def _coloured(shot: Shot, shots: Sequence[Shot]) -> Shot:
    """A photo without colours gets the tint of the others, if they have some."""
    others = [other for other in shots if not other.grey and len(other.texels)]
    if not shot.grey or not others:
        return shot
    tint = np.mean([np.median(light(other.colours), axis=0) for other in others], axis=0)
    return _with(shot, light(shot.colours) * tint / max(float(tint @ _LUMA), 1e-6))


def _with(shot: Shot, amounts: NDArray[np.floating[Any]]) -> Shot:
    return replace(shot, colours=np.clip(screen(amounts), 0.0, 1.0).astype(np.float32))


def _tinted(sheet: Sheet, shots: Sequence[Shot]) -> list[Shot]:
    """Brought to one brightness and tint where they overlap; the one that shows most of the face changes least."""
    if len(shots) < 2:
        return list(shots)
    told = [sheet.told(light(shot.colours).astype(np.float32), shot.weights, shot.texels) for shot in shots]
    rows, right = [], []
    for one, (mine, here) in enumerate(told):
        for two, (theirs, there) in enumerate(told[:one]):
            both = (here > _SURE) & (there > _SURE)
            if both.sum() < _LEAST:
                continue
            ratios = np.log(mine[both] + _DARK) - np.log(theirs[both] + _DARK)
            row = np.zeros(len(shots))
            row[one], row[two] = 1.0, -1.0
            force = np.sqrt(float(sheet.area[both].sum()))
            rows.append(row * force)
            right.append(-np.median(ratios, axis=0) * force)
    # The photos' mean stays, by how much they show; a photo that overlaps with none stays as it is.
    shown = np.array([float((sheet.area * share).sum()) for _, share in told]) ** 2
    rows += [1e3 * shown / max(float(shown.sum()), 1e-9), *(np.eye(len(shots)) * 1e-2)]
    right += [np.zeros(3)] * (1 + len(shots))
    gains = np.exp(np.linalg.lstsq(np.array(rows), np.array(right), rcond=None)[0])
    return [_with(shot, (light(shot.colours) + _DARK) * gain - _DARK) for shot, gain in zip(shots, gains, strict=True)]


def _shifts(sheet: Sheet, shots: Sequence[Shot]) -> list[Floats | None]:
    """For each photo (V, 3) to add so that all agree in what is coarse: their mean, by how far each is believed."""
    if len(shots) < 2:
        return [None for _ in shots]
    told = [sheet.told(shot.colours, shot.weights, shot.texels) for shot in shots]
    total = np.sum([share for _, share in told], axis=0)
    mean = np.sum([share[:, None] * colours for colours, share in told], axis=0) / np.maximum(total, 1e-9)[:, None]
    pull = sheet.area / _FORGOTTEN**2
    return [settled(sheet.edges, mean - colours, _FIRM * share, pull, np.zeros(3)) for colours, share in told]
