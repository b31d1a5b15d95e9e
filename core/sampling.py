"""Sampling: ever coarser copies of a template that keep a subset of its vertices, and the way back up.

Section 3.2 of the paper: quadric edge collapse drops vertices; what was dropped comes back as a barycentric
mix of the three corners of the coarse triangle it lies on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .collapse import collapse_to, is_usable
from .errors import TemplateError
from .spirals import components_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .template import Template

_SMALLEST_SURFACE = 3
"""A component that may not keep so many vertices is dropped: it could not have one triangle."""


@dataclass(frozen=True)
class Level:
    """One mesh of a hierarchy.

    Attributes:
        keep: (N,) int32, for each vertex its index in the next finer level, ascending (the finest: itself).
        vertices: (N, 3) float32, millimetres, exactly those of the template.
        triangles: (F, 3) int32 corners; a tiny level may have none, and vertices that no triangle uses.
    """

    keep: NDArray[np.int32]
    vertices: NDArray[np.float32]
    triangles: NDArray[np.int32]


@dataclass(frozen=True)
class Hierarchy:
    """A template and its coarser copies.

    Attributes:
        levels: from the finest, the template itself, to the coarsest; one more than there are steps.
        unpool_index: for each step, fine to coarse, (N_fine, 3) int32 indices into the next coarser level.
        unpool_weight: for each step (N_fine, 3) float32 barycentric weights in [0, 1]; rows sum to 1. A kept
            vertex has the weight 1 on itself.
    """

    levels: list[Level]
    unpool_index: tuple[NDArray[np.int32], ...]
    unpool_weight: tuple[NDArray[np.float32], ...]


def build_hierarchy(template: Template, factor: int = 5, steps: int = 4) -> Hierarchy:
    """Coarser and coarser copies of a template: each level has exactly ceil(N / factor) vertices.

    28,431 vertices give 5687, 1138, 228, 46, as in table 1.

    Args:
        template: the finest level. Borders, several components and vertices at equal places are all right.
        factor: how many times fewer vertices a level has than the one before it; at least 2.
        steps: how many coarser levels there are; at least 1.

    Returns:
        The hierarchy; the same one every time.

    Raises:
        TemplateError: the factor is below 2 or there is no step.
    """
    if factor < 2 or steps < 1:
        raise TemplateError("A hierarchy needs a factor of at least 2 and at least one step.")
    itself = np.arange(template.vertex_count, dtype=np.int32)
    levels = [Level(itself, template.vertices, template.triangles)]
    indices: list[NDArray[np.int32]] = []
    weights: list[NDArray[np.float32]] = []
    for _ in range(steps):
        fine = levels[-1]
        coarse = coarsen(fine, -(-len(fine.vertices) // factor))
        index, weight = unpooling(fine, coarse)
        levels.append(coarse)
        indices.append(index)
        weights.append(weight)
    return Hierarchy(levels, tuple(indices), tuple(weights))


def coarsen(fine: Level, count: int) -> Level:
    """A level of exactly `count` of the vertices of a finer one.

    Each connected component is collapsed by itself, so that nothing grows together (lids and eyes, lips and
    teeth), and keeps its share of the vertices; see `shares` for those too small to keep any.
    """
    component = components_of(fine.triangles, len(fine.vertices))
    keeps: list[NDArray[np.int64]] = []
    triangles: list[NDArray[np.int64]] = []
    for number, share in enumerate(shares(np.bincount(component), count)):
        if share == 0:
            continue
        members = np.flatnonzero(component == number)
        local = np.full(len(component), -1, np.int64)
        local[members] = np.arange(len(members))
        own = fine.triangles[component[fine.triangles[:, 0]] == number]
        kept, left = collapse_to(fine.vertices[members].astype(np.float64), local[own], share)
        keeps.append(members[kept])
        triangles.append(members[kept][left])
    keep = np.sort(np.concatenate(keeps))
    new = np.full(len(fine.vertices), -1, np.int32)
    new[keep] = np.arange(len(keep), dtype=np.int32)
    return Level(keep.astype(np.int32), fine.vertices[keep], new[np.concatenate(triangles)])


def shares(sizes: NDArray[np.integer[Any]], total: int) -> list[int]:
    """How many of `total` vertices each component keeps: in proportion to its size, largest remainders first.

    Components that would keep fewer than three give theirs to the bigger ones, the smallest first, and vanish
    from this level; on the way up their vertices follow the nearest surface that is left.

    Args:
        sizes: (C,) vertices of each component, positive.
        total: at most their sum.
    """
    order = np.argsort(-sizes, kind="stable")
    while len(order) > 1:
        rest = int(sizes[order[:-1]].sum())
        quota = total * int(sizes[order[-1]]) / (rest + int(sizes[order[-1]]))
        if quota >= _SMALLEST_SURFACE or rest < total:
            break
        order = order[:-1]
    whole, remainder = np.divmod(total * sizes[order].astype(np.int64), int(sizes[order].sum()))
    missing = total - int(whole.sum())
    whole[np.argsort(-remainder, kind="stable")[:missing]] += 1
    result = np.zeros(len(sizes), np.int64)
    result[order] = whole
    return [int(share) for share in result]


def unpooling(fine: Level, coarse: Level) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Where each vertex of a level lies on the next coarser one: the closest point, as a mix of three vertices.

    A vertex lands on its own component where that is left, else on whatever is nearest. Vertices outside the
    coarse surface's border land on the border, so weights stay in [0, 1]; the collapse holds the corners of a
    flat sheet, so a linear field on one comes back exactly.

    Returns:
        (N_fine, 3) int32 indices into the coarse level, and (N_fine, 3) float32 weights in [0, 1] whose rows
        sum to 1. A kept vertex has three times itself, with the weights 1, 0, 0.
    """
    component = components_of(fine.triangles, len(fine.vertices))
    of_coarse = component[coarse.keep]
    index = np.zeros((len(fine.vertices), 3), np.int32)
    weight = np.tile(np.array([1, 0, 0], np.float32), (len(fine.vertices), 1))
    index[coarse.keep] = np.arange(len(coarse.keep), dtype=np.int32)[:, None]
    dropped = np.ones(len(fine.vertices), bool)
    dropped[coarse.keep] = False
    survivors = np.unique(of_coarse)
    groups = [(dropped & (component == one), of_coarse == one) for one in survivors]
    groups.append((dropped & ~np.isin(component, survivors), np.ones(len(of_coarse), bool)))
    for members, targets in groups:
        if members.any():
            index[members], weight[members] = _closest(fine.vertices[members], coarse, targets)
    return index, weight


