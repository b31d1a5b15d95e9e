"""The binding of a wrapped head, kept in its mesh: it comes along through undo, saving, copies and appending.

`mesh.mien.wrap` holds a text, which is a compressed archive of arrays, and its SHA-256. Whoever has read one with this
hash need not read it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import stored_arrays
from ..baking.rest import rest_positions
from ..engine import Binding, MeshError, MienError
from .moved import Moved, moved_whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    import bpy
    from numpy.typing import NDArray

    from ..engine import Loaded

_VERSION = 1
_ABOUT = "about."
"""What the names of arrays begin with that came in `about`."""

_KNOWN = {"vertices", "corners", "weights", "to_local", "samples", "places", "rest"}
_KNOWN |= {f"{_ABOUT}{name}" for name in ("positions", "distance", "flipped")}
"""Names of the arrays that are read back."""

_SAMPLES = 96
"""Vertices whose places are kept, to tell later whether the whole mesh was scaled, turned or moved."""

_KEPT = 8

_read: dict[str, Stored] = {}


@dataclass(frozen=True)
class Stored:
    """What a mesh keeps of its wrap.

    Attributes:
        binding: how its vertices move with the template.
        template_hash: `content_hash` of the template that was wrapped.
        digest: SHA-256 of the generator's file.
        title: name of the generator for people.
        to_local: (3, 3) float64; a deformation d in mm was `to_local @ d` in object units when the head was wrapped.
        about: the quality's summary and what else was given with it: "mean" and "p95" in mm, "percent_of_height",
            "advice" and "landmarks" as lists of texts; values of other types than these are not there.
        edges: number of the mesh's edges.
        topology: what all edges together come to, see `topology_of`.
        samples: (S,) int32 some vertices, and
        places: (S, 3) float64 where they were at rest, object units.
        rest: (M, 3) float32 where the vertices of the binding were at rest; None in files of earlier versions.
    """

    binding: Binding
    template_hash: str
    digest: str
    title: str
    to_local: NDArray[np.float64]
    about: dict[str, Any]
    edges: int
    topology: int
    samples: NDArray[np.int32]
    places: NDArray[np.float64]
    rest: NDArray[np.float32] | None = None

    def since(self, mesh: bpy.types.Mesh) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What has happened to the whole mesh since it was wrapped: an applied scale or turn, a new origin.

        Returns:
            (3, 3) and (3,): a place p of then is `matrix @ p + shift` now. Identity and zero for a mesh that was
            not moved as a whole: a sculpted one keeps its frame.
        """
        moved = self.moved(mesh)
        return moved.matrix, moved.shift

    def moved(self, mesh: bpy.types.Mesh) -> Moved:
        """`since`, and whether that is sure."""
        return moved_whole(self.places, rest_positions(mesh)[self.samples].astype(np.float64))


def store(
    obj: bpy.types.Object,
    loaded: Loaded,
    binding: Binding,
    to_local: NDArray[np.floating[Any]],
    about: Mapping[str, Any] | None = None,
) -> None:
    """Keeps a binding in the mesh of an object, in the place of one that was there.

    Args:
        obj: the head.
        loaded: the generator whose template was wrapped.
        binding: from its template's deformation to the vertices of this mesh.
        to_local: (3, 3) a deformation d in mm is `to_local @ d` in object units.
        about: see `Stored`; arrays in it are kept in single precision.

    Raises:
        MienError: the binding is not one of this mesh and this template.
    """
    mesh, template = obj.data, loaded.bundle.template
    binding.check(template.vertex_count)
    if binding.vertex_count != len(mesh.vertices):
        raise MeshError(f"The binding is not one of the mesh of {obj.name}.", "Wrap it again.")
    if not len(binding.vertices):
        raise MeshError(
            f"None of the vertices of {obj.name} lies on the face.", "Clear the landmarks and place them again."
        )
    edges = edge_list(mesh)
    samples = binding.vertices[np.unique(np.linspace(0, len(binding.vertices) - 1, _SAMPLES).astype(int))]
    given = dict(about or {})
    arrays, words = binding.to_arrays()
    arrays |= {f"{_ABOUT}{name}": np.asarray(one, np.float32) for name, one in given.items() if _is_array(one)}
    arrays |= {
        "to_local": np.asarray(to_local, np.float64),
        "samples": samples,
        "places": rest_positions(mesh)[samples].astype(np.float64),
        "rest": rest_positions(mesh)[binding.vertices],
    }
    content = {
        "version": _VERSION,
        "binding": words,
        "template": template.content_hash,
        "digest": loaded.digest,
        "title": loaded.title,
        "edges": len(edges),
        "topology": topology_of(edges, len(mesh.vertices)),
        "about": {name: one for name, one in given.items() if not _is_array(one)},
    }
    text = stored_arrays.to_text(arrays, content)
    _unpacked(text, mesh)  # what cannot be read again is never kept
    mesh.mien.wrap.text = text
    mesh.mien.wrap.mark = stored_arrays.hash_of(text)


