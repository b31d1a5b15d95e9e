"""How a part's binding is kept in its entry of the list: compressed arrays as text, and their SHA-256."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import stored_arrays
from ..engine import MeshError, MienError, mover_from_arrays

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .part_list import MienPart

AGAIN = "Press Refresh in the panel Parts."

_KEPT = 64

_NAMES = re.compile(r"(\d{1,4}\.)?(vertices|corners|weights|controls|reading|holds|shares|arms)")
"""Names of the arrays of all movers; of several at once with the number of each."""

_read: dict[str, Any] = {}


def keep(entry: MienPart, mover: Any, template: str) -> None:
    """Keeps how a part moves.

    Args:
        entry: of the list.
        mover: a Binding or Riders.
        template: `content_hash` of the template that moves it.
    """
    text = stored_arrays.to_text(*mover.to_arrays())
    entry.text, entry.mark, entry.template = text, stored_arrays.hash_of(text), template


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
        if stored_arrays.hash_of(entry.text) != entry.mark:
            raise _damaged(entry)
        obj = entry.target
        count = len(obj.data.vertices) if obj is not None and obj.type == "MESH" else 0
        try:
            mover = mover_from_arrays(*stored_arrays.from_text(entry.text, count, _NAMES.fullmatch))
        except (MienError, *stored_arrays.DAMAGE) as problem:
            raise _damaged(entry) from problem
        while len(_read) >= _KEPT:
            del _read[next(iter(_read))]
        _read[entry.mark] = mover
    return _read[entry.mark]


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
        rows = stored_arrays.rows_from_text(entry.rows, count)
    except stored_arrays.DAMAGE as problem:
        raise _damaged(entry) from problem
    if len(rows) > count or rows.min(initial=0) < 0 or rows.max(initial=-1) >= count:
        raise MeshError(f"{entry.title} has fewer vertices than when it was found.", "Press Find Parts again.")
    return rows


def mark_of(face: Any) -> str:
    """A text that is another one whenever the pieces of a face's own mesh move otherwise."""
    return " ".join(one.mark[:16] for one in face.mien_parts.parts if one.inner and one.on)


def _damaged(entry: MienPart) -> MeshError:
    return MeshError(f"What Mien keeps of the part {entry.title} is damaged.", AGAIN)
