"""Between Blender's meshes and arrays: which template, in what layout, at what scale and turn."""

from __future__ import annotations

import operator
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from . import fit_words
from .alignment import Similarity, align, describe_turn, mouth_gap
from .baking.records import keeps_absolute_keys
from .baking.rest import rest_positions
from .engine import Binding, Layout, MeshError, MienError, Template
from .known_faces import EDGES_NEEDED, likest
from .parts.inner import with_inner
from .parts.keeping import mark_of
from .wrapping import store
from .wrapping.store import edge_list

if TYPE_CHECKING:
    from collections.abc import Sequence

    import bpy
    from numpy.typing import NDArray

_FAMILIES = {"makehuman_head": "MakeHuman head", "ict_skin": "ICT head"}

TOO_FAR = 25.0
"""Residual in mm above which this is no head we know; a mirrored head or other vertex order has 60 and more."""

UNLIKE = 12.0
"""Residual in mm above which the face is unlike those the generator was trained on."""

_UNITS = 1e-9, 1e9
"""Object units per millimetre, at least and at most: a wrap that says otherwise is damaged."""

OPEN_MOUTH = 6.0
"""Millimetres between the lips, more than the template's, above which the mouth counts as open."""


@dataclass(frozen=True)
class Fit:
    """How a mesh lies on the template, and what a person should know about it.

    Attributes:
        ok: whether the face can perform.
        sentence: what was found, one plain sentence.
        remedy: what to do; empty where nothing is to be done.
        caution: it can perform, but the remedy deserves a look.
        layout: in which layout the template was found, or how the wrapped head is bound to it; None if neither.
        template: the one that was found.
        scale: object units per millimetre.
        rotation: (3, 3) float64, turns the template's axes into the object's.
        residual: mm, root mean square distance to the template after alignment; of a wrapped head, mean distance.
        to_local: (3, 3) float64; a deformation d in mm is `to_local @ d` in the object's units and axes.
        size: which way the face looks in the scene and how big it is, for people.
    """

    ok: bool
    sentence: str
    remedy: str = ""
    caution: bool = False
    layout: Layout | Binding | None = None
    template: Template | None = None
    scale: float = 0.0
    rotation: NDArray[np.float64] | None = None
    residual: float = 0.0
    to_local: NDArray[np.float64] | None = None
    size: str = ""

    def demand(self) -> Fit:
        """This fit, if the face can perform.

        Raises:
            MeshError: it cannot; with sentence and remedy.
        """
        if not self.ok:
            raise MeshError(self.sentence, self.remedy)
        return self


def index_of(vertices: NDArray[np.int32], count: int) -> slice | NDArray[np.int32]:
    """What picks these vertices out of so many: all of them in their order by a slice, which copies nothing."""
    whole = len(vertices) == count and np.array_equal(vertices, np.arange(count))
    return slice(None) if whole else vertices


def group_weights(obj: bpy.types.Object, name: str) -> NDArray[np.float32] | None:
    """(V, 1) float32, 0..1: weights in a vertex group, 0 outside it; None where the object has no such group."""
    group = obj.vertex_groups.get(name) if name else None
    if group is None:
        return None
    weights = np.zeros((len(obj.data.vertices), 1), np.float32)
    number = group.index
    for vertex in obj.data.vertices:
        for element in vertex.groups:
            if element.group == number:
                weights[vertex.index] = element.weight
    return weights


def fit(obj: bpy.types.Object | None, *templates: Template) -> Fit:
    """Looks at an object's mesh: was it wrapped, or does one of the templates lie in it, and how.

    A layout is recognised by its number of vertices and by its edges; scale, place and turn are free, and so is what
    comes after the mesh: modifiers, parents, an uneven or negative scale of the object. A head that was wrapped is
    bound, whatever else its number of vertices would say.

    Returns:
        The verdict; never raises for a mesh that does not fit.
    """
    refused = refusal(obj)
    if refused is not None:
        return refused
    mesh = obj.data
    if store.is_stored(mesh):
        return _bound(obj, templates)
    best = likest(mesh, templates)
    if best is None:
        sentence, remedy = fit_words.unknown_count(obj.name, len(mesh.vertices), templates)
        return Fit(ok=False, sentence=sentence, remedy=remedy)
    template, layout, share = best
    if share < EDGES_NEEDED:
        return Fit(
            ok=False,
            sentence=f"{obj.name} has as many vertices as {layout.name}, but in another order: "
            f"{share:.0%} of the edges agree.",
            remedy="Export the face again with its vertex order kept, without merging vertices, or wrap it as it is.",
        )
    return _aligned(obj, template, layout)


