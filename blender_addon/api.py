"""Mien from a script: the same plain functions that the buttons and the command line call.

from bl_ext.user_default.mien import api

face = api.add_sample_face()
api.add_expression(face, "happy", intensity=0.8, start=1, apex_start=14, apex_end=34, end=54)
print(api.bake(face, start=1, end=60))
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import bpy

from . import bake as baking
from . import engine, motion, packs
from .alignment import turned
from .sample_face import add_sample_face
from .version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .mesh_bridge import Fit

__all__ = ["BakeJob", "BakeResult", "add_expression", "add_sample_face", "bake", "fit", "install_pack", "remove_bake"]

install_pack = packs.install


@dataclass(frozen=True)
class BakeResult:
    """What a bake did.

    Attributes:
        object: name of the face.
        start: first baked frame.
        end: last baked frame.
        keys: names of the shape keys, one a frame.
        engine: what computed, such as "numpy on cpu".
        notes: what the person should know, sentences.
    """

    object: str
    start: int
    end: int
    keys: list[str]
    engine: str
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """One sentence, and the notes."""
        done = f"{self.object} performs from frame {self.start} to {self.end} ({self.engine})."
        return " ".join([done, *self.notes])


def fit(obj: bpy.types.Object, *, bundle: str = "") -> Fit:
    """Whether a face fits, in which layout, at what scale and turn; see `mesh_bridge.Fit`.

    Looked for is the template of the bundle, or without one those of the default bundle and all model packs.
    """
    return packs.fit(obj, bundle)[0]


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


def remove_bake(obj: bpy.types.Object) -> int:
    """Takes the bake away, exactly; returns how many shape keys went. MeshError where there is none."""
    return baking.remove(obj)


class BakeJob:
    """A bake in three steps, so that a window can stay awake: make it, walk through `compute`, then `finish`.

    The frames go onto the mesh as they come, in keys that stand at 0; no copy of the performance is kept. Whoever does
    not go on to the end calls `abort` and has changed nothing; what fails has called it already.

    Args:
        obj: the face.
        scene: whose frame rate counts; default, the context's.
        start: first frame; default, the scene's.
        end: last frame; default, the scene's.
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
        start: int | None = None,
        end: int | None = None,
        engine_name: str = "auto",
        device: str = "auto",
        bundle: str = "",
    ) -> None:
        scene = scene or bpy.context.scene
        self._fit, self._loaded = packs.fit(obj, bundle, cached=True)
        self._fit.demand()
        self._object, self._vertices = obj, len(obj.data.vertices)
        first = scene.frame_start if start is None else start
        last = scene.frame_end if end is None else end
        self._generator = engine.generator(self._loaded.path, engine_name, device)
        rate = self._generator.frame_rate
        self.performance = motion.performance(obj, first, last, motion.frame_rate_of(scene), rate)
        about = {
            "mien": VERSION,
            "bundle": self._loaded.digest,
            "engine": self._generator.engine_name,
            "labels": [float(self.performance.labels.min()), float(self.performance.labels.max())],
        }
        self._writer = baking.Writer(obj, self._fit.layout.moving, self.performance.start, about)

    def compute(self, cancelled: Callable[[], bool] | None = None) -> Iterator[tuple[int, int]]:
        """Generates the frames, a few at each step; yields (frames done, frames in all)."""
        wanted, total = self.performance, self.performance.frame_count
        layout, to_local = self._fit.layout, self._fit.to_local
        try:
            frames = self._generator.stream(wanted.labels, times=wanted.times, cancelled=cancelled, reuse=True)
            for first, deformation in frames:
                self._check_unchanged()
                self._writer.add(turned(layout.on_object(deformation), to_local))
                yield first + len(deformation), total
        except BaseException:
            self.abort()
            raise

    def finish(self) -> BakeResult:
        """Writes the curves; all or nothing. To be called when `compute` is through."""
        try:
            self._check_unchanged()
            names = self._writer.finish()
        except BaseException:
            self.abort()
            raise
        obj, start = self._object, self.performance.start
        where = f"{self._generator.engine_name} on {self._generator.device_name}"
        return BakeResult(obj.name, start, start + len(names) - 1, names, where, self.performance.notes)

    def abort(self) -> None:
        """Takes what was written off the mesh again."""
        self._writer.abort()

    def _check_unchanged(self) -> None:
        obj = self._object
        try:
            obj.name  # noqa: B018 - Blender raises for what it has freed
        except ReferenceError as problem:
            raise engine.MeshError("The face is gone; it was deleted while Mien computed.") from problem
        if len(obj.data.vertices) != self._vertices or obj.mode != "OBJECT" or obj.data.is_editmode:
            raise engine.MeshError(f"{obj.name} was changed while Mien computed.", "Bake again.")


def bake(
    obj: bpy.types.Object,
    *,
    scene: bpy.types.Scene | None = None,
    start: int | None = None,
    end: int | None = None,
    engine_name: str = "auto",
    device: str = "auto",
    bundle: str = "",
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> BakeResult:
    """Bakes the strengths keyed on a face to shape keys, straight through.

    Args:
        obj: the face.
        scene: whose frame rate and range count; default, the context's.
        start: first frame; default, the scene's.
        end: last frame; default, the scene's.
        engine_name: "auto", "torch" or "numpy".
        device: "auto", "cuda", "mps" or "cpu".
        bundle: path; empty for the one that knows the face, of that which ships with Mien and all model packs.
        progress: called with (frames done, frames in all).
        cancelled: asked before each step.

    Raises:
        MienError: one sentence and a remedy; the scene is unchanged.
    """
    job = BakeJob(obj, scene=scene, start=start, end=end, engine_name=engine_name, device=device, bundle=bundle)
    for done, total in job.compute(cancelled):
        if progress is not None:
            progress(done, total)
    return job.finish()
