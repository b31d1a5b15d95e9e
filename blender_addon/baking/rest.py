"""What of a mesh is at rest: its Basis, shape keys that stand still, and none of what Mien itself has baked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..fcurves import curves_of
from . import records

if TYPE_CHECKING:
    import bpy
    from numpy.typing import NDArray


def basis_positions(mesh: bpy.types.Mesh) -> NDArray[np.float32]:
    """(V, 3) float32: the Basis key where there are shape keys, else the mesh; the object's units and axes."""
    if mesh.shape_keys:
        return points_of(mesh.shape_keys.reference_key)
    flat = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.attributes["position"].data.foreach_get("vector", flat)
    return flat.reshape(-1, 3)


def rest_positions(mesh: bpy.types.Mesh) -> NDArray[np.float32]:
    """(V, 3) float32: the face at rest, that is the Basis and every shape key that stands still.

    MPFB's characters get their identity from shape keys with fixed values; keys that move (by F-curves, drivers or the
    NLA) are acting and no part of the rest, and neither are Mien's own.
    """
    rest = basis_positions(mesh)
    keys = mesh.shape_keys
    if keys is None:
        return rest
    total = rest.copy()
    for name in still_names(keys):
        key = keys.key_blocks[name]
        total += key.value * (points_of(key) - (points_of(key.relative_key) if key.relative_key else rest))
    return total


def still_names(keys: bpy.types.Key) -> list[str]:
    """Names of the shape keys that stand still at a value of their own."""
    if not keys.use_relative or any(track.strips for track in _nla(keys)):
        return []
    moving = _animated_names(keys) | own_names(keys)
    return [
        key.name
        for key in keys.key_blocks
        if key.value and not key.mute and not key.vertex_group and key.name not in moving and key != keys.reference_key
    ]


def own_names(keys: bpy.types.Key) -> set[str]:
    """Names of the shape keys that Mien made."""
    mesh = keys.user
    return {name for bake in records.bakes_of(mesh) for name in bake.key_names} if hasattr(mesh, "mien") else set()


def driven_names(keys: bpy.types.Key) -> set[str]:
    """Names of the shape keys that drivers move."""
    animation = keys.animation_data
    paths = {curve.data_path for curve in animation.drivers} if animation else set()
    return {key.name for key in keys.key_blocks if key.path_from_id("value") in paths}


def points_of(key: bpy.types.ShapeKey) -> NDArray[np.float32]:
    """(V, 3) float32, the positions of a shape key."""
    # `points` reads whole arrays; `data` would go point by point.
    flat = np.empty(len(key.points) * 3, np.float32)
    key.points.foreach_get("co", flat)
    return flat.reshape(-1, 3)


def _nla(keys: bpy.types.Key) -> list[bpy.types.NlaTrack]:
    return list(keys.animation_data.nla_tracks) if keys.animation_data else []


def _animated_names(keys: bpy.types.Key) -> set[str]:
    paths = {curve.data_path for curve in curves_of(keys) or ()}
    return {key.name for key in keys.key_blocks if key.path_from_id("value") in paths} | driven_names(keys)
