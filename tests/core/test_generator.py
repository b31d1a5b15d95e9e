"""The generator: any length, any rate, with torch and without, cancelled and wrong."""

from __future__ import annotations

import dataclasses
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import core.engines
import core.performer
from core.bundle import Bundle
from core.errors import Cancelled, DeviceError, MotionError
from core.generator import Generator
from core.model import spiral_network
from core.motion import Cue, labels_from_cues

PERFORMANCE = [
    Cue("happy", 0.9, 0.5, 1.0, 1.8, 2.6),
    Cue("surprise", 1.0, 3.0, 3.3, 3.9, 4.6),
    Cue("sad", 0.7, 5.0, 6.0, 7.0, 8.0),
]


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    return labels_from_cues(PERFORMANCE, 108, 12.0)


@pytest.fixture(scope="module", params=["torch", "numpy"])
def generator(request: pytest.FixtureRequest, bundle: Bundle) -> Generator:
    return Generator(bundle, engine=request.param, device="cpu")


def test_without_torch_equals_with(bundle: Bundle, labels: np.ndarray) -> None:
    with_torch = Generator(bundle, engine="torch", device="cpu").generate(labels)
    without = Generator(bundle, engine="numpy").generate(labels)
    assert with_torch.dtype == without.dtype == np.float32
    assert np.abs(with_torch - without).max() < 1e-4


def test_it_is_the_plain_model(generator: Generator, labels: np.ndarray) -> None:
    # The model knows of no eyeballs; that lids keep outside of them is told elsewhere.
    generator = Generator(dataclasses.replace(generator.bundle, lids=None), generator.engine_name, "cpu")
    bundle = generator.bundle
    network = spiral_network(bundle.topology, bundle.sizes)
    network.load_state_dict({name: torch.tensor(value) for name, value in bundle.weights.items()}, strict=False)
    with torch.inference_mode():
        plain = network(torch.tensor(labels)[None])[0].numpy()
    assert np.abs(generator.generate(labels) - plain).max() < 1e-4


def test_the_face_moves_and_comes_to_rest(generator: Generator, labels: np.ndarray) -> None:
    motion = np.linalg.norm(generator.generate(labels), axis=-1).mean(axis=1)
    surprise = motion[40:47].max()
    assert surprise > 1.0
    assert motion[0] < 0.1 * surprise
    assert motion[-1] < 0.1 * surprise


def test_chunks_change_nothing(generator: Generator, labels: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = generator.generate(labels, chunk=1000)
    monkeypatch.setattr(core.performer, "ENCODE_CHUNK", 13)
    for chunk in (1, 7, 32):
        np.testing.assert_allclose(generator.generate(labels, chunk=chunk), whole, atol=1e-5)


def test_any_frame_rate(generator: Generator, labels: np.ndarray) -> None:
    own = generator.generate(labels)
    fine = generator.generate(labels, times=np.arange(2 * len(labels) - 1) / 24.0)
    np.testing.assert_allclose(fine[::2], own, atol=1e-5)
    between = np.abs(fine[1:-1:2] - (own[:-1] + own[1:]) / 2).max()
    assert between < 0.5 * np.abs(np.diff(own, axis=0)).max() + 0.1  # it lies near the middle of its neighbours
    odd = generator.generate(labels, times=np.arange(100) / 29.97)
    assert odd.shape == (100, *own.shape[1:])


def test_the_same_labels_give_the_same_take(generator: Generator, labels: np.ndarray) -> None:
    np.testing.assert_array_equal(generator.generate(labels), generator.generate(labels))


def test_progress_and_cancel(generator: Generator, labels: np.ndarray) -> None:
    seen: list[tuple[int, int]] = []
    generator.generate(labels, chunk=50, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(50, 108), (100, 108), (108, 108)]
    seen.clear()
    with pytest.raises(Cancelled):
        generator.generate(
            labels,
            chunk=10,
            progress=lambda done, total: seen.append((done, total)),
            cancelled=lambda: len(seen) >= 2,
        )
    assert len(seen) == 2


def test_wrong_motion(generator: Generator, labels: np.ndarray) -> None:
    with pytest.raises(MotionError):
        generator.generate(labels[:, :5])
    with pytest.raises(MotionError, match="times"):
        generator.generate(labels, times=np.array([0.0, np.nan]))


def test_nan_never_leaves(bundle: Bundle, labels: np.ndarray) -> None:
    generator = Generator(bundle, engine="numpy")
    generator._engine._first_bias = np.full_like(generator._engine._first_bias, np.nan)
    with pytest.raises(MotionError, match="finite"):
        generator.generate(labels)


def test_devices_that_are_not_there(bundle: Bundle) -> None:
    for device in ("cuda", "mps"):
        there = torch.cuda.is_available() if device == "cuda" else torch.backends.mps.is_available()
        if not there:
            with pytest.raises(DeviceError, match=device):
                Generator(bundle, engine="torch", device=device)
        with pytest.raises(DeviceError, match="Without torch"):
            Generator(bundle, engine="numpy", device=device)
    with pytest.raises(DeviceError, match="no engine"):
        Generator(bundle, engine="abacus")


def test_without_torch_installed_numpy_takes_over(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core.engines, "torch_is_there", lambda: False)
    assert Generator(bundle).engine_name == "numpy"


def test_torch_is_not_imported_for_numpy() -> None:
    root = Path(__file__).parents[2]
    code = (
        "import sys; from core.generator import Generator;"
        "Generator.load('blender_addon/assets/makehuman.safetensors', engine='numpy');"
        "assert 'torch' not in sys.modules and 'scipy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True)


def test_torch_needs_no_scipy() -> None:
    """Blender's Python may have torch and yet no scipy."""
    code = (
        "import sys; sys.modules['scipy'] = None; from core.generator import Generator; import numpy as np;"
        "made = Generator.load('blender_addon/assets/makehuman.safetensors', engine='torch', device='cpu');"
        "assert made.generate(np.ones((20, 6))).shape == (20, made.template.vertex_count, 3)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=True)


def test_a_stream_may_use_one_array_again_and_again(generator: Generator, labels: np.ndarray) -> None:
    whole = generator.generate(labels)
    places, total = set(), 0
    for first, frames in generator.stream(labels, reuse=True):
        np.testing.assert_array_equal(frames, whole[first : first + len(frames)])
        places.add(frames.__array_interface__["data"][0])
        total += len(frames)
    assert total == len(labels)
    assert len(places) == 1
    kept = [frames for _, frames in generator.stream(labels)]
    np.testing.assert_array_equal(np.concatenate(kept), whole)


def test_ten_thousand_frames_in_bounded_memory(generator: Generator) -> None:
    cue = Cue("happy", 1.0, 1.0, 2.0, 3.0, 4.0)
    labels = np.zeros((10_000, 6), np.float32)
    labels[:60] = labels_from_cues([cue], 60, 12.0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    count, last = 0, None
    for first, frames in generator.stream(labels):
        assert first == count
        count += len(frames)
        last = frames
    assert count == 10_000
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown_mb < 300  # all frames at once would be 610 MB
    assert np.linalg.norm(last[-1], axis=-1).mean() < 0.2  # a long rest does not drift away


def test_beside_others_the_same_frames_come(generator: Generator, labels: np.ndarray) -> None:
    latents = generator.latents(labels)[10:13]
    threads = torch.get_num_threads()
    np.testing.assert_allclose(generator.decode(latents, beside=True), generator.decode(latents), atol=1e-4)
    assert torch.get_num_threads() == threads
