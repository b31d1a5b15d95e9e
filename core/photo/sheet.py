"""The texels of a template's skin: where on the face each lies, and what lies mirrored to it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..detection.views import sample
from ..wrapping.meshes import areas, edges_of
from .blending import halved
from .raster import covered

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..template import Template

    Floats = NDArray[np.float64]

SKIN_PARTS = ("skin", "brows", "lips")
"""The parts that photos are laid on; they have places of their own on the texture."""


_COARSE = 512  # pixels of a small picture of it


@dataclass(frozen=True)
class Sheet:
    """The texels that show skin.

    Attributes:
        template: whose.
        size: of the square texture, in texels.
        place: (n,) of each texel, row by row from the top; each once.
        corners: (n, 3) the vertices of the triangle that it lies in.
        shares: (n, 3) float32 how much each of them counts.
        mirrored: (n, 2) float32 column and row of the texel on the face's other side.
        triangles: (F, 3) int32 the skin's.
    """

    template: Template
    size: int
    place: NDArray[np.int64]
    corners: NDArray[np.int32]
    shares: NDArray[np.float32]
    mirrored: NDArray[np.float32]
    triangles: NDArray[np.int32]

    @cached_property
    def edges(self) -> NDArray[np.int64]:
        """(E, 2) of the skin."""
        return edges_of(self.triangles)[0]

    @cached_property
    def area(self) -> Floats:
        """(V,) mm^2 of the template's skin round each vertex; 0 for vertices of other parts."""
        share = np.repeat(areas(self.template.vertices.astype(np.float64), self.triangles) / 3, 3)
        return np.asarray(np.bincount(self.triangles.ravel(), share, self.template.vertex_count), np.float64)

    @cached_property
    def twin(self) -> NDArray[np.intp]:
        """(V,) the vertex nearest to where each would be on the face's other side."""
        return twins(self.template.vertices, np.unique(self.triangles))

    def spread(
        self, values: NDArray[np.floating[Any]], texels: NDArray[np.intp] | slice | None = None
    ) -> NDArray[np.float32]:
        """(V, C) of vertices -> (n, C) float32 of texels; of some of them, where it is told which."""
        corners, shares = self.corners, self.shares
        if texels is not None:
            corners, shares = corners[texels], shares[texels]
        given = np.ascontiguousarray(values, np.float32)
        out = given[corners[:, 0]] * shares[:, :1]
        for one in (1, 2):
            out += given[corners[:, one]] * shares[:, one : one + 1]
        return out

    def gathered(
        self, values: NDArray[np.float32], weights: NDArray[np.float32], texels: NDArray[np.intp] | None = None
    ) -> tuple[Floats, Floats]:
        """(V, C) weighted means of texels round each vertex, 0 where there are none, and (V,) their total weights."""
        corners, shares = self.corners, self.shares
        if texels is not None:
            corners, shares = corners[texels], shares[texels]
        count = self.template.vertex_count
        total, out = np.zeros(count), np.zeros((count, values.shape[1]))
        for one in range(3):
            weight = shares[:, one] * weights
            total += np.bincount(corners[:, one], weight, count)
            for channel in range(values.shape[1]):
                out[:, channel] += np.bincount(corners[:, one], weight * values[:, channel], count)
        return out / np.maximum(total, 1e-9)[:, None], total

    def told(
        self, values: NDArray[np.float32], weights: NDArray[np.float32], texels: NDArray[np.intp] | None = None
    ) -> tuple[Floats, Floats]:
        """(V, C) weighted means of texels round each vertex, and (V,) their mean weight, from 0 to 1."""
        means, total = self.gathered(values, weights, texels)
        return means, np.minimum(total / np.maximum(self.texels_of, 1e-9), 1.0)

    @cached_property
    def texels_of(self) -> Floats:
        """(V,) how many texels each vertex stands for."""
        count = self.template.vertex_count
        total = np.zeros(count)
        for one in range(3):
            total += np.bincount(self.corners[:, one], self.shares[:, one], count)
        return total

    def coarse(
        self, values: NDArray[np.float32], texels: NDArray[np.intp] | slice
    ) -> tuple[NDArray[np.float32], float]:
        """Some texels' values (m, C) as a small picture, 0 where there are none; and the mm of its pixels."""
        image = np.zeros((self.size * self.size, values.shape[1]), np.float32)
        image[self.place[texels]] = values
        small, step = image.reshape(self.size, self.size, -1), 1
        while len(small) > _COARSE:
            small, step = halved(small), step * 2
        # A layout is not everywhere as fine; of its mean that will do.
        return small, step * float(np.sqrt(self.area.sum() / len(self.place)))

    def from_coarse(self, small: NDArray[np.float32], texels: NDArray[np.intp]) -> NDArray[np.float32]:
        """(m, C) of some texels from such a picture."""
        step = 1
        while -(-self.size // step) > len(small):
            step *= 2
        row, column = np.divmod(self.place[texels], self.size)
        return sample(small, np.column_stack([column + 0.5, row + 0.5]) / step)

    def image(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, C) of texels -> (S, S, C), 0 elsewhere."""
        out = np.zeros((self.size * self.size, values.shape[1]), np.float32)
        out[self.place] = values
        return out.reshape(self.size, self.size, -1)


def sheet_of(template: Template, uv: NDArray[np.float32], size: int) -> Sheet:
    """The texels of a template, laid out by (P, 4, 2), on a texture of `size` times `size`."""
    assert template.polygon_part is not None  # filled in when made
    parts = [number for number, name in enumerate(template.parts) if name in SKIN_PARTS]
    mine = np.flatnonzero(np.isin(template.polygon_part, parts))
    polygons = template.polygons[mine]
    places = np.stack([uv[mine, :, 0] * size, (1 - uv[mine, :, 1]) * size], axis=-1).astype(np.float64)
    far = _mirrored_places(template, polygons, places)
    first, second = [0, 1, 2], [0, 2, 3]
    quad = polygons[:, 3] >= 0
    triangles = np.concatenate([polygons[:, first], polygons[quad][:, second]])
    corners = np.concatenate([places[:, first], places[quad][:, second]])
    across = np.concatenate([far[:, first], far[quad][:, second]])
    pixels = covered(corners, size, size)
    across32 = across.astype(np.float32)
    mirrored = across32[pixels.triangle, 0] * pixels.shares[:, :1]
    for one in (1, 2):
        mirrored += across32[pixels.triangle, one] * pixels.shares[:, one : one + 1]
    place = pixels.row.astype(np.int64) * size + pixels.column
    # Polygons of a layout may touch where it is folded: the last one gets the texel.
    owner = np.full(size * size, -1, np.int64)
    owner[place] = np.arange(len(place))
    place = np.flatnonzero(owner >= 0)
    kept = owner[place]
    return Sheet(
        template, size, place, triangles[pixels.triangle[kept]], pixels.shares[kept], mirrored[kept], triangles
    )


def twins(vertices: NDArray[np.floating[Any]], among: NDArray[np.integer[Any]]) -> NDArray[np.intp]:
    """(V,) for each vertex among some the one of them nearest to its mirror image; others are their own."""
    points = vertices[among].astype(np.float64)
    out = np.arange(len(vertices))
    lengths = (points * points).sum(axis=1)
    for begin in range(0, len(among), 512):
        part = points[begin : begin + 512] * [-1.0, 1.0, 1.0]
        out[among[begin : begin + 512]] = among[(lengths - 2 * part @ points.T).argmin(axis=1)]
    return out


def _mirrored_places(template: Template, polygons: NDArray[np.int32], places: Floats) -> Floats:
    """(P, 4, 2) where on the texture the mirror image of each polygon's corner lies."""
    used = np.unique(polygons[polygons >= 0])
    twin = twins(template.vertices, used)
    flat = np.where(polygons < 0, polygons[:, :1], polygons)
    across = twin[flat]
    number_of = {tuple(sorted(row)): number for number, row in enumerate(flat.tolist())}
    other = np.array([number_of.get(tuple(sorted(row)), -1) for row in across.tolist()])
    # A corner that lies on a seam has several places; the right one is that of the mirrored polygon.
    same = flat[other][:, None, :] == across[:, :, None]
    at = same.argmax(axis=2)
    out = np.take_along_axis(places[other], at[..., None], axis=1)
    lost = (other < 0) | ~same.any(axis=2).all(axis=1)
    somewhere = np.zeros((template.vertex_count, 2))
    somewhere[flat.ravel()] = places.reshape(-1, 2)
    out[lost] = somewhere[across[lost]]
    return np.asarray(out)
