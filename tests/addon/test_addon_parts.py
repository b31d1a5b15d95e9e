# ruff: noqa: ARG001 - fixtures are asked for by name, also for what they do
"""Parts of a face in other objects and in its own mesh: found, given roles, bound, and moved with it."""

from __future__ import annotations

import base64
import tracemalloc
import zlib

import bpy
import numpy as np
import pytest

PIECES = {
    "eyes": ("eyes", "iris", "pupil"),
    "teeth": ("teeth",),
    "tongue": ("tongue",),
    "lashes": ("lashes",),
}


@pytest.fixture
def human(mien, scene, template, layout_object):
    """An MPFB-like human: a body without helpers, and eyes, teeth, tongue and lashes as objects beside it."""

    def make(named, scale=0.001, teeth="teeth"):
        layout = next(one for one in template.layouts if one.name == "MPFB human without helpers")

        def stood(points):  # metres, upright in Blender's axes, at a person's height
            return points[:, [0, 2, 1]] * (1, -1, 1) * scale + (0, 0, 1.6)

        body = layout_object(layout, stood, name="Human")
        made = {}
        for number, (kind, parts) in enumerate(PIECES.items()):
            rows = vertices_of(template, parts)
            mesh = mesh_of(template, rows, stood(template.vertices[rows]), f"Mesh.{number:03d}")
            obj = bpy.data.objects.new(
                f"Human.{teeth if kind == 'teeth' else kind}" if named else f"Object.{number:03d}", mesh
            )
            scene.collection.objects.link(obj)
            made[kind] = obj
        scene.mien.face = body
        bpy.context.view_layer.update()
        return body, made

    return make


def vertices_of(template, parts):
    wanted = np.isin(template.polygon_part, [template.parts.index(part) for part in parts])
    corners = np.unique(template.polygons[wanted])
    return corners[corners >= 0]


def mesh_of(template, rows, places, name):
    place = np.full(template.vertex_count + 1, -1)
    place[rows] = np.arange(len(rows))
    faces = place[template.polygons]
    faces = faces[(faces[:, :3] >= 0).all(axis=1)]
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(np.asarray(places).tolist(), [], [[c for c in face if c >= 0] for face in faces.tolist()])
    return mesh


def roles(face):
    return {(one.object.name if one.object else "", one.role) for one in face.mien_parts.parts}


def entry(face, role):
    return next(one for one in face.mien_parts.parts if one.role == role)


def fit_of(mien, face):
    return mien.packs.fit(face)[0].demand()


def moved_by(mien, face, deformation):
    """Object name -> (M, 3) mm of its moving vertices in the template's axes, and their indices."""
    found = {}
    for member in mien.members.members(face, fit_of(mien, face)):
        found[member.obj.name] = (member.binding.on_object(deformation)[0], member.binding.moving)
    return found


def wide_open(mien, template):
    """(1, V, 3) mm: an apex of surprise as the generator makes it."""
    generator = mien.engine.generator(engine="numpy")
    labels = np.zeros((24, len(mien.engine.EXPRESSIONS)), np.float32)
    labels[:, list(mien.engine.EXPRESSIONS).index("surprise")] = np.clip(np.arange(24) / 10, 0, 1)
    deformations = np.asarray(generator.generate(labels))
    assert deformations.shape[1] == template.vertex_count
    return deformations[-1:]


@pytest.mark.parametrize("named", [True, False])
def test_the_parts_of_a_human_are_found_by_names_and_without(mien, human, named):
    body, made = human(named)
    bpy.ops.mien.find_parts()
    names = {kind: obj.name for kind, obj in made.items()}
    assert roles(body) == {
        (names["eyes"], "eyes"),
        (names["teeth"], "upper_teeth"),
        (names["teeth"], "lower_teeth"),
        (names["tongue"], "tongue"),
        (names["lashes"], "lashes"),
    }
    assert all(one.mark and not one.by_hand and one.why for one in body.mien_parts.parts)


