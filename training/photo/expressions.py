"""Ways in which faces in photos move: what the recipe's people do, and a little of every facial action."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from training.corpora.cast import Actor
from training.corpora.manner import Habits
from training.corpora.modes import signed
from training.corpora.recipe import child_generator

from .cast import anything, laughing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.corpora.cast import Stage

    Floats = NDArray[np.float64]

EXPRESSIONS = 32
_SEED, _PATH = 4_000_037, 13
_PEOPLE, _EACH = 80, 6
_ACTION = 0.12
"""Standard deviation of each facial action by itself: people do not only do what the recipe knows."""


def expressions_on(stage: Stage) -> NDArray[np.float16]:
    """(32, V, 3) float16 mm: ways in which people's faces move, one standard deviation each, the strongest first."""
    moved = np.concatenate([_some(stage, number) for number in range(_PEOPLE)])
    return _strongest(np.concatenate([moved / np.sqrt(len(moved)), stage.fields * _ACTION]))


def expressions_in(moved: NDArray[np.floating[Any]]) -> NDArray[np.float16]:
    """The same, of what faces in photos are seen to do: (n, V, 3) mm from their rest."""
    return _strongest(moved / np.sqrt(len(moved)))


def _strongest(rows: NDArray[np.floating[Any]]) -> NDArray[np.float16]:
    # About rest and not about the mean: no expression is the likeliest one.
    _, values, ways = np.linalg.svd(rows.reshape(len(rows), -1), full_matrices=False)
    out = signed(ways[:EXPRESSIONS] * values[:EXPRESSIONS, None])
    return np.asarray(out.reshape(len(out), *rows.shape[1:]), np.float16)


def _some(stage: Stage, number: int) -> Floats:
    """(8, V, 3) mm: one person's six expressions, each as strong as in a photo, laughter, and any actions."""
    neutral = stage.neutral(_SEED, number)
    rng = child_generator(_SEED, _PATH, number)
    actor = Actor.on(stage, _SEED, number, neutral, Habits())
    shown = [one.apex * rng.uniform(0, 1.1) for one in actor.performances()[:_EACH]]
    weights = np.array([*shown, laughing(rng), anything(rng)])
    return stage.deform(neutral, actor.fields, weights)
