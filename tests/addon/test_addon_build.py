# ruff: noqa: ARG001 - fixtures are asked for by name, also for what they do
"""The zip: what is in it, how it installs, and what building refuses."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import addon_utils
import bpy
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
MODULE = "bl_ext.user_default.mien"


def _loaded(path):
    spec = importlib.util.spec_from_file_location(f"{path.stem}_again", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


fakes = _loaded(ROOT / "tests" / "addon" / "torch_fakes.py")


@pytest.fixture
def build_addon():
    return _loaded(ROOT / "build_addon.py")


def test_the_zip_holds_the_extension_and_core_without_learning(zip_path):
    names = {name.split("/", 1)[-1] for name in zipfile.ZipFile(zip_path).namelist()}
    names |= set(zipfile.ZipFile(zip_path).namelist())
    assert {"blender_manifest.toml", "LICENSE", "core/generator.py", "core/numpy_engine.py"} <= names
    assert not [name for name in names if "learning" in name or "__pycache__" in name or name.endswith(".pyc")]
    assert zip_path.stat().st_size < 15e6


def test_installed_without_warnings_and_with_everything_registered(mien):
    assert not addon_utils._extensions_warnings_get()
    assert "poll" in dir(bpy.ops.mien.bake)
    assert bpy.context.scene.mien.way == "keys"


def test_disabling_takes_everything_back_and_enabling_brings_it_again(mien):
    assert hasattr(bpy.types, "MIEN_OT_bake")
    drawn = len(bpy.types.VIEW3D_MT_mesh_add._dyn_ui_initialize())
    addon_utils.disable(MODULE)
    try:
        assert not hasattr(bpy.types, "MIEN_OT_bake")
        assert not hasattr(bpy.types, "MIEN_PT_face")
        assert not hasattr(bpy.types.Object, "mien")
        assert not hasattr(bpy.types.Scene, "mien")
        assert len(bpy.types.VIEW3D_MT_mesh_add._dyn_ui_initialize()) == drawn - 1
    finally:
        addon_utils.enable(MODULE)
    assert hasattr(bpy.types, "MIEN_OT_bake")
    assert bpy.context.scene.mien.tolerance == pytest.approx(0.05)


def test_a_missing_bundle_stops_the_build(build_addon, tmp_path, monkeypatch):
    monkeypatch.setattr(build_addon, "REQUIRED", (*build_addon.REQUIRED, "assets/absent.safetensors"))
    with pytest.raises(build_addon.BuildError, match=r"lacks assets/absent\.safetensors"):
        build_addon.build(tmp_path)
    assert not list(tmp_path.iterdir())


def test_too_big_a_zip_stops_the_build(build_addon, tmp_path, monkeypatch):
    monkeypatch.setattr(build_addon, "MAX_BYTES", 1000)
    assert build_addon.main(["--output-dir", str(tmp_path)]) == 1
    assert not list(tmp_path.iterdir())


def test_what_blenders_tool_refuses_stops_the_build(build_addon, tmp_path, monkeypatch):
    stage = build_addon.stage

    def worse(folder):
        stage(folder)
        manifest = folder / "blender_manifest.toml"
        manifest.write_text(manifest.read_text().replace('type = "add-on"', 'type = "toy"'))

    monkeypatch.setattr(build_addon, "stage", worse)
    with pytest.raises(build_addon.BuildError, match="refuses"):
        build_addon.build(tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_extension_imports_nothing_heavy(mien):
    """Blender's start must not wait for torch: enabling Mien imports numpy at most."""
    code = (
        "import os, sys, blender_addon; blender_addon.register();"
        "heavy = {'torch', 'scipy', 'safetensors'} & set(sys.modules); blender_addon.unregister();"
        "os._exit(bool(heavy))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.fixture
def wheels(tmp_path, monkeypatch):
    """A folder with a small torch for Linux and one for Windows, and what they ask for."""
    for name, value in {"PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": "", "PIP_EXTRA_INDEX_URL": ""}.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "wheels"
    for tag in ("cp311-cp311-manylinux_2_28_x86_64", "cp311-cp311-win_amd64", "cp313-cp313-manylinux_2_28_x86_64"):
        fakes.wheel(folder, "torch", fakes.TORCH, needs=fakes.NEEDS, tag=tag)
    fakes.companions(folder)
    return folder


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (("linux-x64", "3.11"), ("torch-linux_x64", "4.2.0", "5.1.0")),
        (("linux-x64", "3.13"), ("torch-linux_x64-py313", "5.1.0", None)),
        (("windows-x64", "3.11"), ("torch-windows_x64", "4.2.0", "5.1.0")),
    ],
)
def test_a_zip_for_one_system_brings_torch_and_no_numpy(build_addon, tmp_path, wheels, target, expected):
    (platform, python), (suffix, *blenders) = target, expected
    words = ["--with-torch", "--platform", platform, "--python", python, "--wheels", str(wheels)]
    assert build_addon.main([*words, "--output-dir", str(tmp_path / "out")]) == 0
    (made,) = (tmp_path / "out").iterdir()
    packed = zipfile.ZipFile(made)
    manifest = tomllib.loads(packed.read("blender_manifest.toml").decode())
    assert made.name == f"mien-{manifest['version']}-{suffix}.zip"
    assert manifest["platforms"] == [platform]
    assert [manifest["blender_version_min"], manifest.get("blender_version_max")] == blenders
    brought = {wheel.split("/")[-1].split("-")[0] for wheel in manifest["wheels"]}
    # CUDA's libraries are wheels of their own on Linux alone.
    assert brought == {"torch", "typing_extensions"} | ({"nvidia_cudnn"} if platform == "linux-x64" else set())
    assert {f"./{one}" for one in packed.namelist() if one.endswith(".whl")} == set(manifest["wheels"])


def test_without_the_wheels_there_is_no_zip(build_addon, tmp_path, wheels, capsys):
    words = [
        "--with-torch",
        "--platform",
        "macos-arm64",
        "--wheels",
        str(wheels),
        "--output-dir",
        str(tmp_path / "out"),
    ]
    assert build_addon.main(words) == 1
    assert "pip cannot get the wheels" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    for alone in (["--with-torch"], ["--platform", "linux-x64"]):
        with pytest.raises(SystemExit):
            build_addon.main(alone)


@pytest.mark.skipif(sys.platform != "linux", reason="the small wheels are for Linux")
def test_the_zip_with_torch_installs_without_a_network(build_addon, tmp_path, wheels):
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    made = build_addon.build(tmp_path, build_addon.Torch("linux-x64", python, wheels=wheels))
    code = (
        "import sys, os, bpy, addon_utils, importlib;"
        "bpy.ops.extensions.package_install_files(filepath=sys.argv[1], repo='user_default', enable_on_install=True);"
        f"found = importlib.import_module('{MODULE}.pytorch.torch_folder').found();"
        "import numpy; print('FOUND', found.version, found.ours, numpy.__version__ != '99', bpy.app.online_access);"
        "print('WARNINGS', addon_utils._extensions_warnings_get(), flush=True); os._exit(0)"
    )
    environment = {**os.environ, "BLENDER_USER_RESOURCES": str(tmp_path / "user")}
    command = [str(fakes.bare_python(tmp_path / "bare")), "-c", code, str(made)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert "FOUND 2.13.0 False True False" in done.stdout, done.stdout + done.stderr
    assert "WARNINGS {}" in done.stdout
