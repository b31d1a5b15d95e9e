"""Baking to few shape keys: as few as a tolerance allows, or the ones that the face has already."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

import numpy as np

from .. import fcurves
from ..engine import Compactor, MeshError, SliderSolver
from . import actions, rest
from .bake import BYTES_A_KEYFRAME, KeyWriter, Plan, Writer, check_finite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import bpy
    from numpy.typing import NDArray

    from ..fcurves import Curves

_LOOK = 0.05
"""Seconds between two looks at whether the keys are found."""

_STILL = 1e-4
"""A slider that never goes further than this stays where it is, and gets two keys instead of one a frame."""

_ONE_A_SIDE = (
    "browDown browOuterUp cheekSquint eyeBlink eyeLookDown eyeLookIn eyeLookOut eyeLookUp eyeSquint eyeWide "
    "mouthDimple mouthFrown mouthLowerDown mouthPress mouthSmile mouthStretch mouthUpperUp noseSneer"
)
_ALONE = (
    "browInnerUp cheekPuff jawForward jawLeft jawOpen jawRight mouthClose mouthFunnel mouthLeft mouthPucker "
    "mouthRight mouthRollLower mouthRollUpper mouthShrugLower mouthShrugUpper tongueOut"
)
ARKIT = frozenset([*_ALONE.split(), *(f"{one}{side}" for one in _ONE_A_SIDE.split() for side in ("Left", "Right"))])
"""The 52 blendshapes of ARKit, by their names."""

ENOUGH_OF_ARKIT = 20
"""A face with so many of them is taken for one that performs with them alone."""


class _Joint:
    """The vertices of a face and of its parts as one: the same weights then play everywhere.

    All is in the face's units, so that one tolerance holds for everybody.

    Args:
        plan: of the face.
        cancelled: asked now and then while the keys are searched.
    """

    def __init__(self, plan: Plan, cancelled: Callable[[], bool]) -> None:
        self._compactor = Compactor(cancelled=cancelled)
        self._tolerance, self._scale = plan.tolerance * plan.scale, plan.scale
        self._ends = [0]
        self._scales: list[float] = []
        self._waiting: list[NDArray[np.float32]] = []
        self._shapes = np.empty((0, 0, 3), np.float32)
        self.weights = np.empty((len(plan.frames), 0), np.float32)
        self.error_mm = 0.0
        self.is_found = False

    def join(self, plan: Plan) -> int:
        """One more object; returns its number."""
        self._ends.append(self._ends[-1] + len(plan.indices))
        self._scales.append(plan.scale / self._scale)
        return len(self._scales) - 1

    def add(self, number: int, offsets: NDArray[np.float32]) -> None:
        """The next frames of an object; all objects come in their order."""
        if number > 0:
            offsets = offsets / np.float32(self._scales[number])
        self._waiting.append(offsets)
        if len(self._waiting) == len(self._scales):
            every, self._waiting = self._waiting, []
            self._compactor.add(every[0] if len(every) == 1 else np.concatenate(every, axis=1))

    def find(self) -> None:
        """Finds the keys, once."""
        found = self._compactor.finish(self._tolerance)
        self._shapes, self.weights = from_zero(found.shapes, found.weights)
        self.error_mm = float(found.error) / self._scale
        self.is_found = True

    def shapes_of(self, number: int) -> NDArray[np.float32]:
        """(K, P, 3) an object's share in the keys, in its own units."""
        shapes = self._shapes[:, self._ends[number] : self._ends[number + 1]]
        return shapes * np.float32(self._scales[number]) if number > 0 else shapes


