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
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.bundle import read_arrays, write_arrays
from core.errors import CorpusError, MienError
from core.motion import EXPRESSIONS, extremeness
from core.template import Template

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

FORMAT = 1
SCALE = 0.002
"""Millimetres a step: int16 then reaches 65 mm, and rounding adds at most 0.001 mm."""
_FILES = {"neutrals.npy": np.float32, "deformations.npy": np.int16, "labels.npy": np.float32}


@dataclass(frozen=True)
class Sequence:
    """One expression of one subject.

    Attributes:
        subject: index into the corpus' subjects.
        expression: one of the six.
        first: its first row in the deformations and labels.
        frames: T.
        extremeness: s_i of eq. 6.
        cue: seconds of start, apex_start, apex_end and end.
    """

    subject: int
    expression: str
    first: int
    frames: int
    extremeness: float
    cue: Mapping[str, float]


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
        hashes = [self.header["arrays"][name]["sha256"] for name in sorted(_FILES)]
        return hashlib.sha256("".join([*hashes, self.template.content_hash]).encode()).hexdigest()

    def split(self, name: str) -> list[int]:
        """Indices of the sequences whose subject is in "train" or "test"."""
        return [i for i, sequence in enumerate(self.sequences) if self.splits[sequence.subject] == name]

    def deformation(self, index: int) -> NDArray[np.float32]:
        """(T, V, 3) float32 mm of a sequence."""
        one = self.sequences[index]
        return self.steps[one.first : one.first + one.frames].astype(np.float32) * np.float32(self.scale)

    def labels(self, index: int) -> NDArray[np.float32]:
        """(T, 6) float32 of a sequence."""
        one = self.sequences[index]
        return np.asarray(self.all_labels[one.first : one.first + one.frames])


