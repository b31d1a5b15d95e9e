"""Parts that play along: their meshes keep a bake of their own for each bake of the face, tied to it by an id.

The face's action moves the parts too, since their shape keys have the same names; a part with an animation of its own
has an action of its own, so that this goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

from . import actions, artist, renames

if TYPE_CHECKING:
    from .records import MienBake, MienMesh


def led_by(mesh: bpy.types.Mesh) -> list[bpy.types.Object]:
    """One object for each mesh that plays along with some bake of a face's mesh."""
    found: dict[bpy.types.Mesh, bpy.types.Object] = {}
    for obj in bpy.data.objects:
        if obj.type != "MESH" or obj.data == mesh or obj.data in found or obj.library or obj.data.library:
            continue
        if any(is_led(entry, mesh) for entry in obj.data.mien.bakes):
            found[obj.data] = obj
    return list(found.values())


def is_led(entry: MienBake, mesh: bpy.types.Mesh) -> bool:
    """Whether a part's bake plays along with one of this face's mesh."""
    return entry.leader is not None and entry.leader.data == mesh


def number_in(part: bpy.types.Mesh, mesh: bpy.types.Mesh, bake: MienBake | None) -> int:
    """The place of the bake that plays along with a face's, in the list of a part; -1 where there is none."""
    if bake is None or not bake.uid:
        return -1
    every = enumerate(part.mien.bakes)
    return next((number for number, one in every if one.uid == bake.uid and is_led(one, mesh)), -1)


def settle(own: MienMesh) -> None:
    """Takes in what was done by hand since the last time, to a face and to the parts that play along.

    That is: actions of a copied face, new names of shape keys, new keys.
    """
    group = [own, *(one.data.mien for one in led_by(own.id_data))]
    with_keys = [one for one in group if one.id_data.shape_keys is not None]
    for one in with_keys:
        artist.adopt(one)
        pairs = renames.follow(one)
        if pairs:
            # Blender changed the action for all, but only one mesh has the key by its new name.
            for other in with_keys:
                if other != one:
                    renames.rename_too(other, pairs)
        if not _shares(artist.playing_now(one)):
            artist.bring_home(one)
    sync(own)


def sync(own: MienMesh) -> None:
    """Parts that play a face's own actions have those that it has now: it may have been copied since."""
    mesh = own.id_data
    for part in (one.data for one in led_by(mesh)):
        for bake in own.bakes:
            number = number_in(part, mesh, bake)
            entry = part.mien.bakes[number] if number >= 0 else None
            if entry is None or not entry.shared or entry.action == bake.action:
                continue
            plays = artist.playing_now(part.mien) == entry
            entry.action = bake.action
            if plays and bake.action is not None:
                actions.assign(part.shape_keys, bake.action)


def users_of(own: MienMesh, entry: MienBake) -> int:
    """How many times parts that play along use the action of a face's bake."""
    count = 0
    for part in (one.data for one in led_by(own.id_data)):
        number = number_in(part, own.id_data, entry)
        if number >= 0 and part.mien.bakes[number].action == entry.action:
            count += 1 + (actions.action_of(part.shape_keys) == entry.action)
    return count


def _shares(entry: MienBake | None) -> bool:
    return entry is not None and entry.shared
