"""Shaping: how much of a performance each region and each side of a face shows.

A deformation d (mm) of a vertex v becomes f_v d, with one factor for each vertex:

    f = gain (brows s_brows + eyes s_eyes + mouth s_mouth) side,    s_brows + s_eyes + s_mouth = 1
    side = 1 - |balance| (share of the side that loses)

The shares s and the sides are smooth functions of the place in the template's neutral face, so that neighbours on the
surface get nearly equal factors and no seam shows. What must stay whole (teeth, tongue, eyeballs) gets one factor for
each piece.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np

from .errors import MotionError
from .template import ABSENT, EYEBALL_PARTS, Layout
from .wrapping import meshes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .binding import Binding
    from .followers import Followers
    from .template import Template

REGIONS = ("brows", "eyes", "mouth")
"""The columns of `regions`, in this order."""

MAX_GAIN = 2.0

_OF_MOUTH = ("lips", "mouth", "teeth", "tongue")
_OF_EYES = (*EYEBALL_PARTS, "lashes")
_RIGID = ("teeth", "tongue", *EYEBALL_PARTS)
"""Parts whose connected pieces stay whole."""

MIDLINE = 28.0
"""Millimetres across the midline over which one side hands over to the other."""

# Millimetres above the nose tip where a template has no landmarks for it; those of ICT-FaceKit's mean of scanned heads.
_LOWER_LID, _UPPER_LID, _BROW, _EYE_SIDE = 25.0, 36.0, 50.0, 32.0

# Lids and brows are arches: from the middle of the eye they fall by so many mm within so many mm to either side.
_ARCH, _ARCH_HALF = 6.0, 18.0

# How far the bands begin from the edges of lids and brows, so that these still belong to their own region.
_LID_EDGE, _BROW_EDGE = 1.0, 2.5

# How much deeper the upper band reaches on the bridge and the temples, and the lower one below the nose tip.
_BESIDE, _UNDER_NOSE = 12.0, 8.0


@dataclass(frozen=True)
class Shaping:
    """How much of a performance a face shows.

    Attributes:
        gain: factor of all of it, 0..`MAX_GAIN`.
        brows: factor of brows and forehead, 0..`MAX_GAIN`.
        eyes: factor of lids and what lies around them, 0..`MAX_GAIN`.
        mouth: factor of mouth, jaw and cheeks, 0..`MAX_GAIN`.
        balance: -1..1; 0 shows both sides alike, 1 only the face's left, -1 only its right.

    Raises:
        MotionError: a number is not finite or out of range.
    """

    gain: float = 1.0
    brows: float = 1.0
    eyes: float = 1.0
    mouth: float = 1.0
    balance: float = 0.0

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            low = -1.0 if one.name == "balance" else 0.0
            high = 1.0 if one.name == "balance" else MAX_GAIN
            if not (isinstance(value, (int, float)) and math.isfinite(value) and low <= value <= high):
                raise MotionError(f"The {one.name} is {value}.", f"Give a number between {low:g} and {high:g}.")

    @property
    def is_neutral(self) -> bool:
        """Whether all factors are 1: nothing needs to be multiplied."""
        return self.gain == self.brows == self.eyes == self.mouth == 1.0 and self.balance == 0.0


def regions(template: Template) -> NDArray[np.float32]:
    """Shares of `REGIONS` at each vertex of a template.

    From top to bottom: brows, a band between brow and upper lid, eyes, a band between lower lid and nose tip, mouth.
    Heights come from the landmarks of lids and brows where the template has them, else from its nose tip.

    Args:
        template: its axes are x to the face's left, y up, z forward; mm.

    Returns:
        (V, 3) float32 in 0..1; rows sum to 1.
    """
    return _rigid_means(template, _shares(template)).astype(np.float32)


def factors(template: Template, shaping: Shaping) -> NDArray[np.float32]:
    """What a deformation of each vertex is multiplied with.

    Args:
        template: see `regions`.
        shaping: what is asked for.

    Returns:
        (V,) float32, 0..4; all exactly 1 where `shaping.is_neutral`.
    """
    if shaping.is_neutral:
        return np.ones(template.vertex_count, np.float32)
    columns = np.column_stack([_shares(template), _left(template)])
    columns = _rigid_means(template, columns)
    gains = shaping.gain * (columns[:, :3] @ np.array([shaping.brows, shaping.eyes, shaping.mouth]))
    left = columns[:, 3]
    loser = 1 - left if shaping.balance > 0 else left
    return np.asarray(gains * (1 - abs(shaping.balance) * loser), np.float32)


class ShapedLayout:
    """A layout whose face shows a shaped performance; what follows the face obeys the shaping too.

    Teeth that follow read the whole face, so a still mouth alone would not still them. Therefore the strength of each
    action is multiplied, with the mean factor of where that action moves the face:

        f_a = sum_c |F_ca|^2 f_c / sum_c |F_ca|^2,    F = pinv(reading)

    over the coordinates c of the controls. What was whole stays whole, and a gain of all is a gain of all.

    A binding takes the factors into its weights: a shaped frame then costs what any frame costs.

    Args:
        layout: where the template lies in the object, or how the object is bound to it.
        factor: (V,) see `factors`.
    """

    def __init__(self, layout: Layout | Binding, factor: NDArray[np.float32]) -> None:
        self._factor: NDArray[np.float32] | None = None
        self._followers: Followers | None = None
        self._own: Layout | Binding
        if not isinstance(layout, Layout):  # bindings, and what moves a part
            self._own = layout.scaled(factor)
            return
        self._own, self._factor = replace(layout, followers=None), factor[:, None]
        self._followers = None if layout.followers is None else _obeying(layout.followers, factor)

    def on_object(self, deformation: NDArray[np.float32]) -> NDArray[np.float32]:
        """(T, V, 3) mm of the template, as generated -> (T, M, 3) mm of the object's `moving` vertices, shaped."""
        own = self._own.on_object(deformation if self._factor is None else deformation * self._factor)
        return own if self._followers is None else np.concatenate([own, self._followers(deformation)], axis=1)


