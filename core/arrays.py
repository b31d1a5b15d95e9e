"""Arrays that a dataclass holds: made its own and read-only, checked at the door, to a bundle and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from numpy.typing import NDArray

    Types = Mapping[str, type]


_ABOUT = 1e-3
"""By so much shares and places on a texture may lie outside by rounding."""


def within_one(values: NDArray[np.floating[Any]]) -> bool:
    """Whether all lie between 0 and 1, but for rounding."""
    return bool(values.min() > -_ABOUT and values.max() < 1 + _ABOUT)


def owned(owner: object, types: Types, what: str) -> None:
    """Makes the arrays of a dataclass its own, of their types, and read-only.

    Raises:
        TemplateError: one is of another kind; int32 takes whole numbers alone, all others floating ones.
    """
    for name, dtype in types.items():
        given = np.asarray(getattr(owner, name))
        if given.dtype.kind not in ("iu" if dtype is np.int32 else "f"):
            raise TemplateError(f"The {name} of {what} are of the type {given.dtype}.")
        if dtype is np.int32 and given.size and not -(2**31) <= int(given.min()) <= int(given.max()) < 2**31:
            raise TemplateError(f"The {name} of {what} are too large.")
        copy: NDArray[Any] = np.array(given, dtype, order="C")
        copy.flags.writeable = False
        object.__setattr__(owner, name, copy)


class Stored:
    """What dataclasses have in common that lie in bundles as arrays behind a prefix.

    Attributes:
        prefix: of the arrays' names in a bundle.
        what: for people, in the middle of a sentence.
        types: names -> types of the arrays; int32 or floating.
    """

    prefix: ClassVar[str]
    what: ClassVar[str]
    types: ClassVar[Types]

    def _make_own(self) -> None:
        """See `owned`.

        Raises:
            TemplateError: one is of another kind, or not finite.
        """
        owned(self, self.types, self.what)
        for name in self.types:
            if not np.isfinite(getattr(self, name)).all():
                raise TemplateError(f"The {name} of {self.what} hold values that are not finite numbers.")

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """As plain arrays for a bundle."""
        return {self.prefix + name: getattr(self, name) for name in self.types}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self | None:
        """The inverse of `to_arrays`; None where there is none.

        Raises:
            TemplateError: an array is missing or damaged.
        """
        found = cls._picked(arrays)
        return cls(**found) if found else None

    @classmethod
    def _picked(cls, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
        """Its own of a bundle's arrays, by their names without the prefix; all of them, or none."""
        found = {name: arrays[cls.prefix + name] for name in cls.types if cls.prefix + name in arrays}
        missing = [name for name in cls.types if name not in found]
        if found and missing:
            raise TemplateError(f"{cls.what[0].upper()}{cls.what[1:]} lacks {', '.join(missing)}.")
        return found
