# ruff: noqa: T201 - commands speak on standard output
"""`python -m training benchmark`: how fast this machine makes faces, against the published operators' plain form."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from core.bundle import read_bundle, write_bundle
from core.errors import DeviceError
from core.topology import build_topology
from core.torch_engine import available_devices

from .benchmarks import baking, decoding, steered, streaming
from .benchmarks.heads import PAPER_VERTICES, face_of
from .benchmarks.preprocessing import time_preprocessing
from .benchmarks.report import plot, table
from .benchmarks.timing import keep_pages, machine, matrix_speed

DEFAULT_BUNDLE = Path(__file__).resolve().parent.parent / "blender_addon" / "assets" / "makehuman.safetensors"


@dataclass(frozen=True)
class Benchmark:
    """Times of the decoder, training, preprocessing and the bake; in one process, in turn, medians."""

    json: Annotated[Path | None, tyro.conf.arg(name="json")] = None
    """Also write all figures here."""
    plot: Path | None = None
    """Also draw them here."""
    device: str = "cpu"
    """cpu, cuda or mps; numpy and Blender stay on the CPU."""
    quick: bool = False
    """Fewer rounds, about a minute and a half on two cores."""
    rounds: int | None = None
    """How often a training step is timed, the rest in proportion; default 21, or 7 for the quick one."""
    bundle: Path = DEFAULT_BUNDLE
    """Whose template is subdivided and cropped to the head that is measured."""
    vertices: int = PAPER_VERTICES
    """Vertices of that head."""


def run(config: Benchmark) -> int:
    """Measures, prints the table, writes what is asked for.

    Raises:
        DeviceError: the device is not there.
    """
    if config.device not in available_devices():
        raise DeviceError(f"torch finds no {config.device} here.", f"Choose from {', '.join(available_devices())}.")
    result = measure(config)
    print(table(result))
    if config.json is not None:
        config.json.parent.mkdir(parents=True, exist_ok=True)
        config.json.write_text(json.dumps(result, indent=1) + "\n")
    if config.plot is not None:
        config.plot.parent.mkdir(parents=True, exist_ok=True)
        plot(result, config.plot)
    return 0


def measure(config: Benchmark) -> dict[str, Any]:
    """All figures: seconds, ratios, floors; see the README for what they mean."""
    kept = keep_pages()
    device, rounds = config.device, config.rounds or (7 if config.quick else 21)
    template = read_bundle(config.bundle).template
    _say("the head and its levels")
    head = face_of(template, config.vertices)
    topology = build_topology(head)
    network = decoding.make_network(topology)
    bundle = decoding.make_bundle(network, head, topology)
    decoders = decoding.make_decoders(network, bundle, device)
    _say("frames")
    wrong = decoding.errors(decoders, device)
    matrix = matrix_speed(device)
    frames = decoding.time_frames(decoders, device, rounds)
    _say("training steps")
    steps = decoding.time_steps(network, device, rounds)
    # Before and after the work; the better one counts, which is the harder on us.
    floors = decoding.floors(network, max(matrix, matrix_speed(device)), device)
    _say("preprocessing")
    before = time_preprocessing(head, topology.sizes, max(rounds // 4, 2))
    _say("the steered network")
    steering = steered.measure(network, head, topology, device, rounds)
    with tempfile.TemporaryDirectory() as folder:
        _say("a long stream")
        path = Path(folder, "head.safetensors")
        write_bundle(path, bundle)
        stream = streaming.measure(path, device=device)
        _say("the bake")
        bake = _bake(template, Path(folder, "skin.safetensors"), rounds)
    return {
        "machine": machine(device) | {"keeps_pages": kept, "numpy_layouts": ", ".join(decoders.numpy_choices)},
        "vertices": list(topology.sizes),
        "seconds": {"frames": frames, "step_10": steps, "preprocessing": before, "bake_100": bake},
        "floor": floors,
        "ratios": _ratios(frames, steps, before, bake),
        "times_floor": {
            "inference_1": frames[decoding.FAST]["1"] / floors["inference_1"]["floor"],
            "inference_100": frames[decoding.FAST]["100"] / floors["inference_100"]["floor"],
            "train_10": steps[decoding.FAST] / floors["train_10"]["floor"],
        },
        "steered": steering,
        "stream_10000_mb": stream,
        "relative_errors": wrong,
        "max_relative_error": wrong[decoding.FAST],
        "rounds": rounds,
    }


def _ratios(
    frames: dict[str, dict[str, float]],
    steps: dict[str, float],
    before: dict[str, float],
    bake: dict[str, float] | None,
) -> dict[str, float | None]:
    """How many times sooner than the best plain form; for preprocessing and bake, how many times as long as alone."""
    best = {count: min(frames[name][count] for name in decoding.PLAIN) for count in ("1", "10", "100")}
    return {
        "inference_1": best["1"] / frames[decoding.FAST]["1"],
        "inference_10": best["10"] / frames[decoding.FAST]["10"],
        "inference_100": best["100"] / frames[decoding.FAST]["100"],
        "train_10": min(steps[name] for name in decoding.PLAIN) / steps[decoding.FAST],
        "numpy_1": best["1"] / frames[decoding.NUMPY]["1"],
        "numpy_1_without_blas": best["1"] / frames[decoding.NO_BLAS]["1"],
        "preprocessing": before["mien"] / before["library"],
        "bake_100": bake["mien"] / bake["bare"] if bake else None,
        "bake_100_without_generating": (bake["mien"] - bake["generate"]) / bake["bare"] if bake else None,
    }


def _bake(template: Any, path: Path, rounds: int) -> dict[str, float] | None:
    skin = face_of(template, baking.VERTICES)
    topology = build_topology(skin)
    write_bundle(path, decoding.make_bundle(decoding.make_network(topology), skin, topology))
    found = baking.measure(path, rounds)
    if found is None:
        print("There is no Blender (bpy) here; the bake is left out.")
    return found


def _say(what: str) -> None:
    print(f"… {what}", flush=True)
