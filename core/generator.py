"""The generator as everybody else sees it: motion labels in, deformations out, numpy on both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .bundle import Bundle, read_bundle
from .engines import make_engine
from .identity import read_identity
from .motion import EXPRESSIONS
from .performer import Performer, all_finite, check_finite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from .identity import Identity
    from .takes import Take
    from .template import Template

__all__ = ["Generator", "Performer", "all_finite", "check_finite"]


class Generator:
    """A trained generator, ready to perform: by itself on the template's own face, or `on` another one.

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
        self._plain = self.on()

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
        return self._plain.engine_name

    @property
    def device_name(self) -> str:
        """Where it computes: "cuda", "mps" or "cpu"."""
        return self._plain.device_name

    @property
    def varies(self) -> bool:
        """Whether a seed gives another performance; bundles of older kinds have one performance alone."""
        return self.bundle.varies

    @property
    def lives(self) -> bool:
        """Whether the bundle has small motions of life."""
        return self.bundle.lives

    def identity_of(
        self, neutral: NDArray[np.floating[Any]], present: NDArray[np.bool_] | None = None
    ) -> Identity | None:
        """What `on` must know of a face; to be computed once a face. None where the bundle is of an older kind.

        Args:
            neutral: (V, 3), registered to the template. Its turn and scale are the motion's as well: lay it onto the
                template first if the motion is wanted in the template's frame.
            present: (V,) False where the face lacks a vertex; None where it has all. NaN counts as lacking.

        Raises:
            ValueError: the neutral has another shape than the template.
        """
        if self.bundle.identity is None:
            return None
        return read_identity(self.template, self.bundle.identity, neutral, present, self.bundle.lids)

    def on(self, identity: Identity | None = None, take: Take | None = None) -> Performer:
        """The generator on a face, giving a take.

        Args:
            identity: from `identity_of`; None for the template's own face.
            take: None for the calm mean without life. What the bundle cannot do of it is left out: see `varies`
                and `lives`.

        Raises:
            MotionError: the identity was read for another generator.
        """
        return Performer(self.bundle, self._engine, identity, take)

    def latents(self, labels: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """See `Performer.latents`."""
        return self._plain.latents(labels)

    def encode(
        self, labels: NDArray[np.floating[Any]], memory: Any = None, after: NDArray[np.floating[Any]] | None = None
    ) -> tuple[NDArray[np.float32], Any]:
        """See `Performer.encode`."""
        return self._plain.encode(labels, memory, after)

    def decode(
        self,
        latents: NDArray[np.floating[Any]],
        seconds: NDArray[np.floating[Any]] | None = None,
        *,
        beside: bool = False,
    ) -> NDArray[np.float32]:
        """See `Performer.decode`."""
        return self._plain.decode(latents, seconds, beside=beside)

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
        """See `Performer.stream`."""
        return self._plain.stream(labels, times=times, chunk=chunk, reuse=reuse, progress=progress, cancelled=cancelled)

    def generate(
        self,
        labels: NDArray[np.floating[Any]],
        *,
        times: NDArray[np.floating[Any]] | None = None,
        chunk: int | None = None,
        progress: Callable[[int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> NDArray[np.float32]:
        """See `Performer.generate`."""
        return self._plain.generate(labels, times=times, chunk=chunk, progress=progress, cancelled=cancelled)
