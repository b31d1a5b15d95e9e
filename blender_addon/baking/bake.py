"""Deformations -> shape keys, one a frame, relative or absolute; other ways are in bake_sliders.py and bake_cache.py.

Every way is a Writer: it takes frames as they come, may give up at any moment and leave nothing, and at last animates
what it made. Whatever holds for all bakes of a mesh (their list, their actions, which one plays) is in bakes.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import fcurves
from ..engine import MeshError, MotionError, all_finite
from ..mesh_bridge import index_of
from . import actions, records
from .rest import basis_positions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import bpy
    from numpy.typing import NDArray

    from ..fcurves import Curves

BYTES_A_VERTEX = 12
"""What one vertex of one shape key costs."""

BYTES_A_KEYFRAME = 72
"""What one key of an F-curve costs."""


@dataclass(frozen=True)
class Plan:
    """What a bake is to make.

    Attributes:
        obj: the face, local, not in Edit Mode.
        indices: (P,) the object's vertices that move.
        frames: (n,) the frames of the timeline, evenly spaced, ascending.
        step: frames from one to the next.
        name: of the bake; shape keys are called after it.
        scale: object units per millimetre.
        tolerance: millimetres, where a way may leave something out.
        cache: the point cache's file, where the way writes one.
        cancelled: asked in long calculations.
    """

    obj: bpy.types.Object
    indices: NDArray[np.int32]
    frames: NDArray[np.float64]
    step: float
    name: str
    scale: float
    tolerance: float = 0.05
    cache: Path | None = None
    cancelled: Callable[[], bool] | None = None


class Writer:
    """One way to bake; `add` for each chunk, then `close`, `animate`, `settle`; or `abort` at any time before `settle`.

    Attributes:
        names: shape keys that it made, as they are called now.
        driven: shape keys of the artist's that it animates.
        error_mm: largest distance of any vertex in any frame from what was generated, mm.
        staged: it is on record as unfinished.
        animates: it writes F-curves into an action.
        exclusive: it cannot stand beside other shape keys.
    """

    animates = True
    exclusive = False

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.names: list[str] = []
        self.driven: list[str] = []
        self.error_mm = 0.0
        self.staged = False

    def add(self, offsets: NDArray[np.float32]) -> None:
        """Takes the next frames: (n, P, 3) object units, added to the face at rest."""
        raise NotImplementedError

    def close(self) -> Iterator[None]:
        """All frames are there; does what needs all of them. Yields while that takes time."""
        yield from ()

    def animate(self, curves: Curves) -> None:
        """Writes the curves that play it, into an action that nothing uses yet."""
        raise NotImplementedError

    def for_part(self, plan: Plan) -> Writer | None:
        """What bakes a part of the face along the same way, before any frame is added; None to leave the part out.

        Raises:
            MeshError: the part cannot be baked this way.
        """
        return type(self)(plan)

    def plays_like(self, other: Writer) -> bool:
        """Whether the curves that `other` writes for its mesh play this one too; asked when both have settled."""
        return self.names == other.names

    def settle(self, curves: Curves | None) -> None:
        """An earlier bake that this one replaces is gone now: takes the names that were its."""

    def abort(self) -> None:
        """Takes away what was made."""

    def about(self) -> dict[str, Any]:
        """What the record needs besides names and provenance."""
        return {}

    @property
    def files(self) -> list[Path]:
        """Files that it writes beside the .blend."""
        return []

    @property
    def size(self) -> int:
        """Bytes it takes in the file, uncompressed."""
        vertices = len(self.plan.obj.data.vertices)
        return len(self.names) * (vertices * BYTES_A_VERTEX + 3 * BYTES_A_KEYFRAME)


class KeyWriter(Writer):
    """What the ways that make shape keys share: making them, renaming them, taking them away.

    The keys stand at 0 until they are animated, so nothing shows. The mesh's list of bakes names them from the start as
    an unfinished bake, so that they can be taken away even after a crash.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self._rest = basis_positions(plan.obj.data)
        self._moved = self._rest.copy()
        self._indices: Any = index_of(plan.indices, len(self._rest))
        self._rest = self._rest[self._indices]
        self._wanted: list[str] = []
        self._active = plan.obj.active_shape_key_index

    def make_key(self, name: str, offsets: NDArray[np.float32]) -> bpy.types.ShapeKey:
        """A relative shape key at 0, the Basis and these offsets (P, 3)."""
        obj = self.plan.obj
        if obj.data.shape_keys is None:
            obj.shape_key_add(name="Basis", from_mix=False)
        key = obj.shape_key_add(name=name, from_mix=False)
        self._wanted.append(name)
        self.names.append(key.name)
        key.value = 0.0
        if isinstance(self._indices, slice):
            np.add(self._rest, offsets, out=self._moved)
        else:
            self._moved[self._indices] = self._rest + offsets
        key.points.foreach_set("co", self._moved.reshape(-1))
        return key

    def keep_active(self) -> None:
        """The key that the artist had chosen stays chosen."""
        self.plan.obj.active_shape_key_index = self._active

    def settle(self, curves: Curves | None) -> None:
        """See `Writer`."""
        keys = self.plan.obj.data.shape_keys
        for number, wanted in enumerate(self._wanted):
            had = self.names[number]
            if had == wanted:
                continue
            key = keys.key_blocks[had]
            key.name = wanted
            self.names[number] = key.name
            curve = curves.find(actions.path_of(had)) if curves is not None else None
            if curve is not None:
                curve.data_path = actions.path_of(key.name)

    def abort(self) -> None:
        """See `Writer`."""
        remove_keys(self.plan.obj, self.names)
        self.names = []


