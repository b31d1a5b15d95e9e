"""The runs that the project keeps: the results in docs/ are theirs, and the bundle that ships is one of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core.bundle import read_bundle
from training.__main__ import main
from training.evaluation import read_evaluation
from training.report import ablation_in, figures_of, grouped, photos_in, wraps_in
from training.results_page import PHOTOS, page
from training.wraps.page import BARS

ROOT = Path(__file__).resolve().parents[2]
KEPT = sorted((ROOT / "docs" / "runs").glob("*/config.json"))


@pytest.fixture(scope="module")
def corpora():
    return grouped([path.parent for path in KEPT])


def test_the_results_are_those_of_the_kept_runs(corpora):
    results = {name: figures_of(models) for name, models in corpora.items()}
    told = json.loads((ROOT / "docs" / "results.json").read_text())
    wrap, trials = (told.pop(name, None) for name in ("wrap", "ablation"))
    photos = photos_in(ROOT / "docs")
    assert photos == {name: told.pop(name) for name in PHOTOS}
    assert told == results
    assert wrap == wraps_in(ROOT / "docs")
    assert trials == ablation_in(ROOT / "docs")
    assert (ROOT / "docs" / "results.md").read_text() == page(results, wrap, trials, photos)


def test_wraps_reach_their_bars():
    wrap = wraps_in(ROOT / "docs")
    for action, cosine in BARS.items():
        assert wrap["exact"][action]["worst_cosine"] >= cosine, action
        assert wrap["exact"][action]["worst_relative_rms"] <= (0.25 if action == "blink" else 0.12), action
    assert wrap["folded"] == 0
    assert wrap["seconds"] <= 10


def test_a_network_and_the_baseline_are_kept_of_each_corpus(corpora):
    assert set(corpora) == {"ict_paper", "ict_skin", "makehuman"}
    for name, models in corpora.items():
        assert set(models) == {"pca", "spiral"} | ({"steered"} if name != "ict_paper" else set()), name
    for run in corpora["ict_paper"].values():
        schedule = run.config.schedule
        settings = (schedule.epochs, schedule.learning_rate, schedule.decay, schedule.weight_decay, schedule.leak)
        assert settings == (100, 1e-3, 0.99, 5e-5, 0.0)
        assert run.about["epochs"] == 100


def test_every_picture_of_the_page_is_there():
    text = (ROOT / "docs" / "results.md").read_text()
    pictures = [word.split(")")[0] for word in text.split("](")[1:] if word.startswith("pictures/")]
    assert len(pictures) == 16
    for name in pictures:
        assert (ROOT / "docs" / name).read_bytes().startswith(b"\x89PNG"), name


def test_table_1_holds_to_the_letter(corpora):
    run = corpora["ict_paper"]["spiral"]
    assert run.sizes.vertices == (46, 228, 1138, 5687, 28431)
    assert run.sizes.channels == (64, 32, 16, 8, 3)


def test_the_bundle_that_ships_is_the_kept_run(corpora):
    bundle = read_bundle(ROOT / "blender_addon" / "assets" / "makehuman.safetensors")
    run = corpora["makehuman"]["steered"]
    assert set(bundle.weights) == set(run.weights)
    for name, weight in bundle.weights.items():
        np.testing.assert_array_equal(weight, run.weights[name])


def test_weights_and_pictures_belong_together(corpora):
    """The kept weights make the apex that the pictures show."""
    import torch

    from core.motion import EXPRESSIONS

    for run in (run for models in corpora.values() for run in models.values() if run.weights):
        for expression, labels in run.labels.items():
            with torch.inference_mode():
                motion = run.network()(torch.tensor(labels)[None])[0].numpy()
            apex = motion[int(labels.max(axis=1).argmax())]
            np.testing.assert_allclose(apex, run.generated[EXPRESSIONS.index(expression)], atol=0.02)


def test_figures_of_a_kept_run(corpora, tmp_path):
    """In a process of its own, as the command does it: Blender does not go with the mesh libraries."""
    words = ["report", str(corpora["makehuman"]["steered"].folder), "--out", str(tmp_path)]
    assert main(words) == 0
    drawn = {path.name for path in (tmp_path / "pictures").iterdir()}
    assert drawn == {f"makehuman_{name}.png" for name in ("figure_3", "figure_4", "figure_5", "figure_6", "curves")}


def test_what_is_kept_has_its_licence_beside():
    for path in KEPT:
        run = read_evaluation(path.parent)
        assert run.about["corpus"]["licence"] == ("CC0-1.0" if "makehuman" in path.parent.name else "MIT")
    assert "USC Institute for Creative Technologies" in (ROOT / "docs" / "licences" / "ICT-FaceKit.txt").read_text()
