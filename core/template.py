"""A template: the fixed mesh topology a model works on, and the layouts it is found in."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import TemplateError
from .followers import Followers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

ABSENT = -1
"""Marks a missing fourth corner in `polygons`, and a missing vertex in `Layout.object_index`."""

EYEBALL_PARTS = ("eyes", "iris", "pupil")
"""Names of the parts that eyeballs consist of; a template has some of them."""

MAX_VERTICES = 1_000_000
MIN_VERTICES = 4


@dataclass(frozen=True)
class Layout:
    """One way a template's vertices lie inside a bigger object.

    Attributes:
        name: a word for people, such as "MPFB human with helpers".
        vertex_count: how many vertices the object's mesh has, all of them.
        object_index: (V,) int32, for each template vertex its index in the object, or -1 where the
            object lacks it (an MPFB human whose helpers are gone has no eyes or teeth).
        followers: vertices of the object beside the template's that move with the face; None where there are none.
    """

    name: str
    vertex_count: int
    object_index: NDArray[np.int32]
    followers: Followers | None = None

    @cached_property
    def _own(self) -> NDArray[np.intp]:
        return np.flatnonzero(self.present)

    @cached_property
    def moving(self) -> NDArray[np.int32]:
        """(M,) int32: the object's vertices that a performance moves, in the order of `on_object`."""
        own = self.object_index[self._own]
        return own if self.followers is None else np.concatenate([own, self.followers.vertices])

    def on_object(self, deformation: NDArray[np.float32]) -> NDArray[np.float32]:
        """(T, V, 3) mm of the template -> (T, M, 3) mm of the object's `moving` vertices."""
        own = deformation if len(self._own) == len(self.object_index) else deformation[:, self._own]
        return own if self.followers is None else np.concatenate([own, self.followers(deformation)], axis=1)

    @cached_property
    def present(self) -> NDArray[np.bool_]:
        """(V,) bool: the template vertices the object has."""
        return self.object_index != ABSENT


@dataclass(frozen=True)
class Template:
    """A neutral face and its topology. Checked when made; all arrays are read-only afterwards.

    Attributes:
        name: short identifier, such as "makehuman_head".
        vertices: (V, 3) float32, millimetres; x to the face's left, y up, z forward.
        polygons: (P, 4) int32 corners, counter-clockwise from outside; -1 in the last place for a triangle.
        landmarks: name -> vertex index. "nose_tip" is the reference vertex of the spirals.
        layouts: where these vertices are found in known objects; the template alone is always found.
        parts: names of the parts of the face, such as "skin", "eyes", "teeth".
        polygon_part: (P,) int32 index into `parts`.

    Raises:
        TemplateError: arrays of the wrong shape or type, indices out of range, NaN, repeated corners,
            vertices that no polygon uses, unknown landmarks.
    """

    name: str
    vertices: NDArray[np.float32]
    polygons: NDArray[np.int32]
    landmarks: Mapping[str, int] = field(default_factory=dict)
    layouts: tuple[Layout, ...] = ()
    parts: tuple[str, ...] = ("skin",)
    polygon_part: NDArray[np.int32] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "vertices", _readonly(self.vertices, np.float32))
        object.__setattr__(self, "polygons", _readonly(self.polygons, np.int32))
        part = np.zeros(len(self.polygons), np.int32) if self.polygon_part is None else self.polygon_part
        object.__setattr__(self, "polygon_part", _readonly(part, np.int32))
        _check_vertices(self.vertices)
        _check_polygons(self.polygons, len(self.vertices))
        _check_parts(self.parts, part, len(self.polygons))
        for name, index in self.landmarks.items():
            if not 0 <= index < len(self.vertices):
                raise TemplateError(f"Landmark {name!r} names vertex {index}, which the template does not have.")
        for layout in self.layouts:
            _check_layout(layout, len(self.vertices))

    @property
    def vertex_count(self) -> int:
        """V, the number of vertices."""
        return len(self.vertices)

    @cached_property
    def triangles(self) -> NDArray[np.int32]:
        """(F, 3) int32: the polygons cut into triangles along the diagonal 0-2, in polygon order."""
        first = self.polygons[:, [0, 1, 2]]
        second = self.polygons[:, [0, 2, 3]]
        both = np.stack([first, second], axis=1).reshape(-1, 3)
        return _readonly(both[both[:, 2] != ABSENT], np.int32)

    @cached_property
    def vertex_part(self) -> NDArray[np.int32]:
        """(V,) int32 index into `parts`: of a polygon each vertex is a corner of."""
        assert self.polygon_part is not None  # filled in when made
        found = np.zeros(self.vertex_count, np.int32)
        corners = np.where(self.polygons == ABSENT, self.polygons[:, :1], self.polygons)
        found[corners] = self.polygon_part[:, None]
        return _readonly(found, np.int32)

    @cached_property
    def edges(self) -> NDArray[np.int32]:
        """(E, 2) int32: the polygons' edges, smaller index first, sorted, each once."""
        quad = self.polygons[:, 3] != ABSENT
        last = np.where(quad, self.polygons[:, 3], self.polygons[:, 2])
        closing = np.stack([last, self.polygons[:, 0]], axis=1)
        sides = [self.polygons[:, [0, 1]], self.polygons[:, [1, 2]], self.polygons[quad][:, [2, 3]], closing]
        return _readonly(np.unique(np.sort(np.concatenate(sides), axis=1), axis=0), np.int32)

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of the vertices and polygons: two templates with the same hash are the same mesh."""
        digest = hashlib.sha256()
        for array in (self.vertices, self.polygons):
            digest.update(str(array.shape).encode())
            digest.update(array.astype(array.dtype.newbyteorder("<")).tobytes())
        return digest.hexdigest()

    def all_layouts(self) -> tuple[Layout, ...]:
        """The known layouts, and first of all the template's own vertices alone."""
        alone = Layout("the face alone", self.vertex_count, np.arange(self.vertex_count, dtype=np.int32))
        return (alone, *self.layouts)

    def to_arrays(self) -> tuple[dict[str, NDArray[Any]], str]:
        """The template as plain arrays and a JSON text, for a bundle or a corpus."""
        assert self.polygon_part is not None
        arrays: dict[str, NDArray[Any]] = {
            "template.vertices": self.vertices,
            "template.polygons": self.polygons,
            "template.polygon_part": self.polygon_part,
        }
        for number, layout in enumerate(self.layouts):
            arrays[f"template.layout.{number}"] = layout.object_index
            if layout.followers is not None:
                arrays |= layout.followers.to_arrays(f"template.layout.{number}.")
        about = {
            "name": self.name,
            "landmarks": dict(self.landmarks),
            "parts": list(self.parts),
            "layouts": [{"name": one.name, "vertex_count": one.vertex_count} for one in self.layouts],
            "hash": self.content_hash,
        }
        return arrays, json.dumps(about)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], about: str) -> Template:
        """The inverse of `to_arrays`.

        Raises:
            TemplateError: an array or a word is missing, damaged, or does not fit the stored hash.
        """
        try:
            words = json.loads(about)
            layouts = tuple(
                _layout_from_arrays(arrays, f"template.layout.{number}", one)
                for number, one in enumerate(words["layouts"])
            )
            template = cls(
                name=str(words["name"]),
                vertices=arrays["template.vertices"],
                polygons=arrays["template.polygons"],
                landmarks={str(key): int(value) for key, value in words["landmarks"].items()},
                layouts=layouts,
                parts=tuple(str(part) for part in words["parts"]),
                polygon_part=arrays["template.polygon_part"],
            )
            expected = words["hash"]
        except (KeyError, TypeError, ValueError, AttributeError) as problem:
            raise TemplateError(f"The stored template is incomplete or damaged ({problem}).") from problem
        if template.content_hash != expected:
            raise TemplateError("The stored template does not have the content its hash promises.")
        return template


