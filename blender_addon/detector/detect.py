"""Landmarks of a head by themselves: looked for in pictures of its mesh, and kept on its object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .. import engine
from ..baking.rest import rest_positions
from ..engine import MienError, landmarks
from ..wrapping import marks, wrap_head
from ..wrapping.bvh import surface_of
from ..wrapping.wrap_job import check_object, generator_like
from . import finder_files

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    import bpy
    from numpy.typing import NDArray

    from ..engine import Detected, Pairs, Reader, Step, Template

    Floats = NDArray[np.float64]

_templates: dict[str, Detected] = {}
"""What was detected on templates, by their content: they do not change."""


@dataclass(frozen=True)
class FoundMarks:
    """What was found on a head.

    Attributes:
        object: its name.
        marks: landmarks' names -> (3,) in the object's units and axes, on the mesh at rest.
        pairs: the hundreds of pairs they come from, the head's in the object's units and axes.
        kept: names of landmarks that a person had placed, and that stay as they are.
        missing: titles of needed landmarks that neither was found nor had been placed.
    """

    object: str
    marks: Mapping[str, Floats]
    pairs: Pairs
    kept: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    def __str__(self) -> str:
        """One or two sentences."""
        first = (
            f"Found {len(self.marks)} of {len(landmarks.GUIDE)} landmarks on {self.object} by {len(self.pairs.head)} "
            f"points of the face, which the views agree on within {self.pairs.spread:.1f} mm."
        )
        said = [first]
        if self.kept:
            said.append(f"{len(self.kept)} that you had placed stay as they are.")
        if self.missing:
            said.append(f"Place by hand: {', '.join(self.missing)}.")
        return " ".join(said)


class DetectJob:
    """A search in three steps, so that a window can stay awake: make it, walk through `compute`, then `finish`.

    Nothing in the scene changes before `finish`; whoever stops on the way need not clean up.

    Args:
        obj: the head.
        like: which head's landmarks are wanted, see `generator_like`.
        bundle: path of the one generator to use; empty for the one that ships and all model packs.

    Raises:
        MienError: the object is no head that can be looked at, or the landmark finder is not here.
    """

    def __init__(self, obj: bpy.types.Object, *, like: str = "", bundle: str = "") -> None:
        check_object(obj)
        self._reader = finder_files.reader()
        self._object = obj
        self._template = generator_like(like, bundle).bundle.template
        vertices = rest_positions(obj.data).astype(np.float64)
        triangles = wrap_head.triangles_of(obj.data)
        wrap_head.check_mesh(obj.name, vertices, triangles)
        # Pictures are as wide as what is in them: loose vertices, which nobody sees, may lie anywhere.
        used, corners = np.unique(triangles, return_inverse=True)
        self._vertices, self._triangles = vertices[used], corners.reshape(triangles.shape).astype(np.int32)
        self._found: FoundMarks | None = None

    def compute(self, cancelled: Callable[[], bool] | None = None) -> Iterator[Step]:
        """Does the work, a picture at each step; yields how far it is.

        Raises:
            MienError: there is no face that is understood.
            Cancelled: as it was asked.
        """
        # As the head is seen in the scene: an uneven or negative scale may be what makes it a head.
        axes = _axes_of(self._object)
        yield engine.Step(0, 1, "reading the head")
        surface = surface_of(self._vertices @ axes.T, self._triangles)
        template = yield from detected_template(self._template, self._reader, cancelled)
        head = yield from engine.detect(surface, self._reader, cancelled)
        pairs = engine.pair(template, head)
        names = [one.name for one in landmarks.GUIDE]
        back = np.linalg.inv(axes)
        found = {name: back @ at for name, at in engine.carry_marks(self._template, pairs, surface, names).items()}
        self._found = self._sorted(found, engine.Pairs(pairs.template, pairs.head @ back.T, pairs.spread, pairs.score))

    def _sorted(self, found: Mapping[str, Floats], pairs: Pairs) -> FoundMarks:
        kept = [name for name, how in marks.hows(self._object).items() if how == "picked"]
        ours = {name: place for name, place in found.items() if name not in kept}
        lacking = tuple(one.title for one in landmarks.missing([*ours, *kept]))
        return FoundMarks(self._object.name, ours, pairs, tuple(kept), lacking)

    @property
    def found(self) -> FoundMarks:
        """What was found; to be asked when `compute` is through."""
        assert self._found is not None, "compute is not through"
        return self._found

    def finish(self) -> FoundMarks:
        """Keeps the landmarks on the object, in place of those that were suggested or found before."""
        for name, how in marks.hows(self._object).items():
            if how != "picked":
                marks.remove(self._object, name)
        marks.put_all(self._object, self.found.marks, "detected")
        return self.found


def find_marks(obj: bpy.types.Object, *, like: str = "", bundle: str = "") -> FoundMarks:
    """Finds the landmarks of a head and keeps them on its object; waits for the end. See `DetectJob`.

    Raises:
        MienError: the landmark finder is not here, or the head has no face that it understands.
    """
    job = DetectJob(obj, like=like, bundle=bundle)
    for _ in job.compute():
        pass
    return job.finish()


def find_pairs(obj: bpy.types.Object, *, like: str = "", bundle: str = "") -> Pairs:
    """The same points on the template and on a head, some hundreds; nothing in the scene changes.

    Raises:
        MienError: see `find_marks`.
    """
    job = DetectJob(obj, like=like, bundle=bundle)
    for _ in job.compute():
        pass
    return job.found.pairs


def detected_template(
    template: Template, reader: Reader, cancelled: Callable[[], bool] | None = None
) -> Generator[Step, None, Detected]:
    """What the finder sees on a template; looked at once.

    Raises:
        MienError: it sees nothing: this generator's head is none that it understands.
    """
    if template.content_hash not in _templates:
        surface = surface_of(template.vertices.astype(np.float64), template.triangles)
        try:
            seen = yield from engine.detect(surface, reader, cancelled, looks_from=[np.eye(3)])
        except engine.Cancelled:
            raise
        except MienError as problem:
            raise MienError(
                "The landmark finder does not understand the generator's own head.", "Place the landmarks by hand."
            ) from problem
        _templates[template.content_hash] = seen
    return _templates[template.content_hash]


def _axes_of(obj: bpy.types.Object) -> Floats:
    """(3, 3) from the object's axes into the scene's; those of the object where the scene's have no volume."""
    matrix = np.array(obj.matrix_world, np.float64)[:3, :3]
    lengths = np.linalg.svd(matrix, compute_uv=False) if np.isfinite(matrix).all() else np.zeros(3)
    return matrix if lengths[2] > 1e-6 * lengths[0] else np.eye(3)
