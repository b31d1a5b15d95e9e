"""What `mien bake` may be asked for; a shot of a batch is asked with the same words."""

from __future__ import annotations

import argparse
import functools
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import properties
from ..baking.ways import WAYS
from ..engine import DEVICES, ENGINES, MAX_SEED, MienError
from ..takes import CALM
from . import cli_photo, exporting, scene_io
from .cli_cues import preset_cues, read_cues
from .cli_photo import PHOTO
from .command_line import Parser, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SAMPLE = "sample:"
"""What the name of a sample face begins with, where a file could stand."""

FILE = "FILE"
"""How the help calls the value of an option that is a file."""

MADE = frozenset({"out", "cache"})
"""Options that name files which are made, not read."""

SHAPING = ("gain", "brows", "eyes", "mouth", "balance", "speed", "mask")
"""Options that are properties of the face."""

_CACHE = "cache"
_EPILOG = """\
cues: EXPRESSION:INTENSITY:START:APEX_START:APEX_END:END, times in frames, such as happy:0.8:0:12:24:36
cues.json: a list of objects with the keys expression, intensity, start, apex_start, apex_end, end (frames), or
           {"unit": "seconds", "cues": [...]}
exit codes: 0 done, 1 failed, 2 wrong usage, 3 no face that Mien knows, 130 cancelled
"""
ABOUT: dict[str, Any] = {
    "description": "Bake a performance: to shape keys, one a frame, or in another --way.",
    "epilog": _EPILOG,
    "formatter_class": argparse.RawDescriptionHelpFormatter,
}


def parser() -> Parser:
    """The command line of `mien bake` alone."""
    alone = Parser(prog="mien bake", **ABOUT)
    add_options(alone)
    return alone


@functools.cache
def options() -> dict[str, argparse.Action]:
    """The options that change a bake, by their names: what a shot may ask for besides face, cues and files."""
    apart = {"help", "cue", "cues", "out", "quiet"}
    actions = parser()._actions  # noqa: SLF001 - argparse tells no other way
    found = {one.dest: one for one in actions if one.option_strings}
    return {name: one for name, one in found.items() if name not in apart}


def understood(words: Sequence[str]) -> list[Path]:
    """Whether words for `mien` make sense, as far as can be told without a look at files.

    Args:
        words: those after `mien`, with "bake" in front.

    Returns:
        The files that they make.

    Raises:
        Usage: they make no sense.
    """
    parsed = parser().parse_args(list(words)[1:])
    _check_words(parsed)
    made = cache_of(parsed)
    return [*parsed.out, *([made] if made else [])]


def add_options(bake: argparse.ArgumentParser) -> None:
    """Adds what a bake may be asked for."""
    bake.add_argument(
        "input",
        help=f"a neutral face: {', '.join(scene_io.INPUTS)}, {SAMPLE}NAME for a sample face of Mien's, or "
        f"{PHOTO}A.jpg,B.jpg for photos of a person",
    )
    when = bake.add_argument_group("what is performed, and when")
    when.add_argument("--cue", action="append", default=[], metavar="CUE", help="one expression in time; repeatable")
    when.add_argument("--cues", type=Path, metavar=FILE, help="a JSON file of cues")
    when.add_argument(
        "--preset", action="append", default=[], metavar="NAME:FRAME", help="a preset, from a frame on; repeatable"
    )
    when.add_argument("--object", metavar="NAME", help="the face among the input's objects; default, the one that fits")
    when.add_argument("--fps", type=float, help="frames a second; default, the scene's (24 in a new one)")
    when.add_argument("--start", type=int, help="first frame; default, the first cue's start, or the scene's")
    when.add_argument("--end", type=int, help="last frame; default, the last cue's end, or the scene's")
    _add_property(when, properties.MienScene, "step", default=1.0)
    how = bake.add_argument_group("what it becomes")
    kinds = f"{', '.join(scene_io.OUTPUTS[:-1])} or {scene_io.OUTPUTS[-1]}"
    how.add_argument("--out", action="append", type=Path, required=True, metavar=FILE, help=f"{kinds}; repeatable")
    how.add_argument(
        "--way",
        choices=[way.name for way in WAYS],
        default="keys",
        help="; ".join(f"{way.name}: {way.title}" for way in WAYS),
    )
    _add_property(how, properties.MienScene, "tolerance", default=0.05)
    how.add_argument("--name", default="", help="of the bake; one of this name is replaced")
    how.add_argument("--cache", type=Path, metavar=FILE, help="the .pc2 of --way cache; default, beside the .blend")
    shaping = bake.add_argument_group("how the face's motion is shaped; default, as the face has it")
    for name in SHAPING:
        _add_property(shaping, properties.MienFace, name)
    _add_take(bake)
    wrap = bake.add_argument_group("a head of another topology; better once, with `mien wrap`, than for every bake")
    wrap.add_argument(
        "--landmarks",
        type=Path,
        metavar=FILE,
        help="wrap it first, by a JSON file of landmarks; of photos, those in them",
    )
    wrap.add_argument("--like", default="", metavar="NAME", help="which head is wrapped onto it, such as ict")
    cli_photo.add_options(bake.add_argument_group("a face from photos; better once, with `mien photo`"))
    bake.add_argument("--engine", choices=ENGINES, default="auto")
    bake.add_argument("--device", choices=DEVICES, default="auto")
    bake.add_argument("--bundle", default="", metavar=FILE, help="a trained generator; default, the one of Mien")
    bake.add_argument("--quiet", action="store_true", help="say nothing unless something is wrong")