_fits: dict[str, tuple[tuple[int, ...], tuple[Template, ...], Fit]] = {}


def fit_cached(obj: bpy.types.Object | None, *templates: Template) -> Fit:
    """`fit`, worked out again only when the mesh or the object's turn changed: the panel asks all the time."""
    refused = refusal(obj)
    if refused is not None:
        return refused
    matrix = np.array(obj.matrix_world, np.float32)[:3, :3].tobytes()
    shape = np.ascontiguousarray(rest_positions(obj.data)).tobytes()
    mark = tuple(zlib.crc32(part) for part in (shape, edge_list(obj.data).tobytes(), matrix))
    mark += (zlib.crc32(obj.name.encode()), obj.data.users, zlib.crc32(obj.data.mien.wrap.mark.encode()))
    mark += (zlib.crc32(mark_of(obj).encode()),)
    known = _fits.get(obj.name)
    # The very templates: one of the same mesh may have other layouts.
    same = known is not None and len(known[1]) == len(templates) and all(map(operator.is_, known[1], templates))
    if known is None or known[0] != mark or not same:
        if len(_fits) > 16:
            _fits.clear()
        _fits[obj.name] = known = (mark, templates, fit(obj, *templates))
    return known[2]


def refusal(obj: bpy.types.Object | None) -> Fit | None:  # noqa: PLR0911 - one return for each reason
    """Why an object cannot be looked at; None if it can."""
    if obj is None:
        return Fit(ok=False, sentence="No face is picked.", remedy="Pick a mesh, or add a sample face.")
    if obj.type != "MESH":
        return Fit(ok=False, sentence=f"{obj.name} is not a mesh.", remedy="Pick the mesh of the face.")
    if obj.library or obj.data.library or obj.override_library:
        return Fit(
            ok=False,
            sentence=f"{obj.name} is linked from another file and cannot get shape keys.",
            remedy="Make it local: Object > Relations > Make Local > Selected Objects and Data.",
        )
    if obj.mode != "OBJECT":
        mode = obj.mode.replace("_", " ").title()
        return Fit(ok=False, sentence=f"{obj.name} is in {mode} Mode.", remedy="Go back to Object Mode.")
    if obj.data.is_editmode:
        return Fit(
            ok=False,
            sentence=f"Another object with the mesh of {obj.name} is in Edit Mode.",
            remedy="Leave Edit Mode there.",
        )
    if len(obj.data.vertices) == 0:
        return Fit(ok=False, sentence=f"{obj.name} has no vertices.", remedy="Pick the mesh of the face.")
    if keeps_absolute_keys(obj.data):
        return Fit(
            ok=False,
            sentence=f"The shape keys of {obj.name} are absolute; Mien's would change all of them.",
            remedy="Turn on Relative in the mesh's Shape Keys panel.",
        )
    return None


def _bound(obj: bpy.types.Object, templates: Sequence[Template]) -> Fit:
    """The fit of a head that was wrapped."""
    try:
        found = store.stored(obj.data)
    except MeshError as problem:
        return Fit(ok=False, sentence=problem.sentence, remedy=problem.remedy)
    assert found is not None
    template = next((one for one in templates if one.content_hash == found.template_hash), None)
    if template is None:
        return Fit(
            ok=False,
            sentence=f"{obj.name} was wrapped with {found.title}, which is not there.",
            remedy="Install its model pack again and leave Only Bundle in Mien's preferences empty, or wrap it again.",
        )
    points = rest_positions(obj.data)[found.binding.vertices]
    if not np.isfinite(points).all():
        return Fit(ok=False, sentence=f"{obj.name} has vertices that are nowhere (NaN).", remedy="Repair the mesh.")
    moved = found.moved(obj.data)
    with np.errstate(over="ignore", invalid="ignore"):
        to_local = moved.matrix @ found.to_local
    left, scales, right = np.linalg.svd(np.nan_to_num(to_local, nan=0.0))
    if not (_UNITS[0] <= scales[2] and scales[0] <= _UNITS[1]) or not _reads_only(found.binding, template):
        return Fit(ok=False, sentence=f"The wrap that {obj.data.name} keeps is damaged.", remedy=store.AGAIN)
    # The nearest rotation: what is left of a matrix that scales unevenly or mirrors.
    rotation = left * (1, 1, np.sign(np.linalg.det(left @ right))) @ right
    advice = found.about.get("advice") or [""]
    remedy = advice[0] or _shared_mesh(obj)
    if not moved.sure:
        remedy = "It changed so much since it was wrapped that its motion may be too large or turned: wrap it again."
    mean = float(found.about.get("mean", 0.0))
    family = _FAMILIES.get(template.name, template.name.replace("_", " "))
    return Fit(
        ok=True,
        sentence=f"Wrapped with the {family}: {len(points):,} of {len(obj.data.vertices):,} vertices move.",
        remedy=remedy,
        caution=bool(remedy),
        layout=with_inner(obj, found.binding, template.content_hash),
        template=template,
        scale=float(np.cbrt(abs(np.linalg.det(to_local)))),
        rotation=rotation,
        residual=mean,
        to_local=to_local,
        size=describe_turn(np.array(obj.matrix_world, np.float64)[:3, :3] @ to_local),
    )


