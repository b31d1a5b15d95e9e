"""The same points on the template and on a head are pairs; through them a landmark of the one is found on the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import MienError
from ..wrapping.spline import Spline, similarity
from .agreement import believable
from .detect import POINTS_NEEDED, Detected

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from ..template import Template
    from ..wrapping.surface import TreeSurface

    Floats = NDArray[np.float64]

_LEAST = 6.0
"""Millimetres by which a pair may always differ from its neighbours."""

_SMOOTHING = 0.002
"""Of the spline through the pairs: they are known to a millimetre or two, not exactly."""

_NEAR = 12.0
"""Millimetres from the nearest pair up to which a landmark is believed: beyond, the ear, nobody looked."""


@dataclass(frozen=True)
class Pairs:
    """Points that are the same on the template and on a head.

    Attributes:
        template: (n, 3) millimetres, in the template's axes.
        head: (n, 3) in the head's unit and axes.
        spread: mm, how far the views of a point lie apart on the head; the median of the points.
        score: how sure the network is of the head, 0 to 1.
    """

    template: Floats
    head: Floats
    spread: float
    score: float


def pair(template: Detected, head: Detected) -> Pairs:
    """The pairs of what was detected on the template and on a head.

    Raises:
        MienError: too few of them agree.
    """
    both = np.flatnonzero(template.kept & head.kept)
    here, there = template.points[both], head.points[both]
    kept = np.ones(len(both), bool)
    for _ in range(3):
        if kept.sum() < POINTS_NEEDED:
            raise MienError("The landmarks that Mien found on this head do not agree.", "Place them by hand.")
        found = similarity(here[kept], there[kept])
        kept = believable(here, found.invert(there), _LEAST)
    spread = float(np.nanmedian(head.spread[both][kept])) / found.scale
    return Pairs(here[kept], there[kept], spread, head.score)


def carry_marks(template: Template, pairs: Pairs, surface: TreeSurface, names: Iterable[str]) -> Mapping[str, Floats]:
    """Where the template's landmarks lie on the head.

    Args:
        template: it names them.
        pairs: between it and the head.
        surface: of the head.
        names: the landmarks wanted.

    Returns:
        name -> (3,) on the head's surface; those are left out that the template does not have, or that lie where
        there are no pairs.
    """
    known = [name for name in names if name in template.landmarks]
    places = template.vertices[[template.landmarks[name] for name in known]].astype(np.float64)
    near = np.linalg.norm(places[:, None] - pairs.template[None], axis=2).min(axis=1, initial=np.inf) <= _NEAR
    if not near.any():
        return {}
    bent = Spline(pairs.template, pairs.head, _SMOOTHING)(places[near])
    _, there = surface.closest(bent)
    return dict(zip([name for name, one in zip(known, near, strict=True) if one], there, strict=True))
