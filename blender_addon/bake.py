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
    from collections.abc import Iterator

    from numpy.typing import NDArray

BYTES_A_VERTEX = 12
"""What one vertex of one shape key costs."""


class Writer:
    """Bakes frames as they come: one relative shape key each, "mien NNNN" after its frame, at 1 on its frame alone.

    Between two frames the face is halfway between them; before the first and after the last it is at rest. Existing
    shape keys and their animation stay as they are; an earlier bake is replaced once the new one is complete. Until
    `finish` the new keys stand at 0 and nothing shows; `abort` takes them away. The object's record names them from
    the start, so that "Remove Bake" clears up even after a crash.

    Args:
        obj: the face, local, not in Edit Mode.
        indices: (P,) the object's vertices that move.
        start: scene frame of the first.
        about: what else the record shall hold (JSON).
    """

    def __init__(self, obj: bpy.types.Object, indices: NDArray[np.int32], start: int, about: dict[str, Any]) -> None:
        self._object, self._start, self._about = obj, start, about
        self._rest = basis_positions(obj.data)
        self._moved = self._rest.copy()
        whole = len(indices) == len(self._rest) and np.array_equal(indices, np.arange(len(indices)))
        self._indices: Any = slice(None) if whole else indices
        self._rest = self._rest[self._indices]
        keys = obj.data.shape_keys
        # The very text, so that `abort` puts back what was there, whatever it was.
        self._old_text = keys.get(BAKED) if keys else None
        self._old = record_of(keys)
        self._record: dict[str, Any] = {**_before(obj), **{key: self._old[key] for key in _STATE if key in self._old}}
        self._names: list[str] = []
        self._closed = False

    def add(self, offsets: NDArray[np.float32]) -> None:
        """Writes the next frames.

        Args:
            offsets: (n, P, 3) object units, added to the Basis.

        Raises:
            MotionError: offsets that are not finite.
        """
        flat = offsets.reshape(-1)
        with np.errstate(over="ignore", invalid="ignore"):
            finite = np.isfinite(np.dot(flat, flat))
        if not finite:
            raise MotionError("The generator gave values that are not finite numbers; nothing was changed.")
        obj = self._object
        if obj.data.shape_keys is None:
            obj.shape_key_add(name="Basis", from_mix=False)
        for frame in offsets:
            key = obj.shape_key_add(name=key_name(self._start + len(self._names)), from_mix=False)
            self._names.append(key.name)
            key.value = 0.0
            if isinstance(self._indices, slice):
                np.add(self._rest, frame, out=self._moved)
            else:
                self._moved[self._indices] = self._rest + frame
            key.points.foreach_set("co", self._moved.reshape(-1))
        obj.active_shape_key_index = self._record["active"]
        self._note([*self._old.get("names", []), *self._names], unfinished=True)

    def finish(self) -> list[str]:
        """Animates the keys, and takes an earlier bake away.

        Returns:
            The names of the keys.

        Raises:
            MotionError: there is no frame.
            MeshError: the animation of the shape keys cannot take F-curves.
        """
        if not self._names:
            raise MotionError("There is no frame to bake.", "Choose a last frame after the first.")
        obj = self._object
        _add_curves(obj, self._start, self._names)
        # A name of the old bake may be a new key's by now: the old key was renamed or deleted by hand.
        _remove_keys(obj, [name for name in self._old.get("names", []) if name not in self._names])
        keys = obj.data.shape_keys
        for number, name in enumerate(self._names):
            key = keys.key_blocks[name]
            # A name that the old bake held is free now; Blender corrects the path of the curve.
            if name != key_name(self._start + number):
                key.name = key_name(self._start + number)
                self._names[number] = key.name
        self._note(self._names)
        self._closed = True
        _show(obj, self._start, self._names)
        return self._names

    def abort(self) -> None:
        """Takes the new keys away; the object is as it was before. An object that is gone needs nothing."""
        if self._closed:
            return
        self._closed = True
        obj = self._object
        with contextlib.suppress(ReferenceError), _out_of_edit_mode(obj):
            _remove_keys(obj, self._names)
            keys = obj.data.shape_keys
            if keys is not None and self._old:
                keys[BAKED] = self._old_text
            elif keys is not None:
                _leave(obj, self._record)
        self._names = []

    def _note(self, names: list[str], **more: Any) -> None:
        span = {"start": self._start, "end": self._start + len(self._names) - 1}
        self._object.data.shape_keys[BAKED] = json.dumps(
            {**self._record, **self._about, **span, **more, "names": names}
        )


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
    if obj.mode != "OBJECT" or obj.data.is_editmode or obj.library or obj.data.library:
        raise MeshError(f"{obj.name} cannot be changed now.", "Make it local, and go to Object Mode.")
    keys = obj.data.shape_keys
    if fcurves.is_shared(keys):
        # A copy of the face that plays the same action: the curves belong to the other one as well.
        keys.animation_data.action = None
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


def _add_curves(obj: bpy.types.Object, start: int, names: list[str]) -> None:
    curves = fcurves.curves_of(obj.data.shape_keys, create=f"{obj.name} Mien bake")
    for frame, name in enumerate(names, start):
        fcurves.write(curves, _path(name), [frame - 1, frame, frame + 1], [0.0, 1.0, 0.0])


@contextlib.contextmanager
def _out_of_edit_mode(obj: bpy.types.Object) -> Iterator[None]:
    """In Edit Mode Blender keeps shape keys of its own, and brings removed ones back when it is left."""
    editing = obj.mode == "EDIT"
    if editing:
        with bpy.context.temp_override(active_object=obj, object=obj):
            bpy.ops.object.mode_set(mode="OBJECT")
    yield
    if editing:
        with bpy.context.temp_override(active_object=obj, object=obj):
            bpy.ops.object.mode_set(mode="EDIT")


def _path(name: str) -> str:
    return f'key_blocks["{bpy.utils.escape_identifier(name)}"].value'


def _remove_keys(obj: bpy.types.Object, names: list[str]) -> int:
    keys = obj.data.shape_keys
    if keys is None or not names:
        return 0
    if not fcurves.is_shared(keys):
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
