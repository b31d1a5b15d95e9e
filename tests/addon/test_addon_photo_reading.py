"""Photos as Blender reads them: upright, in a screen's colours, and one sentence for each that is none."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import bpy
import numpy as np
import pytest
from PIL import Image

ASTRONAUT = Path(__file__).resolve().parent.parent / "data" / "astronaut.jpg"
RNG = np.random.default_rng(1)


def datablocks():
    """How many there are of each kind; a photo that was read, or could not be, leaves none."""
    kinds = [name for name in dir(bpy.data) if isinstance(getattr(bpy.data, name), bpy.types.bpy_prop_collection)]
    return {name: len(getattr(bpy.data, name)) for name in kinds}


@pytest.fixture
def read(mien):
    def _read(path):
        before = datablocks()
        try:
            return mien.reading.read_photo(path)
        finally:
            assert datablocks() == before

    return _read


def blocks(width=60, height=40):
    """A picture of four plain quarters, so that compression spoils nothing but their edges."""
    colours = np.zeros((height, width, 3), np.uint8)
    colours[: height // 2, : width // 2] = (220, 30, 30)
    colours[: height // 2, width // 2 :] = (30, 200, 40)
    colours[height // 2 :, : width // 2] = (30, 40, 210)
    colours[height // 2 :, width // 2 :] = (220, 210, 60)
    return Image.fromarray(colours)


STORED = {
    1: lambda one: one,
    2: lambda one: one.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    3: lambda one: one.transpose(Image.Transpose.ROTATE_180),
    4: lambda one: one.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
    5: lambda one: one.transpose(Image.Transpose.TRANSPOSE),
    6: lambda one: one.transpose(Image.Transpose.ROTATE_90),
    7: lambda one: one.transpose(Image.Transpose.TRANSVERSE),
    8: lambda one: one.transpose(Image.Transpose.ROTATE_270),
}
"""How a camera stores an upright picture that it marks with each orientation."""


@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", STORED)
def test_however_the_camera_was_held_the_photo_is_upright(read, tmp_path, kind, orientation):
    about = Image.Exif()
    about[0x112] = orientation
    STORED[orientation](blocks()).save(tmp_path / f"a.{kind}", exif=about, quality=95)
    found = read(tmp_path / f"a.{kind}")
    assert (found.width, found.height) == (60, 40)
    wanted = np.asarray(blocks(), np.float32)[5::10, 5::10] / 255
    assert np.abs(found.colours[5::10, 5::10] - wanted).max() < 0.04
    assert found.name == f"a.{kind}"
    assert not found.grey
    assert found.alpha is None


def test_large_photos_shrink_and_their_focal_length_with_them(read, tmp_path):
    about = Image.Exif()
    about[0x112] = 6
    about.get_ifd(0x8769)[0xA405] = 50
    blocks(6000, 3000).save(tmp_path / "a.jpg", exif=about)
    found = read(tmp_path / "a.jpg")
    assert (found.width, found.height) == (2048, 4096)
    assert found.focal == pytest.approx(50 / np.hypot(36, 24) * np.hypot(2048, 4096), rel=1e-3)
    assert found.colours[200, 200] == pytest.approx([30 / 255, 40 / 255, 210 / 255], abs=0.02)


def png16(path, values):
    """A PNG of 16 bits a channel, which Pillow does not write: (H, W, 3 or 4)."""
    height, width, channels = values.shape
    lines = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 16, {3: 2, 4: 6}[channels], 0, 0, 0)),
        (b"IDAT", zlib.compress(lines)),
        (b"IEND", b""),
    ]
    body = b"".join(struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def test_colours_are_those_of_a_screen_whatever_the_depth(read, tmp_path):
    ramp = np.tile(np.linspace(0, 1, 64)[None, :, None], (48, 1, 4))
    ramp[:, :, 3] = 0.3
    png16(tmp_path / "a.png", ramp * 65535)
    deep = read(tmp_path / "a.png")
    np.testing.assert_allclose(deep.colours, ramp[:, :, :3], atol=0.002)
    np.testing.assert_allclose(deep.alpha, 0.3, atol=0.001)

    image = bpy.data.images.new("light", 64, 48, float_buffer=True)
    image.colorspace_settings.name = "Non-Color"  # or Blender 4.2 writes other numbers than it was given
    light = np.tile(np.linspace(0, 2, 64, dtype=np.float32)[None, :, None], (48, 1, 4))
    light[0, 0] = np.nan
    image.pixels.foreach_set(light.ravel())
    image.file_format = "OPEN_EXR"
    image.save(filepath=str(tmp_path / "a.exr"))
    bpy.data.images.remove(image)
    bright = read(tmp_path / "a.exr").colours
    middle = float(np.linspace(0, 2, 64)[16])
    assert bright[20, 16] == pytest.approx([1.055 * middle ** (1 / 2.4) - 0.055] * 3, abs=0.005)
    assert bright[20, 60] == pytest.approx([1, 1, 1])
    assert np.isfinite(bright).all()


def test_see_through_and_grey_are_known(read, tmp_path):
    half = blocks().convert("RGBA")
    half.putalpha(Image.fromarray(np.tile(np.linspace(0, 255, 60).astype(np.uint8), (40, 1))))
    half.save(tmp_path / "a.png")
    found = read(tmp_path / "a.png")
    assert found.alpha[20, [0, 30, 59]] == pytest.approx([0, 0.5, 1], abs=0.02)
    np.testing.assert_allclose(found.colours[5, 5], np.array([220, 30, 30]) / 255, atol=0.01)
    blocks().convert("L").save(tmp_path / "g.jpg")
    blocks().convert("L").convert("RGB").save(tmp_path / "rgb.jpg", quality=60)
    blocks().convert("CMYK").save(tmp_path / "cmyk.jpg", quality=95)
    assert read(tmp_path / "g.jpg").grey
    assert read(tmp_path / "rgb.jpg").grey
    cmyk = read(tmp_path / "cmyk.jpg")
    assert not cmyk.grey
    assert np.abs(cmyk.colours[5, 5] - np.array([220, 30, 30]) / 255).max() < 0.1


def jpeg(picture=None, **more):
    made = io.BytesIO()
    (picture or blocks()).save(made, "JPEG", **more)
    return made.getvalue()


def saved(kind, **more):
    made = io.BytesIO()
    Image.fromarray(RNG.integers(0, 255, (64, 64, 3)).astype(np.uint8)).save(made, kind, **more)
    return made.getvalue()


def spoilt(data):
    return data[: len(data) // 2] + bytes(40) + data[len(data) // 2 + 40 :]


def bomb():
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d))
        for k, d in ((b"IHDR", struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)), (b"IEND", b""))
    )


def nothing():
    made = io.BytesIO()
    Image.new("RGBA", (64, 64), (0, 0, 0, 0)).save(made, "PNG")
    return made.getvalue()


BAD = {
    "cut off JPEG": ("a.jpg", lambda: ASTRONAUT.read_bytes()[:20000], "a.jpg is cut off: its end is missing."),
    "cut off PNG": ("a.png", lambda: saved("PNG")[:4000], "a.png is cut off: its end is missing."),
    "cut off WebP": ("a.webp", lambda: saved("WEBP")[:2000], "a.webp is cut off: its end is missing."),
    "cut off TIFF": ("a.tif", lambda: saved("TIFF", compression="tiff_lzw")[:2000], "a.tif is no picture"),
    "damaged PNG": ("a.png", lambda: spoilt(saved("PNG")), "a.png is no picture that Blender can read, or damaged."),
    "text": ("a.jpg", lambda: b"Dear Anna,", "a.jpg is no picture that Blender can read, or damaged."),
    "empty": ("a.jpg", bytes, "a.jpg is empty."),
    "one pixel": ("a.jpg", lambda: jpeg(Image.new("RGB", (1, 1))), "a.jpg has only 1 x 1 pixels."),
    "a phone's": ("a.heic", lambda: b"\0\0\0\x18ftypheic" + bytes(40), "is of a kind that Blender cannot read (HEIC"),
    "film": ("a.gif", lambda: saved("GIF"), "a.gif is a film or a GIF."),
    "moving": (
        "a.webp",
        lambda: saved("WEBP", save_all=True, append_images=[blocks(64, 64)]),
        "a.webp is a moving picture.",
    ),
    "huge": ("a.png", bomb, "a.png is too large (60,000 x 60,000 pixels)."),
    "all see-through": ("a.png", nothing, "a.png is see-through all over."),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_photo_is_one_sentence_and_a_remedy(mien, read, tmp_path, case):
    name, content, words = BAD[case]
    (tmp_path / name).write_bytes(content())
    with pytest.raises(mien.engine.MienError) as problem:
        read(tmp_path / name)
    assert words in str(problem.value)
    assert problem.value.remedy
    assert len(str(problem.value).splitlines()) == 1


def test_what_is_not_there_or_a_folder_is_told(mien, read, tmp_path):
    (tmp_path / "photos.jpg").mkdir()
    with pytest.raises(mien.engine.MienError, match=r"photos\.jpg is a folder\. Choose the photos in it\."):
        read(tmp_path / "photos.jpg")
    with pytest.raises(mien.engine.MienError, match=r"There is no photo .*absent\.jpg\."):
        read(tmp_path / "absent.jpg")


def test_names_of_all_kinds_are_read_from_any_folder(read, tmp_path, monkeypatch):
    (tmp_path / "Fotos mit ä").mkdir()
    blocks().save(tmp_path / "Fotos mit ä" / "Änne, 1.jpg")
    monkeypatch.chdir(tmp_path)
    assert read(Path("Fotos mit ä") / "Änne, 1.jpg").name == "Änne, 1.jpg"
