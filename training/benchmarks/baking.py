"""The bake in Blender against Blender alone writing the same array: keys, their positions, their curves.

python -m training.benchmarks.baking BUNDLE ROUNDS: prints the seconds as JSON, last. A process of its own, for Blender
does not load beside the mesh library.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.generator import Generator

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from core.template import Template

FRAMES = 100
VERTICES = 14_062
"""The skin of an ICT head."""

_ADDON = "blender_addon"


def measure(bundle: Path, rounds: int) -> dict[str, float] | None:
    """`time_bake` in a process of its own; None where there is no Blender.

    Raises:
        subprocess.CalledProcessError: the other process failed.
    """
    if importlib.util.find_spec("bpy") is None:
        return None
    words = [sys.executable, "-m", "training.benchmarks.baking", str(bundle), str(rounds)]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - our own words
    seconds: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return seconds


def time_bake(bundle: Path, rounds: int) -> dict[str, float]:
    """Median seconds for 100 frames: "bare", "bare without curves", "mien", and "generate" for the motion alone.

    Each bakes onto a fresh object. Bare is what anyone would have to do: a shape key a frame, `points.foreach_set`,
    an F-curve of three keys.

    Args:
        bundle: the generator.
        rounds: how often each is timed, in turn.

    Raises:
        ImportError: there is no bpy here.
    """
    import bpy

    addon_utils = _addons()
    addon_utils.enable(_ADDON, default_set=True)
    preferences: Any = bpy.context.preferences
    preferences.addons[_ADDON].preferences.bundle = str(bundle)
    preferences.edit.use_global_undo = False
    generator = Generator.load(bundle)
    template = generator.template
    labels = np.zeros((FRAMES, len(generator.expressions)), np.float32)
    labels[:, 3] = 1
    positions = np.asarray(template.vertices / 1000 + generator.generate(labels) / 1000, np.float32)
    flat = positions.reshape(FRAMES, -1)
    ways: dict[str, Callable[[Any], float]] = {
        "bare": lambda face: _bare(face, flat, curves=True),
        "bare without curves": lambda face: _bare(face, flat, curves=False),
        "mien": _mien,
        "generate": lambda _: _timed(lambda: [None for _ in generator.stream(labels, reuse=True)]),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, way in ways.items():
            face = _face(template)
            taken = way(face)
            _remove(face)
            if turn:  # the first one loads
                seconds[name].append(taken)
    addon_utils.disable(_ADDON, default_set=True)
    return {name: float(np.median(taken)) for name, taken in seconds.items()}


def _addons() -> Any:
    import addon_utils  # bpy must be there before: it says where this lies

    return addon_utils


def _face(template: Template) -> Any:
    import bpy

    mesh = bpy.data.meshes.new("face")
    mesh.from_pydata((template.vertices / 1000).tolist(), [], template.triangles.tolist())
    face = bpy.data.objects.new("face", mesh)
    scene: Any = bpy.context.scene
    scene.collection.objects.link(face)
    return face


def _remove(face: Any) -> None:
    import bpy

    mesh = face.data
    bpy.data.objects.remove(face)
    bpy.data.meshes.remove(mesh)
    for action in list(bpy.data.actions):
        bpy.data.actions.remove(action)


def _bare(face: Any, frames: NDArray[np.float32], *, curves: bool) -> float:
    def run() -> None:
        face.shape_key_add(name="Basis", from_mix=False)
        for number, frame in enumerate(frames):
            key = face.shape_key_add(name=f"frame {number}", from_mix=False)
            key.points.foreach_set("co", frame)
            if curves:
                for moment, value in ((number, 0.0), (number + 1, 1.0), (number + 2, 0.0)):
                    key.value = value
                    key.keyframe_insert("value", frame=moment)

    return _timed(run)


def _mien(face: Any) -> float:
    import bpy

    scene: Any = bpy.context.scene
    operators: Any = bpy.ops
    scene.mien.face, scene.frame_start, scene.frame_end = face, 1, FRAMES
    operators.mien.add_expression(expression="happy", intensity=1.0, start=1, apex_start=20, apex_end=60, end=100)
    taken = _timed(operators.mien.bake)
    assert len(face.data.shape_keys.key_blocks) == FRAMES + 1
    return taken


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(time_bake(Path(sys.argv[1]), int(sys.argv[2]))) + "\n")
