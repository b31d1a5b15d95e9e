"""The benchmark command, whole, on a small head: what it writes, and that its parts measure what they say."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from core.bundle import read_bundle
from core.errors import TemplateError
from core.topology import build_topology
from training.__main__ import main
from training.benchmark import DEFAULT_BUNDLE
from training.benchmarks import baking, decoding
from training.benchmarks.heads import PAPER_VERTICES, face_of
from training.benchmarks.report import table
from training.benchmarks.timing import in_turn, matrix_speed, memory_speed


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, Path, str]:
    folder = tmp_path_factory.mktemp("benchmark")
    words = ["benchmark", "--quick", "--vertices", "900", "--rounds", "1"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(baking, "VERTICES", 700)
        assert main([*words, "--json", str(folder / "a" / "figures.json"), "--plot", str(folder / "plot.png")]) == 0
    return json.loads((folder / "a" / "figures.json").read_text()), folder / "plot.png"


def test_it_writes_what_it_promises(written) -> None:
    result, picture = written
    assert result["vertices"] == [900, 180, 36, 8, 2]
    for name in ("inference_1", "inference_100", "train_10", "numpy_1", "preprocessing", "bake_100"):
        assert result["ratios"][name] > 0
    for name in ("inference_1", "inference_100", "train_10"):
        assert result["times_floor"][name] > 0
        floor = result["floor"][name]
        assert floor["floor"] == pytest.approx(floor["arithmetic"] + floor["bytes"])
    assert 0 < result["max_relative_error"] < 1e-5
    assert max(result["relative_errors"].values()) < 1e-5
    assert 0 <= result["stream_10000_mb"] < 300
    assert picture.stat().st_size > 10_000


def test_ratios_are_those_of_its_own_seconds(written) -> None:
    result, _ = written
    frames, steps = result["seconds"]["frames"], result["seconds"]["step_10"]
    best = min(frames[name]["100"] for name in decoding.PLAIN)
    assert result["ratios"]["inference_100"] == pytest.approx(best / frames["fast"]["100"])
    assert result["ratios"]["train_10"] == pytest.approx(min(steps[name] for name in decoding.PLAIN) / steps["fast"])
    bake = result["seconds"]["bake_100"]
    assert result["ratios"]["bake_100"] == pytest.approx(bake["mien"] / bake["bare"])
    assert result["times_floor"]["train_10"] == pytest.approx(steps["fast"] / result["floor"]["train_10"]["floor"])


def test_the_table_says_what_was_missed(written) -> None:
    result, _ = written
    result["ratios"]["inference_1"], result["ratios"]["preprocessing"] = 4.4, 3.1
    lines = table(result).splitlines()
    assert sum("missed" in line for line in lines if line.startswith(("one frame, times", "preprocessing, times"))) == 2
    result["ratios"]["inference_1"], result["ratios"]["preprocessing"] = 4.6, 2.9
    lines = table(result).splitlines()
    assert not any("missed" in line for line in lines if line.startswith(("one frame, times", "preprocessing, times")))
    result["ratios"]["bake_100"] = result["seconds"]["bake_100"] = None
    assert "in Blender" not in table(result)


def test_a_device_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    missing = "mps" if not torch.backends.mps.is_available() else "cuda"
    assert main(["benchmark", "--device", missing]) == 1
    assert f"no {missing}" in capsys.readouterr().err


def test_the_paper_s_head_has_the_paper_s_levels() -> None:
    template = read_bundle(DEFAULT_BUNDLE).template
    head = face_of(template)
    assert head.vertex_count == PAPER_VERTICES
    tip = head.vertices[head.landmarks["nose_tip"]]
    np.testing.assert_allclose(tip, template.vertices[template.landmarks["nose_tip"]], atol=1e-4)
    # Cropped round the nose: what is left lies nearer to it than the head is deep.
    assert np.linalg.norm(head.vertices - tip, axis=1).max() < np.ptp(template.vertices, axis=0).max()


def test_a_head_that_cannot_be_made() -> None:
    with pytest.raises(TemplateError, match="cannot be cropped"):
        face_of(read_bundle(DEFAULT_BUNDLE).template, 2)


def test_all_forms_give_the_same_faces() -> None:
    head = face_of(read_bundle(DEFAULT_BUNDLE).template, 900)
    topology = build_topology(head)
    network = decoding.make_network(topology)
    decoders = decoding.make_decoders(network, decoding.make_bundle(network, head, topology), "cpu")
    assert set(decoders.ways) == {*decoding.PLAIN, "fast", "numpy", "numpy without BLAS"}
    assert max(decoding.errors(decoders, "cpu").values()) < 1e-5


def test_turns_are_fair_and_medians() -> None:
    order = []
    ways = {"slow": lambda: (order.append("s"), time.sleep(0.03)), "quick": lambda: order.append("q")}
    seconds = in_turn(ways, 3)
    assert seconds["slow"] >= 0.03
    assert seconds["quick"] < seconds["slow"] / 10
    # Once to warm up and once to see how long each takes; then slow and many times quick, three times over.
    squeezed = "".join(one for one, before in zip(order[4:], [None, *order[4:]], strict=False) if one != before)
    assert squeezed in {"sqsqsq", "qsqsqsq"}


def test_probes_are_plausible() -> None:
    assert 1e9 < matrix_speed("cpu") < 1e14
    assert 1e8 < memory_speed(1 << 20, "cpu") < 1e13


def test_the_floor_counts_the_folded_form() -> None:
    """16.6 MFLOP a frame at the paper's sizes, as counted by hand from about 26 entries a row."""
    head = face_of(read_bundle(DEFAULT_BUNDLE).template)
    found = decoding.floors(decoding.make_network(build_topology(head)), 1e11, "cpu")
    assert found["flop_a_frame"] == pytest.approx(16.6e6, rel=0.02)
    assert found["inference_100"]["arithmetic"] == pytest.approx(100 * found["flop_a_frame"] / 1e11)
    assert found["train_10"]["arithmetic"] == pytest.approx(30 * found["flop_a_frame"] / 1e11)
