"""A corpus from somebody's own meshes, in all three formats, and how a bad folder is told apart mesh by mesh."""

from __future__ import annotations

import json

import numpy as np
import pytest
import trimesh

from core.errors import CorpusError
from core.motion import EXPRESSIONS
from training.__main__ import main
from training.corpora.folder import FolderError, build
from training.corpora.store import open_corpus

RATE, EVERY, FRAMES = 60.0, 5, 46
CORNERS = [0, 15, 30, 45]
LABELS = {"frame_rate": RATE, "every": EVERY, "units": "m", "template": "ada/neutral.ply", "test": ["fay"]}


def motion(expression, template, gain=1.0):
    """(T, V, 3) mm: rises to the apex at frame 15, holds, is gone at frame 45."""
    rise = np.interp(np.arange(FRAMES), CORNERS, [0, 1, 1, 0])
    number = EXPRESSIONS.index(expression)
    near = np.exp(-((template.vertices[:, 1] - 30 * number + 75) ** 2) / 800)
    return gain * rise[:, None, None] * near[:, None] * np.array([0.0, 2.0, 6.0])


def write_ply(path, vertices, triangles):
    trimesh.Trimesh(vertices, triangles, process=False).export(path)


def write_obj(path, vertices, triangles):
    """As tools for modelling write it: texture seams, normals, groups, two materials."""
    lines = ["mtllib face.mtl", "o face", *(f"v {x:.7f} {y:.7f} {z:.7f}" for x, y, z in vertices)]
    lines += [f"vt {number / 100:.4f} 0.5" for number in range(len(triangles))] + ["vn 0 0 1"]
    for number, corners in enumerate(triangles + 1):
        if number in {0, len(triangles) // 2}:
            lines += [f"g part{number}", f"usemtl skin{number}"]
        # Every triangle has a texture coordinate of its own: a reader that splits by them multiplies the vertices.
        lines.append("f " + " ".join(f"{corner}/{number + 1}/1" for corner in corners))
    path.write_text("\n".join(lines))


@pytest.fixture
def root(template, tmp_path):
    """ada in .ply with a neutral, ben in .obj without, fay in .npy under another name; metres."""
    root, triangles = tmp_path / "faces", template.triangles
    neutrals = {name: template.vertices * scale / 1000 for name, scale in {"ada": 1.0, "ben": 1.1, "fay": 0.9}.items()}
    for name, folder, expression in (
        ("ada", "happy", "happy"),
        ("ada", "fear", "fear"),
        ("ben", "happy", "happy"),
        ("fay", "smile", "happy"),
    ):
        place = root / name / folder
        place.mkdir(parents=True)
        frames = neutrals[name] + motion(expression, template, 1.2 if name == "ben" else 1.0) / 1000
        if name == "fay":
            np.save(place / "frames.npy", frames)
        for number, frame in enumerate(frames if name != "fay" else []):
            write = write_ply if name == "ada" else write_obj
            write(place / f"{number:04}.{'ply' if name == 'ada' else 'obj'}", frame, triangles)
    write_ply(root / "ada" / "neutral.ply", neutrals["ada"], triangles)
    np.save(root / "fay" / "neutral.npy", neutrals["fay"])
    write_labels(root)
    return root


def write_labels(root, **changes):
    words = {**LABELS, "expressions": {"smile": "happy"}, "cues": "auto", **changes}
    (root / "labels.json").write_text(json.dumps({key: value for key, value in words.items() if value is not None}))


def problems_of(root, out):
    with pytest.raises(FolderError) as caught:
        build(root, out)
    assert not out.exists()
    assert [path.name for path in out.parent.iterdir()] == [root.name]  # no half corpus, no temporary folder
    return caught.value.problems


def test_three_formats_become_one_corpus(root, template, tmp_path):
    corpus = open_corpus(build(root, tmp_path / "corpus"))
    assert corpus.frame_rate == RATE / EVERY
    assert corpus.subject_names == ("ada", "ben", "fay")
    assert corpus.splits == ("train", "train", "test")
    assert [one.expression for one in corpus.sequences] == ["fear", "happy", "happy", "happy"]
    np.testing.assert_array_equal(corpus.template.triangles, template.triangles)
    depth = template.vertices[:, 2]
    assert depth[corpus.template.landmarks["nose_tip"]] == pytest.approx(depth.max())
    for index, (expression, gain) in enumerate((("fear", 1), ("happy", 1), ("happy", 1.2), ("happy", 1))):
        np.testing.assert_allclose(corpus.deformation(index), motion(expression, template, gain)[::EVERY], atol=2e-3)
    for index, scale in enumerate((1.0, 1.1, 0.9)):
        np.testing.assert_allclose(corpus.neutrals[index], template.vertices * scale, atol=1e-3)


def test_cues_are_found_in_the_motion(root, tmp_path):
    corpus = open_corpus(build(root, tmp_path / "corpus"))
    for sequence in corpus.sequences:
        found = [sequence.cue[name] * RATE for name in ("start", "apex_start", "apex_end", "end")]
        # The apex is above 90 %, the ends below 10 % of the motion: a linear rise is cut a tenth early.
        assert found == pytest.approx(CORNERS, abs=4)
    labels = corpus.labels(1)
    happy = EXPRESSIONS.index("happy")
    assert labels[:, happy].argmax() in range(2, 8)
    assert not np.delete(labels, happy, axis=1).any()


def test_given_cues_are_kept(root, tmp_path):
    cues = {"ada/happy": CORNERS, "ada/fear": CORNERS, "ben/happy": [0, 10, 20, 30], "fay/smile": CORNERS}
    write_labels(root, cues=cues)
    corpus = open_corpus(build(root, tmp_path / "corpus"))
    assert [corpus.sequences[2].cue[key] for key in ("start", "apex_start", "apex_end", "end")] == pytest.approx(
        [0, 10 / RATE, 20 / RATE, 30 / RATE]
    )
    unit = corpus.labels(0)[:, EXPRESSIONS.index("fear")] / corpus.sequences[0].extremeness
    np.testing.assert_allclose(unit, np.interp(np.arange(0, FRAMES, EVERY), CORNERS, [0, 1, 1, 0]), atol=1e-5)


def test_z_up_faces_are_turned_upright(root, template, tmp_path):
    upright = open_corpus(build(root, tmp_path / "upright"))
    for path in root.rglob("*.ply"):
        mesh = trimesh.load_mesh(path, process=False)
        write_ply(path, mesh.vertices[:, [0, 2, 1]] * [1, -1, 1], template.triangles)
    for path in root.rglob("*.npy"):
        np.save(path, np.load(path)[..., [0, 2, 1]] * [1, -1, 1])
    for path in root.rglob("*.obj"):
        points = [[float(x) for x in line.split()[1:]] for line in path.read_text().splitlines() if line[:2] == "v "]
        write_obj(path, np.array(points)[:, [0, 2, 1]] * [1, -1, 1], template.triangles)
    write_labels(root, up="z")
    turned = open_corpus(build(root, tmp_path / "turned"))
    np.testing.assert_allclose(turned.neutrals, upright.neutrals, atol=1e-3)
    np.testing.assert_allclose(turned.deformation(2), upright.deformation(2), atol=3e-3)


def test_it_can_be_trained_on(root, tmp_path, capsys):
    assert main(["corpus", "folder", str(root), "--out", str(tmp_path / "corpus")]) == 0
    run = tmp_path / "run"
    options = ["--schedule.epochs", "1", "--check-every", "1", "--accelerator", "cpu"]
    assert main(["train", str(tmp_path / "corpus"), "--out", str(run), *options]) == 0
    assert (run / "checkpoints" / "last.ckpt").exists()
    assert "3 sequences to train on, 1 to test on (2 + 1 subjects), 572 vertices" in capsys.readouterr().out


def test_every_bad_mesh_gets_its_own_sentence(root, template, tmp_path):
    triangles, other = template.triangles, template.triangles[:, [0, 2, 1]]
    happy = root / "ada" / "happy"
    write_ply(happy / "0003.ply", np.append(template.vertices, [[0, 0, 0]], axis=0), triangles)
    (happy / "0004.ply").write_bytes(b"ply\nformat binary_little_endian 1.0\nelement vertex 9\n")
    (happy / "0005.ply").write_bytes((happy / "0006.ply").read_bytes()[:2000])
    points = template.vertices / 1000
    points[7] = np.nan
    write_obj(root / "ben" / "happy" / "0010.obj", points, triangles)
    write_obj(root / "ben" / "happy" / "0011.obj", template.vertices, other)
    np.save(root / "fay" / "smile" / "frames.npy", np.zeros(5))
    (root / "ada" / "bored").mkdir()
    found = problems_of(root, tmp_path / "corpus")
    expected = {
        "ada/happy/0003.ply: has 573 vertices; the template has 572.",
        "ada/happy/0004.ply: cannot be read as a mesh",
        "ada/happy/0005.ply: cannot be read as a mesh",
        "ben/happy/0010.obj: has vertices that are not finite numbers.",
        "ben/happy/0011.obj: has other polygons than the template.",
        "fay/smile/frames.npy: cannot be read as a mesh (its array has the shape (5,)).",
        "ada/bored: is not one of angry, disgust, fear, happy, sad, surprise; name it under 'expressions'.",
        "ada/bored: there are no .ply, .obj or .npy frames.",
    }
    assert len(found) == len(expected)
    for sentence in expected:
        assert any(problem.startswith(sentence) for problem in found), (sentence, found)


def test_pickles_are_not_read(root, tmp_path):
    np.save(root / "fay" / "smile" / "frames.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    (problem,) = problems_of(root, tmp_path / "corpus")
    assert problem.startswith("fay/smile/frames.npy: cannot be read")


def test_a_bad_neutral_is_told_once(root, tmp_path):
    np.save(root / "fay" / "neutral.npy", np.zeros((9, 3)))
    (root / "fay" / "sad").mkdir()
    np.save(root / "fay" / "sad" / "frames.npy", np.load(root / "fay" / "smile" / "frames.npy"))
    assert problems_of(root, tmp_path / "corpus") == ["fay/neutral.npy: has 9 vertices; the template has 572."]


@pytest.mark.parametrize(
    ("cues", "words"),
    [
        ({"ada/happy": CORNERS, "ada/fear": CORNERS, "fay/smile": CORNERS}, "ben/happy: 'cues' has no frames for it."),
        ({"ben/happy": [0, 30, 20, 45]}, "ben/happy: The times of the happy cue are out of order."),
        ({"ben/happy": [0, 30, 40, 99]}, "ben/happy: its cue reaches beyond its frames, 0 to 45."),
        ({"zoe/happy": CORNERS}, "labels.json: 'cues' names zoe/happy, which is not there."),
    ],
)
def test_cues_that_make_no_sense_are_named(root, tmp_path, cues, words):
    if "ada/happy" not in cues:
        cues = {"ada/happy": CORNERS, "ada/fear": CORNERS, "fay/smile": CORNERS, "ben/happy": CORNERS} | cues
    write_labels(root, cues=cues)
    (problem,) = problems_of(root, tmp_path / "corpus")
    assert problem.startswith(words)


def test_wrong_units_are_noticed(root, tmp_path):
    for path in root.rglob("frames.npy"):
        np.save(path, np.load(path) * 1000)
    (problem,) = problems_of(root, tmp_path / "corpus")
    assert problem.startswith("fay/smile: ")
    assert "more than 65 mm" in problem


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"units": "inch"}, "'units'"),
        ({"units": None}, "'units'"),
        ({"frame_rate": 0}, "'frame_rate'"),
        ({"frame_rate": True}, "'frame_rate'"),
        ({"every": 0}, "'every'"),
        ({"every": 2.5}, "'every'"),
        ({"up": "x"}, "'up'"),
        ({"test": None}, "'test'"),
        ({"test": [1]}, "'test'"),
        ({"test": ["zoe"]}, "names zoe"),
        ({"test": 3}, "Of 3 subjects 3"),
        ({"test": ["ada", "ben", "fay"]}, "to train on"),
        ({"expressions": {"smile": "glad"}}, "'expressions'"),
        ({"cues": "guess"}, "'cues'"),
        ({"cues": {"ada/happy": [0, 1, 2]}}, "'cues'"),
        ({"cues": {"ada/happy": [0, 1, "2", 3]}}, "'cues'"),
        ({"template": "nobody.ply"}, "template nobody.ply"),
        ({"template": "fay/neutral.npy"}, "template fay/neutral.npy"),
        ({"template": "labels.json"}, "template labels.json"),
    ],
)
def test_labels_that_cannot_be_used_are_named(root, tmp_path, changes, words):
    write_labels(root, **changes)
    with pytest.raises(CorpusError, match=words.replace("(", r"\(")):
        build(root, tmp_path / "corpus")
    assert not (tmp_path / "corpus").exists()


