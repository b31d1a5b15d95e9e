"""The bakes of a mesh and of the parts that play along: choosing which one plays, taking them away without a trace."""

# mypy: disable-error-code="no-any-return"
from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import bpy

from ..engine import MeshError
from . import actions, alongside, artist, bake_cache, records, rest
from .bake import remove_keys
from .records import active_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .records import MienBake


def activate(mesh: bpy.types.Mesh) -> None:
    """Lets the chosen bake play, and no other, also on the parts; with none chosen they are as without Mien."""
    playing = active_of(mesh)
    if mesh.shape_keys is not None:
        alongside.settle(mesh.mien)
    _play(mesh)
    for part in (one.data for one in alongside.led_by(mesh)):
        number, now = alongside.number_in(part, mesh, playing), active_of(part)
        # A part's own bake that has nothing to do with this face goes on where the face has none for it.
        if number >= 0 or now is None or alongside.is_led(now, mesh):
            with records.silence():
                part.mien.active = number
            _play(part)


def _play(mesh: bpy.types.Mesh) -> None:
    own, keys, playing = mesh.mien, mesh.shape_keys, active_of(mesh)
    for bake in own.bakes:
        for _, modifier in bake_cache.modifiers_of(bake.about, mesh):
            modifier.show_viewport = modifier.show_render = bake == playing
    if keys is None:
        return
    if playing is not None and playing.action is not None:
        if not playing.shared:
            artist.unshare(own, playing, alongside.users_of(own, playing))
            alongside.sync(own)
            artist.bring_along(own, playing)
        actions.assign(keys, playing.action)
    elif len(own.bakes):
        actions.assign(keys, own.base_action, own.slot)
    for name in [name for one in own.bakes for name in one.key_names]:
        if name in keys.key_blocks:
            keys.key_blocks[name].value = 0.0
    _put_back(keys, own.state, [name for one in own.bakes for name in one.driven_names])
    absolute = playing is not None and playing.way == "absolute"
    keys.use_relative = not absolute and bool(own.state.get("relative", True))
    _show_present(mesh)


def choose(own: records.MienMesh, number: int) -> None:
    """Makes a bake the one that plays; -1 for none."""
    with records.silence():
        own.active = number
    activate(own.id_data)


def remove(obj: bpy.types.Object, number: int) -> int:
    """Takes a bake away, also from the parts; with the last one a mesh is as it was before the first.

    Returns:
        How many shape keys were removed.

    Raises:
        MeshError: there is no such bake, or an object cannot be changed now.
    """
    own = obj.data.mien
    if not 0 <= number < len(own.bakes):
        raise MeshError(f"{obj.name} has no bake of Mien.")
    parts = [(one, alongside.number_in(one.data, obj.data, own.bakes[number])) for one in alongside.led_by(obj.data)]
    parts = [(one, place) for one, place in parts if place >= 0]
    for one in [obj, *(one for one, _ in parts)]:
        check_free(one)
    alongside.settle(own)
    return sum(remove_here(one, place) for one, place in [*parts, (obj, number)])


def remove_here(obj: bpy.types.Object, number: int) -> int:
    """Takes a bake away from one mesh; what plays then plays on the parts too. Returns how many shape keys went."""
    own = obj.data.mien
    chosen = own.active
    removed = take_away(obj, own.bakes[number])
    own.bakes.remove(number)
    if chosen == number:
        choose(own, min(number, len(own.bakes) - 1))
    else:
        choose(own, chosen - (number < chosen))
    if not len(own.bakes):
        leave(obj, own.state, own.base_action)
        own.base_action = None
        own.before = "{}"
    return removed


def check_free(obj: bpy.types.Object) -> None:
    """Whether bakes may be changed now.

    Raises:
        MeshError: Edit Mode, a linked mesh.
    """
    if obj.mode != "OBJECT" or obj.data.is_editmode or obj.library or obj.data.library:
        raise MeshError(f"{obj.name} cannot be changed now.", "Make it local, and go to Object Mode.")


def take_away(obj: bpy.types.Object, entry: MienBake, keep: Sequence[str] = ()) -> int:
    """The keys, the modifiers and the action of a bake; not its place in the list, nor its point cache.

    A name of the bake may be a key of another one's by now (`keep`): the old key was renamed or deleted by hand.
    """
    keys, mesh = obj.data.shape_keys, obj.data
    names = [name for name in entry.key_names if name not in keep]
    for owner, modifier in bake_cache.modifiers_of(entry.about, mesh):
        owner.modifiers.remove(modifier)
    action, entry.action = entry.action, None
    if keys is not None:
        if action is not None and actions.action_of(keys) == action:
            actions.assign(keys, None)
        _put_back(keys, mesh.mien.state, entry.driven_names)
    if action is not None and action.users - action.use_fake_user <= 0:
        bpy.data.actions.remove(action)
    return remove_keys(obj, names)


def _put_back(keys: bpy.types.Key, before: dict[str, Any], names: Iterable[str]) -> None:
    """The artist's own keys stand where they stood before the first bake."""
    values, driven = before.get("values", {}), rest.driven_names(keys)
    for name in names:
        if name in values and name in keys.key_blocks and name not in driven:
            keys.key_blocks[name].value = values[name]


def leave(obj: bpy.types.Object, before: dict[str, Any], base: bpy.types.Action | None) -> None:
    """Undoes what the first bake had to make besides its keys, unless someone uses it by now."""
    keys = obj.data.shape_keys
    if keys is None:
        return
    if base is not None:
        actions.assign(keys, base, int(before.get("slot") or 0))
    animation = keys.animation_data
    idle = animation and not (animation.action or animation.drivers or animation.nla_tracks)
    if idle and not before.get("had_animation"):
        keys.animation_data_clear()
    if before.get("relative") is False:
        keys.use_relative = False
    keys.eval_time = before.get("eval_time", keys.eval_time)
    if not before.get("had_basis") and len(keys.key_blocks) == 1:
        obj.shape_key_remove(keys.key_blocks[0])
    with contextlib.suppress(IndexError):
        obj.active_shape_key_index = before.get("active", 0)
    obj.data.update()


@contextlib.contextmanager
def out_of_edit_mode(obj: bpy.types.Object) -> Iterator[None]:
    """In Edit Mode Blender keeps shape keys of its own, and brings removed ones back when it is left."""
    editing = obj.mode == "EDIT"
    if editing:
        with bpy.context.temp_override(active_object=obj, object=obj):
            bpy.ops.object.mode_set(mode="OBJECT")
    yield
    if editing:
        with bpy.context.temp_override(active_object=obj, object=obj):
            bpy.ops.object.mode_set(mode="EDIT")


def _show_present(mesh: bpy.types.Mesh) -> None:
    """The frame on which the scene stands shows at once, without evaluating the whole scene again."""
    keys = mesh.shape_keys
    scene = next((scene for obj in bpy.data.objects if obj.data == mesh for scene in obj.users_scene), None)
    if scene is not None:
        names = [name for one in mesh.mien.bakes for name in [*one.key_names, *one.driven_names]]
        own = {actions.path_of(name): keys.key_blocks.get(name) for name in names}
        for curve in rest.curves_of(keys) or ():
            if curve.data_path == "eval_time":
                keys.eval_time = curve.evaluate(scene.frame_current_final)
            elif own.get(curve.data_path) is not None:
                own[curve.data_path].value = curve.evaluate(scene.frame_current_final)
    mesh.update()
