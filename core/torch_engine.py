"""The network through torch, on any device; numpy in, numpy out."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import torch

from .fast import chunk_of
from .fast_inference import InferenceDecoder
from .model import SpiralDecoder, State, trained_network, turned

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from .bundle import Bundle


class TorchEngine:
    """Encoder of `model.py`; decoder through `fast_inference.py`.

    Args:
        bundle: the trained generator.
        device: "cpu", "cuda" or "mps", known to be there.
    """

    name = "torch"

    def __init__(self, bundle: Bundle, device: str) -> None:
        self.device = device
        network = trained_network(bundle.topology, bundle.sizes, bundle.weights)
        decoder: nn.Module = network.decoder
        assert isinstance(decoder, SpiralDecoder)
        self._decoder = _on(decoder, device)
        self.chunk = chunk_of(device)
        # The recurrence is tiny and serial: a GPU would only wait for its own kernel launches.
        self._encoder = network.encoder.cpu()

    @torch.inference_mode()
    def encode(self, inputs: NDArray[np.float32], state: State | None = None) -> tuple[NDArray[np.float32], State]:
        """LSTM over (T, inputs): (T, latent) float32, and the memory to carry into the next chunk."""
        latents, state = self._encoder(torch.tensor(inputs)[None], state)
        return latents[0].numpy(), state

    @contextlib.contextmanager
    def one_thread(self) -> Iterator[None]:
        """Meanwhile torch computes with one thread; it is a setting of the whole process."""
        count = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(count)

    @torch.inference_mode()
    def prepare(self, jacobians: NDArray[np.float32]) -> Any:
        """(V, 3, 3) of a face, as `decode` wants them, on the device."""
        return self._decoder.prepare(torch.tensor(jacobians))

    @torch.inference_mode()
    def decode(self, latents: NDArray[np.float32], out: NDArray[np.float32], face: Any = None) -> None:
        """Table 1 on (n, latent) into (n, V, 3) float32 millimetres, contiguous; on a face if it is given."""
        given, target = torch.tensor(latents), torch.from_numpy(out)
        if self.device == "cpu":
            self._decoder(given, target, face)
        else:
            target.copy_(self._decoder(given.to(self.device), None, face))


class PlainDecoder:
    """The decoder of `model.py` where the folded one cannot be computed."""

    def __init__(self, decoder: SpiralDecoder, device: str) -> None:
        self._decoder, self._device = decoder.to(device), device

    def prepare(self, jacobians: Tensor) -> Tensor:
        """(V, 3, 3) of a face, on the device."""
        return jacobians.to(self._device)

    def __call__(self, latents: Tensor, _: Tensor | None, face: Tensor | None = None) -> Tensor:
        """(n, latent) -> (n, V, 3), on a face if it is given."""
        deformation: Tensor = self._decoder(latents)
        return deformation if face is None else turned(deformation[None], face[None])[0]


def _on(decoder: SpiralDecoder, device: str) -> InferenceDecoder | PlainDecoder:
    """The decoder on a device: folded; where torch lacks the weighted sum of rows (an older one on mps), plain."""
    try:
        fast = InferenceDecoder(decoder, device)
        fast(torch.zeros(2, decoder.sizes.latent, device=device))
    except RuntimeError:  # NotImplementedError is one, too
        if device == "cpu":
            raise
        return PlainDecoder(decoder, device)
    return fast


def available_devices() -> list[str]:
    """The devices torch sees here, fastest first."""
    found = []
    if torch.cuda.is_available():
        found.append("cuda")
    if torch.backends.mps.is_available():
        found.append("mps")
    return [*found, "cpu"]
