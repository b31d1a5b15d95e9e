"""Deformations -> relative shape keys and their F-curves, and away again. The new is made before the old goes."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import bpy
import numpy as np

from . import fcurves
from .engine import MeshError, MotionError
from .rest import BAKED, basis_positions, record_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

BYTES_A_VERTEX = 12
"""What one vertex of one shape key costs."""


def write(
    obj: bpy.types.Object,
    indices: NDArray[np.int32],
    offsets: NDArray[np.float32],
    start: int,
    about: dict[str, Any],
) -> list[str]:
    """Bakes frames: one relative shape key each, "mien NNNN" after its frame, at 1 on its frame and 0 on all others.

    Between two frames the face is halfway between them; before the first and after the last it is at rest. Existing
    shape keys and their animation stay as they are; an earlier bake is replaced once the new one is complete. Whatever
    fails, the object is as it was before.

    Args:
        obj: the face, local, not in Edit Mode.
        indices: (P,) the object's vertices that move.
        offsets: (n, P, 3) object units, added to the Basis.
        start: scene frame of the first.
        about: what else the record shall hold (JSON).

    Returns:
        The names of the keys.

    Raises:
        MotionError: offsets that are not finite, or no frames.
        MeshError: the animation of the shape keys cannot take F-curves.
    """
    if len(offsets) == 0:
        raise MotionError("There is no frame to bake.", "Choose a last frame after the first.")
    if not np.isfinite(offsets).all():
        raise MotionError("The generator gave values that are not finite numbers; nothing was changed.")
    old = record_of(obj.data.shape_keys)
    record: dict[str, Any] = {**_before(obj), **{key: old[key] for key in _STATE if key in old}, "names": []}
    try:
        _add_keys(obj, indices, offsets, start, record)
        _add_curves(obj, start, record)
    except BaseException:
        _remove_keys(obj, record["names"])
        if not old:
            _leave(obj, record)
        raise
    _remove_keys(obj, old.get("names", []))
    keys = obj.data.shape_keys
    names: list[str] = []
    for number, name in enumerate(record["names"]):
        key = keys.key_blocks[name]
        # A name that the old bake held is free now; Blender corrects the path of the curve.
        if name != key_name(start + number):
            key.name = key_name(start + number)
        names.append(key.name)
    about = {**about, "start": start, "end": start + len(offsets) - 1}
    keys[BAKED] = json.dumps({**record, **about, "names": names})
    _show(obj, start, names)
    return names


def remove(obj: bpy.types.Object) -> int:
    """Takes Mien's shape keys and their curves away; the object is as it was before the first bake.

    Returns:
        How many keys were removed.

    Raises:
        MeshError: there is nothing to remove, or the object cannot be changed now.
    """
    record = record_of(obj.data.shape_keys)
    if not record:
        raise MeshError(f"{obj.name} has no bake of Mien.")
    if obj.mode != "OBJECT" or obj.library or obj.data.library:
        raise MeshError(f"{obj.name} cannot be changed now.", "Make it local, and go to Object Mode.")
    removed = _remove_keys(obj, record["names"])
    _leave(obj, record)
    return removed


def key_name(frame: int) -> str:
    """The name of the shape key of a frame."""
    return f"mien {frame:04d}"


_STATE = ("had_basis", "had_animation", "had_action", "active")


def _before(obj: bpy.types.Object) -> dict[str, Any]:
    """What `_leave` must know to leave the object as it was."""
    keys = obj.data.shape_keys
    animation = keys.animation_data if keys else None
    return {
        "had_basis": keys is not None,
        "had_animation": animation is not None,
        "had_action": animation is not None and animation.action is not None,
        "active": obj.active_shape_key_index,
    }


def _add_keys(
    obj: bpy.types.Object,
    indices: NDArray[np.int32],
    offsets: NDArray[np.float32],
    start: int,
    record: dict[str, Any],
) -> None:
    rest = basis_positions(obj.data)
    if obj.data.shape_keys is None:
        obj.shape_key_add(name="Basis", from_mix=False)
    flat = rest.ravel()
    for number, frame in enumerate(offsets):
        key = obj.shape_key_add(name=key_name(start + number), from_mix=False)
        record["names"].append(key.name)
        key.value = 0.0
        moved = flat.copy()
        moved.reshape(-1, 3)[indices] += frame
        key.points.foreach_set("co", moved)
    obj.active_shape_key_index = record["active"]


def _add_curves(obj: bpy.types.Object, start: int, record: dict[str, Any]) -> None:
    curves = fcurves.curves_of(obj.data.shape_keys, create=f"{obj.name} Mien bake")
    for number, name in enumerate(record["names"]):
        frame = start + number
        fcurves.write(curves, _path(name), [frame - 1, frame, frame + 1], [0.0, 1.0, 0.0])


def _path(name: str) -> str:
    return f'key_blocks["{bpy.utils.escape_identifier(name)}"].value'


def _remove_keys(obj: bpy.types.Object, names: list[str]) -> int:
    keys = obj.data.shape_keys
    if keys is None or not names:
        return 0
    fcurves.remove(keys, {_path(name) for name in names})
    active = obj.active_shape_key_index
    found = [keys.key_blocks[name] for name in names if name in keys.key_blocks]
    for key in reversed(found):
        obj.shape_key_remove(key)
    obj.active_shape_key_index = active
    return len(found)


def _leave(obj: bpy.types.Object, record: dict[str, Any]) -> None:
    """Undo what the first bake had to make besides its keys, unless someone uses it by now."""
    keys = obj.data.shape_keys
    if keys is None:
        return
    if keys.get(BAKED) is not None:
        del keys[BAKED]
    animation = keys.animation_data
    action = animation.action if animation else None
    if action and not record["had_action"] and fcurves.is_empty(action):
        animation.action = None
        if action.users == 0:
            bpy.data.actions.remove(action)
    idle = animation and not (animation.action or animation.drivers or animation.nla_tracks)
    if idle and not record["had_animation"]:
        keys.animation_data_clear()
    if not record["had_basis"] and len(keys.key_blocks) == 1:
        obj.shape_key_remove(keys.key_blocks[0])
    with contextlib.suppress(IndexError):
        obj.active_shape_key_index = record["active"]
    obj.data.update()


def _show(obj: bpy.types.Object, start: int, names: list[str]) -> None:
    """The frame on which the scene stands shows its key at once, without evaluating the whole scene again."""
    for scene in obj.users_scene:
        number = scene.frame_current - start
        if 0 <= number < len(names):
            obj.data.shape_keys.key_blocks[names[number]].value = 1.0
    obj.data.update()
