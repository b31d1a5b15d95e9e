"""What of a mesh is at rest: its Basis, shape keys that stand still, and what Mien itself has baked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from .fcurves import curves_of

if TYPE_CHECKING:
    import bpy
    from numpy.typing import NDArray

BAKED = "mien_bake"
"""The custom property of a Key datablock in which a bake keeps its record (see bake.py)."""


def basis_positions(mesh: bpy.types.Mesh) -> NDArray[np.float32]:
    """(V, 3) float32: the Basis key where there are shape keys, else the mesh; the object's units and axes."""
    flat = np.empty(len(mesh.vertices) * 3, np.float32)
    if mesh.shape_keys:
        mesh.shape_keys.reference_key.points.foreach_get("co", flat)
    else:
        mesh.attributes["position"].data.foreach_get("vector", flat)
    return flat.reshape(-1, 3)


def rest_positions(mesh: bpy.types.Mesh) -> NDArray[np.float32]:
    """(V, 3) float32: the face at rest, that is the Basis and every shape key that stands still.

    MPFB's characters get their identity from shape keys with fixed values; keys that move (by F-curves, drivers or the
    NLA) are acting and no part of the rest, and neither are Mien's own.
    """
    rest = basis_positions(mesh)
    keys = mesh.shape_keys
    if keys is None or not keys.use_relative or any(track.strips for track in _nla(keys)):
        return rest
    moving = _animated_names(keys) | own_names(keys)
    still = [
        key
        for key in keys.key_blocks
        if key.value and not key.mute and not key.vertex_group and key.name not in moving and key != keys.reference_key
    ]
    total = rest.copy()
    for key in still:
        total += key.value * (_points(key) - (_points(key.relative_key) if key.relative_key else rest))
    return total


def own_names(keys: bpy.types.Key) -> set[str]:
    """Names of the shape keys that Mien made."""
    return set(record_of(keys).get("names", ()))


def record_of(keys: bpy.types.Key | None) -> dict[str, Any]:
    """The record of the bake in a mesh's shape keys; empty where there is none (or none that can be read)."""
    try:
        found = json.loads((keys.get(BAKED) or "{}") if keys else "{}")
    except (TypeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _points(key: bpy.types.ShapeKey) -> NDArray[np.float32]:
    flat = np.empty(len(key.points) * 3, np.float32)
    key.points.foreach_get("co", flat)
    return flat.reshape(-1, 3)


def _nla(keys: bpy.types.Key) -> list[bpy.types.NlaTrack]:
    return list(keys.animation_data.nla_tracks) if keys.animation_data else []


def _animated_names(keys: bpy.types.Key) -> set[str]:
    animation = keys.animation_data
    curves = [*(curves_of(keys) or ()), *(animation.drivers if animation else ())]
    paths = {curve.data_path for curve in curves}
    return {key.name for key in keys.key_blocks if key.path_from_id("value") in paths}
