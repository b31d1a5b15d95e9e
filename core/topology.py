"""What a decoder needs to know of a template: the levels' sizes, their spirals, and how to unpool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .errors import TemplateError
from .sampling import build_hierarchy
from .spirals import PADDING, spirals

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from .template import Template

STEPS = 4
"""How often the decoder unpools and convolves (table 1)."""

FACTOR = 5
"""How many times more vertices each level has (table 1)."""

VERSION = 1
"""Raised when `build_topology` gives other tables for the same template: what was kept of it then is stale."""

_SUM_TOLERANCE = 1e-5
_REMEDY = "Build the topology from its template again."


@dataclass(frozen=True)
class Topology:
    """The index tables of the paper's decoder on one template. Checked when made; read-only afterwards.

    Attributes:
        sizes: vertices of the five levels, fine to coarse: (V, ceil(V/5), …).
        spirals: for the four levels that are convolved, fine to coarse, (N_i, L) int32 indices into the same
            level, column 0 the vertex itself; -1 is padding and reads as a zero feature (eq. 1-3).
        unpool_index: for the same levels (N_i, 3) int32 indices into level i + 1.
        unpool_weight: (N_i, 3) float32 barycentric weights in [0, 1]; rows sum to 1.

    Raises:
        TemplateError: a table is missing, of the wrong shape or type, names a vertex that its level does not
            have, or holds weights that are no barycentric ones.
    """

    sizes: tuple[int, ...]
    spirals: tuple[NDArray[np.int32], ...]
    unpool_index: tuple[NDArray[np.int32], ...]
    unpool_weight: tuple[NDArray[np.float32], ...]

    def __post_init__(self) -> None:
        tables = (self.spirals, self.unpool_index, self.unpool_weight)
        if len(self.sizes) != STEPS + 1 or any(len(table) != STEPS for table in tables):
            raise TemplateError(f"A topology has {STEPS + 1} levels, with tables for {STEPS} of them.", _REMEDY)
        for name, dtype in (("spirals", np.int32), ("unpool_index", np.int32), ("unpool_weight", np.float32)):
            object.__setattr__(self, name, tuple(_readonly(one, dtype) for one in getattr(self, name)))
        lengths = {table.shape[1] for table in self.spirals}
        if len(lengths) != 1:
            raise TemplateError("The spirals of a topology must all have the same length.", _REMEDY)
        for level in range(STEPS):
            _check_spirals(self.spirals[level], self.sizes[level])
            _check_unpooling(self.unpool_index[level], self.unpool_weight[level], *self.sizes[level : level + 2])

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """The tables as plain arrays for a bundle: "topology.spirals.0" and so on."""
        arrays: dict[str, NDArray[np.generic]] = {}
        for level in range(STEPS):
            arrays[f"topology.spirals.{level}"] = self.spirals[level]
            arrays[f"topology.unpool_index.{level}"] = self.unpool_index[level]
            arrays[f"topology.unpool_weight.{level}"] = self.unpool_weight[level]
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> Topology:
        """The inverse of `to_arrays`; other arrays may lie between its own.

        Raises:
            TemplateError: a table is missing or damaged.
        """
        try:
            walks, index, weight = (
                tuple(np.asarray(arrays[f"topology.{name}.{level}"]) for level in range(STEPS))
                for name in ("spirals", "unpool_index", "unpool_weight")
            )
        except KeyError as problem:
            raise TemplateError(f"The stored topology lacks the table {problem}.", _REMEDY) from problem
        if index[-1].size == 0 or index[-1].dtype.kind not in "iu":
            raise TemplateError("The stored topology has no coarsest level.", _REMEDY)
        # Every vertex of the coarsest level is kept from the next finer one, so the table names the last of them.
        sizes = (*(len(walk) if walk.ndim else 0 for walk in walks), int(index[-1].max()) + 1)
        return cls(sizes, walks, index, weight)  # type: ignore[arg-type]  # checked by the class itself


def build_topology(
    template: Template, spiral_length: int = 10, *, progress: Callable[[int, int, str], None] | None = None
) -> Topology:
    """The levels, spirals and unpooling of table 1 for a template. Always the same for the same mesh.

    Each level's spirals start towards its vertex nearest to the template's landmark "nose_tip", or where
    there is none, to the vertex that lies farthest forward (largest z).

    Args:
        template: the finest level; quads count as two triangles.
        spiral_length: L of eq. 3, the centre included; at least 1.
        progress: called with (steps done, steps in all, what is done next) before each step and at the end.

    Raises:
        TemplateError: the length is below 1.
    """
    if spiral_length < 1:
        raise TemplateError(f"A spiral has at least one vertex, not {spiral_length}.")
    tell = progress or _tell_nobody
    hierarchy = build_hierarchy(template, FACTOR, STEPS, lambda done: tell(done, 2 * STEPS, "collapsing"))
    tip = template.landmarks.get("nose_tip", int(template.vertices[:, 2].argmax()))
    place = template.vertices[tip]
    walks = []
    for number, level in enumerate(hierarchy.levels[:STEPS]):
        tell(STEPS + number, 2 * STEPS, "spirals")
        reference = int(np.linalg.norm(level.vertices - place, axis=1).argmin())
        walks.append(spirals(level.vertices, level.triangles, spiral_length, reference))
    tell(2 * STEPS, 2 * STEPS, "done")
    sizes = tuple(len(level.vertices) for level in hierarchy.levels)
    return Topology(sizes, tuple(walks), hierarchy.unpool_index, hierarchy.unpool_weight)


def _tell_nobody(done: int, total: int, doing: str) -> None:
    pass


def _readonly(array: NDArray[np.generic], dtype: type[np.generic]) -> NDArray[np.generic]:
    # The type is not converted: a bigger one could hold an index that wraps round to a valid one.
    if array.ndim != 2 or array.size == 0 or array.dtype != dtype:
        raise TemplateError(f"A table of the topology has the shape {array.shape} and type {array.dtype}.", _REMEDY)
    copy: NDArray[np.generic] = np.array(array, order="C")
    copy.flags.writeable = False
    return copy


def _check_spirals(table: NDArray[np.int32], count: int) -> None:
    if len(table) != count:
        raise TemplateError(f"There must be one spiral for each of the {count} vertices, not {len(table)}.", _REMEDY)
    if table.min() < PADDING or table.max() >= count:
        raise TemplateError("A spiral names a vertex that its level does not have.", _REMEDY)
    if not np.array_equal(table[:, 0], np.arange(count)):
        raise TemplateError("A spiral does not begin with its own vertex.", _REMEDY)
    ordered = np.sort(table, axis=1)
    if ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] != PADDING)).any():
        raise TemplateError("A spiral visits a vertex twice.", _REMEDY)


def _check_unpooling(index: NDArray[np.int32], weight: NDArray[np.float32], fine: int, coarse: int) -> None:
    if index.shape != (fine, 3) or weight.shape != (fine, 3):
        raise TemplateError(f"Unpooling must mix three vertices for each of the {fine}.", _REMEDY)
    if index.min() < 0 or index.max() >= coarse:
        raise TemplateError("Unpooling names a vertex that the coarser level does not have.", _REMEDY)
    if not np.isfinite(weight).all() or weight.min() < 0.0 or weight.max() > 1.0:
        raise TemplateError("Unpooling weights must lie between 0 and 1.", _REMEDY)
    if np.abs(weight.sum(axis=1) - 1.0).max() > _SUM_TOLERANCE:
        raise TemplateError("Unpooling weights must sum to 1 for each vertex.", _REMEDY)
