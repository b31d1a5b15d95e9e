"""Actions of their own for bakes: made from what animates the shape keys already, assigned, and taken away again."""

# mypy: disable-error-code="no-any-return"
from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import bpy
import numpy as np

from .. import fcurves

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from ..fcurves import Curves


def path_of(name: str) -> str:
    """The data path of a shape key's value, from the Key on."""
    return f'key_blocks["{bpy.utils.escape_identifier(name)}"].value'


def make(base: bpy.types.Action | None, slot: int, name: str, without: Iterable[str]) -> bpy.types.Action:
    """A new action for a bake, assigned to nothing yet, with a copy of the artist's own curves.

    Args:
        base: what animates the shape keys without Mien; None for nothing.
        slot: handle of its slot, since Blender 4.4.
        name: of the action.
        without: data paths that are left out.
    """
    if base is None:
        return bpy.data.actions.new(name)
    action = base.copy()
    action.name = name
    if hasattr(action, "slots"):
        # The curves of others in the same action stay theirs alone.
        for other in [one for one in action.slots if one.handle != slot]:
            action.slots.remove(other)
    strip(curves_in(action), without)
    return action


def curves_in(action: bpy.types.Action, key: bpy.types.Key | None = None) -> Curves | None:
    """The curves of a bake's action; with a Key, what they need is made where it lacks."""
    if not hasattr(action, "slots"):
        return action.fcurves
    if key is None:
        return fcurves.curves_in(action, action.slots[0]) if len(action.slots) else None
    slot = action.slots[0] if len(action.slots) else action.slots.new(id_type=key.id_type, name=key.name)
    return fcurves.made_in(action, slot)


def action_of(keys: bpy.types.Key | None) -> bpy.types.Action | None:
    """What animates the shape keys; None where nothing does, or there are none."""
    return keys.animation_data.action if keys is not None and keys.animation_data else None


def assign(keys: bpy.types.Key, action: bpy.types.Action | None, slot: int = 0) -> None:
    """Lets an action animate the shape keys; None for nothing.

    Args:
        keys: the mesh's Key.
        action: the action.
        slot: handle of the slot, since Blender 4.4; 0 for the first that is for shape keys.
    """
    if action is None:
        if keys.animation_data is not None:
            keys.animation_data.action = None
        return
    animation = keys.animation_data or keys.animation_data_create()
    if animation.action != action:
        animation.action = action
    if hasattr(action, "slots"):
        chosen = slot_in(action, slot)
        if chosen is not None:
            animation.action_slot = chosen


def slot_in(action: bpy.types.Action, handle: int) -> object | None:
    """The slot of this handle, else the first one for shape keys; None where there is neither (or no slots at all)."""
    slots = list(getattr(action, "slots", ()))
    named = [one for one in slots if one.handle == handle]
    return next(iter(named or [one for one in slots if one.target_id_type == "KEY"]), None)


def slot_of(keys: bpy.types.Key) -> int:
    """Handle of the slot that animates the shape keys; 0 where there is none."""
    return getattr(getattr(keys.animation_data, "action_slot", None), "handle", 0)


def strip(curves: Curves | None, paths: Iterable[str]) -> None:
    """Takes the curves of these paths out."""
    gone = set(paths)
    for curve in [one for one in curves or () if one.data_path in gone]:
        curves.remove(curve)


def signature(curves: Curves | None) -> Hashable:
    """What curves say; equal for equal animation."""
    found = []
    for curve in curves or ():
        points = np.empty((3, 2 * len(curve.keyframe_points)), np.float32)
        for row, name in zip(points, ("co", "handle_left", "handle_right"), strict=True):
            curve.keyframe_points.foreach_get(name, row)
        kinds = tuple(point.interpolation for point in curve.keyframe_points)
        found.append((curve.data_path, curve.array_index, points.tobytes(), kinds, len(curve.modifiers), curve.mute))
    return tuple(sorted(found))


def make_alike(curves: Iterable[bpy.types.FCurve], to: Curves, keep: Iterable[str]) -> None:
    """Lets `to` hold copies of these curves and nothing else, but for the paths in `keep`, which stay as they are."""
    kept = set(keep)
    wanted = {(curve.data_path, curve.array_index): curve for curve in curves if curve.data_path not in kept}
    for old in [one for one in to if one.data_path not in kept]:
        same = wanted.get((old.data_path, old.array_index))
        if same is not None and signature([same]) == signature([old]):
            del wanted[old.data_path, old.array_index]
        else:
            to.remove(old)
    for (path, index), curve in wanted.items():
        copy = to.new(path, index=index)
        fcurves.set_keys(copy, fcurves.keys_of(curve))
        copy.extrapolation, copy.mute, copy.lock = curve.extrapolation, curve.mute, curve.lock
        for modifier in curve.modifiers:
            _copy_modifier(modifier, copy)


def _copy_modifier(modifier: bpy.types.FModifier, to: bpy.types.FCurve) -> None:
    copy = to.modifiers.new(modifier.type)
    for setting in modifier.bl_rna.properties:
        if not setting.is_readonly and setting.identifier != "type":
            with contextlib.suppress(AttributeError, TypeError, ValueError):
                setattr(copy, setting.identifier, getattr(modifier, setting.identifier))
