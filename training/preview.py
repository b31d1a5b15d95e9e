"""`python -m training.preview`: pictures of a baked face, a sheet and a film, rendered by Blender's Workbench."""
# ruff: noqa: T201 - commands speak on standard output

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from core.errors import MienError


@dataclass(frozen=True)
class Preview:
    """Pictures of a baked .blend: chosen frames side by side, or all of them as a film."""

    blend: Annotated[Path, tyro.conf.Positional]
    """The baked file."""
    sheet: Path | None = None
    """PNG of the chosen frames side by side."""
    frames: tuple[int, ...] = ()
    """Frames of the sheet."""
    titles: tuple[str, ...] = ()
    """A word below each of them."""
    film: Path | None = None
    """GIF of the whole range."""
    step: int = 2
    """Every n-th frame of the range goes into the film."""
    pixels: int = 300
    """Height of a picture."""


def run(config: Preview) -> int:
    """Renders what was asked for.

    Raises:
        MienError: there is no face with shape keys in the file.
    """
    import bpy

    if not config.blend.is_file():
        raise MienError(f"There is no file {config.blend}.")
    bpy.ops.wm.open_mainfile(filepath=str(config.blend.resolve()), load_ui=False)
    scene = bpy.context.scene
    faces = [one for one in scene.objects if one.type == "MESH" and one.data.shape_keys is not None]
    if not faces:
        raise MienError(f"{config.blend.name} holds no face with shape keys.", "Bake a performance first.")
    set_up(scene, faces[0], config.pixels)
    with tempfile.TemporaryDirectory() as folder:
        if config.sheet is not None:
            pictures = [render(scene, frame, Path(folder)) for frame in config.frames]
            _save_sheet(pictures, config.titles, config.sheet)
            print(f"{config.sheet}: frames {', '.join(map(str, config.frames))}")
        if config.film is not None:
            frames = range(scene.frame_start, scene.frame_end + 1, config.step)
            _save_film([render(scene, frame, Path(folder)) for frame in frames], _seconds(scene, config), config.film)
            print(f"{config.film}: {len(frames)} pictures")
    return 0


def _seconds(scene: Any, config: Preview) -> float:
    return config.step * scene.render.fps_base / scene.render.fps


def set_up(scene: Any, face: Any, pixels: int) -> None:
    """Camera, light and size of the picture: the whole object from the front, so many pixels high."""
    import bpy
    from mathutils import Vector

    corners = np.array([face.matrix_world @ Vector(corner) for corner in face.bound_box])
    low, high = corners.min(axis=0), corners.max(axis=0)
    size, middle = high - low, (low + high) / 2
    lens = bpy.data.cameras.new("preview")
    camera = bpy.data.objects.new("preview", lens)
    scene.collection.objects.link(camera)
    lens.type, lens.ortho_scale = "ORTHO", float(size[2]) * 1.04
    lens.clip_end = float(size.max()) * 20
    camera.location = (middle[0], low[1] - size.max() * 5, middle[2])
    camera.rotation_euler = (np.pi / 2, 0, 0)
    scene.camera = camera
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.render.resolution_x, scene.render.resolution_y = round(pixels * 0.8), pixels
    scene.render.resolution_percentage = 100
    scene.render.image_settings.file_format = "PNG"
    scene.view_settings.view_transform = "Standard"
    scene.display.render_aa = "8"
    shading = scene.display.shading
    # Workbench's studio light from above: the folds of a mouth and a brow cast shade in it.
    shading.light, shading.studio_light, shading.color_type = "STUDIO", "paint.sl", "MATERIAL"
    shading.show_cavity, shading.cavity_type = True, "BOTH"
    shading.background_type, shading.background_color = "VIEWPORT", (0.9, 0.9, 0.9)
    scene.world = scene.world or bpy.data.worlds.new("preview")
    scene.world.color = (0.85, 0.85, 0.85)


def render(scene: Any, frame: int, folder: Path) -> Any:
    """A frame as a picture of Pillow's; the folder gets its file."""
    import bpy
    from PIL import Image

    path = folder / f"{frame:05d}.png"
    scene.frame_set(frame)
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    return Image.open(path).convert("RGB")


def _save_sheet(pictures: list[Any], titles: tuple[str, ...], path: Path) -> None:
    from PIL import Image, ImageDraw, ImageFont

    width, height = pictures[0].size
    line = height // 10
    sheet = Image.new("RGB", (width * len(pictures), height + line), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(line * 0.6)
    for number, picture in enumerate(pictures):
        sheet.paste(picture, (number * width, 0))
        title = titles[number] if number < len(titles) else ""
        draw.text((number * width + width // 2, height + line // 2), title, "black", font, "mm")
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, optimize=True)


def _save_film(pictures: list[Any], seconds: float, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    small = [picture.quantize(96) for picture in pictures]
    small[0].save(path, save_all=True, append_images=small[1:], duration=round(seconds * 1000), loop=0, optimize=True)


def main() -> int:
    """0 done, 1 with one sentence what is wrong."""
    try:
        return run(tyro.cli(Preview, prog="python -m training.preview"))
    except MienError as problem:
        print(problem, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
