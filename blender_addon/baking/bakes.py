"""The bakes of a mesh: finishing one, choosing which one plays, copying, and taking them away without a trace."""

# mypy: disable-error-code="no-any-return"
from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import bpy

from ..engine import MeshError
from . import actions, artist, bake_cache, records, renames, rest
from .bake import remove_keys
from .bake_cache import CacheWriter
from .records import active_of, bakes_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .bake import Writer
    from .records import MienBake


def stage(obj: bpy.types.Object, writer: Writer, about: dict[str, Any], before: dict[str, Any]) -> None:
    """Puts an unfinished bake on record, or what it has made since; the last one of the list.

    Args:
        obj: the face.
        writer: what makes it.
        about: what is known of it.
        before: see `before_first`.
    """
    if not writer.names:
        return
    own = obj.data.mien
    if not writer.staged:
        _remember(obj, before)
        own.bakes.add().unfinished = writer.staged = True
    entry = own.bakes[-1]
    with records.silence():
        entry.name = f"{writer.plan.name} (unfinished)"
    entry.about = {**about, "names": writer.names}


def unstage(obj: bpy.types.Object, writer: Writer, before: dict[str, Any]) -> None:
    """Takes the unfinished bake off the record; where it would have been the first, the mesh is as it was."""
    own = obj.data.mien
    if writer.staged:
        own.bakes.remove(len(own.bakes) - 1)
    if not len(own.bakes):
        _leave(obj, before, None)
        own.before, own.base_action = "{}", None


def _remember(obj: bpy.types.Object, before: dict[str, Any]) -> None:
    own = obj.data.mien
    if not len(own.bakes):
        own.state, own.base_action = before, actions.action_of(obj.data.shape_keys)


def before_first(obj: bpy.types.Object) -> dict[str, Any]:
    """What the mesh is like without any bake: as it is, or as it was when the first was made."""
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


def complete(
    obj: bpy.types.Object, writer: Writer, about: dict[str, Any], before: dict[str, Any], replaced: int
) -> int:
    """Animates what a writer made, puts it on record and lets it play; all or nothing until the old one goes.

    Args:
        obj: the face.
        writer: closed.
        about: what the record shall hold.
        before: see `before_first`.
        replaced: number of the bake that it takes the place of; -1 for none.

    Returns:
        Its number.
    """
    own = obj.data.mien
    _remember(obj, before)
    settle(own)
    action = _animated(obj, writer) if writer.animates else None
    if isinstance(writer, CacheWriter):
        writer.play()
    if replaced >= 0:
        _take_away(obj, own.bakes[replaced], keep=writer.names)
    writer.settle(actions.curves_in(action) if action else None)
    staged = len(own.bakes) - 1 if writer.staged else -1
    number = replaced if replaced >= 0 else staged
    if number < 0:
        own.bakes.add()
        number = len(own.bakes) - 1
    entry = own.bakes[number]
    with records.silence():
        entry.name = writer.plan.name
    entry.way, entry.action, entry.unfinished = about["way"], action, False
    entry.about = {**about, **writer.about(), "names": writer.names, "driven": writer.driven}
    if staged >= 0 and staged != number:
        own.bakes.remove(staged)
    if action is not None:
        action.name = f"{obj.name} {entry.name}"[:63]
    choose(own, number)
    return number


def _animated(obj: bpy.types.Object, writer: Writer) -> bpy.types.Action:
    """The action of a new bake: the artist's own curves, and the bake's."""
    own, keys = obj.data.mien, obj.data.shape_keys
    if keys.animation_data is not None and keys.animation_data.use_tweak_mode:
        raise MeshError(f"An NLA strip of {obj.name}'s shape keys is being tweaked.", "Leave the tweak mode (Tab).")
    paths = artist.paths_of_mien(own) | {actions.path_of(name) for name in [*writer.names, *writer.driven]}
    action = actions.make(own.base_action, own.slot, f"{obj.name} {writer.plan.name}"[:63], paths)
    try:
        writer.animate(actions.curves_in(action, keys))
    except BaseException:
        bpy.data.actions.remove(action)
        raise
    return action


def settle(own: records.MienMesh) -> None:
    """Takes in what was done by hand since the last time: actions of a copied face, new names, new keys."""
    if own.id_data.shape_keys is not None:
        artist.adopt(own)
        renames.follow(own)
        artist.bring_home(own)


def activate(mesh: bpy.types.Mesh) -> None:
    """Lets the chosen bake play, and no other; with none chosen the mesh is as without Mien."""
    own, keys = mesh.mien, mesh.shape_keys
    playing = active_of(mesh)
    for bake in own.bakes:
        for _, modifier in bake_cache.modifiers_of(bake.about, mesh):
            modifier.show_viewport = modifier.show_render = bake == playing
    if keys is None:
        return
    settle(own)
    if playing is not None and playing.action is not None:
        artist.unshare(own, playing)
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
    """Takes a bake away; with the last one the mesh is as it was before the first.

    Returns:
        How many shape keys were removed.

    Raises:
        MeshError: there is no such bake, or the object cannot be changed now.
    """
    own = obj.data.mien
    if not 0 <= number < len(own.bakes):
        raise MeshError(f"{obj.name} has no bake of Mien.")
    check_free(obj)
    settle(own)
    chosen = own.active
    removed = _take_away(obj, own.bakes[number])
    own.bakes.remove(number)
    if chosen == number:
        choose(own, min(number, len(own.bakes) - 1))
    else:
        choose(own, chosen - (number < chosen))
    if not len(own.bakes):
        _leave(obj, own.state, own.base_action)
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


def _take_away(obj: bpy.types.Object, entry: MienBake, keep: Sequence[str] = ()) -> int:
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


def _leave(obj: bpy.types.Object, before: dict[str, Any], base: bpy.types.Action | None) -> None:
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
