"""One wrap from beginning to end: a head is read, a template laid on it, and what it comes to is kept in the mesh."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import bpy
import numpy as np

from .. import engine, known_faces, mesh_bridge, packs
from ..engine import MeshError
from ..parts import finding
from ..preview import preview
from . import marks, store, wrap_head
from .bvh import surface_of
from .watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from ..engine import Binding, Loaded, Step, Wrapped

_STEP = 0.02
"""mm, to which kept distances are rounded."""


@dataclass(frozen=True)
class WrapResult:
    """What a wrap came to.

    Attributes:
        object: name of the head.
        like: name of the generator whose head was wrapped onto it.
        vertices: how many of the head's vertices move.
        mean: mm from the head to the wrapped template, on a head of average size.
        p95: mm, 95 of a hundred vertices are nearer.
        percent_of_height: the mean in percent of the head's height.
        flipped: triangles of the wrapped template that are turned over.
        dropped: names for people of landmarks that were left out, since the others speak against them.
        advice: sentences; empty where the wrap is good.
        seconds: how long it took.
        note: a sentence about what else has changed by it; mostly empty.
    """

    object: str
    like: str
    vertices: int
    mean: float
    p95: float
    percent_of_height: float
    flipped: int
    dropped: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()
    seconds: float = 0.0
    note: str = ""

    def __str__(self) -> str:
        """One or two sentences, the advice, and the note."""
        done = (
            f"{self.object} performs like the {self.like}: {self.vertices:,} vertices move, "
            f"{self.mean:.2f} mm off on average, {self.p95:.2f} mm at most for 95%."
        )
        return " ".join([done, *self.advice, self.note]).rstrip()


class WrapJob:
    """A wrap in three steps, so that a window can stay awake: make it, walk through `compute`, then `finish`.

    Nothing in the scene changes before `finish`, which does all or nothing; whoever stops on the way need not clean up.

    Args:
        obj: the head.
        landmarks: names -> places in the object's units and axes; see `landmarks.GUIDE` for the names. They are kept
            on the object at the end. None for those that were placed there.
        like: which head is wrapped onto it, see `generator_like`.
        bundle: path of the one generator to use; empty for the one that ships and all model packs.

    Raises:
        MienError: the object is no head that can be wrapped, landmarks are missing or wrong, there is no such
            generator.
    """

    def __init__(
        self,
        obj: bpy.types.Object,
        landmarks: Mapping[str, Sequence[float] | NDArray[np.float64]] | None = None,
        *,
        like: str = "",
        bundle: str = "",
    ) -> None:
        self._begun = time.monotonic()
        check_object(obj)
        self._object = obj
        self._loaded = generator_like(like, bundle)
        self._known = known_faces.knows(obj.data, [one.bundle.template for one in packs.known(bundle)])
        self._template = self._loaded.bundle.template
        self._given = landmarks is not None
        self._marks = _as_places(marks.read(obj) if landmarks is None else landmarks)
        self._head = wrap_head.read_head(obj, self._template, self._marks)
        self._watch = Watch(obj)
        self._wrapped: Wrapped | None = None
        self._binding: Binding | None = None

    def compute(self, cancelled: Callable[[], bool] | None = None) -> Iterator[Step]:
        """Does the work, a little at each step; yields how far it is.

        Raises:
            MienError: the head cannot be wrapped, or was changed meanwhile.
        """
        for step in self.work(cancelled):
            yield step
            self.check_unchanged()

    def work(self, cancelled: Callable[[], bool] | None = None) -> Iterator[Step]:
        """`compute` without a look at the scene: it touches nothing of Blender's, so a thread may walk through it.

        Raises:
            MienError: the head cannot be wrapped.
        """
        head, axes = self._head, self._head.to_wrap
        vertices = head.vertices @ axes.T
        places = {name: axes @ place for name, place in self._marks.items()}
        modes = self._loaded.bundle.modes
        yield engine.Step(0, 1, "reading the head")
        wrapped = yield from engine.wrap(
            self._template, vertices, head.triangles, places, surface_of, modes=modes, cancelled=cancelled
        )
        yield engine.Step(1, 1, "binding the head")
        self._binding = engine.bind(self._template, wrapped, vertices, head.triangles, surface_of, cancelled=cancelled)
        self._wrapped = wrapped

    def finish(self) -> WrapResult:
        """Keeps the wrap in the mesh; all or nothing. To be called when `compute` is through.

        Raises:
            MienError: the head was changed meanwhile.
        """
        wrapped, binding, obj = self._wrapped, self._binding, self._object
        assert wrapped is not None, "compute is not through"
        assert binding is not None
        self._watch.check(thoroughly=True)
        back = np.linalg.inv(self._head.to_wrap)
        result = self._result(wrapped, binding)
        kept, placed, parts = obj.data.mien.wrap, marks.state_of(obj), finding.bindings_of(obj)
        before = kept.text, kept.mark
        try:
            store.store(obj, self._loaded, binding, back @ wrapped.to_local, _about(result, wrapped, back))
            if self._given:
                marks.clear(obj)
                marks.put_all(obj, self._marks)
            if len(obj.mien_parts.parts):
                finding.bind_again(obj, mesh_bridge.fit(obj, self._template))
        except BaseException:
            kept.text, kept.mark = before
            marks.restore(obj, placed)
            finding.restore_bindings(obj, parts)
            raise
        _stop_previews(obj.data)
        return result

    def _result(self, wrapped: Wrapped, binding: Binding) -> WrapResult:
        quality, name = wrapped.quality, self._object.name
        note = f"{name} is a face that Mien knows without a wrap; Forget Wrap brings that back."
        return WrapResult(
            name,
            self._loaded.title,
            len(binding.moving),
            float(quality.mean),
            float(quality.p95),
            float(quality.percent_of_height),
            len(quality.flipped),
            tuple(wrap_head.TITLES.get(name, name) for name in wrapped.landmarks_dropped),
            tuple(quality.advice),
            time.monotonic() - self._begun,
            note if self._known else "",
        )

    def check_unchanged(self) -> None:
        """Whether the head is still the one that was read, as far as a glance tells.

        Raises:
            MeshError: it is gone, or was changed.
        """
        self._watch.check()


def check_object(obj: bpy.types.Object | None) -> None:
    """Whether an object may be wrapped, as far as can be told without a look at its mesh.

    Raises:
        MeshError: it is none, linked, in Edit Mode, or empty.
    """
    refusal = mesh_bridge.refusal(obj)
    if refusal is not None:
        raise MeshError(refusal.sentence, refusal.remedy)


def is_wrapped(obj: bpy.types.Object | None) -> bool:
    """Whether a wrap is kept in an object's mesh."""
    return obj is not None and obj.type == "MESH" and store.is_stored(obj.data)


