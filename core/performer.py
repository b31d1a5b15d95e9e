"""A performer: a trained generator, the face it performs on, and the take it gives."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .errors import Cancelled, MotionError
from .motion import EXPRESSIONS, check_labels, gate, resample, with_coming
from .takes import Pieces, Take, styles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from .bundle import Bundle
    from .engines import Engine
    from .identity import Identity
    from .life import LifeOnFace
    from .template import Template

ENCODE_CHUNK = 1024
"""Frames the LSTM reads at a time; it carries its memory from chunk to chunk."""


class Memory(NamedTuple):
    """What a performer must know of the labels behind it.

    Attributes:
        state: the encoder's own memory.
        pieces: which styles the movements so far had.
    """

    state: Any
    pieces: Pieces


class _Moments(NamedTuple):
    """(n, latent) what is to be decoded, and (n,) the seconds it is at by life's clock."""

    latents: NDArray[np.float32]
    seconds: NDArray[np.float64]


class Performer:
    """A generator on a face, giving a take. Cheap to make; not to be used from two threads at once.

    Latents of a steered generator have one column more than the encoder's output: the strength of the labels, so that
    they can be interpolated, and rest is exact at any time. Those of older ones are the encoder's output.

    Attributes:
        template: the topology it works on.
        frame_rate: motion labels a second.
        expressions: columns of the labels.
        header: the bundle's header.
        identity: of the face; None for the template's own.
        take: which performance it gives.
    """

    def __init__(
        self, bundle: Bundle, engine: Engine, identity: Identity | None = None, take: Take | None = None
    ) -> None:
        self.template: Template = bundle.template
        self.frame_rate = float(bundle.header["frame_rate"])
        self.expressions = EXPRESSIONS
        self.header = bundle.header
        self.identity, self.take = identity, take or Take()
        sizes = bundle.sizes
        self._steered, self._style, self._code = sizes.steered, sizes.style, np.zeros(sizes.code, np.float32)
        self._ahead = sizes.ahead
        self._engine, self._face = engine, None
        if identity is not None and self._steered:
            if len(identity.code) < len(self._code) or len(identity.jacobians) != self.template.vertex_count:
                raise MotionError("The identity was read for another generator.", "Read it with this one.")
            self._code = identity.code[: len(self._code)]
            self._face = engine.prepare(identity.jacobians)
        self._lids = bundle.own_lids if identity is None else identity.lids
        self._life: LifeOnFace | None = None
        if bundle.life is not None and self.take.life > 0:
            self._life = bundle.life.on(self.template, None if identity is None else identity.jacobians)

    @property
    def engine_name(self) -> str:
        """What computes: "torch" or "numpy"."""
        return self._engine.name

    @property
    def device_name(self) -> str:
        """Where it computes: "cuda", "mps" or "cpu"."""
        return self._engine.device

    @property
    def lives(self) -> bool:
        """Whether the face moves by itself, labels or none: blinks and micro-movements."""
        return self._life is not None

    def latents(self, labels: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """What `decode` wants for each label frame: (T, 6) -> (T, latent) float32; see the class."""
        checked = check_labels(labels)
        parts, memory = [], None
        for first in range(0, len(checked), ENCODE_CHUNK):
            end = first + ENCODE_CHUNK
            part, memory = self._encoded(checked[first:end], checked[end : end + self.foresight], memory)
            parts.append(part)
        return np.concatenate(parts)

    @property
    def foresight(self) -> int:
        """Frames of labels after a frame's own that it depends on."""
        return max(self._ahead, default=0)

    def encode(
        self, labels: NDArray[np.floating[Any]], memory: Any = None, after: NDArray[np.floating[Any]] | None = None
    ) -> tuple[NDArray[np.float32], Any]:
        """`latents` of labels as they come: (T, 6) -> (T, latent) float32, and the memory to go on with.

        Args:
            labels: the next ones.
            memory: what the labels before them left; None at the start.
            after: (n, 6) those that follow, of which the first `foresight` count; where there are fewer, the last one
                known is taken to stay.
        """
        coming = None if after is None or len(after) == 0 else check_labels(after)[: self.foresight]
        return self._encoded(check_labels(labels), coming, memory)

    def decode(
        self,
        latents: NDArray[np.floating[Any]],
        seconds: NDArray[np.floating[Any]] | None = None,
        *,
        beside: bool = False,
    ) -> NDArray[np.float32]:
        """Deformations of given latents: (n, latent) -> (n, V, 3) float32 mm.

        Args:
            latents: (n, latent).
            seconds: (n,) their moments, for a take with life; None for none.
            beside: others use the cores as well, Blender that plays, for example. One thread computes then: it costs a
                third more in quiet, and does not wait for cores that are taken.
        """
        given = np.asarray(latents, np.float32)
        out = self._room(len(given))
        with self._engine.one_thread() if beside else contextlib.nullcontext():
            self._compute(given, None if seconds is None else np.asarray(seconds, np.float64), out)
        return out

    def life_at(self, seconds: NDArray[np.floating[Any]]) -> NDArray[np.float32] | None:
        """What life alone adds to frames: (n,) seconds -> (n, V, 3) float32 mm; None for a take without life.

        The rest of a frame of `decode` is what the labels ask for, less what a blink takes of it at the lids.
        """
        if self._life is None:
            return None
        out = np.zeros((len(seconds), self.template.vertex_count, 3), np.float32)
        self._life.add(out, np.asarray(seconds, np.float64), self.take.seed or 0, self.take.life)
        return out

    def stream(
        self,
        labels: NDArray[np.floating[Any]],
        *,
        times: NDArray[np.floating[Any]] | None = None,
        seconds: NDArray[np.floating[Any]] | None = None,
        chunk: int | None = None,
        reuse: bool = False,
        progress: Callable[[int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Deformations in chunks, in bounded memory however long the performance is.

        Args:
            labels: (T, 6), at the bundle's frame rate, the first at 0 seconds.
            times: (n,) seconds at which to give frames; default, those of the labels. Between label frames the latents
                are interpolated, so every frame rate gets frames of the network and not blends of meshes.
            seconds: (n,) the moments of the frames by life's clock, where that is another one; default, `times`.
            chunk: frames decoded at a time; default, what suits the engine.
            reuse: give all chunks in one array: whoever asks for the next one has lost the one before.
            progress: called with (frames done, frames in all) after each chunk.
            cancelled: asked before each chunk.

        Yields:
            (index of the first frame, (n, V, 3) float32 millimetres to add to the neutral).

        Raises:
            MotionError: labels or times are out of shape or range.
            Cancelled: `cancelled` said so.
        """
        moments = self._moments(labels, times, seconds)
        size = chunk or self._engine.chunk
        buffer = self._room(min(size, len(moments.seconds)) if reuse else 0)

        def room(_: int, count: int) -> NDArray[np.float32]:
            return buffer[:count] if reuse else self._room(count)

        return self._decoded(moments, size, room, progress, cancelled)

    def generate(
        self,
        labels: NDArray[np.floating[Any]],
        *,
        times: NDArray[np.floating[Any]] | None = None,
        seconds: NDArray[np.floating[Any]] | None = None,
        chunk: int | None = None,
        progress: Callable[[int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> NDArray[np.float32]:
        """All of `stream` in one array, (n, V, 3) float32 millimetres; arguments and errors are those of `stream`."""
        moments = self._moments(labels, times, seconds)
        out = self._room(len(moments.seconds))

        def room(first: int, count: int) -> NDArray[np.float32]:
            return out[first : first + count]

        for _ in self._decoded(moments, chunk or self._engine.chunk, room, progress, cancelled):
            pass
        return out

    def _encoded(
        self, labels: NDArray[np.float32], after: NDArray[np.float32] | None, memory: Memory | None
    ) -> tuple[NDArray[np.float32], Memory]:
        state, pieces = memory or (None, None)
        if not self._steered:
            latents, state = self._engine.encode(labels, state)
            return latents, Memory(state, Pieces())
        style, left = styles(self.take, labels, self._style, pieces)
        code = np.broadcast_to(self._code, (len(labels), len(self._code)))
        known = with_coming(labels, self._ahead, after)
        latents, state = self._engine.encode(np.concatenate([known, style, code], axis=1), state)
        return np.column_stack([latents, labels.max(axis=1)]), Memory(state, left)

    def _moments(
        self,
        labels: NDArray[np.floating[Any]],
        times: NDArray[np.floating[Any]] | None,
        seconds: NDArray[np.floating[Any]] | None,
    ) -> _Moments:
        latents = self.latents(labels)
        at = np.arange(len(latents)) / self.frame_rate if times is None else _checked(times)
        if times is not None:
            latents = resample(latents, self.frame_rate, at)
        clock = at if seconds is None else _checked(seconds)
        if len(clock) != len(at):
            raise MotionError(f"There are {len(at)} frames, and {len(clock)} moments of life.")
        return _Moments(latents, clock)

    def _room(self, count: int) -> NDArray[np.float32]:
        return np.empty((count, self.template.vertex_count, 3), np.float32)

    def _compute(
        self, latents: NDArray[np.float32], seconds: NDArray[np.float64] | None, out: NDArray[np.float32]
    ) -> None:
        """Decodes into out (n, V, 3); with life at the seconds given."""
        if self._steered:
            latents = latents[:, :-1] * gate(latents[:, -1:])
        self._engine.decode(latents, out, self._face)
        if self._lids is not None:
            self._lids.keep(out)
        if self._life is not None and seconds is not None:
            self._life.add(out, seconds, self.take.seed or 0, self.take.life)

    def _decoded(
        self,
        moments: _Moments,
        size: int,
        room: Callable[[int, int], NDArray[np.float32]],
        progress: Callable[[int, int], None] | None,
        cancelled: Callable[[], bool] | None,
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Decodes chunk by chunk, each into what room(index of its first frame, number of frames) gives."""
        latents, seconds = moments
        for first in range(0, len(latents), size):
            if cancelled is not None and cancelled():
                raise Cancelled
            part = latents[first : first + size]
            frames = room(first, len(part))
            self._compute(part, seconds[first : first + size], frames)
            check_finite(frames)
            yield first, frames
            if progress is not None:
                progress(first + len(part), len(latents))


def _checked(times: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    seconds = np.asarray(times, np.float64)
    if seconds.ndim != 1 or len(seconds) == 0 or not np.isfinite(seconds).all():
        raise MotionError("The times of the frames must be a list of finite numbers.")
    return seconds


def check_finite(frames: NDArray[np.float32]) -> None:
    """NaN and infinity never leave the generator.

    Raises:
        MotionError: some of the numbers are not finite.
    """
    if not all_finite(frames):
        raise MotionError("The generator gave values that are not finite numbers.", "Reinstall the bundle.")


def all_finite(frames: NDArray[np.float32]) -> bool:
    """Whether all numbers of a contiguous array are finite."""
    # Their product with themselves is finite only if all of them are: one pass, and no array of yes and no.
    flat = frames.reshape(-1)
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(np.dot(flat, flat)))
