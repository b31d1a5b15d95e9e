"""What a mesh remembers of its bakes: a list of them, each with its own action and where it came from."""

# mypy: disable-error-code="func-returns-value, no-any-return"
from __future__ import annotations

import base64
import contextlib
import json
import math
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


def _renamed(self: MienBake, _context: bpy.types.Context) -> None:
    """No bake is nameless, and no two have one name."""
    if _silent:
        return
    others = {one.name for one in self.id_data.mien.bakes if one != self}
    wanted = self.name.strip() or "Bake"
    if self.name != wanted or wanted in others:
        with silence():
            self.name = _unlike(wanted, others)


_NUMBERS = ("start", "end", "step", "error_mm", "megabytes")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


class MienBake(bpy.types.PropertyGroup):
    """One bake of a face."""

    name: StringProperty(
        name="Name", description="Name of this bake; its shape keys and its action keep theirs", update=_renamed
    )
    way: StringProperty(options={"HIDDEN"})
    action: PointerProperty(type=bpy.types.Action, options={"HIDDEN"})
    unfinished: BoolProperty(options={"HIDDEN"})
    # Of a part that plays along: the face, whether it is the face's own action, and what ties both bakes together.
    leader: PointerProperty(type=bpy.types.Object, options={"HIDDEN"})
    shared: BoolProperty(options={"HIDDEN"})
    uid: StringProperty(options={"HIDDEN"})
    text: StringProperty(default="{}", options={"HIDDEN"})

    @property
    def about(self) -> dict[str, Any]:
        """The record: key names, range, provenance; without what cannot be what it should be."""
        found = _read(self.text)
        wrong = [key for key in ("names", "driven") if not _are_names(found.get(key, []))]
        wrong += [key for key in _NUMBERS if not _is_number(found.get(key, 0))]
        return {key: value for key, value in found.items() if key not in wrong}

    @about.setter
    def about(self, content: dict[str, Any]) -> None:
        self.text = json.dumps(content)

    @property
    def key_names(self) -> list[str]:
        """Names of the shape keys that it made."""
        return list(self.about.get("names", ()))

    @property
    def driven_names(self) -> list[str]:
        """Names of the artist's shape keys that it animates."""
        return list(self.about.get("driven", ()))


class MienWrap(bpy.types.PropertyGroup):
    """How a wrapped head is bound, `mesh.mien.wrap`; see wrapping/store.py."""

    text: StringProperty(options={"HIDDEN"})
    mark: StringProperty(options={"HIDDEN"})


class MienMesh(bpy.types.PropertyGroup):
    """The bakes of a mesh, `mesh.mien`, and how it is bound."""

    bakes: CollectionProperty(type=MienBake)
    wrap: PointerProperty(type=MienWrap, options={"HIDDEN"})
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

    @property
    def slot(self) -> int:
        """Handle of the base action's slot, since Blender 4.4; 0 where it is not known."""
        found = self.state.get("slot", 0)
        return found if isinstance(found, int) else 0


def bakes_of(mesh: bpy.types.Mesh) -> list[MienBake]:
    """All bakes of a mesh, also an unfinished one."""
    return list(mesh.mien.bakes)


def active_of(mesh: bpy.types.Mesh) -> MienBake | None:
    """The bake that plays; None where none does."""
    number = mesh.mien.active
    return mesh.mien.bakes[number] if 0 <= number < len(mesh.mien.bakes) else None


def keeps_absolute_keys(mesh: bpy.types.Mesh) -> bool:
    """Whether the shape keys are the artist's own absolute ones: others beside them would change them all."""
    keys, playing = mesh.shape_keys, active_of(mesh)
    return keys is not None and not keys.use_relative and (playing is None or playing.way != "absolute")


def guard_pointers(mesh: bpy.types.Mesh) -> None:
    """Lets Blender clear what the bakes of a mesh point to once that is deleted.

    Blender 5.0 looks for such pointers only where a mesh has custom properties too, and crashes with the next save; an
    empty group of them, which nobody sees, is enough.
    """
    mesh.id_properties_ensure()


def guard_loaded(*_: object) -> None:
    """The same for meshes that come from a file; `register` hangs it in."""
    for mesh in bpy.data.meshes:
        if mesh.library is None and len(mesh.mien.bakes):
            guard_pointers(mesh)


def number_of(mesh: bpy.types.Mesh, name: str) -> int:
    """The place of a bake in the list; -1 where there is none of this name."""
    return next((number for number, one in enumerate(mesh.mien.bakes) if one.name == name), -1)


def about_of(mesh: bpy.types.Mesh, name: str) -> dict[str, Any]:
    """The record of a bake; empty where there is none of this name."""
    number = number_of(mesh, name)
    return mesh.mien.bakes[number].about if number >= 0 else {}


def free_name(mesh: bpy.types.Mesh, wanted: str) -> str:
    """A name that no other bake of the mesh has."""
    return _unlike(wanted, {one.name for one in mesh.mien.bakes})


def _unlike(wanted: str, taken: set[str]) -> str:
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