def forget(obj: bpy.types.Object) -> bool:
    """Takes the wrap out of a mesh; returns whether there was one. Live previews that play by it end first."""
    if not is_wrapped(obj):
        return False
    _stop_previews(obj.data)
    return store.forget(obj.data)


def generator_like(like: str = "", bundle: str = "") -> Loaded:
    """The generator whose head is wrapped.

    Args:
        like: a word of its title, its template's name or its file's name, in any case; empty or "auto" for the pack
            that was installed last, else the one that ships.
        bundle: see `packs.known`.

    Raises:
        MienError: there is none of this name.
    """
    every = packs.known(bundle)
    if like in ("", "auto"):
        # A pack from before landmarks had names is passed over; asked for by its name, it says so.
        return next((one for one in every if wrap_head.can_wrap(one.bundle.template)), every[-1])
    words = [[name.casefold() for name in (one.title, one.bundle.template.name, one.path.stem)] for one in every]
    wanted = like.strip().casefold() if isinstance(like, str) else ""
    # A whole name counts first: it may be a word of another's.
    for found in (
        next((one for one, names in zip(every, words, strict=True) if wanted in names), None),
        next((one for one, names in zip(every, words, strict=True) if any(wanted in name for name in names)), None),
    ):
        if found is not None and wanted:
            return found
    titles = ", ".join(one.title for one in every)
    raise engine.BundleError(
        f"No generator is called {like!r}; there are: {titles}.", "Install its model pack in Mien's preferences."
    )


def _as_places(landmarks: Mapping[str, Any]) -> dict[str, NDArray[np.float64]]:
    try:
        places = {str(name): np.array(place, np.float64) for name, place in landmarks.items()}
    except (TypeError, ValueError, AttributeError, OverflowError) as problem:
        raise MeshError("The landmarks hold something that is no place.", "Give three numbers for each.") from problem
    wrong = [name for name, place in places.items() if place.shape != (3,)]
    if wrong:
        raise MeshError(f"The landmark {wrong[0]} is no place.", "Give three numbers: x, y and z.")
    return places


def _stop_previews(mesh: bpy.types.Mesh) -> None:
    """Ends the live previews of all objects that share a mesh."""
    for user in [one for one in bpy.data.objects if one.data == mesh and preview.is_on(one)]:
        preview.stop(user)


def _about(result: WrapResult, wrapped: Wrapped, back: NDArray[np.float64]) -> dict[str, Any]:
    """What is kept beside the binding: the quality for the panel, and what a picture of it needs (see fit_look.py)."""
    return {
        "like": result.like,
        "mean": result.mean,
        "p95": result.p95,
        "percent_of_height": result.percent_of_height,
        "advice": list(result.advice),
        "dropped": list(result.dropped),
        "landmarks": list(wrapped.landmarks_used),
        "seconds": round(result.seconds, 2),
        "positions": wrapped.positions @ back.T,
        # Steps that no eye sees, and that take a quarter of the place.
        "distance": np.round(np.asarray(wrapped.quality.distance) / _STEP) * _STEP,
        "flipped": np.asarray(wrapped.quality.flipped, np.float32),
    }
