"""The landmarks on a head, kept on its object: `object.mien_marks`. Undone and saved like every property."""

# mypy: disable-error-code="func-returns-value"
from __future__ import annotations

from typing import TYPE_CHECKING

import bpy
import numpy as np
from bpy.props import CollectionProperty, EnumProperty, FloatVectorProperty

from ..engine import MeshError, landmarks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Literal

    from numpy.typing import NDArray

    How = Literal["picked", "suggested", "detected"]

_HOWS = [
    ("picked", "Picked", "A person placed it"),
    ("suggested", "Suggested", "Taken over from the other side, or from where the other landmarks expect it"),
    ("detected", "Detected", "Found by itself"),
]


class MienMark(bpy.types.PropertyGroup):
    """One landmark; its name is the guide's, such as "left_eye_outer"."""

    place: FloatVectorProperty(
        name="Place",
        description="Where it lies, in the object's own units and axes, on the mesh at rest",
        size=3,
        subtype="TRANSLATION",
        precision=5,
        options=set(),
    )
    how: EnumProperty(name="How", description="How it came there", items=_HOWS, default="picked", options=set())


def read(obj: bpy.types.Object) -> dict[str, NDArray[np.float64]]:
    """The landmarks that are placed, in the guide's order: name -> (3,) in the object's units and axes, at rest."""
    found = {mark.name: np.array(mark.place, np.float64) for mark in obj.mien_marks}
    return {mark.name: found[mark.name] for mark in landmarks.GUIDE if mark.name in found}


def hows(obj: bpy.types.Object) -> dict[str, How]:
    """How each landmark came there: name -> "picked", "suggested" or "detected"."""
    return {mark.name: _how(mark) for mark in obj.mien_marks if landmarks.is_known(mark.name)}


def sure(obj: bpy.types.Object) -> dict[str, NDArray[np.float64]]:
    """`read` without the suggested ones, which add nothing to what the others tell."""
    how = hows(obj)
    return {name: place for name, place in read(obj).items() if how[name] != "suggested"}


def put(obj: bpy.types.Object, name: str, place: Iterable[float], how: How = "picked") -> None:
    """Places one landmark, or moves it.

    Args:
        obj: the head.
        name: one of the guide's.
        place: (3,) in the object's units and axes, on the mesh at rest.
        how: who says so.

    Raises:
        MeshError: the guide has no such landmark, or the place is none.
    """
    where = np.array(list(place), np.float64)
    if not landmarks.is_known(name):
        names = ", ".join(one.name for one in landmarks.GUIDE)
        raise MeshError(f"There is no landmark {name!r}.", f"They are {names}.")
    if where.shape != (3,) or not np.isfinite(where).all():
        raise MeshError(f"The landmark {name} needs three finite coordinates.")
    mark = obj.mien_marks.get(name)
    if mark is None:
        mark = obj.mien_marks.add()
        mark.name = name
    mark.place, mark.how = where.tolist(), how


def put_all(obj: bpy.types.Object, places: Mapping[str, Iterable[float]], how: How = "picked") -> None:
    """Places many; others stay. Raises as `put` does."""
    for name, place in places.items():
        put(obj, name, place, how)


def remove(obj: bpy.types.Object, name: str) -> None:
    """Takes one away; nothing where it is not there."""
    index = obj.mien_marks.find(name)
    if index >= 0:
        obj.mien_marks.remove(index)


def clear(obj: bpy.types.Object) -> None:
    """Takes all away."""
    obj.mien_marks.clear()


def missing(obj: bpy.types.Object) -> tuple[landmarks.Mark, ...]:
    """The needed landmarks that are not there yet, in the guide's order."""
    return landmarks.missing(read(obj))


State = tuple[tuple[str, tuple[float, float, float], str], ...]
"""All landmarks of an object: name, place, how."""


def state_of(obj: bpy.types.Object) -> State:
    """To come back to, see `restore`."""
    return tuple((mark.name, tuple(mark.place), _how(mark)) for mark in obj.mien_marks)


def restore(obj: bpy.types.Object, state: State) -> None:
    """Everything as it was."""
    clear(obj)
    for name, place, how in state:
        mark = obj.mien_marks.add()
        mark.name, mark.place, mark.how = name, place, how


def _how(mark: MienMark) -> How:
    # A file of another Mien may hold a number that stands for nothing here; Blender makes it an empty text.
    return mark.how or "picked"


def attach() -> None:
    """Hang the landmarks on objects."""
    bpy.types.Object.mien_marks = CollectionProperty(type=MienMark)


def detach() -> None:
    """Take them off again."""
    del bpy.types.Object.mien_marks
