"""Spirals: a fixed walk round every vertex, which puts its neighbourhood in an order (eq. 1-3 of the paper).

Eq. 1 gives the rings round a vertex, eq. 2 strings them together, eq. 3 convolves along the string. The
paper leaves the direction and the start open; here the walk is counter-clockwise seen from outside, and it
starts towards a reference vertex, at the neighbour from which the way there is shortest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

PADDING = -1
"""Fills a spiral that runs out of vertices; reads as a zero feature."""

_TIE_DECIMALS = 6
"""Ways that differ by less, in mean edge lengths, are equally long: rounding must not decide an order."""


def spirals(
    vertices: NDArray[np.floating[Any]], triangles: NDArray[np.integer[Any]], length: int, reference: int
) -> NDArray[np.int32]:
    """The spiral of every vertex, cut or padded to one length (eq. 1 and 2).

    A spiral is the vertex, then its 1-ring, its 2-ring and so on. The 1-ring begins with the vertex nearest
    to the reference along the surface (equally near ones: the lower index) and goes on counter-clockwise; at
    an open border it goes on from the other end of the fan. A further ring follows the walk along the ring
    before it: each vertex adds its new neighbours, counter-clockwise from the one it was itself found by.
    A vertex where several fans meet (not manifold) walks them one after the other.

    A connected component without the reference has its own: its vertex nearest to it in a straight line.

    Args:
        vertices: (V, 3) positions, in any unit.
        triangles: (F, 3) corners, counter-clockwise from outside. Vertices without a triangle are allowed.
        length: L, how many vertices a spiral has, the centre included; at least 1.
        reference: index of the reference vertex.

    Returns:
        (V, L) int32; column 0 is the vertex itself, -1 is padding. No vertex stands twice in a row.

    Raises:
        TemplateError: the length is below 1, or the reference or a corner is no vertex.
    """
    count = len(vertices)
    if length < 1:
        raise TemplateError(f"A spiral has at least one vertex, not {length}.")
    if not 0 <= reference < count:
        raise TemplateError(f"The reference vertex {reference} is not one of the {count} vertices.")
    corners = np.asarray(triangles, np.int64).reshape(-1, 3)
    if len(corners) and (corners.min() < 0 or corners.max() >= count):
        raise TemplateError("A triangle names a vertex that the mesh does not have.")
    distance = distance_to_reference(vertices, corners, reference).tolist()
    fans = _fans(corners, count)
    table = np.full((count, length), PADDING, np.int32)
    for vertex in range(count):
        walk = _walk(vertex, fans, distance, length)
        table[vertex, : len(walk)] = walk
    return table


def distance_to_reference(
    vertices: NDArray[np.floating[Any]], triangles: NDArray[np.integer[Any]], reference: int
) -> NDArray[np.float64]:
    """The geodesic distance of every vertex to its component's reference vertex.

    The way leads along the edges (Dijkstra, by scipy). The heat method comes nearer to the true geodesic, but
    wants one clean manifold; a face has borders, eyes, teeth and lashes, and coarse levels have worse. Only
    the order of a vertex's neighbours is asked for, and the edges give that, the same on every machine.

    Args:
        vertices: (V, 3) positions, in any unit.
        triangles: (F, 3) corners.
        reference: index of the reference vertex; other components take their vertex nearest to it in space.

    Returns:
        (V,) float64, in mean edge lengths, rounded to 1e-6.
    """
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import dijkstra

    points = np.asarray(vertices, np.float64)
    count = len(points)
    edges = edges_of(triangles)
    if len(edges) == 0:
        return np.zeros(count)
    lengths = np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1)
    mean = float(lengths.mean()) or 1.0
    # A zero would read as no edge at all in a sparse matrix: two vertices at one place stay connected.
    lengths = np.maximum(lengths / mean, 10.0**-_TIE_DECIMALS)
    graph = csr_matrix((lengths, (edges[:, 0], edges[:, 1])), shape=(count, count))
    straight = np.linalg.norm(points - points[reference], axis=1)
    component = components_of(triangles, count)
    # The first vertex of each component when all are sorted by their straight way to the reference.
    nearest = np.lexsort((np.arange(count), straight))
    sources = nearest[np.unique(component[nearest], return_index=True)[1]]
    sources[component[sources] == component[reference]] = reference
    ways = dijkstra(graph, directed=False, indices=sources, min_only=True)
    return np.asarray(np.round(ways, _TIE_DECIMALS), np.float64)


def edges_of(triangles: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """(E, 2) int64: the edges of (F, 3) triangles, smaller index first, sorted, each once."""
    corners = np.asarray(triangles, np.int64).reshape(-1, 3)
    sides = np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [2, 0]]])
    # As one number each: sorting those takes a tenth of the time that sorting rows takes.
    count = int(corners.max(initial=0)) + 1
    return np.stack(np.divmod(np.unique(sides.min(axis=1) * count + sides.max(axis=1)), count), axis=1)


def components_of(triangles: NDArray[np.integer[Any]], count: int) -> NDArray[np.int32]:
    """(V,) int32: the number of each vertex's connected component; they are numbered by their first vertex."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    start, middle, end = np.asarray(triangles, np.int64).reshape(-1, 3).T
    links = (np.concatenate([start, middle]), np.concatenate([middle, end]))
    graph = csr_matrix((np.ones(len(links[0])), links), shape=(count, count))
    label = connected_components(graph, directed=False)[1]
    first, inverse = np.unique(label, return_index=True, return_inverse=True)[1:]
    return np.asarray(np.argsort(np.argsort(first))[inverse], np.int32)


