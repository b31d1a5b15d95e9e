"""Times of the decoder: plain forms, the fast path and numpy; frames, and training steps."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from core.bundle import Bundle
from core.fast import FoldedDecoder, folded_levels
from core.fast_inference import InferenceDecoder
from core.learning.losses import sequence_loss
from core.model import Network, SpiralDecoder, Unpool, learned, spiral_network
from core.motion import EXPRESSIONS
from core.numpy_engine import NumpyEngine

from .plain import PlainDecoder
from .timing import in_turn, memory_speed

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.template import Template
    from core.topology import Topology

SEED = 0
FRAMES = (1, 10, 100)
STEP_FRAMES = 10

PLAIN = ("published, scattered unpooling", "published, gathered unpooling", "plain model")
FAST, NUMPY, NO_BLAS = "fast", "numpy", "numpy without BLAS"


def make_network(topology: Topology) -> Network:
    """An untrained network with the paper's sizes, its biases not zero; the same one every time."""
    torch.manual_seed(SEED)
    network = spiral_network(topology, output_scale=0.5)
    decoder = network.decoder
    assert isinstance(decoder, SpiralDecoder)
    for conv in decoder.convs:
        nn.init.normal_(cast("Tensor", conv.bias), std=0.1)
    return network.eval()


def make_bundle(network: Network, template: Template, topology: Topology) -> Bundle:
    """The network as a bundle in memory, as the engines take it."""
    decoder = network.decoder
    assert isinstance(decoder, SpiralDecoder)
    weights = {name: value.numpy() for name, value in learned(network).items()}
    header: dict[str, Any] = {
        "kind": "spiral", "name": "benchmark", "sizes": json.loads(decoder.sizes.to_json()), "units": "mm",
        "frame_rate": 12.0, "expressions": list(EXPRESSIONS), "licence": {"spdx": "CC0-1.0", "notice": "untrained"},
        "provenance": {}, "training": {}, "template_hash": template.content_hash,
    }  # fmt: skip
    return Bundle(header, template, topology, weights, {})


@dataclass
class Decoders:
    """All forms of one decoder: each takes (n, latent) numpy and gives (n, V, 3) numpy or a tensor."""

    ways: dict[str, Callable[[Tensor], Any]]
    exact: SpiralDecoder
    """The plain model in float64."""
    numpy_choices: list[str]


def make_decoders(network: Network, bundle: Bundle, device: str) -> Decoders:
    """Every form, with the same weights; numpy's on the CPU."""
    decoder = network.decoder
    assert isinstance(decoder, SpiralDecoder)
    plain: dict[str, nn.Module] = {
        PLAIN[0]: PlainDecoder(decoder, scatter=True),
        PLAIN[1]: PlainDecoder(decoder, scatter=False),
        PLAIN[2]: copy.deepcopy(decoder),
    }
    ways: dict[str, Callable[[Tensor], Any]] = {
        name: torch.inference_mode()(module.eval().to(device)) for name, module in plain.items()
    }
    ways[FAST] = InferenceDecoder(decoder, device)
    usual, bare = NumpyEngine(bundle), NumpyEngine(bundle, matmul=without_blas)
    ways[NUMPY], ways[NO_BLAS] = _decode_by(usual, bundle), _decode_by(bare, bundle)
    exact = copy.deepcopy(decoder).double()
    for mine, theirs in zip(exact.unpools, decoder.unpools, strict=True):
        # .double() has rounded nothing: float32 weights are exact in float64.
        assert torch.equal(cast("Unpool", mine).weight.float(), cast("Unpool", theirs).weight)
    return Decoders(ways, exact, usual.choices)


def _decode_by(engine: NumpyEngine, bundle: Bundle) -> Callable[[Tensor], Any]:
    room = np.empty((max(FRAMES), bundle.template.vertex_count, 3), np.float32)

    def decode(latents: Tensor) -> Any:
        given = latents.cpu().numpy()
        engine.decode(given, room[: len(given)])
        return room[: len(given)]

    return decode


def without_blas(one: Any, other: Any, out: Any) -> Any:
    """A product of matrices by numpy's own loops, as in a numpy that was built without BLAS."""
    return np.einsum("ij,jk->ik", one, other, out=out)


def errors(decoders: Decoders, device: str) -> dict[str, float]:
    """Largest difference from float64, over the largest value, for every form and number of frames."""
    worst = dict.fromkeys(decoders.ways, 0.0)
    for frames in FRAMES:
        latents = _latents(frames)
        with torch.inference_mode():
            truth = decoders.exact(latents.double()).numpy()
        for name, way in decoders.ways.items():
            found = way(latents.to(device) if name not in {NUMPY, NO_BLAS} else latents)
            array = found.cpu().numpy() if isinstance(found, Tensor) else found
            worst[name] = max(worst[name], float(np.abs(array - truth).max() / np.abs(truth).max()))
    return worst


