"""The ICT corpus: people from the scans behind ICT-FaceKit perform the six expressions, on two templates."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.sparse import csr_matrix

from core.errors import CorpusError
from core.lids import fit_sphere
from core.spirals import components_of
from core.template import ABSENT, Template

from . import cast
from .actions import arkit_shapes
from .cast import PERSON, Cast, CorpusConfig, Stage
from .eyelids import Eyelids
from .facekit import EYEBALLS, FACE, MOUTH, SKIN, FaceKit, read_facekit
from .ict_layouts import layouts_of_skin
from .paper_face import PAPER_VERTICES, crop_round_nose, subdivision
from .prototypes import unit_names
from .pushforward import PushForward, rigid_alignment
from .recipe import child_generator, unit_fields

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

TEMPLATES = ("skin", "paper")
"""The skin of the whole head, 14,062 vertices; the face subdivided once and cropped to the paper's 28,431."""

_MIDDLE_LANDMARKS = {
    "nose_tip": 4857,
    "nose_bridge": 978,
    "glabella": 1398,
    "forehead": 1734,
    "head_top": 10548,
    "subnasale": 1147,
    "upper_lip_top": 0,
    "upper_lip_bottom": 5533,
    "lower_lip_top": 5517,
    "lower_lip_bottom": 5518,
    "chin_fold": 10,
    "chin": 968,
    "chin_bottom": 966,
}
_PAIRED_LANDMARKS = {
    "eye_inner": (3742, 1528),
    "eye_outer": (3721, 1507),
    "lid_upper": (3752, 1538),
    "lid_lower": (3770, 1556),
    "brow_inner": (4204, 2004),
    "brow_middle": (4117, 1917),
    "brow_outer": (2322, 81),
    "mouth_corner": (6213, 5708),
    "nose_wing": (2305, 64),
    "cheek": (2595, 354),
    "cheekbone": (3867, 1660),
    "jaw_angle": (2985, 744),
    "ear_front": (7356, 8083),
    "ear_tip": (6906, 7633),
    "ear_lobe": (6735, 7462),
}
LANDMARKS = _MIDDLE_LANDMARKS | {
    f"{side}_{name}": pair[number]
    for name, pair in _PAIRED_LANDMARKS.items()
    for number, side in enumerate(("left", "right"))
}
"""Vertices of the FaceKit: the publisher's, of the 68 of Multi-PIE, where those have them; the others are those next
to the MakeHuman head's landmarks when that is wrapped onto this one."""

_MOST = 2.5
"""Standard deviations that an identity mode may have at most."""

_NOTES = (
    "Synthetic performances on ICT-FaceKit (MIT licence, University of Southern California): its identity modes come "
    "from scans of real people, its expression shapes from artists and scans; moved by our own recipe of FACS "
    "prototypes, personal styles and minimum-jerk timing. No motion here was captured."
)


