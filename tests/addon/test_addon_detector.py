# ruff: noqa: ARG001 - fixtures are asked for by name, also for what they do
"""The landmark finder comes and goes, and what it finds on heads; the real networks only where they can be had."""

from __future__ import annotations

import hashlib
import os
import struct
import sys
import zipfile
from types import SimpleNamespace

import bpy
import numpy as np
import pytest

MODULE = "bl_ext.user_default.mien"
WHEEL = "mediapipe-0.10.21-cp311-cp311-manylinux_2_28_x86_64.whl"
INSIDE = {
    "face_detection_short_range.tflite": "mediapipe/modules/face_detection/face_detection_short_range.tflite",
    "face_landmark.tflite": "mediapipe/modules/face_landmark/face_landmark.tflite",
    "LICENSE": "mediapipe-0.10.21.dist-info/LICENSE",
}
CONTENT = {name: f"the content of {name}".encode() * 50 for name in INSIDE}
ESC, TIMER, CLICK = (SimpleNamespace(type=word) for word in ("ESC", "TIMER", "LEFTMOUSE"))


def wheel(folder, change=None):
    """A wheel as MediaPipe's lies on the index, with other files in it."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {INSIDE[name]: content for name, content in {**CONTENT, **(change or {})}.items() if content is not None}
    files |= {
        "mediapipe/__init__.py": b"raise SystemExit",
        "mediapipe/modules/face_landmark/other.tflite": b"x" * 10**6,
    }
    about = b"Metadata-Version: 2.1\nName: mediapipe\nVersion: 0.10.21\nRequires-Dist: numpy<2\nRequires-Dist: jax\n"
    files["mediapipe-0.10.21.dist-info/METADATA"] = about
    files["mediapipe-0.10.21.dist-info/WHEEL"] = b"Wheel-Version: 1.0\nTag: cp311-cp311-manylinux_2_28_x86_64\n"
    files["mediapipe-0.10.21.dist-info/RECORD"] = b""
    with zipfile.ZipFile(folder / WHEEL, "w") as made:
        for name, content in files.items():
            made.writestr(name, content)
    return folder / WHEEL


@pytest.fixture
def extra(mien, tmp_path, monkeypatch):
    """The finder's modules; its files are stand-ins, nothing is here, and pip knows a folder and no network."""
    monkeypatch.setattr(mien.finder_files, "DIGESTS", {n: hashlib.sha256(c).hexdigest() for n, c in CONTENT.items()})
    wheel(tmp_path / "index")
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    preferences = bpy.context.preferences
    preferences.addons[MODULE].preferences.landmark_wheel = ""
    preferences.system.use_online_access = True
    mien.finder_setup.state.told = ""
    yield mien
    mien.finder_setup.state.stop()
    preferences.addons[MODULE].preferences.landmark_wheel = ""
    preferences.system.use_online_access = False
    if mien.finder_files.folder().exists():
        mien.finder_files.remove()


def left(mien):
    """What lies in Mien's own folder of the finder."""
    around = mien.finder_files.folder().parent
    found = (path.name for path in around.iterdir()) if around.exists() else ()
    return sorted(name for name in found if name.startswith("landmarks"))


def drawn(mien):
    words = []

    class Drawing:
        def label(self, text, **_):
            words.append(text)

        def operator(self, name, **_):
            words.append(name)

        def prop(self, owner, name, **_):
            assert hasattr(owner, name)
            words.append(name)

        def progress(self, factor, text):
            assert 0 <= factor <= 1
            words.append(text)

        def row(self):
            return self

        def split(self, **_):
            return self

        box = row

    mien.finder_setup.draw_finder(Drawing(), bpy.context.preferences.addons[MODULE].preferences)
    return " ".join(words)


def test_it_is_offered_with_its_size_and_asks_blender_before_it_goes_online(extra):
    assert "36 MB to download, of which 1 MB stay" in drawn(extra)
    assert "Apache-2.0" in drawn(extra)
    assert "mien.get_finder" in drawn(extra)
    assert bpy.ops.mien.get_finder.poll()
    bpy.context.preferences.system.use_online_access = False
    assert "Allow Online Access" in drawn(extra)
    assert not bpy.ops.mien.get_finder.poll()
    assert not bpy.ops.mien.remove_finder.poll()
    assert left(extra) == []


def test_it_comes_by_pip_and_only_its_three_files_stay(extra):
    assert bpy.ops.mien.get_finder() == {"FINISHED"}
    folder = extra.finder_files.folder()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == CONTENT
    assert left(extra) == ["landmarks"]
    assert "mediapipe" not in sys.modules
    assert not any(str(folder) in one for one in sys.path)
    assert "mien.remove_finder" in drawn(extra)
    assert "is here" in drawn(extra)
    assert not bpy.ops.mien.get_finder.poll()
    assert bpy.ops.mien.remove_finder() == {"FINISHED"}
    assert left(extra) == []
    assert not extra.finder_files.is_here()


