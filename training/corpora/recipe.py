"""The recipe of the synthetic corpora: who performs, what and when. Knows units and times, no mesh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtr

from core.errors import CorpusError
from core.motion import EXPRESSIONS, Cue, labels_from_cues

from .manner import without_side
from .prototypes import LIMITS, PROTOTYPES, unit_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from .manner import Style
    from .prototypes import Prototype, Variant

SOURCE_RATE = 60.0
"""Frames a second of the performances, as of 4DFAB."""

KEEP_EVERY = 5
"""Every fifth frame is kept (section 5.1 of the paper): 12 frames a second."""

SOURCE_FRAMES = 100

STARTS = (0.05, 0.25)
"""Seconds of rest before a performance."""

SLOWER = (1.15, 1.8)
"""How many times the onset an offset takes."""

_REST = 0.05  # seconds of rest at least after a performance
_LOWEST_AMPLITUDE, _HIGHEST_AMPLITUDE = 0.5, 1.6


@dataclass(frozen=True)
class Performance:
    """One sequence before it has a face.

    Attributes:
        weights: (T, U) strength of each of `unit_names()`, 0 where the cue rests.
        labels: (T, 6) float32 motion labels, 1 at the apex; in a blend, each expression's share.
        cue: expression and times; intensity 1, or the share in a blend.
        kind: "single"; "transition" from one expression to another; "blend", two at once.
        second_cue: of the other expression, where there is one.
        alone: of each of two expressions the (T', U) weights of the single performance that it would have been.
    """

    weights: NDArray[np.float64]
    labels: NDArray[np.float32]
    cue: Cue
    kind: str = "single"
    second_cue: Cue | None = None
    alone: tuple[NDArray[np.float64], ...] = ()

    @property
    def apex(self) -> NDArray[np.float64]:
        """(U,) the weights where they are strongest together."""
        return self.weights[int((self.weights**2).sum(axis=1).argmax())]


def child_generator(seed: int, *path: int) -> np.random.Generator:
    """A generator of its own for each place in the corpus, so that the order of work does not matter."""
    return np.random.default_rng([seed, *path])


def perform(expression: str, style: Style, rng: np.random.Generator) -> Performance:
    """One person's performance of one expression, 100 frames at 60 frames a second.

    Args:
        expression: one of `EXPRESSIONS`.
        style: the person.
        rng: the sequence's own generator.

    Raises:
        CorpusError: the recipe knows no such expression.
    """
    cue = draw_cue(expression, style.tempo, rng)
    apex = limited(draw_apex(expression, style, rng))
    return Performance(move(apex, cue, style, rng), labels_from_cues([cue], SOURCE_FRAMES, SOURCE_RATE), cue)


def move(
    apex: NDArray[np.float64], cue: Cue, style: Style, rng: np.random.Generator, frames: int = SOURCE_FRAMES
) -> NDArray[np.float64]:
    """(T, U) weights of one expression in time: from rest to the apex' strengths, (U,), and back to rest."""
    seconds = np.arange(frames) / SOURCE_RATE
    weights = np.stack(
        [
            one * activation(cue, seconds, lag, lead) if one else np.zeros(frames)
            for one, lag, lead in zip(apex, style.lag, style.lead, strict=True)
        ],
        axis=1,
    )
    return np.asarray(weights * _relaxation(cue, seconds, rng)[:, None])


def draw_apex(expression: str, style: Style, rng: np.random.Generator) -> NDArray[np.float64]:
    """(U,) strength of each of `unit_names()` at the apex, the person's gains in them, not yet limited.

    Raises:
        CorpusError: the recipe knows no such expression.
    """
    strengths = draw_strengths(expression, style, rng)
    return np.array([strengths.get(without_side(name), 0.0) for name in unit_names()]) * style.gain


def limited(apex: NDArray[np.float64]) -> NDArray[np.float64]:
    """(U,) the strengths softly kept within what the shapes can do."""
    limits = np.array([LIMITS.get(without_side(name), 1.0) for name in unit_names()])
    return np.asarray(limits * _soft_limit(apex / limits))


def draw_strengths(expression: str, style: Style, rng: np.random.Generator) -> dict[str, float]:
    """Strengths at the apex, sides not yet told apart: what the person does as a rule, and this occasion.

    Raises:
        CorpusError: the recipe knows no such expression.
    """
    prototype = _prototype(expression)
    choice = style.choices[expression] + rng.normal(0, style.occasion)
    shares = np.cumsum([variant.share for variant in prototype.variants])
    variant = prototype.variants[int(np.searchsorted(shares[:-1] / shares[-1], ndtr(choice)))]
    level = style.amplitudes[expression] + rng.normal(0, style.occasion)
    amplitude = prototype.amplitude * np.exp(prototype.spread * level)
    amplitude = float(np.clip(amplitude, _LOWEST_AMPLITUDE, _HIGHEST_AMPLITUDE))
    return {unit: amplitude * strength for unit, strength in _draw_units(variant, style, rng).items()}


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


def _draw_units(variant: Variant, style: Style, rng: np.random.Generator) -> dict[str, float]:
    strengths = {unit: rng.uniform(low, high) for unit, (low, high) in sorted(variant.units.items())}
    for unit, (chance, low, high) in sorted(variant.sometimes.items()):
        inclined = style.extras[unit] + rng.normal(0, style.occasion)
        strength = rng.uniform(low, high)
        if ndtr(-inclined) < chance:
            strengths[unit] = strengths.get(unit, 0.0) + strength
    return strengths


def draw_cue(expression: str, tempo: float, rng: np.random.Generator) -> Cue:
    """Times of a performance: offset slower than onset, all within the sequence with rest at both ends.

    Raises:
        CorpusError: the recipe knows no such expression.
    """
    start = rng.uniform(*STARTS)
    rise = draw_onset(expression, tempo, rng)
    hold = rng.uniform(0.2, 0.8)
    fall = rise * rng.uniform(*SLOWER)
    corners = np.cumsum(fit([start, rise, hold, fall], SOURCE_FRAMES))
    return Cue(expression, 1.0, *(float(corner) for corner in corners))


def draw_onset(expression: str, tempo: float, rng: np.random.Generator) -> float:
    """Seconds from neutral to the apex."""
    return float(tempo * rng.uniform(*_prototype(expression).onset))


def fit(spans: Sequence[float], frames: int) -> NDArray[np.float64]:
    """The same spans in seconds, squeezed where they would not leave rest at the end of so many frames."""
    room = (frames - 1) / SOURCE_RATE - _REST
    return np.asarray(spans) * min(1.0, room / sum(spans))


def _prototype(expression: str) -> Prototype:
    if expression not in PROTOTYPES:
        raise CorpusError(f"The recipe knows no expression {expression!r}.", f"It knows {', '.join(EXPRESSIONS)}.")
    return PROTOTYPES[expression]


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