def _add_take(bake: argparse.ArgumentParser) -> None:
    """The options for the take, with the limits and the words of the face's settings."""
    take = bake.add_argument_group("which performance is given; default, as the face has it")
    take.add_argument(
        "--seed",
        type=_seed,
        metavar="N",
        help=f"one natural performance out of many; {CALM} for the calm mean of all people with such a face",
    )
    _add_property(take, properties.MienFace, "variation")
    take.add_argument(
        "--life",
        type=_number(0.0, 1.0),
        nargs="?",
        const=1.0,
        metavar="X",
        help="blinks and small movements: how large these are, 0 for neither; alone, 1."
        " (before the input, write --life=1)",
    )


def _seed(text: str) -> int | str:
    if text == CALM:
        return text
    if not (text.isascii() and text.isdigit() and int(text) <= MAX_SEED):
        raise argparse.ArgumentTypeError(f"{text} is no whole number from 0 to {MAX_SEED}, nor {CALM}")
    return int(text)


def _add_property(group: argparse._ArgumentGroup, owner: type, name: str, default: float | None = None) -> None:
    """An option for a property of Blender's, with its tooltip and its limits."""
    about = owner.bl_rna.properties[name]  # type: ignore[attr-defined]
    if about.type == "STRING":
        group.add_argument(f"--{name}", metavar="NAME", help=about.description)
        return
    read = _number(about.hard_min, about.hard_max)
    group.add_argument(f"--{name}", type=read, default=default, metavar="X", help=about.description.replace("%", "%%"))


def _number(low: float, high: float) -> Callable[[str], float]:
    low, high = round(low, 6), round(high, 6)  # Blender keeps them in single precision

    def read(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not low <= number <= high:
            raise argparse.ArgumentTypeError(f"{text} is not a number between {low:g} and {high:g}")
        return number

    return read


def check(parsed: argparse.Namespace) -> None:
    """Whether all can be done that is asked for; before the work.

    Raises:
        Usage: it cannot.
    """
    _check_words(parsed)
    try:
        scene_io.check_outputs(parsed.out, parsed.way)
        read_cues((), parsed.cues, 1.0)
    except MienError as problem:
        raise Usage(str(problem)) from problem
    made = cache_of(parsed)
    if made is not None and not made.resolve().parent.is_dir():
        raise Usage(f"there is no folder {made.resolve().parent} for the mesh cache")


def _check_words(parsed: argparse.Namespace) -> None:
    if parsed.fps is not None and not (math.isfinite(parsed.fps) and 0 < parsed.fps <= 1000):
        raise Usage(f"the frame rate {parsed.fps} is not between 0 and 1000")
    kind = Path(parsed.input).suffix.lower()
    from_photos = parsed.input.startswith(PHOTO)
    if kind not in scene_io.INPUTS and not parsed.input.startswith((SAMPLE, PHOTO)):
        inputs = f"{', '.join(scene_io.INPUTS)}, {SAMPLE}NAME or {PHOTO}FILES"
        raise Usage(f"{Path(parsed.input).name}: give one of {inputs}")
    _check_photos(parsed)
    for path in parsed.out:
        if path.suffix.lower() not in scene_io.OUTPUTS:
            raise Usage(f"{path.name} is of no kind that can be written; give {' or '.join(scene_io.OUTPUTS)}")
    _check_cache(parsed)
    try:
        for path in parsed.out:
            exporting.check(path.suffix.lower(), [parsed.way])
        read_cues(parsed.cue, None, 1.0)
        for word in parsed.preset:
            preset_cues(word, 1.0)
    except MienError as problem:
        raise Usage(str(problem)) from problem
    if parsed.like and parsed.landmarks is None and not from_photos:
        raise Usage("--like is for --landmarks, or photos")
    if not parsed.cue and not parsed.preset and parsed.cues is None and not parsed.life and kind != ".blend":
        raise Usage("give --cue, --cues, --preset or --life; only a .blend can hold keyed strengths already")


def _check_photos(parsed: argparse.Namespace) -> None:
    if not parsed.input.startswith(PHOTO):
        if parsed.texture is not None or parsed.face is not None:
            raise Usage(f"--texture and --face are for {PHOTO}FILES")
        return
    photos = cli_photo.paths_in(parsed.input)
    if not photos:
        raise Usage(f"{PHOTO} names no photo; write {PHOTO}anna.jpg")
    cli_photo.check(parsed, photos)


def _check_cache(parsed: argparse.Namespace) -> None:
    if parsed.way != _CACHE and parsed.cache is not None:
        raise Usage(f"--cache is for --way {_CACHE}")
    if parsed.way == _CACHE and cache_of(parsed) is None:
        raise Usage("where is the mesh cache to lie? Give --out a .blend, or --cache")
    if parsed.cache is not None and parsed.cache.suffix.lower() != ".pc2":
        raise Usage(f"{parsed.cache.name}: a mesh cache is a .pc2")


def cache_of(parsed: argparse.Namespace) -> Path | None:
    """The mesh cache that is made; None for another way, or where it has no place."""
    if parsed.way != _CACHE:
        return None
    if parsed.cache is not None:
        return Path(parsed.cache)
    return next((path.with_suffix(".pc2") for path in parsed.out if path.suffix.lower() == ".blend"), None)