def test_from_a_wheel_on_the_disk_it_needs_no_network(extra, tmp_path):
    bpy.context.preferences.system.use_online_access = False
    path = wheel(tmp_path / "by hand")
    bpy.context.preferences.addons[MODULE].preferences.landmark_wheel = str(path)
    assert bpy.ops.mien.get_finder() == {"FINISHED"}
    assert path.exists()
    assert extra.finder_files.is_here()


@pytest.mark.parametrize("phase", ["Downloading", "Checking"])
def test_broken_off_it_leaves_nothing(extra, phase):
    state = extra.finder_setup.state
    state.start(extra.finder_fetch.fetch())
    more = True
    while more and not state.step.words.startswith(phase):
        more = state.advance(0.0)
    assert more
    assert left(extra) == ["landmarks.part"]
    assert phase in drawn(extra)
    assert not bpy.ops.mien.get_finder.poll()
    assert bpy.ops.mien.cancel_finder() == {"FINISHED"}
    assert left(extra) == []
    assert "nothing was left behind" in drawn(extra)


def _spoilt(path, case):
    """A wheel whose largest file of ours is broken in one of the ways that `zipfile` tells in its own words."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(INSIDE["face_landmark.tflite"], CONTENT["face_landmark.tflite"])
    data = bytearray(path.read_bytes())
    entry = data.index(b"PK\x01\x02")
    if case == "bits":
        start = 30 + len(INSIDE["face_landmark.tflite"])
        data[start : start + 6] = b"\xff" * 6
    elif case == "encrypted":
        data[6] |= 1
        data[entry + 8] |= 1
    elif case == "method":
        data[8] = data[entry + 10] = 99
    else:  # not packed, and much longer than what is there
        data[8:10] = data[entry + 10 : entry + 12] = bytes(2)
        data[entry + 20 : entry + 28] = struct.pack("<II", 10**6, 10**6)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("case", ["bits", "encrypted", "method", "cut"])
def test_a_damaged_wheel_is_one_sentence(mien, tmp_path, case):
    with pytest.raises(mien.engine.MienError, match=r"spoilt\.whl is damaged, or no wheel\. Take the wheel"):
        mien.finder_fetch.taken_out(_spoilt(tmp_path / "spoilt.whl", case))


def _wrong(extra, monkeypatch, tmp_path, case):
    chosen = bpy.context.preferences.addons[MODULE].preferences
    if case == "changed":
        chosen.landmark_wheel = str(wheel(tmp_path / case, {"face_landmark.tflite": b"something else"}))
    elif case == "lacking":
        chosen.landmark_wheel = str(wheel(tmp_path / case, {"LICENSE": None}))
    elif case == "no wheel":
        (tmp_path / "text.whl").write_text("no zip")
        chosen.landmark_wheel = str(tmp_path / "text.whl")
    elif case == "absent":
        monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    elif case == "no network":
        for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS"):
            monkeypatch.delenv(name)
        monkeypatch.setenv("PIP_INDEX_URL", "http://localhost:9/simple")
        monkeypatch.setenv("PIP_RETRIES", "1")
    elif case == "no room":
        monkeypatch.setattr(sys.modules[f"{MODULE}.pytorch.torch_jobs"], "free_bytes", lambda _: 5_000_000)
    elif case == "another Blender":
        extra.finder_files.workplace().mkdir(parents=True)
        (extra.finder_files.workplace() / "alive").touch()


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("changed", "face_landmark.tflite is not the file that Mien knows."),
        ("lacking", "LICENSE is not the file that Mien knows."),
        ("no wheel", "text.whl is damaged, or no wheel."),
        ("absent", "The index does not have the landmark finder."),
        ("no network", "The index of the landmark finder cannot be reached."),
        ("no room", "There is no room for the landmark finder: it needs 73 MB on the disk, and 5 MB are free."),
        ("another Blender", "Another Blender is getting the landmark finder"),
    ],
)
def test_what_fails_is_one_sentence_and_leaves_nothing(extra, monkeypatch, tmp_path, case, words):
    _wrong(extra, monkeypatch, tmp_path, case)
    with pytest.raises(RuntimeError) as problem:
        bpy.ops.mien.get_finder()
    assert words in str(problem.value)
    assert len(str(problem.value).strip().splitlines()) == 1
    if case == "another Blender":
        os.utime(extra.finder_files.workplace() / "alive", (0, 0))
        extra.finder_setup.register()
    assert left(extra) == []
    assert not extra.finder_files.is_here()


def test_damaged_later_it_says_so(extra, face):
    bpy.ops.mien.get_finder()
    (extra.finder_files.folder() / "face_landmark.tflite").write_bytes(b"short")
    with pytest.raises(extra.engine.MienError, match="not the file that Mien knows"):
        extra.finder_files.reader()
    (extra.finder_files.folder() / "LICENSE").unlink()
    with pytest.raises(RuntimeError, match="cannot be read"):
        bpy.ops.mien.detect_landmarks()


def reason(operator):
    with pytest.raises(RuntimeError) as problem:
        operator()
    return str(problem.value)


def test_the_button_is_grey_with_its_reason(extra, scene):
    assert "Pick" in reason(bpy.ops.mien.detect_landmarks) or "face" in reason(bpy.ops.mien.detect_landmarks)
    extra.api.add_sample_face()
    assert "landmark finder is not here. Get it in Mien's preferences" in reason(bpy.ops.mien.detect_landmarks)
    assert not bpy.ops.mien.detect_landmarks.poll()


# From here on the finder is there: a reader that knows where the points lie, or the real networks.


@pytest.fixture
def seer(mien, face, monkeypatch):
    """The finder, without its networks: it is told each head's points, those of the template in its own axes."""
    template = mien.engine.load().bundle.template
    own = np.flatnonzero((template.vertices[:, 2] > -20) & (template.vertices[:, 1] > -110))
    own = np.sort(np.random.default_rng(2).choice(own, 468, replace=False))
    engine = mien.engine

    def detect(surface, _reader, cancelled=None, looks_from=None):
        for done in range(5):
            if cancelled is not None and cancelled():
                raise engine.Cancelled
            yield engine.Step(done, 5, "looking")
        points = surface.vertices[own]
        return engine.Detected(points, np.ones(468, bool), np.full(468, 0.001), 0.9, None)

    monkeypatch.setattr(engine, "detect", detect)
    monkeypatch.setattr(mien.finder_files, "reader", lambda: None)
    monkeypatch.setattr(mien.finder_files, "is_here", lambda: True)
    monkeypatch.setattr(mien.detect, "_templates", {})
    return template


