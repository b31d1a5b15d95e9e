"""A corpus from a folder of registered meshes: subject/expression/frames as .ply, .obj or .npy.

    faces/
      labels.json
      anna/neutral.ply              optional; without it the first frame of each expression is its neutral
      anna/happy/0001.ply ...       frames in the order of their names, or one frames.npy of shape (T, V, 3)

labels.json:

    {
      "frame_rate": 60,             of the files
      "every": 5,                   keep every n-th frame; default 1
      "units": "m",                 "mm", "cm" or "m"
      "up": "y",                    "y" or "z"; with z up the faces look towards -y, as in Blender
      "licence": "...", "source": "...",
      "template": "anna/neutral.ply",   the mesh whose polygons all frames share; a .ply or .obj
      "expressions": {"smile": "happy"},   folder names that are not one of the six
      "test": ["berta"],            subjects kept for testing; or a number, drawn with the seed
      "seed": 0,
      "cues": {"anna/happy": [0, 20, 60, 90]}   frames of start, apex start, apex end and end; or "auto"
    }

With "auto", a cue is read from the motion itself: the apex is where the mean deformation is above 90 % of its greatest,
the start and the end are where it leaves and comes back to 10 %.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import CorpusError, MienError
from core.motion import EXPRESSIONS, Cue, labels_from_cues
from core.template import Template

from .store import CorpusWriter

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

UNITS = {"mm": 1.0, "cm": 10.0, "m": 1000.0}
MESHES = (".ply", ".obj")


class FolderError(CorpusError):
    """Some files cannot be used; `problems` has one sentence for each."""

    def __init__(self, problems: list[str]) -> None:
        listed = "\n".join(f"  {problem}" for problem in problems)
        super().__init__(f"{len(problems)} thing(s) in the folder cannot be trained on:\n{listed}\n", "Nothing was written.")
        self.problems = problems


@dataclass(frozen=True)
class FolderLabels:
    """labels.json, checked; see the module's text for its meaning."""

    frame_rate: float
    every: int
    scale: float
    up: str
    licence: str
    source: str
    template: str
    expressions: dict[str, str]
    test: list[str] | int
    seed: int
    cues: dict[str, list[float]] | str


def read_labels(path: Path) -> FolderLabels:
    """labels.json.

    Raises:
        CorpusError: missing, not JSON, or a value is of the wrong kind; the sentence names it.
    """
    try:
        words = json.loads(path.read_text())
    except FileNotFoundError as problem:
        raise CorpusError(f"There is no labels.json in {path.parent}.", "Write one; the documentation shows how.") from problem
    except (OSError, ValueError) as problem:
        raise CorpusError(f"{path} is not readable JSON ({problem}).") from problem
    if not isinstance(words, dict):
        raise CorpusError(f"{path} must hold a JSON object.")

    def take(name: str, kind: type | tuple[type, ...], default: Any, allowed: Callable[[Any], bool]) -> Any:
        value = words.get(name, default)
        if value is None or isinstance(value, bool) or not isinstance(value, kind) or not allowed(value):
            raise CorpusError(f"{name!r} in {path.name} is missing or not usable ({value!r}).")
        return value

    expressions = take("expressions", dict, {}, lambda value: set(value.values()) <= set(EXPRESSIONS))
    return FolderLabels(
        frame_rate=float(take("frame_rate", (int, float), None, lambda value: 0 < value <= 1000)),
        every=take("every", int, 1, lambda value: value >= 1),
        scale=UNITS[take("units", str, None, lambda value: value in UNITS)],
        up=take("up", str, "y", lambda value: value in ("y", "z")),
        licence=take("licence", str, "unknown", bool),
        source=take("source", str, str(path.parent.name), bool),
        template=take("template", str, None, bool),
        expressions=expressions,
        test=take("test", (int, list), None, bool),
        seed=take("seed", int, 0, lambda _: True),
        cues=take("cues", (dict, str), "auto", lambda value: isinstance(value, dict) or value == "auto"),
    )


