"""The encoder's path along the timeline, computed as far as it is asked for, and again only from where it changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine import resample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..engine import Performer

_BLOCK = 64
"""Labels from one kept state of the encoder's memory to the next."""

_BESIDE = 2
"""Latents on either side of a moment that its interpolation may read."""


class Course:
    """Latents of a performance at any time.

    Args:
        performer: whose encoder and label rate count.
    """

    def __init__(self, performer: Performer) -> None:
        self._performer = performer
        self._labels = np.zeros((1, len(performer.expressions)), np.float32)
        self._first = 0.0
        self._latents: NDArray[np.float32] | None = None
        self._done = 0
        # The memory behind the last label that was read, and before each block of them.
        self._memory: Any = None
        self._states: list[Any] = [None]

    @property
    def rate(self) -> float:
        """Labels a second."""
        return float(self._performer.frame_rate)

    def by(self, performer: Performer) -> Course:
        """The same labels, as another performer gives them."""
        other = Course(performer)
        other.follow(self._labels, self._first)
        return other

    @property
    def moves(self) -> bool:
        """Whether any strength is ever above 0; where not, there is nothing to show but life."""
        return bool(self._labels.any())

    def follow(self, labels: NDArray[np.float32], first: float) -> None:
        """Takes other labels; what was computed up to the first one that differs stays.

        Args:
            labels: (T, 6) at the generator's label rate.
            first: time of the first one, seconds from frame 0 on.
        """
        same = 0
        if first == self._first:
            count = min(len(labels), len(self._labels))
            differs = (labels[:count] != self._labels[:count]).any(axis=1)
            same = int(differs.argmax()) if differs.any() else count
            if same < max(len(labels), len(self._labels)):
                # The frames before saw what has changed coming.
                same = max(same - self._performer.foresight, 0)
        self._labels, self._first = labels, first
        if same < self._done:
            # Back to the last kept state of the memory before the change.
            self._done = same - same % _BLOCK
            del self._states[self._done // _BLOCK + 1 :]
            self._memory = self._states[-1]
        if self._latents is not None and len(self._latents) < len(labels):
            more = np.empty((len(labels) - len(self._latents), self._latents.shape[1]), np.float32)
            self._latents = np.concatenate([self._latents, more])

    def at(self, seconds: float) -> NDArray[np.float32]:
        """The latent at a time from frame 0 on: (1, latent); before the first label and after the last one it holds."""
        rate = self._performer.frame_rate
        last = len(self._labels) - 1
        position = min(max((seconds - self._first) * rate, 0.0), float(last))
        begin = max(int(position) - _BESIDE, 0)
        end = min(int(position) + _BESIDE + 1, last) + 1
        self._encode(end)
        assert self._latents is not None
        return resample(self._latents[begin:end], rate, np.array([(position - begin) / rate]))

    def _encode(self, count: int) -> None:
        """Has the first `count` labels read, if they were not yet."""
        while self._done < count:
            end = min(count, (self._done // _BLOCK + 1) * _BLOCK)
            after = self._labels[end : end + self._performer.foresight]
            latents, self._memory = self._performer.encode(self._labels[self._done : end], self._memory, after)
            if self._latents is None:
                self._latents = np.empty((len(self._labels), latents.shape[1]), np.float32)
            self._latents[self._done : end] = latents
            self._done = end
            if end % _BLOCK == 0:
                self._states.append(self._memory)