def off(mien, face, template):
    """Landmark's name -> how far it lies from the template's own vertex, in the object's unit."""
    placed = {name: at for name, at in mien.marks.read(face).items() if mien.marks.hows(face)[name] == "detected"}
    co = np.array([face.data.vertices[template.landmarks[name]].co for name in placed])
    return dict(zip(placed, np.linalg.norm(np.array(list(placed.values())) - co, axis=1), strict=True))


def test_found_landmarks_lie_on_the_head_and_say_how_they_came(mien, face, seer):
    assert bpy.ops.mien.detect_landmarks() == {"FINISHED"}
    away = off(mien, face, seer)
    assert {one.name for one in mien.engine.landmarks.GUIDE if one.needed} <= set(away)
    assert max(away.values()) < 0.003
    assert not mien.marks.missing(face)


def test_picked_ones_stay_and_suggested_ones_go(mien, face, seer):
    mien.marks.put(face, "chin", (0.1, 0.2, 0.3))
    mien.marks.put(face, "nose_tip", (0, 0, 0), "suggested")
    mien.marks.put(face, "left_ear_lobe", (0, 0, 0), "suggested")
    found = mien.detect.find_marks(face)
    assert found.kept == ("chin",)
    assert "1 that you had placed stay" in str(found)
    assert mien.marks.read(face)["chin"] == pytest.approx([0.1, 0.2, 0.3])
    assert mien.marks.hows(face)["nose_tip"] == "detected"
    assert mien.marks.hows(face).get("left_ear_lobe") != "suggested"


@pytest.mark.parametrize("scale", [(1, 1, 1), (2, 0.5, 1), (-1, 1, 1), (0, 1, 1)])
def test_places_are_the_objects_own_whatever_its_scale(mien, face, seer, scale):
    face.rotation_euler = (0.3, 0.2, 1.0)
    face.scale = scale
    bpy.context.view_layer.update()
    mien.detect.find_marks(face)
    assert max(off(mien, face, seer).values()) < 0.004


def test_pairs_are_the_same_points_and_change_nothing(mien, face, seer):
    pairs = mien.detect.find_pairs(face)
    assert len(pairs.head) == len(pairs.template) > 300
    assert not len(face.mien_marks)
    like = np.linalg.norm(seer.vertices[:, None] - pairs.template[None, ::40], axis=2).argmin(axis=0)
    own = np.array([vertex.co for vertex in face.data.vertices])
    assert np.linalg.norm(own[like] - pairs.head[::40], axis=1).max() < 1e-5


