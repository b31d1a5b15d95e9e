"""A corpus on disk: what goes in comes out, eq. 6, and damage is caught at the door."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict

import numpy as np
import pytest

from core.errors import CorpusError
from core.motion import EXPRESSIONS
from training.corpora.store import SCALE, open_corpus
from training.corpora.writer import CorpusWriter, Second

CUE = {"start": 0.0, "apex_start": 0.1, "apex_end": 0.2, "end": 0.3}


@pytest.fixture
def copy(corpus_folder, tmp_path):
    return shutil.copytree(corpus_folder, tmp_path / "copy")


def writer_of(folder, template):
    return CorpusWriter(folder, template, name="n", licence="CC0-1.0", source="s", frame_rate=12.0, seed=7)


def steady(template, distance, frames=4):
    """Every vertex `distance` mm away in every frame; labels of "happy"."""
    labels = np.zeros((frames, 6), np.float32)
    labels[:, EXPRESSIONS.index("happy")] = 1
    return np.full((frames, template.vertex_count, 3), distance / np.sqrt(3)), labels


def test_what_goes_in_comes_out(template, tmp_path):
    rng = np.random.default_rng(0)
    motions = [rng.normal(0, 8, (frames, template.vertex_count, 3)) for frames in (5, 9)]
    writer = writer_of(tmp_path / "new" / "corpus", template)
    for name, split, motion, expression in zip("ab", ("train", "test"), motions, ("sad", "fear"), strict=True):
        person = writer.add_subject(name, split, template.vertices + 1)
        labels = np.zeros((len(motion), 6))
        labels[:, EXPRESSIONS.index(expression)] = np.linspace(0, 1, len(motion))
        writer.add_sequence(person, expression, motion, labels, CUE)
    corpus = open_corpus(writer.close())

    assert corpus.template.content_hash == template.content_hash
    assert (corpus.subject_names, corpus.splits) == (("a", "b"), ("train", "test"))
    assert (corpus.split("train"), corpus.split("test")) == ([0], [1])
    assert (corpus.frame_rate, corpus.header["seed"], corpus.header["licence"]) == (12.0, 7, "CC0-1.0")
    assert asdict(corpus.sequences[1]) == {
        "subject": 1, "expression": "fear", "first": 5, "frames": 9, "extremeness": 0.5, "cue": CUE,
        "kind": "single", "second": "", "second_extremeness": 0.0,
    }  # fmt: skip
    np.testing.assert_array_equal(corpus.neutrals[1], template.vertices + 1)
    for index, motion in enumerate(motions):
        assert corpus.deformation(index).dtype == np.float32
        np.testing.assert_allclose(corpus.deformation(index), motion, atol=SCALE / 2 + 1e-5)
    # The only sequence of its expression is the average one: half of 0..1.
    np.testing.assert_allclose(corpus.labels(0)[:, EXPRESSIONS.index("sad")], np.linspace(0, 0.5, 5), atol=1e-6)


def test_extremeness_is_eq_6_over_the_training_subjects(template, tmp_path):
    # Training means 1, 2, 3, 6 mm: mu = 3, sigma = sqrt(3.5). The test subjects are measured, never counted.
    distances = {"train": [1.0, 2.0, 3.0, 6.0], "test": [4.0, 30.0]}
    writer = writer_of(tmp_path / "c", template)
    for split, each in distances.items():
        for distance in each:
            person = writer.add_subject(f"{split}{distance}", split, template.vertices)
            writer.add_sequence(person, "happy", *steady(template, distance), CUE)
    corpus = open_corpus(writer.close())
    sigma = np.sqrt(3.5)
    expected = [0.05, (1 - 1 / sigma) / 2, 0.5, 1.0, (1 + 1 / sigma) / 2, 1.0]
    assert [one.extremeness for one in corpus.sequences] == pytest.approx(expected, abs=1e-3)
    for index, scale in enumerate(expected):
        assert corpus.labels(index).max() == pytest.approx(scale, abs=1e-3)
        assert np.count_nonzero(corpus.labels(index)) == 4


def test_two_expressions_are_scaled_each_by_the_single_ones(template, tmp_path):
    # Training means 1, 3 mm of happy: mu = 2, sigma = 1; of sad 4, 8: mu = 6, sigma = 2.
    writer = writer_of(tmp_path / "c", template)
    motion, _ = steady(template, 20.0)
    labels = np.zeros((len(motion), 6), np.float32)
    labels[:, EXPRESSIONS.index("happy")], labels[:, EXPRESSIONS.index("sad")] = 1.0, 0.5
    for split, happy, sad in (("train", 1.0, 4.0), ("train", 3.0, 8.0), ("test", 9.0, 9.0)):
        person = writer.add_subject(f"{split}{happy}", split, template.vertices)
        writer.add_sequence(person, "happy", *steady(template, happy), CUE)
        second = Second("blend", "sad", {**CUE, "end": 0.4}, (2.5, 5.0))
        writer.add_sequence(person, "happy", motion, labels, CUE, second=second)
        only_sad = np.where(np.arange(6) == EXPRESSIONS.index("sad"), 1.0, 0.0) * np.ones((len(motion), 1))
        writer.add_sequence(person, "sad", steady(template, sad)[0], only_sad, CUE)
    corpus = open_corpus(writer.close())
    assert corpus.header["format"] == 2
    assert [one.kind for one in corpus.sequences[:3]] == ["single", "blend", "single"]
    one = corpus.sequences[4]
    assert (one.expression, one.second, one.cue["second_end"], one.cue["end"]) == ("happy", "sad", 0.4, 0.3)
    # The blend's own 20 mm count nowhere.
    assert one.extremeness == pytest.approx((0.5 + 1) / 2)
    assert one.second_extremeness == pytest.approx((-0.5 + 1) / 2)
    peak = corpus.labels(4).max(axis=0)
    assert peak[EXPRESSIONS.index("happy")] == pytest.approx(0.75)
    assert peak[EXPRESSIONS.index("sad")] == pytest.approx(0.5 * 0.25)


@pytest.mark.parametrize(
    "second",
    [
        Second("single", "sad", CUE, (1.0, 1.0)),
        Second("blend", "happy", CUE, (1.0, 1.0)),
        Second("blend", "bored", CUE, (1.0, 1.0)),
        Second("transition", "sad", CUE, (1.0, float("nan"))),
    ],
)
def test_a_second_expression_that_does_not_fit_is_refused(template, tmp_path, second):
    writer = writer_of(tmp_path / "c", template)
    person = writer.add_subject("a", "train", template.vertices)
    with pytest.raises(CorpusError, match="unknown expression"):
        writer.add_sequence(person, "happy", *steady(template, 2.0), CUE, second=second)
    writer.abort()


def test_a_corpus_of_format_1_is_read_as_single_performances(copy):
    path = copy / "corpus.json"
    header = json.loads(path.read_text())
    header["format"] = 1
    assert all("kind" not in one for one in header["sequences"])  # as the first format wrote them
    path.write_text(json.dumps(header))
    assert {(one.kind, one.second) for one in open_corpus(copy).sequences} == {("single", "")}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"deformation": lambda motion: motion + 70}, "more than 65 mm"),
        ({"deformation": lambda motion: motion * np.nan}, "finite"),
        ({"deformation": lambda motion: motion[:, :-1]}, "does not fit"),
        ({"deformation": lambda motion: motion[0]}, "does not fit"),
        ({"labels": lambda labels: labels[1:]}, "does not fit"),
        ({"labels": lambda labels: labels * np.inf}, "broken labels"),
        ({"labels": lambda labels: labels * 1.5}, "broken labels"),
        ({"expression": lambda _: "bored"}, "unknown expression"),
    ],
)
def test_a_wrong_sequence_is_refused(template, tmp_path, wrong, words):
    motion, labels = steady(template, 2.0)
    good = {"expression": "happy", "deformation": motion, "labels": labels, "cue": CUE}
    with np.errstate(invalid="ignore"):
        arguments = {key: wrong[key](value) if key in wrong else value for key, value in good.items()}
    writer = writer_of(tmp_path / "c", template)
    person = writer.add_subject("a", "train", template.vertices)
    with pytest.raises(CorpusError, match=words):
        writer.add_sequence(person, **arguments)
    writer.abort()
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_subject_is_refused(template, tmp_path):
    writer = writer_of(tmp_path / "c", template)
    with pytest.raises(CorpusError, match="neither train nor test"):
        writer.add_subject("a", "validation", template.vertices)
    with pytest.raises(CorpusError, match="does not fit the template"):
        writer.add_subject("a", "train", template.vertices[1:])
    with pytest.raises(CorpusError, match="does not fit the template"):
        writer.add_subject("a", "train", template.vertices * np.float32(np.nan))
    writer.abort()


def test_without_anybody_to_test_on_nothing_is_written(template, tmp_path):
    writer = writer_of(tmp_path / "c", template)
    person = writer.add_subject("a", "train", template.vertices)
    writer.add_sequence(person, "happy", *steady(template, 2.0), CUE)
    with pytest.raises(CorpusError, match="others to test on"):
        writer.close()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_something_else_is_not_overwritten(template, tmp_path):
    (tmp_path / "letters.txt").write_text("dear")
    with pytest.raises(CorpusError, match="something else"):
        writer_of(tmp_path, template)
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]


def test_a_corpus_is_replaced_whole(corpus_folder, copy, template):
    before = open_corpus(corpus_folder).fingerprint
    writer = writer_of(copy, template)
    for name, split in (("a", "train"), ("b", "test")):
        writer.add_sequence(writer.add_subject(name, split, template.vertices), "happy", *steady(template, 2.0), CUE)
    assert open_corpus(copy).fingerprint == before  # until it is closed
    writer.close()
    assert open_corpus(copy).fingerprint != before
    assert [path.name for path in copy.parent.iterdir()] == [copy.name]


@pytest.mark.parametrize("name", ["neutrals.npy", "deformations.npy", "labels.npy"])
def test_one_flipped_bit_is_caught(copy, name):
    path = copy / name
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)
    with pytest.raises(CorpusError, match=f"{name} has another content"):
        open_corpus(copy)


def test_a_flipped_bit_of_the_template_is_caught(copy):
    path = copy / "template.safetensors"
    data = bytearray(path.read_bytes())
    data[-400] ^= 1
    path.write_bytes(data)
    with pytest.raises(CorpusError, match="damaged"):
        open_corpus(copy)


@pytest.mark.parametrize(
    "name", ["corpus.json", "template.safetensors", "neutrals.npy", "deformations.npy", "labels.npy"]
)
def test_a_missing_file_is_named(copy, name):
    (copy / name).unlink()
    with pytest.raises(CorpusError, match=name):
        open_corpus(copy)


@pytest.mark.parametrize("name", ["neutrals.npy", "deformations.npy", "labels.npy"])
def test_other_shapes_types_and_pickles_are_refused(copy, name):
    path = copy / name
    array = np.load(path)
    for other in (array[:-1], array.astype(np.float64), np.array([{"a": 1}], dtype=object)):
        np.save(path, other, allow_pickle=True)
        with pytest.raises(CorpusError, match="damaged"):
            open_corpus(copy, verify=False)


def test_a_cut_off_array_is_refused(copy):
    path = copy / "deformations.npy"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CorpusError, match="damaged"):
        open_corpus(copy, verify=False)


@pytest.mark.parametrize(
    "change",
    [
        lambda header: header.update(format=99),
        lambda header: header.update(units="m"),
        lambda header: header.update(frame_rate=0),
        lambda header: header.update(frame_rate="fast"),
        lambda header: header.update(deformation_scale=float("nan")),
        lambda header: header.pop("arrays"),
        lambda header: header["sequences"][0].update(subject=99),
        lambda header: header["sequences"][-1].update(frames=99),
        lambda header: header["sequences"][0].update(first=-1),
        lambda header: header["sequences"][0].update(first=0.5),
        lambda header: header["sequences"][0].update(expression="bored"),
        lambda header: header["sequences"][0].update(surprise=1),
        lambda header: header["sequences"][0].update(kind="blend"),
        lambda header: header["sequences"][0].update(kind="duet", second="sad"),
        lambda header: header["sequences"][0].update(second="sad"),
        lambda header: header["subjects"].pop(),
        lambda header: header["subjects"][0].update(split="validation"),
    ],
)
def test_a_header_that_does_not_fit_is_refused(copy, change):
    path = copy / "corpus.json"
    header = json.loads(path.read_text())
    change(header)
    path.write_text(json.dumps(header))
    with pytest.raises(CorpusError):
        open_corpus(copy)


def test_a_header_that_is_no_json_is_refused(copy):
    (copy / "corpus.json").write_bytes(b"\xff\x00{")
    with pytest.raises(CorpusError, match="damaged"):
        open_corpus(copy)


def test_values_that_are_not_finite_are_refused_even_unverified(copy):
    labels = np.load(copy / "labels.npy")
    labels[3, 2] = np.nan
    np.save(copy / "labels.npy", labels)
    with pytest.raises(CorpusError, match="damaged"):
        open_corpus(copy, verify=False)
