# ruff: noqa: ARG001 - fixtures are asked for by name, also for what they do
"""Heads that are none, or broken: either the wrap works, or one sentence says why; nothing in the scene changes."""

from __future__ import annotations

from types import SimpleNamespace

import bpy
import numpy as np
import pytest
import strange_heads as heads


@pytest.fixture
def ada(mien, face, template):
    """Ada's skin in triangles, and her landmarks; without her object."""
    vertices, triangles, _ = heads.skin_of(face, template)
    marks = heads.places(mien, face, template)
    bpy.data.objects.remove(face)
    return SimpleNamespace(vertices=vertices, triangles=triangles, marks=marks)


def refused(mien, obj, marks, **options):
    """The sentence with which a head is refused; the scene is as it was."""
    before = heads.snapshot()
    with pytest.raises(mien.engine.MienError) as told:
        mien.api.wrap(obj, marks, **options)
    assert heads.snapshot() == before
    sentence = told.value.sentence
    assert sentence.endswith(".")
    assert sentence.count(". ") == 0, "one sentence"
    assert told.value.remedy.endswith(".")
    return str(told.value)


def works(mien, obj, marks):
    """The result of a wrap after which the head performs."""
    shape = heads.snapshot_of_shape(obj)
    result = mien.api.wrap(obj, marks)
    assert heads.snapshot_of_shape(obj) == shape
    fit = mien.api.fit(obj)
    assert fit.ok, fit.sentence
    assert np.isfinite(fit.to_local).all()
    return result


def works_or_is_told(mien, obj, marks):
    """What a person reads: the advice of a poor wrap, or why there is none; then the scene is as it was."""
    before = heads.snapshot()
    try:
        result = mien.api.wrap(obj, marks)
    except mien.engine.MienError as problem:
        assert heads.snapshot() == before
        return problem.remedy
    return result.advice


def all_over(vertices):
    """Landmarks where a head's would be, in the box of some vertices that look to -Y with Z up."""
    low, high = np.min(vertices, axis=0), np.max(vertices, axis=0)
    spots = {
        "nose_tip": (0.5, 0.0, 0.45),
        "chin": (0.5, 0.05, 0.1),
        "eye_outer": (0.25, 0.15, 0.6),
        "eye_inner": (0.4, 0.1, 0.6),
        "mouth_corner": (0.38, 0.1, 0.28),
        "nose_wing": (0.42, 0.05, 0.45),
        "upper_lip_top": (0.5, 0.04, 0.32),
        "lower_lip_bottom": (0.5, 0.04, 0.24),
    }
    found = {}
    for name, (x, y, z) in spots.items():
        if x == 0.5:
            found[name] = low + (high - low) * (x, y, z)
        else:
            # The face looks to -Y, so its own left is at +X.
            found[f"left_{name}"] = low + (high - low) * (1 - x, y, z)
            found[f"right_{name}"] = low + (high - low) * (x, y, z)
    return found


def own_places(obj):
    flat = np.empty(len(obj.data.vertices) * 3, np.float32)
    obj.data.vertices.foreach_get("co", flat)
    return flat.reshape(-1, 3)


def on_surface(obj, marks):
    return {name: np.array(obj.closest_point_on_mesh(tuple(place))[1]) for name, place in marks.items()}


def test_a_monkey_works_or_is_told(mien, scene):
    bpy.ops.mesh.primitive_monkey_add()
    obj = bpy.context.object
    marks = on_surface(obj, all_over(own_places(obj)))
    result = works(mien, obj, marks)
    assert result.advice, "nobody takes a monkey for a good wrap"


def test_a_cube_has_too_few_vertices(mien, scene):
    bpy.ops.mesh.primitive_cube_add()
    assert "has faces between 8 vertices, too few" in refused(
        mien, bpy.context.object, all_over(own_places(bpy.context.object))
    )


def test_a_fine_cube_works_or_is_told(mien, scene):
    bpy.ops.mesh.primitive_cube_add()
    obj = bpy.context.object
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.subdivide(number_cuts=20)
    bpy.ops.object.mode_set(mode="OBJECT")
    assert works_or_is_told(mien, obj, on_surface(obj, all_over(own_places(obj))))


