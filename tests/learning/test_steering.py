"""The steered network learns: from faces, in styles, at every strength; and rests exactly."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from core.bundle import write_bundle
from core.errors import CorpusError, MienError
from core.generator import Generator
from core.learning.batches import ChainSampler
from core.learning.losses import sequence_loss, turned_loss
from core.learning.scenes import Member, SceneSampler, Staging
from core.learning.steering import Steering, state_of_network
from core.learning.styles import StyleReader, divergence, sequence_features
from core.learning.trainer import Schedule
from core.metrics import mean_error
from core.model import spiral_network, turned
from core.motion import EXPRESSIONS, MAX_INTENSITY, gate, proportional, reach
from core.sizes import Sizes
from core.takes import Take
from core.topology import build_topology
from training import ablation, evaluate, export
from training import train as command
from training.corpora.store import open_corpus
from training.judging.acting import Actor
from training.runs import load_run, read_checkpoint, read_topology
from training.settings import Train
from training.steered import FILE, Steered, faces_of, floors_of, motion_on_template, scenes_of

SETTINGS = {"model": "steered", "style": 4, "code": 3, "chain": 2, "max_rest": 3, "check_every": 100}


def settings(corpus, out, epochs=2, **changes):
    schedule = changes.pop("schedule", Schedule(epochs=epochs))
    return dataclasses.replace(Train(corpus, out, schedule=schedule, accelerator="cpu", **SETTINGS), **changes)


@pytest.fixture(scope="module")
def run(fine_corpus_folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "steered"
    schedule = Schedule(epochs=25, learning_rate=5e-3, decay=0.93, leak=0.3)
    assert command.run(settings(fine_corpus_folder, out, schedule=schedule)) == 0
    return out


@pytest.fixture(scope="module")
def scenes(corpus_folder):
    corpus = open_corpus(corpus_folder)
    return scenes_of(corpus, corpus.split("train"), floors_of(corpus), 6)


def batches(scenes, **staging):
    sampler = SceneSampler(scenes, ChainSampler(len(scenes.spans), 4, chain=2, max_rest=3), Staging(6, **staging))
    return [scenes[chains] for chains in sampler]


def test_it_learns_the_motion_of_its_people_and_rests_exactly(run):
    config, corpus, network = load_run(run)
    actor = Actor.of(config, corpus, network, run)
    error, still = [], []
    for index in corpus.split("train"):
        truth, generated = corpus.deformation(index), actor.perform(index)
        error.append(mean_error(generated, truth))
        still.append(mean_error(np.zeros_like(truth), truth))
        assert not generated[corpus.labels(index).max(axis=1) == 0].any()
    assert np.mean(error) < 0.8 * np.mean(still)


def test_a_face_speaks_through_the_style_that_it_leads_to(run):
    config, corpus, network = load_run(run)
    course = command.steered_course(config, corpus, read_topology(run))
    state = read_checkpoint(run)["state_dict"]
    assert state["lean.weight"].shape == (4, 3)
    assert state["lean.weight"].abs().max() > 1e-3
    course.lesson.load_state_dict(state)
    # What the lesson looks at is what ships: the style is in the columns for the code.
    looked = []
    course.lesson.report = lambda motion, _, mask: looked.append((motion, mask))
    actor = Actor.of(config, corpus, network, run)
    with torch.inference_mode():
        for batch in course.test:
            course.lesson.validation_step(batch, 0)
            (motion, mask), indices = looked.pop(), [corpus.split("test")[int(one)] for one in batch.sequence]
            for own, there, index in zip(motion, mask, indices, strict=True):
                np.testing.assert_allclose(own[there].numpy(), actor.perform(index), atol=1e-4)
    # And what a second training begins with.
    fresh = command.steered_course(config, corpus, read_topology(run)).lesson
    _, _, learned = load_run(run, as_learned=True)
    fresh.begin_with(learned)
    for name, value in state_of_network(fresh.state_dict()).items():
        torch.testing.assert_close(value, learned.state_dict()[name], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(fresh.lean.weight, state["lean.weight"], atol=1e-4, rtol=1e-3)
    command._begin_from(run, fresh, corpus)
    torch.testing.assert_close(fresh.network.state_dict(), learned.state_dict())


def test_takes_are_wider_than_they_were_learned_and_the_calm_performance_is_not(run):
    config, corpus, wide = load_run(run)
    _, _, learned = load_run(run, as_learned=True)
    assert config.steering.wider == 1.5
    labels, style, code = torch.tensor(corpus.labels(0))[None], torch.randn(1, 1, 4), torch.randn(1, 3)
    with torch.inference_mode():
        torch.testing.assert_close(wide(labels, code=code), learned(labels, code=code))
        torch.testing.assert_close(wide(labels, style, code), learned(labels, 1.5 * style, code))
        assert not torch.equal(wide(labels, style, code), learned(labels, style, code))
    with pytest.raises(MienError, match="wide"):
        Steering(wider=0)


def test_style_code_and_face_each_change_the_performance(run):
    _, corpus, network = load_run(run)
    labels = torch.tensor(corpus.labels(0))[None]
    with torch.inference_mode():
        calm = network(labels)
        assert not torch.equal(calm, network(labels, style=torch.ones(1, 1, 4)))
        assert not torch.equal(calm, network(labels, code=torch.ones(1, 3)))
        doubled = network(labels, jacobians=2 * torch.eye(3).expand(1, calm.shape[2], 3, 3))
    torch.testing.assert_close(doubled, 2 * calm)


def test_without_biases_strength_of_the_latents_is_strength_of_the_motion(run):
    _, _, network = load_run(run)
    latents = torch.randn(3, 64)
    with torch.inference_mode():
        torch.testing.assert_close(network.decoder(0.3 * latents), 0.3 * network.decoder(latents))
        assert not network.decoder(torch.zeros(1, 64)).any()
    assert not any(value.any() for name, value in network.decoder.named_parameters() if name.endswith("bias"))


def test_the_same_seed_gives_the_same_network(corpus_folder, tmp_path):
    for name in ("one", "other"):
        assert command.run(settings(corpus_folder, tmp_path / name)) == 0
    one, other = (load_run(tmp_path / name)[2].state_dict() for name in ("one", "other"))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_resumed_run_ends_as_one_that_was_not_interrupted(corpus_folder, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert command.run(settings(corpus_folder, whole, epochs=3, style=4)) == 0
    assert command.run(settings(corpus_folder, parts, epochs=2, style=4)) == 0
    assert command.run(settings(corpus_folder, parts, epochs=3, style=4, resume=True)) == 0
    one, other = (load_run(folder)[2].state_dict() for folder in (whole, parts))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_blendshapes_can_stand_for_the_decoder_and_ideas_can_be_left_out(corpus_folder, tmp_path):
    for number, changes in enumerate(({"blendshapes": True, "latent": 16}, {"jacobians": False, "code": 0})):
        out = tmp_path / str(number)
        assert command.run(settings(corpus_folder, out, **changes)) == 0
        config, corpus, network = load_run(out)
        generated = Actor.of(config, corpus, network, out).perform(corpus.split("test")[0])
        assert np.isfinite(generated).all()
        assert generated.any()


def test_a_damaged_or_missing_steering_is_said_in_a_sentence(run, tmp_path):

    with pytest.raises(CorpusError, match="cannot be read"):
        Steered.read(tmp_path)
    (tmp_path / FILE).write_bytes((run / FILE).read_bytes()[:-50])
    with pytest.raises(CorpusError, match="cannot be read"):
        Steered.read(tmp_path)


def test_members_lie_where_their_labels_and_their_motion_say(scenes):
    for batch in batches(scenes, scaled=0):
        for number in range(len(batch.row)):
            first, frames = scenes.spans[int(batch.sequence[number])]
            row, window, begin = int(batch.row[number]), int(batch.window[number]), int(batch.begin[number])
            assert begin <= window
            labels = batch.labels[row, window : window + 6]
            at = next(k for k in range(frames - 5) if torch.equal(scenes.labels[first + k : first + k + 6], labels))
            own = scenes.steps[first + at : first + at + 6].float() * scenes.scale
            torch.testing.assert_close(batch.target[number], own)
            assert int(batch.person[number]) == scenes.persons[int(batch.sequence[number])]


def test_labels_and_motion_are_scaled_together_to_every_strength(scenes):
    scenes = dataclasses.replace(scenes) if dataclasses.is_dataclass(scenes) else scenes
    told = scenes.scalable
    scenes.scalable = [True] * len(told)
    try:
        strengths, factors = [], []
        for epoch in range(6):
            sampler = SceneSampler(scenes, ChainSampler(len(scenes.spans), 4, seed=epoch), Staging(6, scaled=1.0))
            for member in (one for batch in sampler for chain in batch for one in chain):
                now = scenes.strongest[member.sequence]
                strengths.append(member.factor * now)
                factors.append(member.motion)
                assert member.motion == pytest.approx(float(reach(member.factor * now) / reach(now)), rel=1e-6)
    finally:
        scenes.scalable = told
    assert min(strengths) < 0.2
    assert MAX_INTENSITY - 0.2 < max(strengths) <= MAX_INTENSITY


def test_the_examination_sees_every_frame_as_it_is(scenes):
    sampler = SceneSampler(scenes, ChainSampler(len(scenes.spans), 4), None)
    members = [one for batch in sampler for chain in batch for one in chain]
    assert sorted(one.sequence for one in members) == list(range(len(scenes.spans)))
    assert all(one == Member(one.sequence, one.rest, 0, 1.0, 1.0, 1.0, calm=True) for one in members)


def test_the_turned_loss_is_eq_5_of_what_was_turned():
    torch.manual_seed(0)
    motion = torch.randn(2, 5, 7, 3, dtype=torch.float64, requires_grad=True)
    jacobians, truth = torch.randn(2, 7, 3, 3, dtype=torch.float64), torch.randn(2, 5, 7, 3, dtype=torch.float64)
    mask = torch.arange(5) < torch.tensor([[5], [3]])
    known = sequence_loss(turned(motion, jacobians), truth, mask)
    (expected,) = torch.autograd.grad(known, motion)
    loss = turned_loss(motion, jacobians, truth, mask)
    (gradient,) = torch.autograd.grad(loss, motion)
    torch.testing.assert_close(loss, known)
    torch.testing.assert_close(gradient, expected)


def test_motion_on_the_template_is_what_the_face_turns_back(corpus_folder):
    corpus = open_corpus(corpus_folder)
    steered = Steered.of(corpus, build_topology(corpus.template), 3)
    scenes = scenes_of(corpus, corpus.split("train"), steered.floors, 0)
    codes, jacobians = faces_of(corpus, steered.basis)
    assert codes.shape == (len(corpus.splits), 3)
    first, frames = scenes.spans[3]
    before = sum(count for _, count in scenes.spans[:3])
    back = motion_on_template(scenes, jacobians)[before : before + frames]
    again = turned(back[None], jacobians[scenes.persons[3]][None])[0]
    torch.testing.assert_close(again, scenes.steps[first : first + frames].float() * scenes.scale)


def test_a_style_that_says_nothing_costs_nothing():
    assert not divergence(torch.zeros(2, 3), torch.zeros(2, 3)).any()
    # Of N(1, 1) from N(0, 1): half a nat.
    torch.testing.assert_close(divergence(torch.ones(1, 1), torch.zeros(1, 1)), torch.full((1, 1), 0.5))
    reader = StyleReader(torch.randn(9, 20), 4)
    mean, spread = reader(torch.tensor([0, 8]))
    assert mean.shape == spread.shape == (2, 4)
    assert mean.abs().max() < 1


def test_features_tell_a_sequence_by_its_moving_frames_alone():
    motion, labels = torch.randn(12, 5), torch.zeros(12, 6)
    labels[2:10, 1] = torch.linspace(0.1, 1, 8)
    (one,) = sequence_features([motion], [labels])
    still = torch.cat([torch.randn(3, 5), motion[2:10]])
    (other,) = sequence_features([still], [torch.cat([torch.zeros(3, 6), labels[2:10]])])
    torch.testing.assert_close(one, other)


def test_half_the_strength_is_half_the_motion_to_the_eye():
    assert reach(0.5) == 0.5
    assert reach(0) == 0
    rising = reach(np.linspace(0, MAX_INTENSITY, 61))
    assert (np.diff(rising) > 0).all()
    assert 1.2 < rising[-1] < 1.4
    floors = np.full(6, 0.6)
    labels = np.zeros((4, 6), np.float32)
    labels[:, 2] = [0, 0.25, 0.5, 0]
    np.testing.assert_allclose(proportional(labels, floors)[:, 2], [0, 0.4, 0.8, 0], rtol=1e-6)
    assert not proportional(labels, floors)[:, [0, 1, 3, 4, 5]].any()
    # In a blend the column reaches half of its scale, and half of what the whole would be is wanted.
    blend = proportional(labels, floors, np.full(6, 1.0))[:, 2]
    np.testing.assert_allclose(blend, [0, 0.25, 0.5, 0], rtol=1e-6)
    assert gate(np.array([0.0, -1.0])).tolist() == [0, 0]
    assert gate(np.array([0.05])) == pytest.approx(0.5)


def test_only_a_steered_network_has_style_and_code(template):
    topology = build_topology(template)
    with pytest.raises(ValueError, match="steered"):
        Sizes.of(topology, style=2)
    sizes = Sizes.of(topology, style=2, code=3, steered=True)
    assert sizes.inputs == len(EXPRESSIONS) + 5
    assert Sizes.from_json(sizes.to_json()) == sizes
    assert spiral_network(topology, sizes).encoder.lstm.input_size == sizes.inputs


def test_the_ablation_trains_each_row_once(corpus_folder, tmp_path, monkeypatch, capsys):
    rows = {"PCA blendshapes": {"model": "pca", "latent": 8}, "bare": {**ablation.BARE, "latent": 8}}
    monkeypatch.setattr(ablation, "ROWS", rows)
    config = ablation.Ablation(corpus_folder, tmp_path / "runs", tmp_path / "a.json", Schedule(1), code=3)
    assert ablation.run(config) == 0
    first = (tmp_path / "a.json").read_text()
    assert "bare" in capsys.readouterr().out
    assert ablation.run(config) == 0
    assert (tmp_path / "a.json").read_text() == first


def test_a_steered_network_is_trained_by_one_process(corpus_folder, tmp_path):
    with pytest.raises(MienError, match="one process"):
        command.run(settings(corpus_folder, tmp_path / "run", devices="2"))


@pytest.mark.parametrize(
    "changes",
    [{"style": 300}, {"style": -1}, {"code": 300}, {"fields": 1}, {"fields": 40}, {"ahead": (0,)}, {"ahead": (3, 30)}],
    ids=str,
)
def test_sizes_that_cannot_ship_are_refused_before_the_training(corpus_folder, tmp_path, changes):
    with pytest.raises(MienError, match=r"numbers|fields|ahead"):
        command.run(settings(corpus_folder, tmp_path / "run", **changes))


@pytest.mark.parametrize("wrong", [{"window": 0}, {"calm": 1.5}, {"scaled": -0.1}], ids=str)
def test_staging_is_checked(wrong):
    with pytest.raises(MienError, match="frame"):
        Staging(**wrong)


def test_a_second_round_keeps_what_codes_and_strengths_mean(run, fine_corpus_folder, tmp_path):
    out = tmp_path / "again"
    assert command.run(settings(fine_corpus_folder, out, epochs=1, begin_from=run)) == 0
    assert (out / FILE).read_bytes() == (run / FILE).read_bytes()


def test_of_few_performances_no_strength_is_told(corpus_folder):
    floors = floors_of(open_corpus(corpus_folder))
    assert (floors == 0.5).all()


def test_what_ships_performs_as_what_was_judged(run, tmp_path):
    assert evaluate.evaluate(run, quick=True).weights
    path = tmp_path / "sheet.safetensors"
    write_bundle(path, export.bundle_of(run))
    config, corpus, network = load_run(run)
    actor = Actor.of(config, corpus, network, run)
    index = corpus.split("test")[0]
    labels, neutral = np.array(actor.read(index)), corpus.neutrals[corpus.sequences[index].subject]
    for engine in ("torch", "numpy"):
        generator = Generator.load(path, engine=engine)
        identity = generator.identity_of(neutral)
        for seed in (None, 3):
            shipped = generator.on(identity, Take(seed)).generate(labels)
            np.testing.assert_allclose(shipped, actor.perform(index, seed), atol=1e-3)
    assert np.abs(actor.perform(index, 3) - actor.perform(index)).max() > 1e-2
