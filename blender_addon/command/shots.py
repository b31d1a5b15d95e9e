"""The shots of a batch: which face performs what, into which files; read from a JSON file."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from ..engine import MienError
from . import cli_options, cli_photo
from .cli_cues import CUE_FIELDS, preset_cues
from .cli_photo import PHOTO
from .command_line import Usage

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

_NAME = re.compile(r"\w[\w.+-]*( [\w.+-]+)*")
_LONGEST_NAME = 120
_OWN = {"name", "input", "photos", "cues", "out", "takes"}
_PLACES = {"out", "cache"}
_TAKE = "{take}"
_MOST_TAKES = 1000
_TOP = {"defaults", "shots", "faces", "performances", "out"}
_EXAMPLE = (
    'Write {"shots": [{"name": "anna", "input": "anna.obj", "cues": ["happy:1:0:12:24:36"], "out": "anna.glb"}]}.'
)
_PRESET = "preset:"
_RENAMED = {"bake_name": "name"}
"""Words of a shot that are called otherwise on the command line: a shot's name is its own."""


@dataclass(frozen=True)
class Shot:
    """One bake.

    Attributes:
        name: its own among the shots; a file name.
        words: what `mien` is called with.
        reads: files it is made from.
        writes: files it makes.
        asked: what the file of shots asks for, as JSON; says nothing of where that file lies.
    """

    name: str
    words: tuple[str, ...]
    reads: tuple[Path, ...]
    writes: tuple[Path, ...]
    asked: str

    def fingerprint(self) -> str:
        """Changes when the shot is asked for otherwise, or one of its files was written anew."""
        about: list[Any] = [self.asked]
        for path in self.reads:
            try:
                # Network drives and archives keep no more than milliseconds.
                about.append((path.stat().st_size, path.stat().st_mtime_ns // 1_000_000))
            except OSError:
                about.append(None)
        return hashlib.sha256(json.dumps(about).encode()).hexdigest()


def read_shots(path: Path) -> list[Shot]:
    """The shots of a file; places in it are relative to its folder. docs/farm.md tells what it may hold.

    Raises:
        MienError: not readable, not JSON, or a shot that makes no sense; with its name.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_without_doubles)
    except OSError as problem:
        raise MienError(f"The shots {path} cannot be read ({problem.strerror}).") from problem
    except ValueError as problem:
        raise MienError(f"The shots {path} are not JSON ({problem}).") from problem
    if not isinstance(content, dict):
        raise MienError(f"{path.name} holds no shots.", _EXAMPLE)
    if unknown := sorted(set(content) - _TOP):
        raise MienError(f"{path.name} has unknown words ({', '.join(unknown)}).", f"It may have {_listed(_TOP)}.")
    entries = content.get("shots", [])
    if not isinstance(entries, list):
        raise MienError(f'"shots" in {path.name} is no list.', _EXAMPLE)
    defaults = _object(content.get("defaults", {}), '"defaults"')
    merged = [{**defaults, **_object(entry, f"The shot {json.dumps(entry)}")} for entry in entries]
    merged += _every_face_with_every_performance(content, defaults)
    if not merged:
        raise MienError(f"{path.name} holds no shots.", _EXAMPLE)
    shots = [_shot(entry, path.resolve().parent) for whole in merged for entry in _takes(whole)]
    _check_apart(shots)
    return shots


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # JSON lets the last one win, and a face would vanish without a word.
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"{json.dumps(key)} stands there twice")
        found[key] = value
    return found


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MienError(f"{what} is no object.", 'Write {"…": …}.')
    return value


def _every_face_with_every_performance(content: dict[str, Any], defaults: dict[str, Any]) -> list[dict[str, Any]]:
    faces = _object(content.get("faces", {}), '"faces"')
    performances = _object(content.get("performances", {}), '"performances"')
    if bool(faces) != bool(performances):
        raise MienError('"faces" go with "performances".', "Give both: every face performs every performance.")
    shared = {**defaults, **({"out": content["out"]} if "out" in content else {})}
    entries = []
    for face, of_face in faces.items():
        for performance, of_performance in performances.items():
            own = of_face if isinstance(of_face, dict) else {"input": of_face}
            done = of_performance if isinstance(of_performance, dict) else {"cues": of_performance}
            entry = {**shared, **own, **done, "name": f"{face}-{performance}"}
            named = {"{face}": face, "{performance}": performance}
            entries.append(_with_places(entry, named))
    return entries


def _takes(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """An entry for each take that one asks for: their seeds follow each other, and so do their names."""
    count = entry.get("takes")
    rest = {key: value for key, value in entry.items() if key != "takes"}
    name, seed = entry.get("name"), entry.get("seed")
    if count is None:
        if any(isinstance(one, str) and _TAKE in one for key in _PLACES for one in _list(entry.get(key))):
            raise MienError(f'The shot {name} has {_TAKE} in a file name, and no "takes".', 'Give it "takes": 1.')
        return [rest]
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= _MOST_TAKES:
        raise MienError(
            f"The shot {name} asks for {json.dumps(count)} takes.", f"Give a whole number from 1 to {_MOST_TAKES}."
        )
    first = 1 if seed is None else seed
    if isinstance(first, bool) or not isinstance(first, int):
        raise MienError(f"The shot {name} has {json.dumps(seed)} for the seed of its first take.", "Give 1.")
    found = []
    for number in range(1, count + 1):
        own = f"{name}-take{number}" if isinstance(name, str) else name
        found.append({**_with_places(rest, {_TAKE: str(number)}), "name": own, "seed": first + number - 1})
    return found


def _with_places(entry: dict[str, Any], named: dict[str, str]) -> dict[str, Any]:
    """An entry with the words in braces filled in, in the names of the files that it makes."""
    filled = {key: [_filled(one, named) for one in _list(entry[key])] for key in _PLACES & set(entry)}
    return {**entry, **{key: found if key == "out" or len(found) != 1 else found[0] for key, found in filled.items()}}


def _filled(pattern: Any, named: dict[str, str]) -> Any:
    for word, value in named.items():
        pattern = pattern.replace(word, value) if isinstance(pattern, str) else pattern
    return pattern


def _shot(entry: dict[str, Any], folder: Path) -> Shot:
    name = entry.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        raise MienError(
            f"The shot {json.dumps(name)} has no name that could be a file's.",
            f'Give it a "name" of letters, digits, - and _, at most {_LONGEST_NAME}.',
        )
    entry = {key: value for key, value in entry.items() if value is not None}
    options = {key: one for key, one in cli_options.options().items() if key not in _RENAMED.values()}
    options |= {key: cli_options.options()[one] for key, one in _RENAMED.items() if one in cli_options.options()}
    if unknown := sorted(set(entry) - _OWN - set(options)):
        raise MienError(
            f"The shot {name} has unknown words ({', '.join(unknown)}).", f"It may have {_listed(_OWN | set(options))}."
        )
    entry = _with_places({"out": None, **entry}, {"{name}": name})
    reads: list[Path] = []
    words = ["bake", *_face(entry, folder, reads), *_cues(entry, folder, reads)]
    for key in sorted(set(entry) & set(options)):
        words += _option(name, options[key], entry[key], folder, reads)
    writes = _outputs(name, entry["out"], folder)
    words += [f"--out={path}" for path in writes]
    try:
        made = cli_options.understood(words)
    except (Usage, MienError) as problem:
        # Of what argparse says the last line is the sentence; before it stands how to call the command.
        raise MienError(f"The shot {name} makes no sense: {str(problem).splitlines()[-1]}") from problem
    # What a preset holds may change while its name stays.
    played = [str(preset_cues(word.removeprefix("--preset="), 1.0)) for word in words if word.startswith("--preset=")]
    asked = json.dumps([entry, played], sort_keys=True)
    return Shot(name, tuple(words), tuple(reads), tuple(made), asked)


def _face(entry: dict[str, Any], folder: Path, reads: list[Path]) -> list[str]:
    source = entry.get("input")
    if "photos" in entry:
        return [_photos(entry, folder, reads)]
    if not isinstance(source, str) or not source:
        raise MienError(f'The shot {entry["name"]} has no "input".', f"Name a file, or {cli_options.SAMPLE}Ada.")
    if source.startswith(cli_options.SAMPLE):
        return [source]
    if source.startswith(PHOTO):
        return [_photos({**entry, "input": None, "photos": _names(source, folder)}, folder, reads)]
    reads.append(folder / source)
    reads.extend(_buffers(folder / source))
    return [str(folder / source)]


def _photos(entry: dict[str, Any], folder: Path, reads: list[Path]) -> str:
    """The photos of a face as one word of the command line."""
    names = _list(entry["photos"])
    if not names or not all(isinstance(one, str) and one for one in names):
        raise MienError(f'The shot {entry["name"]} has no "photos".', 'Name files, such as "photos": ["anna.jpg"].')
    if entry.get("input") is not None:
        raise MienError(f'The shot {entry["name"]} has both "input" and "photos".', "Give one of them.")
    reads.extend(folder / one for one in names)
    return PHOTO + ",".join(str(folder / one) for one in names)


def _names(source: str, folder: Path) -> list[str]:
    return [str(one) for one in cli_photo.paths_in(source, folder)]


def _buffers(path: Path) -> list[Path]:
    """The files in which a .gltf keeps its mesh; none where it cannot be read, which is its shot's own trouble."""
    if path.suffix.lower() != ".gltf":
        return []
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        names = [str(one["uri"]) for one in found.get("buffers", []) if "uri" in one]
    except (OSError, ValueError, TypeError, AttributeError):
        return []
    return [path.parent / unquote(name) for name in names if not name.startswith("data:")]


def _cues(entry: dict[str, Any], folder: Path, reads: list[Path]) -> list[str]:
    cues = entry.get("cues", [])
    if isinstance(cues, str) and cues.endswith(".json"):
        reads.append(folder / cues)
        return [f"--cues={folder / cues}"]
    words = [_cue(cue, entry["name"]) for cue in _list(cues)]
    return [f"--preset={word.removeprefix(_PRESET)}" if word.startswith(_PRESET) else f"--cue={word}" for word in words]


def _cue(cue: Any, name: str) -> str:
    if isinstance(cue, str):
        return cue
    if not isinstance(cue, dict) or set(cue) != set(CUE_FIELDS):
        raise MienError(f"A cue of the shot {name} is incomplete.", f"Give {', '.join(CUE_FIELDS)}.")
    return ":".join(str(cue[word]) for word in CUE_FIELDS)


def _option(name: str, option: argparse.Action, value: Any, folder: Path, reads: list[Path]) -> list[str]:
    words = []
    for given in _list(value):
        # Of an option that may stand alone, yes and no are its two ends.
        one = int(given) if option.nargs == "?" and isinstance(given, bool) else given
        if isinstance(one, bool) or not isinstance(one, str | int | float):
            raise MienError(f"The shot {name} has {json.dumps(one)} for {option.dest}, which is no value.")
        text = str(int(one)) if isinstance(one, float) and one.is_integer() else str(one)
        if option.metavar == cli_options.FILE:
            text = str(folder / text)
            if option.dest not in cli_options.MADE:
                reads.append(Path(text))
        words.append(f"{option.option_strings[0]}={text}")  # one word, or a value below 0 would pass for an option
    return words


def _outputs(name: str, out: list[Any], folder: Path) -> list[Path]:
    if not out or not all(isinstance(one, str) and one for one in out):
        raise MienError(f'The shot {name} has no "out".', 'Name the files to write, such as "out": ["anna.blend"].')
    return [folder / one for one in out]


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _listed(words: Iterable[str]) -> str:
    return ", ".join(sorted(words))


def _check_apart(shots: Iterable[Shot]) -> None:
    """No two shots of a name or with a file in common, on systems too that do not tell a from A."""
    names: dict[str, str] = {}
    files: dict[str, str] = {}
    read = {_same(path): shot.name for shot in shots for path in shot.reads}
    for shot in shots:
        if shot.name.casefold() in names:
            raise MienError(f"Two shots are called {shot.name}.", "Give each a name of its own.")
        names[shot.name.casefold()] = shot.name
        for path in shot.writes:
            if (other := files.get(_same(path))) is not None:
                both = f"The shots {other} and {shot.name} write" if other != shot.name else f"The shot {other} writes"
                words = "{name}, or {face} and {performance}, or {take}"
                raise MienError(f"{both} {path.name} twice.", f'Put {words}, into "out".')
            if (other := read.get(_same(path))) is not None:
                raise MienError(
                    f"The shot {shot.name} writes over {path.name}, which {other} is made from.", "Write another file."
                )
            files[_same(path)] = shot.name


def _same(path: Path) -> str:
    return str(path.resolve()).casefold()
