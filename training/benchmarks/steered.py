"""Times of the steered network on a face: plain, fast and numpy; beside what the paper's network takes."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from core.fast_inference import InferenceDecoder
from core.jacobians import jacobians
from core.model import SpiralDecoder, spiral_network, turned
from core.numpy_engine import NumpyEngine
from core.sizes import Sizes

from .decoding import FAST, NUMPY, SEED, make_bundle
from .timing import in_turn

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.model import Network
    from core.template import Template
    from core.topology import Topology

FRAMES = (1, 100)
PLAIN = "plain model"
PAPERS = "the paper's, fast"


def make_steered(topology: Topology) -> Network:
    """An untrained steered network as ours ships; the same one every time."""
    torch.manual_seed(SEED)
    sizes = Sizes.of(topology, style=16, code=64, steered=True, fields=4, direct=(1,), ahead=(3, 6))
    network = spiral_network(topology, sizes, output_scale=0.5)
    for direct in cast("SpiralDecoder", network.decoder).direct.values():
        nn.init.normal_(direct, std=0.1)
    return network.eval()


def measure(paper: Network, head: Template, topology: Topology, device: str, rounds: int) -> dict[str, Any]:
    """Medians in one process, in turn.

    Args:
        paper: the paper's network on the same topology.
        head: whose neutral, a little wider, is the face.
        topology: of the head.
        device: of torch; numpy computes on the CPU.
        rounds: how often 100 frames are timed; one frame eight times as often.

    Returns:
        seconds {way: {"1", "100"}}, ratios (times sooner than the plain model, and times the paper's network),
        relative_error (the largest of the fast way and numpy, against float64), face_seconds (read once a face).
    """
    network = make_steered(topology)
    decoder = cast("SpiralDecoder", network.decoder)
    neutral = head.vertices * np.array([1.1, 1.0, 1.0], np.float32)
    face = jacobians(head, neutral)
    turning = torch.from_numpy(face).to(device)
    fast, engine = InferenceDecoder(decoder, device), NumpyEngine(make_bundle(network, head, topology))
    prepared, ready = fast.prepare(turning), engine.prepare(face)
    plain = copy.deepcopy(decoder).to(device)
    papers = InferenceDecoder(cast("SpiralDecoder", paper.decoder), device)
    room = np.empty((max(FRAMES), head.vertex_count, 3), np.float32)

    def by_numpy(latents: Tensor) -> Any:
        engine.decode(latents.cpu().numpy(), room[: len(latents)], ready)
        return room[: len(latents)]

    ways: dict[str, Callable[[Tensor], Any]] = {
        PLAIN: lambda latents: turned(plain(latents)[None], turning[None])[0],
        FAST: lambda latents: fast(latents, face=prepared),
        NUMPY: by_numpy,
        PAPERS: papers,
    }
    seconds: dict[str, dict[str, float]] = {name: {} for name in ways}
    with torch.inference_mode():
        for frames in FRAMES:
            latents = _latents(frames).to(device)
            calls = {name: (lambda way=way: way(latents)) for name, way in ways.items()}  # noqa: B023 - called at once
            for name, took in in_turn(calls, rounds * 8 if frames == 1 else rounds, device).items():
                seconds[name][str(frames)] = took
        wrong = _error(decoder, turning, ways)
    reading = in_turn({"face": lambda: jacobians(head, neutral)}, 5, "cpu")["face"]
    ratios = {
        f"{way}_{count}": seconds[PLAIN][count] / seconds[way][count] for way in (FAST, NUMPY) for count in ("1", "100")
    }
    ratios |= {f"of_the_papers_{count}": seconds[FAST][count] / seconds[PAPERS][count] for count in ("1", "100")}
    return {"seconds": seconds, "ratios": ratios, "relative_error": wrong, "face_seconds": reading}


def _error(decoder: SpiralDecoder, turning: Tensor, ways: dict[str, Callable[[Tensor], Any]]) -> float:
    latents = _latents(20)
    truth = turned(copy.deepcopy(decoder).cpu().double()(latents.double())[None], turning.cpu().double()[None])[0]
    worst = 0.0
    for name in (FAST, NUMPY):
        found = ways[name](latents.to(turning.device))
        array = torch.as_tensor(found).cpu().double()
        worst = max(worst, float((array - truth).abs().max() / truth.abs().max()))
    return worst


def _latents(frames: int) -> Tensor:
    return torch.tanh(torch.randn(frames, 64, generator=torch.Generator().manual_seed(SEED + frames)))
