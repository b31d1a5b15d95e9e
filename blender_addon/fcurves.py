"""F-curves in every Blender from 4.2 on; the only maker of F-curves in the extension."""

# mypy: disable-error-code="no-any-return"
from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import bpy
import numpy as np

from .engine import MeshError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Curves = bpy.types.bpy_prop_collection[Any]

LINEAR = bpy.types.Keyframe.bl_rna.properties["interpolation"].enum_items["LINEAR"].value

Keys: TypeAlias = dict[str, "NDArray[Any]"]
"""All that a curve's keys hold, a row each: what `KEY_FIELDS` names. "co" is (n, 2) frames and values; "handle_left"
and "handle_right" are (n, 2) seen from their key."""

KEY_FIELDS = {
    "co": np.float32,
    "handle_left": np.float32,
    "handle_right": np.float32,
    "handle_left_type": np.int32,
    "handle_right_type": np.int32,
    "interpolation": np.int32,
    "easing": np.int32,
    "type": np.int32,
    "amplitude": np.float32,
    "back": np.float32,
    "period": np.float32,
    "select_control_point": np.bool_,
    "select_left_handle": np.bool_,
    "select_right_handle": np.bool_,
}
_PAIRS = ("co", "handle_left", "handle_right")


def curves_of(owner: bpy.types.ID, create: str = "") -> Curves | None:
    """The F-curves that animate an ID: slots and channel bags since 4.4, plain before.

    Args:
        owner: an object, a Key.
        create: the name of the action to make where there is none; empty to make nothing.

    Returns:
        The collection; None where nothing animates the ID and nothing was to be made.

    Raises:
        MeshError: the action belongs to another file, or animates others as well, or the NLA is being tweaked.
    """
    animation = owner.animation_data
    action = animation.action if animation else None
    if not create:
        return None if action is None else curves_in(action, getattr(animation, "action_slot", None))
    if animation is None:
        animation = owner.animation_data_create()
    check_writable(owner)
    if action is None:
        action = bpy.data.actions.new(create)
        animation.action = action
    if not hasattr(action, "slots"):
        return action.fcurves
    if animation.action_slot is None:
        animation.action_slot = action.slots.new(id_type=owner.id_type, name=owner.name)
    return made_in(action, animation.action_slot)


def made_in(action: bpy.types.Action, slot: object) -> Curves:
    """The F-curves of an action's slot, since Blender 4.4; layer, strip and channel bag are made where they lack."""
    layer = action.layers[0] if action.layers else action.layers.new("Layer")
    strip = layer.strips[0] if layer.strips else layer.strips.new(type="KEYFRAME")
    return strip.channelbag(slot, ensure=True).fcurves


def curves_in(action: bpy.types.Action, slot: object | None = None) -> Curves | None:
    """The F-curves of an action, since Blender 4.4 those of a slot; None where the slot has none."""
    if not hasattr(action, "slots"):
        return action.fcurves
    if slot is None or not action.layers or not action.layers[0].strips:
        return None
    bag = action.layers[0].strips[0].channelbag(slot)
    return bag.fcurves if bag else None


def is_shared(owner: bpy.types.ID) -> bool:
    """Whether the curves that animate an ID animate others as well."""
    animation = owner.animation_data
    action = animation.action if animation else None
    if action is None:
        return False
    if hasattr(action, "slots"):
        users = len(animation.action_slot.users()) if animation.action_slot else 1
    else:
        found = bpy.data.user_map(subset={action})[action]
        users = sum(getattr(getattr(one, "animation_data", None), "action", None) == action for one in found)
    return bool(users > 1)


def check_writable(owner: bpy.types.ID) -> None:
    """Curves may be added to an action, or changed, only where they move this ID alone. Changes nothing.

    Raises:
        MeshError: see `curves_of`.
    """
    animation = owner.animation_data
    if animation is not None and animation.use_tweak_mode:
        raise MeshError(f"An NLA strip of {owner.name} is being tweaked.", "Leave the NLA's tweak mode (Tab).")
    action = animation.action if animation else None
    if action is None:
        return
    if action.library is not None:
        raise MeshError(f"The animation {action.name} is linked from another file.", "Make it local first.")
    if is_shared(owner):
        raise MeshError(
            f"{owner.name} shares the animation {action.name} with others.", "Make it a single-user copy first."
        )


def write(curves: Curves, path: str, frames: Sequence[float], values: Sequence[float]) -> bpy.types.FCurve:
    """A new curve with linear keys; a curve that animates the same path is replaced.

    Args:
        curves: see `curves_of`.
        path: what is animated, from the ID on.
        frames: (n,) ascending.
        values: (n,).
    """
    old = curves.find(path)
    if old is not None:
        curves.remove(old)
    curve = curves.new(path)
    curve.keyframe_points.add(len(frames))
    fill(curve, np.column_stack([frames, values]))
    return curve


def fill(curve: bpy.types.FCurve, keys: NDArray[np.float64]) -> None:
    """Sets all of a curve's keys: (n, 2) frames and values, linear."""
    curve.keyframe_points.foreach_set("co", np.ascontiguousarray(keys, np.float32).ravel())
    curve.keyframe_points.foreach_set("interpolation", np.full(len(keys), LINEAR, np.int32))
    curve.update()


def hold_handles(point: bpy.types.Keyframe) -> None:
    """Frees a key's handles where they stand: Blender moves automatic ones when keys come or go beside them."""
    places = point.handle_left.copy(), point.handle_right.copy()
    point.handle_left_type = point.handle_right_type = "FREE"
    point.handle_left, point.handle_right = places


