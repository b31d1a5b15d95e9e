"""Photos as arrays, read through Blender: upright, in the colours of a screen, and refused in a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import bpy
import numpy as np

from ..engine import MienError, Picture, container, exif, limited, screen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.float32]

LONGEST = 4096
"""Pixels of a photo's longer side; more would show no more of a face on its texture."""

_LEAST = 32
"""Pixels of a side, below which no face could be seen."""

_MOST = 250_000_000
"""Pixels of a photo: Blender takes 20 bytes for each."""

_GREY = 0.03
"""A photo has colours where more than a few of its pixels differ so much between their channels."""

_FEW = 0.005
_SOLID = 0.999
_AGAIN = "Get it again from where it came, or choose another photo."
_CONVERT = "Save it as a JPEG or PNG with another program first."
_SMALLER = "Make it smaller with another program."
_LARGER = "Choose a photo in which the face is some hundred pixels wide."


def read_photo(path: Path) -> Picture:
    """Reads a photo; nothing of it stays in Blender's file.

    Args:
        path: of any kind of picture that Blender reads; it is turned upright as its EXIF says, and shrunk where its
            longer side has more than 4096 pixels.

    Raises:
        MienError: it is not there, no picture, damaged, cut off, moving, too small, too large, or all see-through.
    """
    path = Path(path).resolve()  # Blender has its own idea of the working folder
    data = _bytes(path)
    _check(path.name, data)
    pixels = _pixels(path)
    said = exif.read_exif(container.exif_of(data))
    height, width = pixels.shape[:2]
    focal = exif.focal_in_pixels(said, width, height)
    pixels = np.ascontiguousarray(limited(exif.upright(pixels, said.orientation), LONGEST))
    if focal is not None:
        focal *= max(pixels.shape[:2]) / max(height, width)
    colours, alpha = np.ascontiguousarray(pixels[:, :, :3]), np.ascontiguousarray(pixels[:, :, 3])
    if not (alpha > 0).any():
        raise MienError(f"{path.name} is see-through all over.", "Choose a photo that shows something.")
    return Picture(path.name, colours, None if alpha.min() > _SOLID else alpha, focal, _is_grey(colours, alpha))


def _bytes(path: Path) -> bytes:
    if path.is_dir():
        raise MienError(f"{path.name} is a folder.", "Choose the photos in it.")
    try:
        data = path.read_bytes()
    except FileNotFoundError as problem:
        raise MienError(f"There is no photo {path}.", "Choose where it lies now.") from problem
    except OSError as problem:
        raise MienError(f"{path.name} cannot be read ({problem.strerror}).", "Choose another photo.") from problem
    if not data:
        raise MienError(f"{path.name} is empty.", _AGAIN)
    return data


def _check(name: str, data: bytes) -> None:
    """What can be told by the file alone."""
    if container.kind_of(data) == "heif":
        raise MienError(f"{name} is of a kind that Blender cannot read (HEIC or AVIF).", _CONVERT)
    if container.moves(data):
        raise MienError(f"{name} is a moving picture.", "Save one picture of it as a JPEG or PNG.")
    if not container.is_whole(data):
        raise MienError(f"{name} is cut off: its end is missing.", _AGAIN)
    width, height = container.size_of(data)
    if width * height > _MOST:
        raise MienError(f"{name} is too large ({width:,} x {height:,} pixels).", _SMALLER)


def _pixels(path: Path) -> Pixels:
    """(H, W, 4) red, green, blue and alpha from 0 to 1, as on a screen; row 0 is on top."""
    try:
        image = bpy.data.images.load(str(path), check_existing=False)
    except RuntimeError as problem:
        raise _unreadable(path.name) from problem
    try:
        image.alpha_mode = "CHANNEL_PACKED"  # or the colours of what is half see-through would be darkened
        if image.source != "FILE":
            raise MienError(f"{path.name} is a film or a GIF.", "Save one picture of it as a JPEG or PNG.")
        width, height = image.size
        if not width or not height or image.channels != 4:
            raise _unreadable(path.name)
        if min(width, height) < _LEAST:
            raise MienError(f"{path.name} has only {width} x {height} pixels.", _LARGER)
        flat = np.empty(width * height * 4, np.float32)
        image.pixels.foreach_get(flat)
        pixels = flat.reshape(height, width, 4)[::-1]
        return _as_on_a_screen(pixels) if image.is_float else pixels
    except MemoryError as problem:
        raise MienError(f"There is not enough memory for {path.name}.", _SMALLER) from problem
    finally:
        bpy.data.images.remove(image)


def _unreadable(name: str) -> MienError:
    return MienError(f"{name} is no picture that Blender can read, or damaged.", _CONVERT)


def _as_on_a_screen(pixels: Pixels) -> Pixels:
    """Of more than 8 bits Blender gives light: twice as much is twice as bright."""
    found = np.clip(np.nan_to_num(pixels, nan=0.0, posinf=1.0, neginf=0.0), 0, 1)
    found[:, :, :3] = screen(found[:, :, :3])
    return np.asarray(found, np.float32)


def _is_grey(colours: Pixels, alpha: Pixels) -> bool:
    solid = colours[alpha > 0]
    return bool(len(solid) and (np.ptp(solid, axis=1) > _GREY).mean() <= _FEW)


def scale_of(path: Path) -> float:
    """How many pixels of what `read_photo` gives a pixel of the file is; 1 where nothing is known of it."""
    try:
        width, height = container.size_of(path.read_bytes())
    except OSError:
        return 1.0
    return min(1.0, LONGEST / max(width, height, 1))
