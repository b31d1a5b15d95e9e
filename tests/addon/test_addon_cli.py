# ruff: noqa: ARG001, PLR0917 - fixtures are asked for by name, also for what they do
"""The command line: files in, files out, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import bpy
import numpy as np
import pytest
from scipy.spatial import cKDTree

ROOT = Path(__file__).resolve().parent.parent.parent
CUE = ("--cue", "surprise:1:0:8:12:20")
NUMPY = ("--engine", "numpy", "--quiet")


@pytest.fixture
def files(mien, face, tmp_path):
    """The sample face as .blend, .obj and .glb; as .glb of one material, since glTF cuts several apart."""
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "face.blend"), copy=True)
    face.data.materials.clear()
    bpy.ops.wm.obj_export(filepath=str(tmp_path / "face.obj"), export_materials=False)
    bpy.ops.export_scene.gltf(filepath=str(tmp_path / "face.glb"), export_format="GLB")
    return tmp_path


def only_mesh():
    (found,) = [one for one in bpy.context.scene.objects if one.type == "MESH"]
    return found


def in_mm(obj, points):
    """The points in the world, millimetres."""
    matrix = np.array(obj.matrix_world)
    return (points @ matrix[:3, :3].T + matrix[:3, 3]) * 1000


@pytest.mark.parametrize("kind", ["blend", "obj", "glb"])
def test_every_input_performs_alike_and_comes_out_as_blend_and_glb(mien, files, evaluated, kind):
    outputs = files / "out.blend", files / "out.glb"
    words = ["bake", str(files / f"face.{kind}"), *CUE, *NUMPY, "--out", str(outputs[0]), "--out", str(outputs[1])]
    assert mien.cli.main(words) == 0
    assert sorted(path.name for path in files.iterdir()) == [
        "face.blend",
        "face.glb",
        "face.obj",
        "out.blend",
        "out.glb",
    ]
    bpy.ops.wm.open_mainfile(filepath=str(outputs[0]))
    baked = only_mesh()
    assert len(baked.data.shape_keys.key_blocks) == 22
    assert (bpy.context.scene.frame_start, bpy.context.scene.frame_end) == (0, 20)
    frames = [0, 5, 10, 19]
    wanted = [in_mm(baked, evaluated(baked, frame)) for frame in frames]
    assert np.abs(wanted[2] - wanted[0]).max() > 0.3

    rest = in_mm(baked, rest_of(baked))

    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bpy.ops.import_scene.gltf(filepath=str(outputs[1]))
    played = only_mesh()
    # glTF splits and reorders vertices: each of them is the nearest one at rest, or one that lies in the same place.
    distance, twin = cKDTree(rest).query(in_mm(played, rest_of(played)), k=3)
    for frame, was in zip(frames, wanted, strict=True):
        seen = in_mm(played, evaluated(played, frame))
        off = np.linalg.norm(seen[:, None] - was[twin], axis=2)
        assert np.where(distance < 1e-3, off, np.inf).min(axis=1).max() < 0.1


def rest_of(obj):
    flat = np.empty(len(obj.data.vertices) * 3, np.float32)
    obj.data.shape_keys.reference_key.points.foreach_get("co", flat)
    return flat.reshape(-1, 3)


def test_all_inputs_give_the_same_motion(mien, files, evaluated):
    apexes = []
    for kind in ("blend", "obj", "glb"):
        out = files / f"{kind}.blend"
        assert mien.cli.main(["bake", str(files / f"face.{kind}"), *CUE, *NUMPY, "--out", str(out)]) == 0
        bpy.ops.wm.open_mainfile(filepath=str(out))
        obj = only_mesh()
        apexes.append(in_mm(obj, evaluated(obj, 10)))
    np.testing.assert_allclose(apexes[1], apexes[0], atol=2e-3)
    np.testing.assert_allclose(apexes[2], apexes[0], atol=2e-3)


def test_cues_from_a_file_in_seconds_at_another_rate(mien, files):
    cue = {"expression": "sad", "intensity": 0.5, "start": 0, "apex_start": 0.4, "apex_end": 0.6, "end": 1}
    (files / "cues.json").write_text(json.dumps({"unit": "seconds", "cues": [cue]}))
    out = files / "sad.blend"
    words = ["bake", str(files / "face.blend"), "--cues", str(files / "cues.json"), "--fps", "29.97", *NUMPY]
    assert mien.cli.main([*words, "--out", str(out)]) == 0
    bpy.ops.wm.open_mainfile(filepath=str(out))
    scene = bpy.context.scene
    assert scene.render.fps / scene.render.fps_base == pytest.approx(29.97)
    assert (scene.frame_start, scene.frame_end) == (0, 30)
    curve = mien.fcurves.curves_of(only_mesh()).find("mien.sad")
    assert curve.evaluate(0.5 * 29.97) == pytest.approx(0.5)


def test_strengths_keyed_in_the_blend_perform_without_cues(mien, happy, tmp_path):
    bpy.context.scene.frame_end = 30
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "keyed.blend"), copy=True)
    out = tmp_path / "out.blend"
    assert mien.cli.main(["bake", str(tmp_path / "keyed.blend"), *NUMPY, "--end", "20", "--out", str(out)]) == 0
    bpy.ops.wm.open_mainfile(filepath=str(out))
    assert len(only_mesh().data.shape_keys.key_blocks) == 21


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "required"),
        (["dance"], 2, "invalid choice"),
        (["bake", "face.blend", "--out", "o.blend", "--cue", "joy:1:0:1:2:3"], 2, "no expression 'joy'"),
        (["bake", "face.blend", "--out", "o.blend", "--cue", "happy:1:0:1:2"], 2, "incomplete"),
        (["bake", "face.blend", "--out", "o.blend", "--cue", "happy:1:0:1:2:3:4"], 2, "incomplete"),
        (["bake", "face.blend", "--out", "o.blend", "--cue", "happy:1:0:x:2:3"], 2, "not a number"),
        (["bake", "face.blend", "--out", "o.blend", "--cue", "happy:1:9:1:2:3"], 2, "out of order"),
        (["bake", "face.blend", "--out", "o.blend", "--cues", "absent.json"], 2, "cannot be read"),
        (["bake", "face.blend", "--out", "o.blend", "--cues", "bad.json"], 2, "not JSON"),
        (["bake", "face.blend", "--out", "o.blend", "--cues", "empty.json"], 2, "no list of cues"),
        (["bake", "face.blend", "--out", "o.doc", *CUE], 2, "kind"),
        (["bake", "face.blend", "--out", "nowhere/o.glb", *CUE], 2, "no folder"),
        (["bake", "face.fbx", "--out", "o.blend", *CUE], 2, "give one of"),
        (["bake", "face.obj", "--out", "o.blend"], 2, "give --cue"),
        (["bake", "face.blend", "--out", "o.blend", *CUE, "--fps", "0"], 2, "frame rate"),
        (["bake", "face.blend", "--out", "o.blend", *CUE, "--start", "30"], 2, "holds no frame"),
        (["bake", "face.blend", "--out", "o.blend", *CUE, "--device", "quantum"], 2, "invalid choice"),
        (["bake", "absent.blend", "--out", "o.blend", *CUE], 1, "no file"),
        (["bake", "broken.blend", "--out", "o.blend", *CUE], 1, "cannot be read"),
        (["bake", "face.blend", "--out", "o.blend", *CUE, "--bundle", "broken.blend"], 1, "bundle"),
        (["bake", "face.blend", "--out", "o.blend", *CUE, "--engine", "numpy", "--device", "cuda"], 1, "no cuda"),
        (["bake", "face.blend", "--out", "o.blend"], 1, "nothing to perform"),
        (["bake", "cube.obj", "--out", "o.blend", *CUE], 3, "has 8 vertices"),
        (["bake", "face.blend", "--out", "o.blend", *CUE, "--object", "Nobody"], 3, "Nobody"),
        (["bake", "cut.glb", "--out", "o.blend", *CUE], 3, "several materials"),
    ],
)
def test_exit_codes_and_one_sentence_and_no_file(mien, wrong_files, monkeypatch, capsys, words, code, said):
    monkeypatch.chdir(wrong_files)
    before = sorted(wrong_files.iterdir())
    assert mien.cli.main(words) == code
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
    assert sorted(wrong_files.iterdir()) == before


@pytest.fixture(scope="module")
def wrong_files(mien, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wrong")
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    mien.api.add_sample_face()
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "face.blend"), copy=True)
    bpy.ops.wm.obj_export(filepath=str(folder / "face.obj"))
    bpy.ops.export_scene.gltf(filepath=str(folder / "cut.glb"), export_format="GLB")
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.wm.obj_export(filepath=str(folder / "cube.obj"))
    (folder / "bad.json").write_text("{")
    (folder / "empty.json").write_text('{"cues": []}')
    (folder / "broken.blend").write_bytes(b"not a blend" * 200)
    return folder


def test_a_failed_second_output_leaves_the_first_as_it_was(mien, files, monkeypatch):
    (files / "first.blend").write_text("earlier work")
    export = mien.scene_io._export

    def failing(path, kind):
        if kind == ".glb":
            raise RuntimeError("the disk is full")
        export(path, kind)

    monkeypatch.setattr(mien.scene_io, "_export", failing)
    before = sorted(path.name for path in files.iterdir())
    words = ["bake", str(files / "face.blend"), *CUE, *NUMPY]
    assert mien.cli.main([*words, "--out", str(files / "first.blend"), "--out", str(files / "second.glb")]) == 1
    assert (files / "first.blend").read_text() == "earlier work"
    assert sorted(path.name for path in files.iterdir()) == before


def test_an_interrupted_bake_is_130_and_writes_nothing(mien, files, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(mien.api, "bake", interrupted)
    assert mien.cli.main(["bake", str(files / "face.blend"), *CUE, "--out", str(files / "o.blend")]) == 130
    assert not (files / "o.blend").exists()


def test_several_faces_ask_for_a_choice(mien, face, tmp_path, capsys):
    mien.api.add_sample_face()
    name = face.name
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "two.blend"), copy=True)
    words = ["bake", str(tmp_path / "two.blend"), *CUE, *NUMPY, "--out", str(tmp_path / "o.blend")]
    assert mien.cli.main(words) == 2
    assert f"--object: {name}, {name}.001" in capsys.readouterr().err
    assert mien.cli.main([*words, "--object", f"{name}.001"]) == 0


def test_welding_keeps_the_order_of_first_appearance(mien):
    points = np.array([[2, 0, 0], [1, 0, 0], [2, 0, 0], [0, 0, 0], [1, 0, 0]], np.float32)
    first, group = mien.scene_io.first_of_equal(points)
    assert first.tolist() == [0, 1, 3]
    assert group.tolist() == [0, 1, 0, 2, 1]


def test_the_wheels_command_in_a_process_of_its_own(files):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}

    def mien(*words):
        command = [sys.executable, "-m", "blender_addon", *words]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    out = files / "own.glb"
    done = mien("bake", str(files / "face.blend"), *CUE, "--engine", "numpy", "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert "performs from frame 0 to 20 (numpy on cpu)" in done.stdout
    assert out.read_bytes()[:4] == b"glTF"
    assert mien("bake").returncode == 2
    helped = mien("bake", "--help")
    assert helped.returncode == 0
    assert "exit codes" in helped.stdout


def test_a_sample_face_is_an_input_too(mien, tmp_path, capsys):
    out = tmp_path / "ada.blend"
    assert mien.cli.main(["bake", "sample:Ada", *CUE, *NUMPY, "--out", str(out)]) == 0
    bpy.ops.wm.open_mainfile(filepath=str(out))
    assert only_mesh().name == "Ada"
    assert len(only_mesh().data.shape_keys.key_blocks) == 22
    assert mien.cli.main(["bake", "sample:Nobody", *CUE, *NUMPY, "--out", str(tmp_path / "no.blend")]) == 1
    assert "Ada" in capsys.readouterr().err
    assert not (tmp_path / "no.blend").exists()


def bake(mien, folder, *words, out="out.blend"):
    return mien.cli.main(["bake", "sample:Ada", *CUE, *NUMPY, "--out", str(folder / out), *words])


def opened(path):
    bpy.ops.wm.open_mainfile(filepath=str(path))
    return only_mesh()


@pytest.mark.parametrize("way", ["keys", "absolute", "compact", "cache"])
def test_every_way_plays_the_same_motion(mien, tmp_path, evaluated, way):
    assert bake(mien, tmp_path, out="keys.blend") == 0
    plain = opened(tmp_path / "keys.blend")
    wanted = [in_mm(plain, evaluated(plain, frame)) for frame in (0, 4, 10, 20)]
    assert bake(mien, tmp_path, "--way", way, "--tolerance", "0.1") == 0
    baked = opened(tmp_path / "out.blend")
    seen = [in_mm(baked, evaluated(baked, frame)) for frame in (0, 4, 10, 20)]
    off = max(np.linalg.norm(one - other, axis=1).max() for one, other in zip(seen, wanted, strict=True))
    assert off < (0.11 if way == "compact" else 2e-3)
    assert np.abs(wanted[2] - wanted[0]).max() > 0.3
    made = {path.name for path in tmp_path.iterdir()}
    assert made == {"keys.blend", "out.blend"} | ({"out.pc2"} if way == "cache" else set())


def test_a_mesh_cache_moves_with_its_blend(mien, tmp_path, evaluated):
    (tmp_path / "here").mkdir()
    assert bake(mien, tmp_path / "here", "--way", "cache", "--cache", str(tmp_path / "here" / "ada.pc2")) == 0
    (tmp_path / "here").rename(tmp_path / "there")
    baked = opened(tmp_path / "there" / "out.blend")
    assert np.abs(evaluated(baked, 10) - evaluated(baked, 0)).max() > 3e-4


def test_a_mesh_cache_is_as_before_where_the_blend_cannot_be_written(mien, tmp_path, monkeypatch):
    def failing(*_):
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(mien.scene_io, "_export", failing)
    assert bake(mien, tmp_path, "--way", "cache") == 1
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "out.pc2").write_text("earlier work")
    assert bake(mien, tmp_path, "--way", "cache") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["out.pc2"]
    assert (tmp_path / "out.pc2").read_text() == "earlier work"


def test_the_motion_is_shaped_as_asked_and_else_as_the_face_has_it(mien, files, evaluated):
    face = opened(files / "face.blend")
    face.mien.brows = 0.5
    bpy.ops.wm.save_as_mainfile(filepath=str(files / "shaped.blend"), copy=True)
    words = ["bake", str(files / "shaped.blend"), *CUE, *NUMPY, "--mouth", "0.25", "--balance=-0.5", "--speed", "2"]
    assert mien.cli.main([*words, "--out", str(files / "out.blend"), "--name", "Half", "--step", "2"]) == 0
    baked = opened(files / "out.blend")
    asked = {name: getattr(baked.mien, name) for name in ("gain", "brows", "eyes", "mouth", "balance", "speed", "mask")}
    wanted = {"gain": 1, "brows": 0.5, "eyes": 1, "mouth": 0.25, "balance": -0.5, "speed": 2, "mask": ""}
    assert asked == wanted
    assert [one.name for one in baked.data.mien.bakes] == ["Half"]
    assert len(baked.data.shape_keys.key_blocks) == 12  # frames 0 to 20 by twos, and the Basis


def test_a_preset_begins_at_its_frame(mien, tmp_path):
    out = tmp_path / "out.blend"
    words = ["bake", "sample:Ada", *NUMPY, "--preset", "flash of surprise:12", "--fps", "30", "--out", str(out)]
    assert mien.cli.main(words) == 0
    baked = opened(out)
    assert bpy.context.scene.frame_start == 12
    curve = mien.fcurves.curves_of(baked).find("mien.surprise")
    first = mien.presets.find("Flash of Surprise").cues[0]
    assert curve.evaluate(12 + 30 * first.apex_start) == pytest.approx(first.intensity, abs=1e-5)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--way", "magic"], 2, "invalid choice: 'magic'"),
        (["--tolerance", "0"], 2, "not a number between 0.001 and 5"),
        (["--step", "nan"], 2, "not a number between 0.05 and 100"),
        (["--gain", "3"], 2, "not a number between 0 and 2"),
        (["--balance", "much"], 2, "not a number between -1 and 1"),
        (["--cache", "a.pc2"], 2, "--cache is for --way cache"),
        (["--way", "cache", "--cache", "a.abc"], 2, "a mesh cache is a .pc2"),
        (["--way", "cache", "--cache", "nowhere/a.pc2"], 2, "no folder"),
        (["--way", "absolute", "--out", "a.glb"], 2, "A .glb file cannot hold a bake to Absolute"),
        (["--way", "cache", "--out", "a.glb"], 2, "A .glb file cannot hold a bake to Mesh Cache"),
        (["--preset", "No Such:3"], 2, "There is no preset 'No Such'"),
        (["--preset", "Flash of Surprise:1e9"], 2, "goes beyond"),
        (["--mask", "Nowhere"], 1, "no vertex group 'Nowhere'"),
    ],
)
def test_options_that_make_no_sense_are_told_in_one_sentence(mien, tmp_path, monkeypatch, capsys, words, code, said):
    monkeypatch.chdir(tmp_path)
    assert bake(mien, tmp_path, *words) == code
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
    assert list(tmp_path.iterdir()) == []