def split(curve: bpy.types.FCurve, frame: float) -> bool:
    """Puts a key on a curve without changing it: exact for straight, stepped and Bezier pieces.

    Returns:
        False where the piece is of another kind, and nothing was done. Before the first key and behind the last one
        there is nothing to split.
    """
    points = curve.keyframe_points
    number = sum(point.co.x <= frame for point in points) - 1
    if not 0 <= number < len(points) - 1 or points[number].co.x == frame:
        return True
    start, end = points[number], points[number + 1]
    kind = start.interpolation
    if kind not in {"LINEAR", "CONSTANT", "BEZIER"}:
        return False
    value, pieces = curve.evaluate(frame), None if kind != "BEZIER" else _cut(_bezier(start, end), frame)
    hold_handles(start)
    hold_handles(end)
    points.insert(frame, value, options={"FAST"})
    # Blender's array is a new one now, and its own idea of the handles is in it.
    start, middle, end = (points[number + step] for step in range(3))
    middle.interpolation = kind
    if pieces is not None:
        middle.handle_left_type = middle.handle_right_type = "FREE"
        start.handle_right, middle.handle_left, middle.handle_right, end.handle_left = pieces
    curve.update()
    return True


def _bezier(start: bpy.types.Keyframe, end: bpy.types.Keyframe) -> NDArray[np.float64]:
    """(4, 2) control points of a piece, as Blender evaluates it: handles that overlap in time are shortened."""
    points = np.array([start.co, start.handle_right, end.handle_left, end.co], np.float64)
    out, back, length = points[1] - points[0], points[3] - points[2], points[3, 0] - points[0, 0]
    reach = abs(out[0]) + abs(back[0])
    if reach > length:
        points[1], points[2] = points[0] + out * length / reach, points[3] - back * length / reach
    return points


def _cut(points: NDArray[np.float64], frame: float) -> list[NDArray[np.float64]]:
    """The four new handles of a Bezier piece cut at a frame (de Casteljau): outer, left, right, inner."""
    low, high = 0.0, 1.0
    for _ in range(60):
        part = (low + high) / 2
        weights = np.array([(1 - part) ** 3, 3 * part * (1 - part) ** 2, 3 * part**2 * (1 - part), part**3])
        low, high = (part, high) if weights @ points[:, 0] < frame else (low, part)
    one = points[:-1] + part * np.diff(points, axis=0)
    two = one[:-1] + part * np.diff(one, axis=0)
    return [one[0], two[0], two[1], one[2]]


def replace_span(curve: bpy.types.FCurve, keys: NDArray[np.float64]) -> None:
    """Puts linear keys (n, 2) in the place of those from the first one's frame to the last one's.

    All others stay as they are. A key that stands where a new one comes gets the new value and keeps its handles; how
    the curve goes on behind the last one is not changed either.
    """
    points = curve.keyframe_points
    new = {float(np.float32(frame)): float(value) for frame, value in keys}
    first, last = min(new), max(new)
    for index in reversed([i for i, point in enumerate(points) if first <= point.co.x <= last]):
        if points[index].co.x not in new:
            points.remove(points[index], fast=True)
    for point in points:
        if point.co.x in new:
            hold_handles(point)
            point.co.y = new.pop(point.co.x)
            if point.co.x != last:
                point.interpolation = "LINEAR"
    for frame, value in new.items():
        points.insert(frame, value, options={"FAST"}).interpolation = "LINEAR"
    curve.update()


def keys_of(curve: bpy.types.FCurve) -> Keys:
    """A copy of a curve's keys, in the order of their frames, in double precision where they are numbers."""
    points = curve.keyframe_points
    keys: Keys = {}
    for name, kind in KEY_FIELDS.items():
        flat = np.empty(len(points) * (2 if name in _PAIRS else 1), kind)
        points.foreach_get(name, flat)
        numbers = flat.astype(np.float64) if kind is np.float32 else flat
        keys[name] = numbers.reshape(-1, 2) if name in _PAIRS else numbers
    for side in ("handle_left", "handle_right"):
        keys[side] -= keys["co"]
    order = np.argsort(keys["co"][:, 0], kind="stable")
    return {name: values[order] for name, values in keys.items()}


def set_keys(curve: bpy.types.FCurve, keys: Keys) -> None:
    """Gives a curve these keys, ascending, in the place of all it had; see `keys_of`."""
    points = curve.keyframe_points
    if len(points) != len(keys["co"]):
        points.clear()
        points.add(len(keys["co"]))
    for name, kind in KEY_FIELDS.items():
        values = keys[name] + keys["co"] if name in _PAIRS[1:] else keys[name]
        points.foreach_set(name, np.ascontiguousarray(values, kind).ravel())
    curve.update()


def remove(owner: bpy.types.ID, paths: set[str]) -> None:
    """Removes the curves of these paths; an action of ours left empty stays for `forget`."""
    curves = curves_of(owner)
    if curves is not None:
        for curve in [one for one in curves if one.data_path in paths]:
            curves.remove(curve)


def is_empty(action: bpy.types.Action) -> bool:
    """Whether an action holds no curve at all."""
    if not hasattr(action, "slots"):
        return len(action.fcurves) == 0
    return not any(bag.fcurves for layer in action.layers for strip in layer.strips for bag in strip.channelbags)
