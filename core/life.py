"""Small motions of life, laid over a performance: blinks, and micro-movements that come and go. numpy alone.

Known at any second without those before it, and always the same for the same seed: see `chance`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import TemplateError
from .jacobians import HANGING_PARTS, RIGID_PARTS
from .rhythm import blinks, drift, smooth

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from .template import Template

SIDES = ("left", "right")
BLINKS = tuple(f"blink_{side}" for side in SIDES)
"""Full closure of an eye, from the template's neutral."""

ARCS = tuple(f"arc_{side}" for side in SIDES)
"""What a lid half way through its blink is above the straight line: it goes round the eyeball and not through it."""

MICRO = {
    "brows": 0.025, "brow_left": 0.02, "brow_right": 0.02, "frown": 0.02, "squint_left": 0.03, "squint_right": 0.03,
    "smile_left": 0.012, "smile_right": 0.012, "press": 0.02, "nose": 0.02, "jaw": 0.012, "jaw_side": 0.02,
}  # fmt: skip
"""The other motions, and how much of each, as a deviation, a micro-movement is."""

NAMES = (*BLINKS, *ARCS, *MICRO)

_ONE_WAY = frozenset({"squint_left", "squint_right", "press"})  # the other way lids and lips would part
_SEEN, _SEEN_MICRO = 0.03, 0.3  # mm at full strength; what moves less is left out
_NEAR, _FAR = 3.0, 9.0  # mm between closed lids and what belongs to them less and less


@dataclass(frozen=True)
class Life:
    """What a template can do by itself. Checked when made.

    Attributes:
        names: K of `NAMES`, each once.
        fields: (K, V, 3) float16 mm on the template's neutral, at full strength; 0 where next to nothing moves.

    Raises:
        TemplateError: unknown names, other shapes, or numbers that are not finite.
    """

    names: tuple[str, ...]
    fields: NDArray[np.float16]

    def __post_init__(self) -> None:
        unknown = set(self.names) - set(NAMES)
        if unknown or len(set(self.names)) != len(self.names) or not self.names:
            raise TemplateError(f"Motions of life are {', '.join(NAMES)}, each once.")
        fields = np.array(self.fields, np.float16)
        if fields.ndim != 3 or fields.shape[::2] != (len(self.names), 3) or not np.isfinite(fields).all():
            raise TemplateError("Motions of life have the shape (K, V, 3), and finite numbers.")
        for name, field in zip(self.names, fields, strict=True):
            least = _SEEN_MICRO if name in MICRO else _SEEN
            field[np.linalg.norm(field.astype(np.float32), axis=1) < least] = 0
        fields.flags.writeable = False
        object.__setattr__(self, "fields", fields)

    @property
    def vertex_count(self) -> int:
        """V of the template."""
        return int(self.fields.shape[1])

    def field(self, name: str) -> NDArray[np.float32]:
        """(V, 3) float32 mm; nothing but 0 for a name that is not there."""
        if name not in self.names:
            return np.zeros(self.fields.shape[1:], np.float32)
        return self.fields[self.names.index(name)].astype(np.float32)

    def weights(self, seconds: NDArray[np.floating[Any]], seed: int) -> NDArray[np.float64]:
        """How much of each motion there is at any time, with life at its full strength.

        Args:
            seconds: (n,) finite, in any order, also below 0.
            seed: of the take.

        Returns:
            (n, K): for a blink 0 open to 1 closed; for an arc 4 b (1 - b) of the blink b of its side; for a
            micro-movement a few hundredths, of either sign.
        """
        times = np.asarray(seconds, np.float64)
        eyes = dict(zip(SIDES, blinks(times, seed), strict=True))
        out = np.empty((len(times), len(self.names)))
        for column, name in enumerate(self.names):
            closed = eyes.get(name.partition("_")[2])
            if name not in MICRO:
                assert closed is not None
                out[:, column] = closed if name in BLINKS else 4 * closed * (1 - closed)
        small = [column for column, name in enumerate(self.names) if name in MICRO]
        names = [self.names[column] for column in small]
        one_way = np.array([name in _ONE_WAY for name in names], bool)
        noise = drift(times, seed, np.array([NAMES.index(name) for name in names], np.int64), one_way)
        out[:, small] = noise * np.array([MICRO[name] for name in names])
        return out

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """As plain arrays for a bundle: "life.blink_left.vertices", those that move, and "life.blink_left.field"."""
        arrays: dict[str, NDArray[Any]] = {}
        for name, field in zip(self.names, self.fields, strict=True):
            moved = np.flatnonzero(field.any(axis=1))
            arrays[f"life.{name}.vertices"] = moved.astype(np.int32)
            arrays[f"life.{name}.field"] = field[moved]
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], vertex_count: int) -> Life | None:
        """The inverse of `to_arrays`; None where there are none of them.

        Raises:
            TemplateError: an array is missing or damaged, or a motion is not known.
        """
        found = {name for name in arrays if name.startswith("life.")}
        names = tuple(name for name in NAMES if f"life.{name}.field" in found)
        if found != {f"life.{name}.{what}" for name in names for what in ("vertices", "field")}:
            raise TemplateError("The stored motions of life are incomplete, or of a kind that this Mien does not know.")
        if not names:
            return None
        fields = np.zeros((len(names), vertex_count, 3), np.float16)
        for number, name in enumerate(names):
            moved, field = arrays[f"life.{name}.vertices"], arrays[f"life.{name}.field"]
            fits = moved.dtype == np.int32 and moved.ndim == 1 and field.shape == (len(moved), 3)
            if (
                not fits
                or field.dtype != np.float16
                or moved.min(initial=0) < 0
                or moved.max(initial=0) >= vertex_count
            ):
                raise TemplateError(f"The stored motion of life {name!r} does not fit its template.")
            fields[number, moved] = field
        return cls(names, fields)

    def on(self, template: Template, jacobians: NDArray[np.float32] | None = None) -> LifeOnFace:
        """The same on a face with these Jacobians, (V, 3, 3); None for the template's own.

        What depends on the template alone is computed once: it must be the one of the fields.
        """
        plain = self.__dict__.get("_plain")
        if plain is None:
            plain = LifeOnFace.of(self, template)
            object.__setattr__(self, "_plain", plain)
        return plain if jacobians is None else plain.turned(jacobians)


