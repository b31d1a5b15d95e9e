"""Who is photographed, with which expression, from where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from core.photo.camera import Camera
from training.corpora.cast import Actor
from training.corpora.makehuman import head_stage, subject
from training.corpora.manner import Habits
from training.corpora.prototypes import unit_names
from training.corpora.recipe import child_generator

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from training.corpora.people import Person
    from training.corpora.recipe import Performance

    Floats = NDArray[np.float64]
    NeutralOf = Callable[[int, int], NDArray[np.floating[Any]]]

SEEDS = {"learn": 2_000_003, "test": 3_000_017}
"""Nobody of a corpus, and nobody of the people that the modes are of."""

VIEWS = (-35.0, 0.0, 35.0)
"""Degrees, about, that a person looks to the picture's left or right in the photos."""

_NEUTRAL, _LAUGHING, _ANY = 0.35, 0.15, 0.15
"""Shares of photos without an expression, with laughter that shows the teeth, and with any facial actions; the others
show what the recipe's people do at an apex."""

_LAUGH = {
    "mouthSmile": (0.5, 1.1), "mouthUpperUp": (0.15, 0.8), "mouthLowerDown": (0.1, 0.8), "jawOpen": (0.0, 0.4),
    "cheekSquint": (0.1, 0.9), "eyeSquint": (0.0, 0.7), "mouthDimple": (0.0, 0.6),
}  # fmt: skip
_ACTIONS, _STRENGTHS = (2, 6), (0.1, 0.7)
"""How many facial actions from, and below; and how strong."""

_PAIRED = 0.7
"""How often an action of one side is one of both."""

_PATH = 11


@dataclass(frozen=True)
class Sitter:
    """A person who is photographed.

    Attributes:
        person: what makes the face.
        neutral: (V, 3) float32 mm at rest.
        posed: (3, V, 3) float32 mm, in each photo.
        names: of the expressions in the photos, one of the six, "neutral", "laughing" or "any".
    """

    person: Person
    neutral: NDArray[np.float32]
    posed: NDArray[np.float32]
    names: tuple[str, ...]


def sitter(split: str, number: int, neutral_of: NeutralOf | None = None) -> Sitter:
    """The person of that number of a split, with an expression for each photo.

    Args:
        split: "learn" or "test".
        number: of the person.
        neutral_of: (seed, number) -> (V, 3) mm, whose face it is; None for that of a MakeHuman person, whose skin
            everybody has.
    """
    seed = SEEDS[split]
    person = subject(seed, number)
    found = (neutral_of or head_stage().neutral)(seed, number)
    neutral = np.asarray(found, np.float32)
    rng = child_generator(seed, _PATH, number)
    actor = Actor.on(head_stage(), seed, number, neutral, Habits())
    acts = actor.performances()
    shown = [_look(acts, rng) for _ in VIEWS]
    moved = actor.stage.deform(neutral, actor.fields, np.stack([weights for _, weights in shown]))
    return Sitter(person, neutral, (neutral + moved).astype(np.float32), tuple(name for name, _ in shown))


def _look(acts: Sequence[Performance], rng: np.random.Generator) -> tuple[str, Floats]:
    """What a face does in a photo: its name, and (U,) strengths of the units."""
    kind = rng.random()
    if kind < _NEUTRAL:
        return "neutral", np.zeros(acts[0].weights.shape[1])
    if kind < _NEUTRAL + _LAUGHING:
        return "laughing", laughing(rng)
    if kind < _NEUTRAL + _LAUGHING + _ANY:
        return "any", anything(rng)
    act = acts[rng.integers(len(acts))]
    return act.cue.expression, act.apex * rng.uniform(0.4, 1.1)


def laughing(rng: np.random.Generator) -> Floats:
    """(U,) strengths of the units: laughter that shows the teeth."""
    out = np.zeros(len(unit_names()))
    for action, (least, most) in _LAUGH.items():
        out[_places(action)] = rng.uniform(least, most)
    return out


def anything(rng: np.random.Generator) -> Floats:
    """(U,) strengths of the units: a few of them, on both sides or on one."""
    out = np.zeros(len(unit_names()))
    for unit in rng.choice(len(out), int(rng.integers(*_ACTIONS)), replace=False):
        action = unit_names()[unit].removesuffix("Left").removesuffix("Right")
        out[_places(action) if rng.random() < _PAIRED else unit] = rng.uniform(*_STRENGTHS)
    return out


def _places(action: str) -> list[int]:
    """Where an action stands among the units, on both sides where it has sides."""
    return [place for place, name in enumerate(unit_names()) if name in {action, f"{action}Left", f"{action}Right"}]


def draw_camera(yaw: float, rng: np.random.Generator, spread: float) -> tuple[Camera, tuple[int, int]]:
    """A camera that looks at a face, and the picture's size.

    Args:
        yaw: degrees, about.
        rng: of the photo.
        spread: degrees that the turn may differ by.
    """
    yaw, pitch, roll = np.radians([yaw + rng.uniform(-spread, spread), rng.normal(0, 8), rng.normal(0, 7)])
    rotation = _about(2, roll) @ _about(0, pitch) @ _about(1, yaw)
    distance = float(np.exp(rng.uniform(np.log(380), np.log(2200))))
    size = [(320, 320), (288, 360), (360, 288)][rng.integers(3)]
    focal = rng.uniform(0.6, 0.95) * min(size) * distance / 200
    aside = rng.normal(0, 0.03, 2) * min(size) / focal * distance
    # The middle of a face lies below its eyes and behind its nose.
    middle = rotation @ np.array([0.0, -38.0, -20.0])
    shift = np.array([aside[0] - middle[0], aside[1] - middle[1], -distance - middle[2]])
    return Camera(rotation, shift, float(focal), np.array(size) / 2.0), size


def _about(axis: int, angle: float) -> Floats:
    cosine, sine = np.cos(angle), np.sin(angle)
    out = np.eye(3)
    a, b = [(1, 2), (2, 0), (0, 1)][axis]
    out[a, a], out[b, b], out[a, b], out[b, a] = cosine, cosine, -sine, sine
    return out
