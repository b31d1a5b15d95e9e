"""Suggests the role of each piece of a mesh near a face: from names first, else from its place and shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..wrapping.meshes import pieces
from .by_place import as_eye, in_mouth, role_by_place
from .names import role_by_name
from .part_mesh import with_seams
from .places import features, nearest
from .roles import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ..template import Template
    from .places import Features

_SAMPLE, _SAMPLES = 300, 6000
"""A piece's distance from the skin is told by so many of its vertices at most, and all pieces' by so many together."""

_STAND_OFF = 3.0
"""Millimetres from the skin that lashes touch to their tips, at least."""

_CARDS, _MOST = 20, 0.8
"""Hair is made of more pieces than so many, and more than this share of them is told rightly."""


@dataclass(frozen=True)
class Suggestion:
    """Pieces of one mesh that have the same role.

    Attributes:
        role: what they are.
        why: for people, such as "its name says teeth"; no full stop.
        vertices: (M,) int64, their vertices as rows of the points that were looked at, ascending.
        pieces: how many connected pieces they are.
    """

    role: Role
    why: str
    vertices: NDArray[np.int64]
    pieces: int


def suggest_roles(
    template: Template,
    head: NDArray[np.floating[Any]],
    points: NDArray[np.floating[Any]],
    edges: NDArray[np.integer[Any]],
    *,
    names: Sequence[str] = (),
    names_of: Callable[[NDArray[np.int64]], Sequence[str]] | None = None,
    own: bool = False,
) -> list[Suggestion]:
    """The roles of a mesh's pieces; pieces of one role are one suggestion.

    Args:
        template: of the face.
        head: (V, 3) where its vertices lie on the head, mm in the template's axes.
        points: (M, 3) the mesh's vertices at rest in the same space.
        edges: (E, 2) the mesh's own; what its seams cut is joined here.
        names: of the object and its mesh; the face's own tell nothing of its pieces.
        names_of: the names of the materials that some vertices have; None where nobody knows.
        own: it is the face's own mesh; the piece with the nose on it is the face.

    Returns:
        At least one for at least one vertex, in the order of `Role`.
    """
    place = np.asarray(points, np.float64)
    found = features(template, head)
    every = _by_piece(with_seams(place, edges), len(place))
    if own:
        every = _face_first(place, edges, every, found)
    skin = np.asarray(head, np.float64)[found.skin]
    far = _above(place, every, skin)
    gathered: dict[Role, list[tuple[str, NDArray[np.int64]]]] = {}
    for number, members in enumerate(every):
        told = [*(() if own else names), *(() if names_of is None else names_of(members))]
        if own and number == 0:
            role, why = Role.FACE, "the piece with the nose on it"
        else:
            role, why = _role_of(place[members], found, far[number], told)
        gathered.setdefault(role, []).append((why, members))
    if not own:
        gathered = _one_hair(gathered)
    return [_gathered(role, gathered[role]) for role in Role if role in gathered]


def _face_first(
    place: NDArray[np.float64], edges: NDArray[np.integer[Any]], every: list[NDArray[np.intp]], found: Features
) -> list[NDArray[np.intp]]:
    """The pieces of a face's own mesh: first the face, then the others, and lashes that only touch the face.

    Lashes often begin in the very places of the lid's vertices, as the two sides of a seam do. They stand off the skin,
    and skin does not.
    """
    nose = int(((place - found.nose_tip) ** 2).sum(axis=1).argmin())
    number = next(number for number, one in enumerate(every) if nose in one)
    whole = every[number]
    rows = np.full(len(place), -1)
    rows[whole] = np.arange(len(whole))
    own = rows[edges]
    loose = _by_piece(own[(own >= 0).all(axis=1)], len(whole))
    loose = [whole[one] for one in sorted(loose, key=len, reverse=True)]
    skin = place[loose[0]]
    off = [False] + [_stands_off(place[one], skin, found) for one in loose[1:]]
    face = np.sort(np.concatenate([one for one, is_off in zip(loose, off, strict=True) if not is_off]))
    lashes = [one for one, is_off in zip(loose, off, strict=True) if is_off]
    return [face, *lashes, *(one for other, one in enumerate(every) if other != number)]


def _stands_off(points: NDArray[np.float64], skin: NDArray[np.float64], found: Features) -> bool:
    """Whether a piece that touches a face is lashes: at the lids, and standing off it."""
    low, high = points.min(axis=0), points.max(axis=0)
    told = as_eye(points, (low + high) / 2, high - low, found, points[:, 0])
    if told is None or told[0] is not Role.LASHES:
        return False
    return bool(nearest(points, skin, 1)[1].max() > _STAND_OFF)


def _by_piece(edges: NDArray[np.integer[Any]], count: int) -> list[NDArray[np.intp]]:
    piece = pieces(edges, count)
    order = np.argsort(piece, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(piece[order])) + 1) if count else []


def _above(
    place: NDArray[np.float64], every: list[NDArray[np.intp]], skin: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    """Distances of some vertices of each piece from the skin, all asked at once."""
    most = max(1, min(_SAMPLE, _SAMPLES // max(len(every), 1)))
    some = [one[np.linspace(0, len(one) - 1, min(most, len(one))).astype(int)] for one in every]
    if not some:
        return []
    away = nearest(place[np.concatenate(some)], skin, 1)[1][:, 0]
    return np.split(away, np.cumsum([len(one) for one in some])[:-1])


def _one_hair(
    gathered: dict[Role, list[tuple[str, NDArray[np.int64]]]],
) -> dict[Role, list[tuple[str, NDArray[np.int64]]]]:
    """Of a mesh of many hairs, the few that were taken for something else go with the others."""
    count = sum(map(len, gathered.values()))
    for role in (Role.LASHES, Role.BROWS, Role.BEARD, Role.HAIR):
        if count > _CARDS and len(gathered.get(role, ())) > _MOST * count:
            return {role: [one for found in gathered.values() for one in found]}
    return gathered


def _gathered(role: Role, found: list[tuple[str, NDArray[np.int64]]]) -> Suggestion:
    whys = [why for why, _ in found]
    members = np.sort(np.concatenate([one for _, one in found]))
    return Suggestion(role, max(set(whys), key=whys.count), members, len(found))


def _role_of(
    points: NDArray[np.float64], found: Features, above: NDArray[np.float64], names: Sequence[str]
) -> tuple[Role, str]:
    told = role_by_name(names)
    if told is None:
        return role_by_place(points, found, above)
    role, word = told
    why = f'its name says "{word}"'
    if role is not Role.GUMS:
        return role, why
    # A name for teeth that tells no row; and a mouth may hold the tongue.
    exact = in_mouth(points, found, tongue=word.startswith(("mouth", "saliva")))
    return exact, f"{why}, its place the row" if exact in (Role.UPPER, Role.LOWER) else why
