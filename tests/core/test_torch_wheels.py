# ruff: noqa: ARG001, ARG002 - fixtures are asked for by name, also for what they do; a stand-in takes what it must
"""What is fetched with torch, read from pip's reports; which engine computes when torch does not; how fast."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import numpy as np
import pytest

from core import engines, torch_wheels
from core.bundle import read_bundle
from core.errors import DeviceError
from core.generator import Generator
from core.speed import every_engine, frame_milliseconds

STATED = [
    "filelock",
    "typing-extensions>=4.10.0",
    "sympy>=1.13.3",
    "numpy",
    'cuda-toolkit[cublas,cudart]==13.0.3; platform_system == "Linux"',
    'nvidia-cudnn-cu13==9.20.0.48; platform_system == "Linux"',
    'nvidia-nccl-cu12==2.2 ; sys_platform == "win32"',
    'triton==3.7.1; platform_system == "Linux" and python_version < "3.15"',
    'nvidia-extra; extra == "more"',
]


def _one(name, version="1", url="https://somewhere/x/torch-2.13.0%2Bcpu-cp311-cp311-linux_x86_64.whl", stated=()):
    return {
        "metadata": {"name": name, "version": version, "requires_dist": list(stated)},
        "download_info": {"url": url},
    }


def test_only_what_torch_imports_comes_along():
    report = {"install": [_one(name) for name in ("torch", "numpy", "Typing_Extensions", "triton", "nvidia.nccl-cu13")]}
    found = torch_wheels.reported(report)
    assert [wheel.name for wheel in found] == ["torch", "typing-extensions", "nvidia-nccl-cu13"]
    assert found[0].requirement == "torch==1"
    assert found[0].file_name == "torch-2.13.0+cpu-cp311-cp311-linux_x86_64.whl"


def test_conditions_are_judged_for_the_machine_that_runs_it():
    report = {"install": [_one("numpy"), _one("torch", stated=STATED)]}
    assert torch_wheels.companions(report, "Darwin") == ["typing-extensions>=4.10.0"]
    assert torch_wheels.companions(report, "Windows") == ["typing-extensions>=4.10.0", "nvidia-nccl-cu12==2.2"]
    assert torch_wheels.companions(report, "Linux") == [
        "typing-extensions>=4.10.0",
        "cuda-toolkit[cublas,cudart]==13.0.3",
        "nvidia-cudnn-cu13==9.20.0.48",
    ]
    assert torch_wheels.companions({"install": []}, "Linux") == []


def test_sizes_in_words():
    assert torch_wheels.in_words(191_794_682) == "192 MB"
    assert torch_wheels.in_words(2.53e9) == "2.5 GB"
    assert torch_wheels.in_words(2_000) == "2 kB"
    assert torch_wheels.rough_bytes("Linux") > 10 * torch_wheels.rough_bytes("Windows")
    assert torch_wheels.rough_bytes("Haiku") == torch_wheels.rough_bytes("Linux")  # too much rather than too little


@pytest.fixture
def bundle():
    return read_bundle(Path(__file__).parents[2] / "blender_addon" / "assets" / "makehuman.safetensors")


@pytest.fixture
def fresh():
    engines.forget_torch_failure()
    yield
    engines.forget_torch_failure()


def test_a_torch_that_cannot_be_imported_is_tried_once(bundle, fresh, monkeypatch):
    monkeypatch.setitem(sys.modules, "core.torch_engine", None)
    monkeypatch.delattr("core.torch_engine", raising=False)
    monkeypatch.setattr(engines, "torch_is_there", lambda: True)
    assert Generator(bundle).engine_name == "numpy"
    why = engines.torch_failure()
    assert why
    monkeypatch.undo()
    monkeypatch.setattr(engines, "torch_is_there", lambda: True)
    with pytest.raises(DeviceError, match="cannot be imported"):
        Generator(bundle, "torch")
    assert engines.torch_failure() == why
    assert engines.torch_devices() == []


def test_a_device_that_fails_is_passed_over(bundle, fresh, monkeypatch):
    class Fails:
        def __init__(self, bundle, device):
            raise RuntimeError(f"out of memory\non {device}")

    module = types.SimpleNamespace(available_devices=lambda: ["cuda", "cpu"], TorchEngine=Fails)
    monkeypatch.setattr(engines, "_torch_engine_module", lambda: module)
    monkeypatch.setattr(engines, "torch_is_there", lambda: True)
    assert Generator(bundle).engine_name == "numpy"
    assert engines.torch_failure() == "out of memory, on cpu"
    with pytest.raises(DeviceError, match="does not work here \\(out of memory, on cuda\\)"):
        Generator(bundle, "torch", "cuda")
    with pytest.raises(DeviceError, match="no mps"):
        Generator(bundle, "auto", "mps")


def test_speed_is_the_median_of_a_frame(bundle, monkeypatch):
    generator = Generator(bundle, "numpy")
    taken = iter([5.0, 1.0, 3.0, 2.0])
    clock = types.SimpleNamespace(now=0.0, begun=False)

    def ticks():
        clock.begun = not clock.begun
        if not clock.begun:
            clock.now += next(taken)
        return clock.now

    monkeypatch.setattr("core.speed.time.perf_counter", ticks)
    # The first of four does not count; the median of 1, 3 and 2 seconds, over four frames.
    assert frame_milliseconds(generator, frames=4, rounds=3) == pytest.approx([500])


def test_every_engine_that_works_is_timed(bundle, fresh):
    pytest.importorskip("torch")
    found = every_engine(bundle, frames=4, rounds=1)
    assert {("numpy", "cpu"), ("torch", "cpu")} <= {(one.engine, one.device) for one in found}
    times = [one.milliseconds for one in found]
    assert times == sorted(times)
    assert np.isfinite(times).all()
