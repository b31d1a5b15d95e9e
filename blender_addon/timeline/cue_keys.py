"""Cues as rows of a curve's keys: found, lifted out, bent into shape, put in again. Blender is not asked."""

from __future__ import annotations

import bisect
import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..fcurves import Keys

ZERO = 1e-4
"""A strength that is no higher counts as rest."""

MIN_INTENSITY = 0.01
"""A cue is never made weaker: with an intensity of 0 its keys would no longer be a cue."""

RAMP = 1.0
"""Frames that an onset or offset takes at least, where it is not shorter already."""

SAME_FRAME = 0.011
"""Blender takes keys within a hundredth of a frame for the same one."""

_AT_PEAK = 1e-4
_FREE, _AUTO, _ALIGNED = 0, 1, 3  # Blender's handle types
_INNER = ("handle_right", "handle_right_type", "interpolation", "easing", "amplitude", "back", "period")
"""What a key says about the piece behind it."""


@dataclass(frozen=True)
class Run:
    """Rows of a curve's keys that are one cue.

    Attributes:
        first: first row above rest.
        last: last row above rest.
        apex_first: first row at the peak.
        apex_last: last row at the peak.
        low: the row at rest before; -1 where the curve begins above rest.
        high: the row at rest behind; -1 where the curve ends above rest.
        low_shared: the cue before ends at the same row.
        high_shared: the next cue begins at the same row.
    """

    first: int
    last: int
    apex_first: int
    apex_last: int
    low: int
    high: int
    low_shared: bool
    high_shared: bool

    def corners(self, frames: Sequence[float]) -> tuple[float, float, float, float]:
        """Frames of start, apex start, apex end and end; an open cue starts at its first key, ends at its last."""
        start = self.low if self.low >= 0 else self.first
        end = self.high if self.high >= 0 else self.last
        return frames[start], frames[self.apex_first], frames[self.apex_last], frames[end]

    def span(self, frames: Sequence[float]) -> tuple[float, float]:
        """First and last frame; infinite where the cue is open."""
        start, _, _, end = self.corners(frames)
        return start if self.low >= 0 else -math.inf, end if self.high >= 0 else math.inf


def runs(values: Sequence[float]) -> list[Run]:
    """The cues among (n,) values of keys, in the order of their frames."""
    found: list[tuple[int, int]] = []
    first = -1
    for row, value in enumerate([*values, 0.0]):
        if value > ZERO:
            first = row if first < 0 else first
        elif first >= 0:
            found.append((first, row - 1))
            first = -1
    ends = {last + 1 for _, last in found}
    begins = {first - 1 for first, _ in found}
    return [_run(values, first, last, first - 1 in ends, last + 1 in begins) for first, last in found]


def _run(values: Sequence[float], first: int, last: int, low_shared: bool, high_shared: bool) -> Run:
    part = values[first : last + 1]
    level = max(part) * (1 - _AT_PEAK)
    peaks = [row for row, value in enumerate(part, first) if value >= level]
    high = last + 1 if last + 1 < len(values) else -1
    return Run(first, last, peaks[0], peaks[-1], first - 1, high, low_shared, high_shared)


def lifted(keys: Keys, run: Run) -> tuple[Keys, Run]:
    """A cue's rows by themselves, with rest keys of its own, and where its corners are among them."""
    low, high = run.low if run.low >= 0 else run.first, run.high if run.high >= 0 else run.last
    rows = {name: values[low : high + 1].copy() for name, values in keys.items()}
    if run.low_shared:
        _calm(rows, 0, "handle_left")
    if run.high_shared:
        _calm(rows, high - low, "handle_right")
    inner = (run.first - low, run.last - low, run.apex_first - low, run.apex_last - low)
    return rows, Run(*inner, 0 if run.low >= 0 else -1, high - low if run.high >= 0 else -1, False, False)


def cut(keys: Keys, run: Run) -> Keys:
    """The keys without a cue; a rest key that a neighbour shares stays, and so does the neighbour's shape."""
    left = {name: values.copy() for name, values in keys.items()}
    gone = list(range(run.first, run.last + 1))
    for row, shared, side in (
        (run.low, run.low_shared, "handle_right"),
        (run.high, run.high_shared, "handle_left"),
    ):
        if shared:
            _calm(left, row, side)
        elif row >= 0:
            gone.append(row)
    _hold_round(left, *run.span(keys["co"][:, 0].tolist()))
    return {name: np.delete(values, gone, axis=0) for name, values in left.items()}


