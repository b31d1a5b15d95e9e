"""Presets: performances by name, with times in seconds. A dozen ship with Mien, the artist's own are files beside."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ..engine import MAX_INTENSITY, Cue, MienError, MotionError
from ..version import PACKAGE
from . import cues, motion

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SHIPPED = Path(__file__).parent.parent / "assets" / "presets.json"
SUFFIX = ".json"
MAX_BYTES = 10**6
MAX_NAME = 60
_FIELDS = ("expression", "intensity", "start", "apex_start", "apex_end", "end")


@dataclass(frozen=True)
class Preset:
    """Cues that belong together.

    Attributes:
        name: for people; two that differ in upper and lower case alone are the same.
        description: what is seen, a sentence without a full stop.
        cues: times in seconds, the first starts at 0.
        own: the artist's, a file of the user.
    """

    name: str
    description: str
    cues: tuple[Cue, ...]
    own: bool = False

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return max(cue.end for cue in self.cues)

    def cues_at(self, frame: float, fps: float, *, strength: float = 1.0, whole: bool = False) -> list[Cue]:
        """The cues in frames of a timeline.

        Args:
            frame: where it starts.
            fps: frames a second, above 0.
            strength: factor of the intensities; none goes beyond 1.5.
            whole: put the corners on whole frames, with a frame at least for each onset and offset.
        """
        return [
            Cue(cue.expression, min(cue.intensity * strength, MAX_INTENSITY), *_placed(cue, frame, fps, whole))
            for cue in self.cues
        ]


def _placed(cue: Cue, frame: float, fps: float, whole: bool) -> tuple[float, float, float, float]:
    start, apex_start, apex_end, end = (
        frame + second * fps for second in (cue.start, cue.apex_start, cue.apex_end, cue.end)
    )
    if whole:
        start, apex_start = round(start), max(round(apex_start), round(start) + 1)
        apex_end = max(round(apex_end), apex_start)
        end = max(round(end), apex_end + 1)
    return start, apex_start, apex_end, end


def folder() -> Path:
    """Where the artist's own lie, perhaps not made yet: an extension's own folder, of a clone a common one."""
    try:
        return Path(bpy.utils.extension_path_user(PACKAGE, path="presets"))
    except ValueError:
        return Path(bpy.utils.user_resource("DATAFILES"), "mien", "presets")


@functools.cache
def shipped() -> tuple[Preset, ...]:
    """Those that come with Mien, in their order."""
    return tuple(_preset(entry, own=False) for entry in json.loads(SHIPPED.read_text(encoding="utf-8")))


def every() -> list[Preset]:
    """All presets: those that ship, then the artist's own by name. Files that cannot be read are passed over."""
    return [*shipped(), *(found for _, found in _own() if isinstance(found, Preset))]


def damaged() -> list[str]:
    """A sentence for each own file that cannot be read."""
    return [str(found) for _, found in _own() if isinstance(found, MienError)]


def find(name: str) -> Preset:
    """The preset of a name, in upper or lower case.

    Raises:
        MotionError: there is none.
    """
    for preset in every():
        if preset.name.casefold() == name.strip().casefold():
            return preset
    raise MotionError(f"There is no preset {name!r}.", "Choose one in the menu Add Expression.")


