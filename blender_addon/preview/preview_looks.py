"""A face without its performance: the Basis and the artist's own shape keys, as they are at a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import fcurves
from ..baking import actions, records, rest
from ..mesh_bridge import group_weights

if TYPE_CHECKING:
    from collections.abc import Hashable

    import bpy
    from numpy.typing import NDArray


class Looks:
    """The face without its performance. Made anew when the mesh, its shape keys or its bakes change.

    What Mien has baked does not count: its own keys not at all, and keys of the artist's that a bake moves as they
    stood before it.

    Args:
        obj: the face.
    """

    def __init__(self, obj: bpy.types.Object) -> None:
        mesh = obj.data
        keys = mesh.shape_keys
        self._structure = structure(mesh)
        self._basis = rest.basis_positions(mesh)
        self._deltas: dict[int, NDArray[np.float32]] = {}
        self._still, self._still_mark = self._basis, b""
        blocks = list(keys.key_blocks) if keys is not None and keys.use_relative else []
        own = rest.own_names(keys) if blocks else set()
        counts = [key.name not in own and key != keys.reference_key for key in blocks]
        self._counts = np.array(counts, bool)
        self._stands = _stand_of_driven(mesh) if blocks else {}
        masks = {name: group_weights(obj, name) for name in {key.vertex_group for key in blocks}}
        self._masks = [masks[key.vertex_group] for key in blocks]
        self._curves, self._moving = self._animated(keys, blocks) if blocks else ({}, [])

    @property
    def vertex_count(self) -> int:
        """V."""
        return len(self._basis)

    def is_of(self, mesh: bpy.types.Mesh) -> bool:
        """Whether the mesh has still as many vertices, keys and bakes as when this was made."""
        return self._structure == structure(mesh)

    def expected(self, mesh: bpy.types.Mesh, frame: float) -> NDArray[np.float32]:
        """The keys' values at a frame as far as their F-curves tell, before Blender plays it: (K,) float32.

        Drivers and the NLA tell theirs when the frame is played: see `played`.
        """
        keys = mesh.shape_keys
        if not len(self._counts):
            return np.zeros(0, np.float32)
        values = np.empty(len(self._counts), np.float32)
        keys.key_blocks.foreach_get("value", values)
        curves = fcurves.curves_of(keys) if self._curves else None
        for number, path in self._curves.items() if curves is not None else ():
            curve = curves.find(path)
            if curve is not None and not curve.mute:
                key = keys.key_blocks[number]
                values[number] = min(max(curve.evaluate(frame), key.slider_min), key.slider_max)
        return self._counted(mesh, values, frame)

    def played(self, mesh: bpy.types.Mesh, depsgraph: bpy.types.Depsgraph, frame: float) -> NDArray[np.float32]:
        """The keys' values as Blender has evaluated them at a frame: (K,) float32."""
        keys = mesh.shape_keys
        if not len(self._counts):
            return np.zeros(0, np.float32)
        values = np.empty(len(self._counts), np.float32)
        keys.evaluated_get(depsgraph).key_blocks.foreach_get("value", values)
        return self._counted(mesh, values, frame)

    def positions(self, mesh: bpy.types.Mesh, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """(V, 3) float32 of the object's units and axes, at these values of the keys; for the caller to change."""
        still = values.copy()
        still[self._moving] = 0
        mark = still.tobytes()
        if mark != self._still_mark:
            self._still, self._still_mark = self._basis.copy(), mark
            for number in np.flatnonzero(still).tolist():
                self._still += still[number] * self._delta(mesh, number)
        out = self._still.copy()
        for number in self._moving:
            if values[number]:
                out += values[number] * self._delta(mesh, number)
        return out

    def _counted(self, mesh: bpy.types.Mesh, values: NDArray[np.float32], frame: float) -> NDArray[np.float32]:
        muted = np.empty(len(values), bool)
        mesh.shape_keys.key_blocks.foreach_get("mute", muted)
        before = _curves_before(mesh) if self._stands else None
        for number, (path, value) in self._stands.items():
            curve = before.find(path) if before is not None else None
            values[number] = value if curve is None else curve.evaluate(frame)
        values[muted | ~self._counts] = 0
        return values

    def _delta(self, mesh: bpy.types.Mesh, number: int) -> NDArray[np.float32]:
        if number not in self._deltas:
            key = mesh.shape_keys.key_blocks[number]
            delta = rest.points_of(key) - rest.points_of(key.relative_key)
            weights = self._masks[number]
            self._deltas[number] = delta if weights is None else delta * weights
        return self._deltas[number]

    def _animated(self, keys: bpy.types.Key, blocks: list[bpy.types.ShapeKey]) -> tuple[dict[int, str], list[int]]:
        """Paths of the keys whose values F-curves alone tell; all keys whose values may change from frame to frame."""
        animation = keys.animation_data
        if animation is None:
            return {}, []
        paths = {actions.path_of(key.name): number for number, key in enumerate(blocks) if self._counts[number]}
        if animation.use_nla and any(track.strips for track in animation.nla_tracks):
            return {}, list(paths.values())
        keyed = {curve.data_path for curve in fcurves.curves_of(keys) or ()} & set(paths)
        driven = {curve.data_path for curve in animation.drivers} & set(paths)
        told = {paths[path]: path for path in keyed - driven if paths[path] not in self._stands}
        return told, sorted({paths[path] for path in keyed | driven})


def structure(mesh: bpy.types.Mesh) -> Hashable:
    """What makes Looks stale when it changes, as far as it is cheap to ask at each frame."""
    keys = mesh.shape_keys
    told = (len(keys.key_blocks), keys.use_relative) if keys is not None else None
    return len(mesh.vertices), told, len(mesh.mien.bakes), mesh.mien.active


def _stand_of_driven(mesh: bpy.types.Mesh) -> dict[int, tuple[str, float]]:
    """Numbers of the artist's keys that a bake moves -> their data paths, and where they stood before it."""
    playing = records.active_of(mesh)
    driven = playing.driven_names if playing is not None else ()
    before = mesh.mien.state.get("values", {}) if driven else {}
    blocks = mesh.shape_keys.key_blocks
    return {
        blocks.find(name): (actions.path_of(name), float(before.get(name, 0.0))) for name in driven if name in blocks
    }


def _curves_before(mesh: bpy.types.Mesh) -> fcurves.Curves | None:
    """What moved the artist's keys before there was any bake."""
    action = mesh.mien.base_action
    return None if action is None else fcurves.curves_in(action, actions.slot_in(action, mesh.mien.slot))
