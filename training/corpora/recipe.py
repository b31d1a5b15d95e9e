"""The recipe of the synthetic corpora: who performs, what and when. Knows units and times, no mesh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import CorpusError
from core.motion import EXPRESSIONS, Cue, labels_from_cues

from .prototypes import LIMITS, PROTOTYPES, SIDED, Variant, unit_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

SOURCE_RATE = 60.0
"""Frames a second of the performances, as of 4DFAB."""

KEEP_EVERY = 5
"""Every fifth frame is kept (section 5.1 of the paper): 12 frames a second."""

SOURCE_FRAMES = 100

_REST = 0.05  # seconds of rest at least, before and after
_LOWEST_AMPLITUDE, _HIGHEST_AMPLITUDE = 0.5, 1.6


@dataclass(frozen=True)
class Habits:
    """How much people differ; all standard deviations.

    Attributes:
        gain: of the logarithm of the strength of each unit.
        asymmetry: of the logarithm of left over right, half of it common to a person's whole face.
        lag: seconds by which units start and stop apart.
        tempo: of the logarithm of a person's speed.
        noise: millimetres of tracking noise.
    """

    gain: float = 0.18
    asymmetry: float = 0.08
    lag: float = 0.02
    tempo: float = 0.15
    noise: float = 0.05


@dataclass(frozen=True)
class Style:
    """One person's manner; the arrays have one value for each of `unit_names()`.

    Attributes:
        gain: (U,) factor on the strength, sides and asymmetry included.
        lag: (U,) seconds after the cue's start that the unit starts, 0 or more.
        lead: (U,) seconds before the cue's end that the unit is at rest again, 0 or more.
        tempo: factor on the durations.
    """

    gain: NDArray[np.float64]
    lag: NDArray[np.float64]
    lead: NDArray[np.float64]
    tempo: float


@dataclass(frozen=True)
class Performance:
    """One sequence before it has a face.

    Attributes:
        weights: (T, U) strength of each of `unit_names()`, 0 where the cue rests.
        labels: (T, 6) float32 motion labels, 1 at the apex.
        cue: expression and times; intensity 1.
    """

    weights: NDArray[np.float64]
    labels: NDArray[np.float32]
    cue: Cue


def child_generator(seed: int, *path: int) -> np.random.Generator:
    """A generator of its own for each place in the corpus, so that the order of work does not matter."""
    return np.random.default_rng([seed, *path])


def draw_style(rng: np.random.Generator, habits: Habits) -> Style:
    """Draw one person's manner."""
    units = unit_names()
    gain: dict[str, float] = {}
    lag: dict[str, float] = {}
    lead: dict[str, float] = {}
    whole_face = rng.normal(0, habits.asymmetry / np.sqrt(2))
    for unit in sorted({_without_side(name) for name in units}):
        # Centred so that the average strength stays the prototype's.
        strength = np.exp(rng.normal(0, habits.gain) - habits.gain**2 / 2)
        lean = (whole_face + rng.normal(0, habits.asymmetry / np.sqrt(2))) / 2
        starts, stops = np.abs(rng.normal(0, habits.lag, 2))
        for name, side in ((f"{unit}Left", 1), (f"{unit}Right", -1), (unit, 0)):
            gain[name] = strength * np.exp(side * lean)
            lag[name], lead[name] = starts, stops
    return Style(
        gain=np.array([gain[name] for name in units]),
        lag=np.array([lag[name] for name in units]),
        lead=np.array([lead[name] for name in units]),
        tempo=float(np.exp(rng.normal(0, habits.tempo))),
    )


def perform(expression: str, style: Style, rng: np.random.Generator) -> Performance:
    """One person's performance of one expression, 100 frames at 60 frames a second.

    Args:
        expression: one of `EXPRESSIONS`.
        style: the person.
        rng: the sequence's own generator.

    Raises:
        CorpusError: the recipe knows no such expression.
    """
    if expression not in PROTOTYPES:
        raise CorpusError(f"The recipe knows no expression {expression!r}.", f"It knows {', '.join(EXPRESSIONS)}.")
    cue = _draw_cue(expression, style.tempo, rng)
    strengths = draw_strengths(expression, rng)
    limits = np.array([LIMITS.get(_without_side(name), 1.0) for name in unit_names()])
    apex = np.array([strengths.get(_without_side(name), 0.0) for name in unit_names()]) * style.gain
    apex = limits * _soft_limit(apex / limits)
    seconds = np.arange(SOURCE_FRAMES) / SOURCE_RATE
    weights = np.stack(
        [
            one * activation(cue, seconds, lag, lead) if one else np.zeros(SOURCE_FRAMES)
            for one, lag, lead in zip(apex, style.lag, style.lead, strict=True)
        ],
        axis=1,
    )
    weights *= _relaxation(cue, seconds, rng)[:, None]
    return Performance(weights, labels_from_cues([cue], SOURCE_FRAMES, SOURCE_RATE), cue)