def build(
    facekit: Path,
    config: CorpusConfig,
    template: Literal["skin", "paper"] = "skin",
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Writes the corpus; see `cast.build`.

    Args:
        facekit: a clone of ICT-FaceKit, or its packed file.
        config: how many, where, which.
        template: one of `TEMPLATES`.
        progress: called with (people done, people in all).

    Raises:
        CorpusError: numbers that make no sense, or no FaceKit.
    """
    cast.check(config)
    return cast.build(ict_cast(read_facekit(facekit), template), config, progress)


def ict_cast(kit: FaceKit, template: Literal["skin", "paper"] = "skin") -> Cast:
    """Who performs, on what.

    Raises:
        CorpusError: there is no such template.
    """
    if template not in TEMPLATES:
        raise CorpusError(f"There is no ICT template {template!r}.", f"Choose from {', '.join(TEMPLATES)}.")
    kept = stage_vertices(kit)
    stage_template = _part(kit, kept, "ict_stage", eyeballs=True)
    skin = _part(kit, np.arange(SKIN), "ict_skin", eyeballs=False)
    actions = units(kit)
    if template == "skin":
        shown, output = replace(skin, layouts=layouts_of_skin(kit, actions)), _selection(SKIN, len(kept))
    else:
        shown, onto_face = paper_face(kit)
        output = onto_face @ _selection(FACE, len(kept))
    push = PushForward(stage_template, stage_template.vertices)
    fields = unit_fields({name: field[kept] for name, field in actions.items()})
    return Cast(
        name=f"ict_{template}",
        prefix="ict",
        licence="MIT",
        source="ICT-FaceKit Light (Li et al. 2020), University of Southern California",
        notes=_NOTES,
        template=shown,
        stage=Stage(push, Eyelids(push), fields, partial(_neutral, kit, kept)),
        output=output,
    )


def units(kit: FaceKit) -> dict[str, NDArray[np.float32]]:
    """The recipe's units, (V, 3) mm each, out of the kit's shapes.

    "browDown_L" is "browDownLeft"; of the middle units some are both sides together.

    Raises:
        CorpusError: the kit lacks a shape.
    """
    shapes = arkit_shapes(kit)
    for name in unit_names():
        if name not in shapes:
            raise CorpusError(f"The FaceKit lacks the shape {name}.")
    return {name: shapes[name] for name in unit_names()}


def stage_vertices(kit: FaceKit) -> NDArray[np.int64]:
    """The skin and the outer shell of both eyeballs, which the lids must not enter."""
    balls = np.concatenate([members for members, _ in eyeball_shells(kit)])
    return np.concatenate([np.arange(SKIN), np.sort(balls)])


def eyeball_shells(kit: FaceKit) -> list[tuple[NDArray[np.int64], tuple[NDArray[np.float64], float]]]:
    """Of each eyeball the vertices of its outer shell; centre, (3,), and radius, mm."""
    component = components_of(triangles_of(kit.polygons), len(kit.neutral))
    shells: dict[bool, tuple[NDArray[np.int64], tuple[NDArray[np.float64], float]]] = {}
    for number in np.unique(component[slice(*EYEBALLS)]):
        members = np.flatnonzero(component == number)
        sphere = fit_sphere(kit.neutral[members].astype(np.float64))
        left = bool(sphere[0][0] > 0)
        if left not in shells or sphere[1] > shells[left][1][1]:
            shells[left] = (members, sphere)
    return list(shells.values())


def paper_face(kit: FaceKit) -> tuple[Template, csr_matrix]:
    """The face of 28,431 vertices of table 1, and (28431, 9409) what of the kit's face each vertex is."""
    face = _part(kit, np.arange(FACE), "ict_face", eyeballs=False)
    weights, triangles = subdivision(face.triangles, FACE)
    points = weights @ face.vertices.astype(np.float64)
    kept, cropped = crop_round_nose(points, triangles, LANDMARKS["nose_tip"], PAPER_VERTICES)
    place = np.full(len(points), -1, np.int64)
    place[kept] = np.arange(len(kept))
    polygons = np.column_stack([cropped, np.full(len(cropped), ABSENT)]).astype(np.int32)
    marks = {name: int(place[vertex]) for name, vertex in LANDMARKS.items() if place[vertex] >= 0}
    return Template("ict_paper", points[kept].astype(np.float32), polygons, marks), csr_matrix(weights[kept])


def draw_strengths(kit: FaceKit, rng: np.random.Generator) -> NDArray[np.float64]:
    """(100,) a person's identity modes, standard deviations."""
    return np.clip(rng.standard_normal(len(kit.identity)), -_MOST, _MOST)


def _neutral(kit: FaceKit, kept: NDArray[np.int64], seed: int, number: int) -> NDArray[np.float64]:
    """(V, 3) a person's neutral, laid on the generic one by the face alone."""
    generic = kit.neutral[kept].astype(np.float64)
    strengths = draw_strengths(kit, child_generator(seed, PERSON, number))
    person = generic + np.tensordot(strengths, kit.identity[:, kept], axes=1)
    return rigid_alignment(person, generic, np.arange(len(kept)) < FACE)


def _part(kit: FaceKit, kept: NDArray[np.int64], name: str, *, eyeballs: bool) -> Template:
    """The polygons all of whose corners are kept; quads stay quads."""
    place = np.full(len(kit.neutral) + 1, -1, np.int64)  # the last one is for the missing corner of a triangle
    place[kept] = np.arange(len(kept))
    corners = np.where(kit.polygons == ABSENT, kit.polygons[:, :1], kit.polygons)
    inside = (place[corners] >= 0).all(axis=1)
    polygons = np.where(kit.polygons[inside] == ABSENT, ABSENT, place[kit.polygons[inside]])
    first = corners[inside, 0]
    part = np.select([first >= SKIN, (first >= MOUTH[0]) & (first < MOUTH[1])], [2, 1], 0).astype(np.int32)
    marks = {mark: int(place[vertex]) for mark, vertex in LANDMARKS.items() if place[vertex] >= 0}
    parts = ("skin", "mouth", "eyes") if eyeballs else ("skin", "mouth")
    return Template(name, kit.neutral[kept], polygons.astype(np.int32), marks, (), parts, part)


def triangles_of(polygons: NDArray[np.int32]) -> NDArray[np.int64]:
    """(F, 3) of polygons (P, 4), quads cut in two."""
    quads = polygons[polygons[:, 3] != ABSENT]
    return np.concatenate([polygons[:, :3], quads[:, [0, 2, 3]]]).astype(np.int64)


def _selection(count: int, whole: int) -> csr_matrix:
    """(count, whole) the first so many of them."""
    rows: Any = np.arange(count)
    return csr_matrix((np.ones(count), (rows, rows)), shape=(count, whole))
