from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import trimesh

from core.bundle import read_bundle
from core.errors import TemplateError
from core.sampling import build_hierarchy
from core.spirals import spirals
from core.template import ABSENT, Template
from core.topology import Topology, build_topology

HEAD = Path(__file__).resolve().parents[2] / "blender_addon" / "assets" / "makehuman.safetensors"


@lru_cache
def ball(nose_tip: int | None = None) -> Template:
    mesh = trimesh.creation.icosphere(3)
    polygons = np.column_stack([mesh.faces, np.full(len(mesh.faces), ABSENT)]).astype(np.int32)
    points = mesh.vertices * np.random.default_rng(2).normal(100, 3, (len(mesh.vertices), 1))
    landmarks = {} if nose_tip is None else {"nose_tip": nose_tip}
    return Template("ball", points.astype(np.float32), polygons, landmarks=landmarks)


@lru_cache
def ball_topology() -> Topology:
    return build_topology(ball(), spiral_length=9)


def tables(topology: Topology) -> list[np.ndarray]:
    return [*topology.spirals, *topology.unpool_index, *topology.unpool_weight]


def test_sizes_shapes_and_types():
    topology = ball_topology()
    assert topology.sizes == (642, 129, 26, 6, 2)
    assert [table.shape for table in topology.spirals] == [(642, 9), (129, 9), (26, 9), (6, 9)]
    assert [table.shape for table in topology.unpool_index] == [(642, 3), (129, 3), (26, 3), (6, 3)]
    assert {table.dtype.name for table in (*topology.spirals, *topology.unpool_index)} == {"int32"}
    assert {table.dtype.name for table in topology.unpool_weight} == {"float32"}
    assert build_topology(ball()).spirals[0].shape == (642, 10)


def test_building_twice_gives_the_same_tables():
    for one, other in zip(tables(build_topology(ball(), 9)), tables(ball_topology()), strict=True):
        assert np.array_equal(one, other)


def test_tables_cannot_be_written():
    for table in tables(ball_topology()):
        with pytest.raises(ValueError, match="read-only"):
            table[0, 0] = 0


@pytest.mark.parametrize("nose_tip", [None, 77])
def test_spirals_start_towards_the_nose_tip_or_the_foremost_vertex(nose_tip: int | None):
    template = ball(nose_tip)
    topology = build_topology(template)
    place = template.vertices[int(template.vertices[:, 2].argmax()) if nose_tip is None else nose_tip]
    for level, table in zip(build_hierarchy(template).levels, topology.spirals, strict=False):
        reference = int(((level.vertices - place) ** 2).sum(axis=1).argmin())
        assert np.array_equal(table, spirals(level.vertices, level.triangles, 10, reference))


def test_round_trip_through_arrays():
    arrays = ball_topology().to_arrays()
    assert sorted(arrays) == sorted(
        f"topology.{name}.{level}" for name in ("spirals", "unpool_index", "unpool_weight") for level in range(4)
    )
    again = Topology.from_arrays(arrays | {"template.vertices": np.zeros(3)})
    assert again.sizes == ball_topology().sizes
    for one, other in zip(tables(again), tables(ball_topology()), strict=True):
        assert np.array_equal(one, other)


def test_the_shipped_head_fits_its_template():
    bundle = read_bundle(HEAD)
    rebuilt = build_topology(bundle.template, bundle.topology.spirals[0].shape[1])
    assert rebuilt.sizes == bundle.topology.sizes
    # The finest spirals depend on nothing but the template; coarser levels also on the library that collapsed it.
    assert np.array_equal(rebuilt.spirals[0], bundle.topology.spirals[0])


@pytest.mark.parametrize("level", range(4))
@pytest.mark.parametrize("name", ["spirals", "unpool_index", "unpool_weight"])
def test_a_missing_or_odd_table_is_refused(name: str, level: int):
    arrays = ball_topology().to_arrays()
    key = f"topology.{name}.{level}"
    good = arrays.pop(key)
    with pytest.raises(TemplateError, match="lacks the table"):
        Topology.from_arrays(arrays)
    other_kind = good.astype(np.float64 if name == "unpool_weight" else np.int64)
    for odd in (good.ravel(), good[:0], good[:-1], good[:, :-1], good[None], good.astype(str), other_kind, np.array(1)):
        with pytest.raises(TemplateError) as caught:
            Topology.from_arrays(arrays | {key: odd})
        assert caught.value.sentence.endswith(".")
        assert caught.value.remedy


@pytest.mark.parametrize(
    ("key", "place", "value", "words"),
    [
        ("spirals.0", (3, 4), 642, "spiral names a vertex"),
        ("spirals.2", (3, 4), -2, "spiral names a vertex"),
        ("spirals.1", (3, 0), 4, "own vertex"),
        ("spirals.1", (3, 0), -1, "own vertex"),
        ("spirals.1", (3, 4), 3, "twice"),
        ("unpool_index.0", (5, 1), 129, "Unpooling names a vertex"),
        ("unpool_index.2", (5, 1), -1, "Unpooling names a vertex"),
        ("unpool_weight.0", (5, 1), np.nan, "between 0 and 1"),
        ("unpool_weight.0", (5, 1), np.inf, "between 0 and 1"),
        ("unpool_weight.1", (5, 1), -0.01, "between 0 and 1"),
        ("unpool_weight.1", (5, 1), 1.01, "between 0 and 1"),
        ("unpool_weight.3", (0, slice(None)), 0.4, "sum to 1"),
        ("unpool_weight.3", (0, slice(None)), 0.0, "sum to 1"),
    ],
)
def test_a_damaged_value_is_refused(key: str, place: tuple[int, object], value: float, words: str):
    arrays = ball_topology().to_arrays()
    damaged = arrays[f"topology.{key}"].copy()
    damaged[place] = value
    with pytest.raises(TemplateError, match=words):
        Topology.from_arrays(arrays | {f"topology.{key}": damaged})


def test_levels_must_be_five_and_spirals_of_one_length():
    good = ball_topology()
    with pytest.raises(TemplateError, match="5 levels"):
        Topology(good.sizes[:-1], good.spirals, good.unpool_index, good.unpool_weight)
    with pytest.raises(TemplateError, match="5 levels"):
        Topology(good.sizes, good.spirals[:-1], good.unpool_index, good.unpool_weight)
    shorter = (good.spirals[0][:, :5], *good.spirals[1:])
    with pytest.raises(TemplateError, match="same length"):
        Topology(good.sizes, shorter, good.unpool_index, good.unpool_weight)


def test_a_spiral_of_no_length_is_refused():
    with pytest.raises(TemplateError, match="at least one vertex"):
        build_topology(ball(), spiral_length=0)
