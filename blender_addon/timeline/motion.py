"""From the timeline to motion labels, and from cues to keys on the timeline."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from .. import fcurves
from ..engine import MAX_AHEAD, MAX_INTENSITY, Cue, MotionError
from . import strengths

if TYPE_CHECKING:
    import bpy
    from numpy.typing import NDArray

SETTLE = 1.0
"""Seconds that the generator's memory runs before the first key: it starts at rest, whatever the first value is."""

_NEAR = 300.0
"""Seconds after frame 0 up to which what is not keyed counts from there; beyond, to begin so early takes too long."""

_SAME_FRAME = 0.011

_HARDLY = 1e-6
"""A cue that exceeds a curve by no more changes nothing."""

AHEAD = 2 + MAX_AHEAD
"""Label frames read beyond the last baked frame: frames between labels are interpolated through two on each side, and
a generator looks ahead."""


@dataclass(frozen=True)
class Performance:
    """What a face is to perform.

    Attributes:
        labels: (T, 6) float32 at the bundle's rate; the last `MAX_AHEAD` of them come after the range.
        times: (n,) float64 seconds after the first label, one for each baked frame.
        frames: (n,) float64 frames of the timeline, ascending, one for each baked frame.
        notes: what the person should know, sentences.
    """

    labels: NDArray[np.float32]
    times: NDArray[np.float64]
    frames: NDArray[np.float64]
    notes: list[str] = field(default_factory=list)

    @property
    def start(self) -> float:
        """The first baked frame."""
        return float(self.frames[0])

    @property
    def heard(self) -> NDArray[np.float32]:
        """(T, 6) labels of the range itself, without those that the encoder only looks ahead to."""
        return self.labels[:-MAX_AHEAD]

    def seconds(self, fps: float) -> NDArray[np.float64]:
        """(n,) the moments of the frames, counted from frame 0 on: no other range has others, nor has the preview."""
        return self.frames / fps

    @property
    def frame_count(self) -> int:
        """n, how many frames are baked."""
        return len(self.times)


def frame_rate_of(scene: bpy.types.Scene) -> float:
    """Frames a second."""
    return scene.render.fps / scene.render.fps_base


def played_range(scene: bpy.types.Scene) -> tuple[int, int]:
    """First and last frame of the animation that the scene plays: with time remapping other ones than the scene's.

    Blender reads all curves at scene frame * old / new; what is baked lies on these curves and is remapped with them,
    so a performance is as slow or fast as everything else in the scene.
    """
    pace = scene.render.frame_map_old / scene.render.frame_map_new
    return math.floor(scene.frame_start * pace + 1e-6), math.ceil(scene.frame_end * pace - 1e-6)


def performance(
    obj: bpy.types.Object,
    start: float,
    end: float,
    fps: float,
    label_rate: float,
    *,
    step: float = 1.0,
    still: bool = False,
) -> Performance:
    """Reads the six strengths over a range of frames.

    Args:
        obj: whose `mien` strengths are read, with its `mien.speed`; what is not animated counts as it stands.
        start: first frame.
        end: last frame, not before the first.
        fps: of the scene.
        label_rate: labels a second, of the bundle.
        step: frames from one baked frame to the next, above 0; the last one lies at the end or a part of a step beyond.
        still: all strengths may be 0: the face moves without them.

    Raises:
        MotionError: the range is empty, the step is not above 0, or all strengths are 0 throughout.
    """
    if end < start:
        nothing = f"The range from {start:g} to {end:g} holds no frame."
        raise MotionError(nothing, "Choose a last frame after the first.")
    if not step > 0:
        raise MotionError(f"The step of {step:g} frames is not above 0.", "Give 1 for every frame.")
    tracks = strengths.Tracks(obj)
    frames = start + step * np.arange(math.ceil((end - start) / step - 1e-9) + 1)
    labels, first = labels_of(tracks, start, float(frames[-1]), fps, label_rate, obj.mien.speed)
    found = Performance(labels, frames / fps - first, frames)
    if not still and not found.heard.any():
        raise MotionError(
            f"{obj.name} has nothing to perform: all strengths are 0.", "Add an expression, or key the strengths."
        )
    return found