def nearest_rigid(rest, offsets):
    """The offsets (n, 3) of the rigid motion that comes nearest to these (Kabsch)."""
    rest = rest.astype(np.float64)
    after = rest + offsets
    left, _, right = np.linalg.svd((rest - rest.mean(axis=0)).T @ (after - after.mean(axis=0)))
    turn = left * (1, 1, np.sign(np.linalg.det(left @ right))) @ right
    return (rest - rest.mean(axis=0)) @ turn + after.mean(axis=0) - rest


def test_parts_move_as_the_template_s_own_do(mien, human, template):
    """The generator moves its own teeth, tongue and lashes: the objects do the same, and what is hard stays whole."""
    body, made = human(named=True)
    bpy.ops.mien.find_parts()
    deformation = wide_open(mien, template)
    moved = moved_by(mien, body, deformation)
    for kind in ("teeth", "tongue"):
        offsets, vertices = moved[made[kind].name]
        rows = vertices_of(template, PIECES[kind])[vertices]
        rigid = nearest_rigid(template.vertices[rows], deformation[0, rows])
        assert np.linalg.norm(rigid, axis=1).max() > 8
        assert np.linalg.norm(offsets - rigid, axis=1).max() < 0.4
    assert len(moved[made["teeth"].name][1]) == len(made["teeth"].data.vertices) // 2, "upper teeth are still"
    offsets, vertices = moved[made["lashes"].name]
    true = deformation[0, vertices_of(template, PIECES["lashes"])[vertices]]
    assert np.sqrt(((offsets - true) ** 2).sum(axis=1).mean()) < 0.4
    offsets, _ = moved[made["eyes"].name]
    assert np.linalg.norm(offsets, axis=1).max() < 0.3


def test_offsets_come_in_each_part_s_own_space(mien, human, template):
    body, made = human(named=True)
    tongue = made["tongue"]
    tongue.rotation_euler, tongue.scale, tongue.location = (0.3, -1.2, 2.0), (2.0, 2.0, 2.0), (1.0, 2.0, 3.0)
    bpy.context.view_layer.update()
    places = np.array([tongue.matrix_world.inverted() @ one.co for one in tongue.data.vertices])
    tongue.data.vertices.foreach_set("co", places.astype(np.float32).ravel())
    tongue.data.update()
    body.rotation_euler = (0, 0, 1.0)
    tongue.parent = body
    bpy.context.view_layer.update()
    bpy.ops.mien.find_parts()
    fit = fit_of(mien, body)
    member = next(one for one in mien.members.members(body, fit) if one.obj == tongue)
    deformation = np.zeros((1, template.vertex_count, 3), np.float32)
    deformation[..., 1] = 10
    local = member.binding.on_object(deformation)[0] @ np.asarray(member.to_local).T
    seen = local @ np.array(tongue.matrix_world.to_3x3()).T
    np.testing.assert_allclose(seen, np.tile((0, 0, 0.01), (len(seen), 1)), atol=1e-5)


def test_roles_chosen_by_hand_stay_and_count(mien, human, template):
    body, made = human(named=True)
    bpy.ops.mien.find_parts()
    lashes = entry(body, "lashes")
    lashes.role = "hair"
    assert lashes.by_hand
    bpy.ops.mien.find_parts()
    assert (made["lashes"].name, "hair") in roles(body)
    assert made["lashes"].name not in moved_by(mien, body, wide_open(mien, template))
    entry(body, "hair").role = "skin"
    assert made["lashes"].name in moved_by(mien, body, wide_open(mien, template))
    entry(body, "skin").on = False
    assert made["lashes"].name not in moved_by(mien, body, wide_open(mien, template))


def test_finding_twice_finds_the_same(mien, human):
    body, _ = human(named=True)
    bpy.ops.mien.find_parts()
    before = roles(body)
    count = len(body.mien_parts.parts)
    bpy.ops.mien.find_parts()
    assert (roles(body), len(body.mien_parts.parts)) == (before, count)


