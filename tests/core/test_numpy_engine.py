"""numpy's two ways to compute a level, and what chooses between them."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import core.numpy_engine as engine_module
from core.bundle import Bundle
from core.folding import Level
from core.numpy_engine import NumpyEngine
from core.numpy_layouts import BLOCK, FoldedLayout, GatherLayout

LAYOUTS = (GatherLayout, FoldedLayout)


def plain_level(level: Level, taps: np.ndarray, bias: np.ndarray, coarse: np.ndarray) -> np.ndarray:
    fine = np.einsum("nk,nkc->nc", level.weight.astype(np.float64), coarse[level.index])
    padded = np.vstack([fine, np.zeros(fine.shape[1])])
    return np.einsum("nlc,lco->no", padded[level.spirals], taps) + bias


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("inputs", "outputs"), [(8, 3), (5, 4), (16, 8), (3, 1)])
def test_a_layout_computes_the_level(bundle: Bundle, layout: Any, inputs: int, outputs: int) -> None:
    topology = bundle.topology
    level = Level(topology.unpool_index[0], topology.unpool_weight[0], topology.spirals[0])
    rng = np.random.default_rng(inputs)
    taps = rng.standard_normal((level.spirals.shape[1], inputs, outputs)).astype(np.float32)
    bias = rng.standard_normal(outputs).astype(np.float32)
    rows = rng.permutation(topology.sizes[0])
    made = layout(level, rows, taps, bias, np.matmul)
    for one in (made, made.twin()):
        coarse = rng.standard_normal((topology.sizes[1], inputs)).astype(np.float32)
        out = np.full((topology.sizes[0], outputs), np.nan, np.float32)
        one(coarse, out)
        wanted = plain_level(level, taps, bias, coarse)[rows]
        assert np.abs(out - wanted).max() < 1e-5 * np.abs(wanted).max()


def test_blocks_are_small_enough_for_one_thread(bundle: Bundle) -> None:
    """OpenBLAS shares bigger products among threads of its own."""
    sizes = []

    def watched(one: Any, other: Any, out: Any) -> None:
        sizes.append(one.shape[0] * one.shape[1] * other.shape[1])
        np.matmul(one, other, out=out)

    engine = NumpyEngine(bundle, matmul=watched)
    sizes.clear()
    engine.decode(np.ones((3, 64), np.float32), np.empty((3, bundle.template.vertex_count, 3), np.float32))
    assert sizes
    if "FoldedLayout" not in engine.choices:
        assert max(sizes) <= BLOCK


@pytest.mark.parametrize("chosen", LAYOUTS)
@pytest.mark.parametrize("threads", [1, 2])
def test_whatever_is_chosen_gives_the_same_frames(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch, chosen: type, threads: int
) -> None:
    usual = NumpyEngine(bundle)

    def choose(one: Any, other: Any) -> tuple[float, float]:
        # Asked for each level first, then for the threads.
        one()
        other()
        first_is_better = (chosen is GatherLayout) if len(asked) < 3 else (threads == 1)
        asked.append(first_is_better)
        return (1.0, 9.0) if first_is_better else (9.0, 1.0)

    asked: list[bool] = []
    monkeypatch.setattr(engine_module, "_time", choose)
    monkeypatch.setattr(engine_module.os, "cpu_count", lambda: 2)
    engine = NumpyEngine(bundle)
    assert engine.choices == [*[chosen.__name__] * 3, f"{threads} threads"]
    latents = np.tanh(np.random.default_rng(0).standard_normal((7, 64))).astype(np.float32)
    frames = np.empty((2, 7, bundle.template.vertex_count, 3), np.float32)
    usual.decode(latents, frames[0])
    engine.decode(latents, frames[1])
    assert np.abs(frames[0] - frames[1]).max() < 1e-4
    alone = np.empty((1, *frames.shape[2:]), np.float32)
    engine.decode(latents[4:5], alone)
    np.testing.assert_allclose(alone[0], frames[1, 4], atol=1e-5)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_face_turns_what_comes(bundle: Bundle, monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    monkeypatch.setattr(engine_module, "_time", lambda *_: (1.0, 0.1) if threads == 2 else (1.0, 9.0))
    monkeypatch.setattr(engine_module.os, "cpu_count", lambda: threads)
    engine = NumpyEngine(bundle)
    rng = np.random.default_rng(4)
    latents = np.tanh(rng.standard_normal((5, 64))).astype(np.float32)
    jacobians = rng.standard_normal((bundle.template.vertex_count, 3, 3)).astype(np.float32)
    frames = np.empty((2, 5, bundle.template.vertex_count, 3), np.float32)
    engine.decode(latents, frames[0])
    engine.decode(latents, frames[1], engine.prepare(jacobians))
    wanted = np.einsum("vij,tvj->tvi", jacobians, frames[0])
    assert np.abs(frames[1] - wanted).max() < 1e-5 * np.abs(wanted).max()


def test_a_way_must_be_clearly_sooner(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "_time", lambda *_: (1.0, 0.9))
    assert NumpyEngine(bundle).choices[:3] == ["GatherLayout"] * 3


def test_on_one_core_no_threads_are_started(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module.os, "cpu_count", lambda: 1)
    before = threading.active_count()
    engine = NumpyEngine(bundle)
    engine.decode(np.zeros((4, 64), np.float32), np.empty((4, bundle.template.vertex_count, 3), np.float32))
    assert engine.choices[-1] == "1 threads"
    assert threading.active_count() == before
