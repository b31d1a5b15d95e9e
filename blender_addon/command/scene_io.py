"""Files in and out of a headless bake: .blend, .obj and .glb in; these and more out, whole or not at all."""

from __future__ import annotations

import shutil
import struct
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
import numpy as np

from ..engine import MienError
from . import exporting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

INPUTS = (".blend", ".obj", ".glb", ".gltf")
OUTPUTS = tuple(exporting.FORMATS)


def read(path: Path) -> None:
    """Opens a file as the scene; meshes keep their vertex order.

    Raises:
        MienError: not there, not readable, or of a kind that is not read.
    """
    path = path.resolve()  # Blender has its own idea of the working folder
    if not path.is_file():
        raise MienError(f"There is no file {path}.")
    kind = path.suffix.lower()
    if kind not in INPUTS:
        raise MienError(f"{path.name} is of no kind that can be read.", f"Give one of {', '.join(INPUTS)}.")
    try:
        if kind == ".blend":
            bpy.ops.wm.open_mainfile(filepath=str(path), load_ui=False)
            return
        new()
        if kind == ".obj":
            bpy.ops.wm.obj_import(filepath=str(path), use_split_objects=False, use_split_groups=False)
        else:
            bpy.ops.import_scene.gltf(filepath=str(path), merge_vertices=False)
            weld_all()
    except RuntimeError as problem:
        raise MienError(f"{path.name} cannot be read ({str(problem).strip()}).") from problem


def new() -> None:
    """An empty scene."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)


def meshes() -> list[bpy.types.Object]:
    """The scene's mesh objects, by name."""
    return sorted((one for one in bpy.context.scene.objects if one.type == "MESH"), key=lambda one: one.name)


def weld_all() -> None:
    """Joins what glTF split: it gives every corner with its own normal or texture coordinate a vertex of its own.

    Blender's importer can weld too, but sorts the vertices by place then; here the first of each keeps its turn.
    """
    for mesh in {obj.data for obj in meshes()}:
        if mesh.shape_keys is None:
            _weld(mesh)


def _weld(mesh: bpy.types.Mesh) -> None:
    flat = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.attributes["position"].data.foreach_get("vector", flat)
    positions = flat.reshape(-1, 3)
    first, group = first_of_equal(positions)
    if len(first) == len(positions):
        return
    import bmesh

    # bmesh carries along what hangs on corners and vertices: texture coordinates, colours, weights.
    work = bmesh.new()
    work.from_mesh(mesh)
    work.verts.ensure_lookup_table()
    target = first[group]
    moved = np.flatnonzero(target != np.arange(len(target)))
    bmesh.ops.weld_verts(work, targetmap={work.verts[one]: work.verts[target[one]] for one in moved.tolist()})
    work.to_mesh(mesh)
    work.free()
    mesh.update()


def first_of_equal(positions: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(M,) the first vertex at each place, ascending; (N,) for each vertex its number among them."""
    _, first, inverse = np.unique(positions, axis=0, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    return np.sort(first), rank[inverse.ravel()]


def write(paths: Sequence[Path], others: Mapping[Path, Callable[[Path], None]] | None = None) -> None:
    """Writes the scene to each path; no file appears, and none is replaced, unless all were written.

    Args:
        paths: where the scene goes.
        others: more files that belong to it, each with what writes it to the path that it is given.

    Raises:
        MienError: a folder is not there or cannot be written, a kind is not written, or cannot hold what plays.
    """
    check_outputs(paths)
    paths = [path.resolve() for path in paths]
    for path in paths:
        exporting.check(path.suffix.lower(), exporting.ways_playing())
    writers: dict[Path, Callable[[Path], None]] = {path.resolve(): one for path, one in (others or {}).items()}
    writers |= dict.fromkeys(paths, lambda spot: _export(spot, spot.suffix.lower()))
    done: list[tuple[Path, Path]] = []
    folders: list[Path] = []
    try:
        for path, writer in writers.items():
            temporary = _begun(path, folders)
            done.append((temporary, path))
            writer(temporary)
        for temporary, path in done:
            if temporary.parent in folders:
                _move_textures(temporary.parent, path.parent)
            temporary.chmod(0o644)
            temporary.replace(path)
    except (OSError, RuntimeError) as problem:
        raise MienError(f"The result cannot be written ({str(problem).strip()}).") from problem
    finally:
        for temporary, _ in done:
            temporary.unlink(missing_ok=True)
            Path(f"{temporary}1").unlink(missing_ok=True)  # Blender's backup of the empty file it wrote over
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)


def _begun(path: Path, folders: list[Path]) -> Path:
    """Where a file is written before it is whole: beside its place, in a folder of its own if more comes with it."""
    if exporting.makes_textures(path.suffix.lower()):
        folders.append(Path(tempfile.mkdtemp(dir=path.parent, prefix=".mien-")))
        return folders[-1] / path.name
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".mien-", suffix=path.suffix, delete=False) as spot:
        return Path(spot.name)


def _move_textures(written: Path, wanted: Path) -> None:
    made = written / exporting.TEXTURES
    if made.is_dir():
        (wanted / exporting.TEXTURES).mkdir(exist_ok=True)
        for file in made.iterdir():
            file.replace(wanted / exporting.TEXTURES / file.name)


def check_outputs(paths: Sequence[Path], way: str = "") -> None:
    """Whether the outputs can be written at all; asked before the work.

    Args:
        paths: the files.
        way: how the face will be baked, see ways.py; empty where that is not known yet.

    Raises:
        MienError: a folder is not there, a kind is not written here, or cannot hold this way to bake.
    """
    for path in paths:
        kind = path.suffix.lower()
        if kind not in OUTPUTS:
            kinds = f"{', '.join(OUTPUTS[:-1])} or {OUTPUTS[-1]}"
            raise MienError(f"{path.name} is of no kind that can be written.", f"Give {kinds}.")
        if not path.parent.is_dir():
            raise MienError(f"There is no folder {path.parent}.")
        if path.is_dir():
            raise MienError(f"{path} is a folder.", "Give the name of a file.")
        exporting.check(kind, [way])


def _export(path: Path, kind: str) -> None:
    exporting.export(path, kind)
    # Blender says that it has saved a file also where the disk was full.
    if kind == ".blend" and not is_whole(path):
        raise RuntimeError("Blender wrote only a part of it; is the disk full?")


_COMPRESSED = b"\x28\xb5\x2f\xfd"
_TABLE_END = 0x8F92EAB1


def is_whole(path: Path) -> bool:
    """Whether a .blend was written to its end, plain or compressed.

    A plain one ends with a block named so; a compressed one, in the seekable format of Zstandard, with a table of the
    sizes of its frames, which must come to the size of the file.
    """
    with path.open("rb") as file:
        start, size = file.read(len(_COMPRESSED)), file.seek(0, 2)
        if start != _COMPRESSED:
            file.seek(max(size - 64, 0))
            return b"ENDB" in file.read()
        file.seek(max(size - 9, 0))
        tail = file.read()
        count, descriptor, magic = struct.unpack("<IBI", tail) if len(tail) == 9 else (0, 0, 0)
        entry = 12 if descriptor & 0x80 else 8  # with checksums or without
        table = entry * count + 9
        if magic != _TABLE_END or table + 8 > size:
            return False
        file.seek(size - table)
        frames = file.read(entry * count)
    return sum(one[0] for one in struct.iter_unpack(f"<I{entry - 4}x", frames)) + table + 8 == size
