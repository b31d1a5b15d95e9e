"""The generator as everybody else sees it: motion labels in, deformations out, numpy on both sides."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from .bundle import Bundle, read_bundle
from .errors import Cancelled, DeviceError, MotionError
from .motion import EXPRESSIONS, check_labels, resample
from .numpy_engine import NumpyEngine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from .template import Template

ENGINES = ("auto", "torch", "numpy")
DEVICES = ("auto", "cuda", "mps", "cpu")
ENCODE_CHUNK = 1024
"""Frames the LSTM reads at a time; it carries its memory from chunk to chunk."""


class Engine(Protocol):
    """What a way to compute the network offers; see `numpy_engine.NumpyEngine`."""

    name: str
    device: str
    chunk: int
    """Frames it computes best at a time."""

    def encode(self, labels: NDArray[np.float32], state: Any = None) -> tuple[NDArray[np.float32], Any]:
        """(T, 6) labels -> (T, latent), memory."""

    def decode(self, latents: NDArray[np.float32], out: NDArray[np.float32]) -> None:
        """(n, latent) into (n, V, 3) mm, contiguous."""


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
        self._engine = _make_engine(bundle, engine, device)

    @classmethod
    def load(cls, path: Path | str, engine: str = "auto", device: str = "auto") -> Generator:
        """Reads a bundle and prepares to compute it.

        Args:
            path: the bundle.
            engine: "auto" takes torch where it can be imported, else numpy.
            device: "auto" takes cuda, else mps, else cpu. numpy computes on the cpu.

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

    def decode(self, latents: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Deformations of given latents: (n, latent) -> (n, V, 3) float32 mm."""
        given = np.asarray(latents, np.float32)
        out = self._room(len(given))
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
            _check_finite(frames)
            yield first, frames
            if progress is not None:
                progress(first + len(part), len(latents))


def _check_finite(frames: NDArray[np.float32]) -> None:
    # Their product with themselves is finite only if all of them are: one pass, and no array of yes and no.
    flat = frames.reshape(-1)
    with np.errstate(over="ignore", invalid="ignore"):
        finite = np.isfinite(np.dot(flat, flat))
    if not finite:
        raise MotionError("The generator gave values that are not finite numbers.", "Reinstall the bundle.")


def torch_is_there() -> bool:
    """Whether torch can be found; it is not imported for the answer."""
    return importlib.util.find_spec("torch") is not None


def _make_engine(bundle: Bundle, engine: str, device: str) -> Engine:
    if engine not in ENGINES or device not in DEVICES:
        raise DeviceError(
            f"There is no engine {engine!r} on {device!r}.",
            f"Choose from {', '.join(ENGINES)} and from {', '.join(DEVICES)}.",
        )
    if engine == "numpy" or (engine == "auto" and not torch_is_there()):
        if device not in ("auto", "cpu"):
            raise DeviceError(f"Without torch there is no {device}.", "Install torch, or choose the device auto.")
        return NumpyEngine(bundle)
    try:
        from .torch_engine import TorchEngine, available_devices
    except (ImportError, OSError) as problem:
        if engine == "auto" and device in ("auto", "cpu"):
            return NumpyEngine(bundle)
        raise DeviceError(f"torch cannot be imported ({problem}).", "Choose the engine numpy.") from problem
    found = available_devices()
    if device != "auto" and device not in found:
        raise DeviceError(f"torch finds no {device} here.", f"Choose from auto, {', '.join(found)}.")
    return TorchEngine(bundle, found[0] if device == "auto" else device)
