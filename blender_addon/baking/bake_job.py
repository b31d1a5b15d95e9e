"""One bake from beginning to end: strengths are read, frames generated, shaped, and handed to the way to bake."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import bpy

from .. import engine, packs, shaping
from ..timeline import motion
from ..version import VERSION
from . import bake, bake_cache, bakes, records
from .bake_cache import CacheWriter
from .bake_sliders import CompactWriter, SliderWriter
from .ways import WAYS, way_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

_WRITERS: dict[str, type[bake.Writer]] = {
    "keys": bake.FrameWriter,
    "absolute": bake.AbsoluteWriter,
    "compact": CompactWriter,
    "own": SliderWriter,
    "cache": CacheWriter,
}
_NAMED = 3
"""A bake of more expressions is not called after them."""


@dataclass(frozen=True)
class BakeResult:
    """What a bake did.

    Attributes:
        object: name of the face.
        name: of the bake.
        way: how it was baked, see ways.py.
        start: first baked frame.
        end: last baked frame.
        keys: names of the shape keys that were made.
        engine: what computed, such as "numpy on cpu".
        error_mm: largest distance of any vertex in any frame from the generated motion, mm.
        megabytes: what it takes in the file, uncompressed.
        notes: what the person should know, sentences.
    """

    object: str
    name: str
    way: str
    start: float
    end: float
    keys: list[str]
    engine: str
    error_mm: float = 0.0
    megabytes: float = 0.0
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """One or two sentences, and the notes."""
        done = f"{self.object} performs from frame {self.start:g} to {self.end:g} ({self.engine})."
        if self.way in ("compact", "own"):
            count = f"{len(self.keys)} shape keys, " if self.keys else ""
            done += f" {count.capitalize()}{self.megabytes:,.1f} MB, at most {self.error_mm:.2f} mm off."
        return " ".join([done, *self.notes])


@dataclass(frozen=True)
class _Wanted:
    """What is to be performed, read from the face or from a record."""

    performance: motion.Performance
    settings: dict[str, Any]
    name: str
    way: str
    tolerance: float
    step: float
    fps: float
    replaced: int
    cache: Path | None


class BakeJob:
    """A bake in three steps, so that a window can stay awake: make it, walk through `compute`, then `finish`.

    Whoever does not go on to the end calls `abort` and has changed nothing; what fails has called it already.

    Args:
        obj: the face.
        scene: whose frame rate counts; default, the context's.
        start: first frame; default, the first that the scene plays.
        end: last frame; default, the last that the scene plays.
        step: frames from one baked frame to the next.
        way: "keys", "absolute", "compact", "own" or "cache"; see ways.py.
        tolerance: mm, for "compact".
        name: of the bake. One of this name is replaced; empty for the one that plays, and where none does, a new one
            called after the expressions.
        new: make a new bake, whatever the name.
        cache: file of the point cache, for "cache"; default, in mien_cache beside the .blend.
        recorded: name of a bake that is baked once more from its record; everything above but the scene is ignored.
        engine_name: "auto", "torch" or "numpy".
        device: "auto", "cuda", "mps" or "cpu".
        bundle: path; empty for the one that knows the face, of that which ships with Mien and all model packs.

    Raises:
        MienError: the face does not fit, there is nothing to perform, the bundle or the device is not there.
    """

    def __init__(
        self,
        obj: bpy.types.Object,
        *,
        scene: bpy.types.Scene | None = None,
        engine_name: str = "auto",
        device: str = "auto",
        bundle: str = "",
        recorded: str = "",
        **wanted: Any,
    ) -> None:
        scene = scene or bpy.context.scene
        about = records.about_of(obj.data, recorded) if recorded else {}
        source = str(packs.of_digest(about.get("bundle", ""))) if recorded else bundle
        self._fit, self._loaded = packs.fit(obj, source, cached=True)
        self._fit.demand()
        bakes.check_free(obj)
        self._object, self._vertices = obj, len(obj.data.vertices)
        self._generator = engine.generator(self._loaded.path, engine_name, device)
        rate = self._generator.frame_rate
        if recorded:
            self._wanted = _from_record(obj, recorded, about)
        else:
            self._wanted = _from_face(obj, scene, rate, **wanted)
        self.performance = self._wanted.performance
        self._stop: Callable[[], bool] | None = None
        self._shaper = shaping.Shaper(obj, self._fit, self._wanted.settings)
        self._before = bakes.before_first(obj)
        self._writer = _WRITERS[self._wanted.way](self._plan())
        self._closed = False

    def compute(self, cancelled: Callable[[], bool] | None = None) -> Iterator[tuple[int, int]]:
        """Generates the frames, a few at each step; yields (frames done, frames in all)."""
        self._stop = cancelled
        wanted, total = self.performance, self.performance.frame_count
        try:
            frames = self._generator.stream(wanted.labels, times=wanted.times, cancelled=cancelled, reuse=True)
            for first, deformation in frames:
                self._check_unchanged()
                self._writer.add(self._shaper.offsets(deformation))
                bakes.stage(self._object, self._writer, self._so_far(first + len(deformation)), self._before)
                yield first + len(deformation), total
            self._check_unchanged()
            for _ in self._writer.close():
                self._check_unchanged()
                yield total, total
        except BaseException:
            self.abort()
            raise

    def finish(self) -> BakeResult:
        """Animates what was made; all or nothing. To be called when `compute` is through."""
        try:
            self._check_unchanged()
            about = self._about()
            bakes.complete(self._object, self._writer, about, self._before, self._wanted.replaced)
        except BaseException:
            self.abort()
            raise
        self._closed = True
        wanted, frames = self._wanted, self.performance.frames
        where = f"{self._generator.engine_name} on {self._generator.device_name}"
        cautions = way_of(wanted.way).cautions
        notes = [*self.performance.notes, *([cautions] if cautions else [])]
        return BakeResult(
            self._object.name,
            wanted.name,
            wanted.way,
            float(frames[0]),
            float(frames[-1]),
            list(self._writer.names),
            where,
            self._writer.error_mm,
            self._writer.size / 1e6,
            notes,
        )

    def abort(self) -> None:
        """Takes what was written off the mesh again; an object that is gone needs nothing."""
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(ReferenceError), bakes.out_of_edit_mode(self._object):
            self._writer.abort()
            bakes.unstage(self._object, self._writer, self._before)

    def _plan(self) -> bake.Plan:
        wanted, layout = self._wanted, self._fit.layout
        assert layout is not None
        return bake.Plan(
            self._object,
            layout.moving,
            wanted.performance.frames,
            wanted.step,
            wanted.name,
            self._fit.scale,
            wanted.tolerance,
            wanted.cache,
            lambda: self._stop is not None and self._stop(),
        )

    def _so_far(self, count: int) -> dict[str, Any]:
        return {"frames_done": count, **self._span()}

    def _span(self) -> dict[str, Any]:
        frames = self.performance.frames
        return {"start": float(frames[0]), "end": float(frames[-1])}

    def _about(self) -> dict[str, Any]:
        """Provenance: all that is needed to bake the same again, and what it came to."""
        wanted, performance = self._wanted, self.performance
        return {
            **self._span(),
            "mien": VERSION,
            "bundle": self._loaded.digest,
            "bundle_title": self._loaded.title,
            "engine": self._generator.engine_name,
            "seed": None,
            "way": wanted.way,
            "tolerance": wanted.tolerance,
            "step": wanted.step,
            "fps": wanted.fps,
            "shaping": wanted.settings,
            "labels": records.to_text(performance.labels),
            "times": records.to_text(performance.times),
            "frames": records.to_text(performance.frames),
            "error_mm": self._writer.error_mm,
            "megabytes": self._writer.size / 1e6,
        }

    def _check_unchanged(self) -> None:
        obj = self._object
        try:
            obj.name  # noqa: B018 - Blender raises for what it has freed
        except ReferenceError as problem:
            raise engine.MeshError("The face is gone; it was deleted while Mien computed.") from problem
        if len(obj.data.vertices) != self._vertices or obj.mode != "OBJECT" or obj.data.is_editmode:
            raise engine.MeshError(f"{obj.name} was changed while Mien computed.", "Bake again.")


def _from_face(
    obj: bpy.types.Object,
    scene: bpy.types.Scene,
    rate: float,
    *,
    start: float | None = None,
    end: float | None = None,
    step: float = 1.0,
    way: str = "keys",
    tolerance: float = 0.05,
    name: str = "",
    new: bool = False,
    cache: str | Path = "",
) -> _Wanted:
    if way_of(way) is None:
        raise engine.MotionError(
            f"There is no way to bake called {way!r}.", f"Choose from {', '.join(one.name for one in WAYS)}."
        )
    if not tolerance > 0:
        raise engine.MotionError(f"The tolerance of {tolerance:g} mm is not above 0.", "Give 0.05, for example.")
    played, fps = motion.played_range(scene), motion.frame_rate_of(scene)
    first, last = (played[0] if start is None else start), (played[1] if end is None else end)
    performance = motion.performance(obj, first, last, fps, rate, step=step)
    replaced = _replaced(obj.data, name, new)
    if replaced >= 0:
        name = obj.data.mien.bakes[replaced].name
    else:
        name = records.free_name(obj.data, name or _name_for(performance.labels))
    place = Path(bpy.path.abspath(str(cache))).resolve() if cache else None
    return _Wanted(performance, shaping.settings_of(obj), name, way, tolerance, step, fps, replaced, place)


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
    return ", ".join(heard) if len(heard) <= _NAMED else "Performance"


def _from_record(obj: bpy.types.Object, name: str, about: dict[str, Any]) -> _Wanted:
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
    cache = bake_cache.fresh_path(obj, name, Path(str(about["cache"]))) if about.get("cache") else None
    performance = motion.Performance(labels, times, frames)
    return _Wanted(performance, settings, name, way, *numbers, records.number_of(obj.data, name), cache)
