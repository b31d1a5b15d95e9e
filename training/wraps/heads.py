"""Heads to wrap: people on the two templates, and the same people in a topology that no template has."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from core.wrapping.meshes import edges_of, face_normals
from training.corpora.basemesh import base_mesh
from training.corpora.facekit import FACE, SKIN
from training.corpora.ict import draw_strengths
from training.corpora.people import draw_person, neutral_faces
from training.corpora.recipe import child_generator
from training.corpora.template_makehuman import head_vertices

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from core.template import Template
    from training.corpora.facekit import FaceKit

ACTIONS = {
    "jaw": ("jawOpen",),
    "smile": ("mouthSmileLeft", "mouthSmileRight"),
    "brow": ("browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    "pucker": ("mouthPucker",),
    "sneer": ("noseSneerLeft", "noseSneerRight"),
    "blink": ("eyeBlinkLeft", "eyeBlinkRight"),
}
"""What is transferred, by ARKit's names."""

_SEED, _ICT, _MAKEHUMAN, _MESH = 2_000_003, 1, 2, 3
_SPLIT = (0.3, 0.7)
_UPRIGHT = 0.5  # cosine between a triangle's normal before and after


@dataclass(frozen=True)
class TestHead:
    """A head whose own motion is known.

    Attributes:
        vertices: (N, 3) mm.
        triangles: (F, 3).
        landmarks: name -> (3,) mm, exact.
        motion: action -> (N, 3) mm at full strength.
        true_place: where each of the template's vertices truly lies, (V, 3); None where nobody knows.
        counted: (N,) bool: the vertices that are judged.
    """

    vertices: NDArray[np.float64]
    triangles: NDArray[np.int64]
    landmarks: Mapping[str, NDArray[np.float64]]
    motion: Mapping[str, NDArray[np.float64]]
    true_place: NDArray[np.float64] | None
    counted: NDArray[np.bool_]


def ict_head(kit: FaceKit, template: Template, number: int, *, remeshed: bool, count: int = 14_000) -> TestHead:
    """A person of the FaceKit, on its own skin or in a random topology.

    Args:
        kit: the FaceKit.
        template: "ict_skin".
        number: whose; all 100 modes are drawn.
        remeshed: in another topology: every edge is split at a random place, the vertices that were there before are
            drawn onto one of those places, and some are collapsed until `count` are left. Each lies on the original
            surface at a known place, so that its motion is known exactly.
        count: of vertices.
    """
    rng = child_generator(_SEED, _ICT, number)
    strengths = draw_strengths(kit, rng)
    person = kit.neutral[:SKIN] + np.tensordot(strengths, kit.identity[:, :SKIN], axes=1).astype(np.float64)
    fields = ict_motion(kit)
    landmarks = {name: person[vertex] for name, vertex in template.landmarks.items()}
    triangles = np.asarray(template.triangles, np.int64)
    if not remeshed:
        return TestHead(person, triangles, landmarks, fields, person, np.arange(SKIN) < FACE)
    corners, shares, triangles = random_topology(person, triangles, count, child_generator(_SEED, _MESH, number))

    def on_mesh(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.einsum("nk,nkx->nx", shares, values[corners]))

    motion = {name: on_mesh(field) for name, field in fields.items()}
    return TestHead(on_mesh(person), triangles, landmarks, motion, person, np.ones(len(corners), bool))


def ict_motion(kit: FaceKit) -> dict[str, NDArray[np.float64]]:
    """Action -> (14062, 3) mm of the FaceKit's skin, the same for everybody."""
    short = {"Left": "_L", "Right": "_R"}
    found = {}
    for action, names in ACTIONS.items():
        total = np.zeros((SKIN, 3))
        for name in names:
            side = next((one for one in short if name.endswith(one)), "")
            stem = name.removesuffix(side) + short.get(side, "")
            both = [stem] if stem in kit.shapes else [f"{stem}_L", f"{stem}_R"]
            total += np.sum([kit.shapes[one][:SKIN] for one in both], axis=0, dtype=np.float64)
        found[action] = total
    return found


def makehuman_head(template: Template, number: int) -> TestHead:
    """A person of the MakeHuman recipe on the template's own mesh."""
    person = draw_person(child_generator(_SEED, _MAKEHUMAN, number))
    vertices = neutral_faces([person])[0].astype(np.float64)
    landmarks = {name: vertices[vertex] for name, vertex in template.landmarks.items()}
    assert template.polygon_part is not None
    skin = [template.parts.index(part) for part in ("skin", "brows", "lips", "mouth")]
    counted = np.zeros(len(vertices), bool)
    counted[template.polygons[np.isin(template.polygon_part, skin)]] = True
    triangles = np.asarray(template.triangles, np.int64)
    return TestHead(vertices, triangles, landmarks, makehuman_motion(), vertices, counted)


