"""Zones of a face: where skin is to be expected in photos, and where hair or clothes may hide it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from .blending import ramp

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..template import Template

    Floats = NDArray[np.float64]

_LOW, _WIDE = 1.12, 1.24
"""How far the face's middle reaches below the eyes, by the height from chin to eyes; half its width, by that of the
eyes' outer corners."""

_ABOVE_BROWS = 3.5  # mm that it reaches above the brows
_BARE = 0.5
"""Up to where below the eyes, by the height from chin to eyes, no beard grows."""

_CHIN = 0.88
"""From where on below the eyes, by the height from chin to eyes, the chin is looked at for a beard."""

_BEARD = (0.05, 1.35)  # from where on, and up to where below the eyes a beard grows beside the face's middle
_BROW = 6.0  # mm from the middle of a brow to its edge
_FADE = 0.07  # share of its size in which it ends

_HAIRLINE = ((-2.2, -0.70), (-1.55, -0.10), (-0.87, 0.23), (-0.09, 0.67), (0.47, 0.71))
"""How far in front of the eyes' outer corners (by half their distance), and how far above them (by the height from chin
to eyes) hair begins."""

_ROUND_LIPS = 4.0
"""mm round lips that are not plain skin."""

_LOWER_LIP = 1.25
"""How high a lower lip is, by an upper one."""

_EAR = 38.0
"""mm round an ear's landmarks that belong to it."""

_BEYOND = (6.0, 28.0)
"""mm above the hairline from which on, and up to which, photos are believed less and less."""


@dataclass(frozen=True)
class Zones:
    """Of a template's vertices.

    Attributes:
        outside: (V,) float32 up to 0 in the middle of the face; from 1 on what a photo shows there may be no skin.
            Linear in between, so that it can be interpolated; see `suspect`.
        scalp: (V,) float32 from 0 to 1, where no photo is believed: hair grows there.
        plain: (V,) bool, skin in the middle of the face without brows, eyes, nostrils and lips.
        bare: (V,) bool, of it what lies above the mouth, where no beard grows.
    features: (V,) bool, near an eye, on a brow, at the nostrils, on and round the lips: of other colours
        than plain skin.
    eyes: (V,) bool, of these those near an eye.
    brows: (V,) bool, of these those on a brow.
    chin: (V,) bool, plain skin below the lips, where a beard shows whose it is.
    jaw: (V,) bool, around the middle of the face where a beard grows: on the jaw, before the ears, on the throat.
    face: (V,) bool, what people call the face: from the hairline to the jaw, from ear to ear.
    """

    outside: NDArray[np.float32]
    scalp: NDArray[np.float32]
    plain: NDArray[np.bool_]
    bare: NDArray[np.bool_]
    features: NDArray[np.bool_]
    eyes: NDArray[np.bool_]
    brows: NDArray[np.bool_]
    chin: NDArray[np.bool_]
    jaw: NDArray[np.bool_]
    face: NDArray[np.bool_]

    @property
    def suspect(self) -> NDArray[np.float32]:
        """(V,) from 0 to 1."""
        return ramp(self.outside, 0.0, 1.0)

    def with_beard(self) -> Zones:
        """The same for a person with a beard: it belongs to the face."""
        return replace(self, outside=np.where(self.jaw, np.minimum(self.outside, 0.0), self.outside), plain=self.bare)


def zones_of(template: Template) -> Zones:
    """By the template's landmarks: eyes' outer corners and chin; the ears' where it has them."""
    points = template.vertices.astype(np.float64)
    marks = {name: points[index] for name, index in template.landmarks.items()}
    eyes = (marks["left_eye_outer"] + marks["right_eye_outer"]) / 2
    aside = abs(marks["left_eye_outer"][0] - marks["right_eye_outer"][0]) / 2
    height = eyes[1] - marks["chin"][1]
    brows = [place[1] for name, place in marks.items() if "_brow_" in name]
    top = max(brows, default=eyes[1] + 0.2 * height) + _ABOVE_BROWS
    behind = -0.55 - (points[:, 2] - eyes[2]) / aside
    outside = np.clip(np.maximum((_oval(points, eyes, aside, height, top) - 1) / _FADE, behind / 0.5), -1.0, 2.0)
    line = np.array(_HAIRLINE)
    above = points[:, 1] - eyes[1] - height * np.interp((points[:, 2] - eyes[2]) / aside, line[:, 0], line[:, 1])
    scalp = ramp(above, *_BEYOND)
    ears = _ears(points, marks)
    scalp[ears] = 0.0
    eyes_too = _eyes(points, marks, aside, 0.8)
    brows_too = _brows(points, marks)
    others = _mouth_and_nostrils(template, points, marks, aside)
    plain = (outside <= 0) & ~(_eyes(points, marks, aside, 1.5) | brows_too | others)
    face = (above < 0) & (points[:, 2] > eyes[2] - 1.7 * aside) & (points[:, 1] > marks["chin"][1] - 0.2 * height)
    features = eyes_too | brows_too | others
    below = (eyes[1] - points[:, 1]) / height
    chin = plain & (below > _CHIN) & (np.abs(points[:, 0]) < _WIDE * aside / 2)
    jaw = (outside > 0) & (below > _BEARD[0]) & (below < _BEARD[1]) & (points[:, 2] > eyes[2] - 1.7 * aside) & ~ears
    return Zones(
        outside=outside.astype(np.float32),
        scalp=scalp,
        plain=plain,
        bare=plain & (below < _BARE),
        features=features,
        eyes=eyes_too & ~brows_too,
        brows=brows_too,
        chin=chin,
        jaw=jaw,
        face=face & ~ears,
    )


