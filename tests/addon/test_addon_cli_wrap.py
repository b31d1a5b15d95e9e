"""`mien wrap`, `mien marks`, and bakes and batches of heads of other topologies: files in, files out, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import bpy
import numpy as np
import pytest
import strange_heads as heads


@pytest.fixture
def files(mien, face, template, tmp_path):
    """A folder with a strange head as .blend and .obj, and its landmarks as .json."""
    _, marks = heads.stranger(mien, face, template, rounds=0)
    bpy.data.objects.remove(face)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "head.blend"), copy=True)
    # An .obj keeps no axes of its own; as written, so read.
    bpy.ops.wm.obj_export(filepath=str(tmp_path / "head.obj"), forward_axis="Y", up_axis="Z", export_materials=False)
    content = {name: place.tolist() for name, place in marks.items()}
    (tmp_path / "marks.json").write_text(json.dumps(content), encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="session")
def kept(tmp_path_factory):
    """Where the wrapped head is kept for the tests that only go on from it."""
    return tmp_path_factory.mktemp("cli-wrapped") / "wrapped.blend"


@pytest.fixture
def wrapped(mien, files, kept):
    """The head, wrapped by the command, once for all tests."""
    if not kept.is_file():
        words = ["wrap", str(files / "head.blend"), "--landmarks", str(files / "marks.json"), "--out", str(kept)]
        assert mien.cli.main([*words, "--quiet"]) == 0
    return kept


def listed(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_head_is_wrapped_and_written_with_a_picture(mien, files, capfd):
    before = listed(files)
    words = ["wrap", str(files / "head.blend"), "--object", "Stranger", "--landmarks", str(files / "marks.json")]
    words += ["--out", str(files / "wrapped.blend"), "--picture", str(files / "fit.png"), "--like", "makehuman"]
    assert mien.cli.main(words) == 0
    said = capfd.readouterr().out
    assert "performs like the MakeHuman head" in said
    assert "mien: laying the face on" in said
    assert listed(files) == sorted([*before, "wrapped.blend", "fit.png"])
    assert (files / "fit.png").read_bytes().startswith(b"\x89PNG")
    bpy.ops.wm.open_mainfile(filepath=str(files / "wrapped.blend"))
    assert bpy.context.scene.mien.face.name == "Stranger"
    assert mien.api.fit(bpy.context.scene.mien.face).ok


def test_what_was_picked_in_a_window_is_written_and_used(mien, wrapped, files):
    assert mien.cli.main(["marks", str(wrapped), "--out", str(files / "again.json")]) == 0
    again, first = (json.loads((files / name).read_text(encoding="utf-8")) for name in ("again.json", "marks.json"))
    assert again.keys() == first.keys()
    np.testing.assert_allclose([again[name] for name in first], list(first.values()), atol=1e-5)
    assert mien.cli.main(["wrap", str(wrapped), "--out", str(files / "again.blend"), "--quiet"]) == 0


def test_a_wrapped_head_bakes_as_every_face(mien, wrapped, files):
    words = ["bake", str(wrapped), "--cue", "happy:1:0:8:12:20", "--out", str(files / "out.glb"), "--quiet"]
    assert mien.cli.main([*words, "--engine", "numpy"]) == 0
    assert (files / "out.glb").is_file()


def test_a_bake_may_wrap_first_and_a_shot_too(mien, files, evaluated):
    shots = {
        "defaults": {"engine": "numpy"},
        "shots": [
            {
                "name": "strange",
                "input": "head.obj",
                "landmarks": "marks.json",
                "like": "makehuman",
                "cues": "happy:1:0:8:12:20",
                "out": "out.blend",
            }
        ],
    }
    (files / "shots.json").write_text(json.dumps(shots), encoding="utf-8")
    (shot,) = mien.shots.read_shots(files / "shots.json")
    assert files / "marks.json" in shot.reads, "a shot is baked anew where its landmarks were placed anew"
    assert mien.cli.main([*shot.words, "--quiet"]) == 0
    bpy.ops.wm.open_mainfile(filepath=str(files / "out.blend"))
    (head,) = mien.scene_io.meshes()
    rest, apex = evaluated(head, 0).copy(), evaluated(head, 10)
    assert np.linalg.norm(apex - rest, axis=1).max() / head.dimensions.z > 0.02, "it smiles"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("wrap head.blend --landmarks marks.json --out out.glb", 2, "a wrap is kept in a .blend"),
        ("wrap head.blend --landmarks marks.json --out out.blend --picture fit.jpg", 2, "a picture is a .png"),
        ("wrap head.blend --landmarks none.json --out out.blend", 2, "cannot be read"),
        ("wrap head.blend --landmarks head.obj --out out.blend", 2, "are not JSON"),
        ("wrap head.blend --landmarks list.json --out out.blend", 2, "holds no landmarks"),
        ("wrap head.blend --landmarks odd.json --out out.blend", 2, "there is no landmark 'beard'"),
        ("wrap head.blend --landmarks flat.json --out out.blend", 2, "give three numbers"),
        ("wrap head.blend --landmarks long.json --out out.blend", 2, "give three numbers"),
        ("wrap head.blend --landmarks nan.json --out out.blend", 2, "give three numbers"),
        ("wrap head.blend --landmarks deep.json --out out.blend", 2, "too many brackets"),
        ("wrap head.blend --landmarks marks.json --detect --out out.blend", 2, "not both"),
        ("wrap head.blend --landmarks marks.json --out nowhere/out.blend", 2, "there is no folder"),
        ("wrap head.stl --landmarks marks.json --out out.blend", 2, "give one of .blend"),
        ("wrap head.blend --out out.blend", 1, "12 of the landmarks"),
        ("wrap head.blend --landmarks few.json --out out.blend", 1, "11 of the landmarks"),
        ("wrap head.blend --landmarks marks.json --like nobody --out out.blend", 1, "No generator is called 'nobody'"),
        ("wrap head.blend --object Nobody --landmarks marks.json --out out.blend", 3, "no mesh named 'Nobody'"),
        ("marks head.blend --out again.json", 3, "has no landmarks"),
        ("marks head.blend --out again.txt", 2, "are written to a .json"),
        ("bake head.blend --like ict --cue happy:1:0:8:12:20 --out out.glb", 2, "--like is for --landmarks"),
        ("bake head.blend --cue happy:1:0:8:12:20 --out out.glb", 3, "rap it"),
    ],
)
def test_what_cannot_be_is_told_and_nothing_is_written(mien, files, monkeypatch, capfd, words, code, said):  # noqa: PLR0917
    place = json.loads((files / "marks.json").read_text(encoding="utf-8"))["chin"]
    for name, content in (
        ("list", [1, 2]),
        ("odd", {"beard": place}),
        ("flat", {"chin": place[:2]}),
        ("few", {"chin": place}),
        ("long", {"chin": [10**400, 0, 0]}),
        ("nan", {"chin": [float("nan"), 0, 0]}),
    ):
        (files / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    (files / "deep.json").write_text("[" * 100_000, encoding="utf-8")
    (files / "head.stl").write_bytes(b"solid")
    before = listed(files)
    monkeypatch.chdir(files)
    assert mien.cli.main(words.split()) == code
    assert said in capfd.readouterr().err
    assert listed(files) == before


@pytest.mark.parametrize("what", ["scene", "picture", "cut"])
def test_what_was_there_stays_where_one_file_fails(mien, wrapped, files, monkeypatch, capfd, what):  # noqa: PLR0917
    yesterday = {"out.blend": b"BLENDER of yesterday", "fit.png": b"picture of yesterday"}
    for name, data in yesterday.items():
        (files / name).write_bytes(data)
    before = listed(files)
    export = mien.exporting.export

    def fail(*_):
        raise OSError(28, "No space left on device")

    def cut(path, kind):
        export(path, kind)
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size // 2)

    if what == "picture":
        monkeypatch.setattr(Path, "write_bytes", fail)
    else:
        monkeypatch.setattr(mien.exporting, "export", fail if what == "scene" else cut)
    words = ["wrap", str(wrapped), "--out", str(files / "out.blend"), "--picture", str(files / "fit.png")]
    assert mien.cli.main([*words, "--quiet"]) == 1
    said = capfd.readouterr().err
    assert ("only a part" if what == "cut" else "No space left") in said
    assert listed(files) == before
    assert {name: (files / name).read_bytes() for name in yesterday} == yesterday


def test_landmarks_of_yesterday_stay_where_the_new_ones_cannot_be_written(mien, wrapped, files, monkeypatch, capfd):
    (files / "again.json").write_text("yesterday", encoding="utf-8")
    before, write = listed(files), Path.write_text

    def half(path, text, **more):
        write(path, text[:9], **more)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", half)
    assert mien.cli.main(["marks", str(wrapped), "--out", str(files / "again.json")]) == 1
    assert "No space left" in capfd.readouterr().err
    assert listed(files) == before
    assert (files / "again.json").read_text(encoding="utf-8") == "yesterday"


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.usefixtures("face")
def test_a_blend_is_known_to_be_whole_or_not(mien, tmp_path, compress):
    path = tmp_path / "a.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True, compress=compress)
    assert mien.scene_io.is_whole(path)
    data = path.read_bytes()
    parts = [data[:-200], data[: len(data) // 2], data[:3], b""]
    # A disk that had room again for the end: only the table of a compressed file tells.
    parts += [data[: len(data) // 2] + data[-100:], data[:-5]] if compress else []
    for part in parts:
        path.write_bytes(part)
        assert not mien.scene_io.is_whole(path)


def test_of_several_meshes_one_is_chosen(mien, files, capfd):
    bpy.ops.wm.open_mainfile(filepath=str(files / "head.blend"))
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.wm.save_as_mainfile(filepath=str(files / "two.blend"), copy=True)
    words = ["marks", str(files / "two.blend"), "--out", str(files / "again.json")]
    assert mien.cli.main(words) == 2
    assert "choose the head with --object: Cube, Stranger" in capfd.readouterr().err
    bpy.ops.wm.open_mainfile(filepath=str(files / "two.blend"))
    mien.marks.put(bpy.data.objects["Stranger"], "chin", (0, 0, 0))
    bpy.ops.wm.save_as_mainfile(filepath=str(files / "two.blend"))
    assert mien.cli.main(words) == 0, "the one with landmarks is the head"
