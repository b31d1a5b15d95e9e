# ruff: noqa: ARG001 - fixtures are asked for by name, also for what they do
"""The zip: what is in it, how it installs, and what building refuses."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

import addon_utils
import bpy
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
MODULE = "bl_ext.user_default.mien"


@pytest.fixture
def build_addon():
    spec = importlib.util.spec_from_file_location("build_addon_again", ROOT / "build_addon.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_zip_holds_the_extension_and_core_without_learning(zip_path):
    names = {name.split("/", 1)[-1] for name in zipfile.ZipFile(zip_path).namelist()}
    names |= set(zipfile.ZipFile(zip_path).namelist())
    assert {"blender_manifest.toml", "LICENSE", "core/generator.py", "core/numpy_engine.py"} <= names
    assert not [name for name in names if "learning" in name or "__pycache__" in name or name.endswith(".pyc")]
    assert zip_path.stat().st_size < 15e6


def test_installed_without_warnings_and_with_everything_registered(mien):
    assert not addon_utils._extensions_warnings_get()
    assert "poll" in dir(bpy.ops.mien.bake)
    assert bpy.context.scene.mien.expression == "happy"


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
    assert bpy.context.scene.mien.intensity == pytest.approx(0.8)


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