def _layout_from_arrays(arrays: Mapping[str, NDArray[Any]], name: str, about: Mapping[str, Any]) -> Layout:
    followers = Followers.from_arrays(arrays, f"{name}.")
    return Layout(str(about["name"]), int(about["vertex_count"]), arrays[name], followers)


def _readonly(array: NDArray[Any], dtype: type) -> NDArray[Any]:
    given = np.asarray(array)
    if dtype is np.int32 and given.dtype.kind not in "iu":
        raise TemplateError(f"Indices must be whole numbers, not {given.dtype}.")
    copy: NDArray[Any] = np.array(given, dtype=dtype, order="C")
    copy.flags.writeable = False
    return copy


def _check_vertices(vertices: NDArray[np.float32]) -> None:
    if vertices.ndim != 2 or vertices.shape[1] != 3:
        raise TemplateError(f"Vertices must have the shape (V, 3), not {vertices.shape}.")
    if not MIN_VERTICES <= len(vertices) <= MAX_VERTICES:
        raise TemplateError(f"A template has {MIN_VERTICES} to {MAX_VERTICES} vertices, not {len(vertices)}.")
    if not np.isfinite(vertices).all():
        raise TemplateError("Some vertices are not finite numbers.")


def _check_polygons(polygons: NDArray[np.int32], count: int) -> None:
    if polygons.ndim != 2 or polygons.shape[1] != 4 or len(polygons) == 0:
        raise TemplateError(f"Polygons must have the shape (P, 4), not {polygons.shape}.")
    corners, last = polygons[:, :3], polygons[:, 3]
    if corners.min() < 0 or last.min() < ABSENT or polygons.max() >= count:
        raise TemplateError("A polygon names a vertex that the template does not have.")
    ordered = np.sort(polygons, axis=1)
    if (ordered[:, 1:] == ordered[:, :-1]).any():
        raise TemplateError("A polygon uses the same vertex twice.")
    if len(np.unique(polygons[polygons != ABSENT])) != count:
        raise TemplateError("Some vertices belong to no polygon.", "Remove loose vertices first.")


def _check_parts(parts: tuple[str, ...], polygon_part: NDArray[np.int32], count: int) -> None:
    if polygon_part.shape != (count,):
        raise TemplateError(f"There must be one part for each of the {count} polygons, not {polygon_part.shape}.")
    if polygon_part.min() < 0 or polygon_part.max() >= len(parts):
        raise TemplateError("A polygon belongs to a part that has no name.")


def _check_layout(layout: Layout, count: int) -> None:
    index = np.asarray(layout.object_index)
    if index.shape != (count,) or index.dtype.kind not in "iu":
        raise TemplateError(f"Layout {layout.name!r} must place each of the {count} vertices.")
    used = index[index != ABSENT]
    if len(used) == 0 or used.min() < 0 or used.max() >= layout.vertex_count:
        raise TemplateError(f"Layout {layout.name!r} names a vertex outside its {layout.vertex_count}.")
    if len(np.unique(used)) != len(used):
        raise TemplateError(f"Layout {layout.name!r} uses a vertex of the object twice.")
    if layout.followers is not None:
        layout.followers.check(count, layout.vertex_count, used)
