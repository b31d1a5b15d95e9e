"""A face and its parts in one space: millimetres in the axes of the face's template."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..baking.rest import rest_positions
from ..engine import ABSENT, Layout, MeshError, PartMesh, completed, with_seams
from ..wrapping import store

if TYPE_CHECKING:
    import bpy
    from numpy.typing import NDArray

    from ..engine import Template
    from ..mesh_bridge import Fit


@dataclass(frozen=True)
class HeadSpace:
    """Where a face's template lies on it.

    Attributes:
        face: the face.
        template: its template.
        to_local: (3, 3), millimetres to the face's units and axes.
        shift: (3,) mm; a place p of the face's is `inv(to_local) @ p + shift` in millimetres.
        head: (V, 3) the template's vertices on the face, mm.
    """

    face: bpy.types.Object
    template: Template
    to_local: NDArray[np.float64]
    shift: NDArray[np.float64]
    head: NDArray[np.float64]

    def mesh_of(self, obj: bpy.types.Object) -> PartMesh:
        """An object's mesh at rest, in millimetres; the face's own, too.

        Raises:
            MeshError: it is linked, in Edit Mode or empty, or some vertices are nowhere.
        """
        if obj.library or obj.data.library or obj.override_library:
            raise MeshError(f"{obj.name} is linked from another file.", "Make it local first.")
        if obj.mode == "EDIT" or obj.data.is_editmode:
            raise MeshError(f"{obj.name} is in Edit Mode.", "Go back to Object Mode there.")
        if not len(obj.data.vertices):
            raise MeshError(f"{obj.name} has no vertices.", "Take it off the list of parts.")
        place = rest_positions(obj.data).astype(np.float64)
        if obj != self.face:
            matrix = np.linalg.inv(_matrix(self.face)) @ _matrix(obj)
            place = place @ matrix[:3, :3].T + matrix[:3, 3]
        points = place @ np.linalg.inv(self.to_local).T + self.shift
        if not np.isfinite(points).all():
            raise MeshError(f"{obj.name} has vertices that are nowhere (NaN).", "Repair the mesh.")
        return PartMesh.whole(points, with_seams(points, store.edge_list(obj.data)))

    def box_of(self, obj: bpy.types.Object) -> NDArray[np.float64]:
        """(8, 3) the corners of an object's bounding box, mm."""
        matrix = np.linalg.inv(_matrix(self.face)) @ _matrix(obj)
        corners = np.array(obj.bound_box, np.float64) @ matrix[:3, :3].T + matrix[:3, 3]
        return np.asarray(corners @ np.linalg.inv(self.to_local).T + self.shift)

    def to_local_of(self, obj: bpy.types.Object) -> NDArray[np.float64]:
        """(3, 3): a deformation d in mm is `to_local @ d` in another object's units and axes."""
        return to_local_of(self.face, self.to_local, obj)


def head_space(face: bpy.types.Object, fit: Fit) -> HeadSpace:
    """The space of a face that fits.

    Raises:
        MeshError: it does not fit, is scaled to nothing, or its wrap does not tell where the template lies.
    """
    fit.demand()
    _check_scale(face)
    template, to_local = fit.template, fit.to_local
    assert template is not None
    assert to_local is not None
    assert fit.layout is not None
    if isinstance(fit.layout, Layout):
        present = fit.layout.object_index != ABSENT
        local = np.zeros((template.vertex_count, 3))
        local[present] = rest_positions(face.data)[fit.layout.object_index[present]]
    else:
        present = np.ones(template.vertex_count, bool)
        local = _wrapped_places(face, template.vertex_count)
    head = local @ np.linalg.inv(to_local).T
    shift = template.vertices[present].mean(axis=0, dtype=np.float64) - head[present].mean(axis=0)
    return HeadSpace(face, template, to_local, shift, completed(template, head + shift, present))


def to_local_of(face: bpy.types.Object, to_local: NDArray[np.float64], obj: bpy.types.Object) -> NDArray[np.float64]:
    """(3, 3): a deformation d in mm is `to_local @ d` in another object's units and axes.

    Args:
        face: the face.
        to_local: (3, 3) the face's own.
        obj: an object that moves with it.

    Raises:
        MeshError: the object is scaled to nothing.
    """
    _check_scale(obj)
    return np.asarray(np.linalg.inv(_matrix(obj)[:3, :3]) @ _matrix(face)[:3, :3] @ to_local)


def _wrapped_places(face: bpy.types.Object, count: int) -> NDArray[np.float64]:
    """(V, 3) where the template's vertices lie on a wrapped head now, object units."""
    found = store.stored(face.data)
    places: Any = None if found is None else found.about.get("positions")
    whole = isinstance(places, np.ndarray) and places.shape == (count, 3) and np.isfinite(places).all()
    if found is None or not whole:
        raise MeshError(f"The wrap of {face.name} does not tell where its parts are.", store.AGAIN)
    matrix, shift = found.since(face.data)
    return places.astype(np.float64) @ matrix.T + shift


def _check_scale(obj: bpy.types.Object) -> None:
    if not abs(np.linalg.det(_matrix(obj)[:3, :3])) > 0:
        raise MeshError(f"{obj.name} is scaled to nothing.", "Give it another scale than 0.")


def _matrix(obj: bpy.types.Object) -> NDArray[np.float64]:
    return np.array(obj.matrix_world, np.float64)
