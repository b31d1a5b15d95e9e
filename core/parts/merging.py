"""Several movers of one mesh as one: the face's own binding, and the pieces inside its mesh that move otherwise."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..binding import Binding
from ..errors import TemplateError
from .riders import Riders

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

Mover = Binding | Riders
"""What moves some vertices of an object with a template."""


@dataclass(frozen=True)
class Together:
    """Movers of one mesh, each of vertices of its own; it stands wherever a `Binding` stands.

    Attributes:
        movers: at least one; all of the same number of object's vertices, none moves a vertex of another.

    Raises:
        TemplateError: they do not fit together.
    """

    movers: tuple[Mover, ...]

    def __post_init__(self) -> None:
        if not self.movers or len({one.vertex_count for one in self.movers}) != 1:
            raise TemplateError("The parts of a mesh are not of one mesh.")
        if len(np.unique(self.moving)) != len(self.moving):
            raise TemplateError("Two parts of a mesh name the same vertex.")

    @property
    def name(self) -> str:
        """The first one's."""
        return self.movers[0].name

    @property
    def vertex_count(self) -> int:
        """How many vertices the object's mesh has."""
        return self.movers[0].vertex_count

    @cached_property
    def moving(self) -> NDArray[np.int32]:
        """(M,) int32: the object's vertices that a performance moves, in the order of `on_object`."""
        return np.concatenate([one.moving for one in self.movers])

    @property
    def vertices(self) -> NDArray[np.int32]:
        """The same as `moving`."""
        return self.moving

    def on_object(self, deformation: NDArray[np.float32]) -> NDArray[np.float32]:
        """(T, V, 3) mm of the template -> (T, M, 3) float32 mm of the object's `moving` vertices."""
        return np.concatenate([one.on_object(deformation) for one in self.movers], axis=1)

    def scaled(self, factor: NDArray[np.float32]) -> Together:
        """The same on a template that moves factor (V,) times as far at each vertex."""
        return Together(tuple(one.scaled(factor) for one in self.movers))

    def check(self, template_vertex_count: int) -> None:
        """Whether a template of so many vertices has all that are read.

        Raises:
            TemplateError: it has not.
        """
        for one in self.movers:
            one.check(template_vertex_count)

    def to_arrays(self) -> tuple[dict[str, NDArray[Any]], str]:
        """All of it as plain arrays and a JSON text."""
        arrays: dict[str, NDArray[Any]] = {}
        words = []
        for number, one in enumerate(self.movers):
            own, about = one.to_arrays()
            arrays |= {f"{number}.{name}": array for name, array in own.items()}
            words.append(about)
        return arrays, json.dumps({"kind": "together", "movers": words})


def merge(face: Mover | Together, parts: Sequence[Mover | Together]) -> Mover | Together:
    """A face whose pieces of other roles move as these, and no more as its skin.

    Args:
        face: how the skin moves; all of the mesh, perhaps.
        parts: what moves otherwise, each of vertices of its own; of vertices named twice the first one counts. What
            never moves only takes its vertices away from the face.

    Returns:
        A mover of the same mesh; the face itself where there are no parts.
    """
    taken = np.zeros(face.vertex_count, bool)
    kept: list[Mover] = []
    for part in parts:
        for one in _plain(part):
            left = _without(one, taken)
            taken[one.vertices] = True
            if left is not None and not is_still(left):
                kept.append(left)
    own = [left for left in (_without(one, taken) for one in _plain(face)) if left is not None]
    every = (*own, *kept)
    if not every:
        return _plain(face)[0]
    return every[0] if len(every) == 1 else Together(every)


def is_still(mover: Mover | Together) -> bool:
    """Whether it never moves anything."""
    if isinstance(mover, Together):
        return all(map(is_still, mover.movers))
    return not (mover.weights if isinstance(mover, Binding) else mover.shares).any()


def still(name: str, vertex_count: int, vertices: NDArray[np.int32]) -> Binding:
    """What never moves: (M,) of an object's vertices."""
    shape = (len(vertices), 1)
    return Binding(name, vertex_count, vertices, np.zeros(shape, np.int32), np.zeros(shape, np.float32))


def mover_from_arrays(arrays: Mapping[str, NDArray[Any]], about: str) -> Mover | Together:
    """The inverse of every `to_arrays`.

    Raises:
        TemplateError: an array or a word is missing or damaged.
    """
    try:
        words = json.loads(about)
        kind = words.get("kind")
        if kind == "riders":
            return Riders.from_arrays(arrays, about)
        if kind != "together":
            return Binding.from_arrays(arrays, about)
        movers = []
        for number, text in enumerate(words["movers"]):
            start = f"{number}."
            own = {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}
            one = mover_from_arrays(own, text)
            assert not isinstance(one, Together)
            movers.append(one)
        return Together(tuple(movers))
    except (KeyError, TypeError, ValueError, AttributeError, AssertionError, RecursionError) as problem:
        raise TemplateError(f"The stored part is incomplete or damaged ({problem}).") from problem


def _plain(mover: Mover | Together) -> tuple[Mover, ...]:
    return mover.movers if isinstance(mover, Together) else (mover,)


def _without(mover: Mover, taken: NDArray[np.bool_]) -> Mover | None:
    """The mover without vertices that are taken; None where nothing is left."""
    left = ~taken[mover.vertices]
    if left.all():
        return mover
    if not left.any():
        return None
    rows = ("corners", "weights") if isinstance(mover, Binding) else ("holds", "shares", "arms")
    return replace(mover, vertices=mover.vertices[left], **{name: getattr(mover, name)[left] for name in rows})
