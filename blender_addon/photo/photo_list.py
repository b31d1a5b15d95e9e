"""The photos of a person, `scene.mien_photos`: which files, which face in them, and its landmarks."""

# mypy: disable-error-code="func-returns-value"
from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import bpy
import numpy as np
from bpy.props import (
    CollectionProperty,
    EnumProperty,
    FloatVectorProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from .. import stored_arrays
from ..engine import FACE_POINTS, photo_guide

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    State = Literal["gone", "found", "moved", "placed", "bare"]

SIZES = [
    (str(size), f"{size} px", f"A texture of {size} by {size} pixels, {use}")
    for size, use in ((1024, "for a face in the distance"), (2048, "for most"), (4096, "for large photos"))
]

_POINTS = "points"


class MienPhotoMark(bpy.types.PropertyGroup):
    """One landmark that a person has placed or moved in a photo; its name is the guide's."""

    place: FloatVectorProperty(
        name="Place", description="Column and row in the photo, from its upper left corner", size=2, options=set()
    )


class MienPhoto(bpy.types.PropertyGroup):
    """One photo."""

    filepath: StringProperty(name="Photo", description="Where the photo lies", subtype="FILE_PATH", options=set())
    which: IntProperty(
        name="Face",
        description="Which face is meant where the photo shows several, counted from the left; 0 for the only one",
        min=0,
        max=99,
        options=set(),
    )
    problem: StringProperty(options={"HIDDEN"})
    points: StringProperty(options={"HIDDEN"})
    marks: CollectionProperty(type=MienPhotoMark)

    @property
    def title(self) -> str:
        """Its file's name."""
        return path_of(self).name


class MienPhotos(bpy.types.PropertyGroup):
    """The photos of one person, and what is made of them."""

    photos: CollectionProperty(type=MienPhoto)
    active: IntProperty(name="Photo", description="The photo that is shown below", default=-1, min=-1, options=set())
    title: StringProperty(name="Name", description="Name of the face; empty for that of the first photo", options=set())
    size: EnumProperty(
        name="Texture", description="Size of the face's texture", items=SIZES, default="2048", options=set()
    )


def chosen(scene: bpy.types.Scene) -> MienPhoto | None:
    """The photo that is selected in the list."""
    own = scene.mien_photos
    return own.photos[own.active] if 0 <= own.active < len(own.photos) else None


def path_of(photo: MienPhoto) -> Path:
    """Where it lies; of one that is gone, beside the .blend if there is one of its name."""
    path = Path(bpy.path.abspath(photo.filepath))
    beside = Path(bpy.path.abspath("//")) / path.name
    return beside if bpy.data.filepath and not path.is_file() and beside.is_file() else path


def state_of(photo: MienPhoto) -> State:
    """What is known of it.

    Returns:
        "gone" from the disk, the face is "found", or found and landmarks "moved", or landmarks are "placed" by hand;
        "bare" where none of this is so, or too few are placed.
    """
    if not path_of(photo).is_file():
        return "gone"
    if points_of(photo) is not None:
        return "moved" if len(photo.marks) else "found"
    return "placed" if len(marks_of(photo)) >= photo_guide.FEWEST else "bare"


def points_of(photo: MienPhoto) -> Floats | None:
    """(468, 3) the detector's points as it found them; None where there are none, or where they are damaged."""
    return _unpacked(photo.points) if photo.points else None


@lru_cache(maxsize=64)
def _unpacked(text: str) -> Floats | None:
    try:
        arrays, _ = stored_arrays.from_text(text, 0, lambda name: name == _POINTS)
        points = np.array(arrays[_POINTS], np.float64)
    except stored_arrays.DAMAGE:
        return None
    if points.shape != (FACE_POINTS, 3) or not np.isfinite(points).all():
        return None
    points.flags.writeable = False  # it is handed out again
    return points


def keep_points(photo: MienPhoto, points: Floats | None) -> None:
    """Keeps the detector's points (468, 3); None to forget them."""
    photo.points = "" if points is None else stored_arrays.to_text({_POINTS: points.astype(np.float32)}, {})


def marks_of(photo: MienPhoto) -> dict[str, Floats]:
    """The landmarks that a person has placed or moved, in the guide's order: name -> (2,) column and row."""
    found = {mark.name: np.array(mark.place, np.float64) for mark in photo.marks}
    good = {name for name, place in found.items() if np.isfinite(place).all()}
    return {mark.name: found[mark.name] for mark in photo_guide.GUIDE if mark.name in good}


def keep_marks(photo: MienPhoto, marks: Mapping[str, Floats]) -> None:
    """Keeps these in the place of all that were there."""
    photo.marks.clear()
    for name, place in marks.items():
        mark = photo.marks.add()
        mark.name, mark.place = name, place.tolist()


def attach() -> None:
    """Hang the list on scenes."""
    bpy.types.Scene.mien_photos = PointerProperty(type=MienPhotos)


def detach() -> None:
    """Take it off again."""
    del bpy.types.Scene.mien_photos