def _reads_only(binding: Binding, template: Template) -> bool:
    """Whether the template has all vertices that a binding reads."""
    try:
        binding.check(template.vertex_count)
    except MienError:
        return False
    return True


def _shared_mesh(obj: bpy.types.Object) -> str:
    return f"{obj.data.users} objects share this mesh; all of them will perform." if obj.data.users > 1 else ""


def _aligned(obj: bpy.types.Object, template: Template, layout: Layout) -> Fit:
    present = layout.present
    target = template.vertices[present].astype(np.float64)
    points = rest_positions(obj.data)[layout.object_index[present]].astype(np.float64)
    if not np.isfinite(points).all():
        return Fit(ok=False, sentence=f"{obj.name} has vertices that are nowhere (NaN).", remedy="Repair the mesh.")
    matrix = np.array(obj.matrix_world, np.float64)[:3, :3]
    found, to_object = align(points, target), np.eye(3)
    # What the object's own scale undoes (an uneven or negative one) belongs to the face as it is seen.
    if found.residual > UNLIKE and abs(np.linalg.det(matrix)) > 0:
        seen = align(points @ matrix.T, target)
        if seen.residual < found.residual:
            found, to_object = seen, np.linalg.inv(matrix)
    to_local = to_object @ (found.rotation * found.scale)
    common = {
        "layout": layout,
        "template": template,
        "scale": float(np.cbrt(abs(np.linalg.det(to_local)))),
        "rotation": found.rotation,
        "residual": found.residual,
        "to_local": to_local,
        "size": describe_turn(matrix @ to_local),
    }
    if found.residual > TOO_FAR or not np.isfinite(found.residual):
        return _misshapen(obj, points, target, common)
    return _verdict(obj, template, layout, found, common)


def _misshapen(
    obj: bpy.types.Object, points: NDArray[np.float64], target: NDArray[np.float64], common: dict[str, object]
) -> Fit:
    mirrored = align(points * (-1, 1, 1), target)
    if mirrored.residual < TOO_FAR:
        sentence = f"{obj.name} is mirrored: its left side is where the right should be."
        remedy = "Scale it by -1 along X, then apply the scale (Ctrl A)."
    else:
        sentence = f"{obj.name} has the right vertices, but not the shape of a head ({common['residual']:.0f} mm off)."
        remedy = "Undo what bent or stretched the mesh, or export it again with its vertex order kept."
    return Fit(ok=False, sentence=sentence, remedy=remedy, **common)


def _verdict(
    obj: bpy.types.Object, template: Template, layout: Layout, found: Similarity, common: dict[str, object]
) -> Fit:
    family = _FAMILIES.get(template.name, template.name.replace("_", " "))
    sentence, remedy = f"Fits the {family}: {layout.name}.", ""
    points = found.apply(rest_positions(obj.data))
    gap = mouth_gap(points, template, layout)
    if found.residual > UNLIKE:
        remedy = f"It is unlike the faces Mien has learnt from ({found.residual:.0f} mm off); judge the motion by eye."
    elif gap > OPEN_MOUTH:
        remedy = f"The mouth stands open by {gap:.0f} mm; a face at rest performs better."
    else:
        remedy = _shared_mesh(obj)
    return Fit(ok=True, sentence=sentence, remedy=remedy, caution=bool(remedy), **common)