def draw_strengths(expression: str, rng: np.random.Generator) -> dict[str, float]:
    """Strengths at the apex, sides not yet told apart: variant, optional units and amplitude are drawn."""
    prototype = PROTOTYPES[expression]
    shares = np.array([variant.share for variant in prototype.variants])
    variant = prototype.variants[int(rng.choice(len(shares), p=shares / shares.sum()))]
    amplitude = prototype.amplitude * np.exp(rng.normal(0, prototype.spread))
    amplitude = float(np.clip(amplitude, _LOWEST_AMPLITUDE, _HIGHEST_AMPLITUDE))
    return {unit: amplitude * strength for unit, strength in _draw_units(variant, rng).items()}


def activation(cue: Cue, seconds: NDArray[np.float64], lag: float = 0.0, lead: float = 0.0) -> NDArray[np.float64]:
    """Rise and fall of one unit between the cue's corners, each with the least jerk; 0 outside the cue.

    Args:
        cue: the four times.
        seconds: (T,) times.
        lag: seconds that the unit starts late, and leaves the apex late; at most a third of the onset counts.
        lead: seconds that the unit reaches the apex, and its rest, early; likewise.

    Returns:
        (T,) 0..1.
    """
    rise, fall = cue.apex_start - cue.start, cue.end - cue.apex_end
    up = (seconds - cue.start - min(lag, rise / 3)) / (rise - min(lag, rise / 3) - min(lead, rise / 3))
    down = (seconds - cue.apex_end - min(lag, fall / 3)) / (fall - min(lag, fall / 3) - min(lead, fall / 3))
    return _minimum_jerk(up) * (1 - _minimum_jerk(down))


def _draw_units(variant: Variant, rng: np.random.Generator) -> dict[str, float]:
    strengths = {unit: rng.uniform(low, high) for unit, (low, high) in sorted(variant.units.items())}
    for unit, (chance, low, high) in sorted(variant.sometimes.items()):
        happens, strength = rng.random() < chance, rng.uniform(low, high)
        if happens:
            strengths[unit] = strengths.get(unit, 0.0) + strength
    return strengths


def _draw_cue(expression: str, tempo: float, rng: np.random.Generator) -> Cue:
    """Times of a performance: offset slower than onset, all within the sequence with rest at both ends."""
    start = rng.uniform(_REST, 0.25)
    rise = tempo * rng.uniform(*PROTOTYPES[expression].onset)
    hold = rng.uniform(0.2, 0.8)
    fall = rise * rng.uniform(1.15, 1.8)
    room = (SOURCE_FRAMES - 1) / SOURCE_RATE - _REST
    squeeze = min(1.0, room / (start + rise + hold + fall))
    corners = np.cumsum([start, rise, hold, fall]) * squeeze
    return Cue(expression, 1.0, *(float(corner) for corner in corners))


def _relaxation(cue: Cue, seconds: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """(T,) factor near 1: a held pose sinks a little and is never quite still."""
    held = np.clip((seconds - cue.apex_start) / max(cue.apex_end - cue.apex_start, 1e-6), 0, 1)
    sink, waver, phase = rng.uniform(0, 0.06), rng.normal(0, 0.01), rng.uniform(0, 2 * np.pi)
    return np.asarray(1 - sink * _minimum_jerk(held) + waver * np.sin(2 * np.pi * 1.5 * seconds + phase))


def _minimum_jerk(progress: NDArray[np.float64]) -> NDArray[np.float64]:
    t = np.clip(progress, 0, 1)
    # Rounding may lead a hair beyond 1, and then what is left of the rise below 0.
    return np.clip(t**3 * (10 - 15 * t + 6 * t**2), 0, 1)


def _soft_limit(strength: NDArray[np.float64], knee: float = 0.8, room: float = 0.3) -> NDArray[np.float64]:
    """Strengths above the knee approach knee + room: shapes are made for 0..1 and break far beyond."""
    above = np.maximum(strength - knee, 0)
    return np.asarray(np.minimum(strength, knee) + room * (1 - np.exp(-above / room)))


def _without_side(name: str) -> str:
    stem = name.removesuffix("Left").removesuffix("Right")
    return stem if stem in SIDED else name


def unit_fields(source: Mapping[str, NDArray[np.floating[Any]]]) -> NDArray[np.float64]:
    """The displacement fields of a source of faces in the order of the weights.

    Args:
        source: unit -> (V, 3) displacement in millimetres at full strength.

    Returns:
        (U, V, 3) float64.

    Raises:
        CorpusError: the source lacks a unit.
    """
    missing = [name for name in unit_names() if name not in source]
    if missing:
        raise CorpusError(f"The source of faces lacks the units {', '.join(missing)}.")
    return np.stack([np.asarray(source[name], dtype=np.float64) for name in unit_names()])
