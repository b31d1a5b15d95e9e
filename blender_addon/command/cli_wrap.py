"""`mien wrap`: a head of any topology is wrapped and written; `mien marks`: the landmarks that were picked on one."""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from .. import api
from ..detector import detect
from ..engine import landmarks
from ..wrapping import fit_look, marks, wrap_picture
from . import scene_io
from .command_line import DONE, NoFace, Usage, say

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..engine import Step

_BLEND = ".blend"
_FARTHEST = 1e30
"""Largest coordinate of a landmark; Blender's own are in single precision."""

_EPILOG = """\
marks.json: {"nose_tip": [x, y, z], ...}, in the object's own units and axes; the names:
            %s
            The last %d may be missing. `mien marks` writes those that were picked in a window.
exit codes: 0 done, 1 failed, 2 wrong usage, 3 no head, 130 cancelled
"""


def add_commands(commands: argparse._SubParsersAction[Any]) -> None:
    """Adds `wrap` and `marks` to the commands of `mien`."""
    names = ", ".join(one.name for one in landmarks.GUIDE)
    wrap = commands.add_parser(
        "wrap",
        help="let a head of any topology perform",
        description="Wrap a head of any topology; the .blend that is written performs as a face that Mien knows.",
        epilog=_EPILOG % (names, len(landmarks.GUIDE) - len(landmarks.NEEDED)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_input(wrap)
    wrap.add_argument("--landmarks", type=Path, metavar="FILE", help="a JSON file; default, those that were picked")
    wrap.add_argument("--like", default="", metavar="NAME", help="which head is wrapped onto it, such as ict")
    wrap.add_argument("--detect", action="store_true", help="find the landmarks; needs the extra in Mien's preferences")
    wrap.add_argument("--out", type=Path, required=True, metavar="FILE", help="the .blend to write")
    wrap.add_argument("--picture", type=Path, metavar="FILE", help="a .png to write: how far the head is from the wrap")
    wrap.add_argument("--bundle", default="", metavar="FILE", help="a trained generator; default, the one of Mien")
    wrap.add_argument("--quiet", action="store_true", help="say nothing unless something is wrong")
    wrap.set_defaults(run=_wrap)
    written = commands.add_parser("marks", help="write the landmarks that were picked on a head")
    _add_input(written)
    written.add_argument("--out", type=Path, required=True, metavar="FILE", help="the .json to write")
    written.set_defaults(run=_marks)


def _add_input(command: argparse.ArgumentParser) -> None:
    command.add_argument("input", help=f"a head at rest: {', '.join(scene_io.INPUTS)}")
    command.add_argument("--object", metavar="NAME", help="the head among the input's meshes; default, the only one")


def _wrap(options: argparse.Namespace) -> int:
    if options.out.suffix.lower() != _BLEND:
        raise Usage(f"{options.out.name}: a wrap is kept in a {_BLEND}")
    if options.picture is not None and options.picture.suffix.lower() != ".png":
        raise Usage(f"{options.picture.name}: a picture is a .png")
    if options.detect and options.landmarks is not None:
        raise Usage("give --landmarks or --detect, not both")
    placed = None if options.landmarks is None else read_landmarks(options.landmarks)
    check_places(path for path in (options.out, options.picture) if path is not None)
    head = _head(options)
    if options.detect:
        marks.clear(head)  # what was picked by hand would stay
        found = detect.find_marks(head, like=options.like, bundle=options.bundle)
        if not options.quiet:
            say(f"{len(found.marks)} landmarks found.")
    result = api.wrap(
        head,
        placed,
        like=options.like,
        bundle=options.bundle,
        progress=None if options.quiet else _progress,
    )
    bpy.context.scene.mien.face = head
    pictures = {}
    if options.picture is not None:
        pictures[options.picture] = partial(wrap_picture.write, fit_look.demand(head.data))
    scene_io.write([options.out], pictures)
    if not options.quiet:
        say(f"{result} Written: {', '.join(str(path) for path in (options.out, options.picture) if path)}")
    return DONE


def _marks(options: argparse.Namespace) -> int:
    if options.out.suffix.lower() != ".json":
        raise Usage(f"{options.out.name}: landmarks are written to a .json")
    check_places([options.out])
    head = _head(options)
    placed = marks.read(head)
    if not placed:
        raise NoFace(f"{head.name} has no landmarks. Place them in Blender's window first, and save.")
    text = json.dumps({name: [round(one, 6) for one in place.tolist()] for name, place in placed.items()}, indent=1)
    scene_io.write([], {options.out: lambda path: _write_text(path, text)})
    say(f"{len(placed)} landmarks of {head.name}. Written: {options.out}")
    return DONE


def _write_text(path: Path, text: str) -> None:
    path.write_text(text + "\n", encoding="utf-8")


def wrapped(options: argparse.Namespace) -> bpy.types.Object:
    """The head of the scene, wrapped by the landmarks of a file: what `mien bake --landmarks` begins with."""
    placed = read_landmarks(options.landmarks)
    head = _chosen(options)
    api.wrap(head, placed, like=options.like, bundle=options.bundle)
    return head


def read_landmarks(path: Path) -> dict[str, list[float]]:
    """The landmarks of a JSON file: names -> places in the object's units and axes.

    Raises:
        Usage: the file cannot be read, or holds something else.
    """
    content = read_json(path)
    if not isinstance(content, dict) or not content:
        raise Usage(f'{path.name} holds no landmarks; write {{"nose_tip": [x, y, z], ...}}')
    for name, place in content.items():
        if not landmarks.is_known(name):
            raise Usage(f"{path.name}: there is no landmark {name!r}; see mien wrap --help")
        if not is_place(place, 3):
            raise Usage(f"{path.name}: {name} is no place; give three numbers")
    return content


def read_json(path: Path) -> Any:
    """What a file of landmarks holds.

    Raises:
        Usage: it cannot be read, or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as problem:
        raise Usage(f"the landmarks {path} cannot be read ({problem.strerror})") from problem
    except RecursionError as problem:
        raise Usage(f"the landmarks {path} are not JSON of ours (too many brackets)") from problem
    except ValueError as problem:
        raise Usage(f"the landmarks {path} are not JSON ({problem})") from problem


def is_place(value: Any, numbers: int) -> bool:
    """Whether what JSON gave is a list of so many numbers that a place may have."""
    return isinstance(value, list) and len(value) == numbers and all(map(_is_number, value))


def _is_number(value: Any) -> bool:
    # Of numbers of any length, as JSON may hold them, a place holds none beyond this.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _FARTHEST


def _head(options: argparse.Namespace) -> bpy.types.Object:
    if Path(options.input).suffix.lower() not in scene_io.INPUTS:
        raise Usage(f"{Path(options.input).name}: give one of {', '.join(scene_io.INPUTS)}")
    scene_io.read(Path(options.input))
    return _chosen(options)


def _chosen(options: argparse.Namespace) -> bpy.types.Object:
    """The head among the scene's meshes."""
    found = scene_io.meshes()
    if options.object is not None:
        found = [one for one in found if one.name == options.object]
        if not found:
            raise NoFace(f"The input has no mesh named {options.object!r}.")
    if not found:
        raise NoFace("The input holds no mesh.")
    # Eyes and hair lie beside a head; landmarks that were picked tell which one it is.
    placed = [one for one in found if len(one.mien_marks)]
    if len(found) > 1 and len(placed) != 1:
        raise Usage(f"there are several meshes; choose the head with --object: {', '.join(one.name for one in found)}")
    return placed[0] if placed else found[0]


def check_places(paths: Iterable[Path]) -> None:
    """Raises Usage where a file cannot be written at a path, as far as can be told before."""
    for path in paths:
        if not path.resolve().parent.is_dir():
            raise Usage(f"there is no folder {path.resolve().parent}")
        if path.is_dir():
            raise Usage(f"{path} is a folder")


def _progress(step: Step) -> None:
    say(f"{step.doing} ({step.done} of {step.total})")