def save(name: str, wanted: Sequence[Cue], description: str = "", *, replace: bool = False) -> Preset:
    """Keeps cues as a preset of the artist's own; its file appears whole or not at all.

    Args:
        name: up to 60 letters.
        wanted: times in seconds; the first start becomes 0.
        description: what is seen.
        replace: take the place of an own preset of the same name.

    Raises:
        MotionError: no name, no cues, the name is taken, or the file cannot be written.
    """
    name = " ".join(name.split())
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise MotionError("The preset needs a name.", f"Give one of 1 to {MAX_NAME} letters.")
    if not wanted:
        raise MotionError("There is nothing to save.", "Add an expression first.")
    for other in every():
        if other.name.casefold() == name.casefold() and not (replace and other.own):
            remedy = "Choose another name, or replace it." if other.own else "It comes with Mien; choose another name."
            raise MotionError(f"There is a preset {other.name} already.", remedy)
    first = min(cue.start for cue in wanted)
    shown = [{field: _from_first(cue, field, first) for field in _FIELDS} for cue in wanted]
    content = {"name": name, "description": " ".join(description.split()), "unit": "seconds", "cues": shown}
    preset = _preset(content, own=True)
    try:
        _write(folder() / _file_name(name), json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    except OSError as problem:
        raise MotionError(f"The preset {name} cannot be saved ({problem.strerror}).") from problem
    return preset


def delete(name: str) -> None:
    """Takes a preset of the artist's own away.

    Raises:
        MotionError: there is none, it comes with Mien, or its file cannot be deleted.
    """
    wanted = find(name)
    if not wanted.own:
        raise MotionError(f"The preset {wanted.name} comes with Mien.", "Only presets of your own can be deleted.")
    for path, found in _own():
        if found == wanted:
            try:
                path.unlink()
            except OSError as problem:
                raise MotionError(f"The preset {name} cannot be deleted ({problem.strerror}).") from problem


def apply(
    obj: bpy.types.Object, preset: Preset, frame: float, fps: float, *, strength: float = 1.0, whole: bool = False
) -> list[Cue]:
    """Keys a preset on a face, all of it or nothing; where an expression is keyed already, the stronger counts.

    Args:
        obj: the face.
        preset: what.
        frame: where it starts.
        fps: frames a second, above 0.
        strength: factor of the intensities.
        whole: see `Preset.cues_at`.

    Returns:
        The cues in frames.

    Raises:
        MienError: the keys of one of its expressions cannot be edited; see `cues.obstacle`.
    """
    wanted = preset.cues_at(frame, fps, strength=strength, whole=whole)
    for expression in {cue.expression for cue in wanted}:
        problem = cues.obstacle(obj, expression)
        if problem is not None:
            raise problem
    for cue in wanted:
        motion.write_cue(obj, cue)
    return wanted


def _own() -> Iterator[tuple[Path, Preset | MienError]]:
    """The artist's files, by the names in them, each read or with what is wrong with it."""
    found: list[tuple[Path, Preset | MienError]] = []
    taken = {preset.name.casefold() for preset in shipped()}
    for path in sorted(folder().glob(f"*{SUFFIX}")):
        try:
            preset = _read(path)
            if preset.name.casefold() in taken:
                raise MotionError(f"The preset file {path.name} has the name of another one.", "Delete the file.")
            taken.add(preset.name.casefold())
            found.append((path, preset))
        except MienError as problem:
            found.append((path, problem))
    return iter(sorted(found, key=lambda pair: pair[1].name.casefold() if isinstance(pair[1], Preset) else ""))


def _read(path: Path) -> Preset:
    remedy = f"Delete it in {path.parent}."
    try:
        if path.stat().st_size > MAX_BYTES:
            raise MotionError(f"The preset file {path.name} is too big.", remedy)
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise MotionError(f"The preset file {path.name} cannot be read ({problem.strerror}).", remedy) from problem
    except (ValueError, RecursionError) as problem:
        raise MotionError(f"The preset file {path.name} is damaged.", remedy) from problem
    try:
        return _preset(content, own=True)
    except MienError as problem:
        raise MotionError(f"The preset file {path.name} makes no sense: {problem.sentence}", remedy) from problem


def _preset(entry: Any, *, own: bool) -> Preset:
    """A preset from what a JSON file says.

    Raises:
        MotionError: something is missing or makes no sense.
    """
    if not isinstance(entry, dict) or entry.get("unit") != "seconds" or not isinstance(entry.get("cues"), list):
        raise MotionError("It holds no cues in seconds.")
    name, description = entry.get("name"), entry.get("description", "")
    if not isinstance(name, str) or not name.strip() or len(name) > MAX_NAME or not name.isprintable():
        raise MotionError("It has no name.")
    if not isinstance(description, str):
        raise MotionError("It has no name.")
    found = [_cue(one) for one in entry["cues"]]
    if not found:
        raise MotionError("It holds no cues.")
    first = min(cue.start for cue in found)
    moved = (
        Cue(cue.expression, cue.intensity, *(round(_from_first(cue, field, first), 6) for field in _FIELDS[2:]))
        for cue in found
    )
    return Preset(name, description, tuple(moved), own)


def _cue(entry: Any) -> Cue:
    if not isinstance(entry, dict) or not set(_FIELDS) <= set(entry):
        raise MotionError("A cue is incomplete.")
    numbers = [entry[field] for field in _FIELDS[1:]]
    if any(isinstance(number, bool) or not isinstance(number, int | float) for number in numbers):
        raise MotionError("A cue holds something that is not a number.")
    if not isinstance(entry["expression"], str) or any(abs(number) > 1e5 for number in numbers):
        raise MotionError("A cue is beyond all measure.")
    return Cue(entry["expression"], *map(float, numbers))


def _from_first(cue: Cue, field: str, first: float) -> Any:
    value = getattr(cue, field)
    return round(value - first, 6) if field in _FIELDS[2:] else value


def _file_name(name: str) -> str:
    # Letters that every file system takes; the digits tell apart what has lost its others.
    plain = re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-")
    digits = hashlib.sha256(name.casefold().encode()).hexdigest()[:8]
    return f"preset-{plain[:40]}-{digits}{SUFFIX}"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=".preset-", delete=False) as beside:
        beside.write(text)
    temporary = Path(beside.name)
    try:
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
