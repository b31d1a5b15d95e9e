"""The paper's network, plain: LSTM encoder, spiral mesh decoder (table 1), and the PCA blendshape baseline.

This file is the truth that the faster forms (`fast.py`, `numpy_engine.py`) are tested against. It imports torch, so
import it only where torch is there.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from .motion import EXPRESSIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from .topology import Topology

State = tuple[Tensor, Tensor]
"""The LSTM's memory: hidden and cell state, each (1, B, latent)."""


@dataclass(frozen=True)
class Sizes:
    """Everything that fixes the network's shapes; saved with the weights.

    Attributes:
        vertices: vertices of each level, coarse to fine, such as (46, 228, 1138, 5687, 28431).
        channels: features of each level, coarse to fine; the last is 3 (table 1).
        spiral_length: L, the number of vertices in a spiral; the paper leaves it open.
        latent: size of the LSTM's output.
        labels: columns of the motion labels.
    """

    vertices: tuple[int, ...]
    channels: tuple[int, ...] = (64, 32, 16, 8, 3)
    spiral_length: int = 10
    latent: int = 64
    labels: int = len(EXPRESSIONS)

    def __post_init__(self) -> None:
        object.__setattr__(self, "vertices", tuple(int(count) for count in self.vertices))
        object.__setattr__(self, "channels", tuple(int(count) for count in self.channels))
        numbers = (*self.vertices, *self.channels, self.spiral_length, self.latent, self.labels)
        if len(self.vertices) != len(self.channels) or len(self.vertices) < 2 or min(numbers) < 1:
            raise ValueError(f"sizes do not fit together: {self}")
        if self.channels[-1] != 3:
            raise ValueError("the last level gives x, y and z: 3 channels")

    @classmethod
    def of(cls, topology: Topology, latent: int = 64) -> Sizes:
        """The paper's sizes on a topology of five levels."""
        return cls(tuple(reversed(topology.sizes)), spiral_length=topology.spirals[0].shape[1], latent=latent)

    def to_json(self) -> str:
        """The sizes as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Sizes:
        """The inverse of `to_json`."""
        return cls(**json.loads(text))


class Encoder(nn.Module):
    """z = E(e), eq. 4: an LSTM over the motion labels.

    (B, T, labels) -> (B, T, latent)

    Args:
        sizes: of labels and latent.
        hidden: size of the memory where it is not the latent's: the output is then projected. 0 for the latent's.
    """

    def __init__(self, sizes: Sizes, hidden: int = 0) -> None:
        super().__init__()
        projected = {"proj_size": sizes.latent} if hidden > sizes.latent else {}
        self.lstm = nn.LSTM(sizes.labels, hidden or sizes.latent, batch_first=True, **projected)

    def forward(self, labels: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Latents of each frame, and the memory after the last one, to carry into the next chunk."""
        latents, state = self.lstm(labels, state)
        return latents, state


class SpiralConv(nn.Module):
    """Eq. 3: each vertex's new features are a linear map of those along its spiral.

    (B, N, in) -> (B, N, out)
    """

    table: Tensor

    def __init__(self, spirals: NDArray[np.int32], inputs: int, outputs: int) -> None:
        super().__init__()
        table = torch.as_tensor(spirals.astype("int64"))
        # Padding (-1) reads the row of zeros that forward appends behind the last vertex.
        self.register_buffer("table", torch.where(table < 0, len(table), table))
        length = table.shape[1]
        # He et al. 2015; with torch's default the deformations start too small and training crawls.
        self.weight = nn.Parameter(torch.randn(length, inputs, outputs) * (2 / (length * inputs)) ** 0.5)
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, features: Tensor) -> Tensor:
        """Gather, concatenate, multiply."""
        batch, count, _ = features.shape
        padded = torch.cat([features, features.new_zeros(batch, 1, features.shape[2])], dim=1)
        spiral = padded.index_select(1, self.table.flatten()).view(batch, count, -1)
        return spiral @ self.weight.flatten(0, 1) + self.bias


class Unpool(nn.Module):
    """Section 3.2: a finer level's features by the barycentric weights of its vertices on the coarser mesh.

    (B, N_coarse, C) -> (B, N_fine, C)
    """

    index: Tensor
    weight: Tensor

    def __init__(self, index: NDArray[np.int32], weight: NDArray[np.float32]) -> None:
        super().__init__()
        self.register_buffer("index", torch.as_tensor(index.astype("int64")))
        self.register_buffer("weight", torch.as_tensor(weight.astype("float32")))

    def forward(self, features: Tensor) -> Tensor:
        """Three weighted gathers."""
        corners = (features.index_select(1, self.index[:, k]) * self.weight[:, k, None] for k in range(3))
        return sum(corners, start=features.new_zeros(()))


