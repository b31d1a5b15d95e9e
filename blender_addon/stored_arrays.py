"""Arrays as a text in a .blend, and back: what a damaged or crafted file says of their size is never believed.

The text is a compressed archive in base64, named by its SHA-256. Whoever reads one says how many bytes there can be;
nothing is unpacked that says it is more.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import math
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

_WORDS = "words"
"""Name of the array that holds JSON."""

_BASE = 64_000_000
"""Bytes that arrays may have in any case; those of a template's size are a few million."""

_EACH = 4_000
"""Bytes more for each vertex of the mesh; bindings have a few hundred."""

DAMAGE = (
    KeyError,
    TypeError,
    ValueError,
    AttributeError,
    OSError,
    EOFError,
    OverflowError,
    MemoryError,
    RecursionError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What reading a damaged text may raise, here and by whoever makes something of the arrays."""


def hash_of(text: str) -> str:
    """SHA-256 of a text, in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def to_text(arrays: Mapping[str, NDArray[Any]], words: Any) -> str:
    """Arrays, and what JSON may hold, as one text."""
    buffer = io.BytesIO()
    said = np.frombuffer(json.dumps(words).encode(), np.uint8)
    np.savez_compressed(buffer, **{_WORDS: said}, **arrays)  # type: ignore[arg-type]
    return base64.b64encode(buffer.getvalue()).decode()


def from_text(text: str, vertex_count: int, is_known: Callable[[str], object]) -> tuple[dict[str, NDArray[Any]], Any]:
    """The inverse of `to_text`.

    Args:
        text: of unknown origin.
        vertex_count: of the mesh that it is about.
        is_known: whether arrays of a name are wanted; others are not unpacked.

    Returns:
        Arrays of whole or real numbers by their names, and the words.

    Raises:
        One of `DAMAGE`: it is damaged, or holds more than there can be for so many vertices.
    """
    arrays: dict[str, NDArray[Any]] = {}
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(text, validate=True))) as archive:
        members = {one.filename.removesuffix(".npy"): one for one in archive.infolist()}
        wanted = {name: one for name, one in members.items() if name == _WORDS or is_known(name)}
        if sum(one.file_size for one in wanted.values()) > _BASE + _EACH * vertex_count:
            raise ValueError("more than there can be")
        for name, member in wanted.items():
            arrays[name] = _array(archive.read(member))
    return arrays, json.loads(arrays.pop(_WORDS).tobytes())


def _array(data: bytes) -> NDArray[Any]:
    """The array of an .npy file; its header is read first, since numpy would make room for whatever that says."""
    stream = io.BytesIO(data)
    if np.lib.format.read_magic(stream) != (1, 0):  # type: ignore[no-untyped-call]
        raise ValueError("another version of numpy's format")
    shape, _, kind = np.lib.format.read_array_header_1_0(stream)  # type: ignore[no-untyped-call]
    if kind.kind not in "iuf" or math.prod(shape) * kind.itemsize != len(data) - stream.tell():
        raise ValueError("not the numbers that its header tells of")
    stream.seek(0)
    found: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)  # type: ignore[no-untyped-call]
    return found


def rows_to_text(rows: NDArray[np.integer[Any]]) -> str:
    """Vertices as text."""
    return base64.b64encode(zlib.compress(np.asarray(rows, "<i4").tobytes())).decode()


def rows_from_text(text: str, most: int) -> NDArray[np.int32]:
    """The inverse of `rows_to_text`: (M,).

    Args:
        text: of unknown origin.
        most: how many there can be; of more, one more than that comes back.

    Raises:
        One of `DAMAGE`: it is damaged.
    """
    unpacked = zlib.decompressobj()
    limit = 4 * (most + 1)
    data = unpacked.decompress(base64.b64decode(text, validate=True), limit)
    if not unpacked.eof and len(data) < limit:
        raise ValueError("cut off")
    return np.frombuffer(data, "<i4").astype(np.int32)
