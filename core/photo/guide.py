"""The guide of a photo: which landmarks a person places or moves there, in what order, and how they are told."""

from __future__ import annotations

from ..wrapping import landmarks
from ..wrapping.landmarks import Mark, pair

FEWEST = 6
"""Landmarks without which a photo tells nothing where nothing else is known of it."""

GUIDE: tuple[Mark, ...] = (
    # What is seen from the side is mostly under hair, or not in the photo.
    *(mark for mark in landmarks.GUIDE if mark.seen_from == "front"),
    Mark("upper_lip_bottom", "Edge of the upper lip", "Upper Lip", "In the middle, where the mouth opens.", False),
    Mark("lower_lip_top", "Edge of the lower lip", "Lower Lip", "In the middle, where the mouth opens.", False),
    *pair("lid_upper", "upper lid", "Upper Lid", "Its edge, in the middle.", needed=False),
    *pair("lid_lower", "lower lid", "Lower Lid", "Its edge, in the middle.", needed=False),
    *pair("brow_inner", "inner end of the brow", "Inner Brow", "Towards the nose, at half its height.", needed=False),
    *pair("brow_outer", "outer end of the brow", "Outer Brow", "Its tip, towards the temple.", needed=False),
    Mark("chin_bottom", "Bottom of the chin", "Under Chin", "Where its outline is lowest.", False),
)
"""The landmarks of a photo, in their order: first those that a wrap needs too."""

_MARKS = {mark.name: mark for mark in GUIDE}


def mark_of(name: str) -> Mark:
    """The landmark of the guide with this name.

    Raises:
        KeyError: the guide has no such landmark.
    """
    return _MARKS[name]


def is_known(name: str) -> bool:
    """Whether the guide has a landmark of this name."""
    return name in _MARKS
