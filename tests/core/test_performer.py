"""Performers: faces and takes on every engine, exact rest, and older bundles as they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from core.bundle import Bundle, read_arrays, read_bundle, write_arrays, write_bundle
from core.engines import make_engine
from core.errors import MotionError
from core.generator import Generator
from core.identity import Identity
from core.model import SpiralDecoder, trained_network
from core.motion import Cue, labels_from_cues, resample
from core.takes import Take, styles
from core.torch_engine import PlainDecoder, available_devices

CUES = [
    Cue("happy", 0.9, 0.5, 1.0, 1.8, 2.6),
    Cue("surprise", 1.5, 3.2, 3.5, 3.9, 4.6),
    Cue("sad", 0.4, 4.2, 4.6, 5.0, 6.0),
]


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    return labels_from_cues(CUES, 84, 12.0)


@pytest.fixture(scope="module", params=["torch", "numpy"])
def generator(request: pytest.FixtureRequest, steered: Bundle) -> Generator:
    return Generator(steered, engine=request.param, device="cpu")


@pytest.fixture(scope="module")
def identity(steered: Bundle) -> Identity:
    found = Generator(steered, engine="numpy").identity_of(next(iter(steered.samples.values())))
    assert found is not None
    return found


def off(found: np.ndarray, truth: np.ndarray) -> float:
    return float(np.abs(found - truth).max() / np.abs(truth).max())


@pytest.mark.parametrize("take", [Take(), Take(5), Take(6, 1.5)])
def test_it_is_the_plain_model(generator: Generator, identity: Identity, labels: np.ndarray, take: Take) -> None:
    bundle = generator.bundle
    network = trained_network(bundle.topology, bundle.sizes, bundle.weights)
    style = styles(take, labels, 16)[0]
    given = (labels[None], style[None], identity.code[None], identity.jacobians[None])
    with torch.inference_mode():
        plain = network(*(torch.tensor(one) for one in given))[0].numpy()
    assert np.linalg.norm(plain, axis=-1).max() > 2
    assert off(generator.on(identity, take).generate(labels), plain) < 2e-5


def test_with_torch_and_without(steered: Bundle, identity: Identity, labels: np.ndarray) -> None:
    take = Take(12, 1.2, 0.8)
    times = np.random.default_rng(0).uniform(-1, 8, 60)
    one, other = (
        Generator(steered, engine=engine, device="cpu").on(identity, take).generate(labels, times=times)
        for engine in ("torch", "numpy")
    )
    assert off(one, other) < 1e-5


def test_faces_and_seeds_differ(generator: Generator, identity: Identity, labels: np.ndarray) -> None:
    calm = generator.on(identity).generate(labels)
    assert np.abs(generator.on(None).generate(labels) - calm).max() > 0.1
    first, again, other = (generator.on(identity, Take(seed)).generate(labels) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1
    assert np.abs(first - calm).max() > 0.1
    np.testing.assert_array_equal(generator.on(identity, Take(1, 0.0)).generate(labels), calm)
    np.testing.assert_array_equal(generator.on(identity).generate(labels), calm)


def test_the_generator_performs_on_the_template(generator: Generator, labels: np.ndarray) -> None:
    np.testing.assert_array_equal(generator.generate(labels), generator.on().generate(labels))
    nobody = generator.identity_of(generator.template.vertices)
    assert nobody is not None
    same_code = Identity(np.zeros_like(nobody.code), nobody.jacobians)
    assert np.abs(generator.on(same_code).generate(labels) - generator.generate(labels)).max() < 1e-4


def test_rest_is_exact_at_any_time(generator: Generator, identity: Identity, labels: np.ndarray) -> None:
    times = np.sort(np.random.default_rng(1).uniform(-1, 9, 400))
    frames = np.abs(generator.on(identity, Take(3, 1.5)).generate(labels, times=times)).max(axis=(1, 2))
    at = times * 12
    rest = labels.max(axis=1) == 0
    before, after = (np.clip(way(at), 0, len(labels) - 1).astype(int) for way in (np.floor, np.ceil))
    still = rest[before] & rest[after]
    assert 60 < still.sum() < 300
    assert (frames[still] == 0).all()
    assert (frames[~still & (labels.max(axis=1)[before] > 0.2)] > 0).all()


def test_motion_between_labels_has_no_jumps(generator: Generator, identity: Identity, labels: np.ndarray) -> None:
    performer = generator.on(identity, Take(4))
    frames = performer.generate(labels, times=np.arange(0, 6.9, 1 / 480))
    steps = np.abs(np.diff(frames, axis=0)).max(axis=(1, 2))
    # A jump would be as large at 480 frames a second as at 240.
    assert steps.max() < 0.65 * np.abs(frames[2:] - frames[:-2]).max()


def test_blocks_give_what_the_whole_gives(generator: Generator, identity: Identity, labels: np.ndarray) -> None:
    performer = generator.on(identity, Take(8))
    whole = performer.latents(labels)
    assert whole.shape == (84, 65)
    np.testing.assert_array_equal(whole[:, 64], labels.max(axis=1))
    for size in (1, 5, 33):
        parts, memory = [], None
        for first in range(0, len(labels), size):
            end = first + size
            part, memory = performer.encode(labels[first:end], memory, labels[end : end + performer.foresight])
            parts.append(part)
        assert np.abs(np.concatenate(parts) - whole).max() < 1e-5
    np.testing.assert_allclose(performer.decode(whole[30:40]), performer.generate(labels)[30:40], atol=1e-5)


def test_a_frame_knows_what_comes_half_a_second_later_and_no_more(
    generator: Generator, identity: Identity, labels: np.ndarray
) -> None:
    performer = generator.on(identity)
    assert performer.foresight == 6
    whole, other = performer.latents(labels), labels.copy()
    other[50] = 0.9
    changed = np.abs(performer.latents(other) - whole)[:, :-1].max(axis=1) > 1e-6
    assert not changed[:44].any()
    assert changed[44]
    # What is not known is taken to stay.
    alone, _ = performer.encode(labels[:30])
    held, _ = performer.encode(labels[:30], after=np.repeat(labels[29:30], 6, axis=0))
    np.testing.assert_array_equal(alone, held)


def test_decode_at_a_moment_is_the_streams_frame(generator: Generator, identity: Identity, labels: np.ndarray) -> None:
    """What a preview shows is what a bake writes."""
    performer = generator.on(identity, Take(8, life=1.0))
    assert performer.lives
    times = np.array([0.31, 1.7, 2.9, 40.0, -3.0])
    frames = performer.generate(labels, times=times)
    rows = resample(performer.latents(labels), 12.0, times)
    for number, second in enumerate(times):
        one = performer.decode(rows[number : number + 1], np.array([second]), beside=True)[0]
        np.testing.assert_allclose(one, frames[number], atol=1e-5)
        assert np.abs(performer.decode(rows[number : number + 1])[0] - one).max() > 1e-3  # without seconds, no life


def test_life_has_a_clock_of_its_own(generator: Generator, identity: Identity, labels: np.ndarray) -> None:
    performer = generator.on(identity, Take(8, life=1.0))
    times = np.arange(40) / 24
    frames = performer.generate(labels, times=times, seconds=times + 100)
    rows = resample(performer.latents(labels), 12.0, times)
    np.testing.assert_allclose(frames, performer.decode(rows, times + 100), atol=1e-5)
    assert np.abs(frames - performer.generate(labels, times=times)).max() > 1e-3
    streamed = [
        one.copy() for _, one in performer.stream(labels, times=times, seconds=times + 100, chunk=7, reuse=True)
    ]
    np.testing.assert_allclose(np.concatenate(streamed), frames, atol=1e-5)
    for wrong in (times[:-1], times * np.nan):
        with pytest.raises(MotionError):
            performer.generate(labels, times=times, seconds=wrong)


def test_what_life_adds_can_be_told_apart(generator: Generator, identity: Identity, labels: np.ndarray) -> None:
    performer = generator.on(identity, Take(8, life=1.0))
    seconds = np.arange(len(labels)) / 12
    alone = performer.life_at(seconds)
    assert alone is not None
    np.testing.assert_array_equal(performer.generate(labels * 0), alone)
    calm = generator.on(identity, Take(8))
    assert calm.life_at(seconds) is None
    rest = performer.generate(labels) - alone
    far = np.linalg.norm(alone, axis=-1).max(axis=0) < 1e-3  # where lids are not
    np.testing.assert_allclose(rest[:, far], calm.generate(labels)[:, far], atol=1e-4)


def test_life_is_laid_over(generator: Generator, identity: Identity, labels: np.ndarray) -> None:
    still = np.zeros((240, 6), np.float32)
    lively = generator.on(identity, Take(life=0.7)).generate(still)
    assert np.abs(lively).max() > 3  # it blinks
    assert np.median(np.linalg.norm(lively, axis=-1).max(axis=1)) < 1.5
    np.testing.assert_array_equal(lively, generator.on(identity, Take(0, 1.5, 0.7)).generate(still))
    np.testing.assert_array_equal(generator.on(identity, Take(4)).generate(still), 0)
    calm = generator.on(identity, Take(4))
    assert not calm.lives
    np.testing.assert_array_equal(calm.decode(calm.latents(labels), np.arange(84) / 12), calm.generate(labels))


def test_streams_and_chunks(generator: Generator, identity: Identity, labels: np.ndarray) -> None:
    performer = generator.on(identity, Take(2, life=1.0))
    whole = performer.generate(labels)
    for chunk in (1, 10, 33):
        np.testing.assert_allclose(performer.generate(labels, chunk=chunk), whole, atol=1e-5)
    for first, frames in performer.stream(labels, reuse=True):
        np.testing.assert_array_equal(frames, whole[first : first + len(frames)])


def test_performers_do_not_disturb_each_other(generator: Generator, identity: Identity, labels: np.ndarray) -> None:
    one, other = generator.on(identity, Take(1)), generator.on(None, Take(2))
    first = one.generate(labels)
    streamed = []
    for (_, mine), (_, theirs) in zip(one.stream(labels, chunk=7), other.stream(labels, chunk=7), strict=True):
        streamed.append(mine)
        assert np.isfinite(theirs).all()
    np.testing.assert_allclose(np.concatenate(streamed), first, atol=1e-5)


@pytest.mark.parametrize("device", available_devices())
@pytest.mark.parametrize("frames", [1, 3, 16, 300])
def test_a_face_on_every_device(steered: Bundle, device: str, frames: int) -> None:
    rng = np.random.default_rng(frames)
    jacobians = rng.normal(size=(steered.template.vertex_count, 3, 3)).astype(np.float32)
    latents = np.tanh(rng.normal(size=(frames, 64))).astype(np.float32)
    engine = make_engine(steered, "torch", device)
    plain, turned = (np.full((frames, *steered.template.vertices.shape), np.nan, np.float32) for _ in range(2))
    engine.decode(latents, plain)
    engine.decode(latents, turned, engine.prepare(jacobians))
    assert off(turned, np.einsum("vij,tvj->tvi", jacobians, plain)) < 1e-5


def test_where_the_folded_decoder_fails_the_plain_one_takes_over(steered: Bundle, identity: Identity) -> None:
    network = trained_network(steered.topology, steered.sizes, steered.weights)
    assert isinstance(network.decoder, SpiralDecoder)
    decoder = PlainDecoder(network.decoder, "cpu")
    latents = torch.tanh(torch.randn(4, 64))
    with torch.inference_mode():
        turned = decoder(latents, None, decoder.prepare(torch.tensor(identity.jacobians))).numpy()
        plain = decoder(latents, None).numpy()
    assert off(turned, np.einsum("vij,tvj->tvi", identity.jacobians, plain)) < 1e-5


def test_strength_grows_with_the_label(generator: Generator, identity: Identity, labels: np.ndarray) -> None:
    """A random network knows nothing of strength; that nothing comes at 0 and motion grows from there is its form."""
    sizes = [
        np.linalg.norm(generator.on(identity).generate(labels * share), axis=-1).mean()
        for share in (0, 1e-3, 1e-2, 0.05, 0.2)
    ]
    assert sizes[0] == 0
    assert (np.diff(sizes) > 0).all()


def test_an_identity_of_another_generator(generator: Generator, identity: Identity) -> None:
    with pytest.raises(MotionError, match="another generator"):
        generator.on(Identity(identity.code[:5], identity.jacobians))
    with pytest.raises(MotionError, match="another generator"):
        generator.on(Identity(identity.code, identity.jacobians[:7]))


@pytest.mark.parametrize("engine", ["torch", "numpy"])
def test_an_older_bundle_is_as_it_was(plain: Bundle, tmp_path: Path, labels: np.ndarray, engine: str) -> None:
    """Bit for bit: the engine alone, as it was asked before there were takes."""
    path = tmp_path / "older.safetensors"
    write_bundle(path, plain)
    arrays, words = read_arrays(path)
    write_arrays(path, arrays, {**words, "version": "1"})
    generator = Generator(read_bundle(path), engine=engine, device="cpu")
    assert not generator.varies
    assert not generator.lives
    alone = make_engine(plain, engine, "cpu")
    latents, _ = alone.encode(labels)
    wanted = np.empty((len(labels), plain.template.vertex_count, 3), np.float32)
    for first in range(0, len(labels), alone.chunk):
        alone.decode(latents[first : first + alone.chunk], wanted[first : first + alone.chunk])
    assert generator.identity_of(plain.template.vertices) is None
    np.testing.assert_array_equal(generator.latents(labels), latents)
    for found in (generator, generator.on(None, Take(3, 1.0, 1.0))):
        np.testing.assert_array_equal(found.generate(labels), wanted)
