"""What the six strengths of a face are at any frame: F-curves read by themselves, drivers and the NLA by Blender."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import bpy
import numpy as np

from .. import fcurves
from ..engine import EXPRESSIONS

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from numpy.typing import NDArray


def path_of(name: str) -> str:
    """The data path of an expression's strength, from the object on."""
    return f"mien.{name}"


class Tracks:
    """The six strengths of one face as they are animated now. Made anew whenever it is asked: it is cheap.

    Attributes:
        by_blender: some are driven or lie in the NLA, and only Blender can tell their values; `sample` is then slow,
            and not for handlers.
        first: frame of the first key; None where nothing is keyed.
    """

    def __init__(self, obj: bpy.types.Object) -> None:
        self._object = obj
        animation = obj.animation_data
        curves = fcurves.curves_of(obj)
        driven = {driver.data_path for driver in animation.drivers} if animation else set()
        self._driven = driven & {path_of(name) for name in EXPRESSIONS}
        self._strips = [strip for track in _heard(animation) for strip in track.strips] if animation else []
        self.by_blender = bool(self._driven or self._strips)
        self._curves = [_alive(curves.find(path_of(name))) if curves is not None else None for name in EXPRESSIONS]
        starts = [curve.range()[0] for curve in self._curves if curve is not None]
        starts += [strip.frame_start for strip in self._strips]
        self.first: float | None = float(min(starts)) if starts else None

    def sample(self, frames: NDArray[np.float64]) -> NDArray[np.float64]:
        """The strengths at (n,) frames, in the animation's own time: (n, 6), as keyed, unclipped."""
        if self.by_blender:
            return _asked(self._object, frames)
        return np.stack([self._column(number, frames) for number in range(len(EXPRESSIONS))], axis=1)

    def _column(self, number: int, frames: NDArray[np.float64]) -> NDArray[np.float64]:
        curve = self._curves[number]
        if curve is None:
            return np.full(len(frames), float(getattr(self._object.mien, EXPRESSIONS[number])))
        evaluate = curve.evaluate
        return np.array([evaluate(frame) for frame in frames.tolist()])

    def mark(self) -> Hashable:
        """Changes whenever `sample` may give something else, but for what drivers read elsewhere."""
        fixed = [
            None if curve is not None else float(getattr(self._object.mien, name))
            for name, curve in zip(EXPRESSIONS, self._curves, strict=True)
        ]
        parts: list[Hashable] = [tuple(fixed), *(_mark(curve) for curve in self._curves if curve is not None)]
        parts += [_settings(strip, deep=True) for strip in self._strips]
        animation = self._object.animation_data
        for driver in animation.drivers if self._driven else ():
            parts.append((driver.data_path, driver.driver.type, driver.driver.expression, driver.mute))
        return tuple(parts)


def _heard(animation: bpy.types.AnimData) -> list[bpy.types.NlaTrack]:
    tracks = list(animation.nla_tracks) if animation.use_nla else []
    alone = [track for track in tracks if track.is_solo]
    return [track for track in alone or tracks if track.strips and not track.mute]


def _alive(curve: bpy.types.FCurve | None) -> bpy.types.FCurve | None:
    return None if curve is None or curve.mute or curve.is_empty else curve


def _mark(curve: bpy.types.FCurve) -> Hashable:
    count = len(curve.keyframe_points)
    numbers = np.empty((3, count * 2), np.float32)
    for row, name in zip(numbers, ("co", "handle_left", "handle_right"), strict=True):
        curve.keyframe_points.foreach_get(name, row)
    kinds = np.empty((2, count), np.int32)
    for row, name in zip(kinds, ("interpolation", "easing"), strict=True):
        curve.keyframe_points.foreach_get(name, row)
    modifiers = tuple(_settings(modifier) for modifier in curve.modifiers)
    return numbers.tobytes(), kinds.tobytes(), curve.extrapolation, modifiers


def _settings(thing: bpy.types.bpy_struct, deep: bool = False) -> Hashable:
    """All simple properties of something, as text; of a strip also the keys it plays."""
    values = [f"{key}={getattr(thing, key)!r}" for key in thing.bl_rna.properties.keys() if key != "rna_type"]  # noqa: SIM118
    action = getattr(thing, "action", None) if deep else None
    curves = fcurves.curves_in(action, getattr(thing, "action_slot", None)) if action is not None else ()
    keyed = [_mark(curve) for curve in curves or () if curve.data_path.startswith("mien.")]
    return tuple(values), tuple(keyed)


def _asked(obj: bpy.types.Object, frames: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lets Blender play a stand-in, a copy with nothing but the animation, in a scene of its own."""
    values = np.zeros((len(frames), len(EXPRESSIONS)))
    with _stand_in(obj) as (copy, scene):
        layer = scene.view_layers[0]
        for row, frame in zip(values, frames, strict=True):
            whole = int(np.floor(frame))
            scene.frame_set(whole, subframe=min(float(frame - whole), 0.99999))
            seen = copy.evaluated_get(layer.depsgraph).mien
            row[:] = [getattr(seen, name) for name in EXPRESSIONS]
    return values


@contextlib.contextmanager
def _stand_in(obj: bpy.types.Object) -> Iterator[tuple[bpy.types.Object, bpy.types.Scene]]:
    scene = bpy.data.scenes.new("Mien")
    copy = obj.copy()
    mesh = bpy.data.meshes.new("Mien")
    try:
        copy.data = mesh
        copy.parent = None
        copy.modifiers.clear()
        copy.constraints.clear()
        for driver in list(copy.animation_data.drivers):
            if not driver.data_path.startswith("mien."):
                copy.animation_data.drivers.remove(driver)
        scene.collection.objects.link(copy)
        yield copy, scene
    finally:
        bpy.data.objects.remove(copy)
        bpy.data.meshes.remove(mesh)
        bpy.data.scenes.remove(scene)
