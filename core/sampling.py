"""Sampling: ever coarser copies of a template that keep a subset of its vertices, and the way back up.

Section 3.2 of the paper: quadric edge collapse drops vertices; what was dropped comes back as a barycentric
mix of the three corners of the coarse triangle it lies on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .collapse import collapse_to
from .errors import TemplateError
from .spirals import components_of
from .unpooling import unpooling

if TYPE_CHECKING:
    from collections.abc import Callable

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


def build_hierarchy(
    template: Template, factor: int = 5, steps: int = 4, progress: Callable[[int], None] | None = None
) -> Hierarchy:
    """Coarser and coarser copies of a template: each level has exactly ceil(N / factor) vertices.

    28,431 vertices give 5687, 1138, 228, 46, as in table 1.

    Args:
        template: the finest level. Borders, several components and vertices at equal places are all right.
        factor: how many times fewer vertices a level has than the one before it; at least 2.
        steps: how many coarser levels there are; at least 1.
        progress: called before each step with the number of steps done.

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
    for step in range(steps):
        if progress is not None:
            progress(step)
        fine = levels[-1]
        coarse = coarsen(fine, -(-len(fine.vertices) // factor))
        index, weight = unpooling(fine.vertices, fine.triangles, coarse.keep, coarse.triangles)
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