def time_frames(decoders: Decoders, device: str, rounds: int) -> dict[str, dict[str, float]]:
    """Median seconds for 1, 10 and 100 frames: {way: {"1": ...}}."""
    table: dict[str, dict[str, float]] = {name: {} for name in decoders.ways}
    for frames in FRAMES:
        latents = _latents(frames)
        given = {name: latents if name in {NUMPY, NO_BLAS} else latents.to(device) for name in decoders.ways}
        ways = {name: (lambda way=way, x=given[name]: way(x)) for name, way in decoders.ways.items()}
        # Short ones can be timed more often.
        often = max(round(rounds * {1: 4, 10: 2, 100: 0.5}[frames]), 1)
        for name, seconds in in_turn(ways, often, device).items():
            table[name][str(frames)] = seconds
    return table


def time_steps(network: Network, device: str, rounds: int) -> dict[str, float]:
    """Median seconds of a training step of 10 frames: LSTM, decoder, eq. 5, backward, Adam."""
    decoder = network.decoder
    assert isinstance(decoder, SpiralDecoder)
    generator = torch.Generator().manual_seed(SEED)
    labels = torch.rand(1, STEP_FRAMES, len(EXPRESSIONS), generator=generator).to(device)
    truth = torch.rand(1, STEP_FRAMES, decoder.sizes.vertices[-1], 3, generator=generator).to(device)
    mask = torch.ones(1, STEP_FRAMES, dtype=torch.bool, device=device)

    def step(form: Callable[[SpiralDecoder], nn.Module], *, fused: bool) -> Callable[[], None]:
        encoder = copy.deepcopy(network.encoder)
        trained = Network(encoder, form(copy.deepcopy(decoder))).to(device)
        adam = torch.optim.Adam(trained.parameters(), 1e-3, weight_decay=5e-5, fused=fused or None)

        def run() -> None:
            adam.zero_grad()
            sequence_loss(trained(labels), truth, mask).backward()  # type: ignore[no-untyped-call]
            adam.step()

        return run

    ways = {
        PLAIN[0]: step(lambda one: PlainDecoder(one, scatter=True), fused=False),
        PLAIN[1]: step(lambda one: PlainDecoder(one, scatter=False), fused=False),
        PLAIN[2]: step(lambda one: one, fused=False),
        FAST: step(FoldedDecoder, fused=True),
    }
    return in_turn(ways, rounds, device)


def floors(network: Network, matrix: float, device: str) -> dict[str, Any]:
    """Seconds below which this machine cannot go, from its own speeds: arithmetic, plus bytes that must move.

    Of the folded form: each table is read once a call, each frame written once. A training step does the arithmetic
    three times (forward, and backward to features and to weights), reads the tables and their transposes, and reads or
    writes the frames three times (result, truth, gradient).
    """
    decoder = network.decoder
    assert isinstance(decoder, SpiralDecoder)
    sizes, (levels, _) = decoder.sizes, folded_levels(decoder)
    first = sizes.vertices[1] * sizes.channels[1]
    products, tables = 2 * sizes.latent * first, 4 * first * (sizes.latent + 1)
    for step, level in enumerate(levels[1:], 1):
        inputs, outputs = sizes.channels[step : step + 2]
        products += 2 * sizes.vertices[step] * inputs * outputs * sizes.spiral_length + 2 * len(level.values) * outputs
        tables += 8 * len(level.values) + 4 * len(level.starts)
    frame = 12 * sizes.vertices[-1]
    memory = memory_speed(tables, device)
    found: dict[str, Any] = {"matrix_flops": matrix, "memory_bytes": memory, "flop_a_frame": products, "tables": tables}
    for frames in FRAMES:
        arithmetic, moved = frames * products / matrix, (tables + frames * frame) / memory
        found[f"inference_{frames}"] = {"arithmetic": arithmetic, "bytes": moved, "floor": arithmetic + moved}
    arithmetic = 3 * STEP_FRAMES * products / matrix
    moved = (2 * tables + 3 * STEP_FRAMES * frame) / memory
    found["train_10"] = {"arithmetic": arithmetic, "bytes": moved, "floor": arithmetic + moved}
    return found


def _latents(frames: int) -> Tensor:
    return torch.tanh(torch.randn(frames, 64, generator=torch.Generator().manual_seed(SEED + frames)))
