"""The ways to bake beside each other in Blender: seconds, sizes, errors, playback, and what exports lose."""

from __future__ import annotations

import base64
import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.generator import Generator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from core.template import Template

WAYS = ("keys", "absolute", "compact", "own", "cache")
CUES = (("happy", 0.9, 1, 13, 25, 37), ("surprise", 0.9, 33, 43, 55, 67), ("angry", 0.9, 63, 75, 87, 99))
"""The performance, in frames of 24 a second: one expression goes over into the next."""

_MM = 1000.0
_AXES = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], np.float32)
_ADDON = "blender_addon"
_READERS: dict[str, tuple[str, str, dict[str, Any]]] = {
    ".glb": ("import_scene", "gltf", {"merge_vertices": False}),
    ".fbx": ("import_scene", "fbx", {"anim_offset": 0.0}),
    ".usdc": ("wm", "usd_import", {}),
    ".abc": ("wm", "alembic_import", {}),
}


@dataclass(frozen=True)
class Head:
    """A head that performs.

    Attributes:
        name: for the table.
        bundle: of its generator.
        template: its mesh.
        vertices: (V, 3) float32 mm, the face at rest.
        keys: name -> (V, 3) float32 mm, what an artist's own shape keys show.
        keys_are: what these keys are, in words.
    """

    name: str
    bundle: Path
    template: Template
    vertices: NDArray[np.float32]
    keys: Mapping[str, NDArray[np.float32]]
    keys_are: str


