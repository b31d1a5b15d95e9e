# ruff: noqa: T201 - commands speak on standard output
"""`python -m training.wraps.sheet`: six expressions on four heads of four topologies, rendered by Blender."""

from __future__ import annotations

import importlib
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tyro

from core.errors import MienError
from core.motion import EXPRESSIONS
from core.wrapping.landmarks import is_known

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .cast import Actor, Piece

_COLOURS = {
    "skin": (0.80, 0.54, 0.44),
    "eyes": (0.90, 0.88, 0.86),
    "iris": (0.10, 0.16, 0.20),
    "teeth": (0.88, 0.84, 0.74),
    "gums": (0.62, 0.24, 0.26),
    "tongue": (0.62, 0.24, 0.26),
    "lashes": (0.05, 0.04, 0.04),
}
_IRIS_MM = 6.0
_EVERY = 30
_METRE = 0.001


@dataclass(frozen=True)
class Sheet:
    """Wraps four heads, lets them perform, and puts the pictures side by side."""

    facekit: Path
    """A clone of ICT-FaceKit or its packed file."""
    ict: Path = Path("dist/mien-ict-head.safetensors")
    """The ICT model pack."""
    out: Path = Path("docs/pictures/wrap_expressions.png")
    """The picture."""
    pixels: int = 260
    """Height of each face."""


def run(config: Sheet) -> int:
    """Renders the sheet; prints how good each wrap is."""
    import bpy  # noqa: F401 - before the mesh libraries, beside which it cannot be imported

    from core.bundle import read_bundle
    from training.benchmark import DEFAULT_BUNDLE
    from training.corpora.facekit import read_facekit

    from .cast import actors

    addon_utils: Any = importlib.import_module("addon_utils")
    addon = addon_utils.enable("blender_addon")
    ict = read_bundle(config.ict).template
    rows = []
    for actor in actors(read_facekit(config.facekit), ict, read_bundle(DEFAULT_BUNDLE).template):
        print(f"… {actor.title}", flush=True)
        rows.append(_row(addon, actor, config))
    _paste(rows, config.out)
    print(f"{config.out}: {len(rows)} heads, {', '.join(EXPRESSIONS)}")
    return 0


def _row(addon: Any, actor: Actor, config: Sheet) -> list[Any]:
    import bpy

    from training.preview import render, set_up

    operators: Any = bpy.ops
    operators.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scene: Any = bpy.context.scene
    scene.render.fps = 24
    face = _object("Head", [actor.skin, *actor.inner], scene)
    for number, piece in enumerate(actor.pieces):
        _object(f"Part.{number:03d}", [piece], scene)
    bundle = str(config.ict.resolve()) if actor.like == "ict" else ""
    if actor.like:
        landmarks = {name: tuple(_metres(place[None])[0]) for name, place in actor.landmarks.items() if is_known(name)}
        print(addon.api.wrap(face, landmarks, bundle=bundle))
    print(addon.api.find_parts(face, bundle=bundle))
    for number, expression in enumerate(EXPRESSIONS):
        first = 1 + number * _EVERY
        addon.api.add_expression(face, expression, 1.0, first, first + 10, first + 18, first + 28)
    scene.frame_start, scene.frame_end = 1, len(EXPRESSIONS) * _EVERY
    print(addon.api.bake(face, bundle=bundle))
    set_up(scene, face, config.pixels)
    _look_at(scene, actor)
    frames = [0, *(1 + number * _EVERY + 16 for number in range(len(EXPRESSIONS)))]
    with tempfile.TemporaryDirectory() as folder:
        return [render(scene, frame, Path(folder)) for frame in frames]


def _object(name: str, pieces: list[Piece], scene: Any) -> Any:
    """One mesh of some pieces, in metres, z up, smooth, in colours."""
    import bpy

    data: Any = bpy.data
    offsets = np.cumsum([0, *(len(piece.vertices) for piece in pieces)])
    points = np.concatenate([piece.vertices for piece in pieces])
    faces = [
        [corner + int(start) for corner in face]
        for piece, start in zip(pieces, offsets, strict=False)
        for face in piece.polygons
    ]
    mesh = data.meshes.new(name)
    mesh.from_pydata(_metres(points).tolist(), [], faces)
    mesh.shade_smooth()
    parts = [part for piece in pieces for part in _parts(piece)]
    for part in dict.fromkeys(parts):
        material = data.materials.get(part) or data.materials.new(part)
        material.diffuse_color = (*_COLOURS[part], 1.0)
        mesh.materials.append(material)
    index = {material.name: number for number, material in enumerate(mesh.materials)}
    mesh.polygons.foreach_set("material_index", np.array([index[part] for part in parts], np.int32))
    made = data.objects.new(name, mesh)
    scene.collection.objects.link(made)
    return made


def _parts(piece: Piece) -> list[str]:
    """What each polygon is: the front of an eyeball is its iris."""
    if piece.part != "eyes":
        return [piece.part] * len(piece.polygons)
    middle = np.array([piece.vertices[face].mean(axis=0) for face in piece.polygons])
    out = np.full(len(middle), "eyes", dtype=object)
    for side in (middle[:, 0] > 0, middle[:, 0] <= 0):
        if side.any():
            pole = middle[side][middle[side][:, 2].argmax()]
            out[side & (np.linalg.norm(middle - pole, axis=1) < _IRIS_MM)] = "iris"
    return [str(part) for part in out]


def _metres(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 3) mm, y up -> metres, z up."""
    return np.stack([points[:, 0], -points[:, 2], points[:, 1]], axis=1) * _METRE


def _look_at(scene: Any, actor: Actor) -> None:
    """The camera on the face alone, a little from the side."""
    names = ("nose_tip", "chin", "left_eye_outer", "right_eye_outer")
    places = _metres(np.stack([actor.landmarks[name] for name in names]))
    middle, height = places[0], float(places[2:, 2].mean() - places[1, 2])
    camera = scene.camera
    camera.data.ortho_scale = height * 2.6
    side = 0.22
    # The head lies behind the nose: beside it, seen from there.
    beside = middle + 0.3 * height * np.array([np.cos(side), np.sin(side), 0.0])
    camera.location = (beside[0] + 5 * np.sin(side), beside[1] - 5 * np.cos(side), beside[2] + 0.1 * height)
    camera.rotation_euler = (np.pi / 2, 0, side)


def _paste(rows: list[list[Any]], path: Path) -> None:
    from PIL import Image, ImageDraw, ImageFont

    width, height = rows[0][0].size
    line = height // 10
    sheet = Image.new("RGB", (width * len(rows[0]), height * len(rows) + line), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(line * 0.6)
    for number, title in enumerate(("neutral", *EXPRESSIONS)):
        draw.text((number * width + width // 2, line // 2), title, "black", font, "mm")
    for row, pictures in enumerate(rows):
        for column, picture in enumerate(pictures):
            sheet.paste(picture, (column * width, line + row * height))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.quantize(128).save(path, optimize=True)


def main() -> int:
    """0 done, 1 with one sentence what is wrong."""
    try:
        return run(tyro.cli(Sheet, prog="python -m training.wraps.sheet"))
    except MienError as problem:
        print(problem, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
