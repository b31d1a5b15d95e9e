"""The artist's own animation of the shape keys: in one action, the base, and alike in the action of every bake.

Only one action animates a mesh's shape keys at a time. While a bake plays, the artist's curves play from its action and
are changed there; so they are brought home before another one plays, and from home into that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

from .. import fcurves
from . import actions, records

if TYPE_CHECKING:
    from .records import MienBake, MienMesh


def paths_of_mien(own: MienMesh, entry: MienBake | None = None) -> set[str]:
    """Data paths that bakes animate: keys of all bakes, and the artist's keys that one of them drives."""
    names = [name for one in own.bakes for name in one.key_names]
    driven = entry.driven_names if entry is not None else []
    return {actions.path_of(name) for name in [*names, *driven]} | {"eval_time"}


def playing_now(own: MienMesh) -> MienBake | None:
    """The bake whose action animates the shape keys at this moment."""
    action = actions.action_of(own.id_data.shape_keys)
    return next((one for one in own.bakes if action is not None and one.action == action), None)


def adopt(own: MienMesh) -> None:
    """Blender copies the action that plays along with a face, and no other: the copy's bake takes it for its own."""
    keys, entry = own.id_data.shape_keys, records.active_of(own.id_data)
    action = actions.action_of(keys)
    if action is None or not len(own.bakes) or action == own.base_action or playing_now(own) is not None:
        return
    if entry is None or entry.action is None:
        _make_base(own, action)
        return
    paths = {actions.path_of(name) for name in [*entry.key_names, *entry.driven_names]} | {"eval_time"}
    here = {curve.data_path for curve in fcurves.curves_of(keys) or ()}
    there = {curve.data_path for curve in actions.curves_in(entry.action) or ()}
    if here & paths and here & paths == there & paths and not fcurves.is_shared(keys):
        entry.action = action
    else:
        _make_base(own, action)


def _make_base(own: MienMesh, action: bpy.types.Action) -> None:
    """An action that the artist has chosen for the shape keys by hand is the one from now on."""
    own.base_action = action
    own.state = {**own.state, "slot": actions.slot_of(own.id_data.shape_keys)}


def unshare(own: MienMesh, entry: MienBake, along: int = 0) -> None:
    """A bake that a copy of the face has as well gets an action of its own before anything is written to it.

    Args:
        own: the bakes of the mesh.
        entry: the bake.
        along: users of the action that are parts which play along.
    """
    action = entry.action
    if action is None:
        return
    keys = own.id_data.shape_keys
    here = 1 + (playing_now(own) == entry and keys.animation_data.action == action)
    if action.users - action.use_fake_user > here + along:
        entry.action = action.copy()
        if here > 1:
            actions.assign(keys, entry.action)


def bring_home(own: MienMesh) -> None:
    """What the artist has keyed while a bake played goes into the base action."""
    entry, keys = playing_now(own), own.id_data.shape_keys
    if entry is None:
        return
    mine = paths_of_mien(own, entry)
    here = [one for one in actions.curves_in(entry.action) or () if one.data_path not in mine]
    there = [one for one in base_curves(own) if one.data_path not in mine]
    if actions.signature(here) == actions.signature(there):
        return
    base = own.base_action
    if base is None:
        base = bpy.data.actions.new(f"{own.id_data.name} keys")
    elif base.library is not None:
        base = base.copy()
    own.base_action = base
    target = _writable(own, keys)
    actions.make_alike(here, target, mine)


def bring_along(own: MienMesh, entry: MienBake) -> None:
    """The artist's curves, as they are in the base action, play beside a bake's."""
    if entry.action is None:
        return
    mine = paths_of_mien(own, entry)
    target = actions.curves_in(entry.action, own.id_data.shape_keys)
    wanted = [one for one in base_curves(own) if one.data_path not in mine]
    here = [one for one in target if one.data_path not in mine]
    if actions.signature(wanted) != actions.signature(here):
        actions.make_alike(wanted, target, mine)


def base_curves(own: MienMesh) -> list[bpy.types.FCurve]:
    """The artist's curves in the base action."""
    base = own.base_action
    if base is None:
        return []
    return list(fcurves.curves_in(base, actions.slot_in(base, own.slot)) or ())


def _writable(own: MienMesh, keys: bpy.types.Key) -> fcurves.Curves:
    base = own.base_action
    if not hasattr(base, "slots"):
        return base.fcurves
    slot = actions.slot_in(base, own.slot) or base.slots.new(id_type=keys.id_type, name=keys.name)
    own.state = {**own.state, "slot": slot.handle}
    return fcurves.made_in(base, slot)