class CorpusWriter:
    """Collects sequences in a temporary folder beside the real one, which appears whole when closed.

    Args:
        folder: where the corpus will lie; a corpus already there is replaced.
        template: topology of all meshes.
        name: a short word.
        licence: SPDX identifier of the data.
        source: where the meshes come from.
        frame_rate: frames a second as stored.
        seed: what made it, where it was made.
        notes: what people should know who use it.
        source_frame_rate: frames a second before every n-th was kept.

    Raises:
        CorpusError: the folder holds something else than a corpus.
    """

    def __init__(
        self,
        folder: Path | str,
        template: Template,
        *,
        name: str,
        licence: str,
        source: str,
        frame_rate: float,
        seed: int = 0,
        notes: str = "",
        source_frame_rate: float = 60.0,
    ) -> None:
        self.folder = Path(folder)
        if self.folder.exists() and any(self.folder.iterdir()) and not (self.folder / "corpus.json").exists():
            raise CorpusError(f"The folder {self.folder} holds something else.", "Choose a new folder.")
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        self._temporary = Path(tempfile.mkdtemp(dir=self.folder.parent, prefix=f".{self.folder.name}-"))
        self._raw = (self._temporary / "deformations.raw").open("wb")
        self._template = template
        self._header: dict[str, Any] = {
            "format": FORMAT, "name": name, "licence": licence, "source": source, "units": "mm", "seed": seed,
            "frame_rate": frame_rate, "source_frame_rate": source_frame_rate, "expressions": list(EXPRESSIONS),
            "deformation_scale": SCALE, "notes": notes,
        }  # fmt: skip
        self._subjects: list[dict[str, str]] = []
        self._neutrals: list[NDArray[np.float32]] = []
        self._sequences: list[dict[str, Any]] = []
        self._labels: list[NDArray[np.float32]] = []
        self._means: list[float] = []
        self._rows = 0

    def add_subject(self, name: str, split: str, neutral: NDArray[np.floating[Any]]) -> int:
        """Adds a person with their (V, 3) neutral in mm, to "train" or "test"; returns their index."""
        if split not in ("train", "test"):
            raise CorpusError(f"Subject {name} is in neither train nor test.")
        mesh = np.asarray(neutral, np.float32)
        if mesh.shape != self._template.vertices.shape or not np.isfinite(mesh).all():
            raise CorpusError(f"The neutral of {name} does not fit the template.")
        self._subjects.append({"id": name, "split": split})
        self._neutrals.append(mesh)
        return len(self._subjects) - 1

    def add_sequence(
        self,
        subject: int,
        expression: str,
        deformation: NDArray[np.floating[Any]],
        labels: NDArray[np.floating[Any]],
        cue: Mapping[str, float],
    ) -> None:
        """Adds one expression of a subject.

        Args:
            subject: from `add_subject`.
            expression: one of the six.
            deformation: (T, V, 3) mm, frame minus neutral, within 65 mm.
            labels: (T, 6) in 0..1, 1 at the apex; eq. 6 scales them when the corpus is closed.
            cue: seconds of start, apex_start, apex_end, end.

        Raises:
            CorpusError: shapes, range or expression do not fit.
        """
        who = f"{self._subjects[subject]['id']}, {expression}"
        motion, label = np.asarray(deformation, np.float64), np.asarray(labels, np.float32)
        if motion.shape[1:] != self._template.vertices.shape or label.shape != (len(motion), len(EXPRESSIONS)):
            raise CorpusError(f"The sequence {who} does not fit the template or its labels.")
        in_range = np.isfinite(label).all() and label.min() >= 0 and label.max() <= 1
        if expression not in EXPRESSIONS or len(motion) < 2 or not in_range:
            raise CorpusError(f"The sequence {who} has an unknown expression, too few frames, or broken labels.")
        steps = np.round(motion / SCALE)
        if not np.isfinite(steps).all() or np.abs(steps).max() > np.iinfo(np.int16).max:
            raise CorpusError(f"The sequence {who} moves by more than 65 mm or not by finite numbers.", "Check units.")
        self._raw.write(steps.astype("<i2").tobytes())
        self._means.append(float(np.linalg.norm(motion, axis=-1).mean()))
        self._labels.append(label)
        corners = {key: float(value) for key, value in cue.items()}
        place = {"first": self._rows, "frames": len(motion)}
        self._sequences.append({"subject": subject, "expression": expression, **place, "cue": corners})
        self._rows += len(motion)

    def close(self) -> Path:
        """Applies eq. 6, with mean and deviation of the training subjects, and puts the corpus in its place."""
        splits = {self._subjects[one["subject"]]["split"] for one in self._sequences}
        if splits != {"train", "test"}:
            self.abort()
            raise CorpusError("A corpus needs sequences to train on and others to test on.")
        self._raw.close()
        self._scale_labels()
        steps = np.memmap(
            self._temporary / "deformations.raw", "<i2", "r", shape=(self._rows, self._template.vertex_count, 3)
        )
        arrays = {
            "neutrals.npy": np.stack(self._neutrals),
            "deformations.npy": steps,
            "labels.npy": np.concatenate(self._labels),
        }
        about: dict[str, Any] = {}
        for name, array in arrays.items():
            np.save(self._temporary / name, array, allow_pickle=False)
            digest = _hash(self._temporary / name)
            about[name] = {"shape": list(array.shape), "dtype": str(array.dtype), "sha256": digest}
        del steps, arrays
        (self._temporary / "deformations.raw").unlink()
        mesh, words = self._template.to_arrays()
        write_arrays(self._temporary / "template.safetensors", mesh, {"template": words})
        header = {**self._header, "subjects": self._subjects, "sequences": self._sequences, "arrays": about}
        (self._temporary / "corpus.json").write_text(json.dumps(header, indent=1))
        self._temporary.chmod(0o755)
        if self.folder.exists():
            shutil.rmtree(self.folder)
        self._temporary.replace(self.folder)
        return self.folder

    def abort(self) -> None:
        """Leaves nothing behind."""
        self._raw.close()
        shutil.rmtree(self._temporary, ignore_errors=True)

    def _scale_labels(self) -> None:
        means = np.array(self._means)
        train = np.array([self._subjects[one["subject"]]["split"] == "train" for one in self._sequences])
        for expression in EXPRESSIONS:
            of_it = np.array([one["expression"] == expression for one in self._sequences])
            known = means[of_it & train]
            if not of_it.any():
                continue
            mean, deviation = (known.mean(), known.std()) if len(known) else (means[of_it].mean(), 0.0)
            for index in np.flatnonzero(of_it):
                scale = float(extremeness(means[index : index + 1], float(mean), float(deviation))[0])
                self._sequences[index]["extremeness"] = scale
                self._labels[index] = self._labels[index] * np.float32(scale)


def open_corpus(folder: Path | str, *, verify: bool = True) -> Corpus:
    """Opens a corpus and checks it.

    Args:
        folder: made by `CorpusWriter`.
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
        neutrals, steps, labels = (_open(folder, name, header["arrays"][name], verify=verify) for name in _FILES)
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
    if list(array.shape) != about["shape"] or array.dtype != np.dtype(_FILES[name]):
        raise ValueError(f"{name} has another shape or type than it should")
    if verify and _hash(folder / name) != about["sha256"]:
        raise ValueError(f"{name} has another content than it should")
    return np.asarray(array) if name == "neutrals.npy" else array


def _check_header(folder: Path, header: dict[str, Any]) -> None:
    if header["format"] != FORMAT or header["units"] != "mm" or tuple(header["expressions"]) != EXPRESSIONS:
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
        if not known or one.first < 0 or one.frames < 1 or one.first + one.frames > rows:
            raise wrong


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
