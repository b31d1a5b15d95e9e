"""What rides on the skin: where each of its vertices is rooted, and how the skin there shifts and turns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..wrapping.meshes import pieces
from .places import SKIN_PARTS, nearest, vertices_of
from .riders import Riders, rigid_reading
from .roles import Role

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..template import Template
    from .part_mesh import PartMesh

_ROOTS, _ANCHORS, _SPREAD = 4, 3, 1.5
"""A vertex hangs on so many roots of its own piece, these on so many vertices of the skin, whose shares fall off by
so many millimetres."""

_LEAN = 0.35
"""A root may lie a millimetre away if it is so much nearer to the skin."""

_MANY = 1500
"""Of a piece with more vertices only so many may be roots."""

_READ = 16
"""How many vertices of the skin an anchor reads."""

_NEAR = 4.0
"""Millimetres within which most of them lie."""

LASH_STIFFNESS, _STIFFNESS = 0.05, 1.0
"""How little an anchor turns (see `rigid_reading`): a lash must dip as its lid closes, what lies flat need not."""


def on_skin(role: Role, template: Template, head: NDArray[np.float64], part: PartMesh) -> Riders:
    """Each vertex hangs on the skin where its piece is rooted, and turns with it: lashes dip as the lid closes.

    Args:
        role: of the part; lashes turn more than others, and ride on the template's own lashes where it has some.
        template: whose deformations move it.
        head: (V, 3) where its vertices lie on the head, mm.
        part: the part.
    """
    skin = vertices_of(template, SKIN_PARTS)
    if role is Role.LASHES:
        skin = np.union1d(skin, vertices_of(template, ("lashes",))).astype(np.int32)
    roots = _roots(part, nearest(part.points, head[skin], 1)[1][:, 0])
    index, away = nearest(roots, head[skin], _ANCHORS)
    shares = 1 / (away + _SPREAD) ** 2
    anchors, holds = np.unique(skin[index], return_inverse=True)
    holds = holds.reshape(index.shape)
    controls, weights = _surroundings(template, head, anchors, skin)
    stiffness = LASH_STIFFNESS if role is Role.LASHES else _STIFFNESS
    reading, centres = rigid_reading(head[controls], weights, stiffness)
    return Riders(
        role.title,
        part.vertex_count,
        part.vertices,
        controls.astype(np.int32),
        reading.astype(np.float32),
        holds.astype(np.int32),
        (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32),
        (part.points[:, None] - centres[holds]).astype(np.float32),
    )


def _roots(part: PartMesh, above: NDArray[np.float64]) -> NDArray[np.float64]:
    """(M, 3) where each vertex is rooted: near it in its own piece, and nearer to the skin.

    Args:
        part: the part.
        above: (M,) distance of each vertex from the skin, mm.
    """
    place, piece = part.points, pieces(part.edges, len(part.points))
    out = place.copy()
    order = np.argsort(piece, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(piece[order])) + 1):
        candidates = members if len(members) <= _MANY else members[np.linspace(0, len(members) - 1, _MANY).astype(int)]
        step = max(1, 2_000_000 // len(candidates))
        for first in range(0, len(members), step):
            these = members[first : first + step]
            distance = _distances(place[these], place[candidates])
            cost = above[candidates] + _LEAN * distance
            count = min(_ROOTS, len(candidates))
            best = np.argpartition(cost, count - 1, axis=1)[:, :count]
            found = np.take_along_axis(cost, best, 1)
            weights = np.exp(found.min(axis=1, keepdims=True) - found)
            weights /= weights.sum(axis=1, keepdims=True)
            out[these] = np.einsum("mk,mki->mi", weights, place[candidates[best]])
    return out


def _distances(points: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float32]:
    """(n, m) mm between all of some points and all of others, exact to some hundredths."""
    middle = others.mean(axis=0)
    here, there = (points - middle).astype(np.float32), (others - middle).astype(np.float32)
    squares = (here**2).sum(1)[:, None] + (there**2).sum(1) - 2 * here @ there.T
    return np.sqrt(np.maximum(squares, 0, out=squares), out=squares)


def _surroundings(
    template: Template, head: NDArray[np.float64], anchors: NDArray[np.integer[Any]], skin: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """What each anchor reads: vertices near it along the skin, so that one lid tells nothing of the other.

    Returns:
        (A, K) vertices, and (A, K) weights; rows sum to 1.
    """
    inside = np.zeros(template.vertex_count, bool)
    inside[skin] = True
    edges = template.edges[inside[template.edges].all(axis=1)]
    both = np.concatenate([edges, edges[:, ::-1]])
    both = both[np.argsort(both[:, 0], kind="stable")]
    begin = np.searchsorted(both[:, 0], np.arange(template.vertex_count + 1))
    controls, weights = np.repeat(anchors[:, None], _READ, axis=1).astype(np.int64), np.zeros((len(anchors), _READ))
    for row, anchor in enumerate(anchors):
        reached = {int(anchor)}
        ring = reached
        while ring and len(reached) < 2 * _READ:
            ring = {int(b) for a in ring for b in both[begin[a] : begin[a + 1], 1]} - reached
            reached |= ring
        found = np.fromiter(reached, np.int64)
        away = np.linalg.norm(head[found] - head[anchor], axis=1)
        found, away = found[np.argsort(away)][:_READ], np.sort(away)[:_READ]
        radius = max(_NEAR, float(away[min(6, len(away) - 1)]))
        controls[row, : len(found)] = found
        weights[row, : len(found)] = np.exp(-0.5 * (away / radius) ** 2)
    return controls, weights / weights.sum(axis=1, keepdims=True)
