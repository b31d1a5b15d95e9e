# ruff: noqa: ARG001, PLR0917 - fixtures are asked for by name, also for what they do
"""`mien photo`, and photos as the input of `mien bake` and of shots: files in, files out, exit codes."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path

import bpy
import numpy as np
import photo_people as people
import pytest

CUE = "happy:1:0:8:12:20"
BAKE = ("--engine", "numpy", "--quiet", "--texture", "256")


@pytest.fixture
def files(mien, monkeypatch, tmp_path):
    """A folder with two photos of a person whom the finder sees, and of one in which it sees nobody."""
    person = people.Person(mien)
    people.seer(mien, monkeypatch, person, {"nobody.jpg": "Mien sees no face in nobody.jpg."})
    for name in ("a.jpg", "b.jpg", "nobody.jpg"):
        people.save_photo(tmp_path / name)
    marks = {name: place.tolist() for name, place in person.marks(mien.engine.landmarks.NEEDED).items()}
    for name, content in {
        "marks": {"a.jpg": marks},
        "few": {"a.jpg": dict(list(marks.items())[:3])},
        "odd": {"a.jpg": {"beard": [1, 2]}},
        "flat": {"a.jpg": {"chin": [1]}},
        "nan": {"a.jpg": {"chin": [1, float("nan")]}},
        "other": {"c.jpg": marks},
        "alone": marks,
        "list": [1],
    }.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def listed(folder):
    return sorted(path.name for path in folder.iterdir())


def images_in(path):
    """The pictures in a .glb, with the bytes that each begins with."""
    data = path.read_bytes()
    (length,) = struct.unpack_from("<I", data, 12)
    content = json.loads(data[20 : 20 + length])
    rest = data[28 + length :]
    found = [content["bufferViews"][one["bufferView"]].get("byteOffset", 0) for one in content.get("images", [])]
    return [rest[start : start + 4] for start in found]


def test_photos_become_files_that_carry_the_texture(mien, files, capfd):
    before = listed(files)
    words = ["photo", "a.jpg", "b.jpg", "--texture", "256", "--name", "Anna", "--picture", "fit.png"]
    words += [word for kind in ("blend", "glb", "fbx", "usda", "usdz") for word in ("--out", f"anna.{kind}")]
    assert mien.cli.main(words) == 0
    said = capfd.readouterr().out
    assert "Anna is here, made of 2 photos like the MakeHuman head" in said
    assert "mien: reading b.jpg" in said
    made = ["anna.blend", "anna.fbx", "anna.glb", "anna.usda", "anna.usdz", "fit.png", "textures"]
    assert listed(files) == sorted([*before, *made])
    assert any(one.startswith((b"\x89PNG", b"\xff\xd8\xff")) for one in images_in(files / "anna.glb"))
    assert b"\x89PNG" in (files / "anna.fbx").read_bytes() or b"\xff\xd8\xff" in (files / "anna.fbx").read_bytes()
    (texture,) = (files / "textures").iterdir()
    assert f"textures/{texture.name}" in (files / "anna.usda").read_text(encoding="utf-8")
    assert texture.name.encode() in (files / "anna.usdz").read_bytes()
    bpy.ops.wm.open_mainfile(filepath=str(files / "anna.blend"))
    face = bpy.context.scene.mien.face
    assert face.name == "Anna"
    assert mien.api.fit(face).ok
    assert any(image.packed_file and tuple(image.size) == (256, 256) for image in bpy.data.images)


def test_the_picture_shows_both_photos_and_what_was_found(mien, files):
    words = ["photo", "a.jpg", "b.jpg", "--landmarks", "marks.json", "--no-texture", "--out", "a.blend"]
    assert mien.cli.main([*words, "--picture", "fit.png", "--quiet"]) == 0
    image = bpy.data.images.load(str(files / "fit.png"))
    pixels = np.array(image.pixels[:]).reshape(image.size[1], image.size[0], 4)[:, :, :3]
    height, width = pixels.shape[:2]
    assert height == mien.fit_picture.HEIGHT
    green = (pixels[:, :, 1] > 0.9) & (pixels[:, :, 0] < 0.3)
    orange = (pixels[:, :, 0] > 0.9) & (pixels[:, :, 2] < 0.1) & (pixels[:, :, 1] < 0.6)
    for half in (green[:, : width // 2], green[:, width // 2 :]):
        assert half.sum() > 468
    assert orange[:, : width // 2].sum() > 12 * 9
    assert not orange[:, width // 2 :].any(), "the second photo has no landmarks"


def test_landmarks_of_a_file_do_without_the_finder(mien, files, monkeypatch, capfd):
    monkeypatch.setattr(mien.finder_files, "is_here", lambda: False)
    assert mien.cli.main(["photo", "a.jpg", "--out", "a.blend", "--quiet"]) == 1
    assert "a.jpg has no landmarks. Get the landmark finder in Mien's preferences, or place" in capfd.readouterr().err
    words = ["photo", "a.jpg", "--landmarks", "marks.json", "--texture", "256", "--out", "a.blend", "--quiet"]
    assert mien.cli.main(words) == 0


def test_landmarks_are_meant_in_pixels_of_the_file(mien, files):
    people.save_photo(files / "a.jpg", size=(4100, 8192))
    marks = mien.cli_photo.read_marks(files / "marks.json", [files / "a.jpg"])[files / "a.jpg"]
    given = json.loads((files / "marks.json").read_text(encoding="utf-8"))["a.jpg"]
    assert marks["chin"] == pytest.approx([one / 2 for one in given["chin"]])


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("photo nobody.jpg --out a.blend", 3, "Mien sees no face in nobody.jpg."),
        ("photo a.jpg absent.jpg --out a.blend", 1, "There is no photo "),
        ("photo a.jpg --out a.obj", 2, "is of no kind that can be written"),
        ("photo a.jpg --out nowhere/a.blend", 2, "There is no folder"),
        ("photo a.jpg --out a.blend --picture fit.jpg", 2, "a picture is a .png"),
        ("photo a.jpg --out a.blend --picture nowhere/fit.png", 2, "there is no folder"),
        ("photo a.jpg --out a.blend --texture 100", 2, "100 is no number from 256 to 4096, nor 0"),
        ("photo a.jpg --out a.blend --face one", 2, "one is no number of a face"),
        ("photo a.jpg --out a.blend --face 1 --face 2", 2, "give --face once, or once for each of the 1 photos"),
        ("photo a.jpg --out a.blend --like nobody", 1, "No generator is called 'nobody'"),
        ("photo a.jpg --out a.blend --landmarks none.json", 2, "cannot be read"),
        ("photo a.jpg --out a.blend --landmarks a.jpg", 2, "are not JSON"),
        ("photo a.jpg --out a.blend --landmarks list.json", 2, "holds no landmarks; write"),
        ("photo a.jpg --out a.blend --landmarks alone.json", 2, "holds no landmarks; write"),
        ("photo a.jpg --out a.blend --landmarks odd.json", 2, "there is no landmark 'beard'"),
        ("photo a.jpg --out a.blend --landmarks flat.json", 2, "chin of a.jpg is no place; give two numbers"),
        ("photo a.jpg --out a.blend --landmarks nan.json", 2, "chin of a.jpg is no place; give two numbers"),
        ("photo a.jpg --out a.blend --landmarks other.json", 2, "c.jpg is none of the photos"),
        ("photo --out a.blend", 2, "the following arguments are required: PHOTO"),
        (f"bake photo:nobody.jpg --cue {CUE} --out a.glb", 3, "Mien sees no face in nobody.jpg."),
        (f"bake photo: --cue {CUE} --out a.glb", 2, "names no photo"),
        ("bake photo:a.jpg --out a.glb", 2, "give --cue"),
        (f"bake photo:a.jpg,b.jpg --face 1 --face 2 --face 3 --cue {CUE} --out a.glb", 2, "each of the 2 photos"),
        (f"bake sample:Ada --face 1 --cue {CUE} --out a.glb", 2, "--texture and --face are for photo:FILES"),
        (f"bake sample:Ada --texture 512 --cue {CUE} --out a.glb", 2, "--texture and --face are for photo:FILES"),
        (f"bake a.jpg --cue {CUE} --out a.glb", 2, "sample:NAME or photo:FILES"),
    ],
)
def test_what_cannot_be_is_told_and_nothing_is_written(mien, files, capfd, words, code, said):
    before = listed(files)
    assert mien.cli.main(words.split()) == code
    assert said in capfd.readouterr().err
    assert listed(files) == before


def test_which_face_is_meant_goes_to_each_photo(mien, files, monkeypatch):
    asked = []

    class Spy(Exception):
        pass

    def spy(inputs, **_):
        asked.append([one.which for one in inputs])
        raise mien.engine.MienError("Enough.")

    monkeypatch.setattr(mien.cli_photo, "PhotoJob", spy)
    for words in ("", "--face 2", "--face 2 --face 1"):
        mien.cli.main(["photo", "a.jpg", "b.jpg", "--out", "a.blend", *words.split()])
    assert asked == [[0, 0], [2, 2], [2, 1]]


def test_names_with_commas_are_read_as_they_are(mien, files):
    for name in ("x,y.jpg", "y.jpg"):
        people.save_photo(files / name)
    found = mien.cli_photo.paths_in("photo:a.jpg,x,y.jpg,y.jpg,z.jpg", files)
    assert [one.name for one in found] == ["a.jpg", "x,y.jpg", "y.jpg", "z.jpg"]


def test_a_bake_may_begin_with_photos(mien, files, evaluated):
    words = ["bake", "photo:a.jpg,b.jpg", "--cue", CUE, "--out", "out.blend", "--out", "out.glb", *BAKE]
    assert mien.cli.main(words) == 0
    assert images_in(files / "out.glb")
    bpy.ops.wm.open_mainfile(filepath=str(files / "out.blend"))
    (face,) = mien.scene_io.meshes()
    rest, apex = evaluated(face, 0).copy(), evaluated(face, 10)
    assert np.linalg.norm(apex - rest, axis=1).max() > 0.003
    assert json.loads(face.data["mien_photo"])["photos"] == ["a.jpg", "b.jpg"]


def shots_of(mien, folder, *shots, **more):
    path = folder / "shots.json"
    path.write_text(json.dumps({"shots": list(shots), **more}), encoding="utf-8")
    return mien.shots.read_shots(path)


def test_shots_may_have_photos(mien, files):
    rest = {"cues": CUE, "engine": "numpy"}
    one, two = shots_of(
        mien,
        files,
        {"name": "one", "input": "photo:a.jpg", "out": "one.glb", "texture": 256, "face": 1, **rest},
        {"name": "two", "photos": ["a.jpg", "b.jpg"], "landmarks": "marks.json", "out": "two.glb", **rest},
    )
    assert one.words[1] == f"photo:{files / 'a.jpg'}"
    assert {"--texture=256", "--face=1"} <= set(one.words)
    assert one.reads == (files / "a.jpg",)
    assert two.words[1] == f"photo:{files / 'a.jpg'},{files / 'b.jpg'}"
    assert set(two.reads) == {files / "a.jpg", files / "b.jpg", files / "marks.json"}
    assert mien.cli.main([*one.words, "--quiet"]) == 0
    assert images_in(files / "one.glb")
    before = one.fingerprint(), two.fingerprint()
    os.utime(files / "b.jpg", (0, 0))
    assert (one.fingerprint() == before[0], two.fingerprint() == before[1]) == (True, False)


def test_faces_of_photos_perform_everything(mien, files):
    shots = shots_of(
        mien,
        files,
        faces={"anna": {"photos": "a.jpg"}, "bert": "photo:b.jpg", "ada": "sample:Ada"},
        performances={"joy": [CUE]},
        out="{face}.glb",
    )
    assert [shot.words[1].partition(":")[0] for shot in shots] == ["photo", "photo", "sample"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"photos": []}, 'The shot one has no "photos".'),
        ({"photos": [3]}, 'The shot one has no "photos".'),
        ({"photos": ["a.jpg"], "input": "sample:Ada"}, 'has both "input" and "photos"'),
        ({"input": "photo:"}, 'has no "photos"'),
        ({"photos": ["a.jpg"], "face": [1, 2, 3]}, "give --face once"),
        ({"photos": ["a.jpg"], "texture": 7}, "7 is no number from 256"),
        ({"photos": ["a.blend"], "out": "a.blend"}, "writes over a.blend"),
    ],
)
def test_shots_of_photos_that_make_no_sense(mien, files, change, said):
    with pytest.raises(mien.engine.MienError, match=said):
        shots_of(mien, files, {"name": "one", "cues": CUE, "out": "one.glb", **change})


def test_what_was_there_stays_where_one_file_fails(mien, files, monkeypatch, capfd):
    (files / "a.usda").write_text("yesterday", encoding="utf-8")
    before, export = listed(files), mien.exporting.export

    def fail(path, kind):
        export(path, kind)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(mien.exporting, "export", fail)
    assert mien.cli.main(["photo", "a.jpg", "--texture", "256", "--out", "a.usda", "--quiet"]) == 1
    assert "No space left" in capfd.readouterr().err
    assert listed(files) == before
    assert Path("a.usda").read_text(encoding="utf-8") == "yesterday"
