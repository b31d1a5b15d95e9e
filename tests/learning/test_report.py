"""The report: tables of finished runs, and the classifier of section 5.3."""

from __future__ import annotations

import json

import pytest
import torch

from core.learning.classifier import SequenceClassifier, scores, train_classifier
from core.motion import EXPRESSIONS
from training.__main__ import main


def motions(count: int, seed: int) -> tuple[list[torch.Tensor], list[int]]:
    """Sequences in which each expression moves its own three vertices, of different lengths and strengths."""
    generator = torch.Generator().manual_seed(seed)
    sequences, expressions = [], []
    for number in range(count):
        expression = number % len(EXPRESSIONS)
        frames = 8 + number % 3
        rise = torch.sin(torch.linspace(0, 3.14, frames))[:, None, None]
        field = torch.zeros(20, 3)
        field[3 * expression : 3 * expression + 3] = 1 + 0.3 * torch.rand(3, 3, generator=generator)
        noise = 0.1 * torch.randn(frames, 20, 3, generator=generator)
        sequences.append(rise * field * (0.7 + 0.6 * torch.rand(1, generator=generator)) + noise)
        expressions.append(expression)
    return sequences, expressions


def test_it_learns_to_tell_expressions_apart() -> None:
    classifier = train_classifier(*motions(180, 0))
    unseen, truth = motions(60, 1)
    assert scores([classifier.classify(one) for one in unseen], truth)["total"]["f1"] > 0.9
    shifted = scores([classifier.classify(one) for one in unseen], truth[1:] + truth[:1])
    assert shifted["total"]["f1"] < 0.2


def test_the_same_seed_gives_the_same_classifier() -> None:
    one, other = (train_classifier(*motions(36, 0), seed=4, epochs=2) for _ in range(2))
    for name, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name


def test_short_sequences_are_filled_with_rest_and_long_ones_cut() -> None:
    torch.manual_seed(0)
    mean, components = torch.randn(5, 3), torch.linalg.qr(torch.randn(15, 4))[0].t().reshape(4, 5, 3)
    classifier = SequenceClassifier(mean, components, 2.0, frames=6)
    moved = torch.randn(9, 5, 3)
    rest = torch.zeros(2, 5, 3)
    torch.testing.assert_close(classifier.encode(moved[:4]), classifier.encode(torch.cat([moved[:4], rest])))
    torch.testing.assert_close(classifier.encode(moved), classifier.encode(moved[:6]))
    by_hand = ((moved[0] - mean).flatten() @ components[2].flatten()) / 2
    assert classifier.encode(moved)[2].item() == pytest.approx(by_hand.item(), abs=1e-5)


def test_scores_by_hand() -> None:
    truth = [0, 0, 1, 2, 2, 2]
    found = [0, 1, 1, 2, 2, 0]
    table = scores(found, truth)
    assert table["angry"] == pytest.approx({"precision": 1 / 2, "recall": 1 / 2, "f1": 1 / 2})
    assert table["disgust"] == pytest.approx({"precision": 1 / 2, "recall": 1, "f1": 2 / 3})
    assert table["fear"] == pytest.approx({"precision": 1, "recall": 2 / 3, "f1": 0.8})
    assert table["happy"] == {"precision": 0, "recall": 0, "f1": 0}
    assert table["total"]["f1"] == pytest.approx((1 / 2 + 2 / 3 + 0.8) / 6)


@pytest.fixture(scope="module")
def runs(corpus_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    for model in ("spiral", "pca"):
        words = ["train", str(corpus_folder), "--out", str(folder / model), "--model", model, "--latent", "8"]
        assert main([*words, "--schedule.epochs", "2", "--spiral-length", "6"]) == 0
    return folder


def test_the_report_of_two_runs(runs, tmp_path) -> None:
    assert main(["report", str(runs / "spiral"), str(runs / "pca"), "--out", str(tmp_path / "docs")]) == 0
    (found,) = json.loads((tmp_path / "docs" / "results.json").read_text()).values()
    for model in ("spiral", "pca"):
        assert set(found["table2"][model]) == {*EXPRESSIONS, "total"}
        assert found["table2"][model]["total"] > 0
        assert found["parameters"][model] > 0
        assert found["megabytes"][model] > 0
        assert found["epochs"][model] == 2
    assert set(found["table3"]) == {"spiral", "pca", "truth"}
    for scored in found["table3"].values():
        assert scored["f1"] == scored["total"]["f1"]
        assert 0 <= scored["f1"] <= 1
    text = (tmp_path / "docs" / "results.md").read_text()
    assert f"{found['table2']['pca']['total']:.3f}" in text
    assert "| *the paper: the paper's network* | 0.37 | 0.35 | 0.36 | 0.43 | 0.42 | 0.42 | 0.39 |" in text


def test_the_same_model_twice_and_nothing_at_all(runs, tmp_path, capsys) -> None:
    assert main(["report", str(runs / "pca"), str(runs / "pca"), "--out", str(tmp_path)]) == 1
    assert "same model" in capsys.readouterr().err
    assert main(["report", str(tmp_path / "nothing"), "--out", str(tmp_path)]) == 1
    assert not (tmp_path / "results.json").exists()
