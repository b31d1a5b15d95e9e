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

import io
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from core.errors import CorpusError, MienError
from core.motion import EXPRESSIONS, Cue, labels_from_cues
from core.template import Template

from .folder_labels import read_labels
from .writer import CorpusWriter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from .folder_labels import FolderLabels

MESHES = (".ply", ".obj")


class FolderError(CorpusError):
    """Some files cannot be used; `problems` has one sentence for each."""

    def __init__(self, problems: list[str]) -> None:
        listed = "\n".join(f"  {problem}" for problem in problems)
        super().__init__(f"The folder cannot be trained on as it is:\n{listed}\n", "Nothing was written.")
        self.problems = problems


def read_mesh(path: Path, labels: FolderLabels) -> tuple[NDArray[np.float64], NDArray[np.int64] | None]:
    """Vertices (V, 3) in mm, y up, in the file's own order, and triangles (F, 3); a .npy has no triangles.

    Raises:
        CorpusError: unreadable.
    """
    import trimesh

    try:
        if path.suffix.lower() == ".npy":
            return _upright(np.load(path, allow_pickle=False), labels), None
        with path.open("rb") as file:
            source = _bare_obj(file) if path.suffix.lower() == ".obj" else file
            mesh = trimesh.load_mesh(source, path.suffix[1:].lower(), process=False, maintain_order=True)
            return _upright(np.asarray(mesh.vertices), labels), np.asarray(mesh.faces, np.int64)
    except Exception as problem:
        raise CorpusError(f"cannot be read as a mesh ({problem}).") from problem


def _bare_obj(file: IO[bytes]) -> IO[bytes]:
    # Texture coordinates, normals, groups and materials would have the reader split vertices and meshes.
    lines = []
    for line in file:
        word, *rest = line.split() or [b""]
        if word == b"v":
            lines.append(b" ".join([word, *rest[:3]]))
        elif word == b"f":
            lines.append(b" ".join([word, *(corner.split(b"/")[0] for corner in rest)]))
    return io.BytesIO(b"\n".join(lines) + b"\n")


def _upright(vertices: NDArray[Any], labels: FolderLabels) -> NDArray[np.float64]:
    points = np.asarray(vertices, np.float64) * labels.scale
    if points.ndim not in (2, 3) or points.shape[-1] != 3:
        raise ValueError(f"its array has the shape {points.shape}")
    return points if labels.up == "y" else points[..., [0, 2, 1]] * np.array([1.0, 1.0, -1.0])


def build(root: Path, out: Path, progress: Callable[[int, int], None] | None = None) -> Path:
    """Reads the folder, one sequence at a time, and writes the corpus if all of it can be used.

    Args:
        root: the folder with labels.json.
        out: where the corpus will lie.
        progress: called with the sequences done and their number.

    Raises:
        FolderError: files that cannot be used, each with its sentence; nothing was written.
        CorpusError: the folder as a whole cannot be used; nothing was written.
    """
    labels = read_labels(root / "labels.json")
    template = _template(root, labels)
    people = _people(root)
    testers = _testers(list(people), labels)
    total = sum(map(len, people.values()))
    writer = CorpusWriter(
        out, template, name=root.resolve().name, licence=labels.licence, source=labels.source, seed=labels.seed,
        frame_rate=labels.frame_rate / labels.every, source_frame_rate=labels.frame_rate,
    )  # fmt: skip
    problems: list[str] = []
    done = 0
    try:
        for name, folders in people.items():
            person = _Person(name, "test" if name in testers else "train", root / name)
            for folder in folders:
                problems += _add_take(writer, person, folder, labels, template)
                done += 1
                if progress is not None:
                    progress(done, total)
        problems += _strangers(people, labels)
        if not problems:
            return writer.close()
    except BaseException:
        writer.abort()
        raise
    writer.abort()
    raise FolderError(problems)


@dataclass
class _Person:
    name: str
    split: str
    folder: Path
    neutral: NDArray[np.float64] | None = None
    index: int | None = None
    unusable: bool = False


def _people(root: Path) -> dict[str, list[Path]]:
    folders = [one for one in sorted(root.glob("*/*")) if one.is_dir() and not one.parent.name.startswith(".")]
    if not folders:
        raise CorpusError(f"There are no sequences in {root}.", "Put frames in subject/expression/ folders.")
    people: dict[str, list[Path]] = {}
    for folder in folders:
        people.setdefault(folder.parent.name, []).append(folder)
    return people


def _strangers(people: dict[str, list[Path]], labels: FolderLabels) -> list[str]:
    known = {f"{name}/{folder.name}" for name, folders in people.items() for folder in folders}
    named = labels.cues if isinstance(labels.cues, dict) else {}
    return [f"labels.json: 'cues' names {key}, which is not there." for key in named if key not in known]