class CompactWriter(KeyWriter):
    """As few shape keys as keep every vertex of every frame within the tolerance, each with one curve."""

    def __init__(self, plan: Plan, joint: _Joint | None = None) -> None:
        super().__init__(plan)
        self._given_up = False
        self._joint = joint or _Joint(plan, self._is_over)
        self._number = self._joint.join(plan)
        self._weights = self._joint.weights

    def for_part(self, plan: Plan) -> CompactWriter:
        """See `Writer`; face and parts get the same weights, and none is further off than the tolerance."""
        return CompactWriter(plan, self._joint)

    def add(self, offsets: NDArray[np.float32]) -> None:
        """See `Writer`; nothing reaches the mesh before all frames are there."""
        check_finite(offsets)
        self._joint.add(self._number, offsets)

    def close(self) -> Iterator[None]:
        """Finds the keys, in a thread of its own: of long performances that takes minutes, and a window stays awake."""
        if not self._joint.is_found:
            with ThreadPoolExecutor(1) as pool:
                job = pool.submit(self._joint.find)
                try:
                    while not wait([job], timeout=_LOOK).done:
                        yield
                except BaseException:
                    self._given_up = True
                    raise
            job.result()
        shapes, self._weights, self.error_mm = (
            self._joint.shapes_of(self._number),
            self._joint.weights,
            self._joint.error_mm,
        )
        for number, shape in enumerate(shapes, 1):
            self.make_key(f"{self.plan.name} key {number:02d}", shape)
        if not self.names:  # nobody moves; a bake without keys could not be told from none
            self.make_key(f"{self.plan.name} key 01", np.zeros((len(self._rest), 3), np.float32))
            self._weights = np.zeros((len(self.plan.frames), 1), np.float32)
        self.keep_active()

    def abort(self) -> None:
        """See `Writer`."""
        self._given_up = True
        super().abort()

    def _is_over(self) -> bool:
        return self._given_up or (self.plan.cancelled is not None and self.plan.cancelled())

    def animate(self, curves: Curves) -> None:
        """See `Writer`."""
        write_weights(curves, self.plan, self.names, self._weights, at_rest=np.zeros(len(self.names)))

    @property
    def size(self) -> int:
        """See `Writer`."""
        return super().size + len(self.names) * len(self.plan.frames) * BYTES_A_KEYFRAME


