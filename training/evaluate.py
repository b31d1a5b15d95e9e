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
from core.metrics import vertex_distance
from core.model import learned
from core.motion import EXPRESSIONS

from .bounds import bounds
from .corpora.store import Corpus, open_corpus
from .evaluation import Evaluated, checkpoint_hash, keep, picture_arrays, read_evaluation, write_evaluation
from .judging.accuracy import means, measure
from .judging.acting import Actor, of_kind
from .judging.judge import judge
from .runs import epochs_done, load_run

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLASSIFIER_SEED = 0


@dataclass(frozen=True)
class Evaluate:
    """Errors in mm on the corpus' test subjects, per expression, and what a classifier of expressions sees."""

    runs: Annotated[list[Path], tyro.conf.Positional]
    """Folders of runs."""
    keep: Path | None = None
    """Folder that gets a copy of each run as far as the report and the export need it: without checkpoint, some MB."""
    quick: bool = False
    """Leave out intensity, takes, transitions and geometry, which take most of the time."""
    facekit: Path | None = None
    """A clone of ICT-FaceKit or its packed file: ICT's skin has no eyeballs; without them lids are not looked at."""


def run(config: Evaluate) -> int:
    """Evaluates each run, keeps what was found in its folder, prints the table."""
    if not config.runs:
        raise CorpusError("There is no run to evaluate.", "Give the folder of one.")
    if len({folder.resolve().name for folder in config.runs}) < len(config.runs):
        raise CorpusError("Two of the runs have the same name.", "Evaluate them one after the other.")
    results = {}
    for folder in config.runs:
        results[folder.name] = evaluate(folder, quick=config.quick, facekit=config.facekit).about
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


def evaluate(folder: Path, *, quick: bool = False, facekit: Path | None = None) -> Evaluated:
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
    actor = Actor.of(config, corpus, network, folder, facekit)
    errors, at_apex, still = measure(actor)
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
        "error_mm": means(errors),
        "apex_error_mm": means(at_apex),
        "still_face_mm": means(still),
        "error_per_frame_mm": [float(np.mean(frames[number])) for number in sorted(frames)],
        "test_sequences": sum(len(each) for each in errors.values()),
        "classifier": classify(actor),
        "bounds_mm": bounds_of(corpus.folder, corpus.fingerprint),
        "beyond": judge(actor, classifier_of(corpus.folder, corpus.fingerprint), facekit, quick=quick),
    }  # fmt: skip
    write_evaluation(config, about, corpus.template, network, _pictures(actor))
    return read_evaluation(folder)


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
    train = of_kind(corpus, "train")
    expressions = [EXPRESSIONS.index(corpus.sequences[index].expression) for index in train]
    return train_classifier(_Motions(corpus, train), expressions, seed=CLASSIFIER_SEED)


@lru_cache(maxsize=1)
def bounds_of(folder: Path, fingerprint: str) -> dict[str, float | None]:
    """See `bounds.bounds`; the same for all runs of a corpus."""
    return bounds(open_corpus(folder, verify=False), classifier_of(folder, fingerprint))


def classify(actor: Actor) -> dict[str, Any]:
    """Table 3 of one run: {"own": {expression or "total": precision, recall, f1}, "truth": the same}."""
    corpus = actor.corpus
    classifier = classifier_of(corpus.folder, corpus.fingerprint)
    truth, found, real = [], [], []
    for index in of_kind(corpus, "test"):
        truth.append(EXPRESSIONS.index(corpus.sequences[index].expression))
        found.append(classifier.classify(torch.tensor(actor.perform(index))))
        real.append(classifier.classify(torch.tensor(corpus.deformation(index))))
    return {"own": scores(found, truth), "truth": scores(real, truth)}


def _pictures(actor: Actor) -> dict[str, Any]:
    corpus = actor.corpus
    shape = (len(EXPRESSIONS), *corpus.template.vertices.shape)
    generated, error = np.zeros(shape, np.float32), np.zeros(shape[:2])
    labels: dict[str, NDArray[np.float32]] = {}
    for index in _typical_person(corpus):
        one = corpus.sequences[index]
        labels[one.expression] = np.array(actor.read(index))
        number, frame = EXPRESSIONS.index(one.expression), int(labels[one.expression].max(axis=1).argmax())
        motion = actor.perform(index)[frame]
        error[number] = vertex_distance(motion, corpus.deformation(index)[frame])
        # The faces of the pictures are the template's, so a steered network is asked for what it does on that.
        generated[number] = actor.on_template(labels[one.expression])[frame]
    return picture_arrays(labels, generated, error)


def _typical_person(corpus: Corpus) -> list[int]:
    """The sequences of the test subject who moves neither much nor little: the median. Chosen by the truth alone."""
    moves: dict[int, list[int]] = defaultdict(list)
    for index in of_kind(corpus, "test"):
        moves[corpus.sequences[index].subject].append(index)
    means = {
        subject: np.mean([np.linalg.norm(corpus.deformation(index), axis=-1).mean() for index in indices])
        for subject, indices in moves.items()
    }
    return moves[sorted(means, key=lambda subject: means[subject])[len(means) // 2]]


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
