"""Cues of the command line and of JSON files."""

from __future__ import annotations

import json
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from ..engine import EXPRESSIONS, Cue, MotionError
from ..timeline import presets

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CUE_FIELDS = ("expression", "intensity", "start", "apex_start", "apex_end", "end")

MOST_FRAMES = 1_048_574
"""Blender's own limit, before and after 0."""


def read_cues(words: Sequence[str], path: Path | None, fps: float) -> list[Cue]:
    """Cues of the command line and of a JSON file, in frames.

    Raises:
        MotionError: a cue makes no sense, or the file cannot be read.
    """
    # A field too many has no name and makes the cue as wrong as one too few.
    cues = [_cue(dict(zip_longest(CUE_FIELDS, word.split(":"))), word, 1.0) for word in words]
    if path is None:
        return cues
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise MotionError(f"The cues {path} cannot be read ({problem.strerror}).") from problem
    except ValueError as problem:
        raise MotionError(f"The cues {path} are not JSON ({problem}).") from problem
    unit = content.get("unit", "frames") if isinstance(content, dict) else "frames"
    entries = content.get("cues") if isinstance(content, dict) else content
    if not isinstance(entries, list) or not entries or unit not in ("frames", "seconds"):
        raise MotionError(f"{path} holds no list of cues.", 'Write a list, or {"unit": "frames", "cues": [...]}.')
    factor = fps if unit == "seconds" else 1.0
    return cues + [_cue(entry, json.dumps(entry), factor) for entry in entries]


def _cue(entry: Any, source: str, factor: float) -> Cue:
    if not isinstance(entry, dict) or set(entry) != set(CUE_FIELDS) or None in entry.values():
        raise MotionError(f"The cue {source} is incomplete.", f"Give {', '.join(CUE_FIELDS)}.")
    try:
        numbers = [float(entry[name]) for name in CUE_FIELDS[1:]]
    except (TypeError, ValueError, OverflowError) as problem:
        raise MotionError(f"The cue {source} holds something that is not a number.") from problem
    intensity, *times = numbers
    expression = str(entry["expression"]).lower()
    if expression not in EXPRESSIONS:
        raise MotionError(f"There is no expression {expression!r}.", f"Choose one of {', '.join(EXPRESSIONS)}.")
    if any(abs(time * factor) > MOST_FRAMES for time in times):
        raise MotionError(
            f"The cue {source} goes beyond Blender's {MOST_FRAMES:,} frames.", "Give frames of the scene."
        )
    return Cue(expression, intensity, *(time * factor for time in times))


def preset_cues(word: str, fps: float) -> list[Cue]:
    """Cues of "NAME:FRAME", or of "NAME" from frame 0 on, in frames.

    Raises:
        MotionError: there is no such preset.
    """
    name, colon, last = word.rpartition(":")
    try:
        frame = float(last) if colon else 0.0
    except ValueError:  # the colon belongs to the name
        colon, frame = "", 0.0
    if not abs(frame) <= MOST_FRAMES:
        raise MotionError(f"The preset {word} goes beyond Blender's {MOST_FRAMES:,} frames.", "Give a frame.")
    return presets.find(name if colon else word).cues_at(frame, fps)
