"""The network through torch, on any device; numpy in, numpy out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from .fast import FoldedDecoder
from .model import Sizes, SpiralDecoder, State, spiral_network

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import nn

    from .bundle import Bundle


class TorchEngine:
    """Encoder and decoder of `model.py`, the decoder through `fast.py` where the device has sparse products.

    Args:
        bundle: the trained generator.
        device: "cpu", "cuda" or "mps", known to be there.
    """

    name = "torch"

    def __init__(self, bundle: Bundle, device: str) -> None:
        self.device = device
        network = spiral_network(bundle.topology, Sizes(**bundle.header["sizes"]))
        state = {name: torch.tensor(array) for name, array in bundle.weights.items()}
        # The index tables come from the topology; only what was trained comes from the weights.
        outcome = network.load_state_dict(state, strict=False)
        assert not outcome.unexpected_keys, outcome.unexpected_keys
        network.eval()
        decoder: nn.Module = network.decoder
        assert isinstance(decoder, SpiralDecoder)
        # Metal has no sparse matrices; the plain form gives the same numbers there.
        self._decoder = (decoder if device == "mps" else FoldedDecoder(decoder)).to(device)
        # The recurrence is tiny and serial: a GPU would only wait for its own kernel launches.
        self._encoder = network.encoder.cpu()

    @torch.inference_mode()
    def encode(self, labels: NDArray[np.float32], state: State | None = None) -> tuple[NDArray[np.float32], State]:
        """LSTM over (T, 6) labels: (T, latent) float32, and the memory to carry into the next chunk."""
        latents, state = self._encoder(torch.tensor(labels)[None], state)
        return latents[0].numpy(), state

    @torch.inference_mode()
    def decode(self, latents: NDArray[np.float32]) -> NDArray[np.float32]:
        """Table 1 on (n, latent): (n, V, 3) float32 millimetres."""
        return self._decoder(torch.tensor(latents).to(self.device)).contiguous().cpu().numpy()


def available_devices() -> list[str]:
    """The devices torch sees here, fastest first."""
    found = []
    if torch.cuda.is_available():
        found.append("cuda")
    if torch.backends.mps.is_available():
        found.append("mps")
    return [*found, "cpu"]
