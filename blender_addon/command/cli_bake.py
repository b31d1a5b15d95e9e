"""`mien bake`: a face from a file performs, and the result is written to files."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from .. import api, takes
from ..sample_face import add_sample_face
from ..timeline import motion
from . import cli_options, cli_photo, cli_wrap, scene_io
from .cli_cues import MOST_FRAMES, preset_cues, read_cues
from .cli_options import SAMPLE
from .cli_photo import PHOTO
from .command_line import DONE, NoFace, Usage, say

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from ..engine import Cue


def add_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Adds `bake` to the commands of `mien`."""
    bake = commands.add_parser("bake", help="bake a performance", **cli_options.ABOUT)
    cli_options.add_options(bake)
    bake.set_defaults(run=_bake)


def _bake(options: argparse.Namespace) -> int:
    cli_options.check(options)
    _open(options)
    scene = bpy.context.scene
    if options.fps is not None:
        scene.render.fps = max(1, math.ceil(options.fps))
        scene.render.fps_base = scene.render.fps / options.fps
    fps = motion.frame_rate_of(scene)
    cues = read_cues(options.cue, options.cues, fps)
    cues += [cue for word in options.preset for cue in preset_cues(word, fps)]
    wraps = options.landmarks is not None and not options.input.startswith(PHOTO)
    face = cli_wrap.wrapped(options) if wraps else _face(options)
    for cue in cues:
        motion.write_cue(face, cue)
    for name in cli_options.SHAPING:
        if getattr(options, name) is not None:
            setattr(face.mien, name, getattr(options, name))
    takes.change(face, options.seed, variation=options.variation, life=options.life)
    start, end = _range(options, cues, scene)
    # What is baked is what plays, and what the glTF exporter writes.
    scene.frame_start, scene.frame_end = start, end
    cache = cli_options.cache_of(options)
    with _whole(cache) as written:
        result = api.bake(
            face,
            start=start,
            end=end,
            step=options.step,
            way=options.way,
            tolerance=options.tolerance,
            name=options.name,
            variation=options.variation,
            cache="" if cache is None else cache.resolve(),  # Blender has its own idea of the working folder
            engine_name=options.engine,
            device=options.device,
            bundle=options.bundle,
            progress=None if options.quiet else _progress,
        )
        written.extend(result.files)
        scene.frame_set(start)
        scene_io.write(options.out)
    if not options.quiet:
        say(f"{result} Written: {', '.join(map(str, options.out))}")
    return DONE


def _open(options: argparse.Namespace) -> None:
    """The input as the scene."""
    if options.input.startswith(SAMPLE):
        scene_io.new()
        add_sample_face(options.input.removeprefix(SAMPLE), bundle=options.bundle)
    elif options.input.startswith(PHOTO):
        scene_io.new()
        _, result = cli_photo.made(options, cli_photo.paths_in(options.input))
        if result.warnings and not options.quiet:
            say(" ".join(result.warnings))
    else:
        scene_io.read(Path(options.input))


@contextlib.contextmanager
def _whole(cache: Path | None) -> Iterator[list[Path]]:
    """A mesh cache is written before the files that play it: where they fail, it is as it was before.

    Yields:
        A list for all files that were written; the parts' own are new ones.
    """
    written: list[Path] = []
    if cache is None:
        yield written
        return
    with tempfile.TemporaryDirectory(prefix=".mien-", dir=cache.parent) as folder:
        before = Path(folder, cache.name)
        if cache.is_file():
            _keep(cache, before)
        try:
            yield written
        except BaseException:
            for file in [cache, *written]:
                file.unlink(missing_ok=True)
            if before.is_file():
                before.replace(cache)
            raise


def _keep(file: Path, copy: Path) -> None:
    try:
        os.link(file, copy)  # costs nothing, however big it is
    except OSError:
        shutil.copyfile(file, copy)


def _progress(done: int, total: int) -> None:
    say(f"{done} of {total} frames")


def _face(options: argparse.Namespace) -> bpy.types.Object:
    found = scene_io.meshes()
    if options.object is not None:
        found = [one for one in found if one.name == options.object]
        if not found:
            raise NoFace(f"The input has no mesh named {options.object!r}.")
    fits = [(one, api.fit(one, bundle=options.bundle)) for one in found]
    good = [one for one, verdict in fits if verdict.ok]
    if len(good) > 1:
        raise Usage(f"several faces fit; choose with --object: {', '.join(one.name for one in good)}")
    if not good:
        said = "\n".join(f"{verdict.sentence} {verdict.remedy}".strip() for _, verdict in fits)
        if said and Path(options.input).suffix.lower() in {".glb", ".gltf"}:
            said += "\nglTF cuts a mesh with several materials apart; give it one material, or a .blend or .obj."
        raise NoFace(said or "The input holds no mesh.")
    return good[0]


def _range(options: argparse.Namespace, cues: list[Cue], scene: bpy.types.Scene) -> tuple[int, int]:
    start, end = scene.frame_start, scene.frame_end
    if cues:
        start = math.floor(min(cue.start for cue in cues))
        end = math.ceil(max(cue.end for cue in cues))
    start = start if options.start is None else options.start
    end = end if options.end is None else options.end
    if end < start:
        raise Usage(f"the range from {start} to {end} holds no frame")
    if start < -MOST_FRAMES or end > MOST_FRAMES:
        raise Usage(f"the range from {start} to {end} goes beyond Blender's {MOST_FRAMES:,} frames")
    other = next((path.suffix.lower() for path in options.out if path.suffix.lower() != ".blend"), "")
    if start < 0 and other:
        raise Usage(f"a {other} begins at frame 0 or later, not at {start}; move the cues, or give --start 0")
    return start, end
