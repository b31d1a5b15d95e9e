# ruff: noqa: T201 - commands speak on standard output
"""`python -m training evaluate`: how far runs' faces lie from those of people they never saw (sections 5.2 and 5.3)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path  # noqa: TC003 - tyro reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import torch
import tyro

from core.errors import CorpusError
from core.learning.classifier import SequenceClassifier, scores, train_classifier
from core.metrics import error_per_frame, vertex_distance
from core.model import learned
from core.motion import EXPRESSIONS

from .bounds import bounds
from .corpora.store import Corpus, open_corpus
from .evaluation import Evaluated, checkpoint_hash, keep, picture_arrays, read_evaluation, write_evaluation
from .runs import epochs_done, load_run

if TYPE_CHECKING:
    from core.model import Network

APEX = 0.999
"""Frames whose label reaches this share of the sequence's highest are its apex."""

CLASSIFIER_SEED = 0


@dataclass(frozen=True)
class Evaluate:
    """Errors in mm on the corpus' test subjects, per expression, and what a classifier of expressions sees."""

    runs: Annotated[list[Path], tyro.conf.Positional]
    """Folders of runs."""
    keep: Path | None = None
    """Folder that gets a copy of each run as far as the report and the export need it: without checkpoint, some MB."""


def run(config: Evaluate) -> int:
    """Evaluates each run, keeps what was found in its folder, prints the table."""
    if not config.runs:
        raise CorpusError("There is no run to evaluate.", "Give the folder of one.")
    if len({folder.resolve().name for folder in config.runs}) < len(config.runs):
        raise CorpusError("Two of the runs have the same name.", "Evaluate them one after the other.")
    results = {}
    for folder in config.runs:
        results[folder.name] = evaluate(folder).about
    print(table(results))
    if config.keep is not None:
        for folder in config.runs:
            print(f"kept: {keep(folder, config.keep)}")
    return 0


def evaluated(folder: Path) -> Evaluated:
    """A run with its evaluation, made now where there is none of its last checkpoint.

    Raises:
        CorpusError: not a run, damaged, or its corpus is needed and is not there.
    """
    now = checkpoint_hash(folder)
    try:
        known = read_evaluation(folder)
    except CorpusError:
        if not now:
            raise
        return evaluate(folder)
    return known if now in ("", known.about["checkpoint"]) else evaluate(folder)


def evaluate(folder: Path) -> Evaluated:
    """Evaluates a run on its corpus' test subjects, and writes it into its folder.

    evaluation.json then has error_mm (per expression and "total", each the mean over frames and vertices),
    apex_error_mm (the same at the apex only), still_face_mm (what a face that never moves is off by),
    error_per_frame_mm (mean over sequences, by frame), classifier (precision, recall and F1 of the run's sequences and
    of the true ones), bounds_mm (how well anybody could do; see `bounds.bounds`), parameters, megabytes, epochs, model,
    corpus.

    Raises:
        CorpusError: not a run, damaged, or its corpus is not there.
    """
    config, corpus, network = load_run(folder)
    errors, at_apex = measure(network, corpus)
    frames: dict[int, list[float]] = defaultdict(list)
    for sequence in (one for each in errors.values() for one in each):
        for number, value in enumerate(sequence):
            frames[number].append(value)
    header = corpus.header
    about = {
        "corpus": {
            "name": header["name"], "fingerprint": corpus.fingerprint, "vertices": corpus.template.vertex_count,
            "licence": header["licence"], "frame_rate": corpus.frame_rate, "notes": header["notes"],
            "source_frame_rate": header["source_frame_rate"],
        },
        "checkpoint": checkpoint_hash(folder),
        "model": config.model,
        "epochs": epochs_done(folder),
        "parameters": sum(part.numel() for part in network.parameters()),
        "megabytes": sum(value.numel() * value.element_size() for value in learned(network).values()) / 1e6,
        "error_mm": _means(errors),
        "apex_error_mm": _means(at_apex),
        "still_face_mm": _means(_still(corpus)),
        "error_per_frame_mm": [float(np.mean(frames[number])) for number in sorted(frames)],
        "test_sequences": sum(len(each) for each in errors.values()),
        "classifier": classify(network, corpus),
        "bounds_mm": bounds_of(corpus.folder, corpus.fingerprint),
    }  # fmt: skip
    write_evaluation(config, about, corpus.template, network, _pictures(network, corpus))
    return read_evaluation(folder)


@torch.inference_mode()
def measure(network: Network, corpus: Corpus) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
    """Per expression, the (T,) errors in mm of each test sequence, and those of its apex."""
    errors: dict[str, list[Any]] = defaultdict(list)
    at_apex: dict[str, list[Any]] = defaultdict(list)
    for index in corpus.split("test"):
        labels = corpus.labels(index)
        generated = network(torch.tensor(labels)[None])[0].numpy()
        expression = corpus.sequences[index].expression
        frames = error_per_frame(generated, corpus.deformation(index))
        errors[expression].append(frames)
        at_apex[expression].append(frames[_apex(labels)])
    return errors, at_apex


