from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from core.errors import MienError, TemplateError
from core.template import ABSENT, Layout, Template

# A tent: one quad for a floor, four triangles above it.
VERTICES = np.array([[0, 0, 0], [2, 0, 0], [2, 2, 0], [0, 2, 0], [1, 1, 1]], np.float32)
POLYGONS = np.array(
    [[0, 3, 2, 1], [0, 1, 4, ABSENT], [1, 2, 4, ABSENT], [2, 3, 4, ABSENT], [3, 0, 4, ABSENT]], np.int32
)


@pytest.fixture
def tent() -> Template:
    return Template(
        "tent",
        VERTICES,
        POLYGONS,
        landmarks={"nose_tip": 4},
        layouts=(Layout("a bigger object", 9, np.array([8, 6, ABSENT, 0, 1], np.int32)),),
        parts=("floor", "walls"),
        polygon_part=np.array([0, 1, 1, 1, 1], np.int32),
    )


def test_quads_are_cut_along_their_first_diagonal_in_polygon_order(tent: Template):
    assert tent.triangles.tolist() == [[0, 3, 2], [0, 2, 1], [0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4]]


def test_edges_are_the_polygons_sides_without_diagonals(tent: Template):
    assert tent.edges.tolist() == [[0, 1], [0, 3], [0, 4], [1, 2], [1, 4], [2, 3], [2, 4], [3, 4]]


def test_arrays_are_copied_and_cannot_be_written(tent: Template):
    for array in (tent.vertices, tent.polygons, tent.polygon_part, tent.triangles, tent.edges):
        assert array is not None
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    source = VERTICES.copy()
    template = Template("tent", source, POLYGONS)
    source[0] = 99.0
    assert template.vertices[0].tolist() == [0, 0, 0]


def test_own_layout_comes_first_and_layouts_know_who_is_present(tent: Template):
    alone, bigger = tent.all_layouts()
    assert alone.vertex_count == 5
    assert alone.object_index.tolist() == [0, 1, 2, 3, 4]
    assert alone.present.all()
    assert bigger.present.tolist() == [True, True, False, True, True]


def test_round_trip_through_arrays(tent: Template):
    arrays, about = tent.to_arrays()
    again = Template.from_arrays(arrays, about)
    assert (again.name, dict(again.landmarks), again.parts) == ("tent", {"nose_tip": 4}, ("floor", "walls"))
    assert again.content_hash == tent.content_hash
    assert np.array_equal(again.vertices, tent.vertices)
    assert np.array_equal(again.polygons, tent.polygons)
    assert np.array_equal(again.polygon_part, tent.polygon_part)
    assert [(one.name, one.vertex_count) for one in again.layouts] == [("a bigger object", 9)]
    assert again.layouts[0].object_index.tolist() == [8, 6, ABSENT, 0, 1]


def test_hash_tells_meshes_apart_and_nothing_else(tent: Template):
    moved = VERTICES.copy()
    moved[4, 2] = np.nextafter(moved[4, 2], np.float32(2))
    turned = POLYGONS.copy()
    turned[1] = [1, 4, 0, ABSENT]
    hashes = {
        tent.content_hash,
        replace(tent, vertices=moved).content_hash,
        replace(tent, polygons=turned).content_hash,
        replace(tent, polygons=POLYGONS[:-1], polygon_part=None).content_hash,
    }
    assert len(hashes) == 4
    renamed = replace(tent, name="other", landmarks={}, layouts=(), parts=("skin",), polygon_part=None)
    assert renamed.content_hash == tent.content_hash
    # The number is a promise to files already written: bundles and corpora store it.
    assert tent.content_hash == "60fc32f6808634d235a16f655a4c5f255184ba0b20796f9276d49917c6c64e00"


def bad(**changes: object) -> dict[str, object]:
    return {"name": "tent", "vertices": VERTICES, "polygons": POLYGONS} | changes


