"""Baking to a point cache, a PC2 file that a Mesh Cache modifier plays."""

# mypy: disable-error-code="no-any-return"
from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
import numpy as np

from ..engine import MeshError, Pc2Writer
from .bake import Plan, Writer, check_finite
from .rest import rest_positions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


MODIFIER = "Mien "
"""What the names of Mien's Mesh Cache modifiers begin with."""


class CacheWriter(Writer):
    """A file with every vertex of every frame, beside the .blend; a frame at rest before and after."""

    animates = False

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self._path = plan.cache or fresh_path(plan.obj, plan.name)
        self._is_new = not self._path.exists()
        self._rest = rest_positions(plan.obj.data)
        frames = plan.frames
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = Pc2Writer(self._path, len(self._rest), frames[0] - plan.step, plan.step, len(frames) + 2)
            self._file.__enter__()
        except OSError as problem:
            raise MeshError(
                f"The mesh cache {self._path} cannot be written ({problem.strerror}).", "Save the .blend elsewhere."
            ) from problem
        self._open = True
        self._file.write(self._rest[None])
        self.modifier = ""

    def add(self, offsets: NDArray[np.float32]) -> None:
        """See `Writer`."""
        check_finite(offsets)
        frames = np.repeat(self._rest[None], len(offsets), axis=0)
        frames[:, self.plan.indices] += offsets
        self._file.write(frames)

    def close(self) -> Iterator[None]:
        """The last frame; the file is not in its place yet."""
        self._file.write(self._rest[None])
        yield

    def play(self) -> None:
        """Puts the file into its place and adds the modifier to every object of the mesh."""
        plan = self.plan
        self._open = False
        self._file.__exit__(None, None, None)
        # Blender reads sample number scale * frame - start.
        first = float(plan.frames[0]) / plan.step - 1
        self.modifier = add_modifiers(plan.obj.data, plan.name, self._path, first, 1.0 / plan.step)

    def abort(self) -> None:
        """See `Writer`; a file that was there before stays."""
        if self._open:
            self._open = False
            self._file.__exit__(RuntimeError, RuntimeError("given up"), None)
        elif self.modifier:  # a part after this one failed
            for owner, modifier in modifiers_of(self.about(), self.plan.obj.data):
                owner.modifiers.remove(modifier)
            if self._is_new:
                self._path.unlink(missing_ok=True)

    def for_part(self, plan: Plan) -> CacheWriter:
        """See `Writer`; a file beside the face's, with the part's name."""
        name = bpy.path.clean_name(plan.obj.name)
        return CacheWriter(replace(plan, cache=fresh_beside(self._path, name)))

    @property
    def files(self) -> list[Path]:
        """See `Writer`."""
        return [self._path]

    def about(self) -> dict[str, Any]:
        """See `Writer`."""
        return {"cache": str(self._path), "modifier": self.modifier}

    @property
    def size(self) -> int:
        """See `Writer`; of the file."""
        return (len(self.plan.frames) + 2) * len(self._rest) * 12 + 32


def add_modifiers(mesh: bpy.types.Mesh, name: str, path: Path, start: float, scale: float) -> str:
    """The modifiers that play a cache, on every object of the mesh and before all others; returns their name.

    Args:
        mesh: of the face.
        name: of the bake.
        path: the cache.
        start: frame of the first sample, times the scale.
        scale: samples a frame.
    """
    users = [obj for obj in bpy.data.objects if obj.data == mesh and not obj.library]
    taken = {modifier.name for obj in users for modifier in obj.modifiers}
    wanted, count = f"{MODIFIER}{name}"[:59], 1
    called = wanted
    while called in taken:
        count += 1
        called = f"{wanted} {count}"
    for obj in users:
        modifier = obj.modifiers.new(called, "MESH_CACHE")
        modifier.cache_format = "PC2"
        modifier.filepath = _relative(path)
        modifier.time_mode, modifier.play_mode, modifier.interpolation = "FRAME", "SCENE", "LINEAR"
        modifier.deform_mode = "OVERWRITE"
        modifier.frame_start, modifier.frame_scale = start, scale
        obj.modifiers.move(len(obj.modifiers) - 1, 0)
    return called


def fresh_path(obj: bpy.types.Object, name: str, beside: Path | None = None) -> Path:
    """A file for the cache of a bake that is not there yet, in mien_cache beside the .blend.

    Never one that was there: an undo, a copy of the face or another .blend may still play it.

    Args:
        obj: the face.
        name: of the bake.
        beside: a file in whose folder it shall lie while the .blend was not saved.

    Raises:
        MeshError: the .blend was never saved.
    """
    if not bpy.data.filepath and beside is None:
        raise MeshError(
            "A mesh cache lies beside the .blend, and this one was not saved yet.",
            "Save the file first, or choose another way to bake.",
        )
    place = Path(bpy.data.filepath) if bpy.data.filepath else None
    folder = place.resolve().parent / "mien_cache" if place else Path(str(beside)).parent
    stem = bpy.path.clean_name("-".join([*([place.stem] if place else []), obj.name, name]))
    number = 1
    while (folder / f"{stem}-{number:03d}.pc2").exists():
        number += 1
    return folder / f"{stem}-{number:03d}.pc2"


def fresh_beside(path: Path, word: str) -> Path:
    """A file that is not there yet, in the folder of another and called after it and a word."""
    found, number = path.with_name(f"{path.stem}-{word}{path.suffix}"), 1
    while found.exists():
        number += 1
        found = path.with_name(f"{path.stem}-{word}-{number:03d}{path.suffix}")
    return found


def modifiers_of(about: dict[str, Any], mesh: bpy.types.Mesh) -> list[tuple[bpy.types.Object, bpy.types.Modifier]]:
    """The modifiers that play a cache, with their objects: all that share the mesh."""
    name = str(about.get("modifier", ""))
    users = [obj for obj in bpy.data.objects if obj.data == mesh] if name else []
    found = [(obj, obj.modifiers[name]) for obj in users if name in obj.modifiers]
    return [(obj, modifier) for obj, modifier in found if modifier.type == "MESH_CACHE"]


def _relative(path: Path) -> str:
    """A path as the .blend should know it: relative where both lie on one disk."""
    if not bpy.data.filepath:
        return str(path)
    try:
        return bpy.path.relpath(str(path))
    except ValueError:
        return str(path)
