"""Files of photos: of what kind they are, whether they are whole, how large the picture is, and where its EXIF lies."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
_TIFF = (b"II*\0", b"MM\0*")
_EXIF = b"Exif\0\0"
_PHONE = (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis")
_ALONE = {0x01, *range(0xD0, 0xD8)}
"""Markers of a JPEG file after which no length follows."""

_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
"""Markers that begin with the size of the picture."""

_SCAN, _END, _APP1 = 0xDA, 0xD9, 0xE1
_MOVES = 0x02
"""The bit of a WebP file that says that it moves."""


def kind_of(data: bytes) -> str:
    """By how the file begins: "jpeg", "png", "webp", "tiff" or "heif"; empty for any other."""
    if data.startswith(_JPEG):
        return "jpeg"
    if data.startswith(_PNG):
        return "png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[4:8] == b"ftyp" and data[8:12] in _PHONE:
        return "heif"
    return "tiff" if data[:4] in _TIFF else ""


def is_whole(data: bytes) -> bool:
    """Whether the file goes on to its end; kinds that do not tell are taken to."""
    kind = kind_of(data)
    if kind == "jpeg":
        return any(marker == _END for marker, _, _ in _segments(data))
    if kind == "png":
        return any(name == b"IEND" for name, _, _ in _chunks(data))
    if kind == "webp":
        return len(data) >= struct.unpack_from("<I", data, 4)[0] + 8
    return True


def moves(data: bytes) -> bool:
    """Whether it is a WebP file of several pictures, of which Blender shows none."""
    return kind_of(data) == "webp" and data[12:16] == b"VP8X" and len(data) > 20 and bool(data[20] & _MOVES)


def size_of(data: bytes) -> tuple[int, int]:
    """Width and height as stored, in pixels, of a JPEG or PNG file; zeros where they are not told."""
    kind = kind_of(data)
    if kind == "png" and data[12:16] == b"IHDR" and len(data) >= 24:
        width, height = struct.unpack_from(">II", data, 16)
        return width, height
    for marker, start, end in _segments(data) if kind == "jpeg" else ():
        if marker in _FRAMES and end - start >= 5:
            height, width = struct.unpack_from(">HH", data, start + 1)
            return width, height
        if marker == _SCAN:
            break
    return 0, 0


def exif_of(data: bytes) -> bytes:
    """The block of EXIF in a file; empty where there is none."""
    kind, found = kind_of(data), b""
    if kind == "tiff":
        return data
    if kind == "jpeg":
        for marker, start, end in _segments(data):
            if marker == _SCAN:
                break
            if marker == _APP1 and data[start : start + 6] == _EXIF:
                found = data[start:end]
                break
    elif kind == "png":
        found = next((data[start:end] for name, start, end in _chunks(data) if name == b"eXIf"), b"")
    elif kind == "webp":
        found = next((data[start:end] for name, start, end in _riff(data) if name == b"EXIF"), b"")
    return found.removeprefix(_EXIF)


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Each marker of a JPEG file, and where its content begins and ends; the picture itself is passed over.

    A thumbnail or a film may follow the end, or lie in a segment: neither is mistaken for the photo's own end.
    """
    at = 2
    while True:
        # After a scan come its coded bits, where a marker's byte is followed by 0 or counts restarts.
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            return
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker == 0 or marker in _ALONE:
            at += 2
            continue
        if marker == _END:
            yield marker, at + 2, at + 2
            return
        if at + 4 > len(data):
            return
        length = struct.unpack_from(">H", data, at + 2)[0]
        if length < 2 or at + 2 + length > len(data):
            return
        yield marker, at + 4, at + 2 + length
        at += 2 + length


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Each chunk of a PNG file that is there to its end: name, and where its content begins and ends."""
    at = len(_PNG)
    while at + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        if at + 12 + length > len(data):
            return
        yield name, at + 8, at + 8 + length
        at += 12 + length


def _riff(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Each chunk of a WebP file."""
    at = 12
    while at + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, at)
        yield name, at + 8, min(at + 8 + length, len(data))
        at += 8 + length + length % 2
