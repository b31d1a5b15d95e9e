"""Who is photographed, with which expression, from where."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from core.photo.camera import Camera
from training.corpora.cast import Actor
from training.corpora.makehuman import head_stage, subject
from training.corpora.manner import Habits
from training.corpora.people import neutral_faces
from training.corpora.recipe import child_generator

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.corpora.cast import Stage
    from training.corpora.people import Person

    Floats = NDArray[np.float64]

SEEDS = {"learn": 2_000_003, "test": 3_000_017}
"""Nobody of a corpus, and nobody of the people that the modes are of."""

VIEWS = (-35.0, 0.0, 35.0)
"""Degrees, about, that a person looks to the picture's left or right in the photos."""

_NEUTRAL = 0.4
"""Share of photos without an expression."""

_PATH = 11


@dataclass(frozen=True)
class Sitter:
    """A person who is photographed.

    Attributes:
        person: what makes the face.
        neutral: (V, 3) float32 mm at rest.
        posed: (3, V, 3) float32 mm, in each photo.
        names: of the expressions in the photos, "neutral" or one of the six.
    """

    person: Person
    neutral: NDArray[np.float32]
    posed: NDArray[np.float32]
    names: tuple[str, ...]


def sitter(split: str, number: int) -> Sitter:
    """The person of that number of a split, with an expression for each photo."""
    seed = SEEDS[split]
    person = subject(seed, number)
    neutral = neutral_faces([person])[0]
    rng = child_generator(seed, _PATH, number)
    actor = Actor.on(_stage(), seed, number, neutral, Habits())
    acts = actor.performances()
    posed, names = [], []
    for _ in VIEWS:
        if rng.random() < _NEUTRAL:
            posed.append(neutral)
            names.append("neutral")
            continue
        act = acts[rng.integers(len(acts))]
        apex = act.weights[int((act.weights**2).sum(axis=1).argmax())] * rng.uniform(0.4, 1.1)
        moved = actor.stage.deform(neutral, actor.fields, apex[None])[0]
        posed.append((neutral + moved).astype(np.float32))
        names.append(act.cue.expression)
    return Sitter(person, neutral, np.stack(posed), tuple(names))


@lru_cache(maxsize=1)
def _stage() -> Stage:
    return head_stage()


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