def _fans(triangles: NDArray[np.int64], count: int) -> list[list[list[int]]]:
    """For each vertex its neighbours, counter-clockwise: one list for each fan of triangles round it."""
    opposite: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    for a, b, c in triangles.tolist():
        opposite[a].append((b, c))
        opposite[b].append((c, a))
        opposite[c].append((a, b))
    return [_chains(sides) for sides in opposite]


def _chains(sides: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Join the sides (from, to) opposite to a vertex into chains: open ones first, then closed, by index."""
    following: dict[int, list[int]] = {}
    for start, end in sorted(set(sides)):
        following.setdefault(start, []).append(end)
    ends = {end for _, end in sides}
    seen: set[int] = set()
    chains: list[list[int]] = []
    # An open fan starts where nothing leads to; whatever is then still unseen lies on closed ones.
    for start in [*sorted(following.keys() - ends), *sorted(following.keys() | ends)]:
        if start in seen:
            continue
        chain: list[int] = []
        here: int | None = start
        while here is not None:
            chain.append(here)
            seen.add(here)
            here = next((there for there in following.get(here, ()) if there not in seen), None)
        chains.append(chain)
    return chains


def _from(fans: Sequence[Sequence[int]], start: int) -> Iterator[int]:
    """All neighbours, fan after fan; the fan that holds `start` first, turned so that it begins there."""
    for fan in fans:
        if start in fan:
            turn = fan.index(start)
            yield from fan[turn:]
            yield from fan[:turn]
    for fan in fans:
        if start not in fan:
            yield from fan


def _walk(vertex: int, fans: Sequence[Sequence[Sequence[int]]], distance: Sequence[float], length: int) -> list[int]:
    """One spiral: the vertex and its rings, at most `length` vertices."""
    around = [neighbour for fan in fans[vertex] for neighbour in fan]
    if not around:
        return [vertex]
    first = min(around, key=lambda neighbour: (distance[neighbour], neighbour))
    ring = [(neighbour, vertex) for neighbour in _from(fans[vertex], first)]
    walk = [vertex, *(neighbour for neighbour, _ in ring)]
    seen = set(walk)
    while ring and len(walk) < length:
        wider: list[tuple[int, int]] = []
        for finder, found_by in ring:
            for neighbour in _from(fans[finder], found_by):
                if neighbour not in seen:
                    seen.add(neighbour)
                    wider.append((neighbour, finder))
            if len(walk) + len(wider) >= length:
                break
        walk.extend(neighbour for neighbour, _ in wider)
        ring = wider
    return walk[:length]
