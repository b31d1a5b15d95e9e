"""Writes a corpus: sequences are collected beside it, and it appears whole, its labels scaled by eq. 6."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.bundle import write_arrays
from core.errors import CorpusError
from core.motion import EXPRESSIONS, extremeness

from .store import FORMAT, KINDS, SCALE, hash_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from core.template import Template


@dataclass(frozen=True)
class Second:
    """What a sequence of two expressions has beside the first one's words.

    Attributes:
        kind: "transition" or "blend".
        expression: the other one of the six.
        cue: seconds of its start, apex_start, apex_end, end.
        alone: mean deformation in mm of the single performance that each of the two would have been, the first
            one's first: what eq. 6 takes each one's extremeness from.
    """

    kind: str
    expression: str
    cue: Mapping[str, float]
    alone: tuple[float, float]

    def fits(self, first: str) -> bool:
        """Whether it can stand beside the first expression."""
        other = self.expression in EXPRESSIONS and self.expression != first
        return self.kind in KINDS[1:] and other and len(self.alone) == 2 and bool(np.isfinite(self.alone).all())


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
        recipe: of a synthetic corpus, the numbers that it was made with.

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
        recipe: Mapping[str, float] | None = None,
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
            "deformation_scale": SCALE, "notes": notes, **({"recipe": dict(recipe)} if recipe else {}),
        }  # fmt: skip
        self._subjects: list[dict[str, str]] = []
        self._neutrals: list[NDArray[np.float32]] = []
        self._sequences: list[dict[str, Any]] = []
        self._labels: list[NDArray[np.float32]] = []
        self._means: list[tuple[float, ...]] = []  # of a single performance its own; of two, each one's by itself
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
        *,
        second: Second | None = None,
    ) -> None:
        """Adds one performance of a subject.

        Args:
            subject: from `add_subject`.
            expression: one of the six.
            deformation: (T, V, 3) mm, frame minus neutral, within 65 mm.
            labels: (T, 6) in 0..1, 1 at the apex; eq. 6 scales them when the corpus is closed.
            cue: seconds of start, apex_start, apex_end, end.
            second: what makes it a transition or a blend.

        Raises:
            CorpusError: shapes, range or expression do not fit.
        """
        who = f"{self._subjects[subject]['id']}, {expression}"
        motion, label = np.asarray(deformation, np.float64), np.asarray(labels, np.float32)
        if motion.shape[1:] != self._template.vertices.shape or label.shape != (len(motion), len(EXPRESSIONS)):
            raise CorpusError(f"The sequence {who} does not fit the template or its labels.")
        in_range = np.isfinite(label).all() and label.min() >= 0 and label.max() <= 1
        known = expression in EXPRESSIONS and (second is None or second.fits(expression))
        if not known or len(motion) < 2 or not in_range:
            raise CorpusError(f"The sequence {who} has an unknown expression, too few frames, or broken labels.")
        steps = np.round(motion / SCALE)
        if not np.isfinite(steps).all() or np.abs(steps).max() > np.iinfo(np.int16).max:
            raise CorpusError(f"The sequence {who} moves by more than 65 mm or not by finite numbers.", "Check units.")
        self._raw.write(steps.astype("<i2").tobytes())
        self._means.append(second.alone if second else (float(np.linalg.norm(motion, axis=-1).mean()),))
        self._labels.append(label)
        corners = {key: float(value) for key, value in cue.items()}
        words: dict[str, Any] = {"subject": subject, "expression": expression}
        words |= {"first": self._rows, "frames": len(motion), "cue": corners}
        if second is not None:
            corners |= {f"second_{key}": float(value) for key, value in second.cue.items()}
            words |= {"kind": second.kind, "second": second.expression}
        self._sequences.append(words)
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
            digest = hash_of(self._temporary / name)
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
        """Eq. 6 column by column: each expression against the single performances of it by the training subjects."""
        singles: dict[str, dict[str, list[float]]] = {name: {"train": [], "test": []} for name in EXPRESSIONS}
        for one, means in zip(self._sequences, self._means, strict=True):
            if "kind" not in one:
                singles[one["expression"]][self._subjects[one["subject"]]["split"]].append(means[0])
        for index, (one, means) in enumerate(zip(self._sequences, self._means, strict=True)):
            names = [one["expression"], one["second"]] if "kind" in one else [one["expression"]]
            scales = [_extremeness(of_it, singles[name]) for name, of_it in zip(names, means, strict=True)]
            one |= dict(zip(("extremeness", "second_extremeness"), scales, strict=False))
            factors = np.full(len(EXPRESSIONS), scales[0], np.float32)
            factors[[EXPRESSIONS.index(name) for name in names]] = scales
            self._labels[index] = self._labels[index] * factors


def _extremeness(mean: float, singles: Mapping[str, list[float]]) -> float:
    """Eq. 6 for a mean deformation in mm among the single performances of its expression, by split."""
    known = singles["train"]
    center, deviation = (np.mean(known), np.std(known)) if known else (np.mean(singles["test"] or mean), 0.0)
    return float(extremeness(np.array([mean]), float(center), float(deviation))[0])
