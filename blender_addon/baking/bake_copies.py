"""Copies of bakes: keys, curves and files of their own, so that one may be changed and the other stays."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from ..engine import MeshError
from . import actions, alongside, bake_cache, bakes, records

if TYPE_CHECKING:
    import bpy

    from .records import MienBake


def duplicate(obj: bpy.types.Object, number: int, new_name: str = "") -> str:
    """Copies a bake, also on the parts that play along; the copy plays.

    Args:
        obj: the face.
        number: of the bake in the mesh's list.
        new_name: of the copy; empty for the original's with a number.

    Returns:
        The copy's name.

    Raises:
        MeshError: a part's bake, which is its face's; absolute keys, which cannot stand beside others; an unfinished
            bake; a cache that is gone; the object cannot be changed now.
    """
    own = obj.data.mien
    entry = own.bakes[number]
    if entry.leader is not None:
        raise MeshError(
            f"{obj.name} plays along with {entry.leader.name}, whose bake this is.",
            f"Duplicate the bake of {entry.leader.name}; its parts come along.",
        )
    parts = [(one, alongside.number_in(one.data, obj.data, entry)) for one in alongside.led_by(obj.data)]
    parts = [(one, place) for one, place in parts if place >= 0]
    for one in [obj, *(one for one, _ in parts)]:
        bakes.check_free(one)
    if entry.unfinished:
        raise MeshError(f"{entry.name} is not finished.", "Remove it, and bake again.")
    if entry.way == "absolute":
        raise MeshError("Absolute shape keys cannot stand beside others.", "Bake another way to have several.")
    alongside.settle(own)
    name, uid = records.free_name(obj.data, new_name or entry.name), uuid.uuid4().hex
    # Files first: they can fail, and then nothing was changed.
    files = [_copied_file(one, one.data.mien.bakes[place], name) for one, place in [(obj, number), *parts]]
    names = _copy(obj, number, name=name, uid=uid, file=files[0], lead=None)
    for (one, place), file in zip(parts, files[1:], strict=True):
        _copy(one, place, name=name, uid=uid, file=file, lead=(own.bakes[-1].action, names))
    bakes.choose(own, len(own.bakes) - 1)
    return name


def _copy(
    obj: bpy.types.Object,
    number: int,
    *,
    name: str,
    uid: str,
    file: Path | None,
    lead: tuple[bpy.types.Action | None, dict[str, str]] | None,
) -> dict[str, str]:
    """Copies the bake of one mesh; returns the names of the copied keys by those of the originals.

    Args:
        obj: the face, or a part that plays along.
        number: of the bake in its mesh's list.
        name: of the copy.
        uid: what ties the copies of face and parts together.
        file: the copied cache; None where there is none.
        lead: of a part, the face's new action and the names that its keys got.
    """
    own = obj.data.mien
    entry = own.bakes[number]
    about, way, leader = entry.about, entry.way, entry.leader
    if file is not None:
        found = bake_cache.modifiers_of(about, obj.data)[0][1]
        timing = found.frame_start, found.frame_scale
        about |= {"cache": str(file), "modifier": bake_cache.add_modifiers(obj.data, name, file, *timing)}
    names = _copy_keys(obj, entry, name)
    shared = entry.shared and lead is not None and names == lead[1]
    action = lead[0] if shared and lead is not None else _copy_action(obj, entry, names, name)
    about["names"] = list(names.values())
    records.guard_pointers(obj.data)
    copy = own.bakes.add()  # `entry` may lie elsewhere from here on
    with records.silence():
        copy.name = name
    copy.way, copy.action, copy.about = way, action, about
    copy.leader, copy.shared, copy.uid = leader, shared, uid
    return names


def _copy_keys(obj: bpy.types.Object, entry: MienBake, name: str) -> dict[str, str]:
    """The names of the copies by those of the originals."""
    made: dict[str, str] = {}
    active = obj.active_shape_key_index
    for old in entry.key_names:
        source = obj.data.shape_keys.key_blocks.get(old)
        if source is None:
            continue
        tail = old.removeprefix(f"{entry.name} ") if old.startswith(f"{entry.name} ") else old.rsplit(" ", 1)[-1]
        key = obj.shape_key_add(name=f"{name[: 62 - len(tail)]} {tail}", from_mix=False)
        source = obj.data.shape_keys.key_blocks[old]
        key.points.foreach_set("co", bakes.rest.points_of(source).reshape(-1))
        key.slider_min, key.slider_max, key.value = source.slider_min, source.slider_max, 0.0
        made[old] = key.name
    obj.active_shape_key_index = active
    return made


def _copy_action(obj: bpy.types.Object, entry: MienBake, names: dict[str, str], name: str) -> bpy.types.Action | None:
    if entry.action is None:
        return None
    action = entry.action.copy()
    action.name = f"{obj.name} {name}"[:63]
    curves = actions.curves_in(action)
    paths = {actions.path_of(old): actions.path_of(new) for old, new in names.items()}
    for curve in curves or ():
        curve.data_path = paths.get(curve.data_path, curve.data_path)
    return action


def _copied_file(obj: bpy.types.Object, entry: MienBake, name: str) -> Path | None:
    """The copy of a bake's cache; None where it has none."""
    if entry.way != "cache":
        return None
    about = entry.about
    found = bake_cache.modifiers_of(about, obj.data)
    source = Path(str(about.get("cache", "")))
    if not found or not source.is_file():
        raise MeshError(f"The mesh cache of {entry.name} is gone.", "Bake it again first.")
    path = bake_cache.fresh_path(obj, name, source)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, path)
    except OSError as problem:
        raise MeshError(f"The mesh cache {path} cannot be written ({problem.strerror}).") from problem
    return path
