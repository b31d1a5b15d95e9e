"""The paper's network, plain: LSTM encoder and spiral mesh decoder (table 1); and what steers it.

This file is the truth that the faster forms (`fast.py`, `numpy_engine.py`) are tested against. It imports torch, so
import it only where torch is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from .motion import GATE
from .sizes import Sizes

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from .topology import Topology

State = tuple[Tensor, Tensor]
"""The LSTM's memory: hidden and cell state, each (1, B, latent)."""


class Encoder(nn.Module):
    """z = E(e), eq. 4: an LSTM over the motion labels; a steered one reads style and code beside them.

    (B, T, inputs) -> (B, T, latent)

    Args:
        sizes: of labels and latent.
        hidden: size of the memory where it is not the latent's: the output is then projected. 0 for the latent's.
    """

    def __init__(self, sizes: Sizes, hidden: int = 0) -> None:
        super().__init__()
        projected = {"proj_size": sizes.latent} if hidden > sizes.latent else {}
        self.lstm = nn.LSTM(sizes.inputs, hidden or sizes.latent, batch_first=True, **projected)

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

    Weights that all vertices of a level share know little of where they are. Where the sizes ask for it, two additions
    tell: latents that go to a level directly (`direct`, (N_i * C_i, latent) each), and a mix of the last convolution's
    fields at each vertex (`mix`, (V, 3, F)).
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
            SpiralConv(topology.spirals[level], sizes.channels[step], sizes.outputs(step))
            for step, level in zip(steps, levels, strict=True)
        )
        self.direct = nn.ParameterDict(
            {str(step): nn.Parameter(torch.zeros(_size(sizes, step), sizes.latent)) for step in sizes.direct}
        )
        self.mix = nn.Parameter(_first_mix(sizes)) if sizes.fields else None
        # The network learns in units of the training motion's spread; millimetres only at the very end.
        self.register_buffer("output_scale", torch.tensor(float(output_scale)))
        if sizes.steered:
            # Without biases D(0) = 0 and D(k z) = k D(z) for every k >= 0: rest is exact, and strength is a measure.
            for layer in (self.fc, *self.convs):
                nn.init.zeros_(layer.bias)
                layer.bias.requires_grad_(False)
        # ReLU, as in the paper. Training may let it leak at first, so that no part of the face goes silent for good.
        self.negative_slope = 0.0

    def forward(self, latents: Tensor) -> Tensor:
        """Deformation of each frame."""
        features = self.fc(latents).view(-1, self.sizes.vertices[0], self.sizes.channels[0])
        for step, (unpool, conv) in enumerate(zip(self.unpools, self.convs, strict=True)):
            features = conv(unpool(features))
            if conv is not self.convs[-1]:
                features = leaky_relu(features, self.negative_slope)
            if str(step) in self.direct:
                features = features + (latents @ self.direct[str(step)].t()).view_as(features)
        if self.mix is not None:
            features = torch.einsum("vif,nvf->nvi", self.mix, features)
        return features * self.output_scale


def _size(sizes: Sizes, step: int) -> int:
    return sizes.vertices[step + 1] * sizes.channels[step + 1]


def _first_mix(sizes: Sizes) -> Tensor:
    """(V, 3, F): the first fields are x, y and z, the others a little of each, another at each vertex."""
    mix = 0.3 * torch.randn(sizes.vertices[-1], 3, sizes.fields)
    mix[:, :, :3] = torch.eye(3)[:, : sizes.fields]
    return mix


class Network(nn.Module):
    """Encoder and decoder: motion labels to deformations. Added to a neutral they are the frames of eq. 4.

    (B, T, labels) -> (B, T, V, 3) millimetres

    A steered network reads a style w and the face's code c beside the labels u of a frame and of some later ones. It
    opens its latents by the strength of the frame's labels, and turns what its decoder gives, which is motion on the
    template, by the Jacobians J of the map from the template's neutral to the face's:

        d_v = J_v D(gate(u) E(u, w, c))_v
    """

    def __init__(
        self, encoder: Encoder, decoder: nn.Module, *, steered: bool = False, ahead: tuple[int, ...] = ()
    ) -> None:
        super().__init__()
        self.ahead = ahead
        self.encoder = encoder
        self.decoder = decoder
        self.steered = steered

    def latents(self, labels: Tensor, style: Tensor | None = None, code: Tensor | None = None) -> Tensor:
        """What the decoder is given.

        Args:
            labels: (B, T, labels).
            style: (B, T, S) or (B, 1, S); None for the mean, which is 0.
            code: (B, C); None for the template's own, which is 0.

        Returns:
            (B, T, latent)
        """
        if not self.steered:
            return self.encoder(labels)[0]
        frames = torch.arange(labels.shape[1], device=labels.device)
        # After the last label nothing else comes.
        known = [labels, *(labels[:, (frames + one).clamp(max=len(frames) - 1)] for one in self.ahead)]
        beside = labels.new_zeros(*labels.shape[:2], self.encoder.lstm.input_size - len(known) * labels.shape[-1])
        if style is not None:
            beside[..., : style.shape[-1]] = style
        if code is not None:
            beside[..., beside.shape[-1] - code.shape[-1] :] = code[:, None]
        latents, _ = self.encoder(torch.cat([*known, beside], -1))
        strength = labels.amax(-1, keepdim=True).clamp(min=0)
        return latents * (strength / (strength + GATE))

    def forward(
        self,
        labels: Tensor,
        style: Tensor | None = None,
        code: Tensor | None = None,
        jacobians: Tensor | None = None,
    ) -> Tensor:
        """Deformation of each frame of each sequence; see `latents`, and jacobians (B, V, 3, 3), None for none."""
        deformation = self.decoder(self.latents(labels, style, code).flatten(0, 1))
        deformation = deformation.view(*labels.shape[:2], *deformation.shape[1:])
        return deformation if jacobians is None else turned(deformation, jacobians)


def turned(deformation: Tensor, jacobians: Tensor) -> Tensor:
    """Motion on the template, (B, T, V, 3), as motion of faces with these Jacobians, (B, V, 3, 3): J_v d_v."""
    rows = jacobians[:, None]
    return sum((rows[..., axis] * deformation[..., axis, None] for axis in range(3)), start=deformation.new_zeros(()))


def spiral_network(
    topology: Topology, sizes: Sizes | None = None, output_scale: float = 1.0, hidden: int = 0
) -> Network:
    """The paper's model on a topology, or the steered one where its sizes say so.

    Args:
        topology: levels, spirals and unpooling.
        sizes: default, the paper's on this topology.
        output_scale: millimetres per unit of the decoder's output; the training motion's spread is a good one.
        hidden: see `Encoder`.
    """
    sizes = sizes or Sizes.of(topology)
    # The encoder first: a seed gives the weights that it always gave.
    encoder = Encoder(sizes, hidden)
    decoder = SpiralDecoder(sizes, topology, output_scale)
    return Network(encoder, decoder, steered=sizes.steered, ahead=sizes.ahead)


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
