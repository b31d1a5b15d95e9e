"""Two expressions in one sequence: from one to the other without passing through neutral, and both at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations, permutations
from typing import TYPE_CHECKING

import numpy as np

from core.motion import EXPRESSIONS, Cue, labels_from_cues

from .manner import without_side
from .prototypes import unit_names
from .recipe import (
    SLOWER,
    SOURCE_FRAMES,
    SOURCE_RATE,
    STARTS,
    Performance,
    draw_apex,
    draw_cue,
    draw_onset,
    fit,
    limited,
    move,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .manner import Style

TRANSITION_FRAMES = 150
"""Source frames of a transition; two apexes need more time than one."""

TRANSITIONS, BLENDS = 2, 1
"""How many of each a person performs."""

OPPOSED = (
    ("mouthSmile", "mouthFrown"),
    ("mouthPress", "jawOpen"),
    ("mouthPress", "mouthLowerDown"),
    ("mouthPress", "mouthUpperUp"),
    ("mouthShrugLower", "jawOpen"),
    ("mouthShrugLower", "mouthLowerDown"),
    ("mouthRollLower", "mouthLowerDown"),
    ("mouthRollUpper", "mouthUpperUp"),
    ("eyeBlink", "eyeWide"),
    ("eyeLookDown", "eyeWide"),
)
"""Units that pull against each other: in a blend both lose half of the weaker one."""

_SHARES = (0.4, 1.0)  # strength of each expression in a blend
_HOLDS = (0.15, 0.5)  # seconds of each apex in a transition
_CROSSING = (1.0, 1.5)  # times the second expression's onset


@dataclass(frozen=True)
class Plan:
    """What a person performs besides the six expressions by themselves.

    Attributes:
        transitions: (from, to) each.
        blends: two expressions each.
    """

    transitions: tuple[tuple[str, str], ...] = ()
    blends: tuple[tuple[str, str], ...] = ()


def plans(count: int, rng: np.random.Generator) -> list[Plan]:
    """Plans for so many people, in which all 30 ordered pairs come about equally often, and all 15 unordered ones."""
    transitions = _deal(list(permutations(EXPRESSIONS, 2)), TRANSITIONS * count, rng)
    blends = _deal(list(combinations(EXPRESSIONS, 2)), BLENDS * count, rng)
    return [
        Plan(tuple(transitions[n * TRANSITIONS :][:TRANSITIONS]), tuple(blends[n * BLENDS :][:BLENDS]))
        for n in range(count)
    ]


def transition(first: str, second: str, style: Style, rng: np.random.Generator) -> Performance:
    """From one expression to another, 150 frames at 60 frames a second.

    The first expression's label falls linearly from the end of its apex to the start of the second's apex, while the
    second's rises; each unit goes from its strength in the one to that in the other over the same time, with the least
    jerk and the person's lags. So the face is never neutral between them.

    Args:
        first: one of `EXPRESSIONS`.
        second: another one.
        style: the person.
        rng: the sequence's own generator.

    Raises:
        CorpusError: the recipe knows no such expression.
    """
    spans = [
        rng.uniform(*STARTS),
        draw_onset(first, style.tempo, rng),
        rng.uniform(*_HOLDS),
        draw_onset(second, style.tempo, rng) * rng.uniform(*_CROSSING),
        rng.uniform(*_HOLDS),
        draw_onset(second, style.tempo, rng) * rng.uniform(*SLOWER),
    ]
    start, held, left, reached, fallen, end = np.cumsum(fit(spans, TRANSITION_FRAMES)).tolist()
    cues = (Cue(first, 1.0, start, held, left, reached), Cue(second, 1.0, left, reached, fallen, end))
    apexes = [limited(draw_apex(cue.expression, style, rng)) for cue in cues]
    # What one's fall leaves the other's rise takes: both follow the same curve with the same lags.
    weights = sum(move(apex, cue, style, rng, TRANSITION_FRAMES) for apex, cue in zip(apexes, cues, strict=True))
    return Performance(
        np.asarray(weights),
        labels_from_cues(cues, TRANSITION_FRAMES, SOURCE_RATE),
        cues[0],
        "transition",
        cues[1],
        _each_alone(cues, apexes, style, rng),
    )


def blend(first: str, second: str, style: Style, rng: np.random.Generator) -> Performance:
    """Two expressions at once, 100 frames at 60 frames a second; the stronger one comes first in the result.

    Each has a share of 0.4 to 1. Strengths add up, units that pull against each other are damped (`OPPOSED`), and the
    sum is softly limited. The labels are the shares at the apex, in both columns.

    Args:
        first: one of `EXPRESSIONS`.
        second: another one.
        style: the person.
        rng: the sequence's own generator.

    Raises:
        CorpusError: the recipe knows no such expression.
    """
    shares = dict(zip((first, second), rng.uniform(*_SHARES, 2).tolist(), strict=True))
    names = sorted(shares, key=lambda name: -shares[name])
    leading = draw_cue(names[0], style.tempo, rng)
    cues = [replace(leading, expression=name, intensity=shares[name]) for name in names]
    apexes = [draw_apex(name, style, rng) for name in names]
    together = sum(shares[name] * apex for name, apex in zip(names, apexes, strict=True))
    return Performance(
        move(limited(damped(np.asarray(together))), leading, style, rng),
        labels_from_cues(cues, SOURCE_FRAMES, SOURCE_RATE),
        cues[0],
        "blend",
        cues[1],
        _each_alone(cues, [limited(apex) for apex in apexes], style, rng),
    )


def damped(apex: NDArray[np.float64]) -> NDArray[np.float64]:
    """(U,) the strengths, of each pair of `OPPOSED` both less by half of the weaker one's, side by side."""
    place = {name: number for number, name in enumerate(unit_names())}
    result = apex.copy()
    for one, other in OPPOSED:
        for here in (name for name in place if without_side(name) == one):
            partners = [name for name in place if without_side(name) == other]
            same_side = [name for name in partners if name == other or name.removeprefix(other) == here[len(one) :]]
            for there in same_side or partners:
                less = min(apex[place[here]], apex[place[there]]) / 2
                for name in (here, there):
                    result[place[name]] = max(0.0, min(result[place[name]], apex[place[name]] - less))
    return result


def _each_alone(
    cues: Sequence[Cue], apexes: Sequence[NDArray[np.float64]], style: Style, rng: np.random.Generator
) -> tuple[NDArray[np.float64], ...]:
    """What each expression would have been by itself, as strong: what eq. 6 measures its extremeness by."""
    return tuple(
        move(apex, draw_cue(cue.expression, style.tempo, rng), style, rng)
        for cue, apex in zip(cues, apexes, strict=True)
    )


def _deal(pairs: list[tuple[str, str]], count: int, rng: np.random.Generator) -> list[tuple[str, str]]:
    """So many of the pairs, all of them shuffled before any comes again."""
    rounds = -(-count // len(pairs))
    order = np.concatenate([rng.permutation(len(pairs)) for _ in range(rounds)]) if rounds else np.zeros(0, int)
    return [pairs[number] for number in order[:count]]