def measure(head: Head, frames: int, rounds: int) -> dict[str, dict[str, Any]]:
    """Way -> its figures.

    "seconds" of the bake (median), "blend_mb" and "cache_mb", "keys" that were made, "error_mm" (the largest distance
    of any vertex in any frame between what Blender shows and what the generator made), "rms_mm" (the root of the mean
    of its square), "told_mm" (what the bake said), "play_ms" a frame (median) and "play_ratio" to the way "keys",
    "exports" (kind -> "megabytes" and largest "error_mm" after export and import; None: refused).

    Args:
        head: who performs.
        frames: how many are baked, from frame 1 on.
        rounds: how often each way plays, in turn; a third as often it is baked.

    Raises:
        ImportError: there is no bpy here.
    """
    import bpy

    addons = _addons()
    figures: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        bench = _Bench(addons.enable(_ADDON), head, frames, Path(folder))
        for way in WAYS:
            figures[way] = bench.one(way, max(1, rounds // 3))
        for way, taken in bench.play(rounds).items():
            figures[way]["play_ms"] = taken * 1000 / frames
        operators: Any = bpy.ops
        operators.wm.read_homefile(use_empty=True, use_factory_startup=True)
    for one in figures.values():
        one["play_ratio"] = one["play_ms"] / figures["keys"]["play_ms"]
    addons.disable(_ADDON)
    return figures


@dataclass(frozen=True)
class _Bench:
    """Where it happens: the extension as Blender hands it over, the head, how many frames, a folder for files."""

    addon: Any
    head: Head
    frames: int
    folder: Path

    def one(self, way: str, rounds: int) -> dict[str, Any]:
        """All of a way but its playback; the scene is its own."""
        seconds = []
        for _ in range(rounds):
            scene = _new_scene(self.frames)
            face = self._face(scene, way)
            before = self._blend_bytes()
            begun = time.perf_counter()
            result = self._bake(face, scene, way)
            seconds.append(time.perf_counter() - begun)
        off = _world(face, scene, range(1, self.frames + 1)) - self._expected(face)
        cache = self.folder / f"{way}.pc2"
        return {
            "seconds": float(np.median(seconds)),
            "blend_mb": (self._blend_bytes() - before) / 1e6,
            "cache_mb": cache.stat().st_size / 1e6 if cache.is_file() else 0.0,
            "keys": len(result.keys),
            "error_mm": _farthest(off),
            "rms_mm": float(np.sqrt((off**2).sum(axis=2).mean()) * _MM),
            "told_mm": result.error_mm,
            "exports": self._exports(face, scene, way),
        }

    def _exports(self, face: Any, scene: Any, way: str) -> dict[str, dict[str, float] | None]:
        """Kind -> megabytes and what is lost; all are written before the scene goes to read the first."""
        everywhere = _world(face, scene, range(scene.frame_start, scene.frame_end + 1))
        paths = [self.folder / f"{way}{kind}" for kind in _READERS]
        written = {}
        for path in paths:
            try:
                self.addon.scene_io.write([path])
                written[path.suffix] = path.stat().st_size / 1e6
            except self.addon.engine.MienError:
                continue
        found: dict[str, dict[str, float] | None] = dict.fromkeys(_READERS)
        for kind, size in written.items():
            found[kind] = {"megabytes": size, "error_mm": _read_again(self.folder / f"{way}{kind}", everywhere)}
        return found

    def play(self, rounds: int) -> dict[str, float]:
        """Way -> median seconds for all frames; each has a scene of its own, and they take turns."""
        import bpy

        _new_scene(self.frames)
        data: Any = bpy.data
        scenes = {}
        for way in WAYS:
            scene = data.scenes.new(way)
            scene.render.fps, scene.frame_start, scene.frame_end = 24, 0, self.frames + 1
            self._bake(self._face(scene, way), scene, way)
            scenes[way] = scene
        seconds: dict[str, list[float]] = {way: [] for way in WAYS}
        for turn in range(rounds + 1):
            for way, scene in scenes.items():
                scene.frame_set(0)
                begun = time.perf_counter()
                for frame in range(1, self.frames + 1):
                    scene.frame_set(frame)
                if turn:  # the first one loads
                    seconds[way].append(time.perf_counter() - begun)
        return {way: float(np.median(taken)) for way, taken in seconds.items()}

    def _bake(self, face: Any, scene: Any, way: str) -> Any:
        options: dict[str, Any] = {"cache": self.folder / f"{way}.pc2"} if way == "cache" else {}
        options |= {"start": 1, "end": self.frames, "way": way, "engine_name": "numpy", "bundle": str(self.head.bundle)}
        return self.addon.api.bake(face, scene=scene, **options)

    def _face(self, scene: Any, way: str) -> Any:
        """The head with its cues, and with its own keys where they count."""
        face = _object(self.head, scene)
        if way == "own":
            face.shape_key_add(name="Basis", from_mix=False)
            for name, shape in self.head.keys.items():
                key = face.shape_key_add(name=name, from_mix=False)
                key.value = 0.0
                key.points.foreach_set("co", _metres(self.head.vertices + shape).ravel())
        for cue in CUES:
            self.addon.api.add_expression(face, *cue)
        return face

    def _blend_bytes(self) -> int:
        """Of this scene as a .blend, uncompressed."""
        import bpy

        path = self.folder / "size.blend"
        operators: Any = bpy.ops
        operators.wm.save_as_mainfile(filepath=str(path), copy=True, compress=False)
        return path.stat().st_size

    def _expected(self, face: Any) -> NDArray[np.float64]:
        """(T, V, 3) where the generator wants the vertices: from the record of the bake, by core alone."""
        record = json.loads(face.data.mien.bakes[0].text)
        labels, times = (_array(record[name]) for name in ("labels", "times"))
        generator = Generator.load(self.head.bundle, "numpy")
        moved = np.concatenate([chunk for _, chunk in generator.stream(labels, times=times)])
        fit = self.addon.api.fit(face, bundle=str(self.head.bundle))
        return np.asarray(_metres(self.head.vertices) + moved @ fit.to_local.T)


def _addons() -> Any:
    import bpy  # noqa: F401 - it says where the other one lies
    import addon_utils  # isort: skip

    return addon_utils


def _new_scene(frames: int) -> Any:
    import bpy

    operators: Any = bpy.ops
    operators.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scene: Any = bpy.context.scene
    scene.render.fps, scene.frame_start, scene.frame_end = 24, 0, frames + 1
    return scene


def _object(head: Head, scene: Any) -> Any:
    """The head in metres, z up; its texture coordinates tell the numbers of the vertices."""
    import bpy

    data: Any = bpy.data
    mesh = data.meshes.new(head.name)
    corners = [[corner for corner in face if corner >= 0] for face in head.template.polygons.tolist()]
    mesh.from_pydata(_metres(head.vertices).tolist(), [], corners)
    mesh.shade_smooth()
    which = np.empty(len(mesh.loops), np.int32)
    mesh.loops.foreach_get("vertex_index", which)
    texture = np.stack([which, np.zeros_like(which)], axis=1).astype(np.float32)
    mesh.uv_layers.new(name="UVMap").data.foreach_set("uv", texture.ravel())
    face = data.objects.new(head.name, mesh)
    scene.collection.objects.link(face)
    return face


def _metres(vertices: NDArray[np.float32]) -> NDArray[np.float32]:
    """(V, 3) mm in the template's axes as metres in Blender's."""
    return np.asarray(vertices @ _AXES.T / _MM, np.float32)


def _array(content: Mapping[str, Any]) -> NDArray[Any]:
    return np.frombuffer(base64.b64decode(content["data"]), content["type"]).reshape(content["shape"])


def _world(face: Any, scene: Any, frames: range) -> NDArray[np.float64]:
    """(T, V, 3) where the vertices are, as Blender shows them."""
    import bpy

    found = []
    for frame in frames:
        scene.frame_set(frame)
        context: Any = bpy.context
        seen = face.evaluated_get(context.evaluated_depsgraph_get())
        flat = np.empty(len(seen.data.vertices) * 3, np.float32)
        seen.data.vertices.foreach_get("co", flat)
        matrix = np.array(seen.matrix_world)
        found.append(flat.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3])
    return np.stack(found)


def _read_again(path: Path, expected: NDArray[np.float64]) -> float:
    """The largest distance in mm of any vertex at any frame, in an empty scene, from where it was."""
    import bpy

    scene = _new_scene(len(expected) - 2)
    module, name, options = _READERS[path.suffix]
    getattr(getattr(bpy.ops, module), name)(filepath=str(path), **options)
    obj = next(one for one in scene.objects if one.type == "MESH")
    mesh = obj.data
    texture, corners = np.empty(len(mesh.loops) * 2, np.float32), np.empty(len(mesh.loops), np.int32)
    mesh.uv_layers[0].data.foreach_get("uv", texture)
    mesh.loops.foreach_get("vertex_index", corners)
    which = np.zeros(len(mesh.vertices), int)
    which[corners] = np.round(texture[::2])
    return _farthest(_world(obj, scene, range(len(expected))) - expected[:, which])


def _farthest(off: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(off, axis=2).max() * _MM)