def test_half_a_head_works(mien, ada):
    keep = (ada.vertices[ada.triangles][:, :, 0] >= -1e-4).all(axis=1)
    obj = heads.add("Half", ada.vertices, ada.triangles[keep])
    marks = {name: place for name, place in ada.marks.items() if not name.startswith("right_")}
    said = refused(mien, obj, marks)
    assert "landmarks that a wrap needs are not placed: Right outer corner of the eye" in said
    works(mien, obj, ada.marks)


def test_an_open_scan_with_holes_works(mien, ada):
    chance = np.random.default_rng(2)
    centres = ada.vertices[ada.triangles].mean(axis=1)
    front = centres[:, 1] < np.quantile(centres[:, 1], 0.6)
    size = np.ptp(ada.vertices, axis=0).max()
    holes = centres[chance.choice(np.flatnonzero(front), 6)]
    away = np.linalg.norm(centres[:, None] - holes, axis=-1).min(axis=1) > 0.03 * size
    grain = ada.vertices + chance.normal(0, 1e-3 * size, ada.vertices.shape)
    obj = heads.add("Scan", grain, ada.triangles[front & away])
    result = works(mien, obj, ada.marks)
    assert result.mean < 3


@pytest.mark.slow
def test_a_million_vertices_stay_awake(mien, ada):
    vertices, triangles = ada.vertices, ada.triangles
    while len(vertices) < 1_000_000:
        vertices, triangles = heads.midpoints(vertices, triangles)
    mesh = bpy.data.meshes.new("Million")
    mesh.vertices.add(len(vertices))
    mesh.attributes["position"].data.foreach_set("vector", vertices.astype(np.float32).ravel())
    mesh.loops.add(triangles.size)
    mesh.loops.foreach_set("vertex_index", triangles.astype(np.int32).ravel())
    mesh.polygons.add(len(triangles))
    mesh.polygons.foreach_set("loop_start", np.arange(0, triangles.size, 3, dtype=np.int32))
    mesh.update(calc_edges=True)
    obj = bpy.data.objects.new("Million", mesh)
    bpy.context.scene.collection.objects.link(obj)
    asked = []

    def cancelled():
        asked.append(True)
        return len(asked) > 2

    with pytest.raises(mien.engine.Cancelled):
        mien.api.wrap(obj, ada.marks, cancelled=cancelled)
    assert not mien.wrap_job.is_wrapped(obj)
    result = mien.api.wrap(obj, ada.marks)
    assert result.mean < 1
    assert result.vertices > 500_000


def test_faces_without_area_and_loose_vertices_work(mien, ada):
    extra = len(ada.vertices)
    loose = ada.vertices[:50] + 0.3
    flat = np.array([[one, one + 1, extra] for one in range(40)])
    vertices = np.concatenate([ada.vertices, loose])
    vertices[extra] = vertices[0]
    spot = np.array([[extra + 5, extra + 6, extra + 7]])
    vertices[extra + 6] = vertices[extra + 7] = vertices[extra + 5]
    obj = heads.add("Flat", vertices, np.concatenate([ada.triangles, flat, spot]))
    result = works(mien, obj, ada.marks)
    assert result.mean < 1
    moving = mien.store.stored(obj.data).binding.moving
    assert not set(range(extra + 10, extra + 50)) & set(moving.tolist()), "loose vertices stay"


@pytest.mark.parametrize("scale", [(0.01, 0.01, 0.01), (100, 100, 100), (1, 1, 1.6), (-1, 1, 1), (-2, -2, -2)])
def test_unapplied_scales_work(mien, ada, scale):
    """As it is seen the head is Ada; the scale of the object undoes what is done to the mesh."""
    obj = heads.add("Scaled", ada.vertices / scale, _outside(ada.triangles, scale))
    obj.scale, obj.rotation_euler = scale, (0.3, -0.2, 1.0)
    bpy.context.view_layer.update()
    marks = {name: place / scale for name, place in ada.marks.items()}
    result = works(mien, obj, marks)
    assert result.mean < 1, "an even or uneven scale makes no difference"
    assert result.flipped == 0
    _check_motion(mien, obj, scale)


def _outside(triangles, scale):
    return triangles if np.prod(scale) > 0 else triangles[:, ::-1]


