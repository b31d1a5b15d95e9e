"""The cues of a face, read back from the keys of its strengths: what is found, and whether it may be edited."""

from __future__ import annotations

import functools
import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .. import fcurves
from ..engine import EXPRESSIONS, Cue, MeshError, MienError, MotionError
from . import cue_keys, motion

if TYPE_CHECKING:
    from collections.abc import Sequence

    import bpy

    from .cue_keys import Run


@dataclass(frozen=True)
class FoundCue:
    """A cue as the keys tell it: a stretch of keys above rest. Times are frames, with their fractions.

    Attributes:
        expression: one of `EXPRESSIONS`.
        intensity: value of its highest key.
        start: the last key at rest before it.
        apex_start: first key at the peak.
        apex_end: last key at the peak.
        end: the first key at rest behind it.
        shaped: it has more keys than a plain cue, or eased ones.
        open_start: no key at rest stands before it; `start` is its first key.
        open_end: no key at rest stands behind it; `end` is its last key.
        muted: its curve is muted, so that it is not performed.
    """

    expression: str
    intensity: float
    start: float
    apex_start: float
    apex_end: float
    end: float
    shaped: bool = False
    open_start: bool = False
    open_end: bool = False
    muted: bool = False

    @property
    def open(self) -> bool:
        """Whether it begins before its first key or never ends."""
        return self.open_start or self.open_end

    @property
    def span(self) -> tuple[float, float]:
        """First and last frame; infinite where it is open."""
        return -math.inf if self.open_start else self.start, math.inf if self.open_end else self.end

    @property
    def times(self) -> str:
        """When, for people, such as "1-55"."""
        start, end = (f"{round(frame, 1):g}" for frame in (self.start, self.end))
        if self.open_start and self.open_end:
            return "always"
        if self.open:
            return f"until {end}" if self.open_start else f"from {start}"
        return f"{start}\N{EN DASH}{end}"

    def plain(self) -> Cue:
        """The same with straight onset and offset; of the shape only the corners stay.

        Raises:
            MotionError: it is open, or stronger than Mien can perform.
        """
        if self.open:
            raise MotionError(f"The cue {self.expression} {self.times} is open.", "Give it a start and an end first.")
        return Cue(self.expression, self.intensity, self.start, self.apex_start, self.apex_end, self.end)


def read(obj: bpy.types.Object) -> list[FoundCue]:
    """All cues of a face, by their starts; in the NLA's tweak mode those of the tweaked action, in its own frames."""
    curves = fcurves.curves_of(obj)
    if curves is None:
        return []
    found: list[FoundCue] = []
    for expression in EXPRESSIONS:
        curve = curves.find(motion.strength_path(expression))
        if curve is not None:
            found += read_curve(curve, expression)
    return sorted(found, key=lambda cue: (cue.start, cue.apex_start, cue.end))


def read_curve(curve: bpy.types.FCurve, expression: str) -> Sequence[FoundCue]:
    """The cues of one strength's curve, in order."""
    points = curve.keyframe_points
    places, kinds = np.empty(len(points) * 2, np.float32), np.empty(len(points), np.int32)
    points.foreach_get("co", places)
    points.foreach_get("interpolation", kinds)
    return _read_keys(expression, places.tobytes(), kinds.tobytes(), curve.mute)


@functools.lru_cache(maxsize=64)
def _read_keys(expression: str, places: bytes, kinds: bytes, muted: bool) -> tuple[FoundCue, ...]:
    """What these very keys say; remembered, since a panel asks a dozen times while it is drawn."""
    numbers = np.frombuffer(places, np.float32)
    frames, values = numbers[::2].tolist(), numbers[1::2].tolist()
    straight = (np.frombuffer(kinds, np.int32) == fcurves.LINEAR).tolist()
    if any(after < before for before, after in itertools.pairwise(frames)):
        order = sorted(range(len(frames)), key=frames.__getitem__)
        frames, values, straight = ([column[row] for row in order] for column in (frames, values, straight))
    more = {"straight": straight, "muted": muted}
    return tuple(_found(expression, run, frames, values, **more) for run in cue_keys.runs(values))


def _found(
    expression: str, run: Run, frames: list[float], values: list[float], *, straight: list[bool], muted: bool
) -> FoundCue:
    begin = run.low if run.low >= 0 else run.first
    plain = all(straight[begin : run.last + 1]) and run.last - run.first == run.apex_last - run.apex_first <= 1
    # Blender's single precision, without its last digits.
    numbers = (round(number, 5) for number in (max(values[run.first : run.last + 1]), *run.corners(frames)))
    return FoundCue(expression, *numbers, not plain, run.low < 0, run.high < 0, muted)


def obstacle(obj: bpy.types.Object, expression: str) -> MienError | None:
    """Why the keys of a strength cannot be edited; None where they can. Changes nothing."""
    if obj.library or obj.override_library:
        return MeshError(f"{obj.name} is linked from another file.", "Make it local first.")
    try:
        fcurves.check_writable(obj)
    except MienError as problem:
        return problem
    path = motion.strength_path(expression)
    animation = obj.animation_data
    if animation is not None and any(driver.data_path == path for driver in animation.drivers):
        return MotionError(f"The strength of {expression} is driven.", "Delete its driver first.")
    curves = fcurves.curves_of(obj)
    curve = curves.find(path) if curves is not None else None
    return _curve_obstacle(curve, expression) if curve is not None else None


def _curve_obstacle(curve: bpy.types.FCurve, expression: str) -> MienError | None:
    name = f"The strength of {expression}"
    if curve.lock or (curve.group is not None and curve.group.lock):
        return MotionError(f"The curve of {expression} is locked.", "Unlock it in the graph editor's list of channels.")
    if any(not modifier.mute for modifier in curve.modifiers):
        return MotionError(f"{name} has F-curve modifiers.", "Bake or remove them in the graph editor's sidebar first.")
    if len(curve.sampled_points):
        return MotionError(f"{name} has samples instead of keys.", "Choose Samples to Keys in the graph editor first.")
    return None


def at(obj: bpy.types.Object, expression: str, frame: float) -> FoundCue:
    """The cue of an expression that is nearest to a frame.

    Raises:
        MotionError: the expression has no cue.
    """
    found = [cue for cue in read(obj) if cue.expression == expression]
    if not found:
        raise MotionError(f"{obj.name} has no cue {expression}.")
    return min(found, key=lambda cue: (max(cue.start - frame, frame - cue.end, 0.0), abs(cue.apex_start - frame)))
