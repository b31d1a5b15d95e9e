"""Motion labels: what the face is asked to do, frame by frame (section 5.1.1 of the paper, figure 2, eq. 6)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import MotionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

EXPRESSIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise")
"""The columns of the motion labels, in this order."""

MAX_INTENSITY = 1.5
"""Labels were trained on 0..1; a little beyond is allowed."""

GATE = 0.05
"""Strength at which a steered network's latents have half their way: see `gate`."""

_ROOM = 0.5
"""What `reach` adds to 1 at most."""

MIN_EXTREMENESS = 0.05
"""Eq. 6 gives 0 to a sequence one deviation below the mean, though the paper asks for s in (0, 1]:
with 0 such a sequence would teach that a face at rest moves."""


@dataclass(frozen=True)
class Cue:
    """One expression in time: neutral, onset, apex, offset, neutral.

    Attributes:
        expression: one of `EXPRESSIONS`.
        intensity: label at the apex, 0..1 as trained, up to `MAX_INTENSITY`. A steered network's motion is in
            proportion to it: half of it is half of the motion, and 1 is a strong performance, one deviation above the
            average, which is about 0.75; beyond 1 it levels off (see `reach`). For the paper's network, of older
            bundles, the average person's average performance is 0.5 (eq. 6).
        start: seconds; the last moment of the neutral face.
        apex_start: seconds; onset ends and the apex is reached.
        apex_end: seconds; the offset begins.
        end: seconds; the face is neutral again.

    Raises:
        MotionError: unknown expression, times out of order, intensity out of range.
    """

    expression: str
    intensity: float
    start: float
    apex_start: float
    apex_end: float
    end: float

    def __post_init__(self) -> None:
        if self.expression not in EXPRESSIONS:
            raise MotionError(
                f"There is no expression {self.expression!r}.", f"Choose one of {', '.join(EXPRESSIONS)}."
            )
        times = (self.start, self.apex_start, self.apex_end, self.end)
        if not all(map(math.isfinite, (*times, self.intensity))):
            raise MotionError("The times and the intensity of a cue must be finite numbers.")
        if not self.start <= self.apex_start <= self.apex_end <= self.end or self.start == self.end:
            raise MotionError(
                f"The times of the {self.expression} cue are out of order.",
                "Give start, apex start, apex end and end in this order.",
            )
        if not 0 <= self.intensity <= MAX_INTENSITY:
            raise MotionError(
                f"The intensity of the {self.expression} cue is {self.intensity:g}.",
                f"Keep it between 0 and {MAX_INTENSITY}.",
            )

    def value(self, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
        """The label at the given times: linear onset and offset, as in figure 2. Shape as `seconds`."""
        corners = np.array([self.start, self.apex_start, self.apex_end, self.end])
        levels = np.array([0.0, self.intensity, self.intensity, 0.0])
        # Where two corners coincide (a jump), np.interp takes the later level, which is what we want.
        return np.interp(seconds, corners, levels, left=0.0, right=0.0)


def labels_from_cues(
    cues: Sequence[Cue], frame_count: int, frame_rate: float, start_time: float = 0.0
) -> NDArray[np.float32]:
    """Motion labels of a performance; where cues of one expression overlap, the stronger one counts.

    Args:
        cues: any number, in any order.
        frame_count: T, at least 1.
        frame_rate: frames a second, above 0.
        start_time: seconds at the first frame.

    Returns:
        (T, 6) float32, one column for each of `EXPRESSIONS`, 0..`MAX_INTENSITY`.

    Raises:
        MotionError: no frames, or a frame rate that is not above 0.
    """
    if frame_count < 1:
        raise MotionError("The performance has no frames.", "Choose an end after its start.")
    if not (math.isfinite(frame_rate) and frame_rate > 0):
        raise MotionError("The frame rate must be above 0.")
    seconds = start_time + np.arange(frame_count) / frame_rate
    labels = np.zeros((frame_count, len(EXPRESSIONS)))
    for cue in cues:
        column = EXPRESSIONS.index(cue.expression)
        labels[:, column] = np.maximum(labels[:, column], cue.value(seconds))
    return labels.astype(np.float32)


def gate(strength: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """How far a strength opens the way for a steered network's latents: s / (s + `GATE`), exactly 0 at rest.

    Args:
        strength: of any shape, the highest of the labels at a moment; below 0 counts as 0.

    Returns:
        The same shape, float32, 0 up to below 1.
    """
    open_to = np.maximum(np.asarray(strength, np.float32), np.float32(0))
    return np.asarray(open_to / (open_to + np.float32(GATE)), np.float32)


def reach(strength: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """How far a steered network's motion goes at a strength, in units of that at 1.

    In proportion up to 1; beyond it levels off, so that strong faces stay whole: 1.32 at `MAX_INTENSITY`.
    """
    given = np.asarray(strength, np.float64)
    above = np.maximum(given - 1, 0)
    return np.asarray(np.minimum(given, 1) + _ROOM * (1 - np.exp(-above / _ROOM)))


def proportional(
    labels: NDArray[np.floating[Any]],
    floors: NDArray[np.floating[Any]],
    scales: NDArray[np.floating[Any]] | None = None,
) -> NDArray[np.float32]:
    """Labels of eq. 6 as strengths in proportion to the motion, which is what a steered network reads.

    Eq. 6 calls 0 what is one deviation below the mean, (mu - sigma), and 1 what is one above. Whoever sets a strength
    expects half of it to be half of the motion: with p = (mu - sigma) / (mu + sigma), a cue of scale s becomes one of
    p + (1 - p) s.

    Args:
        labels: (T, 6), each column with one cue: scale s times a shape that reaches 1.
        floors: (6,) p of each expression, 0..1.
        scales: (6,) s of each; None where it is what the column reaches. In a blend of two expressions a column reaches
            only its share of s, and the share stays what it is.

    Returns:
        (T, 6) float32; a column of zeros stays one.
    """
    given = np.asarray(labels, np.float64)
    scale = given.max(axis=0) if scales is None else np.asarray(scales, np.float64)
    wanted = np.where(scale > 0, floors + (1 - np.asarray(floors)) * scale, 0)
    return np.asarray(given * (wanted / np.maximum(scale, 1e-9)), np.float32)


MAX_AHEAD = 12
"""Frames of labels, at most, that a generator looks ahead: whoever reads labels for a range reads so many more."""


def with_coming(
    labels: NDArray[np.float32], ahead: Sequence[int], after: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Each label, and beside it those that come some frames later.

    Args:
        labels: (T, 6), at least one.
        ahead: how many frames later each.
        after: (n, 6) labels that follow. What comes after the last one known is taken for the same as that.

    Returns:
        (T, 6 (1 + len(ahead))) float32.
    """
    known = labels if after is None else np.concatenate([labels, after])
    rows = np.arange(len(labels))
    return np.concatenate([labels, *(known[np.minimum(rows + one, len(known) - 1)] for one in ahead)], axis=1)


def check_labels(labels: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """The labels as (T, 6) float32, checked at the door.

    Raises:
        MotionError: another shape, no frames, values not finite or outside 0..`MAX_INTENSITY`.
    """
    array = np.asarray(labels, dtype=np.float32)
    if array.ndim != 2 or array.shape[1] != len(EXPRESSIONS) or len(array) == 0:
        raise MotionError(f"Motion labels must have the shape (T, {len(EXPRESSIONS)}), not {array.shape}.")
    if not np.isfinite(array).all():
        raise MotionError("Some motion labels are not finite numbers.")
    if array.min() < 0 or array.max() > MAX_INTENSITY + 1e-6:
        raise MotionError(
            f"Motion labels lie between {array.min():.2f} and {array.max():.2f}.",
            f"Keep them between 0 and {MAX_INTENSITY}.",
        )
    return array


def extremeness(mean_deformation: NDArray[np.floating[Any]], mean: float, deviation: float) -> NDArray[np.float32]:
    """Eq. 6: the scale of a sequence's label, from how far its mean deformation lies from its expression's mean.

    Args:
        mean_deformation: (n,) millimetres, the mean per-vertex distance from neutral of each sequence.
        mean: mu_e, millimetres, over the training sequences of the expression.
        deviation: sigma_e, millimetres, 0 or above.

    Returns:
        (n,) float32 in [`MIN_EXTREMENESS`, 1]; 0.5 where all sequences are alike.
    """
    offset = np.asarray(mean_deformation, dtype=np.float64) - mean
    standard = offset / deviation if deviation > 0 else np.zeros_like(offset)
    return np.maximum((np.clip(standard, -1, 1) + 1) / 2, MIN_EXTREMENESS).astype(np.float32)


def resample(values: NDArray[np.floating[Any]], rate: float, seconds: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Values between frames, along the cubic through the four frames around (Catmull-Rom): C1, exact at the frames.

    Args:
        values: (T, D), sampled at 0, 1/rate, 2/rate, ... seconds.
        rate: frames a second, above 0.
        seconds: (n,) times to read at; before the first and after the last frame the value holds.

    Returns:
        (n, D) float32.
    """
    source = np.asarray(values, dtype=np.float64)
    last = len(source) - 1
    position = np.clip(np.asarray(seconds, dtype=np.float64) * rate, 0, last)
    # A time meant to hit a frame must hit it in spite of rounding, or exact becomes almost exact.
    nearest = np.round(position)
    position = np.where(np.abs(position - nearest) < 1e-6, nearest, position)
    left = np.minimum(position.astype(np.int64), max(last - 1, 0))
    t = (position - left)[:, None]
    before, here, there, after = (source[np.clip(left + step, 0, last)] for step in (-1, 0, 1, 2))
    cubic = 2 * here + t * (there - before)
    cubic += t**2 * (2 * before - 5 * here + 4 * there - after) + t**3 * (3 * (here - there) + after - before)
    return (cubic / 2).astype(np.float32)
