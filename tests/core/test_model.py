"""The network against table 1, and its faster forms against the plain one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.fast import FoldedDecoder
from core.learning.blendshapes import PCADecoder, pca_network
from core.model import Network, SpiralConv, Unpool, spiral_network
from core.sizes import Sizes
from core.template import Template
from core.topology import Topology, build_topology

TABLE_1 = [
    ("fc", (46, 64)),
    ("unpools.0", (228, 64)),
    ("convs.0", (228, 32)),
    ("unpools.1", (1138, 32)),
    ("convs.1", (1138, 16)),
    ("unpools.2", (5687, 16)),
    ("convs.2", (5687, 8)),
    ("unpools.3", (28431, 8)),
    ("convs.3", (28431, 3)),
]


@pytest.fixture(scope="module")
def paper_topology() -> Topology:
    """A bent sheet with a nose, of exactly 28,431 = 243 x 117 vertices."""
    rows, columns = 243, 117
    u, v = np.meshgrid(np.linspace(-1, 1, columns), np.linspace(-1.2, 1.2, rows))
    points = np.stack([80 * np.sin(u), 90 * v, 80 * np.cos(u) + 25 * np.exp(-(u**2 + v**2) * 12)], -1).reshape(-1, 3)
    corner = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).reshape(-1)
    quads = np.stack([corner, corner + 1, corner + columns + 1, corner + columns], axis=1)
    return build_topology(Template("paper scale", points, quads))


def test_every_shape_of_table_1(paper_topology: Topology) -> None:
    network = spiral_network(paper_topology)
    seen: dict[str, tuple[int, ...]] = {}
    for name, module in network.decoder.named_modules():
        module.register_forward_hook(lambda _, __, out, name=name: seen.__setitem__(name, tuple(out.shape[1:])))
    latents, _ = network.encoder(torch.zeros(2, 7, 6))
    assert latents.shape == (2, 7, 64)
    with torch.inference_mode():
        assert network.decoder(latents[0, :1]).shape == (1, 28431, 3)
    seen["fc"] = (46, seen["fc"][0] // 46)
    assert [(name, seen[name]) for name, _ in TABLE_1] == TABLE_1


def test_tables_are_buffers_and_move_with_the_model(small_topology: Topology) -> None:
    network = spiral_network(small_topology)
    names = {name for name, _ in network.named_buffers()}
    assert {f"decoder.convs.{i}.table" for i in range(4)} <= names
    assert {f"decoder.unpools.{i}.{part}" for i in range(4) for part in ("index", "weight")} <= names
    assert network.double().decoder.unpools[0].weight.dtype == torch.float64


def test_spiral_convolution_is_equation_3() -> None:
    rng = np.random.default_rng(0)
    table = np.array([[0, 1, 2, -1], [1, 0, 3, 2], [2, -1, -1, -1], [3, 2, 1, 0]], np.int32)
    conv = SpiralConv(table, 5, 3).double()
    features = rng.standard_normal((2, 4, 5))
    expected = np.zeros((2, 4, 3)) + conv.bias.detach().numpy()
    weight = conv.weight.detach().numpy()
    for frame in range(2):
        for vertex in range(4):
            for j, neighbour in enumerate(table[vertex]):
                if neighbour >= 0:
                    expected[frame, vertex] += features[frame, neighbour] @ weight[j]
    np.testing.assert_allclose(conv(torch.tensor(features)).detach().numpy(), expected, atol=1e-12)


def test_unpooling_is_a_weighted_sum_of_three() -> None:
    index = np.array([[0, 1, 2], [2, 2, 2]], np.int32)
    weight = np.array([[0.2, 0.3, 0.5], [1, 0, 0]], np.float32)
    coarse = torch.tensor([[[1.0], [10.0], [100.0]]])
    np.testing.assert_allclose(Unpool(index, weight)(coarse).numpy(), [[[53.2], [100.0]]], rtol=1e-6)


@pytest.mark.parametrize("negative_slope", [0.0, 0.3])
def test_folded_decoder_gives_the_same_numbers_and_gradients(small_topology: Topology, negative_slope: float) -> None:
    torch.manual_seed(0)
    decoder = spiral_network(small_topology, output_scale=1.7).decoder
    decoder.negative_slope = negative_slope
    for bias in (conv.bias for conv in decoder.convs):
        torch.nn.init.normal_(bias, std=0.1)
    folded = FoldedDecoder(decoder)
    latents = torch.randn(7, 64)
    plain, fast = decoder(latents), folded(latents)
    scale = plain.abs().max()
    assert (plain - fast).abs().max() < 1e-5 * scale
    weights = list(decoder.parameters())
    target = torch.randn_like(plain)
    slow_gradients = torch.autograd.grad(((plain - target) ** 2).mean(), weights)
    fast_gradients = torch.autograd.grad(((fast - target) ** 2).mean(), weights)
    for slow, quick in zip(slow_gradients, fast_gradients, strict=True):
        assert (slow - quick).abs().max() < 1e-4 * slow.abs().max()
    assert len(list(folded.parameters())) == len(weights)  # shared, not copied


def test_a_fresh_decoder_has_the_paper_s_relu(small_topology: Topology) -> None:
    decoder = spiral_network(small_topology).decoder
    assert decoder.negative_slope == 0.0
    seen = []
    decoder.unpools[1].register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    decoder(torch.randn(3, 64))
    assert seen[0].min() == 0.0
    assert seen[0].max() > 0.0


def test_sizes_travel_as_json_and_are_checked() -> None:
    sizes = Sizes((46, 228, 1138, 5687, 28431))
    assert Sizes.from_json(sizes.to_json()) == sizes
    with pytest.raises(ValueError, match="fit together"):
        Sizes((46, 228))
    with pytest.raises(ValueError, match="3 channels"):
        Sizes((46, 228), channels=(8, 4))


def test_baseline_reproduces_what_lies_in_its_components() -> None:
    rng = np.random.default_rng(1)
    basis = torch.tensor(np.linalg.qr(rng.standard_normal((60, 4)))[0].T, dtype=torch.float32).reshape(4, 20, 3)
    mean, deviation = torch.full((20, 3), 0.5), torch.tensor([3.0, 2.0, 1.0, 0.5])
    decoder = PCADecoder(mean, basis, deviation, latent=4)
    torch.nn.init.eye_(decoder.fc.weight)
    torch.nn.init.zeros_(decoder.fc.bias)
    latent = torch.tensor([[0.3, -0.2, 0.9, 0.1]])
    expected = mean + torch.einsum("k,kvc->vc", latent[0] * deviation, basis)
    np.testing.assert_allclose(decoder(latent)[0].detach(), expected, atol=1e-6)


def test_the_state_of_the_encoder_carries_over(small_topology: Topology) -> None:
    torch.manual_seed(3)
    network = spiral_network(small_topology)
    labels = torch.rand(1, 30, 6)
    whole, _ = network.encoder(labels)
    first, state = network.encoder(labels[:, :11])
    second, _ = network.encoder(labels[:, 11:], state)
    np.testing.assert_allclose(torch.cat([first, second], 1).detach(), whole.detach(), atol=1e-6)


def test_baseline_network_has_the_paper_s_latent_size(small_topology: Topology) -> None:
    sizes = Sizes.of(small_topology)
    vertices = sizes.vertices[-1]
    network = pca_network(sizes, torch.zeros(vertices, 3), torch.zeros(64, vertices, 3), torch.ones(64))
    assert isinstance(network, Network)
    assert network(torch.zeros(2, 5, 6)).shape == (2, 5, vertices, 3)