class FrameWriter(KeyWriter):
    """One relative shape key for each frame, at 1 on its frame alone.

    Between two frames the face is halfway between them; before the first and after the last it is at rest.
    """

    def add(self, offsets: NDArray[np.float32]) -> None:
        """See `Writer`."""
        check_finite(offsets)
        for frame in offsets:
            self.make_key(key_name(self.plan.name, float(self.plan.frames[len(self.names)])), frame)
        self.keep_active()

    def animate(self, curves: Curves) -> None:
        """See `Writer`."""
        for frame, name in zip(self.plan.frames.tolist(), self.names, strict=True):
            around = [frame - self.plan.step, frame, frame + self.plan.step]
            fcurves.write(curves, actions.path_of(name), around, [0.0, 1.0, 0.0])


class AbsoluteWriter(FrameWriter):
    """Absolute shape keys: Blender walks from key to key along one curve, Evaluation Time, and mixes two at a time."""

    exclusive = True

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        own = {name for bake in records.bakes_of(plan.obj.data) for name in bake.key_names}
        keys = plan.obj.data.shape_keys
        blocks = list(keys.key_blocks)[1:] if keys else []
        others = [key.name for key in blocks if key.name not in own]
        if others:
            some = ", ".join(others[:3])
            raise MeshError(
                f"{plan.obj.name} has shape keys of its own ({some}); absolute ones would silence them.",
                "Choose another way to bake.",
            )

    def close(self) -> Iterator[None]:
        """One more key at rest: the face goes back to it after the last frame."""
        still = np.zeros((len(self._rest), 3), np.float32)
        self.make_key(f"{self.plan.name} rest", still)
        self.keep_active()
        yield

    def animate(self, curves: Curves) -> None:
        """See `Writer`."""
        stops = [0.0, *self.stops]
        frames = self.plan.frames
        times = [frames[0] - self.plan.step, *frames.tolist(), frames[-1] + self.plan.step]
        fcurves.write(curves, "eval_time", times, stops)

    def plays_like(self, other: Writer) -> bool:
        """See `Writer`; behind keys of earlier bakes the new ones come later in Evaluation Time."""
        return super().plays_like(other) and isinstance(other, AbsoluteWriter) and self.stops == other.stops

    @property
    def stops(self) -> list[float]:
        """Where in Evaluation Time each of its keys stands."""
        keys = self.plan.obj.data.shape_keys
        return [keys.key_blocks[name].frame for name in self.names]


def key_name(bake: str, frame: float) -> str:
    """The name of the shape key of a frame; whatever Blender would cut off is cut from the bake's name."""
    number = f"{frame:04.0f}" if frame == round(frame) else f"{frame:07.2f}"
    return f"{bake[: 62 - len(number)]} {number}"


def check_finite(offsets: NDArray[np.float32]) -> None:
    """NaN never reaches a mesh.

    Raises:
        MotionError: offsets that are not finite.
    """
    if not all_finite(offsets):
        raise MotionError("The generator gave values that are not finite numbers; nothing was changed.")


def remove_keys(obj: bpy.types.Object, names: list[str]) -> int:
    """Removes shape keys that are still there; their curves are their action's matter. Returns how many."""
    keys = obj.data.shape_keys
    if keys is None or not names:
        return 0
    active = obj.active_shape_key_index
    found = [keys.key_blocks[name] for name in names if name in keys.key_blocks]
    for key in reversed(found):
        obj.shape_key_remove(key)
    obj.active_shape_key_index = active
    return len(found)
