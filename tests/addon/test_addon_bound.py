# ruff: noqa: ARG001, PLR0917 - fixtures are asked for by name, also for what they do
"""Heads of any topology, bound to a template: they perform by every way as the template does, and bindings last."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import zipfile
from types import SimpleNamespace

import bpy
import numpy as np
import pytest

WAYS = ("keys", "absolute", "compact", "own", "cache")
TURN = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]], float)


@pytest.fixture
def bound(mien, scene, face, template, positions):
    """Ada in another topology: a vertex in each triangle, all shuffled, in another scale and turn; bound as known."""
    return make_bound(mien, face, template, positions)


def make_bound(mien, face, template, positions):
    ada = positions(face.data).astype(np.float64)
    triangles = template.triangles
    corners = np.concatenate([np.repeat(np.arange(len(ada))[:, None], 3, 1), triangles])
    weights = np.concatenate([np.tile([1.0, 0, 0], (len(ada), 1)), np.full(triangles.shape, 1 / 3)])
    order = np.random.default_rng(5).permutation(len(corners))
    place = np.argsort(order)
    matrix = 3.5 * TURN
    laid = ada @ matrix.T + (5, -2, 1)
    points = np.einsum("mk,mkc->mc", weights, laid[corners])[order]
    middle = len(ada) + np.arange(len(triangles))
    faces = np.concatenate([np.column_stack([triangles[:, [k, (k + 1) % 3]], middle]) for k in range(3)])
    mesh = bpy.data.meshes.new("Stranger")
    mesh.from_pydata(points.tolist(), [], place[faces].tolist())
    obj = bpy.data.objects.new("Stranger", mesh)
    bpy.context.scene.collection.objects.link(obj)
    moving = np.sort(np.random.default_rng(6).permutation(len(corners))[:-100]).astype(np.int32)
    binding = mien.engine.Binding(
        "wrapped head", len(corners), moving, corners[order][moving], weights[order][moving].astype(np.float32)
    )
    to_local = matrix @ mien.api.fit(face).to_local
    about = {
        "mean": 0.25,
        "p95": 0.5,
        "percent_of_height": 0.1,
        "advice": [],
        "landmarks": ["nose_tip", "chin"],
        "positions": laid,
    }
    loaded = mien.engine.load()
    mien.store.store(obj, loaded, binding, to_local, about)
    return SimpleNamespace(obj=obj, binding=binding, to_local=to_local, matrix=matrix, loaded=loaded, ada=face)


def expected_motion(bound, evaluated, frame):
    """(M, 3) how the moving vertices are displaced, gathered from what Ada does."""
    moved = evaluated(bound.ada, frame).astype(np.float64)
    rest = bound.rest_of_ada
    corners, weights = bound.binding.corners, bound.binding.weights.astype(np.float64)
    return np.einsum("mk,mkc->mc", weights, (moved - rest)[corners]) @ bound.matrix.T


def act(mien, bound, positions):
    bound.rest_of_ada = positions(bound.ada.data).astype(np.float64)
    bound.rest = positions(bound.obj.data).astype(np.float64)
    for one in (bound.ada, bound.obj):
        mien.api.add_expression(one, "happy", 0.8, 0, 12, 24, 36)
        mien.api.add_expression(one, "surprise", 0.5, 8, 14, 18, 30)
    mien.api.bake(bound.ada, start=0, end=36, engine_name="numpy")
    return bound


def off(bound, evaluated, frame):
    """Largest error in mm, and the largest motion."""
    wanted = expected_motion(bound, evaluated, frame)
    got = evaluated(bound.obj, frame) - bound.rest
    still = np.delete(got, bound.binding.vertices, axis=0)
    assert np.abs(still).max() < 1e-6
    scale = mien_scale(bound)
    got = got[bound.binding.vertices]
    return np.linalg.norm(got - wanted, axis=1).max() / scale, np.linalg.norm(wanted, axis=1).max() / scale


def mien_scale(bound):
    return np.cbrt(np.linalg.det(bound.to_local))


def test_a_bound_head_fits_whatever_its_topology(mien, bound, template):
    found = mien.api.fit(bound.obj)
    assert found.ok
    assert not found.caution
    assert found.template is template
    np.testing.assert_array_equal(found.layout.moving, bound.binding.vertices)
    np.testing.assert_allclose(found.to_local, bound.to_local)
    np.testing.assert_allclose(found.rotation, TURN @ mien.api.fit(bound.ada).rotation, atol=1e-4)
    assert found.scale == pytest.approx(mien_scale(bound))
    assert found.residual == 0.25
    assert found.size
    assert "Wrapped with the MakeHuman head" in found.sentence
    assert mien.packs.fit(bound.obj, cached=True)[1].digest == bound.loaded.digest
    again = mien.store.stored(bound.obj.data)
    assert again.about["landmarks"] == ["nose_tip", "chin"]
    assert again.about["positions"].shape == (template.vertex_count, 3)
    mien.store.forget(bound.obj.data)
    found = mien.api.fit(bound.obj)
    assert not found.ok
    assert found.remedy.startswith("Wrap it:")
    assert mien.mesh_bridge.fit_cached(bound.obj, template) == found


def test_the_binding_counts_before_the_number_of_vertices(mien, face, template):
    alone = np.arange(template.vertex_count)
    only_half = mien.engine.Binding("half", len(alone), alone[::2], alone[::2, None], np.ones((len(alone[::2]), 1)))
    cached = mien.packs.fit(face, cached=True)[0]
    assert cached.layout.name == "the face alone"
    mien.store.store(face, mien.engine.load(), only_half, cached.to_local)
    assert len(mien.packs.fit(face, cached=True)[0].layout.moving) == len(alone[::2])


def test_what_advice_there_is_stands_in_the_fit(mien, bound):
    about = {"advice": ["The chin is 4 mm off.", "And more."], "mean": float("nan")}
    mien.store.store(bound.obj, bound.loaded, bound.binding, bound.to_local, about)
    found = mien.api.fit(bound.obj)
    assert found.ok
    assert found.caution
    assert found.remedy == "The chin is 4 mm off."
    assert found.residual == 0.0


@pytest.mark.parametrize("way", [way for way in WAYS if way != "own"])
def test_every_way_to_bake_moves_it_as_the_template_moves(mien, bound, positions, evaluated, tmp_path, way):
    act(mien, bound, positions)
    cache = {"cache": tmp_path / "a.pc2"} if way == "cache" else {}
    result = mien.api.bake(bound.obj, start=0, end=36, way=way, tolerance=0.02, engine_name="numpy", **cache)
    limit = 0.025 if way == "compact" else 2e-3
    for frame in (0, 9, 16, 30):
        error, motion = off(bound, evaluated, frame)
        assert error < limit, (frame, error)
        assert frame == 0 or motion > 1
    assert result.error_mm <= 0.02
    seen = evaluated(bound.obj, 16)
    bound.obj.mien.happy = bound.obj.mien.surprise = 0.0
    bound.obj.animation_data_clear()
    mien.api.bake_again(bound.obj)
    np.testing.assert_allclose(evaluated(bound.obj, 16), seen, atol=1e-6 if way != "compact" else 1e-4)
    mien.api.remove_bake(bound.obj)
    assert bound.obj.data.shape_keys is None
    np.testing.assert_array_equal(evaluated(bound.obj, 16), positions(bound.obj.data))


def test_onto_its_own_shape_keys(mien, bound, positions, evaluated):
    act(mien, bound, positions)
    shape = expected_motion(bound, evaluated, 16)
    points = bound.rest.copy()
    points[bound.binding.vertices] += shape
    bound.obj.shape_key_add(name="Basis", from_mix=False)
    key = bound.obj.shape_key_add(name="Apex", from_mix=False)
    key.points.foreach_set("co", points.astype(np.float32).ravel())
    key.value = 0.0
    mien.api.bake(bound.obj, start=0, end=36, way="own", engine_name="numpy")
    error, motion = off(bound, evaluated, 16)
    assert error < 0.01
    assert motion > 1


def test_shaping_and_mask_hold_on_it(mien, bound, template, positions, evaluated):
    act(mien, bound, positions)
    group = bound.obj.vertex_groups.new(name="Part")
    half = bound.binding.vertices[:5000].tolist()
    group.add(half, 0.5, "REPLACE")
    for one in (bound.ada, bound.obj):
        one.mien.mouth, one.mien.balance, one.mien.gain = 0.4, 0.6, 1.3
    mien.api.bake(bound.ada, start=0, end=36, engine_name="numpy")
    bound.obj.mien.mask = "Part"
    mien.api.bake(bound.obj, start=0, end=36, engine_name="numpy")
    wanted = expected_motion(bound, evaluated, 16)
    wanted[:5000] *= 0.5
    wanted[5000:] = 0
    got = (evaluated(bound.obj, 16) - bound.rest)[bound.binding.vertices]
    assert np.abs(got - wanted).max() < 2e-3 * mien_scale(bound)
    assert np.abs(wanted).max() > 0.5 * mien_scale(bound)


def test_the_live_preview_moves_it(mien, scene, bound, positions, evaluated):
    act(mien, bound, positions)
    mien.preview.start(bound.obj)
    for frame in (16, 5, 30):
        assert off(bound, evaluated, frame)[0] < 2e-3
    mien.preview.stop(bound.obj)
    np.testing.assert_array_equal(evaluated(bound.obj, 16), positions(bound.obj.data))


def test_a_frame_costs_one_product_whatever_the_shaping(mien, bound):
    """No copy of the template's motion is made for the shaping: the factors lie in the weights."""
    bound.obj.mien.mouth = 0.4
    shaper = mien.shaping.Shaper(bound.obj, mien.api.fit(bound.obj))
    assert shaper._shaped._factor is None


