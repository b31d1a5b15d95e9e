"""Files of photos: EXIF, what is whole, and pictures made smaller."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageOps
from PIL.TiffImagePlugin import IFDRational

from core.photo import container, exif
from core.photo.scaling import limited, shrunk

RNG = np.random.default_rng(3)
KINDS = ("JPEG", "PNG", "WEBP", "TIFF")


def picture(width=90, height=60):
    return Image.fromarray(RNG.integers(0, 255, (height, width, 3)).astype(np.uint8))


def saved(kind, tags=None, own=None, size=(90, 60)):
    """A file's bytes, with tags of the first directory and of the camera's own."""
    about = Image.Exif()
    about.update(tags or {})
    about.get_ifd(0x8769).update(own or {})
    made = io.BytesIO()
    picture(*size).save(made, kind, exif=about)
    return made.getvalue()


def read(data):
    return exif.read_exif(container.exif_of(data))


@pytest.mark.parametrize("kind", KINDS[:3])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_turned_upright_as_other_programs_turn_it(kind, orientation):
    data = saved(kind, {0x112: orientation})
    stored = Image.open(io.BytesIO(data))
    assert read(data).orientation == orientation
    np.testing.assert_array_equal(
        exif.upright(np.asarray(stored), orientation), np.asarray(ImageOps.exif_transpose(stored))
    )


def test_a_tiff_tells_its_orientation_too():
    assert read(saved("TIFF", {0x112: 6})).orientation == 6


def test_what_is_no_orientation_is_upright():
    assert read(saved("JPEG", {0x112: 9})).orientation == 1
    assert read(saved("JPEG")) == exif.Exif()


def test_the_focal_length_is_told_in_pixels():
    said = read(saved("JPEG", own={0xA405: 43}))
    diagonal = np.hypot(36, 24)
    assert exif.focal_in_pixels(said, 600, 800) == pytest.approx(43 / diagonal * 1000)
    by_sensor = read(
        saved("JPEG", own={0x920A: IFDRational(70, 2), 0xA20E: 4000 / 0.9, 0xA210: 2, 0xA002: 4000, 0xA003: 3000})
    )
    # 4000 pixels on 0.9 inches; the file has half as many, and lies on its side.
    assert exif.focal_in_pixels(by_sensor, 1500, 2000) == pytest.approx(35 / (0.9 * 25.4) * 2000, rel=1e-3)


@pytest.mark.parametrize(
    "own",
    [
        {},
        {0xA405: 0},
        {0xA405: 60000},
        {0x920A: 35.0},
        {0x920A: 35.0, 0xA20E: 4000.0, 0xA210: 77},
        {0xA405: 50, 0xA002: 4000, 0xA003: 1000},
    ],
    ids=["none", "zero", "senseless", "no sensor", "no unit", "cropped since"],
)
def test_no_focal_length_is_better_than_a_wrong_one(own):
    assert exif.focal_in_pixels(read(saved("JPEG", own=own)), 800, 600) is None


@pytest.mark.parametrize("kind", KINDS[:3])
def test_a_file_that_is_cut_off_is_known(kind):
    data = saved(kind, {0x112: 6})
    assert container.is_whole(data)
    for length in (len(data) - 3, len(data) // 2, 30):
        assert not container.is_whole(data[:length])


def test_neither_thumbnail_nor_film_is_taken_for_the_end_of_a_photo():
    inside, data = saved("JPEG"), saved("JPEG")
    segment = b"\xff\xe1" + struct.pack(">H", len(inside) + 8) + b"Exif\0\0" + inside
    with_thumbnail = data[:2] + segment + data[2:]
    assert container.is_whole(with_thumbnail)
    assert not container.is_whole(with_thumbnail[: len(segment) + 60])
    assert container.is_whole(data + b"ftypmp42" + bytes(1000))


def test_progressive_photos_and_sizes():
    made = io.BytesIO()
    picture(200, 120).save(made, "JPEG", progressive=True)
    assert container.is_whole(made.getvalue())
    assert not container.is_whole(made.getvalue()[:-2])
    assert container.size_of(made.getvalue()) == (200, 120)
    assert container.size_of(saved("PNG")) == (90, 60)
    assert container.size_of(b"text") == (0, 0)


def test_moving_pictures_and_those_of_phones():
    made = io.BytesIO()
    picture().save(made, "WEBP", save_all=True, append_images=[picture()])
    assert container.moves(made.getvalue())
    assert not container.moves(saved("WEBP"))
    assert container.kind_of(b"\0\0\0\x18ftypheic" + bytes(20)) == "heif"
    assert [container.kind_of(saved(kind)) for kind in KINDS] == [kind.lower() for kind in KINDS]


@pytest.mark.parametrize("kind", KINDS)
def test_garbage_is_as_if_nothing_were_there(kind):
    data = saved(kind, {0x112: 6}, {0xA405: 50, 0x920A: 35.0, 0xA20E: 4000.0})
    for _ in range(300):
        spoilt = bytearray(data)
        for place in RNG.integers(0, min(len(data), 300), 20):
            spoilt[place] = RNG.integers(256)
        spoilt = bytes(spoilt[: RNG.integers(len(spoilt))])
        found = read(spoilt)
        assert 1 <= found.orientation <= 8
        focal = exif.focal_in_pixels(found, 90, 60)
        assert focal is None or 0 < focal < 10_000
        assert container.is_whole(spoilt) in {True, False}
        assert min(container.size_of(spoilt)) >= 0
        assert container.moves(spoilt) in {True, False}


def test_every_pixel_counts_where_a_picture_shrinks():
    values = RNG.random((70, 90, 3)).astype(np.float32)
    half = shrunk(values, 0.5)
    np.testing.assert_allclose(half, values.reshape(35, 2, 45, 2, 3).mean(axis=(1, 3)), atol=1e-6)
    odd = shrunk(values, 0.37)
    assert odd.shape == (26, 33, 3)
    np.testing.assert_allclose(odd.mean(axis=(0, 1)), values.mean(axis=(0, 1)), atol=1e-6)
    ramp = np.broadcast_to(np.arange(300, dtype=np.float32)[:, None, None], (300, 7, 3))
    np.testing.assert_allclose(shrunk(ramp, 0.31)[:, 0, 0], (np.arange(93) + 0.5) * 300 / 93 - 0.5, atol=0.05)


def test_pictures_are_limited_and_never_grow():
    values = RNG.random((40, 100, 3)).astype(np.float32)
    assert limited(values, 200) is values
    assert limited(values, 50).shape == (20, 50, 3)
    assert limited(values, 1).shape == (1, 1, 3)
