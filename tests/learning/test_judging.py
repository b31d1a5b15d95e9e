"""What is asked of runs beyond the paper's tables, on numbers worked out by hand and on a small steered run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from core.bundle import read_bundle
from core.generator import Generator
from core.learning.classifier import frame_truth, train_frames
from core.motion import EXPRESSIONS, Cue, labels_from_cues
from tests.core.steered import write_steered
from tests.learning.conftest import CORNERS, RATE, SPLITS, field, performance
from training.__main__ import main
from training.corpora.store import open_corpus
from training.corpora.writer import CorpusWriter, Second
from training.evaluate import evaluated
from training.judging.accuracy import measure
from training.judging.acting import Actor, apex_frames, of_kind, unseen_people
from training.judging.demands import LEVELS, intensity, one_cue, rest, two_cues
from training.judging.film import Film, film_rows
from training.judging.lids import Lids
from training.judging.lips import Lips
from training.judging.metrics import coverage_and_density, flipped, frechet, jerk, rigid_residual
from training.judging.page import ablation_table, beyond_lines
from training.judging.pieces import Pieces
from training.judging.transitions import between
from training.report import beyond_of
from training.runs import load_run

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "blender_addon" / "assets" / "makehuman.safetensors"


def test_triangles_that_turn_over() -> None:
    neutral = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]])
    triangles = np.array([[0, 1, 2], [1, 3, 2]])
    motion = np.zeros((3, 4, 3))
    motion[1, 3] = (-0.9, -0.9, 0)  # the fourth corner goes over the edge that both share
    motion[2] = np.array([0, 0, 5.0])
    assert flipped(neutral, motion, triangles).tolist() == [[False, False], [False, True], [False, False]]


def test_jerk_of_a_cubic() -> None:
    seconds = np.arange(12) / 12.0
    motion = np.zeros((12, 2, 3))
    motion[:, 0, 1] = 5 * seconds**3
    assert jerk(motion, 12.0) == pytest.approx((30 + 0) / 2)
    motion[:, 1, 0] = 7 * seconds**2  # no third derivative
    assert jerk(motion, 12.0) == pytest.approx(15)


def test_frechet_distance_of_known_clouds() -> None:
    rng = np.random.default_rng(0)
    cloud = rng.standard_normal((4000, 3))
    cloud = (cloud - cloud.mean(axis=0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(cloud, rowvar=False))).T
    assert frechet(cloud, cloud) == pytest.approx(0, abs=1e-9)
    # Of N(0, 1) and N(m, s^2): m^2 + (1 - s)^2, in each direction.
    other = cloud * (1, 3, 0) + (2, 0, 0)
    assert frechet(cloud, other) == pytest.approx(4 + 4 + 1, rel=1e-6)


def test_coverage_and_density_of_known_points() -> None:
    true = np.arange(10.0)[:, None]
    assert coverage_and_density(true, true, 2) == (1.0, pytest.approx(np.mean([2, 4, 3, 3, 3, 3, 3, 3, 4, 2]) / 2))
    assert coverage_and_density(true, np.array([[100.0], [0.0]]), 2)[0] == pytest.approx(0.2)
    assert coverage_and_density(true, np.array([[100.0]]), 2) == (0.0, 0.0)


def test_what_a_rigid_motion_leaves() -> None:
    rng = np.random.default_rng(1)
    rest_shape = rng.standard_normal((20, 3)) * 10
    turn = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    rigid = rest_shape @ turn.T * 1.1 + (1, 2, 3) - rest_shape
    bent = rigid + 0.5 * rng.standard_normal((20, 3))
    assert rigid_residual(rest_shape, rigid[None]) < 1e-9
    assert 0.4 < rigid_residual(rest_shape, bent[None]) < 0.9


def test_apex_and_what_lies_between() -> None:
    labels = labels_from_cues([Cue("happy", 0.6, 0, 0.25, 0.5, 1.0), Cue("sad", 0.3, 0.5, 1.0, 1.5, 2)], 25, 12.0)
    assert np.flatnonzero(apex_frames(labels)).tolist() == [3, 4, 5, 6, 12, 13, 14, 15, 16, 17, 18]
    assert np.flatnonzero(between(labels)).tolist() == [7, 8, 9, 10, 11]
    assert not apex_frames(np.zeros((4, 6))).any()


def test_what_frames_should_show_and_that_it_is_learned() -> None:
    labels = torch.tensor(
        labels_from_cues([Cue("angry", 0.1, 0, 0.5, 0.5, 1.0), Cue("sad", 1, 0.5, 1, 1, 1.5)], 19, 12.0)
    )
    truth = frame_truth(labels)
    assert truth[[0, 4, 6, 8, 10, 12, 18]].tolist() == [6, 0, 0, 0, 4, 4, 6]
    generator = torch.Generator().manual_seed(0)
    shown = torch.arange(700) % 7
    coefficients = torch.nn.functional.one_hot(shown, 9) * 1.0 + 0.1 * torch.randn(700, 9, generator=generator)
    classifier = train_frames(coefficients, shown, epochs=25)
    assert (classifier(coefficients).argmax(1) == shown).float().mean() > 0.98
    same = train_frames(coefficients, shown, epochs=25)
    assert torch.equal(classifier(coefficients), same(coefficients))


def test_lips_lids_and_pieces_of_the_shipped_head() -> None:
    bundle = read_bundle(SHIPPED)
    corpus = SimpleNamespace(template=bundle.template, neutrals=bundle.template.vertices[None])
    still = np.zeros((1, *bundle.template.vertices.shape))

    lips = Lips.of(corpus)
    assert len(lips.upper) > 50
    assert len(lips.lower) > 30
    assert bundle.template.vertices[lips.upper, 1].mean() > bundle.template.vertices[lips.lower, 1].mean() + 3
    closing, opening = still.copy(), still.copy()
    closing[0, lips.lower, 1], opening[0, lips.lower, 1] = 2, -6
    found = []
    for motion in (still, closing, opening):
        lips.clear()
        lips.look(0, motion)
        found.append(lips.result()["worst_mm"])
    assert found[0] == found[2] == 0
    assert 1 < found[1] < 3

    pieces = Pieces.of(corpus)
    assert set(pieces.pieces) == {"left eye", "right eye", "upper teeth", "lower teeth", "tongue"}
    heights = {name: bundle.template.vertices[members, 1].mean() for name, members in pieces.pieces.items()}
    assert heights["lower teeth"] < heights["upper teeth"] < heights["left eye"]
    moved = still.copy()
    moved[0, pieces.pieces["lower teeth"], 1] = -4
    moved[0, pieces.pieces["tongue"][::2], 0] = 1
    pieces.look(0, moved)
    left = pieces.result()["residual_mm"]
    assert left["lower teeth"] < 1e-5
    assert left["tongue"] > 0.3

    lids = Lids.of(corpus, None)
    lids.look(0, still)
    assert lids.result()["beyond_rest_mm"] == 0
    sunk = still.copy()
    for landmark in ("left_lid_upper", "right_lid_upper"):
        near = np.linalg.norm(
            bundle.template.vertices - bundle.template.vertices[bundle.template.landmarks[landmark]], axis=1
        )
        skin = ~np.isin(np.arange(len(near)), np.concatenate(list(pieces.pieces.values())))
        sunk[0, (near < 4) & skin, 2] = -3
    lids.look(0, sunk)
    assert lids.result()["beyond_rest_mm"] > 1


def write_corpus(folder: Path, template) -> Path:
    """Five people of different sizes with singles, one transition and one blend each."""
    writer = CorpusWriter(
        folder, template, name="sheet", licence="CC0-1.0", source="a formula", frame_rate=RATE, notes="for tests"
    )
    for person, (name, split) in enumerate(SPLITS.items()):
        gain = 0.7 + 0.1 * person
        size = np.array([1 + 0.03 * person, 1 - 0.02 * person, 1], np.float32)
        index = writer.add_subject(name, split, template.vertices * size)
        for expression in EXPRESSIONS:
            writer.add_sequence(index, expression, *performance(expression, gain, template), CORNERS)
        cues = [Cue("surprise", 1, 0, 0.25, 0.5, 1.0), Cue("angry", 1, 0.5, 1.0, 1.25, 1.6)]
        labels = labels_from_cues(cues, 21, RATE)
        weights = {cue.expression: gain * labels[:, EXPRESSIONS.index(cue.expression)] for cue in cues}
        motion = sum(weight[:, None, None] * field(name, template) for name, weight in weights.items())
        times = dict(zip(CORNERS, (0.5, 1.0, 1.25, 1.6), strict=True))
        for kind in ("transition", "blend"):
            second = Second(kind, "angry", times, (gain, gain))
            writer.add_sequence(index, "surprise", motion, labels, CORNERS, second=second)
    return writer.close()


@pytest.fixture(scope="module")
def runs(template, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("judging")
    corpus = write_corpus(folder / "corpus", template)
    for model in ("pca", "steered"):
        words = ["train", str(corpus), "--out", str(folder / model), "--model", model, "--latent", "16"]
        words += ["--schedule.epochs", "4", "--spiral-length", "6", "--style", "2", "--code", "2"]
        assert main(words) == 0
    return folder


@pytest.fixture(scope="module")
def actors(runs) -> dict[str, Actor]:
    found = {}
    for model in ("pca", "steered"):
        config, corpus, network = load_run(runs / model)
        found[model] = Actor.of(config, corpus, network, runs / model)
    return found


def test_kinds_of_sequences_and_whose_they_are(runs) -> None:
    corpus = open_corpus(runs / "corpus")
    assert [len(of_kind(corpus, "test", kind)) for kind in ("single", "transition", "blend")] == [12, 2, 2]
    assert unseen_people(corpus) == [4, 5]
    assert unseen_people(corpus, 1) == [4]


def test_faces_and_seeds_matter_to_a_steered_network_alone(actors) -> None:
    labels, middle = one_cue("happy", 1.0, RATE)
    for model, actor in actors.items():
        one, other = (actor.perform_labels(labels, subject) for subject in (4, 5))
        again, take = (actor.perform_labels(labels, 4, seed) for seed in (None, 3))
        np.testing.assert_array_equal(one, again)
        assert actor.varies == (model == "steered")
        assert np.array_equal(one, other) == (not actor.varies)
        assert np.array_equal(one, take) == (not actor.varies)
        np.testing.assert_allclose(actor.perform_labels(labels, 4, frames=[middle])[0], one[middle], atol=1e-5)


def test_an_actor_says_what_the_plain_network_says(actors) -> None:
    actor = actors["steered"]
    index = of_kind(actor.corpus, "test")[3]
    subject = actor.corpus.sequences[index].subject
    identity = actor.identity(subject)
    labels = torch.tensor(np.array(actor.read(index)))[None]
    with torch.inference_mode():
        code, turn = torch.tensor(identity.code)[None], torch.tensor(identity.jacobians)[None]
        plain = actor.network(labels, None, code, turn)[0].numpy()
    np.testing.assert_allclose(actor.perform(index), plain, atol=1e-4)


def test_rest_is_exact_where_it_is_gated(actors) -> None:
    labels = two_cues("happy", "sad", RATE)
    still = labels.max(axis=1) == 0
    assert still[0]
    assert still[-1]
    assert still[: int(np.flatnonzero(~still)[-1])].sum() > 20
    found = {model: rest(actor) for model, actor in actors.items()}
    assert found["steered"]["worst"] == 0
    assert found["pca"]["worst"] > 0


def test_intensity_of_known_faces(actors) -> None:
    class Proportional(Actor):
        """Moves as far as the label says, through a point and out again on the other side."""

        def perform_labels(self, labels, subject, seed=None, variation=1.0, frames=None):  # noqa: ARG002
            strength = labels.max(axis=1)[list(frames)]
            return strength[:, None, None] * -1.1 * self.corpus.neutrals[subject]

    one = actors["pca"]
    found = intensity(Proportional(one.network, one.corpus))
    assert found["rank"]["worst"] == pytest.approx(1)
    assert found["largest_fall"] == 0
    # Through its middle three axes turn over and the normals stay; a mirror turns one.
    assert found["flipped"]["1"]["all"] == 0
    assert len(found["mean_mm"]) == len(LEVELS)

    class Mirrored(Proportional):
        """Becomes its own mirror image, at every strength a little further."""

        def perform_labels(self, labels, subject, seed=None, variation=1.0, frames=None):
            return super().perform_labels(labels, subject, seed, variation, frames) * (2, 0, 0)

    found = intensity(Mirrored(one.network, one.corpus))
    triangles = len(one.corpus.template.triangles)
    assert found["flipped"]["1"]["all"] == found["flipped"]["1"]["beyond_own"] > 0.5 * triangles
    assert found["flipped"]["1"]["beyond_scaled"] > 0


def test_errors_by_kind(actors) -> None:
    for kind, count in (("single", 12), ("transition", 2), ("blend", 2)):
        errors, at_apex, still = measure(actors["pca"], kind)
        assert sum(len(each) for each in errors.values()) == count
        assert set(errors) == set(at_apex) == set(still)
        assert set(errors) == (set(EXPRESSIONS) if kind == "single" else {"surprise"})


def test_an_evaluation_has_it_all_and_the_report_tells_it(runs, tmp_path) -> None:
    words = [str(runs / model) for model in ("pca", "steered")]
    assert main(["report", *words, "--out", str(tmp_path), "--no-pictures"]) == 0
    (found,) = json.loads((tmp_path / "results.json").read_text()).values()
    judged = found["beyond"]["steered"]
    assert judged["ratio"] == pytest.approx(found["table2"]["steered"]["total"] / found["table2"]["pca"]["total"])
    assert "ratio" not in found["beyond"]["pca"]
    assert judged["rest"]["worst"] == 0
    assert judged["swapped_error_mm"] != pytest.approx(found["table2"]["steered"]["total"])
    assert found["beyond"]["pca"]["swapped_error_mm"] is None
    assert judged["kinds"]["transition"]["sequences"] == 2
    assert 0 <= judged["takes"]["coverage"] <= 1
    assert judged["takes"]["takes"] == 5
    assert found["beyond"]["pca"]["takes"]["takes"] == 1
    assert judged["takes"]["apex_spread_mm"]["takes"] > 0
    votes = judged["transitions"]["votes"]
    assert votes["right"]["true"] > 0.5
    assert 0 <= judged["transitions"]["jerk"]["raw"]["within"] <= 1
    assert judged["geometry"]["lids"] is None
    text = (tmp_path / "results.md").read_text()
    assert f"| error, of the better of the others | 0.80 |  | {judged['ratio']:.2f} |" in text
    assert "| largest motion at rest, mm | 0.01 |" in text


def test_a_kept_steered_run_needs_no_corpus(runs, tmp_path) -> None:
    from training.evaluation import keep, read_evaluation
    from training.steered import Steered

    run = evaluated(runs / "steered")
    kept = read_evaluation(keep(run.folder, tmp_path))
    assert kept.network().steered
    assert kept.sizes.style == 2
    assert Steered.read(kept.folder).basis.size == 2
    for expression, labels in kept.labels.items():
        with torch.inference_mode():
            apex = kept.network()(torch.tensor(labels)[None])[0, int(labels.max(axis=1).argmax())].numpy()
        np.testing.assert_allclose(apex, kept.generated[EXPRESSIONS.index(expression)], atol=0.02)


def test_a_quick_evaluation_leaves_the_long_ones_out(runs) -> None:
    from training.evaluate import evaluate

    about = evaluate(runs / "pca", quick=True).about
    assert set(about["beyond"]) == {"kinds", "swapped_error_mm", "rest"}


def test_what_was_not_judged_is_not_told() -> None:
    about = {"pca": {"error_mm": {"total": 0.4}}, "spiral": {"error_mm": {"total": 0.5}}}
    assert beyond_of(about) == {}
    lines = beyond_lines({"pca": {"rest": {"worst": 0.02}}, "steered": {"rest": {"worst": 0.0}, "ratio": 0.7512}})
    assert lines[-2:] == [
        "| error, of the better of the others | 0.80 |  | 0.75 |",
        "| largest motion at rest, mm | 0.01 | 0.0200 | 0.0000 |",
    ]


def test_the_ablation_as_a_table() -> None:
    rows = [{"name": "all", "error_mm": 0.3, "apex_error_mm": 0.5, "note": ""}, {"name": "no code", "error_mm": 0.35}]
    text = ablation_table({"epochs": 20, "corpus": "makehuman", "rows": rows})
    assert text.splitlines()[-2:] == ["| all | 0.300 | 0.500 |  |", "| no code | 0.350 |  |  |"]
    with pytest.raises(KeyError):
        ablation_table({"rows": []})


def test_the_film_sheet_of_a_steered_bundle(tmp_path) -> None:
    """In a process of its own: Blender does not go with the mesh libraries."""
    from PIL import Image

    bundle = write_steered(tmp_path / "random.safetensors", SHIPPED, life=False)
    words = [sys.executable, "-m", "training.judging.film", str(bundle), "--out", str(tmp_path / "takes.png")]
    words += ["--people", "Ada", "--seeds", "1", "--pixels", "60"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    width, height = Image.open(tmp_path / "takes.png").size
    assert 4 * 60 < width < 6 * 60
    assert height > 2 * 60


def test_takes_of_the_film_differ_and_people_too(tmp_path) -> None:
    generator = Generator.load(write_steered(tmp_path / "random.safetensors", SHIPPED, life=False))
    rows, captions, titles = film_rows(generator, ("Ada", "Ben"), Film(tmp_path, seeds=(1, 2)))
    assert titles == ["happy,\ntake 1", "happy,\ntake 2", "surprise\nto angry"]
    assert [len(row) for row in rows] == [len(line) for line in captions] == [8, 8, 8]
    moved = [
        [face - generator.samples[name] for face, name in zip(row, ["Ada"] * 4 + ["Ben"] * 4, strict=True)]
        for row in rows
    ]
    assert np.abs(moved[0][1] - moved[1][1]).max() > 0.01
    assert np.abs(moved[0][1] - moved[0][5]).max() > 0.01
