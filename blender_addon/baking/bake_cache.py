"""Baking to a point cache, a PC2 file that a Mesh Cache modifier plays."""

# mypy: disable-error-code="no-any-return"
from __future__ import annotations

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

    from ..fcurves import Curves

MODIFIER = "Mien "
"""What the names of Mien's Mesh Cache modifiers begin with."""


class CacheWriter(Writer):
    """A file with every vertex of every frame, beside the .blend; a frame at rest before and after."""

    animates = False

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self._path = plan.cache or default_path(plan.obj, plan.name)
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
        """The file appears."""
        self._file.write(self._rest[None])
        self._open = False
        self._file.__exit__(None, None, None)
        yield

    def play(self) -> None:
        """Adds the modifier, before all others: the cache holds the face before them."""
        plan = self.plan
        # Blender reads sample number scale * frame - start.
        first = float(plan.frames[0]) / plan.step - 1
        self.modifier = add_modifier(plan.obj, plan.name, self._path, first, 1.0 / plan.step).name

    def settle(self, curves: Curves | None) -> None:  # noqa: ARG002 - a cache has none
        """See `Writer`."""
        modifier = self.plan.obj.modifiers[self.modifier]
        modifier.name = f"{MODIFIER}{self.plan.name}"[:63]
        self.modifier = modifier.name

    def abort(self) -> None:
        """See `Writer`; a file that was there before stays."""
        if self._open:
            self._open = False
            self._file.__exit__(RuntimeError, RuntimeError("given up"), None)

    def about(self) -> dict[str, Any]:
        """See `Writer`."""
        return {"cache": str(self._path), "modifier": self.modifier}

    @property
    def size(self) -> int:
        """See `Writer`; of the file."""
        return (len(self.plan.frames) + 2) * len(self._rest) * 12 + 32


def add_modifier(obj: bpy.types.Object, name: str, path: Path, start: float, scale: float) -> bpy.types.Modifier:
    """The modifier that plays a cache, first of all.

    Args:
        obj: the face.
        name: of the bake.
        path: the cache.
        start: frame of the first sample, times the scale.
        scale: samples a frame.
    """
    modifier = obj.modifiers.new(f"{MODIFIER}{name}"[:63], "MESH_CACHE")
    modifier.cache_format = "PC2"
    modifier.filepath = _relative(path)
    modifier.time_mode, modifier.play_mode, modifier.interpolation = "FRAME", "SCENE", "LINEAR"
    modifier.deform_mode = "OVERWRITE"
    modifier.frame_start, modifier.frame_scale = start, scale
    obj.modifiers.move(len(obj.modifiers) - 1, 0)
    return modifier


def default_path(obj: bpy.types.Object, name: str) -> Path:
    """Where the cache of a bake lies: mien_cache beside the .blend.

    Raises:
        MeshError: the .blend was never saved.
    """
    if not bpy.data.filepath:
        raise MeshError(
            "A mesh cache lies beside the .blend, and this one was not saved yet.",
            "Save the file first, or choose another way to bake.",
        )
    folder = Path(bpy.data.filepath).resolve().parent / "mien_cache"
    return folder / f"{bpy.path.clean_name(f'{Path(bpy.data.filepath).stem}-{obj.name}-{name}')}.pc2"


def modifier_of(about: dict[str, Any], mesh: bpy.types.Mesh) -> tuple[bpy.types.Object, bpy.types.Modifier] | None:
    """The modifier that plays a cache, and its object; None where it was removed."""
    name = str(about.get("modifier", ""))
    for obj in bpy.data.objects if name else ():
        if obj.data == mesh and name in obj.modifiers:
            return obj, obj.modifiers[name]
    return None


def _relative(path: Path) -> str:
    """A path as the .blend should know it: relative where both lie on one disk."""
    if not bpy.data.filepath:
        return str(path)
    try:
        return bpy.path.relpath(str(path))
    except ValueError:
        return str(path)
