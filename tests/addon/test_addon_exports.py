"""What each way to bake exports to: written, read again into an empty scene, and compared frame by frame."""

from __future__ import annotations

import json
import struct

import bpy
import numpy as np
import pytest

FIRST, LAST = 5, 18
FRAMES = range(FIRST - 2, LAST + 4)
"""The scene's: the bake, and the face at rest before and after it."""

FARTHEST = 0.01
"""Millimetres; 0.1 is asked for, and 0.0003 was the most that any exporter of Blender 4.2 to 5.2 was seen to lose."""

HELD = {
    "keys": (".glb", ".fbx", ".usdc", ".abc"),
    "absolute": (".usdc", ".abc"),
    "compact": (".glb", ".fbx", ".usdc", ".abc"),
    "own": (".glb", ".fbx", ".usdc", ".abc"),
    "cache": (".usdc", ".abc"),
}
REFUSED = [(way, kind) for way in ("absolute", "cache") for kind in (".glb", ".fbx")]


@pytest.fixture
def marked(face):
    """A sample face somewhere in the scene that smiles; its texture coordinates tell the vertices' numbers."""
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = FRAMES[0], FRAMES[-1]
    face.location, face.rotation_euler, face.scale = (0.1, 0.2, 1.3), (0.1, 0.2, 0.4), (1.5, 1.5, 1.5)
    corners = np.empty(len(face.data.loops), np.int32)
    face.data.loops.foreach_get("vertex_index", corners)
    texture = np.stack([corners, np.zeros_like(corners)], axis=1).astype(np.float32)
    face.data.uv_layers.new(name="UVMap").data.foreach_set("uv", texture.ravel())
    return face


def bake(mien, face, way, folder, **more):
    if not mien.rest.curves_of(face):
        mien.api.add_expression(face, "happy", 0.8, FIRST - 1, FIRST + 4, FIRST + 7, LAST)
    cache = {"cache": folder / f"{face.name}.pc2"} if way == "cache" else {}
    return mien.api.bake(face, start=FIRST, end=LAST, way=way, engine_name="numpy", **cache, **more)


