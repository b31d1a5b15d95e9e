"""Skins of people, painted by ourselves: complexion, lips, brows, beard, hair, moles. Nothing is photographed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter

from core.photo.raster import covered
from training.corpora.template_makehuman import makehuman_template

from .layout import makehuman_layout

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.corpora.people import Person

    Floats = NDArray[np.float64]

SIZE = 1024
"""Of a painted skin, in pixels."""

_COMPLEXIONS = np.array([[228, 184, 160], [205, 152, 124], [150, 104, 78], [84, 55, 42]]) / 255
"""From the lightest to the darkest."""

_HAIRS = np.array([[30, 22, 18], [62, 42, 30], [110, 78, 50], [160, 125, 85], [120, 116, 112], [95, 50, 30]]) / 255
_FRINGES, _HANGING = 0.3, 0.35
"""Shares of people whose hair hangs over the forehead, and over the ears."""

_IRISES = np.array([[62, 38, 24], [92, 62, 36], [90, 96, 60], [70, 100, 120], [120, 140, 150]]) / 255


@dataclass(frozen=True)
class Cut:
    """Where hair grows, or hangs; places in mm on the template's mean face.

    Attributes:
        line: how high it ends over the forehead; a fringe hangs lower.
        side: how far before the ears it reaches down: 0 ends before them, 1 hangs over ears and the edge of the cheeks.
        dense: 0 to 1.
        seed: of its ragged edge.
    """

    line: float
    side: float
    dense: float
    seed: int


@dataclass(frozen=True)
class Skin:
    """What a person is painted with; colours from 0 to 1, as on a screen.

    Attributes:
        colours: (SIZE, SIZE, 3) float32, row 0 on top, for the template's layout.
        iris: (3,).
        hair: (3,).
        bald: whether no hair stands on the head.
        cut: of the hair.
    """

    colours: NDArray[np.float32]
    iris: Floats
    hair: Floats
    bald: bool
    cut: Cut


@dataclass(frozen=True)
class Canvas:
    """The template's surface, as its layout lays it out.

    Attributes:
        filled: (SIZE, SIZE) bool.
        places: (n, 3) mm, of the filled pixels.
        lips: (n,) 0 to 1, softened.
    """

    filled: NDArray[np.bool_]
    places: Floats
    lips: Floats


@lru_cache(maxsize=1)
def canvas() -> Canvas:
    """The one that all skins are painted on."""
    template, uv = makehuman_template(), makehuman_layout()
    quads = template.polygons
    corners = np.concatenate([uv[:, [0, 1, 2]], uv[:, [0, 2, 3]]]) * [1.0, -1.0] + [0.0, 1.0]
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    drawn = covered(corners * SIZE, SIZE, SIZE)
    filled = np.zeros((SIZE, SIZE), bool)
    filled[drawn.row, drawn.column] = True
    place, part = np.zeros((SIZE, SIZE, 3)), np.zeros((SIZE, SIZE))
    shares = drawn.shares.astype(np.float64)[:, :, None]
    vertices = template.vertices.astype(np.float64)[triangles[drawn.triangle]]
    place[drawn.row, drawn.column] = (vertices * shares).sum(axis=1)
    assert template.polygon_part is not None
    lip = template.polygon_part[drawn.triangle % len(quads)] == template.parts.index("lips")
    part[drawn.row, drawn.column] = lip
    cover = gaussian_filter(filled.astype(float), 1.5)
    soft = gaussian_filter(part, 1.5)[filled] / np.maximum(cover[filled], 1e-6)
    return Canvas(filled, place[filled], soft)


def paint(person: Person, rng: np.random.Generator) -> Skin:
    """Paints one person; the same generator paints the same."""
    ground = canvas()
    at = ground.places
    dark = 3 * person.phenotypes["african"] + 1.1 * person.phenotypes["asian"] + 0.5 * person.phenotypes["caucasian"]
    tone = _mixed(_COMPLEXIONS, np.clip(dark + rng.normal(0, 0.35), 0, 3))
    colours = np.tile(tone, (len(at), 1))
    colours *= 1 + 0.05 * _noise(at, rng, 45)[:, None] + 0.025 * _noise(at, rng, 5)[:, None]
    colours *= 1 + rng.uniform(0.01, 0.04) * rng.normal(0, 1, len(at))[:, None]
    flush = np.exp(-(((np.abs(at[:, 0]) - 40) / 22) ** 2) - ((at[:, 1] + 42) / 22) ** 2) * (at[:, 2] > -30)
    flush += 0.8 * np.exp(-((at - [0, -40, 42]) ** 2).sum(axis=1) / 15**2)
    colours *= 1 + rng.uniform(0, 0.16) * flush[:, None] * [0.5, -0.7, -0.6]
    rings = np.exp(-(((np.abs(at[:, 0]) - 32) / 13) ** 2) - ((at[:, 1] + 11) / 6) ** 2) * (at[:, 2] > -20)
    colours *= 1 - rng.uniform(0, 0.22) * rings[:, None] * [0.8, 1.0, 0.9]
    colours = _moles(colours, at, rng)
    red = tone * [0.95, 0.55, 0.55] if rng.random() < 0.7 else np.array([0.62, 0.12, 0.16])
    colours = _over(colours, red, ground.lips * rng.uniform(0.35, 0.9))
    age = person.phenotypes["age"]
    usual = rng.choice([0, 1, 2, 3, 5], p=[0.4, 0.28, 0.16, 0.1, 0.06])
    hair = _HAIRS[4 if age > 0.78 and rng.random() < 0.6 else usual]
    hair = np.clip(hair * rng.uniform(0.8, 1.2), 0, 1)
    colours = _over(colours, hair, _brows(at, rng))
    if person.phenotypes["gender"] < 0.5 and rng.random() < 0.55:
        colours = _over(colours, hair * 0.9, _beard(at, rng))
    bald = person.phenotypes["gender"] < 0.5 and rng.random() < 0.25
    cut = draw_cut(rng)
    if not bald:
        colours = _over(colours, hair, scalp(at, cut))
    image = np.zeros((SIZE, SIZE, 3), np.float32)
    image[ground.filled] = np.clip(colours, 0.01, 1)
    iris = _IRISES[rng.integers(len(_IRISES))] * rng.uniform(0.7, 1.2)
    return Skin(_bled(image, ground.filled), iris, hair, bald, cut)


def draw_cut(rng: np.random.Generator) -> Cut:
    """Short or long, with a fringe or without."""
    line = rng.uniform(24, 44) if rng.random() < _FRINGES else rng.uniform(44, 66)
    side = rng.uniform(0.3, 1.0) if rng.random() < _HANGING else 0.0
    return Cut(line, side, rng.uniform(0.75, 1.0), int(rng.integers(2**31)))


def scalp(at: Floats, cut: Cut) -> Floats:
    """(n,) 0 to 1: where hair covers the head, of (n, 3) places."""
    rng = np.random.default_rng(cut.seed)
    ragged = 5 * _noise(at, rng, 12) + 2 * _noise(at, rng, 3)
    # Over the forehead, down before the ears, and round behind them.
    aside = np.maximum(np.abs(at[:, 0]) - (74 - 12 * cut.side), 0)
    front = cut.line - 0.004 * at[:, 0] ** 2 - 0.45 * np.maximum(-at[:, 2] - 5, 0) - 16 * cut.side * aside
    behind = np.where(at[:, 2] < -95, -75.0, -30.0 - 60 * cut.side)
    edge = np.maximum(front, behind) + ragged
    ears = _ramp((np.abs(at[:, 0]) - 79) / 2) * (at[:, 1] < 12) * (cut.side == 0)
    return np.asarray(_ramp((at[:, 1] - edge) / 4) * (1 - ears) * cut.dense)


def _brows(at: Floats, rng: np.random.Generator) -> Floats:
    lift, thick, dense = rng.normal(0, 1.5), rng.uniform(2.2, 4.5), rng.uniform(0.35, 0.95)
    arch = np.array([[9, 11], [20, 15.5], [34, 18], [45, 14], [51, 9]])
    aside = np.abs(at[:, 0])
    middle = np.interp(aside, arch[:, 0], arch[:, 1]) + lift - 1.5
    tapered = thick * np.interp(aside, [7, 12, 34, 53], [0.7, 1.0, 0.9, 0.15])
    there = np.exp(-(np.abs((at[:, 1] - middle) / tapered) ** 3)) * _ramp((aside - 8) / 2) * _ramp((54 - aside) / 3)
    strokes = 0.72 + 0.28 * np.sin(3.1 * (at[:, 0] + 0.55 * np.sign(at[:, 0]) * at[:, 1]) + 2 * _noise(at, rng, 3))
    return np.asarray(np.clip(there * strokes * dense * (at[:, 2] > -15), 0, 1))


def _beard(at: Floats, rng: np.random.Generator) -> Floats:
    line = -48 - 0.35 * np.maximum(np.abs(at[:, 0]) - 20, 0) + 4 * _noise(at, rng, 9)
    cheeks = _ramp((line - at[:, 1]) / 7)
    front = _ramp((at[:, 2] + 60) / 12) * _ramp((at[:, 1] + 132) / 9)
    dense = rng.uniform(0.1, 0.75)
    return np.asarray(cheeks * front * dense * (0.75 + 0.25 * rng.uniform(-1, 1, len(at))))


def _moles(colours: Floats, at: Floats, rng: np.random.Generator) -> Floats:
    for _ in range(rng.poisson(4) + (60 if rng.random() < 0.12 else 0)):
        middle = at[rng.integers(len(at))]
        spot = np.exp(-((at - middle) ** 2).sum(axis=1) / rng.uniform(0.6, 1.6) ** 2)
        colours = colours * (1 - rng.uniform(0.2, 0.6) * spot[:, None] * [0.7, 1.0, 1.0])
    return colours


def _noise(at: Floats, rng: np.random.Generator, length: float) -> Floats:
    """(n,) smooth, about -1 to 1, with waves of about so many mm."""
    ways = rng.normal(0, 1, (3, 8)) / length * 2.5
    return np.asarray(np.sin(at @ ways + rng.uniform(0, 2 * np.pi, 8)).sum(axis=1) / 2.5)


def _ramp(value: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(3 * value, -40, 40))))


def _over(under: Floats, colour: Floats, share: Floats) -> Floats:
    return np.asarray(under * (1 - share[:, None]) + colour * share[:, None])


def _mixed(steps: Floats, at: float) -> Floats:
    return np.array([np.interp(at, np.arange(len(steps)), channel) for channel in steps.T])


def _bled(image: NDArray[np.float32], filled: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Colours go on a little beyond the edges, or seams would show."""
    cover = gaussian_filter(filled.astype(np.float32), 3)
    spread = np.stack([gaussian_filter(image[..., c], 3) for c in range(3)], axis=-1)
    return np.where(filled[..., None], image, spread / np.maximum(cover, 1e-4)[..., None]).astype(np.float32)
