"""Mien from a script: the same plain functions that the buttons and the command line call.

from bl_ext.user_default.mien import api

face = api.add_sample_face()
api.add_expression(face, "happy", intensity=0.8, start=1, apex_start=14, apex_end=34, end=54)
print(api.bake(face, start=1, end=60))
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import bpy

from . import engine, packs, takes
from .baking import bake_copies, bakes, records
from .baking.bake_job import BakeJob, BakeResult
from .parts import finding
from .photo.photo_job import PhotoInput, PhotoJob, PhotoResult
from .sample_face import add_sample_face
from .timeline import motion
from .wrapping import wrap_job
from .wrapping.wrap_job import WrapJob, WrapResult

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from .engine import Step
    from .mesh_bridge import Fit

__all__ = [
    "BakeJob",
    "BakeResult",
    "PhotoInput",
    "PhotoJob",
    "PhotoResult",
    "WrapJob",
    "WrapResult",
    "add_expression",
    "add_sample_face",
    "bake",
    "bake_again",
    "duplicate_bake",
    "face_from_photos",
    "find_parts",
    "fit",
    "forget_wrap",
    "install_pack",
    "new_take",
    "play_bake",
    "remove_bake",
    "set_take",
    "wrap",
]

install_pack = packs.install
new_take = takes.new_take


def fit(obj: bpy.types.Object, *, bundle: str = "") -> Fit:
    """Whether a face fits, in which layout, at what scale and turn; see `mesh_bridge.Fit`.

    Looked for is the template of the bundle, or without one those of the default bundle and all model packs.
    """
    return packs.fit(obj, bundle)[0]


def find_parts(obj: bpy.types.Object, *, bundle: str = "") -> list[tuple[str, str]]:
    """Looks for the parts of a face (eyes, teeth, tongue, lashes, brows, beard, glasses) and binds them to it.

    They are baked with the face from then on. Roles can be changed in `obj.mien_parts.parts`.

    Returns:
        What is on the list now: name of the object, and role, such as ("Human.teeth", "lower_teeth").

    Raises:
        MienError: the face does not fit.
    """
    bpy.context.view_layer.update()  # places of objects are as old as the last drawing
    finding.find(obj, packs.fit(obj, bundle)[0])
    return [(one.target.name, one.role) for one in obj.mien_parts.parts if one.target is not None]


def wrap(
    obj: bpy.types.Object,
    landmarks: Mapping[str, Sequence[float]] | None = None,
    *,
    like: str = "",
    bundle: str = "",
    progress: Callable[[Step], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> WrapResult:
    """Wraps a head of any topology, straight through; it performs from then on like a face that Mien knows.

    Args:
        obj: the head, at rest.
        landmarks: names (see `engine.landmarks.GUIDE`) -> places in the object's units and axes; None for those that
            were placed on the object.
        like: whose head is wrapped onto it, a word of a generator's name such as "ict"; empty for the model pack that
            was installed last, else the head that ships.
        bundle: path of the one generator to use; empty for the one that ships and all model packs.
        progress: called with each step of the work.
        cancelled: asked before each step.

    Raises:
        MienError: one sentence and a remedy; the scene is unchanged.
    """
    job = WrapJob(obj, landmarks, like=like, bundle=bundle)
    for step in job.compute(cancelled):
        if progress is not None:
            progress(step)
    return job.finish()


def forget_wrap(obj: bpy.types.Object) -> bool:
    """Takes the wrap out of a head's mesh; landmarks, strengths and bakes stay. Returns whether there was one."""
    return wrap_job.forget(obj)