class SpiralDecoder(nn.Module):
    """D(z), eq. 4 and table 1: fully connected, then unpool and convolve per level; ReLU but after the last.

    (N, latent) -> (N, V, 3) millimetres
    """

    def __init__(self, sizes: Sizes, topology: Topology, output_scale: float = 1.0) -> None:
        super().__init__()
        self.sizes = sizes
        first, width = sizes.vertices[0], sizes.channels[0]
        self.fc = nn.Linear(sizes.latent, first * width)
        steps = range(len(sizes.vertices) - 1)
        levels = [len(steps) - 1 - step for step in steps]  # topology counts from the finest
        self.unpools = nn.ModuleList(
            Unpool(topology.unpool_index[level], topology.unpool_weight[level]) for level in levels
        )
        self.convs = nn.ModuleList(
            SpiralConv(topology.spirals[level], sizes.channels[step], sizes.channels[step + 1])
            for step, level in zip(steps, levels, strict=True)
        )
        # The network learns in units of the training motion's spread; millimetres only at the very end.
        self.register_buffer("output_scale", torch.tensor(float(output_scale)))
        # ReLU, as in the paper. Training may let it leak at first, so that no part of the face goes silent for good.
        self.negative_slope = 0.0

    def forward(self, latents: Tensor) -> Tensor:
        """Deformation of each frame."""
        features = self.fc(latents).view(-1, self.sizes.vertices[0], self.sizes.channels[0])
        for unpool, conv in zip(self.unpools, self.convs, strict=True):
            features = conv(unpool(features))
            if conv is not self.convs[-1]:
                features = leaky_relu(features, self.negative_slope)
        return features * self.output_scale


class PCADecoder(nn.Module):
    """The baseline of section 5.2: latents to coefficients of the training deformations' principal components.

    (N, latent) -> (N, V, 3) millimetres

    Args:
        mean: (V, 3) mean deformation of the training frames, millimetres.
        components: (K, V, 3) orthonormal principal components, strongest first.
        deviation: (K,) standard deviation of each coefficient, millimetres.
        latent: size of the LSTM's output; the paper has K = latent.
    """

    mean: Tensor
    components: Tensor
    deviation: Tensor

    def __init__(self, mean: Tensor, components: Tensor, deviation: Tensor, latent: int = 64) -> None:
        super().__init__()
        self.register_buffer("mean", mean.clone())
        self.register_buffer("components", components.clone())
        self.register_buffer("deviation", deviation.clone())
        # An LSTM's output lies in (-1, 1); coefficients do not.
        self.fc = nn.Linear(latent, len(components))

    def forward(self, latents: Tensor) -> Tensor:
        """Deformation of each frame."""
        coefficients = self.fc(latents) * self.deviation
        return self.mean + (coefficients @ self.components.flatten(1)).view(-1, *self.mean.shape)


class Network(nn.Module):
    """Encoder and decoder: motion labels to deformations. Added to a neutral they are the frames of eq. 4.

    (B, T, labels) -> (B, T, V, 3) millimetres
    """

    def __init__(self, encoder: Encoder, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def forward(self, labels: Tensor) -> Tensor:
        """Deformation of each frame of each sequence."""
        latents, _ = self.encoder(labels)
        deformation = self.decoder(latents.flatten(0, 1))
        return deformation.view(*labels.shape[:2], *deformation.shape[1:])


def spiral_network(
    topology: Topology, sizes: Sizes | None = None, output_scale: float = 1.0, hidden: int = 0
) -> Network:
    """The paper's model on a topology.

    Args:
        topology: levels, spirals and unpooling.
        sizes: default, the paper's on this topology.
        output_scale: millimetres per unit of the decoder's output; the training motion's spread is a good one.
        hidden: see `Encoder`.
    """
    sizes = sizes or Sizes.of(topology)
    return Network(Encoder(sizes, hidden), SpiralDecoder(sizes, topology, output_scale))


def trained_network(topology: Topology, sizes: Sizes, weights: Mapping[str, NDArray[np.float32]]) -> Network:
    """The spiral network with the trained arrays of a bundle, ready to generate.

    Raises:
        ValueError: they are not the arrays of this network, by name.
        RuntimeError: they have other shapes.
    """
    network = spiral_network(topology, sizes)
    if set(weights) != set(learned(network)):
        raise ValueError("these are not the weights of this network")
    network.load_state_dict({name: torch.tensor(array) for name, array in weights.items()}, strict=False)
    return network.eval()


def learned(network: Network) -> dict[str, Tensor]:
    """What a network took from its training, by name: all of its numbers but the tables, which are the topology's."""
    state = network.state_dict()
    return {name: value for name, value in state.items() if not name.endswith(".table") and ".unpools." not in name}


def pca_network(sizes: Sizes, mean: Tensor, components: Tensor, deviation: Tensor, hidden: int = 0) -> Network:
    """The PCA blendshape baseline with the same encoder and latent size."""
    return Network(Encoder(sizes, hidden), PCADecoder(mean, components, deviation, sizes.latent))
