"""The guide: which landmarks a person picks on a head, in what order, and how they are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from ..template import Template

    Places = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Mark:
    """One landmark of the guide.

    Attributes:
        name: a key of `Template.landmarks`.
        title: for people, such as "Left corner of the mouth".
        short: for a label beside its dot, such as "Mouth".
        hint: where exactly it lies, one sentence.
        needed: whether a wrap asks for it.
        seen_from: from where it is seen best; "left" is the face's own left.
    """

    name: str
    title: str
    short: str
    hint: str
    needed: bool = True
    seen_from: Literal["front", "left", "right"] = "front"

    @property
    def side(self) -> Literal["left", "right", ""]:
        """The face's own side; empty in the middle."""
        word = self.name.partition("_")[0]
        return "left" if word == "left" else "right" if word == "right" else ""

    @property
    def partner(self) -> str:
        """The name of the landmark on the other side; empty in the middle."""
        return mirrored(self.name)


def mirrored(name: str) -> str:
    """The name with left and right exchanged; empty for a landmark in the middle."""
    side, _, rest = name.partition("_")
    return {"left": f"right_{rest}", "right": f"left_{rest}"}.get(side, "")


def pair(
    stem: str, title: str, short: str, hint: str, *, needed: bool = True, from_side: bool = False
) -> tuple[Mark, Mark]:
    """The landmarks of both sides; see `Mark`, `from_side` for those that are best seen from their own side."""
    left = Mark(f"left_{stem}", f"Left {title}", short, hint, needed, "left" if from_side else "front")
    right = Mark(f"right_{stem}", f"Right {title}", short, hint, needed, "right" if from_side else "front")
    return left, right


# The first four already tell place, size and turn of the head, so that all others can be suggested; the first of a
# pair is enough where the head is symmetric.
GUIDE: tuple[Mark, ...] = (
    Mark("nose_tip", "Tip of the nose", "Nose Tip", "Where the nose stands out furthest."),
    Mark("chin", "Chin", "Chin", "Where the chin stands out furthest, in the middle."),
    *pair("eye_outer", "outer corner of the eye", "Outer Eye", "Where the lids meet, towards the temple."),
    *pair("mouth_corner", "corner of the mouth", "Mouth", "Where the red of the lips ends."),
    Mark("upper_lip_top", "Top of the upper lip", "Upper Lip", "In the middle, where the red begins."),
    Mark("lower_lip_bottom", "Bottom of the lower lip", "Lower Lip", "In the middle, where the red ends."),
    *pair("eye_inner", "inner corner of the eye", "Inner Eye", "Where the lids meet, towards the nose."),
    *pair("nose_wing", "wing of the nose", "Nose Wing", "Where the nostril's side is widest."),
    Mark("nose_bridge", "Bridge of the nose", "Bridge", "Deepest between the eyes.", needed=False),
    Mark("subnasale", "Below the nose", "Below Nose", "Where the nose meets the upper lip.", needed=False),
    *pair(
        "ear_front",
        "front of the ear",
        "Front of Ear",
        "The little flap before the ear's opening.",
        needed=False,
        from_side=True,
    ),
    *pair("ear_lobe", "ear lobe", "Ear Lobe", "Its lowest point.", needed=False, from_side=True),
)
"""The landmarks to pick, in their order."""

NEEDED: tuple[str, ...] = tuple(mark.name for mark in GUIDE if mark.needed)
"""The names that a wrap asks for."""

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


def places_on(template: Template) -> dict[str, NDArray[np.float64]]:
    """Where the guide's landmarks lie on a template: name -> (3,) mm; those alone that the template names."""
    marks = template.landmarks
    return {mark.name: template.vertices[marks[mark.name]].astype(float) for mark in GUIDE if mark.name in marks}


def missing(placed: Container[str]) -> tuple[Mark, ...]:
    """The needed landmarks that are not placed, in their order."""
    return tuple(mark for mark in GUIDE if mark.needed and mark.name not in placed)


def next_mark(placed: Container[str], put_off: Iterable[str] = ()) -> Mark | None:
    """The landmark to ask for now.

    Args:
        placed: names of those that are there.
        put_off: names that the person does not want to place now; needed ones come again after all others.

    Returns:
        None where nothing is left to ask for.
    """
    later = set(put_off)
    left = [mark for mark in GUIDE if mark.name not in placed]
    return next((mark for mark in left if mark.name not in later), next((one for one in left if one.needed), None))