def stored(mesh: bpy.types.Mesh, *, by_edges: bool = True) -> Stored | None:
    """The binding of a mesh; None where it was never wrapped.

    Args:
        mesh: of the head.
        by_edges: look whether every edge is what it was; else only at their number, which costs nothing.

    Raises:
        MeshError: it is damaged, or the mesh has other vertices or edges than when it was wrapped.
    """
    if not is_stored(mesh):
        return None
    mark = mesh.mien.wrap.mark
    if mark not in _read:
        text = mesh.mien.wrap.text
        if stored_arrays.hash_of(text) != mark:
            raise _damaged(mesh.name)
        found = _unpacked(text, mesh)
        while len(_read) >= _KEPT:
            del _read[next(iter(_read))]
        _read[mark] = found
    found = _read[mark]
    count = len(mesh.vertices)
    same = count == found.binding.vertex_count and len(mesh.edges) == found.edges
    if not same or (by_edges and topology_of(edge_list(mesh), count) != found.topology):
        raise MeshError(f"{mesh.name} was changed since it was wrapped: its vertices or edges are others.", AGAIN)
    return found


AGAIN = "Wrap it again."


def is_stored(mesh: bpy.types.Mesh) -> bool:
    """Whether a mesh was wrapped, as far as can be told without reading the binding."""
    return bool(mesh.mien.wrap.mark)


def forget(mesh: bpy.types.Mesh) -> bool:
    """Takes the binding out of a mesh; returns whether there was one."""
    was = is_stored(mesh)
    mesh.mien.wrap.text, mesh.mien.wrap.mark = "", ""
    return was


def edge_list(mesh: bpy.types.Mesh) -> NDArray[np.int32]:
    """(E, 2) int32 vertex indices."""
    flat = np.empty(len(mesh.edges) * 2, np.int32)
    mesh.edges.foreach_get("vertices", flat)
    return flat.reshape(-1, 2)


def topology_of(edges: NDArray[np.int32], count: int) -> int:
    """A number that is another one where vertices are joined otherwise; the order of the edges does not matter.

    Args:
        edges: (E, 2).
        count: number of vertices.
    """
    ends = edges.astype(np.uint64)
    mixed = ends.min(axis=1, initial=2**63) * np.uint64(count) + ends.max(axis=1, initial=0)
    for factor in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F):
        mixed ^= mixed >> np.uint64(32)
        mixed *= np.uint64(factor)
    mixed ^= mixed >> np.uint64(29)
    # Blender's properties hold no 64 bits; in JSON a number is as long as it likes.
    return int(mixed.sum(dtype=np.uint64))


def _unpacked(text: str, mesh: bpy.types.Mesh) -> Stored:
    try:
        arrays, words = stored_arrays.from_text(text, len(mesh.vertices), _KNOWN.__contains__)
        about = {str(key): one for key, one in words["about"].items() if _is_plausible(str(key), one)}
        about |= {key.removeprefix(_ABOUT): one for key, one in arrays.items() if key.startswith(_ABOUT)}
        found = Stored(
            Binding.from_arrays(arrays, words["binding"]),
            str(words["template"]),
            str(words["digest"]),
            str(words["title"]),
            arrays["to_local"],
            about,
            int(words["edges"]),
            int(words["topology"]),
            arrays["samples"],
            arrays["places"],
            arrays.get("rest"),
        )
        fits = words["version"] == _VERSION and _fits_together(found)
    except (MienError, *stored_arrays.DAMAGE) as problem:
        raise _damaged(mesh.name) from problem
    if not fits:
        raise _damaged(mesh.name)
    return found


def _fits_together(found: Stored) -> bool:
    matrix, samples, places = found.to_local, found.samples, found.places
    fits = matrix.shape == (3, 3) and samples.ndim == 1 and places.shape == (len(samples), 3)
    fits = fits and matrix.dtype.kind == places.dtype.kind == "f" and samples.dtype.kind == "i"
    if not fits or not np.isfinite(matrix).all() or not np.isfinite(places).all():
        return False
    rest = found.rest
    if rest is not None and (rest.shape != (len(found.binding.vertices), 3) or not np.isfinite(rest).all()):
        return False
    inside = samples.min(initial=0) >= 0 and samples.max(initial=-1) < found.binding.vertex_count
    return bool(inside and abs(np.linalg.det(matrix)) > 0)


def _is_plausible(name: str, value: Any) -> bool:
    if name in ("mean", "p95", "percent_of_height"):
        return isinstance(value, (int, float)) and bool(np.isfinite(value))
    if name in ("advice", "landmarks"):
        return isinstance(value, list) and all(isinstance(one, str) for one in value)
    return True


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray)


def _damaged(name: str) -> MeshError:
    return MeshError(f"The wrap that {name} keeps is damaged.", AGAIN)
