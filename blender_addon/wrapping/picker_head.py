"""The head under the picker's hand: what is clicked is the mesh as it is drawn, what is kept lies on the mesh at rest.

The two differ where an armature poses the head or a shape key moves it. Modifiers that make another mesh
(Subdivision, Multiresolution, …) are left out of the mesh that rays meet, so that each of its triangles is also one of
the mesh at rest.
"""

# mypy: disable-error-code="return-value"
from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import bpy
import numpy as np
from mathutils import Vector
from mathutils.bvhtree import BVHTree

from ..baking.rest import rest_positions
from .wrap_head import check_mesh, triangles_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DEFORMING = frozenset(
    {
        "ARMATURE",
        "CAST",
        "CORRECTIVE_SMOOTH",
        "CURVE",
        "DISPLACE",
        "HOOK",
        "LAPLACIANDEFORM",
        "LAPLACIANSMOOTH",
        "LATTICE",
        "MESH_CACHE",
        "MESH_DEFORM",
        "SHRINKWRAP",
        "SIMPLE_DEFORM",
        "SMOOTH",
        "SURFACE_DEFORM",
        "WARP",
        "WAVE",
    }
)
"""Modifiers that move vertices and make none."""


class Spot(NamedTuple):
    """A place on the head's surface: a triangle, and the weights of its corners."""

    triangle: int
    weights: tuple[float, float, float]


class PickHead:
    """A head's mesh at rest and as it is drawn, both in the scene's axes and units.

    Args:
        obj: the head, in Object Mode.
        context: whose depsgraph tells how it is drawn.

    Raises:
        MeshError: the mesh holds no surface that a face could be.
    """

    def __init__(self, obj: bpy.types.Object, context: bpy.types.Context) -> None:
        self._matrix = np.array(obj.matrix_world, np.float64)
        local = rest_positions(obj.data).astype(np.float64)
        self.triangles = triangles_of(obj.data)
        check_mesh(obj.name, local, self.triangles)
        self.local_vertices = local
        self.rest = self.to_scene(local)
        self._rest_tree = _tree(self.rest, self.triangles)
        drawn = _drawn_positions(obj, context)
        same = drawn is None or np.allclose(drawn, local, rtol=0, atol=1e-6 * max(float(np.ptp(local)), 1e-30))
        self.shown = self.rest if same or drawn is None else self.to_scene(drawn)
        self._middle = (self.shown.min(axis=0) + self.shown.max(axis=0)) / 2
        self._size = float(np.linalg.norm(np.ptp(self.shown, axis=0)))
        self._shown_tree = self._rest_tree if same else _tree(self.shown, self.triangles)

    def is_of(self, obj: bpy.types.Object) -> bool:
        """Whether the object still stands as it did when this was made."""
        return len(obj.data.vertices) == len(self.rest) and np.array_equal(np.array(obj.matrix_world), self._matrix)

    def cast(self, origin: NDArray[np.float64], direction: NDArray[np.float64]) -> Spot | None:
        """Where a ray meets the head as it is drawn; None where it misses."""
        # Rays of an orthographic view begin very far away, and Blender's trees count in single precision.
        ahead = float((self._middle - origin) @ direction) - self._size
        start = origin + max(0.0, ahead) * direction
        place, _, triangle, _ = self._shown_tree.ray_cast(Vector(start), Vector(direction))
        return None if place is None else self._spot(self.shown, triangle, np.array(place))

    def nearest(self, local: NDArray[np.float64]) -> Spot:
        """The spot on the mesh at rest nearest to a place in the object's own units and axes."""
        return self._nearest(self.to_scene(local))

    def snap(self, place: NDArray[np.float64], outward: NDArray[np.float64], reach: float) -> Spot:
        """The spot that belongs to a place near the mesh at rest: what is seen of it from outside, else the nearest.

        Args:
            place: (3,) in the scene's axes.
            outward: (3,) unit vector away from the head.
            reach: how far along it a spot still belongs to the place.
        """
        start = Vector(place + reach * outward)
        hit, _, triangle, _ = self._rest_tree.ray_cast(start, Vector(-outward), 2 * reach)
        return self._nearest(place) if hit is None else self._spot(self.rest, triangle, np.array(hit))

    def local_of(self, spot: Spot) -> NDArray[np.float64]:
        """(3,) on the mesh at rest, in the object's own units and axes."""
        return self._on(self.local_vertices, spot)

    def rest_of(self, spot: Spot) -> NDArray[np.float64]:
        """(3,) on the mesh at rest, in the scene's axes."""
        return self._on(self.rest, spot)

    def shown_of(self, spot: Spot) -> NDArray[np.float64]:
        """(3,) on the mesh as it is drawn, in the scene's axes."""
        return self._on(self.shown, spot)

    def hides(self, place: NDArray[np.float64], toward: NDArray[np.float64], gap: float) -> bool:
        """Whether the head as it is drawn stands between a place on it and the viewer.

        Args:
            place: (3,) in the scene's axes.
            toward: (3,) unit vector from the place to the viewer.
            gap: what is nearer than this does not count: folds right at the corner of an eye, of the mouth.
        """
        hit = self._shown_tree.ray_cast(Vector(place + gap * toward), Vector(toward))
        return hit[0] is not None

    def to_scene(self, local: NDArray[np.float64]) -> NDArray[np.float64]:
        """Places (n, 3) or (3,) in the object's units and axes -> the same in the scene's."""
        return np.asarray(local.astype(np.float64) @ self._matrix[:3, :3].T + self._matrix[:3, 3])

    def _nearest(self, place: NDArray[np.float64]) -> Spot:
        hit, _, triangle, _ = self._rest_tree.find_nearest(Vector(place))
        return self._spot(self.rest, triangle, np.array(hit))

    def _on(self, vertices: NDArray[np.float64], spot: Spot) -> NDArray[np.float64]:
        return np.asarray(np.array(spot.weights) @ vertices[self.triangles[spot.triangle]])

    def _spot(self, vertices: NDArray[np.float64], triangle: int, place: NDArray[np.float64]) -> Spot:
        corners = vertices[self.triangles[triangle]]
        weights = _weights(corners, place)
        return Spot(int(triangle), (float(weights[0]), float(weights[1]), float(weights[2])))


