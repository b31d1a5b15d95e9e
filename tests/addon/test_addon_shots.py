"""Files of shots: what they may hold, and one sentence for what they may not."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
JOY = "happy:1:0:8:12:20"


@pytest.fixture
def read(mien, tmp_path):
    def _read(content):
        path = tmp_path / "shots.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return mien.shots.read_shots(path)

    return _read


def shot(**words):
    return {"name": "one", "input": "sample:Ada", "cues": [JOY], "out": "one.glb", **words}


def test_a_shot_becomes_the_words_of_a_bake(read, tmp_path):
    (one,) = read({"shots": [shot(input="faces/a.obj", fps=25, start=-2, out=["o/{name}.blend", "b.blend"])]})
    assert one.name == "one"
    assert one.words[:2] == ("bake", str(tmp_path / "faces/a.obj"))
    assert set(one.words[2:]) == {
        f"--cue={JOY}",
        "--fps=25",
        "--start=-2",
        f"--out={tmp_path / 'o/one.blend'}",
        f"--out={tmp_path / 'b.blend'}",
    }
    assert one.reads == (tmp_path / "faces/a.obj",)
    assert one.writes == (tmp_path / "o/one.blend", tmp_path / "b.blend")


def test_defaults_are_overridden_and_null_takes_them_back(read):
    shots = read(
        {"defaults": {"fps": 24, "engine": "numpy"}, "shots": [shot(fps=30), shot(name="b", out="b.glb", fps=None)]}
    )
    assert "--fps=30" in shots[0].words
    assert not any(word.startswith("--fps") for word in shots[1].words)
    assert all("--engine=numpy" in one.words for one in shots)


def test_every_face_performs_every_performance(read, tmp_path):
    shots = read(
        {
            "defaults": {"out": "{face}/{performance}.blend", "fps": 24},
            "faces": {"ada": "sample:Ada", "ben": {"input": "ben.blend", "object": "Head"}},
            "performances": {"joy": [JOY], "cry": {"cues": "cry.json", "fps": 60}, "both": [JOY, "sad:1:20:25:30:40"]},
        }
    )
    assert [one.name for one in shots] == ["ada-joy", "ada-cry", "ada-both", "ben-joy", "ben-cry", "ben-both"]
    cry = shots[4]
    assert {"--object=Head", "--fps=60", f"--cues={tmp_path / 'cry.json'}"} <= set(cry.words)
    assert cry.reads == (tmp_path / "ben.blend", tmp_path / "cry.json")
    assert cry.writes == (tmp_path / "ben/cry.blend",)
    assert sum(word.startswith("--cue=") for word in shots[2].words) == 2


def test_cues_as_objects(read):
    cue = {"expression": "sad", "intensity": 0.5, "start": 0, "apex_start": 4, "apex_end": 6, "end": 9}
    assert "--cue=sad:0.5:0:4:6:9" in read({"shots": [shot(cues=[cue])]})[0].words
    with pytest.raises(Exception, match="A cue of the shot one is incomplete"):
        read({"shots": [shot(cues=[{"expression": "sad"}])]})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not JSON"),
        ('{"shots": [], "shots": []}', '"shots" stands there twice'),
        ([], "holds no shots"),
        ({}, "holds no shots"),
        ({"shots": {}}, "is no list"),
        ({"shots": ["one"]}, 'The shot "one" is no object'),
        ({"shots": [shot()], "default": {}}, "unknown words .default."),
        ({"defaults": 3, "shots": [shot()]}, '"defaults" is no object'),
        ({"faces": {"ada": "sample:Ada"}}, "go with"),
        ({"faces": [], "performances": {}}, '"faces" is no object'),
        ({"shots": [shot(name="a/b")]}, "no name that could be a file's"),
        ({"shots": [shot(name="../b")]}, "no name"),
        ({"shots": [shot(name=3)]}, "no name"),
        ({"shots": [shot(name="x" * 121)]}, "at most 120"),
        ({"shots": [shot(input=None)]}, 'no "input"'),
        ({"shots": [shot(out=None)]}, 'no "out"'),
        ({"shots": [shot(out=[3])]}, 'no "out"'),
        ({"shots": [shot(output="a.glb")]}, "unknown words .output."),
        ({"shots": [shot(fps="fast")]}, "one makes no sense: .*invalid float value"),
        ({"shots": [shot(fps=True)]}, "no value"),
        ({"shots": [shot(fps=-3)]}, "one makes no sense: the frame rate"),
        ({"shots": [shot(engine="steam")]}, "invalid choice: 'steam'"),
        ({"shots": [shot(input="a.fbx")]}, "one makes no sense: a.fbx: give one of"),
        ({"shots": [shot(out="a.doc")]}, "no kind that can be written"),
        ({"shots": [shot(cues=["joy:1:0:1:2:3"])]}, "no expression 'joy'"),
        ({"shots": [shot(cues=["happy:1:0"])]}, "incomplete"),
        ({"shots": [shot(cues=[])]}, "give --cue"),
        ({"shots": [shot(), shot(out="b.glb")]}, "Two shots are called one"),
        ({"shots": [shot(), shot(name="ONE", out="b.glb")]}, "Two shots are called ONE"),
        ({"shots": [shot(), shot(name="two")]}, "one and two write one.glb twice"),
        ({"shots": [shot(out=["a.glb", "x/../A.glb"])]}, "one writes A.glb twice"),
        ({"shots": [shot(input="a.blend", out="a.blend")]}, "writes over a.blend"),
    ],
)
def test_what_makes_no_sense_is_told_in_one_sentence(mien, read, content, said):
    with pytest.raises(mien.engine.MienError, match=said) as problem:
        read(content)
    assert "\n" not in str(problem.value)
    assert "usage:" not in str(problem.value)


def test_a_file_that_is_not_there(mien, tmp_path):
    with pytest.raises(mien.engine.MienError, match="cannot be read"):
        mien.shots.read_shots(tmp_path / "absent.json")


def test_the_fingerprint_knows_words_and_files_but_not_the_folder(read, mien, tmp_path):
    face = tmp_path / "a.obj"
    face.write_text("v 0 0 0")
    (one,) = read({"shots": [shot(input="a.obj")]})
    first = one.fingerprint()
    assert read({"shots": [shot(input="a.obj")]})[0].fingerprint() == first
    assert read({"shots": [shot(input="a.obj", fps=30)]})[0].fingerprint() != first
    assert read({"defaults": {"end": 15}, "shots": [shot(input="a.obj")]})[0].fingerprint() != first

    moved = tmp_path / "moved"
    moved.mkdir()
    (moved / "a.obj").write_text("v 0 0 0")
    os.utime(moved / "a.obj", ns=(face.stat().st_atime_ns, face.stat().st_mtime_ns))
    (moved / "shots.json").write_text((tmp_path / "shots.json").read_text())
    (tmp_path / "shots.json").write_text(json.dumps({"shots": [shot(input="a.obj")]}))
    (moved / "shots.json").write_text((tmp_path / "shots.json").read_text())
    assert mien.shots.read_shots(moved / "shots.json")[0].fingerprint() == first

    face.write_text("v 0 0 1 ")
    assert one.fingerprint() != first
    face.unlink()
    assert one.fingerprint() != first


def test_all_options_of_a_bake_may_stand_in_a_shot(mien):
    options = mien.cli_options.options()
    assert {"fps", "start", "end", "object", "engine", "device", "bundle"} <= set(options)
    assert not {"out", "cue", "cues", "help", "quiet"} & set(options)


def test_a_bundle_is_read_and_lies_beside_the_shots(read, tmp_path):
    (one,) = read({"shots": [shot(bundle="my.safetensors")]})
    assert f"--bundle={tmp_path / 'my.safetensors'}" in one.words
    assert one.reads == (tmp_path / "my.safetensors",)


def test_paths_that_are_absolute_stay(read, tmp_path):
    elsewhere = tmp_path.parent / "elsewhere.glb"
    assert read({"shots": [shot(out=str(elsewhere))]})[0].writes == (Path(elsewhere),)


def test_ways_shaping_and_presets_stand_there_in_the_words_of_the_command_line(read, tmp_path):
    words = {
        "way": "cache",
        "tolerance": 0.1,
        "step": 2,
        "gain": 0.5,
        "balance": -1,
        "mask": "Lips",
        "bake_name": "One",
    }
    (one,) = read({"shots": [shot(out="a/one.blend", cues=["preset:Flash of Surprise:12", JOY], **words)]})
    assert set(one.words) >= {
        "--way=cache",
        "--tolerance=0.1",
        "--step=2",
        "--gain=0.5",
        "--balance=-1",
        "--mask=Lips",
        "--name=One",
        "--preset=Flash of Surprise:12",
        f"--cue={JOY}",
    }
    assert one.writes == (tmp_path / "a/one.blend", tmp_path / "a/one.pc2")
    (other,) = read({"shots": [shot(out="a/one.blend", **words, cache="b/c.pc2")]})
    assert other.writes == (tmp_path / "a/one.blend", tmp_path / "b/c.pc2")
    assert other.reads == ()


def test_a_preset_that_is_changed_is_baked_again(mien, read, monkeypatch):
    asked = {"shots": [shot(cues="preset:Polite Smile")]}
    first = read(asked)[0].fingerprint()
    assert read(asked)[0].fingerprint() == first
    find = mien.presets.find
    monkeypatch.setattr(mien.presets, "find", lambda _: find("Slow Sadness"))
    assert read(asked)[0].fingerprint() != first


def test_two_shots_with_one_mesh_cache(mien, read):
    both = [shot(out="a.blend", way="cache", cache="c.pc2"), shot(name="b", out="b.blend", way="cache", cache="c.pc2")]
    with pytest.raises(mien.engine.MienError, match=r"one and b write c\.pc2 twice"):
        read({"shots": both})


def test_what_the_manual_shows_can_be_read(read):
    blocks = re.findall(r"```json\n(.*?)```", (ROOT / "docs" / "farm.md").read_text(), re.DOTALL)
    assert [len(read(block)) for block in blocks] == [6, 2]
