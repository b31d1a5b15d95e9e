"""A binding: how the vertices of any mesh move with a template, as one sparse operator.

Vertex v of the object moves by a weighted sum of what some vertices c of the template do:

    m_v = sum_k w_vk d_(c_vk)

Barycentric weights on a triangle are three of them; a vertex that obeys several places at once has more, and one that
fades out to still skin has weights whose sum is below 1. A binding stands wherever a `Layout` stands.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .arrays import owned
from .errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

MAX_WEIGHT = 100.0
"""Weights are this large at most: a binding that multiplies motion by more than that is damaged."""

_ARRAYS: dict[str, type] = {"vertices": np.int32, "corners": np.int32, "weights": np.float32}


@dataclass(frozen=True)
class Binding:
    """Which vertices of an object move with a template, and how. Checked when made; its arrays are read-only.

    Attributes:
        name: a word for people, such as "wrapped head".
        vertex_count: how many vertices the object's mesh has, all of them.
        vertices: (M,) int32, the object's vertices that move, each once.
        corners: (M, K) int32, the template's vertices that each of them obeys.
        weights: (M, K) float32, how much; 0 where a vertex needs fewer than K.

    Raises:
        TemplateError: shapes that do not fit together, indices out of range, numbers that are not finite.
    """

    name: str
    vertex_count: int
    vertices: NDArray[np.int32]
    corners: NDArray[np.int32]
    weights: NDArray[np.float32]

    def __post_init__(self) -> None:
        owned(self, _ARRAYS, "a binding")
        fits = self.vertices.ndim == 1 and self.corners.ndim == 2 and self.corners.shape == self.weights.shape
        if not fits or len(self.corners) != len(self.vertices) or self.corners.shape[1] < 1:
            raise TemplateError("A binding has arrays that do not fit together.")
        if self.vertices.min(initial=0) < 0 or self.vertices.max(initial=-1) >= self.vertex_count:
            raise TemplateError("A binding names a vertex that the object does not have.")
        if len(np.unique(self.vertices)) != len(self.vertices):
            raise TemplateError("A binding names a vertex of the object twice.")
        if self.corners.min(initial=0) < 0:
            raise TemplateError("A binding reads a vertex that the template does not have.")
        if not (np.abs(self.weights) <= MAX_WEIGHT).all():  # so NaN is no number below it
            raise TemplateError(f"A binding has weights that are no numbers from {-MAX_WEIGHT:g} to {MAX_WEIGHT:g}.")
        # One row for each corner of all vertices: whole rows are gathered at a time.
        object.__setattr__(self, "_corner_rows", np.ascontiguousarray(self.corners.T, np.intp))
        object.__setattr__(self, "_weight_rows", np.repeat(self.weights.T[:, :, None], 3, axis=2))

    @property
    def moving(self) -> NDArray[np.int32]:
        """(M,) int32: the object's vertices that a performance moves, in the order of `on_object`."""
        return self.vertices

    def on_object(self, deformation: NDArray[np.float32]) -> NDArray[np.float32]:
        """(T, V, 3) mm of the template -> (T, M, 3) float32 mm of the object's `moving` vertices."""
        given = np.asarray(deformation, np.float32)
        out = np.empty((len(given), len(self.vertices), 3), np.float32)
        one = np.empty(out.shape[1:], np.float32)
        rows: Any = self._corner_rows  # type: ignore[attr-defined]
        weights: Any = self._weight_rows  # type: ignore[attr-defined]
        # Frame by frame the sums stay in the processor's cache; "clip" saves a copy, and indices were checked.
        for frame, total in zip(given, out, strict=True):
            np.take(frame, rows[0], axis=0, out=total, mode="clip")
            np.multiply(total, weights[0], out=total)
            for corners, weight in zip(rows[1:], weights[1:], strict=True):
                np.take(frame, corners, axis=0, out=one, mode="clip")
                np.multiply(one, weight, out=one)
                np.add(total, one, out=total)
        return out

    def scaled(self, factor: NDArray[np.float32]) -> Binding:
        """The binding whose template moves factor (V,) times as far at each vertex, at no cost for a frame."""
        return replace(self, weights=np.clip(self.weights * factor[self.corners], -MAX_WEIGHT, MAX_WEIGHT))

    def check(self, template_vertex_count: int) -> None:
        """Whether a template of so many vertices has all that are read.

        Raises:
            TemplateError: it has not.
        """
        if self.corners.max(initial=-1) >= template_vertex_count:
            raise TemplateError("A binding reads a vertex that the template does not have.")

    def to_arrays(self) -> tuple[dict[str, NDArray[Any]], str]:
        """The binding as plain arrays and a JSON text."""
        about = {"name": self.name, "vertex_count": self.vertex_count}
        return {name: getattr(self, name) for name in _ARRAYS}, json.dumps(about)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], about: str) -> Binding:
        """The inverse of `to_arrays`.

        Raises:
            TemplateError: an array or a word is missing or damaged.
        """
        try:
            words = json.loads(about)
            found = {name: arrays[name] for name in _ARRAYS}
            return cls(str(words["name"]), int(words["vertex_count"]), **found)
        except (KeyError, TypeError, ValueError, OverflowError) as problem:
            raise TemplateError(f"The stored binding is incomplete or damaged ({problem}).") from problem