def face_from_photos(
    photos: Sequence[str | Path | PhotoInput],
    *,
    name: str = "",
    like: str = "",
    bundle: str = "",
    size: int = 2048,
    textured: bool = True,
    progress: Callable[[Step], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> PhotoResult:
    """Adds a neutral, textured face of the person in photos, straight through; it performs like a sample face.

    Args:
        photos: of one person; files, or `PhotoInput` where landmarks are given, or which of several faces is meant.
            Without the landmark finder (an extra in the preferences) each needs landmarks.
        name: of the face; empty for that of the first photo.
        like: whose head it gets, a word of a generator's name such as "ict"; empty for the first that reads photos.
        bundle: path of the one generator to use; empty for the one that ships and all model packs.
        size: pixels of the texture's side, 256 to 4096.
        textured: whether there is to be a texture at all.
        progress: called with each step of the work.
        cancelled: asked before each step.

    Raises:
        MienError: one sentence and a remedy; the scene is unchanged.
    """
    given = [photos] if isinstance(photos, str | Path | PhotoInput) else list(photos)
    inputs = [one if isinstance(one, PhotoInput) else PhotoInput(Path(one)) for one in given]
    job = PhotoJob(inputs, name=name, like=like, bundle=bundle, size=size, textured=textured)
    for step in job.compute(cancelled):
        if progress is not None:
            progress(step)
    return job.finish()


def add_expression(  # noqa: PLR0917 - the order of figure 2, and of core's Cue
    obj: bpy.types.Object,
    expression: str,
    intensity: float,
    start: float,
    apex_start: float,
    apex_end: float,
    end: float,
) -> None:
    """Keys one cue on the face's strengths; see `motion.write_cue`.

    Args:
        obj: the face.
        expression: angry, disgust, fear, happy, sad or surprise.
        intensity: 0..1 (up to 1.5).
        start: frame, the last at rest.
        apex_start: frame at which the expression is fully there.
        apex_end: frame at which it begins to fade.
        end: frame at which the face is at rest again.

    Raises:
        MotionError: unknown expression, frames out of order, intensity out of range.
        MeshError: the object or its animation is linked or shared.
    """
    cue = engine.Cue(expression, intensity, start, apex_start, apex_end, end)
    if obj.library or obj.override_library:
        raise engine.MeshError(f"{obj.name} is linked from another file.", "Make it local first.")
    motion.write_cue(obj, cue)


def set_take(
    obj: bpy.types.Object,
    seed: int | str | None = None,
    *,
    variation: float | None = None,
    life: float | bool | None = None,
) -> None:
    """Chooses which natural performance a face gives of its expressions, and how much life; previews show it at once.

    The same settings are `obj.mien.vary`, `.seed`, `.variation`, `.life` and `.life_amount`. `new_take` chooses by
    chance.

    Args:
        obj: the face.
        seed: 0 or above; "none" for the calm mean performance; None as it is. Life keeps its seed in a calm face.
        variation: how far performances differ from the mean, 0..1.5; None as it is.
        life: how large the small movements beside the blinks are, 0..1, 0 or False for neither; None as it is.

    Raises:
        MotionError: a number out of range; nothing was changed.
    """
    takes.change(obj, seed, variation=variation, life=life)


def remove_bake(obj: bpy.types.Object, name: str = "") -> int:
    """Takes a bake away; after the last one the face is exactly as before the first.

    Args:
        obj: the face.
        name: of the bake; empty for the one that plays, or the last one.

    Returns:
        How many shape keys went.

    Raises:
        MeshError: there is none.
    """
    return bakes.remove(obj, _number(obj, name))


def duplicate_bake(obj: bpy.types.Object, name: str = "", new_name: str = "") -> str:
    """Copies a bake, with keys and action of its own; returns the copy's name. See `bake_copies.duplicate`."""
    return bake_copies.duplicate(obj, _number(obj, name), new_name)


def play_bake(obj: bpy.types.Object, name: str) -> None:
    """Lets one of the face's bakes play, and no other; with an empty name none.

    Raises:
        MeshError: there is none of this name.
    """
    obj.data.mien.active = _number(obj, name) if name else -1


def _number(obj: bpy.types.Object, name: str) -> int:
    own = obj.data.mien if obj.type == "MESH" else None
    if own is None or not len(own.bakes):
        raise engine.MeshError(f"{obj.name} has no bake of Mien.")
    if not name:
        return own.active if 0 <= own.active < len(own.bakes) else len(own.bakes) - 1
    number = records.number_of(obj.data, name)
    if number < 0:
        raise engine.MeshError(f"{obj.name} has no bake {name!r}.", "Choose one from its list of bakes.")
    return number


def bake(
    obj: bpy.types.Object,
    *,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    **options: Any,
) -> BakeResult:
    """Bakes the strengths of a face, straight through.

    Args:
        obj: the face.
        progress: called with (frames done, frames in all).
        cancelled: asked before each step.
        options: see `BakeJob`.

    Raises:
        MienError: one sentence and a remedy; the scene is unchanged.
    """
    if len(obj.mien_parts.parts):
        bpy.context.view_layer.update()  # a part that a script has turned is turned only now
    job = BakeJob(obj, **options)
    for done, total in job.compute(cancelled):
        if progress is not None:
            progress(done, total)
    return job.finish()


def bake_again(obj: bpy.types.Object, name: str = "", **more: Any) -> BakeResult:
    """Bakes a performance once more exactly as it is on record, whatever the keys and the settings say by now.

    Args:
        obj: the face.
        name: of the bake; empty for the one that plays.
        more: `engine_name`, `device`, `progress`, `cancelled` of `bake`.

    Raises:
        MienError: there is no such bake, its record is damaged, or its generator is not installed any more.

    A bake of an earlier version of the generator stays, and the new one stands beside it; the result says so.
    """
    entry = obj.data.mien.bakes[_number(obj, name)]
    return bake(obj, recorded=entry.name, **more)
