"""How a part follows a template, for each role: still, with the jaw, with an eye, or with the skin beneath."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..template import EYEBALL_PARTS
from ..wrapping.meshes import pieces
from .jaw import hinge, jaw_reading
from .merging import still
from .places import features, nearest, vertices_of
from .riders import Riders, rigid_reading
from .roles import Role
from .skin import LASH_STIFFNESS, on_skin

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..binding import Binding
    from ..template import Template
    from .part_mesh import PartMesh
    from .places import Features

_STILL = (Role.FACE, Role.UPPER, Role.HAIR, Role.NONE)

_BODY = 48
"""Glasses read so many vertices of the skin."""

_PAD_ASIDE, _PAD_HEIGHT, _TEMPLE, _TOUCH = 20.0, 14.0, 55.0, 9.0
"""Glasses rest on the nose (so far to its sides, above and below the bridge) and on the temples (beyond so far to the
sides), where they are so near to the skin; mm."""

BITE_UP, _HANDED_OVER = 3.0, 2.5
"""Millimetres from the lips' line up to where the rows meet, and how far above and below that gums go over from the
upper jaw to the lower one."""

_THROAT = 14.0
"""Millimetres before the jaw's hinge at which the throat begins, which stays still."""


def part_mover(role: Role, template: Template, head: NDArray[np.floating[Any]], part: PartMesh) -> Binding | Riders:
    """How a part moves.

    Args:
        role: what it is.
        template: whose deformations move it.
        head: (V, 3) where the template's vertices lie on the head, mm in the template's axes; see `places.completed`.
        part: the part, in the same space.

    Returns:
        A mover of the part's vertices; one that never moves for still roles.
    """
    points = np.asarray(head, np.float64)
    if not len(part.vertices) or role in _STILL:
        return still(role.title, part.vertex_count, part.vertices)
    found = features(template, points)
    if role in (Role.LOWER, Role.TONGUE, Role.GUMS):
        body = jaw_reading(template, points, found, tongue=role is Role.TONGUE)
        return _rigid(role, part, body, lower_share(part.points, found) if role is Role.GUMS else None)
    if role is Role.EYES:
        return _eyes(template, points, found, part)
    if role is Role.GLASSES:
        return _rigid(role, part, _glasses(points, found, part))
    return on_skin(role, template, points, part)


def _rigid(
    role: Role,
    part: PartMesh,
    body: tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]],
    shares: NDArray[np.float64] | None = None,
) -> Riders:
    controls, reading, centre = body
    count = len(part.vertices)
    return Riders(
        role.title,
        part.vertex_count,
        part.vertices,
        controls[None],
        reading[None].astype(np.float32),
        np.zeros((count, 1), np.int32),
        np.ones((count, 1), np.float32) if shares is None else shares[:, None].astype(np.float32),
        (part.points - centre)[:, None].astype(np.float32),
    )


def lower_share(place: NDArray[np.float64], found: Features) -> NDArray[np.float64]:
    """(M,) how much of what lies in a mouth goes with the lower jaw, 0..1, told by the place alone."""
    under = (found.mouth[1] + BITE_UP - place[:, 1]) / _HANDED_OVER
    throat = hinge(found)[2]
    return _smooth((under + 1) / 2) * _smooth((place[:, 2] - throat) / _THROAT)


def _smooth(x: NDArray[np.float64]) -> NDArray[np.float64]:
    t = np.clip(x, 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def _eyes(template: Template, head: NDArray[np.float64], found: Features, part: PartMesh) -> Binding | Riders:
    """Each eye turns with the template's own one about its own centre; still where the template has no eyes."""
    ball = vertices_of(template, EYEBALL_PARTS)
    sides = [ball[template.vertices[ball, 0] * sign > 0] for sign in (1, -1)]
    width = min(map(len, sides))
    if width < 4:
        return still(Role.EYES.title, part.vertex_count, part.vertices)
    controls = np.stack([side[np.linspace(0, len(side) - 1, width).astype(int)] for side in sides])
    reading, _ = rigid_reading(head[controls], np.full(controls.shape, 1 / width))
    place, count = part.points, len(part.points)
    # A piece belongs to one eye, whole; which one, its middle tells.
    piece = pieces(part.edges, count)
    members = np.maximum(np.bincount(piece, minlength=count), 1)
    aside = np.bincount(piece, place[:, 0] - found.mouth[0], count) / members
    hold = (aside[piece] < 0).astype(np.int32)
    arms = np.empty((count, 1, 3), np.float32)
    for side in range(2):
        here = place[hold == side]
        if len(here):
            arms[hold == side, 0] = here - sphere(here)[0]
    return Riders(
        Role.EYES.title,
        part.vertex_count,
        part.vertices,
        controls.astype(np.int32),
        reading.astype(np.float32),
        hold[:, None],
        np.ones((count, 1), np.float32),
        arms,
    )


def sphere(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], float, float]:
    """The sphere nearest to points by least squares.

    Args:
        points: (n, 3), any unit.

    Returns:
        Its centre (3,), its radius, and the points' root mean square distance from it as a share of the radius; for
        points in a plane, the middle of their box, its half diagonal and infinity.
    """
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    rest = points - middle
    size = float(np.linalg.norm(points.max(axis=0) - points.min(axis=0))) / 2
    matrix = np.column_stack([2 * rest, np.ones(len(rest))])
    solved, _, rank, _ = np.linalg.lstsq(matrix, (rest**2).sum(axis=1), rcond=1e-6)
    square = float(solved[3] + solved[:3] @ solved[:3])
    if rank < 4 or square <= 0:
        return middle, size, float("inf")
    radius = float(np.sqrt(square))
    off = np.linalg.norm(rest - solved[:3], axis=1) - radius
    return middle + solved[:3], radius, float(np.sqrt((off**2).mean())) / radius


def _glasses(
    head: NDArray[np.float64], found: Features, part: PartMesh
) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]:
    """One rigid body on the nose and on the temples, where the skin hardly moves."""
    skin = head[found.skin]
    bridge = found.eyes.mean(axis=0)
    rest = np.abs(skin - bridge)
    nose = (rest[:, 0] < _PAD_ASIDE) & (rest[:, 1] < _PAD_HEIGHT) & (skin[:, 2] > bridge[2])
    firm = np.flatnonzero(nose | (rest[:, 0] > _TEMPLE))
    away = nearest(skin[firm], part.points, 1)[1][:, 0] if len(firm) else np.zeros(0)
    touched = firm[away < _TOUCH]
    if len(touched) < 3:
        touched = nearest(bridge[None], skin, _BODY)[0][0]
    chosen = touched[_spread(skin[touched], _BODY)]
    reading, centre = rigid_reading(skin[chosen][None], np.full((1, len(chosen)), 1 / len(chosen)), LASH_STIFFNESS)
    return found.skin[chosen], reading[0], centre[0]


def _spread(points: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """At most so many points far from each other: always the one farthest from all chosen before."""
    chosen = [int(points[:, 2].argmax())]
    away = np.full(len(points), np.inf)
    while len(chosen) < min(count, len(points)):
        away = np.minimum(away, np.linalg.norm(points - points[chosen[-1]], axis=1))
        chosen.append(int(away.argmax()))
    return np.array(chosen)
