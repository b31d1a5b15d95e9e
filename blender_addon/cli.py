"""Mien without a window: `blender --command mien bake …`, or `python -m blender_addon bake …` with the bpy wheel.

Exit codes, for a farm: 0 done; 1 the work failed; 2 wrong usage; 3 the input is no face that Mien knows; 130 cancelled.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import bpy

from . import api, motion, operator_base, scene_io
from .engine import DEVICES, ENGINES, EXPRESSIONS, Cancelled, Cue, MienError, MotionError
from .sample_face import add_sample_face

if TYPE_CHECKING:
    from collections.abc import Sequence

DONE, FAILED, USAGE, NO_FACE, CANCELLED = 0, 1, 2, 3, 130
_SAMPLE = "sample:"
_CUE_FIELDS = ("expression", "intensity", "start", "apex_start", "apex_end", "end")
_EPILOG = """\
cues: EXPRESSION:INTENSITY:START:APEX_START:APEX_END:END, times in frames, such as happy:0.8:0:12:24:36
cues.json: a list of objects with the keys expression, intensity, start, apex_start, apex_end, end (frames), or
           {"unit": "seconds", "cues": [...]}
exit codes: 0 done, 1 failed, 2 wrong usage, 3 no face that Mien knows, 130 cancelled
"""


_MOST_FRAMES = 1_048_574
"""Blender's own limit, before and after 0."""


class _Usage(Exception):
    """The command line makes no sense; the message says why."""


class _NoFace(Exception):
    """The input holds no face that fits; the message says what it holds."""


class _Parser(argparse.ArgumentParser):
    """Reports through an exception: inside Blender nobody may call sys.exit."""

    def error(self, message: str) -> NoReturn:
        raise _Usage(f"{self.format_usage()}{self.prog}: {message}")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        if message:
            sys.stderr.write(message)
        raise SystemExit(status)


def main(argv: Sequence[str] | None = None) -> int:  # noqa: PLR0911 - one for each kind of end
    """Runs one command; returns the exit code, never raises for what a person can put right.

    Args:
        argv: the words after `mien`; default, those of the process.
    """
    try:
        options = parser().parse_args(sys.argv[1:] if argv is None else list(argv))
        return _bake(options)
    except SystemExit:  # --help
        return DONE
    except _Usage as problem:
        return _tell(str(problem), USAGE)
    except _NoFace as problem:
        return _tell(str(problem), NO_FACE)
    except (KeyboardInterrupt, Cancelled):
        return _tell("Cancelled; nothing was written.", CANCELLED)
    except MienError as problem:
        return _tell(str(problem), FAILED)
    except MemoryError:
        return _tell("There is not enough memory for so many frames; bake fewer.", FAILED)
    except Exception as problem:
        if operator_base.RAISE_UNEXPECTED:
            raise
        report = operator_base.write_report()
        return _tell(f"Mien did not expect this ({problem}). A report lies in {report}", FAILED)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = _Parser(prog="mien", description="A neutral face performs.")
    commands = top.add_subparsers(dest="command", required=True, parser_class=_Parser)
    bake = commands.add_parser(
        "bake",
        help="bake a performance to shape keys",
        description="Bake a performance to shape keys, one a frame.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    bake.add_argument(
        "input", help=f"a neutral face: {', '.join(scene_io.INPUTS)}, or {_SAMPLE}NAME for a sample face of Mien's"
    )
    bake.add_argument("--cue", action="append", default=[], metavar="CUE", help="one expression in time; repeatable")
    bake.add_argument("--cues", type=Path, metavar="FILE", help="a JSON file of cues")
    bake.add_argument("--object", metavar="NAME", help="the face among the input's objects; default, the one that fits")
    bake.add_argument("--fps", type=float, help="frames a second; default, the scene's (24 in a new one)")
    bake.add_argument("--start", type=int, help="first frame; default, the first cue's start, or the scene's")
    bake.add_argument("--end", type=int, help="last frame; default, the last cue's end, or the scene's")
    bake.add_argument(
        "--out", action="append", type=Path, required=True, metavar="FILE", help=".blend or .glb; repeatable"
    )
    bake.add_argument("--engine", choices=ENGINES, default="auto")
    bake.add_argument("--device", choices=DEVICES, default="auto")
    bake.add_argument("--bundle", default="", metavar="FILE", help="a trained generator; default, the one of Mien")
    bake.add_argument("--quiet", action="store_true", help="say nothing unless something is wrong")
    return top


def _tell(text: str, code: int) -> int:
    sys.stderr.write(f"mien: {text}\n")
    return code


def _bake(options: argparse.Namespace) -> int:
    _check_usage(options)
    if options.input.startswith(_SAMPLE):
        scene_io.new()
        add_sample_face(options.input.removeprefix(_SAMPLE), bundle=options.bundle)
    else:
        scene_io.read(Path(options.input))
    scene = bpy.context.scene
    if options.fps is not None:
        scene.render.fps = max(1, math.ceil(options.fps))
        scene.render.fps_base = scene.render.fps / options.fps
    cues = read_cues(options.cue, options.cues, motion.frame_rate_of(scene))
    face = _face(options)
    for cue in cues:
        motion.write_cue(face, cue)
    start, end = _range(options, cues, scene)
    # What is baked is what plays, and what the glTF exporter writes.
    scene.frame_start, scene.frame_end = start, end
    say = None if options.quiet else _progress
    result = api.bake(
        face,
        start=start,
        end=end,
        engine_name=options.engine,
        device=options.device,
        bundle=options.bundle,
        progress=say,
    )
    scene.frame_set(start)
    scene_io.write(options.out)
    if not options.quiet:
        _say(f"{result} Written: {', '.join(map(str, options.out))}")
    return DONE