def _weights(corners: NDArray[np.float64], place: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3,) weights of a triangle's corners at a place on it; of the nearest corner alone where the triangle is flat."""
    sides = (corners[1:] - corners[0]).T
    square = sides.T @ sides
    if not np.linalg.det(square) > 1e-12 * np.trace(square) ** 2:
        return np.asarray(np.eye(3)[np.linalg.norm(corners - place, axis=1).argmin()])
    one, two = np.clip(np.linalg.solve(square, sides.T @ (place - corners[0])), 0.0, 1.0)
    weights = np.array([max(0.0, 1 - one - two), one, two])
    return np.asarray(weights / weights.sum())


def _tree(vertices: NDArray[np.float64], triangles: NDArray[np.int32]) -> BVHTree:
    return BVHTree.FromPolygons(vertices.tolist(), triangles.tolist(), all_triangles=True)


def _drawn_positions(obj: bpy.types.Object, context: bpy.types.Context) -> NDArray[np.float64] | None:
    """(N, 3) the mesh's own vertices as they are drawn now, in the object's units; None where nobody can tell."""
    found = _evaluated(obj, context)
    if found is not None or not obj.modifiers:
        return found
    # A copy without the modifiers that make another mesh, in the scene for as long as it takes to look at it.
    copy = obj.copy()
    try:
        for modifier in list(copy.modifiers):
            if modifier.type not in _DEFORMING:
                copy.modifiers.remove(modifier)
        context.scene.collection.objects.link(copy)
        return _evaluated(copy, context)
    finally:
        bpy.data.objects.remove(copy)


def _evaluated(obj: bpy.types.Object, context: bpy.types.Context) -> NDArray[np.float64] | None:
    mesh = obj.evaluated_get(context.evaluated_depsgraph_get()).data
    own = obj.data
    if mesh is None or (len(mesh.vertices), len(mesh.loops)) != (len(own.vertices), len(own.loops)):
        return None
    flat = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", flat)
    positions = flat.reshape(-1, 3).astype(np.float64)
    return positions if np.isfinite(positions).all() else None