def add_artists_keys(mien, face, names):
    """Keys of the artist's own: the apexes of the expressions, each cut into pieces of the face."""
    generator, fit = mien.engine.generator("", "numpy", "auto"), mien.api.fit(face)
    performer = generator.on(mien.neutrals.identity_of(face, fit, generator))
    if face.data.shape_keys is None:
        face.shape_key_add(name="Basis", from_mix=False)
    rest = mien.rest.rest_positions(face.data)
    pieces = np.array_split(np.argsort(rest[:, 2]), -(-len(names) // 6))
    for number, name in enumerate(names):
        labels = np.zeros((12, 6), np.float32)
        labels[:, number % 6] = 1
        apex = performer.generate(labels)[-1] @ fit.to_local.T
        moved = rest.copy()
        piece = pieces[number // 6]
        moved[piece] += apex[piece]
        key = face.shape_key_add(name=name, from_mix=False)
        key.value = 0.0
        key.points.foreach_set("co", moved.astype(np.float32).ravel())


def world(obj, frames=FRAMES):
    """(T, V, 3) where the vertices are, at each frame."""
    found = []
    for frame in frames:
        bpy.context.scene.frame_set(frame)
        seen = obj.evaluated_get(bpy.context.evaluated_depsgraph_get())
        flat = np.empty(len(seen.data.vertices) * 3, np.float32)
        seen.data.vertices.foreach_get("co", flat)
        matrix = np.array(seen.matrix_world)
        found.append(flat.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3])
    return np.stack(found)


def numbers(obj):
    """(V,) for each vertex of an imported face the one that it was."""
    mesh = obj.data
    texture, corners = np.empty(len(mesh.loops) * 2, np.float32), np.empty(len(mesh.loops), np.int32)
    mesh.uv_layers[0].data.foreach_get("uv", texture)
    mesh.loops.foreach_get("vertex_index", corners)
    found = np.full(len(mesh.vertices), -1)
    found[corners] = np.round(texture[::2])
    return found


def operator_is_there(module, name):
    try:
        getattr(getattr(bpy.ops, module), name).get_rna_type()
    except KeyError:
        return False
    return True


def importers(kind):
    """All ways to read a kind of file that this Blender has."""
    path = {"anim_offset": 0.0}
    known = {
        ".glb": [("import_scene", "gltf", {"merge_vertices": False})],
        ".fbx": [("import_scene", "fbx", path), ("wm", "fbx_import", path)],
        ".abc": [("wm", "alembic_import", {})],
    }.get(kind, [("wm", "usd_import", {})])
    return [one for one in known if operator_is_there(*one[:2])]


def read(path, importer):
    """Opens a file in an empty scene; returns its mesh objects."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    module, name, options = importer
    getattr(getattr(bpy.ops, module), name)(filepath=str(path), **options)
    return [one for one in bpy.context.scene.objects if one.type == "MESH"]


def farthest_mm(obj, expected):
    """The largest distance of any vertex at any frame from where it was."""
    which = numbers(obj)
    assert set(which) == set(range(expected.shape[1])), "vertices were lost"
    return float(np.linalg.norm(world(obj) - expected[:, which], axis=2).max() * 1000)


def check_round_trip(path, expected):
    readers = importers(path.suffix)
    if not readers:
        pytest.skip(f"this Blender reads no {path.suffix}")
    for reader in readers:
        (obj,) = read(path, reader)
        assert farthest_mm(obj, expected) < FARTHEST, reader
    return obj


def write(mien, path):
    if mien.exporting._properties(mien.exporting.FORMATS[path.suffix]) is None:
        pytest.skip(f"this Blender writes no {path.suffix}")
    mien.scene_io.write([path])
    return path


@pytest.mark.parametrize(("way", "kind"), [(way, kind) for way, kinds in HELD.items() for kind in kinds])
def test_the_motion_is_the_same_when_it_is_read_again(mien, marked, tmp_path, way, kind):
    if way == "own":
        add_artists_keys(mien, marked, list("abcdef"))
    bake(mien, marked, way, tmp_path)
    expected = world(marked)
    assert np.linalg.norm(expected - expected[0], axis=2).max() > 0.01, "the face hardly moves"
    assert np.linalg.norm(expected[-1] - expected[0], axis=1).max() < 1e-6
    check_round_trip(write(mien, tmp_path / f"shot{kind}"), expected)


@pytest.mark.parametrize("kind", [".usd", ".usda", ".usdz"])
def test_usd_is_the_same_in_all_its_dresses(mien, marked, tmp_path, kind):
    bake(mien, marked, "compact", tmp_path)
    expected = world(marked)
    check_round_trip(write(mien, tmp_path / f"shot{kind}"), expected)


@pytest.mark.parametrize("kind", HELD["own"])
def test_keys_called_as_arkits_keep_their_names_and_move_alone(mien, marked, tmp_path, kind):
    names = sorted(mien.bake_sliders.ARKIT)[:24]
    add_artists_keys(mien, marked, [*names, "Fat"])
    bake(mien, marked, "own", tmp_path)
    expected = world(marked)
    obj = check_round_trip(write(mien, tmp_path / f"shot{kind}"), expected)
    if kind == ".abc":
        assert obj.data.shape_keys is None  # it knows no keys, only where everything is
        return
    blocks = obj.data.shape_keys.key_blocks
    assert [key.name for key in blocks][1:] == [*names, "Fat"]
    curves = {curve.data_path: curve for curve in mien.rest.curves_of(obj.data.shape_keys)}
    still = curves.get(mien.actions.path_of("Fat"))
    assert still is None or all(abs(still.evaluate(frame)) < 1e-6 for frame in FRAMES)


def test_the_menu_says_what_is_measured_here(mien):
    formats = mien.exporting.FORMATS
    assert {way.name: tuple(formats[kind] for kind in HELD[way.name]) for way in mien.ways.WAYS} == {
        way.name: way.exports for way in mien.ways.WAYS
    }


@pytest.mark.parametrize(("way", "kind"), REFUSED)
def test_what_a_format_cannot_hold_is_refused_before_the_work(mien, tmp_path, way, kind):
    with pytest.raises(mien.engine.MienError) as problem:
        mien.scene_io.check_outputs([tmp_path / f"shot{kind}"], way)
    assert f"A {kind} file cannot hold a bake to {mien.ways.way_of(way).title}." in str(problem.value)
    assert "Compact Shape Keys" in str(problem.value)
    assert ".usd or .abc" in str(problem.value)


@pytest.mark.parametrize(("way", "kind"), REFUSED)
def test_what_is_refused_would_really_be_wrong(mien, marked, tmp_path, way, kind):
    bake(mien, marked, way, tmp_path)
    expected = world(marked)
    path = tmp_path / f"shot{kind}"
    with pytest.raises(mien.engine.MienError, match="cannot hold"):
        mien.scene_io.write([tmp_path / "first.blend", path])
    assert not path.exists()
    assert not (tmp_path / "first.blend").exists()
    mien.exporting.export(path, kind)
    (obj,) = read(path, importers(kind)[0])
    assert farthest_mm(obj, expected) > 1.0


def test_every_kind_takes_a_way_that_it_holds(mien, tmp_path):
    for way, kinds in HELD.items():
        mien.scene_io.check_outputs([tmp_path / f"shot{kind}" for kind in (".blend", *kinds)], way)


def test_only_the_bake_that_plays_counts(mien, marked, tmp_path):
    bake(mien, marked, "compact", tmp_path, name="One")
    expected = world(marked)
    bake(mien, marked, "cache", tmp_path, name="Two", new=True)
    assert mien.exporting.ways_playing() == ["cache"]
    with pytest.raises(mien.engine.MienError, match="cannot hold"):
        mien.scene_io.write([tmp_path / "shot.glb"])
    mien.api.play_bake(marked, "One")
    check_round_trip(write(mien, tmp_path / "shot.glb"), expected)


def test_faces_of_different_ways_share_a_usd_file(mien, marked, tmp_path):
    other = mien.api.add_sample_face("Ben")
    other.location.x = -0.3
    bake(mien, marked, "compact", tmp_path)
    bake(mien, other, "cache", tmp_path)
    expected = {one.name: world(one) for one in (marked, other)}
    back = read(write(mien, tmp_path / "shot.usdc"), ("wm", "usd_import", {}))
    for name, frames in expected.items():
        obj = next(one for one in back if one.name.startswith(name))
        assert np.linalg.norm(world(obj) - frames, axis=2).max() * 1000 < FARTHEST


def test_an_export_that_fails_leaves_everything_as_it_was(mien, marked, tmp_path, monkeypatch):
    bake(mien, marked, "keys", tmp_path)
    names = [f"shot{kind}" for kind in mien.exporting.FORMATS]
    (tmp_path / names[0]).write_text("earlier work")
    export = mien.exporting.export

    def failing(path, kind):
        export(path, kind)
        if kind == ".abc":
            raise RuntimeError("the disk is full")

    monkeypatch.setattr(mien.exporting, "export", failing)
    with pytest.raises(mien.engine.MienError, match="the disk is full"):
        mien.scene_io.write([tmp_path / name for name in names])
    assert [path.name for path in tmp_path.iterdir()] == [names[0]]
    assert (tmp_path / names[0]).read_text() == "earlier work"
    monkeypatch.undo()
    mien.scene_io.write([tmp_path / name for name in names])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


def test_a_blender_without_an_exporter_says_so(mien, tmp_path, monkeypatch):
    monkeypatch.setitem(mien.exporting._OPERATORS, "USD", ("wm", "usd_export_that_was_left_out"))
    with pytest.raises(mien.engine.MienError, match=r"This Blender has no exporter for USD\."):
        mien.scene_io.check_outputs([tmp_path / "shot.usdz"])
    mien.scene_io.check_outputs([tmp_path / "shot.abc"])


def clips(path):
    """The names of a .glb's animations."""
    content = path.read_bytes()
    size = struct.unpack("<I", content[12:16])[0]
    return {one["name"] for one in json.loads(content[20 : 20 + size])["animations"]}


def test_two_bakes_in_the_artists_own_gltf_are_clips_that_do_not_leak(mien, marked, tmp_path):
    bake(mien, marked, "compact", tmp_path, name="One")
    mien.api.add_expression(marked, "sad", 0.8, FIRST - 1, FIRST + 4, FIRST + 7, LAST)
    bake(mien, marked, "keys", tmp_path, name="Two", new=True)
    expected = {}
    for name in ("One", "Two"):
        mien.api.play_bake(marked, name)
        expected[f"{marked.name} {name}"] = world(marked)
    for entry in marked.data.mien.bakes:  # as Stash in the action editor does
        track = marked.data.shape_keys.animation_data.nla_tracks.new()
        track.strips.new(entry.action.name, FRAMES[0], entry.action)
        track.mute = True
    path = tmp_path / "clips.glb"
    bpy.ops.export_scene.gltf(filepath=str(path), export_animation_mode="ACTIONS")
    assert clips(path) == set(expected)
    (obj,) = read(path, importers(".glb")[0])
    keys = obj.data.shape_keys
    for track in keys.animation_data.nla_tracks:
        track.mute = True
    actions = {name: next(one for one in bpy.data.actions if one.name.startswith(name)) for name in expected}
    # Nothing is put back in between: what one clip leaves on, the next one must turn off.
    for name in (*expected, *expected):
        mien.actions.assign(keys, actions[name])
        assert farthest_mm(obj, expected[name]) < FARTHEST, name
