"""Four heads of four topologies, with what belongs to them, for a sheet of expressions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from core.spirals import components_of
from training.corpora.basemesh import BODY_COUNT, base_mesh, shape_people
from training.corpora.facekit import EYEBALLS, SKIN, TEETH, TONGUE
from training.corpora.people import Person
from training.corpora.template_makehuman import HELPERS, closed_mouth, head_vertices

from .heads import random_topology

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from core.template import Template
    from training.corpora.facekit import FaceKit

_PEOPLE = (
    Person({"gender": 0.1, "age": 0.72, "weight": 0.55, "african": 0.7, "asian": 0.1, "caucasian": 0.2}),
    Person({"gender": 0.9, "age": 0.66, "weight": 0.45, "african": 0.1, "asian": 0.7, "caucasian": 0.2}),
)


@dataclass(frozen=True)
class Piece:
    """A mesh: (N, 3) mm, template's axes; polygons as lists of corners; what it is, for its colour."""

    vertices: NDArray[np.float64]
    polygons: list[list[int]]
    part: str


@dataclass(frozen=True)
class Actor:
    """A head and what belongs to it.

    Attributes:
        title: for people.
        like: which generator moves it, as `api.wrap` takes it; empty for a head that Mien knows.
        pieces: objects beside the head.
        skin: the head's own mesh.
        inner: further pieces inside the head's own mesh.
        landmarks: name -> (3,) mm; of a known head too, for the camera.
    """

    title: str
    like: str
    skin: Piece
    landmarks: Mapping[str, NDArray[np.float64]]
    pieces: list[Piece] = field(default_factory=list)
    inner: list[Piece] = field(default_factory=list)


def actors(kit: FaceKit, ict: Template, makehuman: Template) -> list[Actor]:
    """Two people of the FaceKit, one of many triangles and one of few, and two of MakeHuman, a head and a body."""
    return [
        _ict(kit, ict, 11, 14_000, "ICT person, random triangles"),
        _ict(kit, ict, 12, 2_000, "ICT person, few triangles"),
        _head(makehuman, _PEOPLE[0], 9_000, "MakeHuman person, random triangles"),
        _body(makehuman, _PEOPLE[1], "MPFB-like body, parts as objects"),
    ]


def _ict(kit: FaceKit, template: Template, seed: int, count: int, title: str) -> Actor:
    rng = np.random.default_rng(seed)
    strengths = np.clip(rng.standard_normal(len(kit.identity)), -2, 2)
    person = (kit.neutral + np.tensordot(strengths, kit.identity, axes=1)).astype(np.float64)
    skin = _remeshed(person[:SKIN], np.asarray(template.triangles, np.int64), count, seed)
    marks = {name: person[vertex] for name, vertex in template.landmarks.items()}
    ranges = {"eyes": EYEBALLS, "teeth": TEETH, "gums": TONGUE}
    polygons = [[corner for corner in face if corner >= 0] for face in kit.polygons.tolist()]
    pieces = [_cut(person, polygons, np.arange(*span), part) for part, span in ranges.items()]
    return Actor(title, "makehuman", skin, marks, pieces=pieces)


def _head(template: Template, person: Person, count: int, title: str) -> Actor:
    base = base_mesh()
    whole, place = _makehuman(person), np.full(len(base.mirror), -1)
    kept = head_vertices(base)
    place[kept] = np.arange(len(kept))
    points = whole[kept]
    label = components_of(template.triangles, len(points))
    skin_vertices = label == label[template.landmarks["nose_tip"]]
    triangles = np.asarray(template.triangles[skin_vertices[template.triangles[:, 0]]], np.int64)
    skin = _remeshed(points, triangles, count, 5)
    marks = {name: points[vertex] for name, vertex in template.landmarks.items()}
    inner = [
        _cut(whole, base.quads[name].tolist(), np.unique(base.quads[name]), part) for name, part in HELPERS.items()
    ]
    return Actor(title, "ict", skin, marks, inner=inner)


def _body(template: Template, person: Person, title: str) -> Actor:
    base, whole = base_mesh(), _makehuman(person)
    kept = head_vertices(base)
    marks = {name: whole[kept[vertex]] for name, vertex in template.landmarks.items()}
    skin = Piece(whole[:BODY_COUNT], base.quads["body"].tolist(), "skin")
    pieces = [
        _cut(whole, base.quads[name].tolist(), np.unique(base.quads[name]), part) for name, part in HELPERS.items()
    ]
    return Actor(title, "", skin, marks, pieces=pieces)


def _makehuman(person: Person) -> NDArray[np.float64]:
    shapes = shape_people({name: np.array([value]) for name, value in person.phenotypes.items()})
    return closed_mouth(base_mesh(), shapes)[0]


def _remeshed(points: NDArray[np.float64], triangles: NDArray[np.int64], count: int, seed: int) -> Piece:
    corners, shares, made = random_topology(points, triangles, count, np.random.default_rng(seed))
    return Piece(np.einsum("nk,nkx->nx", shares, points[corners]), made.tolist(), "skin")


def _cut(points: NDArray[np.float64], polygons: list[list[int]], vertices: NDArray[Any], part: str) -> Piece:
    place = {int(vertex): number for number, vertex in enumerate(vertices)}
    inside = [[place[corner] for corner in face] for face in polygons if all(corner in place for corner in face)]
    return Piece(points[vertices], inside, part)