class _Motions(Sequence[torch.Tensor]):
    """Sequences of a corpus, fetched one by one: all at once would fill the memory."""

    def __init__(self, corpus: Corpus, indices: list[int]) -> None:
        self.corpus, self.indices = corpus, indices

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, place: Any) -> Any:
        return torch.tensor(self.corpus.deformation(self.indices[place]))


@lru_cache(maxsize=1)
def classifier_of(folder: Path, fingerprint: str) -> SequenceClassifier:  # noqa: ARG001 - names the content
    """The classifier of section 5.3, trained on the corpus' true training sequences; the same for all of its runs."""
    corpus = open_corpus(folder, verify=False)
    train = corpus.split("train")
    expressions = [EXPRESSIONS.index(corpus.sequences[index].expression) for index in train]
    return train_classifier(_Motions(corpus, train), expressions, seed=CLASSIFIER_SEED)


@lru_cache(maxsize=1)
def bounds_of(folder: Path, fingerprint: str) -> dict[str, float | None]:
    """See `bounds.bounds`; the same for all runs of a corpus."""
    return bounds(open_corpus(folder, verify=False), classifier_of(folder, fingerprint))


def classify(network: Network, corpus: Corpus) -> dict[str, Any]:
    """Table 3 of one run: {"own": {expression or "total": precision, recall, f1}, "truth": the same}."""
    classifier = classifier_of(corpus.folder, corpus.fingerprint)
    truth, found, real = [], [], []
    with torch.inference_mode():
        for index in corpus.split("test"):
            truth.append(EXPRESSIONS.index(corpus.sequences[index].expression))
            found.append(classifier.classify(network(torch.tensor(corpus.labels(index))[None])[0]))
            real.append(classifier.classify(torch.tensor(corpus.deformation(index))))
    return {"own": scores(found, truth), "truth": scores(real, truth)}


@torch.inference_mode()
def _pictures(network: Network, corpus: Corpus) -> dict[str, Any]:
    shape = (len(EXPRESSIONS), *corpus.template.vertices.shape)
    generated, error = np.zeros(shape, np.float32), np.zeros(shape[:2])
    labels = {}
    for index in _typical_person(corpus):
        expression = corpus.sequences[index].expression
        labels[expression] = np.array(corpus.labels(index))
        number, frame = EXPRESSIONS.index(expression), int(labels[expression].max(axis=1).argmax())
        generated[number] = network(torch.tensor(labels[expression])[None])[0, frame].numpy()
        error[number] = vertex_distance(generated[number], corpus.deformation(index)[frame])
    return picture_arrays(labels, generated, error)


def _typical_person(corpus: Corpus) -> list[int]:
    """The sequences of the test subject who moves neither much nor little: the median. Chosen by the truth alone."""
    moves: dict[int, list[int]] = defaultdict(list)
    for index in corpus.split("test"):
        moves[corpus.sequences[index].subject].append(index)
    means = {
        subject: np.mean([np.linalg.norm(corpus.deformation(index), axis=-1).mean() for index in indices])
        for subject, indices in moves.items()
    }
    return moves[sorted(means, key=lambda subject: means[subject])[len(means) // 2]]


def _still(corpus: Corpus) -> dict[str, list[Any]]:
    # What a face that never moves would be wrong by: the scale the errors are read against.
    errors: dict[str, list[Any]] = defaultdict(list)
    for index in corpus.split("test"):
        motion = corpus.deformation(index)
        errors[corpus.sequences[index].expression].append(error_per_frame(np.zeros_like(motion), motion))
    return errors


def _apex(labels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    strength = labels.max(axis=1)
    return np.asarray(strength >= APEX * strength.max())


def _means(errors: dict[str, list[Any]]) -> dict[str, float]:
    means = {name: float(np.concatenate(errors[name]).mean()) for name in EXPRESSIONS if name in errors}
    everything = np.concatenate([sequence for each in errors.values() for sequence in each])
    return means | {"total": float(everything.mean())}


def table(results: dict[str, dict[str, Any]]) -> str:
    """The results as text, in the manner of the paper's table 2."""
    columns = [*EXPRESSIONS, "total"]
    lines = [f"{'mm':24}" + "".join(f"{name:>10}" for name in columns)]
    first = next(iter(results.values()))
    rows = {"a face that never moves": first["still_face_mm"]}
    for name, result in results.items():
        rows[name] = result["error_mm"]
        rows[f"{name}, apex"] = result["apex_error_mm"]
    for name, row in rows.items():
        lines.append(
            f"{name[:24]:24}" + "".join(f"{row[column]:10.3f}" if column in row else " " * 10 for column in columns)
        )
    return "\n".join(lines)
