"""A person's manner: what they do their own way each time, partly by the shape of their face, partly by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.errors import CorpusError
from core.motion import EXPRESSIONS

from .prototypes import MIDDLE, SIDED, unit_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from .anatomy import Face


@dataclass(frozen=True)
class Habits:
    """How much people differ; standard deviations, but for the last two.

    Attributes:
        gain: of the logarithm of the strength of each unit.
        asymmetry: of the logarithm of left over right, half of it common to a person's whole face.
        lag: seconds by which units start and stop apart.
        tempo: of the logarithm of a person's speed.
        noise: millimetres of tracking noise.
        anatomy: share of the variance of a manner that follows from the shape of the face, 0..1; our assumption,
            see `anatomy.py`. It counts for gains, asymmetry, amplitudes, variants and optional units.
        occasion: share of the rest of amplitudes, variants and optional units that is drawn anew each time, 0..1.

    Raises:
        CorpusError: a share beyond 0..1.
    """

    gain: float = 0.18
    asymmetry: float = 0.08
    lag: float = 0.02
    tempo: float = 0.15
    noise: float = 0.05
    anatomy: float = 0.5
    occasion: float = 0.3

    def __post_init__(self) -> None:
        if not (0 <= self.anatomy <= 1 and 0 <= self.occasion <= 1):
            raise CorpusError(f"The shares {self.anatomy:g} and {self.occasion:g} of a manner are not 0..1.")


@dataclass(frozen=True)
class Style:
    """One person's manner; the arrays have one value for each of `unit_names()`.

    Attributes:
        gain: (U,) factor on the strength, sides and asymmetry included.
        lag: (U,) seconds after the cue's start that the unit starts, 0 or more.
        lead: (U,) seconds before the cue's end that the unit is at rest again, 0 or more.
        tempo: factor on the durations.
        amplitudes: expression -> how strongly they perform it as a rule.
        choices: expression -> how far towards the last variant they pose it as a rule.
        extras: unit without its side -> how readily they add it where it is optional.
        occasion: standard deviation of what an occasion adds to each of the last three; together they have unit
            variance over people and occasions.
    """

    gain: NDArray[np.float64]
    lag: NDArray[np.float64]
    lead: NDArray[np.float64]
    tempo: float
    amplitudes: Mapping[str, float]
    choices: Mapping[str, float]
    extras: Mapping[str, float]
    occasion: float


def draw_style(rng: np.random.Generator, habits: Habits, face: Face | None = None) -> Style:
    """Draw one person's manner.

    Args:
        rng: the person's own generator.
        habits: how much people differ.
        face: what the shape of their face says; without it nothing of the manner follows from a face.

    Returns:
        The style; each trait is sqrt(anatomy) times the face's score plus sqrt(1 - anatomy) times a draw, so that its
        distribution over people is the same whatever the share.
    """
    gain: dict[str, float] = {}
    lag: dict[str, float] = {}
    lead: dict[str, float] = {}
    share = habits.anatomy if face is not None else 0.0

    def trait(score: float | None, part: float = 1.0) -> float:
        """Unit variance at part 1; at less, that of what comes from the face and that part of the rest."""
        own = rng.normal()
        # NaN: the people of this corpus do not differ in it, so that no face can say anything.
        if score is None or not np.isfinite(score):
            return float(np.sqrt(share + (1 - share) * part) * own)
        return float(np.sqrt(share) * score + np.sqrt((1 - share) * part) * own)

    whole_face = trait(face.lean if face else None)
    for unit in sorted(SIDED | MIDDLE):
        # Centred so that the average strength stays the prototype's.
        strength = np.exp(habits.gain * trait(face.units[unit] if face else None) - habits.gain**2 / 2)
        own_lean = trait(face.leans.get(unit) if face else None)
        lean = habits.asymmetry / np.sqrt(2) * (whole_face + own_lean) / 2
        starts, stops = np.abs(rng.normal(0, habits.lag, 2))
        for name, side in ((f"{unit}Left", 1), (f"{unit}Right", -1), (unit, 0)):
            gain[name] = strength * np.exp(side * lean)
            lag[name], lead[name] = starts, stops
    tempo = float(np.exp(rng.normal(0, habits.tempo)))
    stays = 1 - habits.occasion
    return Style(
        gain=np.array([gain[name] for name in unit_names()]),
        lag=np.array([lag[name] for name in unit_names()]),
        lead=np.array([lead[name] for name in unit_names()]),
        tempo=tempo,
        amplitudes={name: trait(face.amplitudes[name] if face else None, stays) for name in EXPRESSIONS},
        choices={name: trait(face.choices[name] if face else None, stays) for name in EXPRESSIONS},
        extras={unit: trait(face.units[unit] if face else None, stays) for unit in sorted(SIDED | MIDDLE)},
        occasion=float(np.sqrt((1 - share) * habits.occasion)),
    )


def without_side(name: str) -> str:
    """A unit's name without "Left" or "Right" where it has them."""
    stem = name.removesuffix("Left").removesuffix("Right")
    return stem if stem in SIDED else name
