"""What people do with their faces when asked for an expression: FACS prototypes as distributions over variants.

The units are ARKit's, which FACS coders can read: browInnerUp is action unit 1, browOuterUp 2, browDown 4, eyeWide
5, cheekSquint 6, eyeSquint 7, noseSneer 9, mouthUpperUp 10, mouthSmile 12, mouthDimple 14, mouthFrown 15,
mouthLowerDown 16, mouthShrugLower 17, mouthStretch 20, mouthFunnel 22, mouthPress 24 (with mouthRoll 23 and 28),
jawOpen 26 and 27; parted lips (25) follow from 10, 16 and 26.

The variants and how often they come follow the codings that the literature gives of posed expressions (EMFACS; Ekman
and Friesen's and later databases' prototypes): a posed smile mostly shows the upper teeth, posed anger mostly presses
the lips and sometimes bares the teeth, fear stretches the mouth where surprise drops the jaw.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

Range = tuple[float, float]

SIDED = frozenset(
    {
        "browDown",
        "browOuterUp",
        "cheekSquint",
        "eyeBlink",
        "eyeLookDown",
        "eyeSquint",
        "eyeWide",
        "mouthDimple",
        "mouthFrown",
        "mouthLowerDown",
        "mouthPress",
        "mouthSmile",
        "mouthStretch",
        "mouthUpperUp",
        "noseSneer",
    }
)
"""Units that stand for a Left and a Right one."""

MIDDLE = frozenset(
    {
        "browInnerUp",
        "jawForward",
        "jawOpen",
        "mouthFunnel",
        "mouthRollLower",
        "mouthRollUpper",
        "mouthShrugLower",
        "mouthShrugUpper",
    }
)

LIMITS: Mapping[str, float] = {"jawOpen": 0.75}
"""What a unit can do at most where that is not 1: a jaw opened fully is a yawn, not an expression."""


@dataclass(frozen=True)
class Variant:
    """One way to pose an expression.

    Attributes:
        share: how often it is chosen among the expression's variants; they need not sum to 1.
        units: unit -> lowest and highest strength, 0..1, at an average amplitude.
        sometimes: unit -> (chance 0..1, lowest, highest): units that some people add.
    """

    share: float
    units: Mapping[str, Range]
    sometimes: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Prototype:
    """An expression: its variants, how far people go on average and how they differ, and its usual onset.

    Attributes:
        variants: the ways to pose it, from a closed mouth to an open one.
        amplitude: factor on all strengths, the average person's.
        spread: standard deviation of the logarithm of a person's amplitude.
        onset: shortest and longest time from neutral to apex, in seconds.
    """

    variants: tuple[Variant, ...]
    amplitude: float
    spread: float
    onset: Range


_SMILING_EYES: Mapping[str, Range] = {"cheekSquint": (0.55, 1.0), "eyeSquint": (0.1, 0.35)}
_WORRIED_BROW: Mapping[str, Range] = {"browInnerUp": (0.75, 1.0), "browDown": (0.1, 0.35)}
# The shapes of browDown lower the whole brow; its angry slant comes from what pulls at its ends.
_ANGRY_BROW: Mapping[str, Range] = {
    "browDown": (0.95, 1.2),
    "browOuterUp": (0.35, 0.7),
    "noseSneer": (0.5, 0.9),
    "eyeSquint": (0.15, 0.4),
    "eyeWide": (0.2, 0.5),
}
_RAISED_BROW: Mapping[str, Range] = {"browInnerUp": (0.8, 1.0), "browOuterUp": (0.75, 1.0)}

PROTOTYPES: Mapping[str, Prototype] = {
    "angry": Prototype(
        variants=(
            Variant(  # 4+5+7+23+24
                0.5,
                {
                    **_ANGRY_BROW,
                    "mouthPress": (0.35, 0.65),
                    "mouthFrown": (0.2, 0.45),
                    "mouthShrugLower": (0.1, 0.3),
                    "mouthRollUpper": (0.05, 0.25),
                },
                {"mouthRollLower": (0.4, 0.05, 0.25)},
            ),
            Variant(  # 4+5+7+17+24, the chin pushed up and forward
                0.28,
                {**_ANGRY_BROW, "mouthPress": (0.2, 0.5), "mouthShrugLower": (0.35, 0.65), "mouthFrown": (0.25, 0.5)},
                {"jawForward": (0.5, 0.2, 0.6)},
            ),
            Variant(  # 4+5+7+10+25, teeth bared
                0.22,
                {
                    **_ANGRY_BROW,
                    "noseSneer": (0.65, 1.0),
                    "mouthUpperUp": (0.3, 0.6),
                    "mouthLowerDown": (0.45, 0.8),
                    "mouthStretch": (0.1, 0.35),
                },
                {"jawOpen": (0.3, 0.03, 0.1)},
            ),
        ),
        amplitude=0.95,
        spread=0.27,
        onset=(0.3, 0.6),
    ),
    "disgust": Prototype(
        variants=(
            Variant(  # 9+4+7+17
                0.3,
                {
                    "noseSneer": (0.8, 1.0),
                    "browDown": (0.4, 0.7),
                    "eyeSquint": (0.35, 0.7),
                    "cheekSquint": (0.3, 0.7),
                    "mouthShrugLower": (0.35, 0.7),
                    "mouthShrugUpper": (0.1, 0.35),
                    "mouthFrown": (0.15, 0.4),
                },
                {"mouthUpperUp": (0.5, 0.1, 0.3)},
            ),
            Variant(  # 9+10+15+25
                0.3,
                {
                    "noseSneer": (0.6, 0.95),
                    "mouthUpperUp": (0.45, 0.8),
                    "mouthFrown": (0.4, 0.75),
                    "browDown": (0.25, 0.6),
                    "eyeSquint": (0.3, 0.6),
                    "jawOpen": (0.02, 0.1),
                },
                {"cheekSquint": (0.5, 0.2, 0.5), "mouthStretch": (0.3, 0.1, 0.3)},
            ),
            Variant(  # 9+10+16+25
                0.4,
                {
                    "noseSneer": (0.65, 1.0),
                    "mouthUpperUp": (0.55, 0.95),
                    "mouthLowerDown": (0.2, 0.5),
                    "browDown": (0.25, 0.6),
                    "eyeSquint": (0.3, 0.65),
                    "cheekSquint": (0.3, 0.6),
                },
                {"jawOpen": (0.4, 0.04, 0.14), "mouthFrown": (0.4, 0.1, 0.35)},
            ),
        ),
        amplitude=0.95,
        spread=0.28,
        onset=(0.3, 0.6),
    ),
    "fear": Prototype(
        variants=(
            Variant(  # 1+2+4+5+20+25
                0.45,
                {
                    "browInnerUp": (0.8, 1.0),
                    "browOuterUp": (0.3, 0.6),
                    "browDown": (0.2, 0.45),
                    "eyeWide": (0.65, 1.0),
                    "mouthStretch": (0.6, 1.0),
                    "mouthLowerDown": (0.2, 0.5),
                    "jawOpen": (0.03, 0.1),
                },
                {"mouthFrown": (0.3, 0.1, 0.3)},
            ),
            Variant(  # 1+2+4+5+20+25+26
                0.55,
                {
                    "browInnerUp": (0.8, 1.0),
                    "browOuterUp": (0.35, 0.7),
                    "browDown": (0.15, 0.4),
                    "eyeWide": (0.7, 1.0),
                    "mouthStretch": (0.45, 0.85),
                    "mouthLowerDown": (0.2, 0.5),
                    "jawOpen": (0.14, 0.32),
                },
                {"mouthUpperUp": (0.3, 0.1, 0.25)},
            ),
        ),
        amplitude=0.95,
        spread=0.27,
        onset=(0.2, 0.42),
    ),
    "happy": Prototype(
        variants=(
            Variant(  # 6+12, lips closed
                0.17,
                {**_SMILING_EYES, "mouthSmile": (0.6, 0.9), "mouthPress": (0.05, 0.2)},
                {"mouthDimple": (0.5, 0.15, 0.4)},
            ),
            Variant(  # 6+12+25
                0.5,
                {
                    **_SMILING_EYES,
                    "mouthSmile": (0.7, 1.0),
                    "mouthUpperUp": (0.4, 0.8),
                    "mouthLowerDown": (0.25, 0.5),
                    "jawOpen": (0.02, 0.08),
                },
                {"mouthStretch": (0.4, 0.05, 0.25), "browOuterUp": (0.15, 0.1, 0.3)},
            ),
            Variant(  # 6+12+25+26
                0.33,
                {
                    **_SMILING_EYES,
                    "mouthSmile": (0.75, 1.0),
                    "mouthUpperUp": (0.5, 0.9),
                    "mouthLowerDown": (0.25, 0.5),
                    "jawOpen": (0.1, 0.28),
                    "mouthStretch": (0.1, 0.3),
                },
                {"browOuterUp": (0.2, 0.1, 0.35)},
            ),
        ),
        amplitude=1.0,
        spread=0.24,
        onset=(0.3, 0.6),
    ),
    "sad": Prototype(
        variants=(
            Variant(  # 1+4+15
                0.45,
                {**_WORRIED_BROW, "mouthFrown": (0.6, 1.0), "eyeSquint": (0.1, 0.35)},
                {
                    "mouthShrugLower": (0.4, 0.1, 0.3),
                    "eyeBlink": (0.65, 0.08, 0.2),
                    "eyeLookDown": (0.3, 0.08, 0.2),
                },
            ),
            Variant(  # 1+4+15+17
                0.4,
                {**_WORRIED_BROW, "mouthFrown": (0.5, 0.9), "mouthShrugLower": (0.4, 0.8), "eyeSquint": (0.1, 0.4)},
                {
                    "mouthRollLower": (0.3, 0.1, 0.3),
                    "eyeBlink": (0.65, 0.08, 0.2),
                    "eyeLookDown": (0.3, 0.08, 0.2),
                },
            ),
            Variant(  # 1+4+15+20+25, near to crying
                0.15,
                {
                    **_WORRIED_BROW,
                    "mouthFrown": (0.5, 0.9),
                    "mouthStretch": (0.2, 0.45),
                    "mouthLowerDown": (0.15, 0.4),
                    "eyeSquint": (0.2, 0.5),
                },
                {"cheekSquint": (0.5, 0.2, 0.5)},
            ),
        ),
        amplitude=1.0,
        spread=0.27,
        onset=(0.4, 0.75),
    ),
    "surprise": Prototype(
        variants=(
            Variant(  # 1+2+5+26
                0.6,
                {**_RAISED_BROW, "eyeWide": (0.5, 0.9), "jawOpen": (0.28, 0.46)},
                {"mouthFunnel": (0.3, 0.05, 0.2)},
            ),
            Variant(  # 1+2+5+27
                0.4,
                {**_RAISED_BROW, "eyeWide": (0.6, 1.0), "jawOpen": (0.42, 0.62)},
                {"mouthFunnel": (0.3, 0.05, 0.2), "mouthLowerDown": (0.3, 0.1, 0.3)},
            ),
        ),
        amplitude=1.0,
        spread=0.24,
        onset=(0.18, 0.38),
    ),
}
"""The six expressions of the paper."""


def unit_names() -> tuple[str, ...]:
    """All units the prototypes can call for, sides spelled out, sorted: what a source of faces must have."""
    sided = [f"{unit}{side}" for unit in SIDED for side in ("Left", "Right")]
    return tuple(sorted([*sided, *MIDDLE]))
