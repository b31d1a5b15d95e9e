"""People on the MakeHuman head: neutral faces to train on and to begin with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from .basemesh import base_mesh, shape_people
from .pushforward import rigid_alignment
from .template_makehuman import closed_mouth, head_vertices, makehuman_template

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

_FACIAL = ("cheek", "chin", "ear", "eyebrows", "eye", "forehead", "head", "mouth", "nose")
_LEFT_OUT = frozenset({"head-age", "head-angle-out"})
_SIDEWAYS = "trans-out"  # of the middle parts this shifts the face to one side; of the paired ones it does not
_TAMED = {"mouth": 0.8, "head": 0.6, "ear": 0.8}
"""Groups whose changes look sooner wrong than those of the others."""


@dataclass(frozen=True)
class Person:
    """What makes a face.

    Attributes:
        phenotypes: anny's, 0..1 each; see `shape_people`.
        local_changes: names out of `local_names()` -> about -1..1.
        asymmetry: the same, for the left and right names by themselves.
    """

    phenotypes: Mapping[str, float]
    local_changes: Mapping[str, float] = field(default_factory=dict)


def draw_person(rng: np.random.Generator, sigma: float = 0.2, asymmetry: float = 0.03) -> Person:
    """Draw a grown-up of any sex and descent.

    Args:
        rng: the person's own generator.
        sigma: standard deviation of each local change, left and right drawn together; heads turn monstrous at 0.35.
        asymmetry: standard deviation of what is added to each side by itself.
    """
    descent = rng.dirichlet(np.full(3, 0.6))
    phenotypes = {
        "gender": rng.beta(0.5, 0.5),
        "age": rng.uniform(0.58, 0.86),
        "weight": rng.uniform(0.33, 0.67),
        "muscle": rng.uniform(0.4, 0.65),
        **dict(zip(("african", "asian", "caucasian"), descent, strict=True)),
    }
    changes: dict[str, float] = {}
    for stem, names in local_names().items():
        together = rng.normal(0, sigma) * _TAMED.get(stem.split("-")[0], 1.0)
        for name in names:
            own = rng.normal(0, asymmetry) if len(names) > 1 else 0.0
            changes[name] = float(np.clip(together + own, -0.6, 0.6))
    return Person({name: float(value) for name, value in phenotypes.items()}, changes)


def local_names() -> dict[str, tuple[str, ...]]:
    """The local changes of a face without its side -> the names with it: ("l-…", "r-…"), or the one of the middle."""
    found: dict[str, list[str]] = {}
    for name in base_mesh().local_labels:
        paired = name.startswith(("l-", "r-"))
        stem = name[2:] if paired else name
        group = stem.split("-")[0]
        left_out = any(stem.startswith(one) for one in _LEFT_OUT) or (not paired and _SIDEWAYS in stem)
        if group in _FACIAL and not left_out:
            found.setdefault(stem, []).append(name)
    return {stem: tuple(names) for stem, names in found.items()}


def neutral_faces(people: Sequence[Person]) -> NDArray[np.float32]:
    """(S, V, 3) float32 millimetres: the people's heads, mouths closed, turned and shifted onto the template's."""
    template = makehuman_template()
    base = base_mesh()
    kept = head_vertices(base)
    phenotypes, changes = (
        _columns([p.phenotypes for p in people], 0.5),
        _columns([p.local_changes for p in people], 0.0),
    )
    whole = shape_people(phenotypes, changes)
    heads = closed_mouth(base, whole)[:, kept]
    # By the face alone: how long the neck is says nothing about where the face is.
    used = template.vertices[:, 2] > -60
    used &= template.vertices[:, 1] > -120
    fixed = template.vertices.astype(np.float64)
    return np.stack([rigid_alignment(head, fixed, used) for head in heads]).astype(np.float32)


def _columns(rows: Sequence[Mapping[str, float]], default: float) -> dict[str, NDArray[np.float64]]:
    names = sorted({name for row in rows for name in row})
    return {name: np.array([row.get(name, default) for row in rows]) for name in names}