def _check_usage(options: argparse.Namespace) -> None:
    if options.fps is not None and not (math.isfinite(options.fps) and 0 < options.fps <= 1000):
        raise _Usage(f"the frame rate {options.fps} is not between 0 and 1000")
    kind = Path(options.input).suffix.lower()
    if kind not in scene_io.INPUTS and not options.input.startswith(_SAMPLE):
        raise _Usage(f"{Path(options.input).name}: give one of {', '.join(scene_io.INPUTS)}, or {_SAMPLE}NAME")
    try:
        scene_io.check_outputs(options.out)
        read_cues(options.cue, options.cues, 1.0)
    except MienError as problem:
        raise _Usage(str(problem)) from problem
    if not options.cue and options.cues is None and kind != ".blend":
        raise _Usage("give --cue or --cues; only a .blend can hold keyed strengths already")


def _progress(done: int, total: int) -> None:
    _say(f"{done} of {total} frames")


def _say(text: str) -> None:
    sys.stdout.write(f"mien: {text}\n")
    sys.stdout.flush()


def read_cues(words: Sequence[str], path: Path | None, fps: float) -> list[Cue]:
    """Cues of the command line and of a JSON file, in frames.

    Raises:
        MotionError: a cue makes no sense, or the file cannot be read.
    """
    # A field too many has no name and makes the cue as wrong as one too few.
    cues = [_cue(dict(zip_longest(_CUE_FIELDS, word.split(":"))), word, 1.0) for word in words]
    if path is None:
        return cues
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise MotionError(f"The cues {path} cannot be read ({problem.strerror}).") from problem
    except ValueError as problem:
        raise MotionError(f"The cues {path} are not JSON ({problem}).") from problem
    unit = content.get("unit", "frames") if isinstance(content, dict) else "frames"
    entries = content.get("cues") if isinstance(content, dict) else content
    if not isinstance(entries, list) or not entries or unit not in ("frames", "seconds"):
        raise MotionError(f"{path} holds no list of cues.", 'Write a list, or {"unit": "frames", "cues": [...]}.')
    factor = fps if unit == "seconds" else 1.0
    return cues + [_cue(entry, json.dumps(entry), factor) for entry in entries]


def _cue(entry: Any, source: str, factor: float) -> Cue:
    if not isinstance(entry, dict) or set(entry) != set(_CUE_FIELDS) or None in entry.values():
        raise MotionError(f"The cue {source} is incomplete.", f"Give {', '.join(_CUE_FIELDS)}.")
    try:
        numbers = [float(entry[name]) for name in _CUE_FIELDS[1:]]
    except (TypeError, ValueError, OverflowError) as problem:
        raise MotionError(f"The cue {source} holds something that is not a number.") from problem
    intensity, *times = numbers
    expression = str(entry["expression"]).lower()
    if expression not in EXPRESSIONS:
        raise MotionError(f"There is no expression {expression!r}.", f"Choose one of {', '.join(EXPRESSIONS)}.")
    if any(abs(time * factor) > _MOST_FRAMES for time in times):
        raise MotionError(
            f"The cue {source} goes beyond Blender's {_MOST_FRAMES:,} frames.", "Give frames of the scene."
        )
    return Cue(expression, intensity, *(time * factor for time in times))


def _face(options: argparse.Namespace) -> bpy.types.Object:
    found = scene_io.meshes()
    if options.object is not None:
        found = [one for one in found if one.name == options.object]
        if not found:
            raise _NoFace(f"The input has no mesh named {options.object!r}.")
    fits = [(one, api.fit(one, bundle=options.bundle)) for one in found]
    good = [one for one, verdict in fits if verdict.ok]
    if len(good) > 1:
        raise _Usage(f"several faces fit; choose with --object: {', '.join(one.name for one in good)}")
    if not good:
        said = "\n".join(f"{verdict.sentence} {verdict.remedy}".strip() for _, verdict in fits)
        if said and Path(options.input).suffix.lower() in {".glb", ".gltf"}:
            said += "\nglTF cuts a mesh with several materials apart; give it one material, or a .blend or .obj."
        raise _NoFace(said or "The input holds no mesh.")
    return good[0]


def _range(options: argparse.Namespace, cues: list[Cue], scene: bpy.types.Scene) -> tuple[int, int]:
    start, end = scene.frame_start, scene.frame_end
    if cues:
        start = math.floor(min(cue.start for cue in cues))
        end = math.ceil(max(cue.end for cue in cues))
    start = start if options.start is None else options.start
    end = end if options.end is None else options.end
    if end < start:
        raise _Usage(f"the range from {start} to {end} holds no frame")
    if start < -_MOST_FRAMES or end > _MOST_FRAMES:
        raise _Usage(f"the range from {start} to {end} goes beyond Blender's {_MOST_FRAMES:,} frames")
    if start < 0 and any(path.suffix.lower() == ".glb" for path in options.out):
        raise _Usage(f"a .glb begins at frame 0 or later, not at {start}; move the cues, or give --start 0")
    return start, end
