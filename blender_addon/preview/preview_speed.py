"""How much the live preview costs: `python -m blender_addon.preview.preview_speed` with the bpy wheel.

A face performs all six expressions; its frames are played with and without the preview, in turns, in one process. What
counts is the difference: reading the strengths, the network, handing the vertices over, and Blender's evaluation.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import TYPE_CHECKING

import bpy
import numpy as np

from .. import engine, register
from ..sample_face import make_mesh
from ..timeline import motion
from . import preview, preview_file, preview_session

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

FRAME = 1000 / 60
"""Milliseconds of a frame at 60 a second."""

_TURNS = 10
_WARM = 10
_PARTS = (
    (preview_session, "_timing", "strengths"),
    (preview_session.Course, "at", "encoder"),
    (engine.Performer, "decode", "network"),
    (preview_file, "write", "handing over"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Measures and prints; returns the exit code: 0 where the median is below a third of a frame, else 1."""
    program = "python -m blender_addon.preview.preview_speed"
    parser = argparse.ArgumentParser(prog=program, description=__doc__.splitlines()[0])
    parser.add_argument("--bundle", default="", metavar="FILE", help="a model pack; default, the bundle of Mien")
    parser.add_argument("--engine", action="append", choices=engine.ENGINES, help="repeatable; default, all there are")
    parser.add_argument("--frames", type=int, default=60, help="frames of a turn")
    parser.add_argument("--take", action="store_true", help="give a take with life")
    options = parser.parse_args(argv)
    engines = options.engine or (["numpy", "torch"] if engine.torch_is_there() else ["numpy"])
    return int(max(_measure(options, name) for name in engines) > FRAME / 3)


def _measure(options: argparse.Namespace, name: str) -> float:
    """Prints what one engine costs; returns the median of what the preview adds, ms."""
    face, bundle, frames = _face(options.bundle), options.bundle, options.frames
    face.mien.vary = face.mien.life = options.take
    chosen = preview.choice
    preview.choice = lambda _context: type(chosen(bpy.context))(bundle, name, "cpu")  # type: ignore[assignment]
    spent: dict[str, list[float]] = {}
    plain, shown = [], []
    try:
        preview.start(face)
        undo = [_timed(owner, part, spent.setdefault(title, [])) for owner, part, title in _PARTS]
        preview.stop(face)
        for _ in range(_TURNS):
            plain.append(_play(frames))
            preview.start(face)
            shown.append(_play(frames))
            preview.stop(face)
        for put_back in undo:
            put_back()
    finally:
        preview.choice = chosen
    without, times = float(np.median(plain)), np.concatenate(shown)
    added = float(np.median(times)) - without
    sys.stdout.write(
        f"{name}, {len(face.data.vertices):,} vertices: {added:.2f} ms a frame more than without preview "
        f"({added / FRAME:.0%} of a frame at 60 a second; 95 of 100 frames below "
        f"{float(np.percentile(times, 95)) - without:.2f} ms; without {without:.2f} ms)\n"
    )
    called = len(times)
    for title, values in spent.items():
        sys.stdout.write(f"    {title}: {1000 * float(np.median(values)) * round(len(values) / called):.2f} ms\n")
    return added


def _face(bundle: str) -> bpy.types.Object:
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    template = engine.load(bundle).bundle.template
    face = bpy.data.objects.new("Face", make_mesh("Face", template, template.vertices))
    bpy.context.collection.objects.link(face)
    for number, expression in enumerate(engine.EXPRESSIONS):
        motion.write_cue(face, engine.Cue(expression, 0.8, 10 * number, 10 * number + 8, 10 * number + 20, 90))
    return face


def _play(frames: int) -> NDArray[np.float64]:
    """Plays the first frames; (frames,) milliseconds of each, but for the first few, which make what is then kept."""
    out = []
    for frame in range(1 - _WARM, frames + 1):
        before = time.perf_counter()
        bpy.context.scene.frame_set(frame)
        out.append(1000 * (time.perf_counter() - before))
    return np.array(out[_WARM:])


def _timed(owner: object, name: str, spent: list[float]) -> Callable[[], None]:
    """Has the time that a function takes noted; returns what puts it back."""
    plain = getattr(owner, name)

    def timed(*args: object, **more: object) -> object:
        before = time.perf_counter()
        try:
            return plain(*args, **more)
        finally:
            spent.append(time.perf_counter() - before)

    setattr(owner, name, timed)
    return lambda: setattr(owner, name, plain)


if __name__ == "__main__":
    register()
    code = main()
    preview_file.forget_folder()
    sys.stdout.flush()
    # The wheels of 4.2 and 4.5 crash while Python shuts down, after the work.
    os._exit(code)
