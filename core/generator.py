"""The generator as everybody else sees it: motion labels in, deformations out, numpy on both sides."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np

from .bundle import Bundle, read_bundle
from .engines import make_engine
from .errors import Cancelled, MotionError
from .motion import EXPRESSIONS, check_labels, resample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from .template import Template

ENCODE_CHUNK = 1024
"""Frames the LSTM reads at a time; it carries its memory from chunk to chunk."""


class Generator:
    """A trained generator, ready to perform.

    Attributes:
        bundle: what was read.
        template: the topology it works on.
        frame_rate: motion labels a second.
        expressions: columns of the labels.
        samples: name -> (V, 3) float32 neutral faces, mm.
        header: the bundle's header.
    """

    def __init__(self, bundle: Bundle, engine: str = "auto", device: str = "auto") -> None:
        self.bundle = bundle
        self.template: Template = bundle.template
        self.frame_rate = float(bundle.header["frame_rate"])
        self.expressions = EXPRESSIONS
        self.samples = bundle.samples
        self.header = bundle.header
        self._engine = make_engine(bundle, engine, device)

    @classmethod
    def load(cls, path: Path | str, engine: str = "auto", device: str = "auto") -> Generator:
        """Reads a bundle and prepares to compute it.

        Args:
            path: the bundle.
            engine: "auto" takes torch where it works, else numpy.
            device: "auto" takes the first that works of cuda, mps, cpu. numpy computes on the cpu.

        Raises:
            BundleError: the file is damaged or foreign.
            DeviceError: the engine or device asked for is not there.
        """
        return cls(read_bundle(path), engine, device)

    @property
    def engine_name(self) -> str:
        """What computes: "torch" or "numpy"."""
        return self._engine.name

    @property
    def device_name(self) -> str:
        """Where it computes: "cuda", "mps" or "cpu"."""
        return self._engine.device

    def latents(self, labels: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """The encoder's output for each label frame: (T, 6) -> (T, latent) float32."""
        checked = check_labels(labels)
        parts, state = [], None
        for first in range(0, len(checked), ENCODE_CHUNK):
            part, state = self._engine.encode(checked[first : first + ENCODE_CHUNK], state)
            parts.append(part)
        return np.concatenate(parts)

    def encode(self, labels: NDArray[np.floating[Any]], state: Any = None) -> tuple[NDArray[np.float32], Any]:
        """The encoder's output for labels as they come: (T, 6) -> (T, latent) float32, and its memory to go on with.

        Args:
            labels: the next ones.
            state: the memory that the labels before them left; None at the start.
        """
        return self._engine.encode(check_labels(labels), state)

    def decode(self, latents: NDArray[np.floating[Any]], *, beside: bool = False) -> NDArray[np.float32]:
        """Deformations of given latents: (n, latent) -> (n, V, 3) float32 mm.

        Args:
            latents: (n, latent).
            beside: others use the cores as well, Blender that plays, for example. One thread computes then: it costs a
                third more in quiet, and does not wait for cores that are taken.
        """
        given = np.asarray(latents, np.float32)
        out = self._room(len(given))
        with self._engine.one_thread() if beside else contextlib.nullcontext():
            self._engine.decode(given, out)
        return out

    def stream(
        self,
        labels: NDArray[np.floating[Any]],
        *,
        times: NDArray[np.floating[Any]] | None = None,
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
        latents = self._latents_at(labels, times)
        size = chunk or self._engine.chunk
        buffer = self._room(min(size, len(latents)) if reuse else 0)

        def room(_: int, count: int) -> NDArray[np.float32]:
            return buffer[:count] if reuse else self._room(count)

        return self._decoded(latents, size, room, progress, cancelled)

    def generate(
        self,
        labels: NDArray[np.floating[Any]],
        *,
        times: NDArray[np.floating[Any]] | None = None,
        chunk: int | None = None,
        progress: Callable[[int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> NDArray[np.float32]:
        """All of `stream` in one array, (n, V, 3) float32 millimetres; arguments and errors are those of `stream`."""
        latents = self._latents_at(labels, times)
        out = self._room(len(latents))

        def room(first: int, count: int) -> NDArray[np.float32]:
            return out[first : first + count]

        for _ in self._decoded(latents, chunk or self._engine.chunk, room, progress, cancelled):
            pass
        return out

    def _latents_at(
        self, labels: NDArray[np.floating[Any]], times: NDArray[np.floating[Any]] | None
    ) -> NDArray[np.float32]:
        latents = self.latents(labels)
        if times is None:
            return latents
        seconds = np.asarray(times, np.float64)
        if seconds.ndim != 1 or len(seconds) == 0 or not np.isfinite(seconds).all():
            raise MotionError("The times of the frames must be a list of finite numbers.")
        return resample(latents, self.frame_rate, seconds)

    def _room(self, count: int) -> NDArray[np.float32]:
        return np.empty((count, self.template.vertex_count, 3), np.float32)

    def _decoded(
        self,
        latents: NDArray[np.float32],
        size: int,
        room: Callable[[int, int], NDArray[np.float32]],
        progress: Callable[[int, int], None] | None,
        cancelled: Callable[[], bool] | None,
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Decodes chunk by chunk, each into what room(index of its first frame, number of frames) gives."""
        for first in range(0, len(latents), size):
            if cancelled is not None and cancelled():
                raise Cancelled
            part = latents[first : first + size]
            frames = room(first, len(part))
            self._engine.decode(part, frames)
            check_finite(frames)
            yield first, frames
            if progress is not None:
                progress(first + len(part), len(latents))


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