def labels_of(  # noqa: PLR0917 - the order of `performance`
    tracks: strengths.Tracks, start: float, end: float, fps: float, label_rate: float, speed: float = 1.0
) -> tuple[NDArray[np.float32], float]:
    """The motion labels that frames from start to end ask for.

    The labels lie on a grid of time that does not depend on the range, and begin before the first key, so that a part
    of the range gives the same frames as the whole.

    Args:
        tracks: the strengths.
        start: first frame.
        end: last frame.
        fps: frames a second.
        label_rate: labels a second.
        speed: the performance is played so many times as fast, about its first key; where there is none, about
            frame 0.

    Returns:
        (T, 6) float32 labels, 0..`MAX_INTENSITY`; the time of the first, in seconds from frame 0 on.
    """
    anchor = _origin(start, fps) if tracks.first is None else tracks.first
    first = math.floor((beginning(tracks, start, fps) / fps - SETTLE) * label_rate)
    last = math.ceil(end / fps * label_rate) + AHEAD
    seconds = np.arange(first, last + 1) / label_rate
    labels = tracks.sample(anchor + (seconds * fps - anchor) * speed)
    return np.clip(labels, 0, MAX_INTENSITY).astype(np.float32), float(seconds[0])


def beginning(tracks: strengths.Tracks, start: float, fps: float) -> float:
    """The frame at which the generator's memory begins, for frames from start on.

    That is the first key. A driver may move the face before any key, and what stands still does so from ever on: there
    it is frame 0, so that a range that begins later gives the same take.
    """
    early = [start] if tracks.first is None else [start, tracks.first]
    return min([*early, _origin(start, fps)] if tracks.driven or tracks.first is None else early)


def _origin(start: float, fps: float) -> float:
    return 0.0 if 0 <= start <= _NEAR * fps else start


def strength_path(name: str) -> str:
    """The data path of an expression's strength, from the object on."""
    return strengths.path_of(name)


def write_cue(obj: bpy.types.Object, cue: Cue) -> None:
    """Keys one cue on the timeline (figure 2: linear onset and offset); its times are frames here.

    Where the expression is keyed already within the cue, the stronger of both counts at each moment; where the cue is
    nowhere the stronger one, nothing is written. Outside the cue the curve stays as it is: a piece that the cue cuts
    goes on exactly (eased ones: frame by frame). A cue without onset or offset (a jump) gets one of a frame.

    Raises:
        MotionError: the strength is driven, or its curve is locked, sampled or has modifiers.
        MeshError: the animation cannot be written to.
    """
    from .cue_reading import obstacle  # which reads through this module

    problem = obstacle(obj, cue.expression)
    if problem is not None:
        raise problem
    curves = fcurves.curves_of(obj, create=f"{obj.name} Mien")
    path = strength_path(cue.expression)
    curve = curves.find(path)
    keys = _corners(cue)
    if curve is None or curve.is_empty:
        fcurves.write(curves, path, keys[:, 0], keys[:, 1])
        return
    if any(not modifier.mute for modifier in curve.modifiers):
        raise MotionError(
            f"The strength of {cue.expression} has F-curve modifiers.",
            "Bake or remove them in the graph editor's sidebar first.",
        )
    # Blender keeps frames in single precision, and takes keys within a hundredth of a frame for the same one.
    keys[:, 0] = keys[:, 0].astype(np.float32)
    for point in curve.keyframe_points:
        keys[np.abs(keys[:, 0] - point.co.x) < _SAME_FRAME, 0] = point.co.x
    if not _is_stronger(curve, keys):
        return
    # So the curve goes on outside the cue as it went.
    whole = all([fcurves.split(curve, keys[0, 0]), fcurves.split(curve, keys[-1, 0])])
    span = (keys[0, 0], keys[-1, 0]) if whole else _eased_span(curve, keys[0, 0], keys[-1, 0])
    keys = _stronger(curve, keys, span)
    fcurves.replace_span(curve, keys)