def test_a_head_that_shows_no_face_changes_nothing(mien, face, seer, monkeypatch):
    mien.marks.put(face, "nose_tip", (0, 0, 0), "suggested")
    before = mien.marks.state_of(face)
    list(mien.detect.detected_template(seer, None))

    def blind(*_, **__):
        raise mien.engine.MienError("Mien sees no face on this head.", "Place the landmarks by hand.")
        yield

    monkeypatch.setattr(mien.engine, "detect", blind)
    assert "Place the landmarks by hand" in reason(bpy.ops.mien.detect_landmarks)
    assert mien.marks.state_of(face) == before
    monkeypatch.setattr(mien.detect, "_templates", {})
    assert "generator's own head" in reason(bpy.ops.mien.detect_landmarks)


def test_needed_ones_that_were_not_found_are_named(mien, face, seer, monkeypatch):
    carry = mien.engine.carry_marks

    def without_chin(template, pairs, surface, names):
        return carry(template, pairs, surface, [name for name in names if name != "chin"])

    monkeypatch.setattr(mien.engine, "carry_marks", without_chin)
    found = mien.detect.find_marks(face)
    assert [one.name for one in mien.engine.landmarks.GUIDE if one.title in found.missing] == ["chin"]
    assert "Place by hand" in str(found)


def test_edit_mode_and_meshes_without_faces_are_refused(mien, face, seer):
    bpy.ops.object.mode_set(mode="EDIT")
    try:
        assert "Edit Mode" in reason(bpy.ops.mien.detect_landmarks)
    finally:
        bpy.ops.object.mode_set(mode="OBJECT")
    face.data = bpy.data.meshes.new("Empty")
    assert reason(bpy.ops.mien.detect_landmarks)


def test_loose_vertices_are_in_no_picture_and_a_sheet_is_refused(mien, face, seer, monkeypatch):
    shown = []
    detect = mien.engine.detect

    def spy(surface, *more, **options):
        shown.append(surface.vertices)
        return (yield from detect(surface, *more, **options))

    monkeypatch.setattr(mien.engine, "detect", spy)
    whole = len(face.data.vertices)
    face.data.vertices.add(1)
    face.data.vertices[whole].co = (0, 0, 1000)
    assert len(mien.detect.find_marks(face).marks) >= 12
    assert max(len(one) for one in shown) <= whole
    assert max(np.abs(one).max() for one in shown[1:]) < 10
    bpy.ops.mesh.primitive_grid_add(x_subdivisions=20, y_subdivisions=20, rotation=(0.3, 0.2, 0))
    sheet = bpy.context.object
    bpy.ops.object.transform_apply()
    with pytest.raises(mien.engine.MeshError, match="is flat: all its vertices lie in one plane"):
        mien.detect.find_marks(sheet)


@pytest.fixture
def operator(mien, modal_job):
    return modal_job(mien.detect_operators.MIEN_OT_detect_landmarks)


def test_in_a_window_it_goes_a_picture_at_a_time(mien, window, face, seer, operator):
    assert operator._begin(window) == {"RUNNING_MODAL"}
    assert mien.wrap_operators.progress.running
    turns = 0
    while (outcome := operator.modal(window, TIMER)) == {"RUNNING_MODAL"}:
        assert operator.modal(window, CLICK) == {"RUNNING_MODAL"}
        assert not len(face.mien_marks)
        turns += 1
    assert outcome == {"FINISHED"}
    assert turns > 9
    assert any("ESC cancels" in (text or "") for text in window.texts)
    assert window.idle()
    assert not mien.wrap_operators.progress.running
    assert len(face.mien_marks) >= 12
    assert "points of the face" in operator.reports[-1][1]


def test_esc_ends_it_and_nothing_has_changed(mien, window, face, seer, operator):
    operator._begin(window)
    for _ in range(4):
        operator.modal(window, TIMER)
    assert operator.modal(window, ESC) == {"CANCELLED"}
    assert window.idle()
    assert not len(face.mien_marks)
    assert "nothing was changed" in operator.reports[-1][1]


# The real networks.


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Ada", "Zola"])
def test_landmarks_of_people_within_millimetres(real, scene, name):
    face = real.api.add_sample_face(name)
    face.rotation_euler = (0, 0, {"Ada": 0, "Zola": 3.0}[name])
    bpy.context.view_layer.update()
    found = real.detect.find_marks(face)
    template = real.engine.load().bundle.template
    away = np.array(list(off(real, face, template).values())) * 1000
    assert not found.missing
    assert len(found.pairs.head) > 250
    assert found.pairs.score > 0.99
    assert found.pairs.spread < 2.5
    assert away.mean() < 2.0
    assert away.max() < 5.0


@pytest.mark.slow
def test_what_is_no_head_is_told(real, scene):
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.object.modifier_add(type="SUBSURF")
    bpy.context.object.modifiers[0].levels = 3
    bpy.ops.object.modifier_apply(modifier=bpy.context.object.modifiers[0].name)
    with pytest.raises(real.engine.MienError, match=r"sees no face on this head\. Place the landmarks by hand"):
        real.detect.find_marks(bpy.context.object)
    assert not len(bpy.context.object.mien_marks)