def read_mesh(path: Path, labels: FolderLabels) -> tuple[NDArray[np.float64], NDArray[np.int64] | None]:
    """Vertices (V, 3) in mm, y up, in the file's own order, and triangles (F, 3); a .npy has no triangles.

    Raises:
        CorpusError: unreadable.
    """
    import trimesh

    try:
        if path.suffix.lower() == ".npy":
            return _upright(np.load(path, allow_pickle=False), labels), None
        mesh = trimesh.load_mesh(path, process=False, maintain_order=True)
        return _upright(np.asarray(mesh.vertices), labels), np.asarray(mesh.faces, np.int64)
    except (ValueError, OSError, KeyError, IndexError, AttributeError, TypeError) as problem:
        raise CorpusError(f"{path.name} cannot be read as a mesh ({problem}).") from problem


def _upright(vertices: NDArray[Any], labels: FolderLabels) -> NDArray[np.float64]:
    points = np.asarray(vertices, np.float64) * labels.scale
    return points if labels.up == "y" else points[..., [0, 2, 1]] * np.array([1.0, 1.0, -1.0])


@dataclass(frozen=True)
class _Take:
    subject: str
    expression: str
    neutral: NDArray[np.float64]
    frames: NDArray[np.float64]
    cue: Cue


def build(root: Path, out: Path, progress: Callable[[int, int], None] | None = None) -> Path:
    """Reads the folder, all of it before anything is written, and writes the corpus.

    Raises:
        FolderError: files that cannot be used, each with its sentence.
        CorpusError: the folder as a whole cannot be used.
    """
    labels = read_labels(root / "labels.json")
    template = _template(root, labels)
    problems: list[str] = []
    takes: list[_Take] = []
    folders = [one for one in sorted(root.glob("*/*")) if one.is_dir()]
    for number, folder in enumerate(folders):
        try:
            takes.append(_read_take(folder, labels, template))
        except FolderError as several:
            problems += several.problems
        except MienError as problem:
            problems.append(f"{folder.relative_to(root)}: {problem.sentence}")
        if progress is not None:
            progress(number + 1, len(folders))
    if problems:
        raise FolderError(problems)
    if not takes:
        raise CorpusError(f"There are no sequences in {root}.", "Put frames in subject/expression/ folders.")
    return _write(takes, labels, template, out, root.name)


def _template(root: Path, labels: FolderLabels) -> Template:
    path = root / labels.template
    if path.suffix.lower() not in MESHES or not path.exists():
        raise CorpusError(f"The template {labels.template} is not a .ply or .obj in the folder.")
    vertices, triangles = read_mesh(path, labels)
    assert triangles is not None
    polygons = np.concatenate([triangles, np.full((len(triangles), 1), -1)], axis=1)
    # The foremost vertex of a face is the tip of its nose.
    landmarks = {"nose_tip": int(vertices[:, 2].argmax())}
    return Template(root.name, vertices.astype(np.float32), polygons.astype(np.int32), landmarks)


def _read_take(folder: Path, labels: FolderLabels, template: Template) -> _Take:
    subject, name = folder.parent.name, folder.name
    expression = labels.expressions.get(name, name)
    if expression not in EXPRESSIONS:
        raise CorpusError(f"{name!r} is not one of {', '.join(EXPRESSIONS)}; name it under 'expressions'.")
    frames = _read_frames(folder, labels, template)
    neutral_files = [path for path in folder.parent.glob("neutral.*") if path.suffix.lower() in (*MESHES, ".npy")]
    neutral = frames[0]
    if neutral_files:
        neutral, triangles = read_mesh(neutral_files[0], labels)
        _check_mesh(f"{subject}/{neutral_files[0].name}", neutral, triangles, template)
    cue = _cue(folder, labels, frames - neutral, expression)
    return _Take(subject, expression, neutral, frames, cue)


