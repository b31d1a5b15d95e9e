"""What a bake shall perform: read from a face and its scene, or from the record of an earlier bake."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import bpy

from .. import engine, shaping, takes
from ..timeline import motion
from . import bake_cache, records
from .ways import WAYS, way_of

if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

_NAMED = 3
"""A bake of more expressions is not called after them."""


@dataclass(frozen=True)
class Wanted:
    """What is to be performed.

    Attributes:
        performance: labels, times and frames.
        settings: the shaping, see `shaping.settings_of`.
        take: which performance, and how much life, as far as the generator can.
        notes: what it cannot, sentences.
        name: of the bake.
        way: see ways.py.
        tolerance: mm, for "compact".
        step: frames from one baked frame to the next.
        fps: frames a second.
        replaced: number of the bake that it takes the place of; -1 for none.
        cache: file of the point cache, where one is asked for.
    """

    performance: motion.Performance
    settings: dict[str, Any]
    take: engine.Take
    notes: list[str]
    name: str
    way: str
    tolerance: float
    step: float
    fps: float
    replaced: int
    cache: Path | None


def from_face(
    obj: bpy.types.Object,
    scene: bpy.types.Scene,
    generator: engine.Generator,
    *,
    start: float | None = None,
    end: float | None = None,
    step: float = 1.0,
    way: str = "keys",
    tolerance: float = 0.05,
    name: str = "",
    new: bool = False,
    cache: str | Path = "",
    seed: int | str | None = None,
    variation: float | None = None,
    life: float | bool | None = None,
) -> Wanted:
    """What the face's strengths say; see `BakeJob` for the arguments.

    Args:
        obj: the face.
        scene: whose range and frame rate count.
        generator: that performs.
        start: first frame.
        end: last frame.
        step: frames.
        way: to bake.
        tolerance: mm.
        name: of the bake.
        new: beside the others.
        cache: file.
        seed: of the take; "none" for the calm one; None as the face has it.
        variation: 0..1.5; None as the face has it.
        life: 0..1; None as the face has it.

    Raises:
        MotionError: there is nothing to perform, or an argument makes no sense.
    """
    if way_of(way) is None:
        raise engine.MotionError(
            f"There is no way to bake called {way!r}.", f"Choose from {', '.join(one.name for one in WAYS)}."
        )
    if not tolerance > 0:
        raise engine.MotionError(f"The tolerance of {tolerance:g} mm is not above 0.", "Give 0.05, for example.")
    played, fps = motion.played_range(scene), motion.frame_rate_of(scene)
    first, last = (played[0] if start is None else start), (played[1] if end is None else end)
    take, notes = takes.possible(takes.asked(obj, seed, variation, life), generator)
    notes = [*takes.unheard(obj, seed, variation), *notes] if generator.varies else notes
    rate, still = generator.frame_rate, take.life > 0
    performance = motion.performance(obj, first, last, fps, rate, step=step, still=still)
    replaced = _replaced(obj.data, name, new)
    if replaced >= 0:
        name = obj.data.mien.bakes[replaced].name
    else:
        name = records.free_name(obj.data, name or _name_for(performance.heard))
    place = Path(bpy.path.abspath(str(cache))).resolve() if cache else None
    settings = shaping.settings_of(obj)
    return Wanted(performance, settings, take, notes, name, way, tolerance, step, fps, replaced, place)


def _replaced(mesh: bpy.types.Mesh, name: str, new: bool) -> int:
    """Number of the bake that the new one takes the place of; -1 for none."""
    own = mesh.mien
    if new:
        return -1
    finished = [number for number, one in enumerate(own.bakes) if not one.unfinished]
    if name:
        return next((number for number in finished if own.bakes[number].name == name), -1)
    return own.active if own.active in finished else -1


def _name_for(labels: NDArray[np.float32]) -> str:
    heard = [name.capitalize() for name, column in zip(engine.EXPRESSIONS, labels.T, strict=True) if column.any()]
    if not heard:
        return "Life"
    return ", ".join(heard) if len(heard) <= _NAMED else "Performance"


def from_record(
    obj: bpy.types.Object, generator: engine.Generator, name: str, about: dict[str, Any], note: str = ""
) -> Wanted:
    """What the record of a bake says.

    Args:
        obj: the face.
        generator: that performs.
        name: of the bake.
        about: its record.
        note: where it cannot be the same: then it becomes another bake beside that one.

    Raises:
        MotionError: the record is damaged or of another Mien.
    """
    labels, times, frames = records.labels_in(about)
    way = str(about.get("way"))
    try:
        numbers = [float(about[key]) for key in ("tolerance", "step", "fps")]
        settings = {key: float(about["shaping"][key]) for key in shaping.NAMES}
        settings["mask"] = str(about["shaping"]["mask"])
    except (KeyError, TypeError, ValueError) as problem:
        raise engine.MotionError("The record of this bake is damaged.", "Bake anew from the keys.") from problem
    if way_of(way) is None or not all(number > 0 for number in numbers):
        raise engine.MotionError("The record of this bake is damaged.", "Bake anew from the keys.")
    # Never the file that it was: an undo, a copy of the face or another .blend may still play that.
    replaced = -1 if note else records.number_of(obj.data, name)
    name = records.free_name(obj.data, name) if note else name
    cache = bake_cache.fresh_path(obj, name, Path(str(about["cache"]))) if about.get("cache") else None
    take, notes = takes.possible(takes.from_record(about), generator)
    performance, notes = motion.Performance(labels, times, frames), [*([note] if note else []), *notes]
    return Wanted(performance, settings, take, notes, name, way, *numbers, replaced, cache)
