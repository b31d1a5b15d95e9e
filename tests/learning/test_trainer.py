"""The training loop on a small corpus: it learns, the same way every time, and goes on where it stopped."""

from __future__ import annotations

import dataclasses
import signal

import numpy as np
import pytest
import torch

from core.errors import MienError
from core.learning.batches import Chain
from core.learning.trainer import Lesson, Schedule
from core.metrics import mean_error
from core.topology import build_topology
from training import train as command
from training.corpora.store import open_corpus
from training.runs import load_run, read_topology
from training.settings import Train
from training.train import make_network, sequences_of


def settings(corpus, out, **changes):
    epochs = changes.pop("epochs", 3)
    return dataclasses.replace(
        Train(corpus, out, schedule=Schedule(epochs=epochs), check_every=2, accelerator="cpu"), **changes
    )


def weights(out):
    state = torch.load(out / "checkpoints" / "last.ckpt", map_location="cpu", weights_only=True)["state_dict"]
    assert state
    return state


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture(scope="module")
def chained(corpus_folder, tmp_path_factory):
    """A run of four epochs with chains and rests, never interrupted."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    assert command.run(settings(corpus_folder, out, epochs=4, chain=2, max_rest=3, warm_up=1)) == 0
    return out


def share_of_motion_missed(out):
    """Error on the training subjects, as a share of what a face that never moves would be wrong by."""
    _, corpus, network = load_run(out)
    error, still = [], []
    for index in corpus.split("train"):
        with torch.inference_mode():
            generated = network(torch.tensor(corpus.labels(index))[None])[0].numpy()
        error.append(mean_error(generated, corpus.deformation(index)))
        still.append(mean_error(np.zeros_like(generated), corpus.deformation(index)))
    return np.mean(error) / np.mean(still)


def test_the_network_learns_the_motion(fine_corpus_folder, tmp_path):
    schedule = Schedule(epochs=20, learning_rate=5e-3, decay=0.95)
    assert command.run(settings(fine_corpus_folder, tmp_path / "run", schedule=schedule, check_every=20)) == 0
    assert share_of_motion_missed(tmp_path / "run") < 0.8


def test_the_baseline_learns_the_motion(corpus_folder, tmp_path):
    schedule = Schedule(epochs=80, learning_rate=1e-2, decay=0.97)
    config = settings(corpus_folder, tmp_path / "run", schedule=schedule, check_every=80, model="pca", latent=16)
    assert command.run(config) == 0
    assert share_of_motion_missed(tmp_path / "run") < 0.45


def test_the_same_seed_gives_the_same_weights_and_another_others(corpus_folder, chained, tmp_path):
    again = settings(corpus_folder, tmp_path / "again", epochs=4, chain=2, max_rest=3, warm_up=1)
    assert command.run(again) == 0
    assert same(weights(tmp_path / "again"), weights(chained))
    other = settings(corpus_folder, tmp_path / "other", epochs=4, chain=2, max_rest=3, warm_up=1, seed=1)
    assert command.run(other) == 0
    assert not same(weights(tmp_path / "other"), weights(chained))


def test_interrupted_and_resumed_is_as_never_interrupted(corpus_folder, chained, tmp_path, monkeypatch, capsys):
    """Ctrl-C in the third epoch: two are kept, and the resumed run ends with the very same weights."""
    taught, steps = Lesson.training_step, []

    def interrupted_step(self, batch, number):
        steps.append(number)
        if self.current_epoch == 2 and number == 1:
            signal.raise_signal(signal.SIGINT)
        return taught(self, batch, number)

    config = settings(corpus_folder, tmp_path / "run", epochs=4, chain=2, max_rest=3, warm_up=1)
    before = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch:
        patch.setattr(Lesson, "training_step", interrupted_step)
        assert command.run(config) == 130
    assert signal.getsignal(signal.SIGINT) is before
    assert "Interrupted after 2 epochs. Go on with the same command and --resume." in capsys.readouterr().out
    assert command.epochs_done(tmp_path / "run") == 2
    assert command.run(dataclasses.replace(config, resume=True)) == 0
    assert command.epochs_done(tmp_path / "run") == 4
    assert same(weights(tmp_path / "run"), weights(chained))
    assert sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir()) == sorted(
        path.name for path in (chained / "checkpoints").iterdir()
    )
    epochs = {line.split(",")[0] for path in (tmp_path / "run").glob("metrics*.csv") for line in path.open()}
    assert {"0", "1", "2", "3"} <= epochs  # the curve of the first part is kept


def test_interrupted_before_the_first_checkpoint_there_is_nothing_to_resume(
    corpus_folder, tmp_path, monkeypatch, capsys
):
    config = settings(corpus_folder, tmp_path / "run")
    with monkeypatch.context() as patch:
        patch.setattr(Lesson, "training_step", lambda *_: signal.raise_signal(signal.SIGINT))
        assert command.run(config) == 130
    assert "Start again with the same command." in capsys.readouterr().out
    assert command.run(config) == 0


def test_the_folded_decoder_trains_as_the_plain_one(corpus_folder, tmp_path):
    for name, plain in (("folded", False), ("plain", True)):
        assert command.run(settings(corpus_folder, tmp_path / name, epochs=1, plain=plain)) == 0
    folded, plain = weights(tmp_path / "folded"), weights(tmp_path / "plain")
    assert folded.keys() == plain.keys()
    for name, value in folded.items():
        # Adam divides by the gradients' size: what is all but zero may go either way.
        torch.testing.assert_close(value, plain[name], atol=2e-3, rtol=1e-3)


def test_the_error_while_training_is_that_of_the_metrics(corpus_folder):
    corpus = open_corpus(corpus_folder)
    config = settings(corpus_folder, corpus_folder)
    network = make_network(config, build_topology(corpus.template), sequences_of(corpus, corpus.split("train")))
    lesson, logged = Lesson(network, config.schedule), {}
    lesson.log = lambda name, value, **_: logged.update({name: value.item()})
    test = sequences_of(corpus, corpus.split("test"))
    batch = test[[Chain((0,), (0,)), Chain((1,), (0,))]]
    lesson.validation_step(batch, 0)
    with torch.inference_mode():
        generated = network(batch.labels).numpy()
    assert logged["test_error_mm"] == pytest.approx(mean_error(generated, batch.deformation.numpy()), rel=1e-4)


def test_the_learning_rate_and_adam_are_the_papers(corpus_folder):
    corpus = open_corpus(corpus_folder)
    config = settings(corpus_folder, corpus_folder)
    lesson = Lesson(
        make_network(config, build_topology(corpus.template), sequences_of(corpus, corpus.split("train"))), Schedule()
    )
    (adam,), (decay,) = lesson.configure_optimizers()
    assert (adam.param_groups[0]["lr"], adam.param_groups[0]["weight_decay"]) == (1e-3, 5e-5)
    adam.step()
    decay.step()
    assert adam.param_groups[0]["lr"] == pytest.approx(1e-3 * 0.99)
    assert lesson.schedule.epochs == 100


def test_the_baselines_blendshapes_stay_and_only_their_coefficients_learn(corpus_folder, tmp_path):
    config = settings(corpus_folder, tmp_path / "run", model="pca", latent=16)
    assert command.run(config) == 0
    corpus = open_corpus(corpus_folder)
    fresh = make_network(config, read_topology(tmp_path / "run"), sequences_of(corpus, corpus.split("train")))
    after = load_run(tmp_path / "run")[2]
    assert torch.equal(fresh.decoder.components, after.decoder.components)
    assert not torch.equal(fresh.decoder.fc.weight, after.decoder.fc.weight)
    assert after.decoder.components.shape == (16, corpus.template.vertex_count, 3)


def test_the_leak_of_the_relus_falls_to_the_papers_relu():
    schedule = Schedule(epochs=9, leak=0.3)
    np.testing.assert_allclose([schedule.leak_of(epoch) for epoch in (0, 3, 6, 7, 8)], [0.3, 0.15, 0, 0, 0], atol=1e-9)
    assert Schedule(epochs=1, leak=0.3).leak_of(0) == 0.0


def test_a_leaking_run_ends_as_relu_and_learns_otherwise(corpus_folder, chained, tmp_path):
    schedule = Schedule(epochs=4, leak=0.3)
    leaking = settings(corpus_folder, tmp_path / "run", schedule=schedule, chain=2, max_rest=3, warm_up=1)
    assert command.run(leaking) == 0
    assert not same(weights(tmp_path / "run"), weights(chained))
    assert load_run(tmp_path / "run")[2].decoder.negative_slope == 0.0


def test_a_second_round_begins_with_the_weights_of_the_first(corpus_folder, chained, tmp_path):
    still = Schedule(epochs=1, learning_rate=1e-12)
    again = settings(corpus_folder, tmp_path / "again", schedule=still, begin_from=chained, seed=5)
    assert command.run(again) == 0
    before, after = weights(chained), weights(tmp_path / "again")
    assert all(torch.allclose(before[name].float(), after[name].float(), atol=1e-8) for name in before)
    with pytest.raises(MienError, match="another model or other sizes"):
        command.run(settings(corpus_folder, tmp_path / "other", begin_from=chained, model="pca"))
