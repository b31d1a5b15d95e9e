"""How a part's binding is kept in its entry of the list: compressed arrays as text, and their SHA-256."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine import MeshError, MienError, mover_from_arrays

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .part_list import MienPart

AGAIN = "Press Refresh in the panel Parts."

_KEPT = 64

_read: dict[str, Any] = {}


def keep(entry: MienPart, mover: Any, template: str) -> None:
    """Keeps how a part moves.

    Args:
        entry: of the list.
        mover: a Binding or Riders.
        template: `content_hash` of the template that moves it.
    """
    arrays, words = mover.to_arrays()
    buffer = io.BytesIO()
    about = np.frombuffer(json.dumps(words).encode(), np.uint8)
    np.savez_compressed(buffer, words=about, **arrays)
    text = base64.b64encode(buffer.getvalue()).decode()
    entry.text, entry.mark, entry.template = text, _hash(text), template


def forget(entry: MienPart) -> None:
    """The part is bound no more; it stays in the list."""
    entry.text, entry.mark, entry.template = "", "", ""


def kept(entry: MienPart) -> Any:
    """How a part moves; None where it is not bound.

    Raises:
        MeshError: what is kept is damaged.
    """
    if not entry.mark:
        return None
    if entry.mark not in _read:
        if _hash(entry.text) != entry.mark:
            raise _damaged(entry)
        try:
            with np.load(io.BytesIO(base64.b64decode(entry.text, validate=True)), allow_pickle=False) as archive:
                arrays = {key: archive[key] for key in archive.files}
            mover = mover_from_arrays(arrays, json.loads(arrays["words"].tobytes()))
        except (KeyError, TypeError, ValueError, OSError, EOFError, OverflowError) as problem:
            raise _damaged(entry) from problem
        except (MienError, zipfile.BadZipFile, zlib.error, NotImplementedError) as problem:
            raise _damaged(entry) from problem
        while len(_read) >= _KEPT:
            del _read[next(iter(_read))]
        _read[entry.mark] = mover
    return _read[entry.mark]


def rows_to_text(rows: NDArray[np.integer[Any]]) -> str:
    """Vertices as text."""
    return base64.b64encode(zlib.compress(np.asarray(rows, "<i4").tobytes())).decode()


def rows_of(entry: MienPart, count: int) -> NDArray[np.int32]:
    """(M,) the vertices of an entry's object that it is about, ascending; all where it is a whole object.

    Args:
        entry: of the list.
        count: how many vertices the object's mesh has.

    Raises:
        MeshError: damaged, or the mesh has fewer vertices by now.
    """
    if not entry.rows:
        return np.arange(count, dtype=np.int32)
    try:
        rows = np.frombuffer(zlib.decompress(base64.b64decode(entry.rows, validate=True)), "<i4").astype(np.int32)
    except (ValueError, zlib.error) as problem:
        raise _damaged(entry) from problem
    if rows.min(initial=0) < 0 or rows.max(initial=-1) >= count:
        raise MeshError(f"{entry.title} has fewer vertices than when it was found.", "Press Find Parts again.")
    return rows


def mark_of(face: Any) -> str:
    """A text that is another one whenever the pieces of a face's own mesh move otherwise."""
    return " ".join(f"{one.mark[:16]}" for one in face.mien_parts.parts if one.inner and one.on)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _damaged(entry: MienPart) -> MeshError:
    return MeshError(f"What Mien keeps of the part {entry.title} is damaged.", AGAIN)