def _read_frames(folder: Path, labels: FolderLabels, template: Template) -> NDArray[np.float64]:
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in (*MESHES, ".npy"))
    if not files:
        raise CorpusError("there are no .ply, .obj or .npy frames.")
    problems, frames = [], []
    for path in files:
        where = f"{folder.parent.name}/{folder.name}/{path.name}"
        try:
            points, triangles = read_mesh(path, labels)
            for one in points if points.ndim == 3 else points[None]:
                _check_mesh(where, one, triangles, template)
                frames.append(one)
        except MienError as problem:
            sentence = problem.sentence
            problems.append(sentence if sentence.startswith(where) else f"{where}: {sentence}")
    if problems:
        raise FolderError(problems)
    if len(frames) < 2:
        raise CorpusError("there is only one frame; motion needs two.")
    return np.stack(frames)


def _check_mesh(where: str, points: NDArray[Any], triangles: NDArray[Any] | None, template: Template) -> None:
    if points.shape != template.vertices.shape:
        raise CorpusError(f"{where}: has {points.shape[0]} vertices; the template has {template.vertex_count}.")
    if not np.isfinite(points).all():
        raise CorpusError(f"{where}: has vertices that are not finite numbers.")
    if triangles is not None and not np.array_equal(triangles, template.triangles):
        raise CorpusError(f"{where}: has other polygons than the template.")


def _cue(folder: Path, labels: FolderLabels, deformation: NDArray[np.float64], expression: str) -> Cue:
    if isinstance(labels.cues, str):
        strength = np.linalg.norm(deformation, axis=-1).mean(axis=1)
        if strength.max() <= 0:
            raise CorpusError("the face never moves, so that its cue cannot be read from the motion.")
        apex, moving = np.flatnonzero(strength >= 0.9 * strength.max()), np.flatnonzero(strength > 0.1 * strength.max())
        last = len(strength) - 1
        corners = [max(moving[0] - 1, 0), apex[0], apex[-1], min(moving[-1] + 1, last)]
    else:
        key = f"{folder.parent.name}/{folder.name}"
        corners = labels.cues.get(key, [])
        if len(corners) != 4:
            raise CorpusError(f"'cues' has no four frames for {key}.")
    return Cue(expression, 1.0, *(float(corner) / labels.frame_rate for corner in corners))


def _write(takes: list[_Take], labels: FolderLabels, template: Template, out: Path, name: str) -> Path:
    subjects = sorted({take.subject for take in takes})
    testers = _testers(subjects, labels)
    writer = CorpusWriter(
        out, template, name=name, licence=labels.licence, source=labels.source, seed=labels.seed,
        frame_rate=labels.frame_rate / labels.every, source_frame_rate=labels.frame_rate,
    )  # fmt: skip
    try:
        for subject in subjects:
            own = [take for take in takes if take.subject == subject]
            index = writer.add_subject(subject, "test" if subject in testers else "train", own[0].neutral)
            for take in own:
                motion = labels_from_cues([take.cue], len(take.frames), labels.frame_rate)
                corners = {key: getattr(take.cue, key) for key in ("start", "apex_start", "apex_end", "end")}
                kept = slice(None, None, labels.every)
                writer.add_sequence(index, take.expression, (take.frames - take.neutral)[kept], motion[kept], corners)
        return writer.close()
    except BaseException:
        writer.abort()
        raise


def _testers(subjects: list[str], labels: FolderLabels) -> set[str]:
    if isinstance(labels.test, int):
        if not 0 < labels.test < len(subjects):
            raise CorpusError(f"Of {len(subjects)} subjects {labels.test} cannot be kept for testing.")
        return set(np.random.default_rng(labels.seed).permutation(subjects)[: labels.test].tolist())
    unknown = set(labels.test) - set(subjects)
    if unknown:
        raise CorpusError(f"'test' names {', '.join(sorted(map(str, unknown)))}, whom the folder does not have.")
    return set(labels.test)
