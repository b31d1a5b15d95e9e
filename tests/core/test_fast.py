"""The fast decoders against the plain model: numbers, gradients, every number of frames, every device that is here."""

from __future__ import annotations

import copy

import pytest
import torch

from core.fast import CHUNK, FoldedDecoder, chunk_of
from core.fast_inference import InferenceDecoder
from core.model import SpiralDecoder, spiral_network
from core.sizes import Sizes
from core.topology import Topology
from core.torch_engine import available_devices

FRAMES = (1, 2, 8, 9, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 5)


@pytest.fixture(params=available_devices())
def device(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[{}, {"fields": 4, "direct": (1,)}, {"fields": 5}, {"direct": (1, 2)}], ids=str)
def decoder(small_topology: Topology, request: pytest.FixtureRequest) -> SpiralDecoder:
    torch.manual_seed(0)
    made = spiral_network(small_topology, Sizes.of(small_topology, **request.param), output_scale=1.7).decoder
    assert isinstance(made, SpiralDecoder)
    for direct in made.direct.values():
        torch.nn.init.normal_(direct, std=0.1)
    for conv in made.convs:
        torch.nn.init.normal_(conv.bias, std=0.1)
    return made


def exactly(decoder: SpiralDecoder, latents: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return copy.deepcopy(decoder).cpu().double()(latents.double().cpu())


def off(found: torch.Tensor, truth: torch.Tensor) -> float:
    return float((found.cpu() - truth).abs().max() / truth.abs().max())


@pytest.mark.parametrize("slope", [0.0, 0.2])
@pytest.mark.parametrize("frames", FRAMES)
def test_inference_gives_the_same_numbers(decoder: SpiralDecoder, device: str, frames: int, slope: float) -> None:
    decoder.negative_slope = slope
    latents = torch.randn(frames, 64)
    fast = InferenceDecoder(decoder, device)
    truth = exactly(decoder, latents)
    assert off(fast(latents.to(device)), truth) < 1e-5
    # Again, into a buffer, with what is left in the workspaces.
    room = torch.full(truth.shape, torch.nan, device=device)
    assert fast(latents.to(device), room) is room
    assert off(room, truth) < 1e-5


def test_inference_is_frozen(decoder: SpiralDecoder) -> None:
    latents = torch.randn(20, 64)
    fast = InferenceDecoder(decoder)
    before = fast(latents)
    with torch.no_grad():
        for weight in decoder.parameters():
            weight.fill_(7.0)
    torch.testing.assert_close(fast(latents), before, rtol=0, atol=0)
    torch.testing.assert_close(fast(latents[:1]), before[:1], rtol=1e-5, atol=1e-5)


def test_results_do_not_share_memory(decoder: SpiralDecoder, device: str) -> None:
    fast = InferenceDecoder(decoder, device)
    one, other = torch.randn(1, 64).to(device), torch.randn(1, 64).to(device)
    first = fast(one)
    kept = first.clone()
    fast(other)
    torch.testing.assert_close(first, kept, rtol=0, atol=0)


def test_no_frame_is_no_work(decoder: SpiralDecoder) -> None:
    assert InferenceDecoder(decoder)(torch.zeros(0, 64)).shape == (0, decoder.sizes.vertices[-1], 3)


@pytest.mark.parametrize("slope", [0.0, 0.3])
@pytest.mark.parametrize("frames", [3, CHUNK, CHUNK + 1, 40])
def test_training_gives_the_same_numbers_and_gradients(
    decoder: SpiralDecoder, device: str, frames: int, slope: float
) -> None:
    decoder.negative_slope = slope
    plain = copy.deepcopy(decoder).double()
    decoder.to(device)
    folded = FoldedDecoder(decoder).to(device)
    latents, target = torch.randn(frames, 64), torch.randn(frames, decoder.sizes.vertices[-1], 3)
    mine, theirs = latents.to(device).requires_grad_(), latents.double().requires_grad_()
    fast, slow = folded(mine), plain(theirs)
    assert off(fast.detach(), slow.detach()) < 1e-5
    quick = torch.autograd.grad(((fast - target.to(device)) ** 2).mean(), [mine, *decoder.parameters()])
    exact = torch.autograd.grad(((slow - target.double()) ** 2).mean(), [theirs, *plain.parameters()])
    for one, other in zip(quick, exact, strict=True):
        assert off(one, other) < 1e-4


def test_training_is_the_same_every_time(decoder: SpiralDecoder, device: str) -> None:
    folded = FoldedDecoder(decoder.to(device)).to(device)
    latents = torch.randn(21, 64, device=device)
    gradients = [torch.autograd.grad(folded(latents).square().sum(), decoder.parameters()) for _ in range(3)]
    for later in gradients[1:]:
        for one, other in zip(gradients[0], later, strict=True):
            assert torch.equal(one, other)


def test_the_folded_decoder_has_the_decoder_s_parameters_and_saves_nothing_else(decoder: SpiralDecoder) -> None:
    folded = FoldedDecoder(decoder)
    assert {id(weight) for weight in folded.parameters()} == {id(weight) for weight in decoder.parameters()}
    assert {name.removeprefix("decoder.") for name in folded.state_dict()} == set(decoder.state_dict())


def test_a_gradient_check_in_float64(small_topology: Topology) -> None:
    torch.manual_seed(1)
    decoder = spiral_network(small_topology, Sizes.of(small_topology, fields=4, direct=(1,))).decoder.double()
    decoder.negative_slope = 0.5
    folded = FoldedDecoder(decoder).double()
    latents = torch.randn(2, 64, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda z: folded(z)[:, ::97], latents, fast_mode=True)


def test_chunks_by_device() -> None:
    assert chunk_of("cpu") == CHUNK
    assert chunk_of("cuda:1") > CHUNK