def test_a_part_that_was_switched_off_stays_so(mien, human):
    body, _ = human(named=True)
    bpy.ops.mien.find_parts()
    entry(body, "lower_teeth").on = False
    bpy.ops.mien.find_parts()
    assert [one.role for one in body.mien_parts.parts if not one.on] == ["lower_teeth"]


def test_what_is_put_aside_is_no_part(mien, human):
    body, made = human(named=True)
    made["tongue"].hide_viewport = made["tongue"].hide_render = True
    bpy.ops.mien.find_parts()
    assert made["tongue"].name not in {name for name, _ in roles(body)}


def test_what_stands_beside_is_no_part(mien, human, scene):
    body, _ = human(named=True)
    bpy.ops.mesh.primitive_cube_add(size=0.3, location=(1.0, 0, 1.6))
    bpy.ops.mesh.primitive_plane_add(size=10)
    bpy.ops.object.light_add(location=(0, 0, 1.6))
    bpy.ops.mien.find_parts()
    assert not {"Cube", "Plane", "Light"} & {name for name, _ in roles(body)}


def test_selected_meshes_are_added_and_taken_off(mien, human, scene):
    body, _ = human(named=True)
    bpy.ops.mesh.primitive_cube_add(size=0.01, location=(0.0, -0.2, 1.7))
    cube = bpy.context.object
    bpy.ops.mien.add_parts()
    assert (cube.name, "none") in roles(body)
    bpy.ops.mien.remove_part()
    assert not len(body.mien_parts.parts)
    assert cube.name in scene.objects
    assert not bpy.ops.mien.remove_part.poll()
    bpy.ops.object.select_all(action="DESELECT")
    assert not bpy.ops.mien.add_parts.poll()


def test_a_part_that_is_gone_or_changed_is_told(mien, human, template):
    body, made = human(named=True)
    bpy.ops.mien.find_parts()
    fit = fit_of(mien, body)
    tongue = made["tongue"]
    tongue.data.vertices.add(1)
    with pytest.raises(mien.engine.MeshError, match="other vertices"):
        mien.members.members(body, fit)
    bpy.ops.mien.bind_parts()
    assert tongue.name in moved_by(mien, body, wide_open(mien, template))
    bpy.data.objects.remove(tongue)
    with pytest.raises(mien.engine.MeshError, match="is gone"):
        mien.members.members(body, fit)


def test_a_damaged_binding_is_told_and_refreshed(mien, human):
    body, _ = human(named=True)
    bpy.ops.mien.find_parts()
    fit = fit_of(mien, body)
    entry(body, "tongue").text = "AAAA"
    mien.keeping._read.clear()
    with pytest.raises(mien.engine.MeshError, match="damaged"):
        mien.members.members(body, fit)
    bpy.ops.mien.bind_parts()
    assert mien.members.members(body, fit)
    entry(body, "tongue").template = "another"
    with pytest.raises(mien.engine.MeshError, match="not bound to this head"):
        mien.members.members(body, fit)


def test_the_list_comes_back_from_a_file(mien, human, template, tmp_path):
    body, _ = human(named=False)
    bpy.ops.mien.find_parts()
    deformation = wide_open(mien, template)
    before, names = moved_by(mien, body, deformation), roles(body)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "parts.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "parts.blend"))
    mien.keeping._read.clear()
    body = bpy.context.scene.mien.face
    assert roles(body) == names
    for name, (offsets, vertices) in moved_by(mien, body, deformation).items():
        np.testing.assert_array_equal(offsets, before[name][0])
        np.testing.assert_array_equal(vertices, before[name][1])