@lru_cache(maxsize=1)
def makehuman_motion() -> dict[str, NDArray[np.float64]]:
    """Action -> (5082, 3) mm of the MakeHuman head."""
    base = base_mesh()
    kept = head_vertices(base)
    return {
        action: np.sum([base.actions[name][kept] for name in names], axis=0, dtype=np.float64)
        for action, names in ACTIONS.items()
    }


def random_topology(
    points: NDArray[np.float64], triangles: NDArray[np.int64], count: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """Another topology of a surface; see `ict_head`.

    Args:
        points: (N, 3) mm.
        triangles: (F, 3).
        count: vertices wanted, about.
        rng: which topology.

    Returns:
        (n, 3) corners and (n, 3) shares of the new vertices in the old mesh, and the triangles between them.
    """
    import pymeshlab

    old = len(points)
    edges = edges_of(triangles)[0]
    share = rng.uniform(*_SPLIT, len(edges))
    itself = np.repeat(np.arange(old)[:, None], 3, axis=1)
    corners = np.concatenate([itself, np.column_stack([edges, edges[:, 0]])])
    shares = np.concatenate(
        [np.tile([1.0, 0.0, 0.0], (old, 1)), np.column_stack([1 - share, share, np.zeros(len(edges))])]
    )
    places = np.einsum("nk,nkx->nx", shares, points[corners])
    split = _without_corners(_split(triangles, edges, old), places, edges, share, rng)
    importance = rng.uniform(0.2, 1.0, len(places))
    mesh: Any = pymeshlab.Mesh(places, split, v_scalar_array=importance)
    mesh.add_vertex_custom_scalar_attribute(np.arange(len(places), dtype=np.float64), "number")
    meshes = pymeshlab.MeshSet()
    meshes.add_mesh(mesh)
    meshes.meshing_remove_unreferenced_vertices()
    meshes.meshing_decimation_quadric_edge_collapse(
        targetfacenum=2 * count, optimalplacement=False, preservetopology=True, preserveboundary=True,
        qualityweight=True, preservenormal=True, qualitythr=0.5,
    )  # fmt: skip
    made = meshes.current_mesh()
    kept = made.vertex_custom_scalar_attribute_array("number").astype(np.int64)
    return corners[kept], shares[kept], made.face_matrix().astype(np.int64)


def _without_corners(
    split: NDArray[np.int64],
    places: NDArray[np.float64],
    edges: NDArray[np.int64],
    share: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """The split triangles, each old vertex but those of open borders drawn onto the new one of one of its edges."""
    old = len(places) - len(edges)
    border = np.zeros(old, bool)
    sides, uses = edges_of(split)
    rim = sides[uses == 1]
    border[rim[rim < old]] = True
    target = np.arange(int(split.max()) + 1)
    taken = np.zeros(len(edges), bool)
    # The nearer of the two ends goes to the new vertex, in a random order, and no new vertex takes two.
    for number in rng.permutation(len(edges)).tolist():
        end = int(edges[number, 0] if share[number] < 0.5 else edges[number, 1])
        for vertex in (end, int(edges[number].sum()) - end):
            if not taken[number] and not border[vertex] and target[vertex] == vertex:
                target[vertex], taken[number] = old + number, True
    looks = face_normals(places, split)
    while True:
        moved = target[split]
        proper = (moved[:, 0] != moved[:, 1]) & (moved[:, 1] != moved[:, 2]) & (moved[:, 2] != moved[:, 0])
        turned = proper & ((face_normals(places, moved) * looks).sum(axis=1) < _UPRIGHT)
        back = np.unique(split[turned])
        back = back[target[back] != back]
        if not len(back):
            return np.asarray(moved[proper])
        # Where the surface bends too much round a vertex, it stays.
        target[back] = back


def _split(triangles: NDArray[np.int64], edges: NDArray[np.int64], old: int) -> NDArray[np.int64]:
    """Four triangles for each, with a new vertex on each edge."""
    keys = edges[:, 0] * old + edges[:, 1]

    def middle(here: NDArray[np.int64], there: NDArray[np.int64]) -> NDArray[np.int64]:
        return old + np.searchsorted(keys, np.minimum(here, there) * old + np.maximum(here, there))

    a, b, c = triangles.T
    ab, bc, ca = middle(a, b), middle(b, c), middle(c, a)
    return np.concatenate([np.stack(one, axis=1) for one in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))])