def _add_take(
    writer: CorpusWriter, person: _Person, folder: Path, labels: FolderLabels, template: Template
) -> list[str]:
    """Adds one sequence; or else, one sentence for each thing that keeps it out."""
    where = f"{person.name}/{folder.name}"
    expression = labels.expressions.get(folder.name, folder.name)
    problems = []
    if expression not in EXPRESSIONS:
        problems.append(f"{where}: is not one of {', '.join(EXPRESSIONS)}; name it under 'expressions'.")
    frames, wrong = _read_frames(folder, labels, template)
    problems += wrong
    if person.index is None:
        problems += _meet(person, frames, labels, template)
    if problems or person.neutral is None:
        return problems
    try:
        motion = np.stack(frames) - (person.neutral if _neutral_file(person.folder) else frames[0])
        cue = _cue(where, labels, motion, expression)
        if person.index is None:
            person.index = writer.add_subject(person.name, person.split, person.neutral)
        wanted = labels_from_cues([cue], len(frames), labels.frame_rate)
        corners = {key: getattr(cue, key) for key in ("start", "apex_start", "apex_end", "end")}
        kept = slice(None, None, labels.every)
        writer.add_sequence(person.index, expression, motion[kept], wanted[kept], corners)
    except MienError as problem:
        return [f"{where}: {problem}"]
    return []


def _neutral_file(folder: Path) -> Path | None:
    files = sorted(path for path in folder.glob("neutral.*") if path.suffix.lower() in (*MESHES, ".npy"))
    return files[0] if files else None


def _meet(person: _Person, frames: list[NDArray[np.float64]], labels: FolderLabels, template: Template) -> list[str]:
    """Finds the person's neutral, once; a sentence where it cannot be used."""
    path = _neutral_file(person.folder)
    if path is None:
        person.neutral = frames[0] if frames else None
    elif person.neutral is None and not person.unusable:  # a bad one is told once, not with every sequence
        try:
            points, triangles = read_mesh(path, labels)
            _check_mesh(points, triangles, template)
        except MienError as problem:
            person.unusable = True
            return [f"{person.name}/{path.name}: {problem.sentence}"]
        person.neutral = points
    return []


def _template(root: Path, labels: FolderLabels) -> Template:
    path = root / labels.template
    if path.suffix.lower() not in MESHES or not path.exists():
        raise CorpusError(f"The template {labels.template} is not a .ply or .obj in the folder.")
    try:
        vertices, triangles = read_mesh(path, labels)
    except CorpusError as problem:
        raise CorpusError(f"The template {labels.template} {problem.sentence}") from problem
    assert triangles is not None
    polygons = np.concatenate([triangles, np.full((len(triangles), 1), -1)], axis=1)
    # The foremost vertex of a face is the tip of its nose.
    landmarks = {"nose_tip": int(vertices[:, 2].argmax())}
    return Template(root.name, vertices.astype(np.float32), polygons.astype(np.int32), landmarks)


def _read_frames(folder: Path, labels: FolderLabels, template: Template) -> tuple[list[NDArray[np.float64]], list[str]]:
    """The frames that can be used, each (V, 3), and a sentence for each file that cannot."""
    where = f"{folder.parent.name}/{folder.name}"
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in (*MESHES, ".npy"))
    frames: list[NDArray[np.float64]] = []
    problems = []
    for path in files:
        try:
            points, triangles = read_mesh(path, labels)
            for one in points if points.ndim == 3 else points[None]:
                _check_mesh(one, triangles, template)
                frames.append(one)
        except MienError as problem:
            problems.append(f"{where}/{path.name}: {problem.sentence}")
    if not files:
        problems.append(f"{where}: there are no .ply, .obj or .npy frames.")
    elif len(frames) < 2 and not problems:
        problems.append(f"{where}: there is only one frame; motion needs two.")
    return frames, problems


def _check_mesh(points: NDArray[Any], triangles: NDArray[Any] | None, template: Template) -> None:
    if points.shape != template.vertices.shape:
        raise CorpusError(f"has {points.shape[-2]} vertices; the template has {template.vertex_count}.")
    if not np.isfinite(points).all():
        raise CorpusError("has vertices that are not finite numbers.")
    if triangles is not None and not np.array_equal(triangles, template.triangles):
        raise CorpusError("has other polygons than the template.")


def _cue(where: str, labels: FolderLabels, deformation: NDArray[np.float64], expression: str) -> Cue:
    last = len(deformation) - 1
    if isinstance(labels.cues, str):
        strength = np.linalg.norm(deformation, axis=-1).mean(axis=1)
        if strength.max() <= 0:
            raise CorpusError("the face never moves, so that its cue cannot be read from the motion.")
        apex, moving = np.flatnonzero(strength >= 0.9 * strength.max()), np.flatnonzero(strength > 0.1 * strength.max())
        corners = [max(moving[0] - 1, 0), apex[0], apex[-1], min(moving[-1] + 1, last)]
    else:
        corners = labels.cues.get(where, [])
        if not corners:
            raise CorpusError("'cues' has no frames for it.")
        if min(corners) < 0 or max(corners) > last:
            raise CorpusError(f"its cue reaches beyond its frames, 0 to {last}.")
    return Cue(expression, 1.0, *(float(corner) / labels.frame_rate for corner in corners))


def _testers(subjects: list[str], labels: FolderLabels) -> set[str]:
    if isinstance(labels.test, int):
        if not 0 < labels.test < len(subjects):
            raise CorpusError(f"Of {len(subjects)} subjects {labels.test} cannot be kept for testing.")
        return set(np.random.default_rng(labels.seed).permutation(subjects)[: labels.test].tolist())
    unknown = set(labels.test) - set(subjects)
    if unknown:
        raise CorpusError(f"'test' names {', '.join(sorted(map(str, unknown)))}, whom the folder does not have.")
    return set(labels.test)