def placed(keys: Keys, rows: Keys, run: Run) -> Keys:
    """Keys with a lifted cue put in, where no other cue is; where it touches one, they share the rest key.

    Args:
        keys: a curve's, without the cue.
        rows: the cue's.
        run: the cue among its rows.
    """
    keys, rows = ({name: values.copy() for name, values in table.items()} for table in (keys, rows))
    frames, values = keys["co"].T
    start, end = run.span(rows["co"][:, 0].tolist())
    _hold_round(keys, start, end)
    kept = (frames < start - SAME_FRAME) | (frames > end + SAME_FRAME) | (values > ZERO)
    left_out = []
    for other in runs(values.tolist()):
        if other.high >= 0 and run.low >= 0 and abs(frames[other.high] - start) < SAME_FRAME:
            kept[other.high] = True
            _take(keys, other.high, rows, run.low, _INNER)
            left_out.append(run.low)
        if other.low >= 0 and run.high >= 0 and abs(frames[other.low] - end) < SAME_FRAME:
            kept[other.low] = True
            _take(keys, other.low, rows, run.high, ("handle_left", "handle_left_type"))
            left_out.append(run.high)
    both = {name: np.concatenate([keys[name][kept], np.delete(rows[name], left_out, axis=0)]) for name in keys}
    order = np.argsort(both["co"][:, 0], kind="stable")
    return {name: column[order] for name, column in both.items()}


def _take(keys: Keys, row: int, other: Keys, other_row: int, names: Sequence[str]) -> None:
    for name in names:
        keys[name][row] = other[name][other_row]


def _calm(keys: Keys, row: int, side: str) -> None:
    """Lays a handle flat, so that nothing happens on its side of a rest key; the other handle stays."""
    _hold(keys, row)
    keys[side][row, 1] = 0.0


def _hold(keys: Keys, row: int) -> None:
    """Frees handles that look at what is on their key's other side: clamped ones lie flat at rest and do not."""
    kinds = keys["handle_left_type"], keys["handle_right_type"]
    tilted = keys["handle_left"][row, 1] != 0 or keys["handle_right"][row, 1] != 0
    if any(kind[row] == _AUTO or (kind[row] == _ALIGNED and tilted) for kind in kinds):
        for kind in kinds:
            kind[row] = _FREE


def _hold_round(keys: Keys, start: float, end: float) -> None:
    """Holds the rest keys at which the cue before a span ends, and the cue behind it begins; in place."""
    frames = keys["co"][:, 0]
    every = runs(keys["co"][:, 1].tolist())
    before = [one.high for one in every if one.high >= 0 and frames[one.high] < start + SAME_FRAME]
    after = [one.low for one in every if one.low >= 0 and frames[one.low] > end - SAME_FRAME]
    for row in (*before[-1:], *after[:1]):
        _hold(keys, row)


def bent(rows: Keys, run: Run, corners: Sequence[float], gain: float) -> tuple[Keys, Run]:
    """A lifted cue with its corners elsewhere and its values times a gain; handles go along, easings stay.

    Args:
        rows: the cue's.
        run: the cue among its rows.
        corners: frames of start, apex start, apex end and end, as `fitted` gives them.
        gain: factor of the values, above 0.
    """
    rows = {name: values.copy() for name, values in rows.items()}
    if run.apex_first == run.apex_last and corners[2] - corners[1] > SAME_FRAME:
        rows, run = _apex_split(rows, run)
    elif run.apex_last - run.apex_first == 1 and corners[2] - corners[1] <= SAME_FRAME:
        rows, run = _apex_joined(rows, run)
    rows["co"][run.first : run.last + 1, 1] = np.maximum(rows["co"][run.first : run.last + 1, 1] * gain, 1.01 * ZERO)
    for side in ("handle_left", "handle_right"):
        rows[side][:, 1] *= gain
    _move(rows, run, corners)
    return rows, run


