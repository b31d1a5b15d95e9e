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

    def encode(self, labels: NDArray[np.float32], state: Any = None) -> tuple[NDArray[np.float32], Any]:
        """(T, 6) labels -> (T, latent), memory."""

    def decode(self, latents: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, latent) -> (n, V, 3) mm."""


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
        return self._engine.decode(np.asarray(latents, np.float32))

    def stream(
        self,
        labels: NDArray[np.floating[Any]],
        *,
        times: NDArray[np.floating[Any]] | None = None,
        chunk: int = 32,
        progress: Callable[[int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Deformations in chunks, in bounded memory however long the performance is.

        Args:
            labels: (T, 6), at the bundle's frame rate, the first at 0 seconds.
            times: (n,) seconds at which to give frames; default, those of the labels. Between label frames the latents
                are interpolated, so every frame rate gets frames of the network and not blends of meshes.
            chunk: frames decoded at a time.
            progress: called with (frames done, frames in all) after each chunk.
            cancelled: asked before each chunk.

        Yields:
            (index of the first frame, (n, V, 3) float32 millimetres to add to the neutral).

        Raises:
            MotionError: labels or times are out of shape or range.
            Cancelled: `cancelled` said so.
        """
        latents = self.latents(labels)
        if times is not None:
            seconds = np.asarray(times, np.float64)
            if seconds.ndim != 1 or len(seconds) == 0 or not np.isfinite(seconds).all():
                raise MotionError("The times of the frames must be a list of finite numbers.")
            latents = resample(latents, self.frame_rate, seconds)
        total = len(latents)
        for first in range(0, total, chunk):
            if cancelled is not None and cancelled():
                raise Cancelled
            frames = self._engine.decode(latents[first : first + chunk])
            if not np.isfinite(frames).all():
                raise MotionError("The generator gave values that are not finite numbers.", "Reinstall the bundle.")
            yield first, frames
            if progress is not None:
                progress(min(first + chunk, total), total)

    def generate(self, labels: NDArray[np.floating[Any]], **options: Any) -> NDArray[np.float32]:
        """All of `stream` in one array, (n, V, 3) float32 millimetres; the options are those of `stream`."""
        return np.concatenate([frames for _, frames in self.stream(labels, **options)])


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