def show_strength(obj: bpy.types.Object, expression: str, frame: float) -> None:
    """Lets a strength show what its curve says at a frame; nothing else in the scene is evaluated anew."""
    curves = fcurves.curves_of(obj)
    curve = curves.find(strength_path(expression)) if curves is not None else None
    if curve is not None:
        setattr(obj.mien, expression, curve.evaluate(frame))


def _corners(cue: Cue) -> NDArray[np.float64]:
    start = min(cue.start, cue.apex_start - 1)
    end = max(cue.end, cue.apex_end + 1)
    corners = [(start, 0.0), (cue.apex_start, cue.intensity), (cue.apex_end, cue.intensity), (end, 0.0)]
    if cue.apex_start == cue.apex_end:
        del corners[2]
    return np.array(corners)


def _is_stronger(curve: bpy.types.FCurve, corners: NDArray[np.float64]) -> bool:
    """Whether the corners' polygon lies above the curve anywhere."""
    frames = _frames_between(curve, corners, corners[0, 0], corners[-1, 0])
    return bool((np.interp(frames, *corners.T) > _read(curve, frames) + _HARDLY).any())


def _read(curve: bpy.types.FCurve, frames: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([curve.evaluate(frame) for frame in frames.tolist()])


def _eased_span(curve: bpy.types.FCurve, first: float, last: float) -> tuple[float, float]:
    """The span of a cue, stretched to the ends of the pieces that it cuts: easings cannot be split, only sampled."""
    low = max((point.co.x for point in curve.keyframe_points if point.co.x <= first), default=first)
    high = min((point.co.x for point in curve.keyframe_points if point.co.x >= last), default=last)
    return low, high


def _frames_between(
    curve: bpy.types.FCurve, corners: NDArray[np.float64], first: float, last: float
) -> NDArray[np.float64]:
    """Where keys must stand: at the corners, at the curve's own keys, and where it is not straight on every frame."""
    own = [point for point in curve.keyframe_points if first <= point.co.x <= last]
    before = [point for point in curve.keyframe_points if point.co.x < first][-1:]
    frames = [first, last, *corners[:, 0], *(point.co.x for point in own)]
    if any(point.interpolation != "LINEAR" for point in (*before, *own)):
        frames += range(math.ceil(first), math.floor(last) + 1)
    return np.unique(np.asarray(frames, np.float64))


def _stronger(curve: bpy.types.FCurve, corners: NDArray[np.float64], span: tuple[float, float]) -> NDArray[np.float64]:
    """The upper of a curve and the corners' polygon over the span, as keys: (n, 2) frames and values."""
    frames = _frames_between(curve, corners, *span)
    gap = _cue_at(frames, corners) - _read(curve, frames)
    crossing = np.flatnonzero(gap[:-1] * gap[1:] < 0)
    part = gap[crossing] / (gap[crossing] - gap[crossing + 1])
    frames = np.unique(np.concatenate([frames, frames[crossing] + part * np.diff(frames)[crossing]]))
    values = np.maximum(_read(curve, frames), _cue_at(frames, corners))
    # A key on a straight line between its neighbours says nothing.
    told = np.concatenate([[True], np.abs(values[1:-1] - _halfway(frames, values)) > _HARDLY, [True]])
    return np.column_stack([frames, values])[told]


def _halfway(frames: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """What each value but the ends' would be on the straight line between its neighbours."""
    part = (frames[1:-1] - frames[:-2]) / (frames[2:] - frames[:-2])
    return values[:-2] + part * (values[2:] - values[:-2])


def _cue_at(frames: NDArray[np.float64], corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """The corners' polygon; outside it, lower than any strength."""
    outside = (frames < corners[0, 0]) | (frames > corners[-1, 0])
    return np.where(outside, -1e9, np.interp(frames, *corners.T))
