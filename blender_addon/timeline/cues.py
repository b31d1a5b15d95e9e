"""Edits the cues of a face where they lie: in the keys of its strengths, which are the only truth.

`read` finds them; what it gives is handed to `change`, `shift`, `remove`, `duplicate` or `set_expression`.
"""

# mypy: disable-error-code="return-value"
from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .. import fcurves
from ..engine import EXPRESSIONS, MAX_INTENSITY, MotionError
from . import cue_keys, motion
from .cue_reading import FoundCue, at, obstacle, read, read_curve

if TYPE_CHECKING:
    import bpy

    from ..fcurves import Keys
    from .cue_keys import Run

__all__ = [
    "FoundCue",
    "at",
    "change",
    "duplicate",
    "obstacle",
    "read",
    "remove",
    "set_expression",
    "shift",
]


def change(
    obj: bpy.types.Object,
    cue: FoundCue,
    *,
    intensity: float | None = None,
    start: float | None = None,
    apex_start: float | None = None,
    apex_end: float | None = None,
    end: float | None = None,
) -> FoundCue:
    """Gives a cue another intensity or other corners; what is None stays.

    The keys between two corners are spread as before, the handles go along, easings stay. Corners keep their order, a
    frame for onset and offset, and do not run into the neighbours of the same expression. An open cue that is given a
    start before its first key, or an end behind its last one, gets a key at rest there.

    Args:
        obj: the face.
        cue: as `read` gave it.
        intensity: of the apex, 0.01..1.5; beyond, the next one that is allowed.
        start: frame; the other corners stay. To move the whole cue see `shift`.
        apex_start: frame.
        apex_end: frame.
        end: frame.

    Returns:
        The cue as it is now.

    Raises:
        MotionError: the cue is gone, its curve has modifiers or is locked, a number is not finite.
        MeshError: the animation cannot be written to.
    """
    _demand_finite(intensity, start, apex_start, apex_end, end)
    if (cue.open_start and start is not None) or (cue.open_end and end is not None):
        cue = _close(obj, cue, start, end)
        start = None if cue.start == start else start
        end = None if cue.end == end else end
    curve, keys, run = _locate(obj, cue)
    rows, inner = cue_keys.lifted(keys, run)
    gain = 1.0
    if intensity is not None:
        gain = min(max(intensity, cue_keys.MIN_INTENSITY), MAX_INTENSITY) / keys["co"][run.apex_first, 1]
    bounds = _bounds(keys, run)
    corners = cue_keys.fitted(rows, inner, (start, apex_start, apex_end, end), bounds)
    return _put_back(obj, cue.expression, (curve, keys, run), *cue_keys.bent(rows, inner, corners, gain))


def shift(obj: bpy.types.Object, cue: FoundCue, start: float) -> FoundCue:
    """Moves a whole cue so that it starts at a frame, or as near as its neighbours of the same expression let it.

    Raises:
        MienError: see `change`.
    """
    _demand_finite(start)
    curve, keys, run = _locate(obj, cue)
    rows, inner = cue_keys.lifted(keys, run)
    old = inner.corners(rows["co"][:, 0].tolist())
    bounds = _bounds(keys, run)
    by = max(min(start - old[0], bounds[1] - old[3]), bounds[0] - old[0])
    rows["co"][:, 0] += by
    return _put_back(obj, cue.expression, (curve, keys, run), rows, inner)


def remove(obj: bpy.types.Object, cue: FoundCue) -> None:
    """Takes a cue's keys away; with the last one its curve goes, and the strength is at rest.

    Raises:
        MienError: see `change`.
    """
    curve, keys, run = _locate(obj, cue)
    _write(obj, cue.expression, curve, cue_keys.cut(keys, run))


def duplicate(obj: bpy.types.Object, cue: FoundCue, frame: float) -> FoundCue:
    """Puts a copy of a cue, with its shape, at a frame, or behind the cues of the same expression that are there.

    Returns:
        The copy.

    Raises:
        MotionError: the cue, or one in the way, never ends.
        MienError: see `change`.
    """
    _demand_finite(frame)
    if cue.open:
        raise MotionError(f"The cue {cue.expression} {cue.times} is open.", "Give it a start and an end first.")
    curve, keys, run = _locate(obj, cue)
    spans = [one.span for one in read(obj) if one.expression == cue.expression]
    start = cue_keys.free_from(spans, frame, cue.end - cue.start)
    if math.isinf(start):
        raise MotionError(f"Another {cue.expression} cue behind frame {frame:g} never ends.", "Give it an end first.")
    rows, inner = cue_keys.lifted(keys, run)
    rows["co"][:, 0] += start - cue.start
    _write(obj, cue.expression, curve, cue_keys.placed(keys, rows, inner))
    return at(obj, cue.expression, start + cue.apex_start - cue.start)


