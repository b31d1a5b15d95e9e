"""What the synthetic corpora have in common: people on a head, who perform the recipe; see `recipe.py`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import gaussian_filter1d

from core.errors import CorpusError
from core.motion import EXPRESSIONS

from .recipe import KEEP_EVERY, SOURCE_RATE, Habits, child_generator, draw_style, perform
from .store import CorpusWriter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    from core.template import Template

    from .eyelids import Eyelids
    from .pushforward import PushForward
    from .recipe import Performance

PERSON, _STYLE, _SEQUENCE, _NOISE, _SPLIT = range(5)
"""Branches of the seed; the first one is for whoever draws the people."""


@dataclass(frozen=True)
class CorpusConfig:
    """A synthetic corpus.

    Attributes:
        out: folder to write; it must not exist yet, or hold a corpus to be replaced.
        subjects: how many people perform.
        test_subjects: how many of them are kept for testing.
        seed: one seed for everything; the same seed gives the same corpus.
        habits: how much people differ in their manner.
    """

    out: Path
    subjects: int = 180
    test_subjects: int = 27
    seed: int = 0
    habits: Habits = field(default_factory=Habits)


@dataclass(frozen=True)
class Stage:
    """What all people of a corpus share.

    Attributes:
        push: from the generic neutral to a person's.
        lids: keeps them off the eyeballs.
        fields: (U, V, 3) the facial actions on the generic neutral, in the order of the recipe's units.
    """

    push: PushForward
    lids: Eyelids
    fields: NDArray[np.float64]

    def deform(
        self, neutral: NDArray[np.floating[Any]], fields: NDArray[np.float64], weights: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(T, V, 3) deformation of a person's neutral, (V, 3), by their fields, (U, V, 3), with weights (T, U)."""
        rest = np.asarray(neutral, dtype=np.float64)
        moved = np.tensordot(weights, fields, axes=1)
        moved += rest
        return self.lids(rest, moved) - rest

    def tracking_noise(self, rng: np.random.Generator, frames: int, deviation: float) -> NDArray[np.float64]:
        """(T, V, 3) smooth in time and over the skin, as registered scans tremble; eyes and teeth stay still."""
        skin = self.push.skin
        noise = rng.standard_normal((frames, len(skin), 3), dtype=np.float32)
        noise = gaussian_filter1d(noise, 1.0, axis=0, mode="nearest")
        flat = noise.transpose(1, 0, 2).reshape(len(skin), -1)
        smooth = (self.push.averaging @ flat).reshape(len(skin), frames, 3).transpose(1, 0, 2) * skin[:, None]
        return np.asarray(smooth * (deviation / smooth[:, skin].std()))


@dataclass(frozen=True)
class Cast:
    """Everything that makes one synthetic corpus another than the next.

    Attributes:
        name: a short word.
        prefix: of the subjects' ids.
        licence: SPDX identifier.
        source: where the meshes come from.
        notes: what people should know.
        template: of the corpus.
        stage: on which people perform; it may have more than the template, such as eyeballs for the lids.
        neutral: (seed, number) -> (V, 3) the stage's vertices of a person's neutral, mm.
        output: (V_template, V_stage) what of the stage the template's vertices are; None where they are the same.
    """

    name: str
    prefix: str
    licence: str
    source: str
    notes: str
    template: Template
    stage: Stage
    neutral: Callable[[int, int], NDArray[np.floating[Any]]]
    output: csr_matrix | None = None

    def shown(self, points: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """(…, V_stage, 3) -> (…, V_template, 3)."""
        if self.output is None:
            return np.asarray(points, np.float64)
        flat = points.reshape(-1, *points.shape[-2:])
        return np.stack([self.output @ one for one in flat]).reshape(*points.shape[:-2], -1, 3)


def perform_all(
    stage: Stage, seed: int, number: int, neutral: NDArray[np.floating[Any]], habits: Habits
) -> list[tuple[Performance, NDArray[np.float64]]]:
    """What one person does: for each of the `EXPRESSIONS` the performance and its (T, V, 3) deformation, mm."""
    style = draw_style(child_generator(seed, _STYLE, number), habits)
    fields = stage.push(stage.fields, neutral)
    done = []
    for column, expression in enumerate(EXPRESSIONS):
        performance = perform(expression, style, child_generator(seed, _SEQUENCE, number, column))
        deformation = stage.deform(neutral, fields, performance.weights[::KEEP_EVERY])
        noise = child_generator(seed, _NOISE, number, column)
        deformation += stage.tracking_noise(noise, len(deformation), habits.noise)
        done.append((performance, deformation))
    return done


def build(cast: Cast, config: CorpusConfig, progress: Callable[[int, int], None] | None = None) -> Path:
    """Writes the corpus; one sequence of each expression from each person.

    Args:
        cast: who performs, on what.
        config: how many, where, which.
        progress: called with (people done, people in all).

    Returns:
        The corpus' folder.

    Raises:
        CorpusError: numbers that make no sense.
    """
    check(config)
    writer = CorpusWriter(
        config.out, cast.template, name=cast.name, licence=cast.licence, source=cast.source,
        frame_rate=SOURCE_RATE / KEEP_EVERY, seed=config.seed, notes=cast.notes,
    )  # fmt: skip
    testers = set(child_generator(config.seed, _SPLIT).permutation(config.subjects)[: config.test_subjects].tolist())
    for number in range(config.subjects):
        neutral = cast.neutral(config.seed, number)
        split = "test" if number in testers else "train"
        index = writer.add_subject(f"{cast.prefix}{number:03d}", split, cast.shown(neutral))
        for performance, deformation in perform_all(cast.stage, config.seed, number, neutral, config.habits):
            cue = performance.cue
            corners = {name: getattr(cue, name) for name in ("start", "apex_start", "apex_end", "end")}
            shown = cast.shown(deformation).astype(np.float32)
            writer.add_sequence(index, cue.expression, shown, performance.labels[::KEEP_EVERY], corners)
        if progress is not None:
            progress(number + 1, config.subjects)
    writer.close()
    return config.out


def check(config: CorpusConfig) -> None:
    """Whether the numbers make sense; asked before anything heavy is loaded.

    Raises:
        CorpusError: they do not.
    """
    if not 0 < config.test_subjects < config.subjects:
        raise CorpusError(
            f"Of {config.subjects} subjects {config.test_subjects} cannot be kept for testing.",
            "Keep at least one for testing and one for training.",
        )