def test_saved_loaded_copied_and_appended_it_is_still_bound(mien, bound, template, tmp_path):
    copy = bound.obj.copy()
    copy.data = bound.obj.data.copy()
    bpy.context.scene.collection.objects.link(copy)
    copy.name = "Twin"
    mien.store.forget(bound.obj.data)
    assert not mien.api.fit(bound.obj).ok
    assert mien.api.fit(copy).ok
    path = str(tmp_path / "bound.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    mien.store._read.clear()
    bpy.ops.wm.open_mainfile(filepath=path)
    assert mien.api.fit(bpy.data.objects["Twin"]).ok
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(path) as (_, here):
        here.objects = ["Twin"]
    found = mien.api.fit(bpy.data.objects["Twin"])
    assert found.ok
    np.testing.assert_array_equal(found.layout.corners, bound.binding.corners)


def test_undo_brings_the_binding_back(mien, bound):
    name = bound.obj.name
    bpy.context.preferences.edit.use_global_undo = True
    bpy.ops.ed.undo_push(message="bound")
    mien.store.forget(bound.obj.data)
    bpy.ops.ed.undo_push(message="forgotten")
    bpy.ops.ed.undo()
    assert mien.api.fit(bpy.data.objects[name]).ok
    bpy.ops.ed.redo()
    assert not mien.api.fit(bpy.data.objects[name]).ok


def test_a_mesh_that_was_changed_since_says_so(mien, bound):
    import bmesh

    obj = bound.obj
    bpy.context.view_layer.objects.active = obj
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.object.mode_set(mode="OBJECT")
    assert mien.api.fit(obj).ok  # to look at it changes nothing
    edit = bmesh.new()
    edit.from_mesh(obj.data)
    edit.verts.ensure_lookup_table()
    kept = edit.copy()
    bmesh.ops.delete(edit, geom=[edit.verts[7]], context="VERTS")
    edit.to_mesh(obj.data)
    found = mien.api.fit(obj)
    assert not found.ok
    assert "was changed since it was wrapped" in found.sentence
    assert found.remedy == "Wrap it again."
    # As many vertices and edges, but in another order.
    kept.verts.ensure_lookup_table()
    for vertex in kept.verts:
        vertex.index = len(kept.verts) - 1 - vertex.index
    kept.verts.sort()
    kept.to_mesh(obj.data)
    assert len(obj.data.vertices) == bound.binding.vertex_count
    assert "was changed since it was wrapped" in mien.api.fit(obj).sentence
    with pytest.raises(mien.engine.MeshError, match="was changed since it was wrapped"):
        mien.api.bake(obj, start=0, end=10)


@pytest.mark.parametrize("scale", [(0.01, 0.01, 0.01), (1, 2, 1), (-1, 1, 1)])
def test_an_applied_scale_and_turn_carry_the_motion_along(mien, bound, positions, evaluated, scale):
    act(mien, bound, positions)
    obj = bound.obj
    obj.scale, obj.rotation_euler, obj.location = scale, (0.3, -0.2, 1.0), (1, 2, 3)
    bpy.context.view_layer.update()
    matrix = np.array(obj.matrix_world)[:3, :3].astype(np.float64)
    for one in bpy.context.selected_objects:
        one.select_set(False)
    obj.select_set(True)
    bpy.context.view_layer.objects.active = obj
    bpy.ops.object.transform_apply(location=True, rotation=True, scale=True)
    found = mien.api.fit(obj)
    assert found.ok
    np.testing.assert_allclose(found.to_local, matrix @ bound.to_local, rtol=1e-3, atol=1e-5 * np.abs(matrix).max())
    rest = positions(obj.data)
    mien.api.bake(obj, start=0, end=36, engine_name="numpy")
    got = (evaluated(obj, 16) - rest)[bound.binding.vertices]
    wanted = expected_motion(bound, evaluated, 16) @ matrix.T
    assert np.abs(got - wanted).max() < 1e-3 * np.abs(wanted).max()


def test_a_sculpted_head_keeps_its_frame(mien, bound, positions):
    points = positions(bound.obj.data)
    points += np.random.default_rng(1).normal(0, 0.02, points.shape)
    bound.obj.data.vertices.foreach_set("co", points.ravel())
    np.testing.assert_array_equal(mien.api.fit(bound.obj).to_local, bound.to_local)


def _sculpted(points, share=0.15, by=0.02):
    """What lies nearest to the last vertex is pulled away, by so much of the head's size."""
    size = np.ptp(points, axis=0).max()
    away = np.linalg.norm(points - points[-1], axis=1) / (share * size)
    return points + np.exp(-(away**2))[:, None] * (0, -by * size, by * size)


@pytest.mark.parametrize("matrix", [100 * np.eye(3), TURN, np.diag([1, 2, 1.0]), np.diag([-1, 1, 1.0])])
def test_a_sculpted_head_that_is_scaled_or_turned_then_takes_its_motion_along(mien, bound, positions, matrix):
    points = _sculpted(positions(bound.obj.data).astype(np.float64))
    bound.obj.data.vertices.foreach_set("co", points.astype(np.float32).ravel())
    assert mien.api.fit(bound.obj).scale == pytest.approx(mien_scale(bound), rel=0.01)
    bound.obj.data.vertices.foreach_set("co", (points @ matrix.T + 7).astype(np.float32).ravel())
    found = mien.api.fit(bound.obj)
    assert not found.caution
    wanted = matrix @ bound.to_local
    np.testing.assert_allclose(found.to_local, wanted, atol=0.02 * np.abs(wanted).max())


def test_what_has_changed_beyond_knowing_deserves_a_look(mien, bound, positions):
    points = positions(bound.obj.data)
    size = float(np.ptp(points, axis=0).max())
    for moved in (np.random.default_rng(1).normal(0, 0.2 * size, points.shape) + points, points * (1, 0, 1)):
        bound.obj.data.vertices.foreach_set("co", moved.astype(np.float32).ravel())
        found = mien.api.fit(bound.obj)
        assert found.ok
        assert found.caution
        assert "wrap it again" in found.remedy
        np.testing.assert_allclose(found.to_local, bound.to_local)


def test_the_rest_is_what_counts_and_not_the_basis(mien, bound, positions):
    """Identity may lie in a shape key that stands still; to apply it changes nothing that is seen."""
    obj = bound.obj
    rest = positions(obj.data) * 1.3
    obj.shape_key_add(name="Basis", from_mix=False)
    key = obj.shape_key_add(name="Tall", from_mix=False)
    key.points.foreach_set("co", rest.ravel())
    key.value = 1.0
    mien.store.store(obj, bound.loaded, bound.binding, 1.3 * bound.to_local)
    before = mien.api.fit(obj).to_local
    np.testing.assert_allclose(before, 1.3 * bound.to_local)
    key.value = 0.0
    np.testing.assert_allclose(mien.api.fit(obj).to_local, bound.to_local, atol=1e-4 * mien_scale(bound))
    obj.shape_key_clear()
    obj.data.vertices.foreach_set("co", rest.ravel())
    np.testing.assert_allclose(mien.api.fit(obj).to_local, before, atol=1e-4 * mien_scale(bound))


def test_a_binding_that_reads_or_scales_what_cannot_be_is_refused(mien, bound, monkeypatch):
    known = mien.store.stored(bound.obj.data)
    far = np.full_like(known.binding.corners, 2_000_000_000)
    wrong = [{"binding": dataclasses.replace(known.binding, corners=far)}]
    wrong += [{"to_local": np.eye(3) * size} for size in (1e300, 1e200, 1e-300)] + [
        {"to_local": np.diag([1, 1, 1e-99])}
    ]
    for change in wrong:
        mien.store._read[bound.obj.data.mien.wrap.mark] = dataclasses.replace(known, **change)
        found = mien.api.fit(bound.obj)
        assert not found.ok
        assert "is damaged" in found.sentence
        assert found.remedy == "Wrap it again."
        with pytest.raises(mien.engine.MeshError, match="is damaged"):
            mien.api.bake(bound.obj, start=0, end=5)
    mien.store._read.clear()
    assert mien.api.fit(bound.obj).ok


def test_a_binding_of_no_vertices_is_not_kept(mien, bound):
    none = mien.engine.Binding(
        "none", bound.binding.vertex_count, np.zeros(0, int), np.zeros((0, 3), int), np.zeros((0, 3))
    )
    before = bound.obj.data.mien.wrap.mark
    with pytest.raises(mien.engine.MeshError, match="None of the vertices of Stranger lies on the face"):
        mien.store.store(bound.obj, bound.loaded, none, bound.to_local)
    assert bound.obj.data.mien.wrap.mark == before


def test_a_head_of_a_pack_that_is_not_there(mien, bound):
    content = mien.store._unpacked(bound.obj.data.mien.wrap.text, bound.obj.data)
    other = SimpleNamespace(
        bundle=SimpleNamespace(template=SimpleNamespace(vertex_count=9999, content_hash="other")),
        digest="d",
        title="ICT skin",
    )
    mien.store.store(bound.obj, other, content.binding, bound.to_local)
    found = mien.api.fit(bound.obj)
    assert not found.ok
    assert "was wrapped with ICT skin, which is not there" in found.sentence
    assert "model pack" in found.remedy


def broken(mien, text):
    """Texts that no binding of ours can be."""
    raw = base64.b64decode(text)
    cut = base64.b64encode(raw[: len(raw) // 2]).decode()
    turned = bytearray(raw)
    turned[len(raw) // 3] ^= 255
    return [text[:-5], "", "{}", cut, base64.b64encode(bytes(turned)).decode(), base64.b64encode(b"PK").decode()]


def test_a_damaged_binding_gets_one_sentence(mien, bound, scene):
    wrap = bound.obj.data.mien.wrap
    good, mark = wrap.text, wrap.mark
    scene.mien.face = bound.obj
    for text in broken(mien, good):
        for hashed in (mark, mien.stored_arrays.hash_of(text)):
            wrap.text, wrap.mark = text, hashed
            mien.store._read.clear()
            found = mien.api.fit(bound.obj)
            assert not found.ok
            assert "is damaged" in found.sentence
            assert found.remedy == "Wrap it again."
            with pytest.raises(mien.engine.MeshError, match="is damaged"):
                mien.api.bake(bound.obj, start=0, end=5)
            assert not bpy.ops.mien.bake.poll()
    wrap.text, wrap.mark = good, mark
    assert mien.api.fit(bound.obj).ok


def test_a_binding_of_another_mesh_is_not_kept(mien, bound, face):
    with pytest.raises(mien.engine.MeshError, match="not one of the mesh"):
        mien.store.store(face, bound.loaded, bound.binding, bound.to_local)
    assert not mien.store.is_stored(face.data)
    with pytest.raises(mien.engine.MienError, match="damaged"):
        mien.store.store(bound.obj, bound.loaded, bound.binding, np.full((3, 3), np.nan))
    assert mien.api.fit(bound.obj).ok


def test_nan_is_named(mien, bound):
    bound.obj.data.vertices[int(bound.binding.vertices[3])].co = (float("nan"), 0, 0)
    assert "NaN" in mien.api.fit(bound.obj).sentence


@pytest.mark.slow
def test_the_command_line_and_a_batch_bake_it(mien, bound, tmp_path, capsys):
    path = tmp_path / "head.blend"
    bpy.data.objects.remove(bound.ada)
    count = len(bound.binding.moving)
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    out = tmp_path / "shot.blend"
    words = ["bake", str(path), "--cue", "happy:0.8:0:12:24:36", "--engine", "numpy", "--out", str(out)]
    code = mien.cli.main([*words, "--way", "compact", "--out", str(tmp_path / "shot.glb")])
    assert code == 0, capsys.readouterr()
    bpy.ops.wm.open_mainfile(filepath=str(out))
    obj = bpy.data.objects["Stranger"]
    assert obj.data.mien.bakes[0].way == "compact"
    assert len(mien.api.fit(obj).layout.moving) == count
    shot = {"name": "a", "input": "head.blend", "cues": ["happy:0.8:0:4:8:12"], "out": "a.blend"}
    shots = tmp_path / "shots.json"
    shots.write_text(json.dumps({"defaults": {"engine": "numpy"}, "shots": [shot]}))
    assert mien.cli.main(["batch", str(shots), "--jobs", "1"]) == 0, capsys.readouterr()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
    assert len(bpy.data.objects["Stranger"].data.mien.bakes[0].key_names) == 13


def repacked(mien, bound, change, more=None):
    """The kept text with other arrays or words in it, and with files of any bytes (name -> bytes)."""
    known = bound.obj.data.mien.wrap.text
    arrays, words = mien.stored_arrays.from_text(known, 10**6, bool)
    change(arrays, words)
    raw = io.BytesIO(base64.b64decode(mien.stored_arrays.to_text(arrays, words)))
    with zipfile.ZipFile(raw, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (more or {}).items():
            archive.writestr(name, data)
    return base64.b64encode(raw.getvalue()).decode()


def keep(mien, bound, text):
    wrap = bound.obj.data.mien.wrap
    wrap.text, wrap.mark = text, mien.stored_arrays.hash_of(text)


def declared(count):
    """An .npy file that says it holds so many numbers, and holds none."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": (count,)})
    return file.getvalue()


def without_positions(arrays, words):
    del arrays["about.positions"]


def too_large(arrays, words):
    arrays["about.distance"] = np.zeros(80_000_000, np.float32)


def no_version(arrays, words):
    del words["version"]


def deep_binding(arrays, words):
    words["binding"] = "[" * 200_000


def letters(arrays, words):
    arrays["about.positions"] = np.array([["a", "b", "c"]] * 10)


def nan_places(arrays, words):
    arrays["places"][0, 0] = np.nan


@pytest.mark.parametrize("change", [without_positions, too_large, no_version, deep_binding, letters, nan_places])
def test_crafted_content_gets_one_sentence(mien, bound, change):
    more = {"about.positions.npy": declared(10**14)} if change is without_positions else None
    keep(mien, bound, repacked(mien, bound, change, more))
    found = mien.api.fit(bound.obj)
    assert not found.ok
    assert "is damaged" in found.sentence


def test_brackets_without_end_get_one_sentence(mien, bound):
    arrays, _ = mien.stored_arrays.from_text(bound.obj.data.mien.wrap.text, 10**6, bool)
    file = io.BytesIO()
    np.savez_compressed(file, **arrays, words=np.frombuffer(b"[" * 200_000, np.uint8))
    keep(mien, bound, base64.b64encode(file.getvalue()).decode())
    assert "is damaged" in mien.api.fit(bound.obj).sentence


def test_arrays_that_nobody_asks_for_are_never_unpacked(mien, bound):
    def change(arrays, words):
        arrays["about.x"] = np.zeros(80_000_000, np.float32)

    keep(mien, bound, repacked(mien, bound, change))
    assert mien.api.fit(bound.obj).ok
    assert "x" not in mien.store.stored(bound.obj.data).about


def test_triangles_that_cannot_be_are_not_drawn(mien, bound):
    count = len(bound.obj.data.vertices)

    def change(arrays, words):
        arrays["about.flipped"] = np.array([np.nan, -1e9, 3, 1e12, np.inf], np.float32)
        arrays["about.distance"] = np.zeros(count, np.float32)

    keep(mien, bound, repacked(mien, bound, change))
    assert mien.fit_look.demand(bound.obj.data).flipped.shape == (1, 3, 3)
