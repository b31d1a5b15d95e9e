# ruff: noqa: ARG001 - fixtures are asked for by name, also for what they do
"""PyTorch comes and goes: fetched from a folder of small wheels, in a Blender of its own that has none."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import bpy
import pytest

MODULE = "bl_ext.user_default.mien"
HERE = Path(__file__).resolve().parent


def _fakes():
    spec = importlib.util.spec_from_file_location("torch_fakes", HERE / "torch_fakes.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


fakes = _fakes()


def _indexes(folder):
    """Folders of wheels: one good, others with a torch that is wrong in one way."""
    wrong = {
        "good": {},
        "raises": {"torch/__init__.py": "raise RuntimeError('made for another world')"},
        "with numpy": fakes.NUMPY_OF_ITS_OWN,
    }
    for name, change in wrong.items():
        fakes.wheel(folder / name, "torch", {**fakes.TORCH, **change}, needs=fakes.NEEDS)
        fakes.companions(folder / name)
    fakes.companions(folder / "damaged")
    whole = fakes.wheel(folder / "damaged", "torch", fakes.TORCH, needs=fakes.NEEDS)
    content = bytearray(whole.read_bytes())
    content[1_000_000] ^= 1
    whole.write_bytes(content)
    fakes.wheel(folder / "other python", "torch", fakes.TORCH, tag="cp27-cp27m-any")
    (folder / "empty").mkdir()


@pytest.fixture(scope="module")
def facts(zip_path, tmp_path_factory):
    """What torch_play.py saw."""
    place = tmp_path_factory.mktemp("torch")
    _indexes(place / "wheels")
    python = fakes.bare_python(place / "bare")
    environment = {**os.environ, "BLENDER_USER_RESOURCES": str(place / "user"), "OMP_NUM_THREADS": "1"}
    environment |= {"PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": "", "PIP_EXTRA_INDEX_URL": ""}
    environment.pop("PYTHONPATH", None)
    command = [str(python), str(HERE / "torch_play.py"), str(zip_path), str(place / "wheels")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("FACTS ")]
    assert lines, done.stdout + done.stderr
    return json.loads(lines[0].removeprefix("FACTS "))


def test_without_it_numpy_computes_and_the_preferences_offer_it(facts):
    fresh = facts["fresh"]
    assert fresh["used"] == "numpy on cpu"
    assert fresh["left"] == []
    assert "PyTorch is not here" in fresh["drawn"]
    assert "mien.ask_torch" in fresh["drawn"]
    assert "to download" in fresh["drawn"]


def test_it_asks_blender_before_it_goes_online(facts):
    assert not facts["fresh"]["may"]
    assert "Allow Online Access" in facts["fresh"]["drawn"]
    assert facts["online"]
    assert facts["folder"]  # a folder is no network


def test_the_size_is_told_before_anything_is_fetched(facts):
    asked = facts["asked"]
    assert asked["did"] == ["FINISHED"]
    assert asked["left"] == []
    needed = {"torch==2.13.0", "typing-extensions==4.16.0"}
    needed |= {"nvidia-cudnn==9.0"} if sys.platform == "linux" else set()
    assert set(asked["wheels"]) == needed
    assert asked["bytes"][0] == asked["bytes"][1] > 3_000_000
    assert "3 MB to download" in asked["drawn"]
    assert "mien.get_torch" in asked["drawn"]
    assert "mien.get_torch" not in facts["changed"]  # another version was not asked for yet


@pytest.mark.parametrize("phase", ["Asking", "Downloading", "Unpacking", "Trying"])
def test_broken_off_it_leaves_nothing(facts, phase):
    seen = facts["broken off"][phase]
    assert seen["ran"]
    assert seen["busy"]
    assert phase in seen["drawn"]
    assert "mien.cancel_torch" in seen["drawn"]
    assert seen["left"] == ["site.part"]
    assert seen["after"] == []
    assert seen["told"] == "Cancelled; nothing was left behind."


def test_switched_off_in_the_midst_it_leaves_nothing(facts):
    assert facts["disabled"] == {"left": [], "idle": True}


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("absent", "There is no folder"),
        ("raises", "does not work in Blender's Python (RuntimeError: made for another world)"),
        ("damaged", "is damaged. Try again."),
        ("with numpy", "numpy of its own"),
        ("other python", "no such PyTorch for Python 3."),
        ("empty", "no such PyTorch"),
        ("no room", "needs 12 MB on the disk, and 5 MB are free. Make room"),
        ("unreachable", "cannot be reached"),
    ],
)
def test_what_fails_is_one_sentence_and_leaves_nothing(facts, case, words):
    said, left = facts["wrong"][case]
    assert words in said
    assert len(said.strip().splitlines()) == 1
    assert left == []


def test_two_blenders_do_not_disturb_each_other_and_the_dead_are_cleared_away(facts):
    said, left = facts["wrong"]["another"]
    assert "Another Blender" in said
    assert left == ["site.part"]
    assert facts["wrong"]["dead"][1] == []


def test_it_comes_whole_into_miens_own_folder(facts):
    here = facts["here"]
    assert here["told"][0].startswith("PyTorch 2.13.0 is here")
    assert not here["told"][1]
    assert here["left"] == ["site"]
    assert here["turns"] > 2  # the window breathed
    assert {"torch/__init__.py", "torch/inner.py", "torch/lib/libtorch.so", "typing_extensions.py"} <= set(here["site"])
    assert not [name for name in here["site"] if name.startswith(("numpy", "sympy", "torch/include", "torch/test"))]
    assert not [name for name in here["site"] if "torchrun" in name]
    assert "2.13.0 in Mien's folder" in here["drawn"]
    assert "mien.remove_torch" in here["drawn"]
    assert not here["may"]


def test_blenders_own_comes_first_and_blender_has_nothing_to_warn_of(facts):
    assert facts["here"]["last"]
    assert facts["here"]["warnings"] == facts["computes"]["warnings"] == {}
    assert not facts["here"]["imported"]
    assert facts["computes"]["numpy"]


def test_one_that_cannot_compute_leaves_the_work_to_numpy_and_says_why(facts):
    computes = facts["computes"]
    assert computes["used"] == "numpy on cpu"
    assert computes["failure"]
    assert "PyTorch does not work here" in computes["drawn"]
    assert computes["failure"].replace(" ", "") in computes["drawn"].replace(" ", "")  # broken over lines
    assert computes["torch"] == ["numpy"]


def test_in_use_it_goes_at_the_next_start(facts):
    removed = facts["removed"]
    assert removed["did"] == ["FINISHED"]
    assert removed["left"] == ["site", "site.remove"]
    assert "goes when Blender starts again" in removed["drawn"]
    assert not removed["path"]
    assert facts["next start"] == {"left": [], "path": False, "torch": False}


def test_not_in_use_it_goes_at_once(facts):
    assert facts["again"] == [["FINISHED"], ["FINISHED"], []]
    assert facts["swept"] == [["FINISHED"], []]


def test_one_for_another_python_or_not_whole_is_not_used(facts):
    assert "is for Python 3.9" in facts["foreign"]["drawn"]
    assert not facts["foreign"]["path"]
    assert facts["foreign"]["used"] == "numpy on cpu"
    assert "damaged" in facts["not whole"]["drawn"]
    assert not facts["not whole"]["path"]


def test_a_python_without_pip_uses_the_wheel_it_keeps(facts):
    assert facts["pip"][1].endswith((".whl/pip", ".whl\\pip"))
    assert facts["without pip"] == [["FINISHED"], ["site"]]


def test_speeds_are_measured_and_remembered(mien):
    box = importlib.import_module(f"{MODULE}.pytorch.torch_box")
    preferences = bpy.context.preferences.addons[MODULE].preferences
    try:
        assert bpy.ops.mien.measure() == {"FINISHED"}
        said = json.loads(preferences.measured)
        expected = {"numpy on cpu"} | ({"torch on cpu"} if importlib.util.find_spec("torch") else set())
        assert expected <= set(said["milliseconds"])
        assert all(0 < value < 1000 for value in said["milliseconds"].values())
        lines = box.speeds(preferences.measured)
        assert len(lines) == len(said["milliseconds"]) + 1
        assert "5,082 vertices" in lines[-1]
    finally:
        preferences.measured = ""
    for damaged in ("", "{", "[]", '{"milliseconds": {"numpy": "x"}}'):
        assert box.speeds(damaged) == []


def test_advice_is_given_where_another_index_serves_better(mien):
    box = importlib.import_module(f"{MODULE}.pytorch.torch_box")
    assert "CUDA" in box.advice("Windows", nvidia=True, own_index=False)
    assert "a tenth" in box.advice("Linux", nvidia=False, own_index=False)
    for case in (("Windows", False, False), ("Linux", True, False), ("Darwin", False, False), ("Linux", False, True)):
        assert box.advice(case[0], nvidia=case[1], own_index=case[2]) == ""


def test_paths_stay_short_enough_for_windows(mien):
    """From torch's own wheel: what is left out are the long ones; a file must not leave the folder."""
    unpack = importlib.import_module(f"{MODULE}.pytorch.torch_unpack")
    long = "torch-2.13.0.dist-info/licenses/third_party/kineto/third_party/prometheus-cpp/3rdparty/civetweb/LICENSE.txt"
    assert unpack._LEFT_OUT.match(long)
    assert not unpack._LEFT_OUT.match("torch-2.13.0.dist-info/licenses/LICENSE")
    assert not unpack._LEFT_OUT.match("torch/bin/torch_shm_manager")


@pytest.mark.parametrize("name", ["../outside.py", "a/../../outside.py", "/outside.py"])
def test_a_wheel_cannot_write_outside_its_folder(mien, tmp_path, name):
    unpack = importlib.import_module(f"{MODULE}.pytorch.torch_unpack")
    wheel = fakes.wheel(tmp_path / "in", "torch", {name: "x"})
    with pytest.raises(mien.engine.MienError, match="damaged"):
        list(unpack.unpack(wheel, tmp_path / "in" / "site"))
    assert not list(tmp_path.glob("*.py"))