@pytest.fixture
def wrapped(mien, scene, template):
    """The whole template as one mesh of another topology, shuffled, and wrapped without a wrap: skin is bound."""

    def make(skin_only=True):
        rng = np.random.default_rng(0)
        order = rng.permutation(template.vertex_count)
        place = np.argsort(order)
        mesh = bpy.data.meshes.new("One")
        points = template.vertices[order] * 0.1
        faces = [[int(place[c]) for c in face if c >= 0] for face in template.polygons.tolist()]
        mesh.from_pydata([*points.tolist(), (0, 0, 50)], [(0, template.vertex_count)], faces)
        obj = bpy.data.objects.new("One", mesh)
        scene.collection.objects.link(obj)
        scene.mien.face = obj
        bpy.context.view_layer.update()
        loaded = mien.engine.load()
        rows = place[vertices_of(template, ("skin", "brows", "lips", "mouth"))] if skin_only else place
        rows = np.sort(rows).astype(np.int32)
        binding = mien.engine.Binding(
            "wrapped",
            len(mesh.vertices),
            rows,
            order[rows][:, None].astype(np.int32),
            np.ones((len(rows), 1), np.float32),
        )
        mien.store.store(obj, loaded, binding, np.eye(3) * 0.1, {"positions": template.vertices * 0.1})
        return obj, order

    return make


@pytest.mark.parametrize("skin_only", [True, False])
def test_pieces_of_a_wrapped_mesh_move_by_their_own_roles(mien, template, wrapped, skin_only):
    face, order = wrapped(skin_only)
    bpy.ops.mien.find_parts()
    found = {one.role: one for one in face.mien_parts.parts}
    assert set(found) == {"eyes", "upper_teeth", "lower_teeth", "tongue", "lashes"}
    assert all(one.inner for one in found.values())
    fit = fit_of(mien, face)
    assert mien.members.members(face, fit) == []
    deformation = wide_open(mien, template)
    offsets = np.zeros((template.vertex_count + 1, 3))
    offsets[fit.layout.moving] = fit.layout.on_object(deformation)[0]
    error = np.linalg.norm(offsets[:-1] - deformation[0, order], axis=1)
    skin = np.isin(order, vertices_of(template, ("skin", "brows", "lips", "mouth")))
    assert error[skin].max() < 1e-6
    assert np.sqrt((error[~skin] ** 2).mean()) < 1.0
    upper = mien.keeping.rows_of(found["upper_teeth"], template.vertex_count + 1)
    assert not np.isin(upper, fit.layout.moving).any()
    found["upper_teeth"].on = False
    again = mien.packs.fit(face, cached=True)[0]
    assert np.isin(upper, again.layout.moving).any() != skin_only


def test_a_wrapped_mesh_bakes_with_its_pieces_and_shaping(mien, template, wrapped, evaluated):
    face, order = wrapped()
    bpy.ops.mien.find_parts()
    mien.api.add_expression(face, "surprise", 1.0, 0, 8, 16, 24)
    mien.api.bake(face, start=0, end=16)
    tongue = np.isin(order, vertices_of(template, ("tongue",)))
    rest = template.vertices[order] * 0.1
    moved = np.linalg.norm(evaluated(face, 12)[:-1] - rest, axis=1)
    assert moved[tongue].max() > 0.1
    face.mien.mouth = 0.0
    mien.api.bake(face, start=0, end=16)
    moved = np.linalg.norm(evaluated(face, 12)[:-1] - rest, axis=1)
    assert moved[tongue].max() < 0.02


def test_parts_bake_with_their_face(mien, human, template, evaluated):
    body, made = human(named=True)
    bpy.ops.mien.find_parts()
    mien.api.add_expression(body, "surprise", 1.0, 0, 8, 16, 24)
    tongue = made["tongue"]
    rest = np.array([one.co for one in tongue.data.vertices])
    mien.api.bake(body, start=0, end=16)
    assert tongue.data.shape_keys is not None
    moved = np.linalg.norm(evaluated(tongue, 12) - rest, axis=1) * 1000
    assert moved.max() > 1.0
    mien.api.remove_bake(body)
    assert tongue.data.shape_keys is None


def test_parts_are_undone_with_the_rest(mien, human):
    human(named=True)
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.mien.find_parts()
    bpy.ops.ed.undo_push(message="found")
    bpy.ops.ed.undo()
    assert not len(bpy.context.scene.mien.face.mien_parts.parts)