def _oval(points: Floats, eyes: Floats, aside: float, height: float, top: float) -> Floats:
    """(n,) below 1 in the middle of the face."""
    bottom = eyes[1] - _LOW * height
    across = points[:, 0] / (_WIDE * aside)
    along = (points[:, 1] - (top + bottom) / 2) / ((top - bottom) / 2)
    return np.asarray((across**4 + along**4) ** 0.25)


def _ears(points: Floats, marks: dict[str, Floats]) -> NDArray[np.bool_]:
    out = np.zeros(len(points), bool)
    for side in ("left", "right"):
        own = [marks[name] for name in marks if name.startswith(f"{side}_ear")]
        if own:
            middle = np.mean(own, axis=0)
            near = np.linalg.norm((points - middle) * [0.5, 1.0, 1.0], axis=1) < _EAR
            out |= near & (np.abs(points[:, 0]) > 0.9 * np.abs(np.array(own)[:, 0]).min())
    return out


def _brows(points: Floats, marks: dict[str, Floats]) -> NDArray[np.bool_]:
    """On the line through a brow's landmarks, where there are some."""
    out = np.zeros(len(points), bool)
    for side in ("left", "right"):
        line = [marks[f"{side}_brow_{part}"] for part in ("inner", "middle", "outer") if f"{side}_brow_{part}" in marks]
        for start, end in pairwise(line):
            along = np.clip((points - start) @ (end - start) / ((end - start) @ (end - start)), 0, 1)
            out |= np.linalg.norm(points - start - along[:, None] * (end - start), axis=1) < _BROW
    return out


def _eyes(points: Floats, marks: dict[str, Floats], aside: float, tall: float) -> NDArray[np.bool_]:
    """Near eyes; so tall above them: with the brows or without."""
    out = np.zeros(len(points), bool)
    for side in ("left", "right"):
        inner = marks.get(f"{side}_eye_inner", marks[f"{side}_eye_outer"] * [0.45, 1.0, 1.0])
        middle = (marks[f"{side}_eye_outer"] + inner) / 2
        across, up = (points - middle)[:, :2].T / (0.42 * aside)
        out |= (across / 1.2) ** 2 + (up / np.where(up > 0, tall, 0.9)) ** 2 < 1
    return out


def _mouth_and_nostrils(
    template: Template, points: Floats, marks: dict[str, Floats], aside: float
) -> NDArray[np.bool_]:
    """On and round the lips, and below the nose's tip."""
    assert template.polygon_part is not None
    tip = marks["nose_tip"]
    out = (np.abs(points[:, 0]) < 0.45 * aside) & (points[:, 1] < tip[1]) & (points[:, 1] > tip[1] - 0.3 * aside)
    lips = [number for number, name in enumerate(template.parts) if name == "lips"]
    mouth = points[np.unique(template.polygons[np.isin(template.polygon_part, lips)])]
    mouth = mouth if len(mouth) else _round_the_lips(marks)
    if len(mouth):
        low, high = mouth.min(axis=0) - _ROUND_LIPS, mouth.max(axis=0) + _ROUND_LIPS
        out |= ((points > low) & (points < high)).all(axis=1)
    return np.asarray(out)


def _round_the_lips(marks: dict[str, Floats]) -> Floats:
    """(n, 3) places up to which lips reach, by landmarks, where a template has no part for them; none without."""
    if not {"left_mouth_corner", "right_mouth_corner", "upper_lip_top", "upper_lip_bottom"} <= set(marks):
        return np.zeros((0, 3))
    corners = [marks["left_mouth_corner"], marks["right_mouth_corner"]]
    top, line = marks["upper_lip_top"], marks["upper_lip_bottom"]
    return np.array([*corners, top, line, line - _LOWER_LIP * (top - line) * [0.0, 1.0, 0.0]])