def _closest(
    points: NDArray[np.float32], coarse: Level, targets: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The closest points on those triangles of a level that lie on the target vertices."""
    from scipy.spatial import cKDTree
    from trimesh.triangles import closest_point, points_to_barycentric

    places, queries = coarse.vertices.astype(np.float64), points.astype(np.float64)
    allowed = np.flatnonzero(targets)
    bound, nearest = cKDTree(places[allowed]).query(queries)
    index = np.repeat(allowed[nearest][:, None], 3, axis=1)
    weight = np.tile([1.0, 0.0, 0.0], (len(points), 1))
    triangles = coarse.triangles[targets[coarse.triangles].all(axis=1)]
    triangles = triangles[is_usable(places[triangles])]
    if len(triangles) == 0:
        return index, weight
    which, face = _candidates(queries, bound, places[triangles])
    landed = closest_point(places[triangles[face]], queries[which])
    away = np.linalg.norm(landed - queries[which], axis=1)
    order = np.lexsort((face, away, which))
    found, first = np.unique(which[order], return_index=True)
    best = order[first]
    corners = triangles[face[best]]
    mix = np.clip(points_to_barycentric(places[corners], landed[best]), 0.0, 1.0)
    index[found], weight[found] = corners, mix / mix.sum(axis=1, keepdims=True)
    return index, weight


def _candidates(
    queries: NDArray[np.float64], bound: NDArray[np.float64], corners: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All pairs (query, triangle) in which the triangle may be nearer than the bound, the nearest corner's distance."""
    from scipy.spatial import cKDTree

    centre = corners.mean(axis=1)
    radius = np.linalg.norm(corners - centre[:, None], axis=2).max(axis=1)
    near = cKDTree(queries).query_ball_point(centre, (radius + bound.max()) * (1 + 1e-9), return_sorted=True)
    face = np.repeat(np.arange(len(corners)), [len(one) for one in near])
    which = np.concatenate([np.asarray(one, np.int64) for one in near])
    reach = np.linalg.norm(queries[which] - centre[face], axis=1) - radius[face]
    possible = reach <= bound[which] * (1 + 1e-9)
    return which[possible], face[possible]