def test_the_head_s_own_layout_keeps_its_pieces(mien, face):
    """A face that Mien knows moves its eyes and teeth already: nothing of its own mesh comes on the list."""
    bpy.context.scene.mien.face = face
    bpy.ops.mien.find_parts()
    assert not len(face.mien_parts.parts)


def test_no_face_no_parts(mien, scene):
    assert not bpy.ops.mien.find_parts.poll()
    assert not bpy.ops.mien.bind_parts.poll()


def test_the_panel_draws_its_list(draw_states):
    states, said = draw_states("draw_parts.py")
    assert "face from here." in states["none"]
    for words in ("Find Parts", "With the jaw", "Suggested"):
        assert words in states["found"]
    assert "Suggested" not in states["by hand"]
    assert "not bound" in states["stale"]
    assert "off the list." in states["gone"]
    assert "not found" not in said, said


def test_parts_are_found_by_a_script(mien, human):
    body, made = human(named=True)
    found = mien.api.find_parts(body)
    assert (made["tongue"].name, "tongue") in found
    assert len(found) == 5


def test_a_new_wrap_binds_the_parts_anew(mien, wrapped):
    face, _ = wrapped()
    bpy.ops.mien.find_parts()
    before = {one.role: one.mark for one in face.mien_parts.parts}
    face.data.transform(((2, 0, 0, 0), (0, 2, 0, 0), (0, 0, 2, 0), (0, 0, 0, 1)))
    fit = fit_of(mien, face)
    mien.finding.bind_again(face, fit)
    assert {one.role for one in face.mien_parts.parts if one.mark} == set(before)
    face.mien_parts.parts[0].rows = "AAAA"
    mien.finding.bind_again(face, fit)
    assert [bool(one.mark) for one in face.mien_parts.parts] == [False, *[True] * (len(before) - 1)]


def state(face):
    return [
        (one.name, one.role, one.on, one.rows, one.text, one.mark, one.template, one.by_hand)
        for one in face.mien_parts.parts
    ]


def edit_mode(obj):
    bpy.context.view_layer.objects.active = obj
    bpy.ops.object.mode_set(mode="EDIT")
    return "is in Edit Mode"


def emptied(obj):
    obj.data.clear_geometry()
    return "has no vertices"


def nowhere(obj):
    obj.data.vertices[0].co.x = float("nan")
    return "nowhere"


def flattened(obj):
    bpy.context.scene.mien.face.scale.x = 0
    return "Human is scaled to nothing"


@pytest.mark.parametrize("harm", [edit_mode, emptied, nowhere, flattened])
def test_what_cannot_be_read_is_told_and_the_list_stays(mien, human, harm):
    body, made = human(named=True)
    bpy.ops.mien.find_parts()
    before = state(body)
    said = harm(made["tongue"])
    bpy.context.view_layer.update()
    for act in (mien.finding.find, mien.finding.bind_all):
        with pytest.raises(mien.engine.MeshError, match=said) as told:
            act(body, mien.packs.fit(body)[0])
        assert told.value.remedy
        assert state(body) == before
    with pytest.raises(RuntimeError, match=said):
        bpy.ops.mien.find_parts()
    assert state(body) == before


def test_a_stranger_nearby_that_cannot_be_read_is_no_part(mien, human):
    body, made = human(named=True)
    nowhere(made["tongue"])
    bpy.ops.mien.find_parts()
    assert {role for _, role in roles(body)} == {"eyes", "upper_teeth", "lower_teeth", "lashes"}
    with pytest.raises(mien.engine.MeshError, match="nowhere"):
        mien.finding.add(body, fit_of(mien, body), [made["tongue"]])
    assert len(body.mien_parts.parts) == 4


