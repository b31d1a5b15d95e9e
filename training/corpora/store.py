"""A corpus on disk: registered sequences with labels, split by subject, in plain arrays that are checked at the door.

corpus.json            what it is, its subjects and sequences, and the hash of each array
template.safetensors   the template
neutrals.npy           (S, V, 3) float32 mm
deformations.npy       (F, V, 3) int16, frame minus neutral in steps of `deformation_scale` mm
labels.npy             (F, 6) float32 motion labels, scaled by eq. 6
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.bundle import read_arrays
from core.errors import CorpusError, MienError
from core.motion import EXPRESSIONS
from core.template import Template

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

FORMAT = 2
"""1 knew neither `kind` nor `second`: such corpora are read as single performances."""

KINDS = ("single", "transition", "blend")
"""One expression; from one to another without passing through neutral; two at once."""

SCALE = 0.002
"""Millimetres a step: int16 then reaches 65 mm, and rounding adds at most 0.001 mm."""
FILES = {"neutrals.npy": np.float32, "deformations.npy": np.int16, "labels.npy": np.float32}


@dataclass(frozen=True)
class Sequence:
    """One performance of one subject.

    Attributes:
        subject: index into the corpus' subjects.
        expression: one of the six; of two the one that comes first, or is stronger in a blend.
        first: its first row in the deformations and labels.
        frames: T.
        extremeness: s_i of eq. 6.
        cue: seconds of start, apex_start, apex_end and end; of two expressions those of the second one too, under
            the same names after "second_".
        kind: one of `KINDS`.
        second: the other expression; "" in a single performance.
        second_extremeness: s_i of the other expression; 0 in a single performance.
    """

    subject: int
    expression: str
    first: int
    frames: int
    extremeness: float
    cue: Mapping[str, float]
    kind: str = "single"
    second: str = ""
    second_extremeness: float = 0.0


@dataclass(frozen=True)
class Corpus:
    """A corpus opened for reading; the deformations stay on disk until asked for.

    Attributes:
        folder: where it lies.
        header: corpus.json.
        template: the topology of all its meshes.
        neutrals: (S, V, 3) float32 mm.
        subject_names: id of each subject.
        splits: "train" or "test" of each subject.
        sequences: all of them.
    """

    folder: Path
    header: dict[str, Any]
    template: Template
    neutrals: NDArray[np.float32]
    subject_names: tuple[str, ...]
    splits: tuple[str, ...]
    sequences: tuple[Sequence, ...]
    steps: NDArray[np.int16] = field(repr=False)
    all_labels: NDArray[np.float32] = field(repr=False)

    @property
    def frame_rate(self) -> float:
        """Frames a second."""
        return float(self.header["frame_rate"])

    @property
    def scale(self) -> float:
        """Millimetres a step of `steps`."""
        return float(self.header["deformation_scale"])

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the hashes of its arrays and its template: the same for the same content."""
        hashes = [self.header["arrays"][name]["sha256"] for name in sorted(FILES)]
        return hashlib.sha256("".join([*hashes, self.template.content_hash]).encode()).hexdigest()

    def split(self, name: str) -> list[int]:
        """Indices of the sequences whose subject is in "train" or "test"."""
        return [i for i, sequence in enumerate(self.sequences) if self.splits[sequence.subject] == name]

    def spans(self, indices: Iterable[int]) -> list[tuple[int, int]]:
        """(first row, frames) of sequences."""
        return [(one.first, one.frames) for one in map(self.sequences.__getitem__, indices)]

    def deformation(self, index: int) -> NDArray[np.float32]:
        """(T, V, 3) float32 mm of a sequence."""
        one = self.sequences[index]
        return self.steps[one.first : one.first + one.frames].astype(np.float32) * np.float32(self.scale)

    def labels(self, index: int) -> NDArray[np.float32]:
        """(T, 6) float32 of a sequence."""
        one = self.sequences[index]
        return np.asarray(self.all_labels[one.first : one.first + one.frames])


def open_corpus(folder: Path | str, *, verify: bool = True) -> Corpus:
    """Opens a corpus and checks it.

    Args:
        folder: made by `writer.CorpusWriter`.
        verify: read every array once and compare its hash.

    Raises:
        CorpusError: something is missing, damaged, or does not fit.
    """
    folder = Path(folder)
    try:
        header = json.loads((folder / "corpus.json").read_text())
        _check_header(folder, header)
        mesh, metadata = read_arrays(folder / "template.safetensors")
        template = Template.from_arrays(mesh, metadata["template"])
        neutrals, steps, labels = (_open(folder, name, header["arrays"][name], verify=verify) for name in FILES)
        corpus = Corpus(
            folder, header, template, neutrals,
            tuple(str(one["id"]) for one in header["subjects"]), tuple(one["split"] for one in header["subjects"]),
            tuple(Sequence(**one) for one in header["sequences"]), steps, labels,
        )  # fmt: skip
    except CorpusError:
        raise
    except FileNotFoundError as problem:
        raise CorpusError(
            f"There is no corpus in {folder}: {Path(problem.filename).name} is missing.",
            "Make one with python -m training corpus.",
        ) from problem
    except (MienError, OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise CorpusError(f"The corpus {folder} is damaged ({problem}).", "Make it again.") from problem
    _check(corpus)
    return corpus


def _open(folder: Path, name: str, about: dict[str, Any], *, verify: bool) -> NDArray[Any]:
    array = np.load(folder / name, mmap_mode="r", allow_pickle=False)
    if list(array.shape) != about["shape"] or array.dtype != np.dtype(FILES[name]):
        raise ValueError(f"{name} has another shape or type than it should")
    if verify and hash_of(folder / name) != about["sha256"]:
        raise ValueError(f"{name} has another content than it should")
    return np.asarray(array) if name == "neutrals.npy" else array


def _check_header(folder: Path, header: dict[str, Any]) -> None:
    if header["format"] not in (1, FORMAT) or header["units"] != "mm" or tuple(header["expressions"]) != EXPRESSIONS:
        raise CorpusError(f"The corpus {folder} is of a kind that this version does not know.")
    for word in ("frame_rate", "deformation_scale"):
        if not 0 < header[word] <= 1000:  # NaN fails too
            raise ValueError(f"{word} is {header[word]}")
    if not {one["split"] for one in header["subjects"]} <= {"train", "test"}:
        raise ValueError("a subject is in neither train nor test")


def _check(corpus: Corpus) -> None:
    rows, shape = len(corpus.steps), corpus.template.vertices.shape
    wrong = CorpusError(f"The corpus {corpus.folder} is damaged (its parts do not fit).", "Make it again.")
    if corpus.steps.shape[1:] != shape or corpus.all_labels.shape != (rows, len(EXPRESSIONS)):
        raise wrong
    if corpus.neutrals.shape != (len(corpus.splits), *shape):
        raise wrong
    if not np.isfinite(corpus.neutrals).all() or not np.isfinite(corpus.all_labels).all():
        raise wrong
    for one in corpus.sequences:
        whole = all(isinstance(number, int) for number in (one.subject, one.first, one.frames))
        known = whole and 0 <= one.subject < len(corpus.splits) and one.expression in EXPRESSIONS
        known = known and one.kind in KINDS and (one.kind == "single") == (one.second not in EXPRESSIONS)
        if not known or one.first < 0 or one.frames < 1 or one.first + one.frames > rows:
            raise wrong


def hash_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
