"""What a mesh remembers of its bakes: a list of them, each with its own action and where it came from."""

# mypy: disable-error-code="func-returns-value, no-any-return"
from __future__ import annotations

import base64
import contextlib
import json
from typing import TYPE_CHECKING, Any

import bpy
import numpy as np
from bpy.props import (  # noqa: TC002 - Blender evaluates the annotations
    BoolProperty,
    CollectionProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from ..engine import EXPRESSIONS, MotionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

on_switch: list[Callable[[bpy.types.Mesh], None]] = []
"""Called when the person chooses another bake; `register` puts the function of bakes.py here: records know no bake."""

_silent: list[bool] = []


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Meanwhile nobody is told that another bake was chosen."""
    _silent.append(True)
    yield
    _silent.pop()


def _switched(self: MienMesh, _context: bpy.types.Context) -> None:
    for call in () if _silent else on_switch:
        call(self.id_data)


class MienBake(bpy.types.PropertyGroup):
    """One bake of a face."""

    name: StringProperty(name="Name", description="Name of this bake; its shape keys and its action keep theirs")
    way: StringProperty(options={"HIDDEN"})
    action: PointerProperty(type=bpy.types.Action, options={"HIDDEN"})
    unfinished: BoolProperty(options={"HIDDEN"})
    text: StringProperty(default="{}", options={"HIDDEN"})

    @property
    def about(self) -> dict[str, Any]:
        """The record: key names, range, provenance; empty where it cannot be read."""
        return _read(self.text)

    @about.setter
    def about(self, content: dict[str, Any]) -> None:
        self.text = json.dumps(content)

    @property
    def key_names(self) -> list[str]:
        """Names of the shape keys that it made."""
        return [str(name) for name in self.about.get("names", ())]


class MienMesh(bpy.types.PropertyGroup):
    """The bakes of a mesh, `mesh.mien`."""

    bakes: CollectionProperty(type=MienBake)
    active: IntProperty(
        name="Bake", description="The bake that plays; others keep still", default=-1, min=-1, update=_switched
    )
    base_action: PointerProperty(type=bpy.types.Action, options={"HIDDEN"})
    before: StringProperty(default="{}", options={"HIDDEN"})

    @property
    def state(self) -> dict[str, Any]:
        """What the mesh was like before its first bake; see bakes.py."""
        return _read(self.before)

    @state.setter
    def state(self, content: dict[str, Any]) -> None:
        self.before = json.dumps(content)


def bakes_of(mesh: bpy.types.Mesh) -> list[MienBake]:
    """All bakes of a mesh, also an unfinished one."""
    return list(mesh.mien.bakes)


def active_of(mesh: bpy.types.Mesh) -> MienBake | None:
    """The bake that plays; None where none does."""
    number = mesh.mien.active
    return mesh.mien.bakes[number] if 0 <= number < len(mesh.mien.bakes) else None


def number_of(mesh: bpy.types.Mesh, name: str) -> int:
    """The place of a bake in the list; -1 where there is none of this name."""
    return next((number for number, one in enumerate(mesh.mien.bakes) if one.name == name), -1)


def about_of(mesh: bpy.types.Mesh, name: str) -> dict[str, Any]:
    """The record of a bake; empty where there is none of this name."""
    number = number_of(mesh, name)
    return mesh.mien.bakes[number].about if number >= 0 else {}


def free_name(mesh: bpy.types.Mesh, wanted: str) -> str:
    """A name that no other bake of the mesh has."""
    taken = {one.name for one in mesh.mien.bakes}
    name, count = wanted, 1
    while name in taken:
        count += 1
        name = f"{wanted} {count}"
    return name


def _read(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def to_text(array: NDArray[np.floating[Any]]) -> dict[str, Any]:
    """An array as JSON may hold it, exactly."""
    plain = np.ascontiguousarray(array)
    little = plain.astype(plain.dtype.newbyteorder("<"))
    data = base64.b64encode(little.tobytes()).decode()
    return {"shape": list(plain.shape), "type": little.dtype.str, "data": data}


def from_text(content: Any) -> NDArray[Any]:
    """The inverse of `to_text`.

    Raises:
        MotionError: damaged.
    """
    try:
        kind = {"<f4": np.float32, "<f8": np.float64}[content["type"]]
        data = base64.b64decode(content["data"], validate=True)
        flat = np.frombuffer(data, np.dtype(kind).newbyteorder("<"))
        return flat.reshape([int(size) for size in content["shape"]])
    except (KeyError, TypeError, ValueError) as problem:
        raise MotionError("The record of this bake is damaged.", "Bake anew from the keys.") from problem


def labels_in(about: dict[str, Any]) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]:
    """Labels (T, 6), times (n,) and frames (n,) of a recorded performance.

    Raises:
        MotionError: the record is damaged or of another Mien.
    """
    labels, times, frames = (from_text(about.get(name)) for name in ("labels", "times", "frames"))
    fits = labels.ndim == 2 and labels.shape[1] == len(EXPRESSIONS) and times.ndim == 1 and times.shape == frames.shape
    if not fits or not len(times) or not all(np.isfinite(one).all() for one in (labels, times, frames)):
        raise MotionError("The record of this bake is damaged.", "Bake anew from the keys.")
    return labels, times, frames
