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
        driven: some are driven.
        first: frame of the first key; None where nothing is keyed.
    """

    def __init__(self, obj: bpy.types.Object) -> None:
        self._object = obj
        animation = obj.animation_data
        curves = fcurves.curves_of(obj)
        driven = {driver.data_path for driver in animation.drivers} if animation else set()
        self._driven = driven & {path_of(name) for name in EXPRESSIONS}
        self._strips = _playing(animation) if animation else []
        self.driven = bool(self._driven)
        self.by_blender = bool(self._driven or self._strips)
        self._curves = [_alive(curves.find(path_of(name))) if curves is not None else None for name in EXPRESSIONS]
        tweaked = animation is not None and animation.use_tweak_mode
        # A strip that is tweaked shows its action in the action's own frames.
        starts = [curve.range()[0] for curve in self._curves if curve is not None and not tweaked]
        starts += [_first_of(strip) for strip in self._strips]
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
        parts += [_settings(strip) for strip in self._strips]
        parts += [_mark(curve) for strip in self._strips for curve in _keyed(strip)]
        animation = self._object.animation_data
        for driver in animation.drivers if self._driven else ():
            parts.append((driver.data_path, driver.driver.type, driver.driver.expression, driver.mute))
        return tuple(parts)


def _heard(animation: bpy.types.AnimData) -> list[bpy.types.NlaTrack]:
    tracks = list(animation.nla_tracks) if animation.use_nla else []
    alone = [track for track in tracks if track.is_solo]
    return [track for track in alone or tracks if track.strips and not track.mute]


def _playing(animation: bpy.types.AnimData) -> list[bpy.types.NlaStrip]:
    """The strips that move strengths, those inside others too."""
    waiting = [strip for track in _heard(animation) for strip in track.strips]
    found = []
    while waiting:
        strip = waiting.pop()
        if strip.mute:
            continue
        waiting += list(strip.strips)
        if _keyed(strip):
            found.append(strip)
    return found


def _keyed(strip: bpy.types.NlaStrip) -> list[bpy.types.FCurve]:
    """The curves of strengths that a strip plays."""
    if strip.action is None:
        return []
    curves = fcurves.curves_in(strip.action, getattr(strip, "action_slot", None))
    paths = {path_of(name) for name in EXPRESSIONS}
    return [curve for curve in curves or () if curve.data_path in paths and _alive(curve) is not None]


def _first_of(strip: bpy.types.NlaStrip) -> float:
    """The scene's frame of the first key that a strip plays."""
    first = min(float(curve.range()[0]) for curve in _keyed(strip))
    into = max(0.0, first - strip.action_frame_start) * strip.scale
    return float(strip.frame_start) + (0.0 if strip.use_reverse else into)


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


def _settings(thing: bpy.types.bpy_struct) -> Hashable:
    """All simple properties of something, as text."""
    values = [f"{key}={getattr(thing, key)!r}" for key in thing.bl_rna.properties.keys() if key != "rna_type"]  # noqa: SIM118
    return tuple(values)


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
            if driver.data_path.startswith("mien."):
                _look_at(driver, bpy.context.scene, bpy.context.view_layer)
            else:
                copy.animation_data.drivers.remove(driver)
        scene.collection.objects.link(copy)
        yield copy, scene
    finally:
        bpy.data.objects.remove(copy)
        bpy.data.meshes.remove(mesh)
        bpy.data.scenes.remove(scene)


def _look_at(driver: bpy.types.FCurve, scene: bpy.types.Scene, layer: bpy.types.ViewLayer) -> None:
    """What a driver reads of "the active scene" it reads of the artist's, and not of the stand-in's."""
    for variable in driver.driver.variables:
        if variable.type != "CONTEXT_PROP":
            continue
        target = variable.targets[0]
        path, of_layer = target.data_path, target.context_property == "ACTIVE_VIEW_LAYER"
        variable.type = "SINGLE_PROP"
        target = variable.targets[0]
        target.id_type, target.id = "SCENE", scene
        named = f'view_layers["{bpy.utils.escape_identifier(layer.name)}"]'
        join = "" if path.startswith("[") else "."
        target.data_path = f"{named}{join}{path}" if of_layer else path
