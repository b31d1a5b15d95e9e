"""Arrays of a bundle, checked at the door: of their types, finite, read-only, all there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Types = Mapping[str, type]


def frozen(owner: object, types: Types, what: str) -> None:
    """Makes the arrays of a dataclass its own, of their types, and read-only.

    Raises:
        TemplateError: one is of another kind, or not finite.
    """
    for name, dtype in types.items():
        given = np.asarray(getattr(owner, name))
        if given.dtype.kind not in ("iu" if dtype is np.int32 else "f"):
            raise TemplateError(f"The {name} of {what} are of the type {given.dtype}.")
        copy: NDArray[Any] = np.array(given, dtype, order="C")
        if not np.isfinite(copy).all():
            raise TemplateError(f"The {name} of {what} hold values that are not finite numbers.")
        copy.flags.writeable = False
        object.__setattr__(owner, name, copy)


def given(owner: object, types: Types, prefix: str) -> dict[str, NDArray[Any]]:
    """The arrays of a dataclass, named behind a prefix."""
    return {prefix + name: getattr(owner, name) for name in types}


def picked(arrays: Mapping[str, NDArray[Any]], types: Types, prefix: str, what: str) -> dict[str, NDArray[Any]] | None:
    """The inverse of `given`; None where there is none of them.

    Raises:
        TemplateError: only some are there.
    """
    missing = [name for name in types if prefix + name not in arrays]
    if len(missing) == len(types):
        return None
    if missing:
        raise TemplateError(f"{what[0].upper()}{what[1:]} lacks {', '.join(missing)}.")
    return {name: arrays[prefix + name] for name in types}