@dataclass(frozen=True)
class _Lid:
    """One eye of some face.

    Attributes:
        column: of its blink in the weights.
        vertices: (n,).
        mask: (n, 1) how much each belongs to the lids.
        closed: (n, 3) mm.
        arc: (n, 3) mm.
    """

    column: int
    vertices: NDArray[np.intp]
    mask: NDArray[np.float32]
    closed: NDArray[np.float32]
    arc: NDArray[np.float32]


@dataclass(frozen=True)
class LifeOnFace:
    """What adds life to frames.

    A blink does not come on top of a lid's other motion, it ends where the eye is closed:
    d becomes (1 - b m) d + b F + 4 b (1 - b) A, with m = 1 at the lids.

    Attributes:
        life: whose weights count.
        eyes: the lids.
        small: columns of the micro-movements in the weights.
        moved: (M,) vertices they move.
        fields: (k, M, 3) float32 mm.
    """

    life: Life
    eyes: tuple[_Lid, ...]
    small: list[int]
    moved: NDArray[np.intp]
    fields: NDArray[np.float32]

    @classmethod
    def of(cls, life: Life, template: Template) -> LifeOnFace:
        """On the template's own face."""
        eyes = []
        for blink, arc in zip(BLINKS, ARCS, strict=True):
            if blink in life.names:
                closed = life.field(blink)
                mask = lid_mask(template, closed)
                near = np.flatnonzero(mask + np.abs(closed).sum(axis=1) > 0)
                eyes.append(_Lid(life.names.index(blink), near, mask[near, None], closed[near], life.field(arc)[near]))
        small = [number for number, name in enumerate(life.names) if name in MICRO]
        fields = life.fields[small].astype(np.float32)
        moved = np.flatnonzero(fields.any(axis=(0, 2)))
        return cls(life, tuple(eyes), small, moved, np.ascontiguousarray(fields[:, moved]))

    def turned(self, jacobians: NDArray[np.float32]) -> LifeOnFace:
        """On a face with these Jacobians, (V, 3, 3)."""

        def turn(field: NDArray[np.float32], vertices: NDArray[np.intp]) -> NDArray[np.float32]:
            return np.asarray(np.einsum("vij,...vj->...vi", jacobians[vertices], field), np.float32)

        eyes = tuple(
            replace(eye, closed=turn(eye.closed, eye.vertices), arc=turn(eye.arc, eye.vertices)) for eye in self.eyes
        )
        return replace(self, eyes=eyes, fields=np.ascontiguousarray(turn(self.fields, self.moved)))

    def add(self, out: NDArray[np.float32], seconds: NDArray[np.float64], seed: int, amount: float) -> None:
        """Onto the frames of these seconds.

        Args:
            out: (n, V, 3) mm, changed.
            seconds: (n,).
            seed: of the take.
            amount: 0..1, of the micro-movements; blinks are whole.
        """
        weights = self.life.weights(seconds, seed).astype(np.float32)
        if len(self.moved):
            small = (np.float32(amount) * weights[:, self.small]) @ self.fields.reshape(len(self.small), -1)
            for frame, offsets in zip(out, small.reshape(len(out), -1, 3), strict=True):
                frame[self.moved] += offsets
        for eye in self.eyes:
            for frame, closed in zip(out, weights[:, eye.column], strict=True):
                if closed > 0:
                    here = frame[eye.vertices] * (1 - closed * eye.mask) + closed * eye.closed
                    frame[eye.vertices] = here + 4 * closed * (1 - closed) * eye.arc


def lid_mask(template: Template, blink: NDArray[np.float32]) -> NDArray[np.float32]:
    """(V,) 1 at the lids of the eye that a blink, (V, 3), closes, smoothly to 0 around them.

    The upper lid moves far. The lower one hardly does, but lies next to it when the eye is closed. Eyes and teeth are
    left alone.
    """
    size = np.linalg.norm(blink, axis=1)
    still, hanging = (np.isin(template.vertex_part, [template.parts.index(one) for one in parts & set(template.parts)])
                      for parts in (RIGID_PARTS, HANGING_PARTS))  # fmt: skip
    most = float(size[~(still | hanging)].max(initial=0.0))
    if most <= 0:
        return np.zeros(len(size), np.float32)
    shut = template.vertices + blink
    margin = shut[(size > 0.8 * most) & ~still & ~hanging]
    near = np.flatnonzero((np.abs(shut - margin.mean(axis=0)) < np.ptp(margin, axis=0).max() + 2 * _FAR).all(axis=1))
    distance = np.full(len(size), np.inf)
    distance[near] = [np.sqrt(((margin - place) ** 2).sum(axis=1).min()) for place in shut[near]]
    belongs = np.maximum(smooth((size - _SEEN) / (0.5 * most)), smooth((_FAR - distance) / (_FAR - _NEAR)))
    return np.where(still, 0.0, belongs).astype(np.float32)
