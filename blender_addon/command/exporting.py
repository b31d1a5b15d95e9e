"""The scene into other programs' files by the exporters that Blender brings, with the settings that keep the motion."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import bpy

from ..baking.records import active_of
from ..baking.ways import WAYS, way_of
from ..engine import MienError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

FORMATS = {
    ".blend": "Blender",
    ".glb": "glTF",
    ".fbx": "FBX",
    ".usd": "USD",
    ".usda": "USD",
    ".usdc": "USD",
    ".usdz": "USD",
    ".abc": "Alembic",
}
"""Kinds of files that can be written, and the format of each by the name that ways.py uses."""

_OPERATORS = {
    "glTF": ("export_scene", "gltf"),
    "FBX": ("export_scene", "fbx"),
    "USD": ("wm", "usd_export"),
    "Alembic": ("wm", "alembic_export"),
}

TEXTURES = "textures"
"""The folder that Blender gives them beside a USD."""

_BESIDE = (".usd", ".usda", ".usdc")
_SAMPLED = ("absolute", "cache")
"""Ways whose motion is in no relative shape keys; a format that holds it holds the positions at each frame."""

_GLTF = {
    "export_format": "GLB",
    "export_animations": True,
    "export_animation_mode": "ACTIVE_ACTIONS",
    # Applying modifiers would drop the shape keys; normals of a hundred targets would double the file.
    "export_apply": False,
    "export_morph": True,
    "export_morph_normal": False,
    "export_try_sparse_sk": True,
    # Without these the exporter thins out keys, and leaves out what lies outside the scene's range.
    "export_optimize_animation_size": False,
    "export_force_sampling": True,
    "export_frame_range": True,
}

_FBX = {
    # Applying modifiers would drop the shape keys.
    "use_mesh_modifiers": False,
    "add_leaf_bones": False,
    "bake_anim": True,
    # What plays, at every frame, and no other bake beside it.
    "bake_anim_use_all_actions": False,
    "bake_anim_use_nla_strips": False,
    "bake_anim_simplify_factor": 0.0,
    # One file with all that is in it.
    "path_mode": "COPY",
    "embed_textures": True,
}


def ways_playing() -> list[str]:
    """The ways of the bakes that play in this scene, in the order of the menu."""
    bakes = [active_of(one.data) for one in bpy.context.scene.objects if one.type == "MESH"]
    found = {bake.way for bake in bakes if bake is not None}
    return [way.name for way in WAYS if way.name in found]


def check(kind: str, ways: Iterable[str] = ()) -> None:
    """Whether a kind of file can be written here, and holds what these ways to bake leave in the scene.

    Args:
        kind: such as ".glb".
        ways: names, see ways.py.

    Raises:
        MienError: this Blender lacks the exporter, or the format knows no such motion.
    """
    wanted = FORMATS[kind]
    if kind == ".blend":
        return
    if _properties(wanted) is None:
        raise MienError(
            f"This Blender has no exporter for {wanted}.",
            f"Turn on Blender's own {wanted} add-on in its preferences, or write another kind of file.",
        )
    for way in filter(None, map(way_of, ways)):
        if wanted not in way.exports:
            raise MienError(
                f"A {kind} file cannot hold a bake to {way.title}.",
                f"Bake to Compact Shape Keys, or write {_kinds(way.exports)}.",
            )


def export(path: Path, kind: str) -> None:
    """Writes the scene, its range of frames and the bakes that play.

    Args:
        path: the file; what lies there is written over.
        kind: such as ".glb".

    Raises:
        RuntimeError: Blender's own words on what went wrong.
    """
    if kind == ".blend":
        bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True, compress=True)
        return
    wanted = FORMATS[kind]
    scene = bpy.context.scene
    settings = {
        "glTF": _GLTF,
        "FBX": _FBX,
        "USD": _usd_settings(),
        "Alembic": {"start": scene.frame_start, "end": scene.frame_end},
    }[wanted]
    known = _properties(wanted) or ()
    settings = {name: value for name, value in settings.items() if name in known}
    module, name = _OPERATORS[wanted]
    with _packed_named() if wanted == "FBX" else contextlib.nullcontext():
        done = getattr(getattr(bpy.ops, module), name)(filepath=str(path), check_existing=False, **settings)
    if "FINISHED" not in done or not path.stat().st_size:
        raise RuntimeError(f"Blender's exporter for {wanted} wrote nothing")


@contextlib.contextmanager
def _packed_named() -> Iterator[None]:
    """Pictures that were never files get names of files meanwhile: who unpacks an FBX goes by how these end."""
    nameless = [one for one in bpy.data.images if one.packed_file is not None and not one.filepath_raw]
    for image in nameless:
        image.filepath_raw = f"//{bpy.path.clean_name(image.name)}.png"
    try:
        yield
    finally:
        for image in nameless:
            image.filepath_raw = ""


def makes_textures(kind: str) -> bool:
    """Whether a kind of file gets a folder of textures beside it: a USD, where they are packed into Blender's file."""
    return kind in _BESIDE and _are_packed()


def _are_packed() -> bool:
    return any(image.packed_file is not None and image.users for image in bpy.data.images)


def _usd_settings() -> dict[str, Any]:
    packed = _are_packed()
    return {
        "export_animation": True,
        # As blend shapes where the motion is in relative keys; else the mesh itself at each frame.
        "export_shapekeys": not set(ways_playing()) & set(_SAMPLED),
        # Textures stay where they are (a .usdz holds its own); those that lie nowhere go into a folder beside it.
        "export_textures": packed,
        "export_textures_mode": "NEW" if packed else "KEEP",
        "overwrite_textures": True,
        # A world would become one more.
        "convert_world_material": False,
    }


def _properties(wanted: str) -> set[str] | None:
    """The settings that an exporter knows; None where this Blender lacks it."""
    module, name = _OPERATORS[wanted]
    try:
        return set(getattr(getattr(bpy.ops, module), name).get_rna_type().properties.keys())
    except KeyError:
        return None


def _kinds(formats: Iterable[str]) -> str:
    """One kind of file for each format, such as ".usd or .abc"."""
    first = {name: kind for kind, name in reversed(FORMATS.items())}
    return " or ".join(first[name] for name in formats)
