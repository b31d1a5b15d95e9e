from __future__ import annotations

import heapq
from pathlib import Path

import numpy as np
import pytest
import trimesh

from core.bundle import read_bundle
from core.errors import TemplateError
from core.spirals import PADDING, spirals

HEAD = Path(__file__).resolve().parents[2] / "blender_addon" / "assets" / "makehuman.safetensors"

Mesh = tuple[np.ndarray, np.ndarray]


def grid(rows: int, columns: int) -> Mesh:
    y, x = np.mgrid[0:rows, 0:columns]
    vertices = np.stack([x, y, np.zeros_like(x)], axis=-1).reshape(-1, 3).astype(np.float32)
    number = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = (part.ravel() for part in (number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1]))
    return vertices, np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]).astype(np.int32)


def sphere(subdivisions: int = 2) -> Mesh:
    mesh = trimesh.creation.icosphere(subdivisions)
    noise = np.random.default_rng(5).normal(1.0, 0.03, (len(mesh.vertices), 1))
    return (mesh.vertices * 100 * noise).astype(np.float32), mesh.faces.astype(np.int32)


def sphere_with_holes() -> Mesh:
    vertices, triangles = sphere(3)
    gone = (vertices[:, 2] > 85) | (vertices[:, 0] < -95)
    triangles = triangles[~gone[triangles].any(axis=1)]
    used = np.unique(triangles)
    return vertices[used], np.searchsorted(used, triangles).astype(np.int32)


def two_spheres_and_a_sheet() -> Mesh:
    (first, ball), (sheet, cells) = sphere(), grid(4, 5)
    vertices = np.concatenate([first, first * 0.5 + np.float32(300), sheet * 7 - np.float32(200)])
    count = len(first)
    return vertices, np.concatenate([ball, ball + count, cells + 2 * count])


def head() -> Mesh:
    template = read_bundle(HEAD).template
    return template.vertices, template.triangles


def plain_distances(vertices: np.ndarray, triangles: np.ndarray, reference: int) -> list[float]:
    """Dijkstra with a heap; components by flood fill; each starts at its vertex nearest to the reference."""
    points = vertices.astype(float)
    near: list[dict[int, float]] = [{} for _ in points]
    for triangle in triangles.tolist():
        for a in triangle:
            for b in triangle:
                if a != b:
                    near[a][b] = float(np.sqrt(((points[a] - points[b]) ** 2).sum()))
    result = [float("inf")] * len(points)
    order = sorted(
        range(len(points)), key=lambda v: (v != reference, float(((points[v] - points[reference]) ** 2).sum()))
    )
    for source in order:
        if result[source] < float("inf"):
            continue
        heap = [(0.0, source)]
        result[source] = 0.0
        while heap:
            way, here = heapq.heappop(heap)
            for there, step in near[here].items():
                if way + step < result[there]:
                    result[there] = way + step
                    heapq.heappush(heap, (way + step, there))
    return result


def plain_ring_round(vertex: int, start: int, triangles: list[list[int]]) -> list[int]:
    """The neighbours of a manifold vertex, counter-clockwise from `start`, by turning through its triangles."""
    pairs = []
    for triangle in triangles:
        at = triangle.index(vertex)
        pairs.append((triangle[(at + 1) % 3], triangle[(at + 2) % 3]))
    ring = [start]
    while len(ring) < len({v for pair in pairs for v in pair}):
        after = [b for a, b in pairs if a == ring[-1]]
        if after:
            ring.append(after[0])
        else:  # the open border: on from the fan's other end, which nothing leads to
            ring.append(next(a for a, _ in pairs if a not in [b for _, b in pairs]))
    return ring