def test_a_number_of_test_subjects_is_drawn_with_the_seed(root, tmp_path):
    chosen = []
    for seed in (1, 1, 2, 3, 4):
        write_labels(root, test=1, seed=seed)
        chosen.append(open_corpus(build(root, tmp_path / "corpus")).splits)
    assert chosen[0] == chosen[1]
    assert len(set(chosen)) > 1
    assert all(splits.count("test") == 1 for splits in chosen)


def test_the_command_says_which_and_fails(root, tmp_path, capsys):
    write_ply(root / "ada" / "happy" / "0003.ply", np.eye(3), np.array([[0, 1, 2]]))
    assert main(["corpus", "folder", str(root), "--out", str(tmp_path / "corpus")]) == 1
    error = capsys.readouterr().err
    assert "ada/happy/0003.ply: has 3 vertices; the template has 572." in error
    assert "Traceback" not in error


def test_a_folder_without_labels_is_told_what_to_do(tmp_path, capsys):
    assert main(["corpus", "folder", str(tmp_path), "--out", str(tmp_path / "corpus")]) == 1
    assert "There is no labels.json" in capsys.readouterr().err


def test_quads_and_triangles_are_read_alike(template, tmp_path):
    """A frame of quads belongs to a template of quads: both are cut the same way."""
    root = tmp_path / "faces"
    for name in ("ada", "ben"):
        place = root / name / "happy"
        place.mkdir(parents=True)
        for number, frame in enumerate(template.vertices + motion("happy", template)[:20]):
            lines = [f"v {x} {y} {z}" for x, y, z in frame]
            lines += ["f " + " ".join(str(corner + 1) for corner in corners) for corners in template.polygons]
            (place / f"{number:02}.obj").write_text("\n".join(lines))
    write_labels(root, units="mm", template="ada/happy/00.obj", test=["ben"])
    corpus = open_corpus(build(root, tmp_path / "corpus"))
    cut, own = (np.unique(np.sort(one, axis=1), axis=0) for one in (corpus.template.triangles, template.triangles))
    np.testing.assert_array_equal(cut, own)
