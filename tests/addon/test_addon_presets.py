"""Presets: those that ship, the artist's own, and what damaged files do."""

from __future__ import annotations

import json

import bpy
import numpy as np
import pytest

from core.motion import EXPRESSIONS, MAX_INTENSITY


@pytest.fixture(autouse=True)
def own_folder(mien, tmp_path, monkeypatch):
    """A folder of the user's that is empty."""
    monkeypatch.setattr(mien.presets, "folder", lambda: tmp_path / "presets")
    return tmp_path / "presets"


def corners(cue):
    return np.array([cue.start, cue.apex_start, cue.apex_end, cue.end])


def test_about_ten_ship_with_sense_in_their_timing(mien):
    found = mien.presets.every()
    assert 10 <= len(found) <= 14
    assert len({preset.name.casefold() for preset in found}) == len(found)
    assert {cue.expression for preset in found for cue in preset.cues} == set(EXPRESSIONS)
    for preset in found:
        assert not preset.own
        assert preset.description
        assert not preset.description.endswith(".")
        assert min(cue.start for cue in preset.cues) == 0
        assert 0.2 <= preset.seconds <= 6
        for cue in preset.cues:
            onset, _, offset = np.diff(corners(cue))
            assert 0.09 <= onset <= offset, preset.name
            assert 0.2 <= cue.intensity <= 1
    assert any(preset.seconds <= 0.5 for preset in found), "a micro-expression"


@pytest.mark.parametrize("fps", [24, 25, 30, 60, 30 / 1.001])
def test_any_frame_rate_gives_the_same_seconds(mien, fps):
    for preset in mien.presets.every():
        for cue, shown, whole in zip(
            preset.cues, preset.cues_at(100.5, fps), preset.cues_at(100, fps, whole=True), strict=True
        ):
            np.testing.assert_allclose((corners(shown) - 100.5) / fps, corners(cue), atol=1e-9)
            assert np.abs((corners(whole) - 100) / fps - corners(cue)).max() <= 1.01 / fps
            assert (corners(whole) == np.round(corners(whole))).all()
            assert whole.apex_start > whole.start
            assert whole.end > whole.apex_end


def test_a_preset_is_keyed_at_the_playhead_and_reads_back(mien, scene, face):
    scene.frame_set(40)
    assert bpy.ops.mien.add_preset(preset="Bittersweet") == {"FINISHED"}
    first, second = mien.cues.read(face)
    assert (first.expression, first.start, first.apex_start, first.apex_end, first.end) == ("sad", 40, 64, 117, 150)
    assert (second.expression, second.start) == ("happy", 57)
    assert scene.mien_cue.index == 0
    bpy.ops.mien.add_preset(preset="burst of joy", strength=3.0)
    assert mien.cues.at(face, "happy", 50).intensity == MAX_INTENSITY


def test_all_of_a_preset_or_nothing(mien, face):
    mien.api.add_expression(face, "happy", 0.5, 200, 210, 220, 230)
    mien.fcurves.curves_of(face).find("mien.happy").lock = True
    before = mien.cues.read(face)
    with pytest.raises(RuntimeError, match="locked"):
        bpy.ops.mien.add_preset(preset="Surprise into Joy")
    assert mien.cues.read(face) == before
    with pytest.raises(RuntimeError, match="no preset"):
        bpy.ops.mien.add_preset(preset="Surprise into Cake")


def test_own_presets_are_kept_found_replaced_and_deleted(mien, own_folder):
    cue = mien.engine.Cue("sad", 0.5, 2.0, 3.0, 3.0, 4.5)
    saved = mien.presets.save("  Mein   Gruß / ../x ", [cue], "What it is")
    assert saved.name == "Mein Gruß / ../x"
    assert saved.own
    assert tuple(corners(saved.cues[0])) == (0, 1, 1, 2.5)
    (file,) = own_folder.iterdir()
    assert file.name.startswith("preset-mein-gru")
    assert file.name.isascii()
    assert mien.presets.find("mein gruß / ../X") == saved
    assert mien.presets.every()[-1] == saved
    with pytest.raises(mien.engine.MotionError, match="already"):
        mien.presets.save("MEIN GRUSS / ../x", [cue])
    replaced = mien.presets.save("Mein Gruß / ../x", [cue, mien.engine.Cue("happy", 0.5, 1, 2, 3, 4)], replace=True)
    assert mien.presets.every()[-1] == replaced
    assert len(replaced.cues) == 2
    assert len(list(own_folder.iterdir())) == 1, "nothing half written stays"
    mien.presets.delete("Mein Gruß / ../x")
    assert not list(own_folder.iterdir())
    with pytest.raises(mien.engine.MotionError, match="no preset"):
        mien.presets.delete("Mein Gruß / ../x")


@pytest.mark.parametrize("replace", [False, True])
def test_those_that_ship_are_never_overwritten_or_deleted(mien, own_folder, replace):
    cue = mien.engine.Cue("sad", 0.5, 0, 1, 2, 3)
    with pytest.raises(mien.engine.MotionError, match="comes with Mien"):
        mien.presets.save("polite SMILE", [cue], replace=replace)
    with pytest.raises(mien.engine.MotionError, match="comes with Mien"):
        mien.presets.delete("Polite Smile")
    assert not own_folder.exists()