def _obeying(followers: Followers, factor: NDArray[np.float32]) -> Followers:
    moves = np.linalg.pinv(followers.reading.astype(np.float64)) ** 2
    coordinates = np.repeat(factor[followers.controls].astype(np.float64), 3)
    total = moves.sum(axis=0)
    mean = coordinates @ moves / np.where(total > 0, total, 1)
    return replace(followers, reading=np.asarray(followers.reading * mean[:, None], np.float32))


def _smooth(
    low: NDArray[np.float64] | float, high: NDArray[np.float64] | float, x: NDArray[np.float64]
) -> NDArray[np.float64]:
    """0 up to `low`, 1 from `high` on, 3 t^2 - 2 t^3 between: no kink at either end."""
    t = np.clip((x - low) / (np.asarray(high) - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def _nose_tip(template: Template) -> NDArray[np.float64]:
    # Without a landmark: no other part of a face reaches farther forward.
    index = template.landmarks.get("nose_tip", int(template.vertices[:, 2].argmax()))
    return template.vertices[index].astype(np.float64)


def _mean(template: Template, name: str, axis: int, other: float) -> float:
    """Mean coordinate (x without its sign) of a landmark's left and right, mm; `other` where one of them lacks."""
    names = [f"{side}_{name}" for side in ("left", "right")]
    if not all(one in template.landmarks for one in names):
        return other
    found = template.vertices[np.array([template.landmarks[one] for one in names]), axis]
    return float((np.abs(found) if axis == 0 else found).mean())


def _shares(template: Template) -> NDArray[np.float64]:
    """(V, 3): the shares before what is rigid is made one."""
    points = template.vertices.astype(np.float64)
    tip = _nose_tip(template)
    lower = _mean(template, "lid_lower", 1, tip[1] + _LOWER_LID)
    upper = _mean(template, "lid_upper", 1, tip[1] + _UPPER_LID)
    brow = _mean(template, "brow_middle", 1, tip[1] + _BROW)
    aside = _mean(template, "lid_upper", 0, _EYE_SIDE)
    away = np.abs(np.abs(points[:, 0] - tip[0]) - aside)
    arch = -_ARCH * _smooth(0.0, _ARCH_HALF, away)
    # Beside the eyes there are no lids, and frowns crowd the skin: there the band is twice as wide.
    beside = _BESIDE * _smooth(aside / 2, aside, away)
    above = _smooth(upper + _LID_EDGE + arch - beside, brow - _BROW_EDGE + arch, points[:, 1])
    mouth = 1 - _smooth(tip[1] - _UNDER_NOSE, lower - _LID_EDGE, points[:, 1])
    brows = (1 - mouth) * above
    shares = np.stack([brows, 1 - brows - mouth, mouth], axis=1)
    # The palate lies as high as the nose.
    shares[_vertices_of(template, _OF_EYES)] = 0, 1, 0
    shares[_vertices_of(template, _OF_MOUTH)] = 0, 0, 1
    return shares


def _left(template: Template) -> NDArray[np.float64]:
    """(V,): how much of each vertex belongs to the face's left, 0..1; a half on the midline."""
    return _smooth(-MIDLINE / 2, MIDLINE / 2, template.vertices[:, 0].astype(np.float64) - _nose_tip(template)[0])


def _vertices_of(template: Template, parts: tuple[str, ...]) -> NDArray[np.bool_]:
    """(V,) bool: the vertices that the named parts' polygons use."""
    assert template.polygon_part is not None
    wanted = np.isin(template.polygon_part, [number for number, name in enumerate(template.parts) if name in parts])
    used = np.zeros(template.vertex_count, bool)
    corners = template.polygons[wanted]
    used[corners[corners != ABSENT]] = True
    return used


def _rigid_means(template: Template, columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """(V, n) -> (V, n): the mean over each piece that must stay whole; elsewhere as given."""
    rigid = _vertices_of(template, _RIGID)
    if not rigid.any():
        return columns
    label = meshes.pieces(template.edges[rigid[template.edges].all(axis=1)], template.vertex_count)
    pieces, inverse = np.unique(label[rigid], return_inverse=True)
    count = np.bincount(inverse)
    means = [np.bincount(inverse, column, len(pieces)) / count for column in columns[rigid].T]
    out = columns.copy()
    out[rigid] = np.stack(means, axis=1)[inverse]
    return out