def _check_motion(mien, obj, scale):
    """Seen in the scene, a deformation is as long as it should be, and turned as the face is."""
    fit = mien.api.fit(obj)
    seen = np.array(obj.matrix_world)[:3, :3] @ fit.to_local
    stretch = np.linalg.svd(seen, compute_uv=False)
    np.testing.assert_allclose(stretch, stretch[0], rtol=0.01)
    assert np.linalg.det(seen) > 0


def test_a_head_that_is_seen_mirrored_works(mien, ada):
    """The mesh is a head, and its object mirrors it: as it is seen, its left is at the other side."""
    obj = heads.add("Mirrored", ada.vertices, ada.triangles)
    obj.scale = (-1, 1, 1)
    bpy.context.view_layer.update()
    assert works(mien, obj, ada.marks).mean < 1
    mien.api.forget_wrap(obj)
    as_seen = mien.engine.suggestions.exchanged(ada.marks)
    assert works(mien, obj, as_seen).mean < 1


def test_swapped_sides_are_told(mien, ada):
    obj = heads.add("Swapped", ada.vertices, ada.triangles)
    assert "left and right swapped" in refused(mien, obj, mien.engine.suggestions.exchanged(ada.marks))


def test_a_head_turned_inside_out_works(mien, ada):
    obj = heads.add("Inside", ada.vertices, ada.triangles[:, ::-1])
    result = works(mien, obj, ada.marks)
    assert result.mean < 1
    assert not result.advice


def test_vertices_that_are_nowhere_are_told(mien, ada):
    vertices = ada.vertices.copy()
    vertices[7] = np.nan
    assert "nowhere (NaN)" in refused(mien, heads.add("Nan", vertices, ada.triangles), ada.marks)


def test_a_mesh_without_faces_is_told(mien, ada):
    assert "has no faces" in refused(mien, heads.add("Cloud", ada.vertices, np.empty((0, 3), int)), ada.marks)


def test_an_empty_mesh_is_told(mien, ada):
    assert "no vertices" in refused(mien, heads.add("Empty", np.empty((0, 3)), np.empty((0, 3), int)), ada.marks)


def test_a_head_squeezed_to_a_line_is_told(mien, ada):
    assert "flat" in refused(mien, heads.add("Line", ada.vertices * (0, 0, 1), ada.triangles), ada.marks)


@pytest.mark.parametrize("turn", [np.eye(3), np.linalg.qr([[3.0, 1, 2], [1, 2, 5], [0, 1, 7]])[0]])
def test_a_head_pressed_flat_is_told(mien, ada, turn):
    obj = heads.add("Flat", ada.vertices * (1, 0, 1) @ turn, ada.triangles)
    assert "lie in one plane" in refused(mien, obj, ada.marks)


@pytest.mark.parametrize("like", [5, " ", "\t"])
def test_a_name_that_is_none_is_told(mien, ada, like):
    assert "No generator is called" in refused(mien, heads.add("A", ada.vertices, ada.triangles), ada.marks, like=like)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("few", "of the landmarks that a wrap needs are not placed: Tip of the nose"),
        ("none", "12 of the landmarks"),
        ("line", "lie on a line or in one spot"),
        ("spot", "lie on a line or in one spot"),
        ("far", "The landmark Chin is not on"),
        ("nan", "The landmark Chin is not on"),
        ("unknown", "There is no landmark called beard"),
        ("text", "no place"),
        ("endless", "no place"),
        ("two numbers", "no place"),
    ],
)
def test_landmarks_that_make_no_sense_are_told(mien, ada, wrong, words):
    obj = heads.add("Ada", ada.vertices, ada.triangles)
    marks = dict(ada.marks)
    if wrong == "few":
        del marks["nose_tip"]
    elif wrong == "none":
        marks = {}
    elif wrong == "line":
        marks = {name: marks["chin"] + (0, 0, 0.01 * number) for number, name in enumerate(marks)}
    elif wrong == "spot":
        marks = dict.fromkeys(marks, marks["chin"])
    elif wrong == "far":
        marks["chin"] = marks["chin"] * 1000
    elif wrong == "nan":
        marks["chin"] = np.full(3, np.nan)
    elif wrong == "unknown":
        marks["beard"] = marks["chin"]
    elif wrong == "endless":
        marks["chin"] = (10**400, 0, 0)
    elif wrong == "text":
        marks["chin"] = "below"
    else:
        marks["chin"] = marks["chin"][:2]
    assert words in refused(mien, obj, marks)