def test_a_role_that_cannot_be_bound_now_says_so(mien, human, capfd):
    body, made = human(named=True)
    bpy.ops.mien.find_parts()
    edit_mode(made["tongue"])
    entry(body, "tongue").role = "glasses"
    assert "Traceback" not in capfd.readouterr().err
    with pytest.raises(mien.engine.MeshError, match="not bound to this head"):
        mien.members.members(body, fit_of(mien, body))
    bpy.ops.object.mode_set(mode="OBJECT")
    bpy.ops.mien.bind_parts()
    assert mien.members.members(body, fit_of(mien, body))


@pytest.mark.parametrize("role", ["tongue", "upper_teeth"])
def test_an_unbound_piece_of_the_own_mesh_holds_the_bake_up(mien, wrapped, role):
    face, _ = wrapped()
    bpy.ops.mien.find_parts()
    mien.api.add_expression(face, "surprise", 1.0, 0, 8, 16, 24)
    mien.keeping.forget(entry(face, role))
    with pytest.raises(mien.engine.MeshError, match="a part of One, is not bound to this head"):
        mien.api.bake(face, start=0, end=8)
    assert face.data.shape_keys is None
    entry(face, role).on = False
    mien.api.bake(face, start=0, end=8)


def test_rows_that_unpack_to_more_than_there_are_cost_nothing(mien, human):
    body, _ = human(named=True)
    bpy.ops.mien.find_parts()
    one = body.mien_parts.parts[0]
    one.rows = mien.stored_arrays.rows_to_text(np.zeros(30_000_000, np.int32))
    tracemalloc.start()
    with pytest.raises(mien.engine.MeshError, match="fewer vertices"):
        mien.keeping.rows_of(one, 100)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20e6
    one.rows = base64.b64encode(zlib.compress(bytes(4000))[:-6]).decode()
    with pytest.raises(mien.engine.MeshError, match="damaged"):
        mien.keeping.rows_of(one, 2000)


def test_a_role_that_is_not_known_here_is_ignored(mien, human):
    body, _ = human(named=True)
    bpy.ops.mien.find_parts()
    one = entry(body, "tongue")
    stored = one if "role" in one.keys() else one.bl_system_properties_get()  # noqa: SIM118 - no mapping
    stored["role"] = 99
    assert one.kind is mien.engine.Role.NONE
    assert not one.moves
    assert mien.members.members(body, fit_of(mien, body))
    bpy.ops.mien.bind_parts()


def test_a_part_that_leaves_the_list_leaves_the_live_preview(mien, human):
    body, made = human(named=True)
    bpy.ops.mien.find_parts()
    mien.api.add_expression(body, "surprise", 1.0, 0, 8, 16, 24)
    mien.preview.start(body)
    assert made["tongue"].modifiers
    body.mien_parts.active = next(n for n, one in enumerate(body.mien_parts.parts) if one.role == "tongue")
    bpy.ops.mien.remove_part()
    bpy.context.view_layer.update()
    assert mien.preview.is_on(body)
    assert not made["tongue"].modifiers
    assert made["eyes"].modifiers
    bpy.ops.mien.find_parts()
    bpy.context.view_layer.update()
    assert made["tongue"].modifiers


def test_a_part_that_is_deleted_in_the_window_is_shown_as_gone(mien, human):
    body, made = human(named=True)
    bpy.ops.mien.find_parts()
    one = entry(body, "tongue")
    for obj in bpy.context.selected_objects:
        obj.select_set(False)
    made["tongue"].select_set(True)
    bpy.ops.object.delete()
    assert one.object is not None, "Blender keeps what the list names"
    assert one.target is None
    assert one.title == "(deleted)"
    with pytest.raises(mien.engine.MeshError, match="is gone"):
        mien.members.members(body, fit_of(mien, body))
    bpy.ops.mien.bind_parts()
    assert len(body.mien_parts.parts) == 5
    bpy.ops.mien.find_parts()
    assert len(body.mien_parts.parts) == 4


def test_a_script_finds_parts_where_they_are_now(mien, human):
    body, made = human(named=True)
    made["tongue"].location.x = 50
    assert "tongue" not in {role for _, role in mien.api.find_parts(body)}
