"""Copies of bakes: keys, curves and files of their own, so that one may be changed and the other stays."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from ..engine import MeshError
from . import actions, bake_cache, bakes, records

if TYPE_CHECKING:
    import bpy

    from .records import MienBake


def duplicate(obj: bpy.types.Object, number: int, new_name: str = "") -> str:
    """Copies a bake; the copy plays.

    Args:
        obj: the face.
        number: of the bake in the mesh's list.
        new_name: of the copy; empty for the original's with a number.

    Returns:
        The copy's name.

    Raises:
        MeshError: absolute keys, which cannot stand beside others; an unfinished bake; a cache that is gone; the object
            cannot be changed now.
    """
    bakes.check_free(obj)
    own = obj.data.mien
    bakes.settle(own)
    entry = own.bakes[number]
    if entry.unfinished:
        raise MeshError(f"{entry.name} is not finished.", "Remove it, and bake again.")
    if entry.way == "absolute":
        raise MeshError("Absolute shape keys cannot stand beside others.", "Bake another way to have several.")
    name = records.free_name(obj.data, new_name or entry.name)
    about = entry.about
    if entry.way == "cache":
        about |= _copy_cache(obj, entry, name)
    names = _copy_keys(obj, entry, name)
    action = _copy_action(obj, entry, names, name)
    about["names"] = list(names.values())
    way = entry.way
    copy = own.bakes.add()  # `entry` may lie elsewhere from here on
    with records.silence():
        copy.name = name
    copy.way, copy.action, copy.about = way, action, about
    bakes.choose(own, len(own.bakes) - 1)
    return name


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


def _copy_cache(obj: bpy.types.Object, entry: MienBake, name: str) -> dict[str, str]:
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
    timing = found[0][1].frame_start, found[0][1].frame_scale
    return {"cache": str(path), "modifier": bake_cache.add_modifiers(obj.data, name, path, *timing)}
