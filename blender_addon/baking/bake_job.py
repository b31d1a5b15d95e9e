"""One bake from beginning to end: strengths are read, frames generated, shaped, and handed to the way to bake."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import bpy

from .. import engine, neutrals, packs, shaping, takes
from ..version import VERSION
from . import bake, bakes, completing, players, records
from .bake_cache import CacheWriter
from .bake_sliders import CompactWriter, SliderWriter
from .completing import Role
from .players import Player
from .wanted import from_face, from_record
from .ways import way_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Any


_WRITERS: dict[str, type[bake.Writer]] = {
    "keys": bake.FrameWriter,
    "absolute": bake.AbsoluteWriter,
    "compact": CompactWriter,
    "own": SliderWriter,
    "cache": CacheWriter,
}


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
        parts: names of the objects that move along.
        files: what was written beside the .blend.
        seed: of the take; None for the calm mean performance.
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
    parts: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    seed: int | None = None

    def __str__(self) -> str:
        """One or two sentences, and the notes."""
        count = f"{len(self.parts)} part{'s' if len(self.parts) > 1 else ''}"
        who = f"{self.object} and {count} perform" if self.parts else f"{self.object} performs"
        who += "" if self.seed is None else f" take {self.seed}"
        done = f"{who} from frame {self.start:g} to {self.end:g} ({self.engine})."
        if self.way in ("compact", "own"):
            count = f"{len(self.keys)} shape keys, " if self.keys else ""
            done += f" {count.capitalize()}{self.megabytes:,.1f} MB, at most {self.error_mm:.2f} mm off."
        return " ".join([done, *self.notes])


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
        seed: of the take and its life, 0 or above; "none" for the calm performance; default, as the face has it.
        variation: how far takes differ from the calm mean, 0..1.5; default, as the face has it.
        life: how large the small movements beside the blinks are, 0..1, 0 for neither; default, as the face has it.
        recorded: name of a bake that is baked once more from its record; everything above but the scene is ignored.
            Where an earlier version of its generator made it, the new bake stands beside it.
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
        source, note = packs.of_record(obj, about) if recorded else (bundle, "")
        self._fit, self._loaded = packs.fit(obj, source, cached=True)
        self._fit.demand()
        bakes.check_free(obj)
        self._object = obj
        every = [Player(obj, self._fit), *players.parts_of(obj, self._fit)]
        generator = engine.generator(self._loaded.path, engine_name, device)
        if recorded:
            self._wanted = from_record(obj, generator, recorded, about, note)
        else:
            self._wanted = from_face(obj, scene, generator, **wanted)
        self.performance = self._wanted.performance
        self._performer = generator.on(neutrals.identity_of(obj, self._fit, generator), self._wanted.take)
        self._stop: Callable[[], bool] | None = None
        self._closed = False
        self._left_out: list[str] = []
        self._cast: list[Role] = []
        try:
            for one in every:
                self._join(one)
        except BaseException:
            self.abort()
            raise

    def compute(self, cancelled: Callable[[], bool] | None = None) -> Iterator[tuple[int, int]]:
        """Generates the frames, a few at each step; yields (frames done, frames in all)."""
        self._stop = cancelled
        total, wanted = self.performance.frame_count, self.performance
        # Life's clock is the scene's, not that of the labels: they begin elsewhere in every range.
        seconds = wanted.seconds(self._wanted.fps)
        lives = self._performer.lives and not shaping.spares(self._wanted.settings)
        try:
            frames = self._performer.stream(
                wanted.labels, times=wanted.times, seconds=seconds, reuse=True, cancelled=cancelled
            )
            for first, deformation in frames:
                self._check_unchanged()
                done = first + len(deformation)
                life = self._performer.life_at(seconds[first:done]) if lives else None
                for role in self._cast:
                    role.writer.add(role.shaper.offsets(deformation, life))
                    completing.stage(role, self._so_far(done))
                yield done, total
            self._check_unchanged()
            for role in self._cast:
                for _ in role.writer.close():
                    self._check_unchanged()
                    yield total, total
        except BaseException:
            self.abort()
            raise

    def finish(self) -> BakeResult:
        """Animates what was made; all or nothing. To be called when `compute` is through."""
        try:
            self._check_unchanged()
            completing.complete(self._cast, self._about(), self._wanted.replaced)
        except BaseException:
            self.abort()
            raise
        self._closed = True
        wanted, frames = self._wanted, self.performance.frames
        where = f"{self._performer.engine_name} on {self._performer.device_name}"
        cautions = way_of(wanted.way).cautions
        notes = [*wanted.notes, *self.performance.notes, *([cautions] if cautions else []), *self._about_left_out()]
        return BakeResult(
            self._object.name,
            wanted.name,
            wanted.way,
            float(frames[0]),
            float(frames[-1]),
            list(self._cast[0].writer.names),
            where,
            self._error,
            self._megabytes,
            notes,
            [role.obj.name for role in self._cast[1:]],
            [file for role in self._cast for file in role.writer.files],
            wanted.take.seed if takes.varies(wanted.take) else None,
        )

    def abort(self) -> None:
        """Takes what was written off the meshes again; an object that is gone needs nothing."""
        if self._closed:
            return
        self._closed = True
        for role in self._cast:
            with contextlib.suppress(ReferenceError), bakes.out_of_edit_mode(role.obj):
                role.writer.abort()
                completing.unstage(role)

    def _join(self, player: Player) -> None:
        """One more object that performs; the first is the face."""
        wanted, layout, obj = self._wanted, player.fit.layout, player.obj
        assert layout is not None
        face = self._cast[0] if self._cast else None
        plan = bake.Plan(
            obj,
            layout.moving,
            wanted.performance.frames,
            wanted.step,
            wanted.name,
            player.fit.scale,
            wanted.tolerance,
            wanted.cache,
            lambda: self._stop is not None and self._stop(),
        )
        writer = _WRITERS[wanted.way](plan) if face is None else face.writer.for_part(plan)
        if writer is None:
            self._left_out.append(obj.name)
            return
        shaper = shaping.Shaper(obj, player.fit, wanted.settings, of_part=face is not None)
        leader = None if face is None else face.obj
        self._cast.append(Role(obj, writer, shaper, len(obj.data.vertices), leader))

    def _about_left_out(self) -> list[str]:
        if not self._left_out:
            return []
        some = ", ".join(self._left_out)
        return [f"Not moved along, since no shape key there has the name of one of the face's: {some}."]

    @property
    def _error(self) -> float:
        return max(role.writer.error_mm for role in self._cast)

    @property
    def _megabytes(self) -> float:
        return sum(role.writer.size for role in self._cast) / 1e6

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
            "engine": self._performer.engine_name,
            **takes.to_record(wanted.take),
            "way": wanted.way,
            "tolerance": wanted.tolerance,
            "step": wanted.step,
            "fps": wanted.fps,
            "shaping": wanted.settings,
            "labels": records.to_text(performance.labels),
            "times": records.to_text(performance.times),
            "frames": records.to_text(performance.frames),
            "error_mm": self._error,
            "megabytes": self._megabytes,
        }

    def _check_unchanged(self) -> None:
        for role in self._cast:
            obj = role.obj
            try:
                obj.name  # noqa: B018 - Blender raises for what it has freed
            except ReferenceError as problem:
                who = "The face" if role.leader is None else "A part of the face"
                raise engine.MeshError(f"{who} is gone; it was deleted while Mien computed.") from problem
            if len(obj.data.vertices) != role.vertices or obj.mode != "OBJECT" or obj.data.is_editmode:
                raise engine.MeshError(f"{obj.name} was changed while Mien computed.", "Bake again.")
