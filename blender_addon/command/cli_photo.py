"""`mien photo`: a face from photos is written; and what `mien bake` does with photos where a face could stand."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ..engine import MienError, PhotoError, photo_guide
from ..photo import fit_picture, reading
from ..photo.photo_job import SIZES, PhotoInput, PhotoJob
from . import cli_wrap, scene_io
from .command_line import DONE, NoFace, Usage, say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..photo.photo_job import PhotoResult

PHOTO = "photo:"
"""What the names of photos begin with, where a file of a face could stand."""

TEXTURE = 2048
"""Pixels of a texture's side where nothing else is asked for."""

_EPILOG = """\
All photos are of one person. Without the landmark finder, an extra in Mien's preferences, each needs landmarks:
marks.json: {"a.jpg": {"nose_tip": [x, y], ...}}, column and row in pixels of the photo as it is seen; the names:
            %s
            %d of them are enough, more are better.
exit codes: 0 done, 1 failed, 2 wrong usage, 3 no face that can be used in a photo, 130 cancelled
"""


def add_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Adds `photo` to the commands of `mien`."""
    photo = commands.add_parser(
        "photo",
        help="make a face from photos of a person",
        description="Make a neutral, textured face from photos of one person; it performs as a face that Mien knows.",
        epilog=_EPILOG % (", ".join(one.name for one in photo_guide.GUIDE), photo_guide.FEWEST),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    photo.add_argument(
        "photos", nargs="+", type=Path, metavar="PHOTO", help="a picture: JPEG, PNG and what Blender reads"
    )
    kinds = f"{', '.join(scene_io.OUTPUTS[:-1])} or {scene_io.OUTPUTS[-1]}"
    photo.add_argument("--out", action="append", type=Path, required=True, metavar="FILE", help=f"{kinds}; repeatable")
    photo.add_argument("--landmarks", type=Path, metavar="FILE", help="a JSON file of landmarks in the photos")
    photo.add_argument("--like", default="", metavar="NAME", help="which head it gets, such as ict")
    add_options(photo)
    photo.add_argument("--no-texture", dest="texture", action="store_const", const=0, help="plain materials instead")
    photo.add_argument("--name", default="", help="of the face; default, that of the first photo")
    photo.add_argument("--picture", type=Path, metavar="FILE", help="a .png to write: how the face lies on the photos")
    photo.add_argument("--bundle", default="", metavar="FILE", help="a trained generator; default, the one of Mien")
    photo.add_argument("--quiet", action="store_true", help="say nothing unless something is wrong")
    photo.set_defaults(run=_photo)


def add_options(group: argparse._ActionsContainer) -> None:
    """Adds the options that `mien photo` and `mien bake` share."""
    group.add_argument(
        "--texture",
        type=_size,
        metavar="PIXELS",
        help=f"of the texture's side, {SIZES[0]} to {SIZES[1]}, or 0 for none; default, {TEXTURE}",
    )
    group.add_argument(
        "--face",
        type=_number,
        action="append",
        metavar="N",
        help="which face, where a photo shows several: counted from the left; once for all photos, or for each",
    )


def _size(text: str) -> int:
    size = int(text) if text.isascii() and text.isdigit() else -1
    if size and not SIZES[0] <= size <= SIZES[1]:
        raise argparse.ArgumentTypeError(f"{text} is no number from {SIZES[0]} to {SIZES[1]}, nor 0")
    return size


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 1000):
        raise argparse.ArgumentTypeError(f"{text} is no number of a face, 1 or more")
    return int(text)


def _photo(options: argparse.Namespace) -> int:
    try:
        scene_io.check_outputs(options.out)
    except MienError as problem:
        raise Usage(str(problem)) from problem
    if options.picture is not None and options.picture.suffix.lower() != ".png":
        raise Usage(f"{options.picture.name}: a picture is a .png")
    if options.picture is not None:
        cli_wrap.check_places([options.picture])
    check(options, options.photos)
    scene_io.new()
    job, result = made(options, options.photos, name=options.name)
    pictures = {}
    if options.picture is not None:
        pictures[options.picture] = partial(fit_picture.write, job.template, job.views, job.fitted)
    scene_io.write(options.out, pictures)
    if not options.quiet:
        written = [*options.out, *([options.picture] if options.picture else [])]
        say(f"{result} Written: {', '.join(map(str, written))}")
    return DONE


def check(options: argparse.Namespace, photos: Sequence[Path]) -> None:
    """Whether the options for photos make sense together.

    Raises:
        Usage: they do not.
    """
    if len(options.face or ()) not in {0, 1, len(photos)}:
        raise Usage(f"give --face once, or once for each of the {len(photos)} photos")


def made(options: argparse.Namespace, photos: Sequence[Path], *, name: str = "") -> tuple[PhotoJob, PhotoResult]:
    """The face of photos, in the scene that is open; what `mien photo` and `mien bake` share.

    Raises:
        Usage: the landmarks cannot be read.
        NoFace: a photo shows no face that can be used.
        MienError: see `PhotoJob`.
    """
    marks = {} if options.landmarks is None else read_marks(options.landmarks, photos)
    which = options.face or [0]
    which = which if len(which) == len(photos) else which * len(photos)
    inputs = [
        PhotoInput(photo, marks=marks.get(photo, {}), which=number) for photo, number in zip(photos, which, strict=True)
    ]
    size = TEXTURE if options.texture is None else options.texture
    job = PhotoJob(inputs, name=name, like=options.like, bundle=options.bundle, size=size or TEXTURE, textured=size > 0)
    told = ""
    try:
        for step in job.compute():
            if step.doing != told and not options.quiet:
                told = step.doing
                say(f"{told} ({step.done} of {step.total})")
    except PhotoError as problem:
        raise NoFace(str(problem)) from problem
    result = job.finish()
    bpy.context.view_layer.update()
    return job, result


def paths_in(text: str, folder: Path = Path()) -> list[Path]:
    """The photos in a word such as "photo:a.jpg,b.jpg", relative to a folder.

    Where a name has commas of its own, the longest that is a file counts.
    """
    parts, found = text.removeprefix(PHOTO).split(","), []
    while parts:
        names = [",".join(parts[:count]) for count in range(len(parts), 0, -1)]
        name = next((one for one in names if one and (folder / one).is_file()), parts[0])
        del parts[: name.count(",") + 1]
        if name:
            found.append(folder / name)
    return found


def read_marks(path: Path, photos: Sequence[Path]) -> dict[Path, Mapping[str, list[float]]]:
    """The landmarks of a JSON file: photos -> names -> column and row, in pixels as the job takes them.

    Raises:
        Usage: the file cannot be read, or holds something else.
    """
    content = cli_wrap.read_json(path)
    if not isinstance(content, dict) or not content or not all(isinstance(one, dict) for one in content.values()):
        raise Usage(f'{path.name} holds no landmarks; write {{"a.jpg": {{"nose_tip": [x, y], ...}}}}')
    found: dict[Path, Mapping[str, list[float]]] = {}
    for name, marks in content.items():
        photo = next((one for one in photos if name in {one.name, str(one)}), None)
        if photo is None:
            raise Usage(f"{path.name}: {name} is none of the photos")
        scale = reading.scale_of(photo)
        for mark, place in marks.items():
            if not photo_guide.is_known(mark):
                raise Usage(f"{path.name}: there is no landmark {mark!r}; see mien photo --help")
            if not cli_wrap.is_place(place, 2):
                raise Usage(f"{path.name}: {mark} of {name} is no place; give two numbers")
        found[photo] = {mark: [scale * one for one in place] for mark, place in marks.items()}
    return found
