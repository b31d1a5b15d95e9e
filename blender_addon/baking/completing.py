"""Finishing a bake: on record while it is made, then animated, in the place of an earlier one, and playing.

All of it for everybody who performs: the face first, then the parts that play along (see alongside.py).
"""

# mypy: disable-error-code="no-any-return"
from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import bpy

from ..engine import MeshError
from . import actions, alongside, artist, bakes, records
from .bake_cache import CacheWriter
from .records import bakes_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..shaping import Shaper
    from .bake import Writer
    from .records import MienBake


@dataclass
class Role:
    """What one object does in a bake.

    Attributes:
        obj: the face, or a part.
        writer: what makes its keys.
        shaper: from the template's deformation to its offsets.
        vertices: how many its mesh has.
        leader: the face of a part; None for the face itself.
        before: what its mesh was like without any bake: as it is, or as it was when the first was made.
    """

    obj: bpy.types.Object
    writer: Writer
    shaper: Shaper
    vertices: int
    leader: bpy.types.Object | None = None
    before: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.before = _before_first(self.obj)


def _before_first(obj: bpy.types.Object) -> dict[str, Any]:
    if bakes_of(obj.data):
        return obj.data.mien.state
    keys = obj.data.shape_keys
    animation = keys.animation_data if keys else None
    return {
        "had_basis": keys is not None,
        "had_animation": animation is not None,
        "slot": actions.slot_of(keys) if keys else 0,
        "active": obj.active_shape_key_index,
        "relative": keys.use_relative if keys else True,
        "eval_time": keys.eval_time if keys else 0.0,
        "values": {key.name: key.value for key in keys.key_blocks} if keys else {},
    }


def stage(role: Role, about: dict[str, Any]) -> None:
    """Puts an unfinished bake on record, or what it has made since; the last one of the list.

    Args:
        role: of one object.
        about: what is known of the bake.
    """
    writer = role.writer
    if not writer.names:
        return
    own = role.obj.data.mien
    if not writer.staged:
        _remember(role)
        own.bakes.add().unfinished = writer.staged = True
    entry = own.bakes[-1]
    with records.silence():
        entry.name = f"{writer.plan.name} (unfinished)"
    entry.about = {**about, "names": writer.names}


def unstage(role: Role) -> None:
    """Takes the unfinished bake off the record; where it would have been the first, the mesh is as it was."""
    own = role.obj.data.mien
    if role.writer.staged:
        own.bakes.remove(len(own.bakes) - 1)
    if not len(own.bakes):
        bakes.leave(role.obj, role.before, None)
        own.before, own.base_action = "{}", None


def _remember(role: Role) -> None:
    own = role.obj.data.mien
    records.guard_pointers(role.obj.data)
    if not len(own.bakes):
        own.state, own.base_action = role.before, actions.action_of(role.obj.data.shape_keys)


def complete(cast: Sequence[Role], about: dict[str, Any], replaced: int) -> int:
    """Animates what the writers made, puts it on record and lets it play; all or nothing until the old one goes.

    Args:
        cast: the face and its parts; their writers are closed.
        about: what the face's record shall hold.
        replaced: number of the face's bake that it takes the place of; -1 for none.

    Returns:
        Its number.
    """
    face, *parts = cast
    own = face.obj.data.mien
    for role in cast:
        _remember(role)
        _check_tweaked(role.obj)
    for obj in alongside.led_by(face.obj.data):
        bakes.check_free(obj)  # also parts that left the list: their old keys go
    for role in cast:
        alongside.settle(role.obj.data.mien)
    action = _animated(face) if face.writer.animates else None
    for role in cast:
        if isinstance(role.writer, CacheWriter):
            role.writer.play()
    old = own.bakes[replaced] if replaced >= 0 else None
    uid = (old.uid if old is not None else "") or uuid.uuid4().hex
    places = {part.obj.data: alongside.number_in(part.obj.data, face.obj.data, old) for part in parts}
    if old is not None:
        _take_away(cast, old)
    for role in cast:
        role.writer.settle(actions.curves_in(action) if action is not None and role is face else None)
    number = _record(face, about, replaced, action, uid)
    for part in parts:
        shared = action is not None and _plays_with(part, face, own.bakes[number])
        alone = _animated(part) if part.writer.animates and not shared else None
        entry = own.bakes[number]
        place = _record(part, _of_part(about), places[part.obj.data], entry.action if shared else alone, uid)
        part.obj.data.mien.bakes[place].shared = shared
    bakes.choose(own, number)
    return number