def from_zero(
    shapes: NDArray[np.float32], weights: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The same motion with weights from 0 to 1 alone, by one more key: (K, P, 3), (n, K) -> K + 1 of each.

    Below 0 many programs cut a key off, Blender's own importers among them. So each weight is told from its lowest on,
    and one key that stands at 1 all the time holds what all the others show there.
    """
    lowest = np.minimum(weights.min(axis=0, initial=0), 0)
    if not lowest.any():
        return shapes, weights
    reach = np.maximum(weights.max(axis=0) - lowest, np.finfo(np.float32).tiny)
    held = np.einsum("k,kpc->pc", lowest, shapes)
    return (
        np.concatenate([held[None], shapes * reach[:, None, None]]),
        np.concatenate([np.ones((len(weights), 1), np.float32), (weights - lowest) / reach], axis=1),
    )


class SliderWriter(Writer):
    """Curves for the artist's own shape keys, each within its slider's range; the mesh gets no key."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        chosen = sliders(plan.obj)
        if not chosen:
            raise MeshError(
                f"{plan.obj.name} has no shape keys of its own that could perform.",
                "Add some (ARKit's 52, for example), or choose another way to bake.",
            )
        self.driven = [key.name for key in chosen]
        shapes = np.stack([rest.points_of(key) - rest.points_of(key.relative_key) for key in chosen])
        lower, upper = (np.array([getattr(key, end) for key in chosen]) for end in ("slider_min", "slider_max"))
        self._solver = SliderSolver(np.ascontiguousarray(shapes[:, plan.indices]), lower, upper)
        self._at_rest = np.clip(0.0, lower, upper)
        self._weights: list[NDArray[np.float32]] = []

    def for_part(self, plan: Plan) -> FollowingSliders | None:
        """See `Writer`; a part without one of the face's keys is left out."""
        writer = FollowingSliders(plan, self)
        return writer if writer.driven else None

    @property
    def latest(self) -> NDArray[np.float32]:
        """(n, K) weights of the frames that were added last."""
        return self._weights[-1]

    def curves(self) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """(T, K) weights of all frames, and (K,) where the sliders are at rest."""
        return np.concatenate(self._weights), self._at_rest

    def add(self, offsets: NDArray[np.float32]) -> None:
        """See `Writer`; each frame is solved by itself."""
        check_finite(offsets)
        weights, errors = self._solver.solve(offsets)
        self._weights.append(weights)
        self.error_mm = max(self.error_mm, float(errors.max()) / self.plan.scale)

    def animate(self, curves: Curves) -> None:
        """See `Writer`."""
        weights, at_rest = self.curves()
        write_weights(curves, self.plan, self.driven, weights, at_rest=at_rest)

    @property
    def size(self) -> int:
        """See `Writer`."""
        return len(self.driven) * len(self.plan.frames) * BYTES_A_KEYFRAME


class FollowingSliders(Writer):
    """A part's keys of the same names as the face's, with the face's weights: so they are meant to be used.

    Args:
        plan: of the part.
        lead: what bakes the face.
    """

    def __init__(self, plan: Plan, lead: SliderWriter) -> None:
        super().__init__(plan)
        known = {key.name: key for key in sliders(plan.obj)}
        self._lead = lead
        self._numbers = [number for number, name in enumerate(lead.driven) if name in known]
        self.driven = [lead.driven[number] for number in self._numbers]
        keys = [known[name] for name in self.driven]
        shapes = [rest.points_of(key) - rest.points_of(key.relative_key) for key in keys]
        self._shapes = np.stack(shapes)[:, plan.indices] if shapes else np.empty((0, 0, 3), np.float32)

    def add(self, offsets: NDArray[np.float32]) -> None:
        """See `Writer`; the face has added the same frames before."""
        check_finite(offsets)
        off = np.einsum("tk,kpc->tpc", self._lead.latest[:, self._numbers], self._shapes) - offsets
        self.error_mm = max(self.error_mm, float(np.linalg.norm(off, axis=2).max()) / self.plan.scale)

    def animate(self, curves: Curves) -> None:
        """See `Writer`; where the part cannot play the face's action."""
        weights, at_rest = self._lead.curves()
        write_weights(curves, self.plan, self.driven, weights[:, self._numbers], at_rest=at_rest[self._numbers])

    @property
    def size(self) -> int:
        """See `Writer`; the curves are the face's."""
        return 0


def write_weights(
    curves: Curves, plan: Plan, names: list[str], weights: NDArray[np.float32], at_rest: NDArray[np.float64]
) -> None:
    """One curve for each key, with a key on each baked frame: (n, K) weights; before and after them at rest (K,)."""
    frames = plan.frames
    times = np.concatenate([[frames[0] - plan.step], frames, [frames[-1] + plan.step]])
    for name, values, still in zip(names, weights.T, at_rest, strict=True):
        if np.abs(values - still).max(initial=0) < _STILL:
            fcurves.write(curves, actions.path_of(name), times[[0, -1]], [still, still])
        else:
            fcurves.write(curves, actions.path_of(name), times, np.concatenate([[still], values, [still]]))


def sliders(obj: bpy.types.Object) -> list[bpy.types.ShapeKey]:
    """The artist's shape keys that a performance may be baked onto.

    Not those of Mien, nor muted or driven ones, nor those that stand still at a value of their own: these are the
    character's looks. Where most of ARKit's 52 are there, these alone.
    """
    keys = obj.data.shape_keys
    if keys is None or not keys.use_relative:
        return []
    looks, own, driven = set(rest.still_names(keys)), rest.own_names(keys), rest.driven_names(keys)
    free = [
        key
        for key in keys.key_blocks
        if key != keys.reference_key and not key.mute and not key.vertex_group and key.slider_max > key.slider_min
    ]
    free = [key for key in free if key.name not in looks | own | driven]
    known = [key for key in free if key.name in ARKIT]
    return known if len(known) >= ENOUGH_OF_ARKIT else free
