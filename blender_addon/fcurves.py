"""F-curves in every Blender from 4.2 on; the only maker of F-curves in the extension."""

# mypy: disable-error-code="no-any-return"
from __future__ import annotations

from typing import TYPE_CHECKING

import bpy
import numpy as np

from .engine import MeshError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from numpy.typing import NDArray

    Curves = bpy.types.bpy_prop_collection[Any]

LINEAR = bpy.types.Keyframe.bl_rna.properties["interpolation"].enum_items["LINEAR"].value


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
        if action is None:
            return None
        if not hasattr(action, "slots"):
            return action.fcurves
        bag = _bag(action, animation.action_slot)
        return bag.fcurves if bag else None
    if animation is None:
        animation = owner.animation_data_create()
    if animation.use_tweak_mode:
        raise MeshError(f"An NLA strip of {owner.name} is being tweaked.", "Leave the NLA's tweak mode (Tab).")
    if action is None:
        action = bpy.data.actions.new(create)
        animation.action = action
    _check_own(owner, animation)
    if not hasattr(action, "slots"):
        return action.fcurves
    if animation.action_slot is None:
        animation.action_slot = action.slots.new(id_type=owner.id_type, name=owner.name)
    layer = action.layers[0] if action.layers else action.layers.new("Layer")
    strip = layer.strips[0] if layer.strips else layer.strips.new(type="KEYFRAME")
    return strip.channelbag(animation.action_slot, ensure=True).fcurves


def _bag(action: bpy.types.Action, slot: object) -> object | None:
    if slot is None or not action.layers or not action.layers[0].strips:
        return None
    return action.layers[0].strips[0].channelbag(slot)


def is_shared(owner: bpy.types.ID) -> bool:
    """Whether the curves that animate an ID animate others as well."""
    animation = owner.animation_data
    action = animation.action if animation else None
    if action is None:
        return False
    if hasattr(action, "slots"):
        users = len(animation.action_slot.users()) if animation.action_slot else 1
    else:
        users = action.users - action.use_fake_user
    return bool(users > 1)


def _check_own(owner: bpy.types.ID, animation: bpy.types.AnimData) -> None:
    """Curves may be added to an action only where they move this ID alone."""
    action = animation.action
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


def replace_span(curve: bpy.types.FCurve, first: float, last: float, keys: NDArray[np.float64]) -> None:
    """Puts linear keys (n, 2) in the place of those from `first` to `last`; all others stay as they are."""
    points = curve.keyframe_points
    for index in reversed([i for i, point in enumerate(points) if first <= point.co.x <= last]):
        points.remove(points[index], fast=True)
    for frame, value in keys:
        points.insert(float(frame), float(value), options={"FAST"}).interpolation = "LINEAR"
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
