"""The commands as somebody types them: exit codes, messages, what a run leaves behind, evaluation, the bundle."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from core.bundle import read_bundle
from core.errors import BundleError, CorpusError
from core.generator import Generator
from core.learning.batches import frame_count, sampled
from core.learning.trainer import Schedule
from core.metrics import mean_error
from core.motion import EXPRESSIONS
from training import choices, train
from training.__main__ import main
from training.corpora.store import open_corpus
from training.evaluate import evaluated
from training.export import bundle_of
from training.figures import figures_of_runs, read_curves
from training.runs import load_run
from training.settings import Train
from training.train import sequences_of, split

QUICK = ["--schedule.epochs", "2", "--check-every", "1", "--accelerator", "cpu", "--seed", "3"]


@pytest.fixture(scope="module")
def runs(corpus_folder, tmp_path_factory):
    """A run of the network and one of the baseline, of two epochs each."""
    folder = tmp_path_factory.mktemp("runs")
    for model in ("spiral", "pca"):
        assert main(["train", str(corpus_folder), "--out", str(folder / model), "--model", model, *QUICK]) == 0
    return folder


@pytest.mark.parametrize("command", [[], ["corpus"], ["corpus", "folder"], ["train"], ["evaluate"], ["export"]])
def test_help_is_given_for_every_command(command, capsys):
    with pytest.raises(SystemExit) as caught:
        main([*command, "--help"])
    assert caught.value.code == 0
    assert "--help" in capsys.readouterr().out


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["dance"],
        ["train"],
        ["train", "somewhere"],
        ["train", "a", "--out", "b", "--model", "cubic"],
        ["export", "a"],
    ],
)
def test_a_wrong_command_line_is_exit_code_2(command, capsys):
    with pytest.raises(SystemExit) as caught:
        main(command)
    assert caught.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--schedule.epochs", "0"], "--schedule.epochs"),
        (["--batch-size", "-1"], "--batch-size"),
        (["--schedule.learning-rate", "nan"], "--schedule.learning-rate"),
        (["--max-rest", "-1"], "--max-rest"),
        (["--resume"], "There is no checkpoint"),
        (["--accelerator", "abacus"], "devices"),
        (["--schedule.learning-rate", "1e30"], "no longer a finite number"),
    ],
)
def test_what_cannot_be_trained_is_one_sentence_and_exit_code_1(corpus_folder, tmp_path, capsys, options, words):
    out = tmp_path / "run"
    assert main(["train", str(corpus_folder), "--out", str(out), *QUICK, *options]) == 1
    error = capsys.readouterr().err
    assert words in error
    assert "Traceback" not in error


def test_a_missing_corpus_and_a_used_folder_are_told_apart(corpus_folder, runs, tmp_path, capsys):
    assert main(["train", str(tmp_path / "nowhere"), "--out", str(tmp_path / "run"), *QUICK]) == 1
    assert "There is no corpus in" in capsys.readouterr().err
    assert main(["train", str(corpus_folder), "--out", str(runs / "pca"), *QUICK]) == 1
    assert "holds a run already. Give --resume, or another folder." in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_told(corpus_folder, tmp_path, capsys):
    (tmp_path / "file").write_text("not a folder")
    assert main(["train", str(corpus_folder), "--out", str(tmp_path / "file" / "run"), *QUICK]) == 1
    assert f"{tmp_path / 'file' / 'run'} cannot be read or written" in capsys.readouterr().err


def test_the_module_is_a_command_of_its_own(tmp_path):
    """Once as a process: the exit code and the message arrive outside."""
    command = [sys.executable, "-m", "training", "evaluate", str(tmp_path / "nothing")]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1
    assert (
        done.stderr.strip()
        == f"The folder {tmp_path / 'nothing'} holds no run. Train one with python -m training train."
    )


def test_a_run_says_what_it_is(corpus_folder, runs):
    about = json.loads((runs / "pca" / "config.json").read_text())
    assert about["config"]["model"] == "pca"
    assert about["config"]["seed"] == 3
    assert about["config"]["schedule"]["epochs"] == 2
    assert about["corpus"]["fingerprint"] == open_corpus(corpus_folder).fingerprint
    assert about["versions"]["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert (runs / "pca" / "metrics.csv").read_text().startswith("epoch,step,")


def test_evaluation_is_the_mean_distance_on_unseen_subjects(corpus_folder, runs, capsys):
    assert main(["evaluate", str(runs / "spiral"), str(runs / "pca")]) == 0
    table = capsys.readouterr().out
    corpus = open_corpus(corpus_folder)
    for model in ("spiral", "pca"):
        result = json.loads((runs / model / "evaluation.json").read_text())
        network = load_run(runs / model)[2]
        happy, everything, apexes = [], [], []
        for index in corpus.split("test"):
            labels, truth = corpus.labels(index), corpus.deformation(index)
            generated = network(torch.tensor(labels)[None])[0].detach().numpy()
            everything.append(mean_error(generated, truth))
            happy += [everything[-1]] if corpus.sequences[index].expression == "happy" else []
            top = labels.max(axis=1) > labels.max() * 0.99
            apexes.append(mean_error(generated[top], truth[top]))
        assert result["error_mm"]["total"] == pytest.approx(np.mean(everything), rel=1e-4)
        assert result["error_mm"]["happy"] == pytest.approx(np.mean(happy), rel=1e-4)
        assert result["apex_error_mm"]["total"] == pytest.approx(np.mean(apexes), rel=1e-4)
        assert result["apex_error_mm"]["total"] > result["error_mm"]["total"]
        assert set(result["error_mm"]) == {*EXPRESSIONS, "total"}
        assert (result["model"], result["epochs"], result["test_sequences"]) == (model, 2, 12)
        assert len(result["error_per_frame_mm"]) == corpus.sequences[0].frames
        assert f"{result['error_mm']['total']:.3f}" in table


def test_two_processes_learn_what_one_learns(corpus_folder, tmp_path):
    """Under torchrun, with batches of five sequences: one process has three of them, the other two."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    words = ["-m", "training", "train", str(corpus_folder), "--out", str(tmp_path / "two"), "--model", "spiral", *QUICK]
    batches = ["--batch-size", "5", "--devices", "2", "--strategy", "ddp"]
    alone = ["train", str(corpus_folder), "--out", str(tmp_path / "one"), "--model", "spiral", *QUICK]
    assert main([*alone, "--batch-size", "5"]) == 0
    done = subprocess.run([*launcher, *words, *batches], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Trained 2 epochs") == 1
    one, two = (read_curves(tmp_path / name) for name in ("one", "two"))
    for word, (epochs, values) in one.items():
        assert epochs == two[word][0] == [1, 2]
        assert two[word][1] == pytest.approx(values, rel=1e-5), word
    before, after = (load_run(tmp_path / name)[2].state_dict() for name in ("one", "two"))
    for name, value in before.items():
        torch.testing.assert_close(after[name], value, rtol=1e-3, atol=1e-5, msg=name)


def test_people_held_out_are_looked_at_and_not_learned_from(corpus_folder):
    corpus = open_corpus(corpus_folder)
    config = Train(corpus_folder, corpus_folder, hold_out=1)
    train, unseen = (sequences_of(corpus, indices) for indices in split(corpus, config))
    assert (len(train.spans), len(unseen.spans)) == (18, 6)
    rows = corpus.split("train")
    assert frame_count(train) + frame_count(unseen) == sum(corpus.sequences[index].frames for index in rows)
    # The last of the people to train on; nothing of theirs is in what networks are fitted to.
    own = np.concatenate([corpus.deformation(index) for index in rows[:18]])
    np.testing.assert_allclose(sampled(train, 10**6).numpy() * corpus.scale, own, atol=1e-6)
    assert len(sampled(train, 40)) == len(own[:: len(own) // 40])
    with pytest.raises(CorpusError, match="cannot be held out"):
        split(corpus, Train(corpus_folder, corpus_folder, hold_out=4))


@pytest.mark.parametrize(
    "changes", [{"hidden": 96}, {"initialisation": "torch"}, {"unit": "millimetre"}, {"spiral_length": 5}]
)
def test_what_the_paper_leaves_open_can_be_chosen(corpus_folder, tmp_path, changes):
    config = Train(corpus_folder, tmp_path / "run", schedule=Schedule(epochs=1), accelerator="cpu", **changes)
    assert train.run(config) == 0
    network = load_run(config.out)[2]
    assert network.encoder.lstm.hidden_size == changes.get("hidden", 64)
    assert network.decoder.sizes.spiral_length == changes.get("spiral_length", 10)
    assert (network.decoder.output_scale.item() == 1.0) == ("unit" in changes)
    biases = [conv.bias.detach().abs().max().item() for conv in network.decoder.convs]
    assert (min(biases) > 0.01) == (changes.get("initialisation") == "torch")
    if "hidden" in changes:
        assert figures_of_runs({"spiral": evaluated(config.out)}) == ["figure_3", "figure_5", "curves"]
        with pytest.raises(BundleError, match="size of its own"):
            bundle_of(config.out)


def test_choices_are_tried_out_and_kept(corpus_folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(choices, "VARIANTS", {"as chosen": {}, "L = 6": {"spiral_length": 6}})
    words = ["choices", str(corpus_folder), "--out", str(tmp_path / "runs"), "--epochs", "1", "--hold-out", "1"]
    assert main([*words, "--json", str(tmp_path / "c.json")]) == 0
    found = json.loads((tmp_path / "c.json").read_text())["error_mm"]
    assert set(found) == {"as chosen", "L = 6"}
    assert found["as chosen"] != found["L = 6"]
    assert f"{found['L = 6'][0]:.3f} mm" in capsys.readouterr().out
    before = (tmp_path / "runs" / "base-seed-0" / "metrics.csv").stat().st_mtime_ns
    assert main(words) == 0
    assert (tmp_path / "runs" / "base-seed-0" / "metrics.csv").stat().st_mtime_ns == before
    capsys.readouterr()
    assert main([*words[:-1], "2"]) == 1
    assert "made with other settings" in capsys.readouterr().err
    assert main([*words, "--epochs", "2"]) == 1


def test_what_is_kept_of_a_run_is_enough(runs, tmp_path, capsys):
    """Report and export from a copy without checkpoint, on a machine without the corpus."""
    assert main(["evaluate", str(runs / "spiral"), str(runs / "pca"), "--keep", str(tmp_path / "kept")]) == 0
    assert main(["evaluate", str(runs / "spiral"), "--keep", str(runs)]) == 1
    assert "in its own place" in capsys.readouterr().err
    kept = tmp_path / "kept" / "spiral"
    assert not (kept / "checkpoints").exists()
    about = json.loads((kept / "config.json").read_text())
    about["config"]["corpus"] = str(tmp_path / "gone")
    (kept / "config.json").write_text(json.dumps(about))
    assert main(["export", str(kept), "--out", str(tmp_path / "a.safetensors")]) == 0
    assert main(["export", str(runs / "spiral"), "--out", str(tmp_path / "b.safetensors")]) == 0
    one, other = (read_bundle(tmp_path / f"{name}.safetensors") for name in "ab")
    for name, value in one.weights.items():
        np.testing.assert_array_equal(value, other.weights[name])
    capsys.readouterr()
    assert main(["evaluate", str(kept)]) == 1
    assert "no run with a checkpoint" in capsys.readouterr().err
    (kept / "evaluation.json").unlink()
    assert main(["export", str(kept), "--out", str(tmp_path / "c.safetensors")]) == 1
    assert "has not been evaluated" in capsys.readouterr().err


def test_a_damaged_evaluation_is_told(runs, tmp_path, capsys):
    assert main(["evaluate", str(runs / "spiral"), "--keep", str(tmp_path)]) == 0
    path = tmp_path / "spiral" / "evaluation.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    assert main(["export", str(tmp_path / "spiral"), "--out", str(tmp_path / "c.safetensors")]) == 1
    assert "damaged" in capsys.readouterr().err


def test_a_run_whose_corpus_changed_is_not_evaluated(runs, tmp_path, capsys):
    changed = shutil.copytree(runs / "pca", tmp_path / "run")
    about = json.loads((changed / "config.json").read_text())
    about["corpus"]["fingerprint"] = "0" * 64
    (changed / "config.json").write_text(json.dumps(about))
    assert main(["evaluate", str(changed)]) == 1
    assert "is not the one" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["checkpoints/last.ckpt", "config.json"])
def test_a_damaged_run_is_told_in_one_sentence(runs, tmp_path, capsys, name):
    broken = shutil.copytree(runs / "pca", tmp_path / "run")
    (broken / name).write_bytes((broken / name).read_bytes()[:50])
    assert main(["evaluate", str(broken)]) == 1
    error = capsys.readouterr().err
    assert "damaged" in error
    assert "Traceback" not in error


def test_the_bundle_gives_the_runs_faces(corpus_folder, runs, tmp_path):
    path = tmp_path / "new" / "bundle.safetensors"
    assert main(["export", str(runs / "spiral"), "--out", str(path)]) == 0
    bundle, corpus = read_bundle(path), open_corpus(corpus_folder)
    assert bundle.template.content_hash == corpus.template.content_hash
    assert bundle.header["frame_rate"] == 12.0
    assert bundle.header["licence"]["spdx"] == "CC0-1.0"
    assert bundle.header["provenance"]["fingerprint"] == corpus.fingerprint
    assert bundle.header["provenance"]["source"] == "a formula"
    assert bundle.header["training"]["epochs"] == 2
    assert set(bundle.header["training"]["test_error_mm"]) == {*EXPRESSIONS, "total"}
    assert str(tmp_path) not in json.dumps(bundle.header)
    labels = corpus.labels(corpus.split("test")[0])
    expected = load_run(runs / "spiral")[2](torch.tensor(labels)[None])[0].detach().numpy()
    for engine in ("numpy", "torch"):
        np.testing.assert_allclose(Generator.load(path, engine=engine).generate(labels), expected, atol=1e-4)


def test_the_baseline_is_not_shipped(runs, tmp_path, capsys):
    assert main(["export", str(runs / "pca"), "--out", str(tmp_path / "b.safetensors")]) == 1
    assert "is the baseline" in capsys.readouterr().err
    assert not (tmp_path / "b.safetensors").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--model", "spiral"], "began with another model"),
        (["--latent", "32"], "began with another latent"),
        (["--spiral-length", "8"], "began with another spiral_length"),
        ([], "has done its 2 epochs"),
    ],
)
def test_a_run_is_not_resumed_as_another(corpus_folder, runs, capsys, options, words):
    command = ["train", str(corpus_folder), "--out", str(runs / "pca"), "--model", "pca", *QUICK, "--resume", *options]
    assert main(command) == 1
    assert words in capsys.readouterr().err


def test_a_finished_run_learns_on_when_more_epochs_are_asked_for(corpus_folder, runs, tmp_path):
    run = shutil.copytree(runs / "pca", tmp_path / "run")
    more = [*QUICK, "--schedule.epochs", "3"]
    assert main(["train", str(corpus_folder), "--out", str(run), "--model", "pca", *more, "--resume"]) == 0
    assert main(["evaluate", str(run)]) == 0
    assert json.loads((run / "evaluation.json").read_text())["epochs"] == 3