@pytest.mark.parametrize(("name", "count", "said"), [("", 1, "name"), ("x" * 61, 1, "name"), ("Empty", 0, "nothing")])
def test_what_is_no_preset_is_not_saved(mien, own_folder, name, count, said):
    with pytest.raises(mien.engine.MotionError, match=said):
        mien.presets.save(name, [mien.engine.Cue("sad", 0.5, 0, 1, 2, 3)] * count)
    assert not own_folder.exists()


def test_a_file_that_cannot_be_written_is_told_and_leaves_the_old_one(mien, own_folder, monkeypatch):
    cue = mien.engine.Cue("sad", 0.5, 0, 1, 2, 3)
    saved = mien.presets.save("Mine", [cue])

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(mien.presets.Path, "replace", full)
    with pytest.raises(mien.engine.MotionError, match="No space left"):
        mien.presets.save("Mine", [cue, cue], replace=True)
    assert mien.presets.find("Mine") == saved
    assert len(list(own_folder.iterdir())) == 1


CUE = {"expression": "sad", "intensity": 0.5, "start": 0, "apex_start": 1, "apex_end": 2, "end": 3}


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        "null",
        '"text"',
        "[" * 100_000,
        json.dumps({"name": "A", "unit": "frames", "cues": [CUE]}),
        json.dumps({"name": "A", "unit": "seconds", "cues": []}),
        json.dumps({"name": "A", "unit": "seconds", "cues": [{}]}),
        json.dumps({"name": 5, "unit": "seconds", "cues": [CUE]}),
        json.dumps({"name": "A", "unit": "seconds", "cues": [CUE | {"intensity": "strong"}]}),
        json.dumps({"name": "A", "unit": "seconds", "cues": [CUE | {"intensity": True}]}),
        json.dumps({"name": "A", "unit": "seconds", "cues": [CUE | {"end": float("nan")}]}),
        json.dumps({"name": "A", "unit": "seconds", "cues": [CUE | {"end": 10**400}]}),
        json.dumps({"name": "A", "unit": "seconds", "cues": [CUE | {"end": -1}]}),
        json.dumps({"name": "A", "unit": "seconds", "cues": [CUE | {"expression": "joy"}]}),
        json.dumps({"name": "A", "unit": "seconds", "cues": [CUE | {"expression": ["sad"]}]}),
        json.dumps({"name": "Polite Smile", "unit": "seconds", "cues": [CUE]}),
        b"\xff\xfe\x00",
    ],
)
def test_damaged_files_are_told_and_do_not_hide_the_others(mien, own_folder, content):
    saved = mien.presets.save("Mine", [mien.engine.Cue("sad", 0.5, 0, 1, 2, 3)])
    data = content if isinstance(content, bytes) else content.encode()
    (own_folder / "a.json").write_bytes(data)
    found = mien.presets.every()
    assert found[-1] == saved
    assert sum(preset.own for preset in found) == 1
    (sentence,) = mien.presets.damaged()
    assert "a.json" in sentence
    assert sentence.endswith(".")


def test_cues_of_the_timeline_become_a_preset_for_any_frame_rate(mien, scene, happy):
    mien.api.add_expression(happy, "fear", 0.4, 24, 30, 36, 60)
    assert bpy.ops.mien.save_preset(name="Both", which="ALL") == {"FINISHED"}
    scene.mien_cue.index = 1
    assert bpy.ops.mien.save_preset(name="One", text="Only fear") == {"FINISHED"}
    both, one = mien.presets.find("both"), mien.presets.find("One")
    np.testing.assert_allclose([corners(cue) * 24 for cue in both.cues], [(0, 12, 24, 36), (24, 30, 36, 60)], atol=1e-4)
    assert (one.description, one.cues[0].intensity, one.cues[0].start) == ("Only fear", pytest.approx(0.4), 0)
    scene.render.fps = 48
    scene.frame_set(1001)
    bpy.ops.mien.add_preset(preset="One")
    fear = mien.cues.at(happy, "fear", 1010)
    np.testing.assert_allclose(corners(fear), (1001, 1013, 1025, 1073), atol=1e-3)
    assert bpy.ops.mien.delete_preset(preset="One") == {"FINISHED"}
    with pytest.raises(RuntimeError, match="already"):
        bpy.ops.mien.save_preset(name="Both")
    happy.mien.sad = 0.5
    happy.keyframe_insert("mien.sad", frame=5)
    with pytest.raises(RuntimeError, match="is open"):
        bpy.ops.mien.save_preset(name="All", which="ALL")


def test_a_preset_file_is_a_cues_file_of_the_command_line(mien, own_folder):
    saved = mien.presets.save("Mine", [mien.engine.Cue("sad", 0.5, 0, 1, 2, 3)])
    (file,) = own_folder.iterdir()
    read = mien.cli.read_cues([], file, 24)
    assert [tuple(corners(cue)) for cue in read] == [tuple(corners(cue)) for cue in saved.cues_at(0, 24)]


def test_without_an_own_folder_one_is_named_but_not_made(mien, monkeypatch):
    monkeypatch.undo()
    assert mien.presets.folder().name == "presets"
    assert "mien" in str(mien.presets.folder())
    assert not mien.presets.folder().exists()