def plain_spirals(vertices: np.ndarray, triangles: np.ndarray, length: int, reference: int) -> np.ndarray:
    """Eq. 1 and 2 as they are written: whole rings as sets, then each ring put in order, then cut."""
    distance = plain_distances(vertices, triangles, reference)
    touching: list[list[list[int]]] = [[] for _ in vertices]
    for triangle in triangles.tolist():
        for corner in triangle:
            touching[corner].append(triangle)
    adjacent = [{v for triangle in own for v in triangle} - {i} for i, own in enumerate(touching)]
    table = np.full((len(vertices), length), -1)
    for vertex in range(len(vertices)):
        # ring(k+1) = N(ring(k)) - disk(k)
        rings, disk = [{vertex}], {vertex}
        while rings[-1] and len(disk) < length:
            rings.append(set().union(*(adjacent[v] for v in rings[-1])) - disk)
            disk |= rings[-1]
        walk, parent = [vertex], {}
        previous = [vertex]
        for number, ring in enumerate(rings[1:]):
            ordered: list[int] = []
            for finder in previous:
                nearest = min(adjacent[vertex], key=lambda v: (round(distance[v], 4), v))
                start = parent[finder] if number else nearest
                for found in plain_ring_round(finder, start, touching[finder]):
                    if found in ring and found not in ordered:
                        ordered.append(found)
                        parent[found] = finder
            assert set(ordered) == ring
            walk += ordered
            previous = ordered
        table[vertex, : min(length, len(walk))] = walk[:length]
    return table


@pytest.mark.parametrize("length", [1, 4, 10, 30])
@pytest.mark.parametrize("make", [sphere, sphere_with_holes, two_spheres_and_a_sheet, lambda: grid(6, 9)])
def test_spirals_equal_a_plain_loop(make, length: int):
    vertices, triangles = make()
    reference = 17
    fast = spirals(vertices, triangles, length, reference)
    assert fast.dtype == np.int32
    assert np.array_equal(fast, plain_spirals(vertices, triangles, length, reference))


def test_spirals_equal_a_plain_loop_on_a_real_head():
    vertices, triangles = head()
    tip = int(vertices[:, 2].argmax())
    table = spirals(vertices, triangles, 10, tip)
    assert np.array_equal(table, plain_spirals(vertices, triangles, 10, tip))
    assert len(vertices) > 4000


def test_a_spiral_on_a_flat_grid_as_drawn_by_hand():
    # Triangles (a, b, c) and (a, c, d) in each cell: the diagonal runs up to the right.
    #   20 21 22 23 24
    #   15 16 17 18 19
    #   10 11 12 13 14
    #    5  6  7  8  9
    #    0  1  2  3  4
    vertices, triangles = grid(5, 5)
    # From the centre, the reference 14 lies to the right: 13 first, then counter-clockwise, then the 2-ring.
    expected = [12, 13, 18, 17, 11, 6, 7, 8, 14, 19, 24, 23, 22, 16, 10, 5, 0, 1, 2]
    assert spirals(vertices, triangles, 19, 14)[12].tolist() == expected
    # A corner has an open fan: it starts at the vertex on the way and goes on from the other end.
    assert spirals(vertices, triangles, 4, 10)[0].tolist() == [0, 5, 1, 6]
    assert spirals(vertices, triangles, 4, 24)[0].tolist() == [0, 6, 5, 1]


def test_rings_turn_counter_clockwise_seen_from_outside():
    vertices, triangles = sphere(2)
    points = vertices.astype(float)
    table = spirals(vertices, triangles, 7, 0)
    valence = np.bincount(triangles.ravel(), minlength=len(vertices))
    for vertex in range(len(vertices)):
        normal = points[vertex] / np.linalg.norm(points[vertex])
        right = np.cross(normal, [0.3, 0.5, 0.8])
        flat = (points[table[vertex, 1 : valence[vertex] + 1]] - points[vertex]) @ np.stack(
            [right / np.linalg.norm(right), np.cross(normal, right / np.linalg.norm(right))], axis=1
        )
        angle = np.unwrap(np.arctan2(flat[:, 1], flat[:, 0]))
        assert (np.diff(angle) > 0).all()
        assert angle[-1] - angle[0] < 2 * np.pi