def _move(rows: Keys, run: Run, corners: Sequence[float]) -> None:
    """Frames and handles, each section between two corners by itself; in place."""
    frames = rows["co"][:, 0]
    edges = (0, run.apex_first, run.apex_last, len(frames) - 1)
    moved = frames.copy()
    for begin, stop, to, until in zip(edges[:-1], edges[1:], corners[:-1], corners[1:], strict=True):
        length = frames[stop] - frames[begin]
        if length <= 0:
            moved[begin : stop + 1] = np.linspace(to, until, stop + 1 - begin) if stop > begin else until
            continue
        factor = (until - to) / length
        moved[begin : stop + 1] = to + (frames[begin : stop + 1] - frames[begin]) * factor
        rows["handle_right"][begin:stop, 0] *= factor
        rows["handle_left"][begin + 1 : stop + 1, 0] *= factor
    rows["co"][:, 0] = moved


def _apex_split(rows: Keys, run: Run) -> tuple[Keys, Run]:
    """One key at the peak becomes two, with a level piece between, which is stretched later."""
    row = run.apex_first
    rows = {name: np.insert(values, row, values[row], axis=0) for name, values in rows.items()}
    _calm(rows, row, "handle_right")
    _calm(rows, row + 1, "handle_left")
    high = run.high + 1 if run.high >= 0 else -1
    return rows, Run(run.first, run.last + 1, row, row + 1, run.low, high, False, False)


def _apex_joined(rows: Keys, run: Run) -> tuple[Keys, Run]:
    """Two keys at the peak become one: the way up of the first, the way down of the second."""
    row = run.apex_first
    _take(rows, row, rows, row + 1, _INNER)
    rows = {name: np.delete(values, row + 1, axis=0) for name, values in rows.items()}
    high = run.high - 1 if run.high >= 0 else -1
    return rows, Run(run.first, run.last - 1, row, row, run.low, high, False, False)


def fitted(
    rows: Keys, run: Run, wanted: Sequence[float | None], bounds: tuple[float, float]
) -> tuple[float, float, float, float]:
    """Where the corners of a cue can go: in order, with room for its keys, between its neighbours.

    A corner pushes those behind it, until the next cue stops them.

    Args:
        rows: the cue's.
        run: the cue among its rows.
        wanted: frames of start, apex start, apex end and end; None for those that stay.
        bounds: end of the cue before, start of the next; infinite where there is none.
    """
    frames = rows["co"][:, 0].tolist()
    old = run.corners(frames)
    new = [was if want is None else want for was, want in zip(old, wanted, strict=True)]
    # Where an open cue begins or ends at its peak, that end is no corner of its own.
    tied = run.low < 0 and old[0] == old[1], run.high < 0 and old[2] == old[3]
    if tied[0]:
        new[0] = new[1]
    if tied[1]:
        new[3] = max(new[1], new[2])
    least = [
        0.0 if tied[0] else _least(frames[: run.apex_first + 1]),
        0.0 if run.apex_last - run.apex_first < 2 else _least(frames[run.apex_first : run.apex_last + 1]),
        0.0 if tied[1] else _least(frames[run.apex_last :]),
    ]
    new[0] = max(new[0], bounds[0])
    for corner, room in enumerate(least):
        new[corner + 1] = max(new[corner + 1], new[corner] + room)
    new[3] = min(new[3], bounds[1])
    for corner in (2, 1, 0):
        new[corner] = min(new[corner], new[corner + 1] - least[corner])
    return new[0], new[1], new[2], new[3]


def _least(frames: list[float]) -> float:
    """The shortest that a section can be: a frame, and its keys still apart; never longer than it is."""
    length = frames[-1] - frames[0]
    closest = min(after - before for before, after in itertools.pairwise(frames))
    apart = length * 2 * SAME_FRAME / closest if closest > 0 else length
    return min(length, max(RAMP, apart))


def free_from(spans: Sequence[tuple[float, float]], frame: float, length: float) -> float:
    """The first frame from `frame` on where a cue of a length fits between ascending spans; inf where none is."""
    for start, end in spans[max(0, bisect.bisect([begin for begin, _ in spans], frame) - 1) :]:
        if frame < end - SAME_FRAME and frame + length > start + SAME_FRAME:
            frame = end
    return frame


def rest_key(keys: Keys, row: int, frame: float) -> Keys:
    """Keys with one at rest put in at a frame before or behind all others, of the same kind as key `row`."""
    one = {name: values[row : row + 1].copy() for name, values in keys.items()}
    one["co"][0] = (frame, 0.0)
    one["handle_left"][0] = one["handle_right"][0] = 0.0
    before = frame < keys["co"][row, 0]
    return {name: np.concatenate([one[name], keys[name]] if before else [keys[name], one[name]]) for name in keys}