def changed(array: np.ndarray, place: tuple[int, int], value: float) -> np.ndarray:
    copy = array.copy()
    copy[place] = value
    return copy


def layout(index: list[int], count: int = 9, dtype: type = np.int32) -> tuple[Layout, ...]:
    return (Layout("odd", count, np.array(index, dtype)),)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (bad(vertices=VERTICES[:, :2]), r"\(V, 3\)"),
        (bad(vertices=VERTICES.ravel()), r"\(V, 3\)"),
        (bad(vertices=VERTICES[:3]), "4 to 1000000 vertices, not 3"),
        (bad(vertices=changed(VERTICES, (2, 1), np.nan)), "not finite"),
        (bad(vertices=changed(VERTICES, (2, 1), np.inf)), "not finite"),
        (bad(polygons=POLYGONS[:, :3]), r"\(P, 4\)"),
        (bad(polygons=POLYGONS[:0]), r"\(P, 4\)"),
        (bad(polygons=POLYGONS.astype(np.float32)), "whole numbers"),
        (bad(polygons=changed(POLYGONS, (1, 2), 5)), "does not have"),
        (bad(polygons=changed(POLYGONS, (0, 3), 5)), "does not have"),
        (bad(polygons=changed(POLYGONS, (1, 2), -1)), "does not have"),
        (bad(polygons=changed(POLYGONS, (1, 3), -2)), "does not have"),
        (bad(polygons=changed(POLYGONS, (0, 2), 0)), "same vertex twice"),
        (bad(polygons=POLYGONS[:1]), "belong to no polygon"),
        (bad(polygon_part=np.zeros(4, np.int32)), "one part for each of the 5"),
        (bad(polygon_part=np.full(5, 1, np.int32)), "no name"),
        (bad(polygon_part=np.full(5, -1, np.int32)), "no name"),
        (bad(polygon_part=np.zeros(5, np.float32)), "whole numbers"),
        (bad(landmarks={"nose_tip": 5}), "'nose_tip' names vertex 5"),
        (bad(landmarks={"nose_tip": -1}), "'nose_tip' names vertex -1"),
        (bad(layouts=layout([0, 1, 2, 3])), "each of the 5"),
        (bad(layouts=layout([0, 1, 2, 3, 4], dtype=np.float32)), "each of the 5"),
        (bad(layouts=layout([0, 1, 2, 3, 9])), "outside its 9"),
        (bad(layouts=layout([0, 1, 2, 3, -2])), "outside its 9"),
        (bad(layouts=layout([-1] * 5)), "outside its 9"),
        (bad(layouts=layout([0, 1, 2, 3, 3])), "twice"),
    ],
)
def test_a_bad_template_is_refused_in_one_sentence(arguments: dict[str, object], words: str):
    with pytest.raises(TemplateError, match=words) as caught:
        Template(**arguments)  # type: ignore[arg-type]
    assert isinstance(caught.value, MienError)
    assert caught.value.sentence.endswith(".")
    assert "\n" not in str(caught.value)


def test_a_damaged_store_is_refused(tent: Template):
    arrays, about = tent.to_arrays()
    for name in arrays:
        with pytest.raises(TemplateError, match="incomplete or damaged"):
            Template.from_arrays({key: value for key, value in arrays.items() if key != name}, about)
    words = json.loads(about)
    for word in words:
        rest = {key: value for key, value in words.items() if key != word}
        with pytest.raises(TemplateError, match="incomplete or damaged"):
            Template.from_arrays(arrays, json.dumps(rest))
    for text in ("", "{", "[]", "null", json.dumps(words | {"landmarks": 3}), json.dumps(words | {"layouts": [{}]})):
        with pytest.raises(TemplateError, match="incomplete or damaged"):
            Template.from_arrays(arrays, text)
    swapped = arrays | {"template.vertices": VERTICES + np.float32(1)}
    with pytest.raises(TemplateError, match="hash"):
        Template.from_arrays(swapped, about)