def set_expression(obj: bpy.types.Object, cue: FoundCue, expression: str) -> FoundCue:
    """Lets a cue perform another expression at the same time, with its shape.

    Raises:
        MotionError: there is no such expression, or a cue of it lies there already.
        MienError: see `change`; also where the other expression's keys cannot be edited.
    """
    if expression not in EXPRESSIONS:
        raise MotionError(f"There is no expression {expression!r}.", f"Choose one of {', '.join(EXPRESSIONS)}.")
    if expression == cue.expression:
        return cue
    curve, keys, run = _locate(obj, cue)
    _demand_editable(obj, expression)
    start, end = cue.span
    for other in read(obj):
        first, last = other.span
        if other.expression == expression and first < end - cue_keys.SAME_FRAME and last > start + cue_keys.SAME_FRAME:
            raise MotionError(f"There is a cue {expression} {other.times} already.", "Move one of the two first.")
    rows, inner = cue_keys.lifted(keys, run)
    _write(obj, cue.expression, curve, cue_keys.cut(keys, run))
    curves, path = fcurves.curves_of(obj, create=f"{obj.name} Mien"), motion.strength_path(expression)
    target = curves.find(path)
    if target is None or not len(target.keyframe_points):
        fcurves.set_keys(fcurves.write(curves, path, [0.0], [0.0]), rows)
    else:
        fcurves.set_keys(target, cue_keys.placed(fcurves.keys_of(target), rows, inner))
    return at(obj, expression, cue.apex_start)


def _locate(obj: bpy.types.Object, cue: FoundCue) -> tuple[bpy.types.FCurve, Keys, Run]:
    """A cue's curve, all keys of it, and which of them are the cue; only where they may be edited."""
    _demand_editable(obj, cue.expression)
    curves = fcurves.curves_of(obj)
    curve = curves.find(motion.strength_path(cue.expression)) if curves is not None else None
    if curve is not None:
        keys = fcurves.keys_of(curve)
        found = read_curve(curve, cue.expression)
        if cue in found:
            return curve, keys, cue_keys.runs(keys["co"][:, 1].tolist())[found.index(cue)]
    raise MotionError(f"The cue {cue.expression} {cue.times} is gone.", "Choose it in the list again.")


def _demand_editable(obj: bpy.types.Object, expression: str) -> None:
    problem = obstacle(obj, expression)
    if problem is not None:
        raise problem


def _demand_finite(*numbers: float | None) -> None:
    if not all(number is None or math.isfinite(number) for number in numbers):
        raise MotionError("The times and the intensity of a cue must be finite numbers.")


def _bounds(keys: Keys, run: Run) -> tuple[float, float]:
    """End of the cue before and start of the next one; infinite where there is none."""
    frames = keys["co"][:, 0].tolist()
    every = cue_keys.runs(keys["co"][:, 1].tolist())
    number = every.index(run)
    before = every[number - 1].span(frames)[1] if number else -math.inf
    after = every[number + 1].span(frames)[0] if number + 1 < len(every) else math.inf
    return before, after


def _close(obj: bpy.types.Object, cue: FoundCue, start: float | None, end: float | None) -> FoundCue:
    """Gives an open cue the start or the end that it lacks, at least a frame beyond its keys."""
    curve, keys, run = _locate(obj, cue)
    frames = keys["co"][:, 0]
    # Behind first: rows before it are counted from the front.
    if cue.open_end and end is not None:
        keys = cue_keys.rest_key(keys, run.last, max(end, frames[-1] + cue_keys.RAMP))
    if cue.open_start and start is not None:
        keys = cue_keys.rest_key(keys, run.first, min(start, frames[0] - cue_keys.RAMP))
    fcurves.set_keys(curve, keys)
    return at(obj, cue.expression, cue.apex_start)


def _put_back(
    obj: bpy.types.Object, expression: str, place: tuple[bpy.types.FCurve, Keys, Run], rows: Keys, inner: Run
) -> FoundCue:
    """Writes a curve whose cue was lifted out and changed; returns the cue as it is now."""
    curve, keys, run = place
    frames = rows["co"][:, 0]
    _write(obj, expression, curve, cue_keys.placed(cue_keys.cut(keys, run), rows, inner))
    return at(obj, expression, float(frames[inner.apex_first]))


def _write(obj: bpy.types.Object, expression: str, curve: bpy.types.FCurve, keys: Keys) -> None:
    if (keys["co"][:, 1] > cue_keys.ZERO).any():
        fcurves.set_keys(curve, keys)
        return
    # Keys that say nothing but rest go too: the list is empty, and so is the dope sheet.
    fcurves.remove(obj, {motion.strength_path(expression)})
    setattr(obj.mien, expression, 0.0)