def test_the_first_neighbour_leads_to_the_reference():
    vertices, triangles = sphere(3)
    table = spirals(vertices, triangles, 2, 40)
    for start in (0, 100, 300, 641):
        here, steps = start, 0
        while here != 40:
            here = int(table[here, 1])
            steps += 1
            assert steps < 60
    assert np.linalg.norm(vertices[table[40, 1]] - vertices[40]) == pytest.approx(
        min(
            np.linalg.norm(vertices[v] - vertices[40])
            for v in np.unique(triangles[(triangles == 40).any(1)])
            if v != 40
        )
    )


def test_no_vertex_stands_twice_and_padding_comes_last():
    vertices, triangles = two_spheres_and_a_sheet()
    table = spirals(vertices, triangles, 30, 3)
    for row in table.tolist():
        walk = [v for v in row if v != PADDING]
        assert len(set(walk)) == len(walk)
        assert row[: len(walk)] == walk
    # The sheet has 20 vertices; no walk leaves its component.
    sheet = table[-20:]
    assert ((sheet != PADDING).sum(axis=1) == 20).all()
    assert sheet[sheet != PADDING].min() == len(vertices) - 20


def test_a_second_call_gives_the_same():
    vertices, triangles = sphere_with_holes()
    assert np.array_equal(spirals(vertices, triangles, 12, 9), spirals(vertices, triangles, 12, 9))


def test_equal_ways_do_not_depend_on_rounding():
    # On a grid many ways are equally long; far from the origin their sums round differently.
    vertices, triangles = grid(12, 12)
    near = spirals(vertices * np.float32(0.1), triangles, 9, 0)
    far = spirals(vertices.astype(np.float64) * 0.1 + 1000.0, triangles, 9, 0)
    assert np.array_equal(near, far)


def test_loose_vertices_have_only_themselves():
    vertices, triangles = grid(3, 3)
    vertices = np.concatenate([vertices, [[9, 9, 9]]])
    assert spirals(vertices, triangles, 4, 0)[9].tolist() == [9, -1, -1, -1]
    nothing = np.zeros((0, 3), np.int32)
    assert spirals(vertices[:2], nothing, 3, 1).tolist() == [[0, -1, -1], [1, -1, -1]]


def test_vertices_that_are_not_manifold_reach_all_their_neighbours():
    # A bow tie at 0, a third triangle on the edge 0-1, and one turned the wrong way round.
    triangles = np.array([[0, 1, 2], [0, 3, 4], [0, 1, 5], [1, 2, 6]], np.int32)
    vertices = np.random.default_rng(1).normal(size=(7, 3)).astype(np.float32)
    table = spirals(vertices, triangles, 7, 0)
    assert sorted(table[0].tolist()) == [0, 1, 2, 3, 4, 5, 6]
    assert set(table[0, 1:6].tolist()) == {1, 2, 3, 4, 5}
    assert table[0, 6] == 6
    assert all(sorted(row) == list(range(7)) for row in table.tolist())


def test_vertices_at_one_place_stay_apart_and_connected():
    vertices, triangles = grid(4, 4)
    vertices[5] = vertices[6]
    table = spirals(vertices, triangles, 16, 0)
    assert all(sorted(row) == list(range(16)) for row in table.tolist())


@pytest.mark.parametrize(
    ("length", "reference", "corner", "words"),
    [
        (0, 0, 0, "at least one vertex, not 0"),
        (5, 9, 0, "reference vertex 9"),
        (5, -1, 0, "reference vertex -1"),
        (5, 0, 9, "does not have"),
        (5, 0, -1, "does not have"),
    ],
)
def test_bad_arguments_are_refused(length: int, reference: int, corner: int, words: str):
    vertices, triangles = grid(3, 3)
    triangles[2, 1] = corner
    with pytest.raises(TemplateError, match=words):
        spirals(vertices, triangles, length, reference)
