"""Actions of their own for bakes: made from what animates the shape keys already, assigned, and taken away again."""

# mypy: disable-error-code="no-any-return"
from __future__ import annotations

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


def make(keys: bpy.types.Key, name: str, without: Iterable[str]) -> bpy.types.Action:
    """A new action for a bake, assigned to nothing yet, with a copy of what animates the shape keys now.

    Args:
        keys: the mesh's Key.
        name: of the action.
        without: data paths that are left out: curves of other bakes.
    """
    animation = keys.animation_data
    current = animation.action if animation else None
    if current is None:
        return bpy.data.actions.new(name)
    action = current.copy()
    action.name = name
    if hasattr(action, "slots"):
        # The curves of others in the same action stay theirs alone.
        own = getattr(animation.action_slot, "identifier", None)
        for slot in [one for one in action.slots if one.identifier != own]:
            action.slots.remove(slot)
    strip(curves_in(action), without)
    return action


def curves_in(action: bpy.types.Action, key: bpy.types.Key | None = None) -> Curves | None:
    """The curves of a bake's action; with a Key, what they need is made where it lacks."""
    if not hasattr(action, "slots"):
        return action.fcurves
    if key is None:
        return fcurves.curves_in(action, action.slots[0]) if len(action.slots) else None
    slot = action.slots[0] if len(action.slots) else action.slots.new(id_type=key.id_type, name=key.name)
    layer = action.layers[0] if action.layers else action.layers.new("Layer")
    one = layer.strips[0] if layer.strips else layer.strips.new(type="KEYFRAME")
    return one.channelbag(slot, ensure=True).fcurves


def assign(keys: bpy.types.Key, action: bpy.types.Action | None, slot: str = "") -> None:
    """Lets an action animate the shape keys; None for nothing.

    Args:
        keys: the mesh's Key.
        action: the action.
        slot: identifier of the slot, since Blender 4.4; empty for the first one.
    """
    if action is None:
        if keys.animation_data is not None:
            keys.animation_data.action = None
        return
    animation = keys.animation_data or keys.animation_data_create()
    if animation.action != action:
        animation.action = action
    if hasattr(action, "slots") and len(action.slots):
        named = [one for one in action.slots if one.identifier == slot]
        animation.action_slot = (named or list(action.slots))[0]


def slot_of(keys: bpy.types.Key) -> str:
    """Identifier of the slot that animates the shape keys; empty where there is none."""
    return getattr(getattr(keys.animation_data, "action_slot", None), "identifier", "")


def strip(curves: Curves | None, paths: Iterable[str]) -> None:
    """Takes the curves of these paths out."""
    gone = set(paths)
    for curve in [one for one in curves or () if one.data_path in gone]:
        curves.remove(curve)


def hold_at_rest(curves: Curves, names: Iterable[str]) -> None:
    """One key at 0 for each shape key that has no curve yet.

    Exporters that write every action as a clip would else let what plays in one leak into the next.
    """
    there = {curve.data_path for curve in curves}
    for name in names:
        if path_of(name) not in there:
            fcurves.write(curves, path_of(name), [0.0], [0.0])


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


def copy_curves(curves: Iterable[bpy.types.FCurve], to: Curves | None) -> None:
    """Adds copies of curves, keys and handles alike, where there is no curve of that path yet."""
    if to is None:
        return
    there = {curve.data_path for curve in to}
    for curve in curves:
        if curve.data_path not in there:
            copy = to.new(curve.data_path, index=curve.array_index)
            fcurves.set_keys(copy, fcurves.keys_of(curve))
