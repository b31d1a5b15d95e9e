"""Collapse: one connected surface brought down to an exact number of its own vertices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .spirals import edges_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BOUNDARY_WEIGHT = 10.0
"""Holds open borders, and the corners of a flat sheet, against the collapse."""

_HEAD_START = 1.05
"""The first collapse stops this much above the number wanted; the exact one is searched for from there."""

_FEW = 16
"""The library's last collapses are careless with borders; the last ones before so few vertices are ours."""

_TRIED = 24
"""How many edges, the shortest, are tried for one of our own collapses."""

_NUMBER = "number"
"""Name of the attribute."""

_EXPONENT = 0.5
"""Of the density in a vertex' importance. Tried on the MakeHuman head from 0 to 2: with 0.5 motion survives the way
down and up best (0.17 mm at the apex from the first coarser level, against 0.19 without weights, and 3 mm instead of 14
at the worst point of the lips)."""

_UNEVEN = 2.0
"""Importance counts where it differs by more than this factor over the mesh."""

_MOST_IMPORTANT = 1e4
"""Bounds the density, relative to the median, against slivers."""

_SLIVER = 1e-6
"""A triangle this thin, height to longest side, has no usable barycentric coordinates."""


def collapse_to(
    points: NDArray[np.float64], triangles: NDArray[np.int64], count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Collapse one component to exactly `count` vertices.

    The library stops at a number of triangles, so the one that leaves `count` vertices is searched for: one
    collapse takes a vertex and one or two triangles, therefore every number of vertices has its moment. Where
    the library finds nothing more to collapse, holes may close and surfaces touch. What is then still too many
    goes one by one, and so do the last few before a very small number.

    Returns:
        (count,) the kept vertices, and the triangles between them as positions in that array.
    """
    kept, left = np.arange(len(points)), triangles
    few = max(count, min(_FEW, len(points)))
    for keep_topology in (True, False):
        # First to a little above the number: the exact search is then cheap.
        goal = len(left) - 2 * (len(kept) - int(few * _HEAD_START))
        while len(kept) > few and len(left):
            chosen, fewer = _quadric_collapse(points[kept], left, max(goal, 1), keep_topology=keep_topology)
            if len(chosen) < few:
                goal = max(goal, 1) + few - len(chosen)
            elif len(chosen) < len(kept):
                kept, left = kept[chosen], fewer
                goal = len(left) - 2 * (len(kept) - few)
            else:
                break
    while len(kept) > count:
        gone, into = _gentlest_collapse(points[kept], left)
        left = np.where(left == gone, into, left)
        left = _proper(left - (left > gone))
        kept = np.delete(kept, gone)
    return kept, left


def _quadric_collapse(
    points: NDArray[np.float64], triangles: NDArray[np.int64], goal: int, *, keep_topology: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Quadric edge collapse (pymeshlab) down to about `goal` triangles: the kept vertices, the triangles."""
    import pymeshlab

    if goal >= len(triangles):
        return np.arange(len(points)), triangles
    # In a box of unit size: the library's thresholds are not free of scale.
    size = float(np.ptp(points, axis=0).max()) or 1.0
    boxed = (points - points.min(axis=0)) / size
    importance = _importance(points, triangles)
    meshes = pymeshlab.MeshSet(verbose=False)
    meshes.add_mesh(pymeshlab.Mesh(boxed, triangles.astype(np.int32), v_scalar_array=importance))
    # An attribute carries each vertex's number through: equal places cannot be mixed up.
    meshes.current_mesh().add_vertex_custom_scalar_attribute(np.arange(len(points), dtype=np.float64), _NUMBER)
    meshes.meshing_decimation_quadric_edge_collapse(
        targetfacenum=goal,
        optimalplacement=False,  # a vertex stays where it is or goes: the levels are subsets
        preserveboundary=False,  # would forbid all collapses of the border
        boundaryweight=_BOUNDARY_WEIGHT,
        preservenormal=True,
        preservetopology=keep_topology,
        planarquadric=True,  # well-shaped triangles on flat parts
        # The library reads the scalar relative to its range: of nearly equal ones it would make noise.
        qualityweight=bool(importance.max() > _UNEVEN * importance.min()),
        autoclean=False,  # would merge vertices at equal places
    )
    mesh = meshes.current_mesh()
    chosen = np.rint(mesh.vertex_custom_scalar_attribute_array(_NUMBER)).astype(np.int64)
    order = np.argsort(chosen)
    new = np.empty(len(order), np.int64)
    new[order] = np.arange(len(order))
    return chosen[order], _proper(new[mesh.face_matrix().astype(np.int64)])


def _importance(points: NDArray[np.float64], triangles: NDArray[np.int64]) -> NDArray[np.float64]:
    """(N,) how much each vertex' collapse counts: the denser its surroundings, the more.

    Modellers put vertices where a face moves: lips, lids, nostrils. Plain quadric error sees small triangles there, and
    would leave next to none of them.
    """
    corners = points[triangles]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    own = np.bincount(triangles.ravel(), np.repeat(area, 3), len(points)) / np.maximum(
        np.bincount(triangles.ravel(), minlength=len(points)), 1
    )
    typical = float(np.median(own[own > 0])) if (own > 0).any() else 1.0
    return np.clip(typical / np.maximum(own, 1e-12 * typical), 1 / _MOST_IMPORTANT, _MOST_IMPORTANT) ** _EXPONENT


def _gentlest_collapse(points: NDArray[np.float64], triangles: NDArray[np.int64]) -> tuple[int, int]:
    """Which vertex goes, and into which: a loose one, else the one nearest to the surface that then is left.

    Only the shortest edges are tried. Of equals, those go first that turn no triangle over, then the shorter.
    """
    from trimesh.triangles import closest_point

    loose = np.setdiff1d(np.arange(len(points)), triangles)
    if len(loose):
        return int(loose[-1]), int(loose[-1]) - 1
    edges = edges_of(triangles)
    lengths = np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1)
    tried = edges[np.argsort(lengths, kind="stable")[:_TRIED]]
    pairs = np.concatenate([tried[:, ::-1], tried])
    surfaces, harms = zip(*(_after(points, triangles, gone, into) for gone, into in pairs.tolist()), strict=True)
    counts = [len(surface) for surface in surfaces]
    gone = np.repeat(points[pairs[:, 0]], counts, axis=0)
    ways = np.linalg.norm(closest_point(np.concatenate(surfaces), gone) - gone, axis=1)
    away = np.minimum.reduceat(ways, np.cumsum([0, *counts[:-1]]))
    # Rounded, so that on a plane nothing but the corners costs anything.
    cost = np.round(away * (1 + np.array(harms)) / (float(lengths.mean()) or 1.0), 6)
    best = np.lexsort((np.tile(np.arange(len(tried)), 2), harms, cost))[0]
    return int(pairs[best, 0]), int(pairs[best, 1])