def _take_away(cast: Sequence[Role], old: MienBake) -> None:
    """The earlier bake goes: from the parts first, then from the face, which keeps its place in the list."""
    face, *parts = cast
    names = {role.obj.data: role.writer.names for role in cast}
    for obj in alongside.led_by(face.obj.data):
        number = alongside.number_in(obj.data, face.obj.data, old)
        if number < 0:
            continue
        if obj.data in [part.obj.data for part in parts]:
            bakes.take_away(obj, obj.data.mien.bakes[number], keep=names[obj.data])
        else:
            bakes.remove_here(obj, number)
    bakes.take_away(face.obj, old, keep=names[face.obj.data])


def _record(role: Role, about: dict[str, Any], replaced: int, action: bpy.types.Action | None, uid: str) -> int:
    """Puts a finished bake on the record of one mesh; returns its number."""
    own, writer = role.obj.data.mien, role.writer
    staged = len(own.bakes) - 1 if writer.staged else -1
    number = replaced if replaced >= 0 else staged
    if number < 0:
        own.bakes.add()
        number = len(own.bakes) - 1
    entry = own.bakes[number]
    with records.silence():
        entry.name = writer.plan.name
    entry.way, entry.action, entry.unfinished = about["way"], action, False
    entry.leader, entry.uid, entry.shared = role.leader, uid, False
    entry.about = {**about, **writer.about(), "names": writer.names, "driven": writer.driven}
    if staged >= 0 and staged != number:
        own.bakes.remove(staged)
    if action is not None and role.leader is None:
        action.name = f"{role.obj.name} {own.bakes[number].name}"[:63]
    return number


def _of_part(about: dict[str, Any]) -> dict[str, Any]:
    """What a part remembers: how to find its keys and when they play; the performance is the face's."""
    return {name: about[name] for name in ("mien", "way", "start", "end", "step", "fps", "error_mm") if name in about}


def _animated(role: Role) -> bpy.types.Action:
    """The action of a new bake: the artist's own curves, and the bake's."""
    own, keys, writer = role.obj.data.mien, role.obj.data.shape_keys, role.writer
    paths = artist.paths_of_mien(own) | {actions.path_of(name) for name in [*writer.names, *writer.driven]}
    action = actions.make(own.base_action, own.slot, f"{role.obj.name} {writer.plan.name}"[:63], paths)
    try:
        writer.animate(actions.curves_in(action, keys))
    except BaseException:
        bpy.data.actions.remove(action)
        raise
    return action


def _check_tweaked(obj: bpy.types.Object) -> None:
    keys = obj.data.shape_keys
    if keys is not None and keys.animation_data is not None and keys.animation_data.use_tweak_mode:
        raise MeshError(f"An NLA strip of {obj.name}'s shape keys is being tweaked.", "Leave the tweak mode (Tab).")


def _plays_with(part: Role, face: Role, entry: MienBake) -> bool:
    """Whether the face's action can be the part's too: same keys, and no animation of either disturbs the other."""
    if not part.writer.plays_like(face.writer):
        return False
    led, leading, keys = part.obj.data.mien, face.obj.data.mien, part.obj.data.shape_keys
    if artist.base_curves(led):
        return led.base_action == leading.base_action and led.slot == leading.slot
    mine = artist.paths_of_mien(leading, entry)
    others = {curve.data_path for curve in actions.curves_in(entry.action) or ()} - mine
    return not any(actions.path_of(key.name) in others for key in keys.key_blocks)
