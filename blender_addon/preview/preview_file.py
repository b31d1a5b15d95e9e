"""How a preview reaches Blender: a Mesh Cache modifier that reads a file of one frame, anew at each frame change.

Neither the mesh nor its keys are touched, so to leave the preview is to remove the modifier, also after a crash. The
file lies in memory where the system has a folder for that.
"""

# mypy: disable-error-code="no-any-return"
from __future__ import annotations

import atexit
import contextlib
import shutil
import struct
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..engine import MeshError

if TYPE_CHECKING:
    import bpy
    from numpy.typing import NDArray

NAME = "Mien Preview"
"""What the modifier is called."""

BAKES = "Mien "
"""What the names of the modifiers that play a baked cache begin with; the preview comes after them."""

_PART = ".part.pc2"
"""What the names of the files of a face's parts end with."""

_PREFIX = "mien-preview-"
"""What our folders' names begin with: in the path of a modifier it says that it is a preview's, of whatever session."""

_MEMORY = Path("/dev/shm")  # noqa: S108 - Linux' own folder in memory; what we make in it only this user can read
_HEADER = struct.Struct("<12siiffi")
_OLD = 24 * 3600.0
"""Seconds after which a folder that nobody wrote to was left by a crash."""

_folders: list[Path] = []


def folder() -> Path:
    """The folder of this Blender's previews, made when first asked for; only this user can read it."""
    if not _folders or not _folders[0].is_dir():
        place = _MEMORY if _writable(_MEMORY) else Path(tempfile.gettempdir())
        _clear_old(place)
        _folders[:] = [Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))]
        # Python as a host of Blender's module ends without disabling its extensions.
        atexit.register(forget_folder)
    return _folders[0]


def forget_folder() -> None:
    """Deletes the folder and what is in it."""
    while _folders:
        shutil.rmtree(_folders.pop(), ignore_errors=True)


def is_used() -> bool:
    """Whether there was any preview yet."""
    return bool(_folders)


def path_of(obj: bpy.types.Object) -> Path:
    """Where the positions of a face lie; the same after undo and redo, another one for a copy of the face."""
    return folder() / f"{obj.session_uid}.pc2"


def path_of_part(uid: int) -> Path:
    """Where the positions of a part of a previewed face lie, by the `session_uid` of the part."""
    return folder() / f"{uid}{_PART}"


def any_modifier(obj: bpy.types.Object) -> bpy.types.Modifier | None:
    """The modifier of a preview, of a face or a part, also of another Blender's; None where there is none."""
    for modifier in obj.modifiers:
        if modifier.type == "MESH_CACHE" and _PREFIX in modifier.filepath:
            return modifier
    return None


def modifier_of(obj: bpy.types.Object) -> bpy.types.Modifier | None:
    """The modifier of a previewed face of this Blender, also one that was copied with it; None where there is none."""
    modifier = any_modifier(obj) if _folders else None
    return modifier if modifier is not None and _is_ours(modifier) and not _is_part(modifier) else None


def part_modifier_of(obj: bpy.types.Object) -> bpy.types.Modifier | None:
    """The modifier of a part of a previewed face of this Blender; None where there is none."""
    modifier = any_modifier(obj) if _folders else None
    return modifier if modifier is not None and _is_ours(modifier) and _is_part(modifier) else None


def is_foreign(obj: bpy.types.Object) -> bool:
    """Whether an object has the modifier of a preview whose file nobody here writes."""
    modifier = any_modifier(obj)
    return modifier is not None and not (_folders and _is_ours(modifier))


def _is_ours(modifier: bpy.types.Modifier) -> bool:
    return _folders[0].name in modifier.filepath


def _is_part(modifier: bpy.types.Modifier) -> bool:
    return modifier.filepath.endswith(_PART)


def add(obj: bpy.types.Object, path: str = "") -> None:
    """Puts the modifier on a face or a part: before all others but those that play Mien's own caches.

    Args:
        obj: the object.
        path: of its file; empty for a face's.

    Raises:
        MeshError: Blender does not take it.
    """
    active = obj.modifiers.active
    modifier = obj.modifiers.new(NAME, "MESH_CACHE")
    if modifier is None:
        raise MeshError(f"{obj.name} takes no modifiers, and the preview is one.", "Make the object local first.")
    modifier.show_expanded = False
    modifier.show_render = False
    modifier.show_in_editmode = False
    modifier.cache_format = "PC2"
    modifier.time_mode, modifier.play_mode, modifier.interpolation = "FRAME", "SCENE", "NONE"
    modifier.deform_mode = "OVERWRITE"
    # Blender turns paths for people; this one must stay.
    modifier.filepath = path or str(path_of(obj))
    before = 0
    while before < len(obj.modifiers) - 1 and _plays_bake(obj.modifiers[before]):
        before += 1
    obj.modifiers.move(len(obj.modifiers) - 1, before)
    if active is not None:
        obj.modifiers.active = active


def remove(obj: bpy.types.Object) -> bool:
    """Takes every modifier of a preview off a face or a part; returns whether there was one."""
    found = False
    while (modifier := any_modifier(obj)) is not None:
        obj.modifiers.remove(modifier)
        found = True
    return found


def write(path: Path, positions: NDArray[np.float32]) -> None:
    """Writes positions, (V, 3) in the object's units and axes, so that Blender finds a whole file at any moment.

    Raises:
        MeshError: the file cannot be written.
    """
    data = np.ascontiguousarray(positions, np.float32)
    size = _HEADER.size + data.nbytes
    try:
        # Over the old positions: a reader would find an empty file for a moment if it were cut first.
        if path.is_file() and path.stat().st_size == size:
            with path.open("r+b") as file:
                file.seek(_HEADER.size)
                file.write(data)
            return
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.write_bytes(_HEADER.pack(b"POINTCACHE2\0", 1, len(data), 0.0, 1.0, 1) + data.tobytes())
    except OSError as problem:
        raise MeshError(
            f"The preview cannot hand its positions over ({problem.strerror}).", f"Make room in {path.parent.parent}."
        ) from problem


def _plays_bake(modifier: bpy.types.Modifier) -> bool:
    return modifier.type == "MESH_CACHE" and modifier.name.startswith(BAKES) and _PREFIX not in modifier.filepath


def _writable(place: Path) -> bool:
    try:
        with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=place):
            return True
    except OSError:
        return False


def _clear_old(place: Path) -> None:
    for left in place.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            files = [left, *left.iterdir()]
            if max(one.stat().st_mtime for one in files) < time.time() - _OLD:
                shutil.rmtree(left, ignore_errors=True)