def test_one_wrong_landmark_is_left_out(mien, ada):
    obj = heads.add("Ada", ada.vertices, ada.triangles)
    marks = {**ada.marks, "left_eye_outer": ada.marks["left_mouth_corner"]}
    result = works(mien, obj, marks)
    assert result.dropped == ("Left outer corner of the eye",)
    assert result.advice


@pytest.mark.parametrize("state", ["edit", "sculpt", "other edits", "linked", "curve", "absolute"])
def test_objects_that_cannot_be_touched_are_told(mien, ada, state, tmp_path):
    obj = heads.add("Ada", ada.vertices, ada.triangles)
    bpy.context.view_layer.objects.active = obj
    words = {
        "edit": "is in Edit Mode",
        "sculpt": "is in Sculpt Mode",
        "other edits": "is in Edit Mode",
        "linked": "is linked from another file",
        "curve": "is not a mesh",
        "absolute": "are absolute",
    }[state]
    if state in ("edit", "sculpt"):
        bpy.ops.object.mode_set(mode=state.upper())
    elif state == "other edits":
        other = bpy.data.objects.new("Other", obj.data)
        bpy.context.scene.collection.objects.link(other)
        bpy.context.view_layer.objects.active = other
        bpy.ops.object.mode_set(mode="EDIT")
    elif state == "linked":
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "ada.blend"), copy=True)
        bpy.data.objects.remove(obj)
        with bpy.data.libraries.load(str(tmp_path / "ada.blend"), link=True) as (_, into):
            into.objects = ["Ada"]
        obj = into.objects[0]
        bpy.context.scene.collection.objects.link(obj)
    elif state == "curve":
        obj = bpy.data.objects.new("Curve", bpy.data.curves.new("Curve", "CURVE"))
        bpy.context.scene.collection.objects.link(obj)
    else:
        obj.shape_key_add(name="Basis", from_mix=False)
        obj.data.shape_keys.use_relative = False
    assert words in refused(mien, obj, ada.marks)


def test_modifiers_and_shape_keys_stand_aside(mien, ada):
    """The rest is what is wrapped: not what an armature, a subdivision or a key that plays makes of it."""
    obj = heads.add("Ada", ada.vertices, ada.triangles)
    obj.shape_key_add(name="Basis", from_mix=False)
    key = obj.shape_key_add(name="Open", from_mix=False)
    flat = np.add(ada.vertices, (0, 0, 0.1)).astype(np.float32).ravel()
    key.points.foreach_set("co", flat)
    key.value = 0.5
    key.keyframe_insert("value", frame=1)
    obj.modifiers.new("Subdivision", "SUBSURF")
    obj.modifiers.new("Twist", "SIMPLE_DEFORM").angle = 1.0
    assert works(mien, obj, ada.marks).mean < 1
    assert [one.name for one in obj.modifiers] == ["Subdivision", "Twist"]


def test_a_body_with_more_beside_its_head_works(mien, ada):
    """A body below, a hat above, hair in between: the head is where the landmarks are."""
    size = np.ptp(ada.vertices, axis=0)
    body = np.stack(np.meshgrid(*[np.linspace(-1, 1, 12)] * 3, indexing="ij"), -1).reshape(-1, 3)
    shell = body[(np.abs(body) > 0.95).any(axis=1)] * size * (1.5, 1, 3) - (0, 0, size[2] * 4)
    faces = np.random.default_rng(0).integers(0, len(shell), (400, 3))
    faces = faces[(faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 0] != faces[:, 2])]
    obj = heads.add(
        "Body", np.concatenate([ada.vertices, shell]), np.concatenate([ada.triangles, faces + len(ada.vertices)])
    )
    result = works(mien, obj, ada.marks)
    assert result.mean < 1
    assert mien.store.stored(obj.data).binding.moving.max() < len(ada.vertices), "the body stands still"