def _after(
    points: NDArray[np.float64], triangles: NDArray[np.int64], gone: int, into: int
) -> tuple[NDArray[np.float64], int]:
    """The surface around a vertex once that has collapsed, and how many triangles turn over, vanish or fold.

    Returns:
        (F, 3, 3) positions of its triangles without slivers, at least one, be it the mere point `into`.
    """
    around = triangles[(triangles == gone).any(axis=1)]
    stays = (around != into).all(axis=1)
    before, after = points[around[stays]], points[np.where(around == gone, into, around)[stays]]
    usable = is_usable(after)
    spoilt = int((~usable | (np.einsum("fk,fk->f", _normals(before), _normals(after)) <= 0)).sum())
    # Where the ends share more neighbours than those across their edge, the surface folds onto itself.
    shared = set(around.ravel().tolist()) & set(triangles[(triangles == into).any(axis=1)].ravel().tolist())
    folds = max(len(shared) - 2 - int((~stays).sum()), 0)
    return (after[usable] if usable.any() else points[[[into] * 3]]), spoilt + folds


def _proper(triangles: NDArray[np.int64]) -> NDArray[np.int64]:
    """The triangles with three different corners, each once (whichever way round), the lowest corner first."""
    a, b, c = triangles.T
    whole = triangles[(a != b) & (b != c) & (c != a)]
    turn = whole.argmin(axis=1)[:, None] if len(whole) else np.zeros((0, 1), np.int64)
    turned = np.take_along_axis(whole, (turn + np.arange(3)) % 3, axis=1)
    once = np.unique(np.sort(turned, axis=1), axis=0, return_index=True)[1]
    kept = turned[once]
    return np.asarray(kept[np.lexsort(kept.T[::-1])], np.int64)


def is_usable(corners: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(F,) bool: which triangles, given as (F, 3, 3) positions, are no slivers."""
    longest = ((corners - np.roll(corners, 1, axis=1)) ** 2).sum(axis=2).max(axis=1)
    return np.asarray(np.linalg.norm(_normals(corners), axis=1) > _SLIVER * longest)


def _normals(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """(F, 3): the normals of triangles given as (F, 3, 3) positions, as long as twice the area."""
    return np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
