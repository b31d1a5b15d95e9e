# ruff: noqa: ARG001, ARG002 - fixtures are asked for by name, also for what they do
"""Model packs: installed from the preferences, checked at the door, chosen by the face, taken away again."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import bpy
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
RUN = ROOT / "docs" / "runs" / "ict-skin-steered"
MODULE = "bl_ext.user_default.mien"


@pytest.fixture
def folder(mien):
    """The person's packs, none at first."""
    yield mien.packs.folder()
    shutil.rmtree(mien.packs.folder(), ignore_errors=True)


@pytest.fixture
def bundle_file(mien, tmp_path):
    """A bundle like the one that ships, under another name."""
    return Path(shutil.copyfile(mien.engine.DEFAULT_BUNDLE, tmp_path / "another.safetensors"))


@pytest.fixture(scope="session")
def ict_pack(tmp_path_factory):
    """The ICT pack, built as the README says."""
    pytest.importorskip("torch")
    pytest.importorskip("safetensors")
    export = pytest.importorskip("training.export")
    path = tmp_path_factory.mktemp("packs") / "mien-ict-head.safetensors"
    assert export.run(export.Export(RUN, path)) == 0
    return path


@pytest.fixture
def ict(mien, folder, ict_pack):
    """The pack, installed."""
    return mien.packs.install(ict_pack)


def test_a_pack_comes_and_goes_by_its_operators(mien, folder, bundle_file):
    assert mien.packs.installed() == []
    assert bpy.ops.mien.install_pack(filepath=str(bundle_file)) == {"FINISHED"}
    assert [path.name for path in mien.packs.installed()] == ["another.safetensors"]
    assert folder.joinpath("another.safetensors").read_bytes() == bundle_file.read_bytes()
    assert len(mien.packs.known()) == 2
    assert len(mien.packs.known(str(bundle_file))) == 1
    assert bpy.ops.mien.install_pack(filepath=str(bundle_file)) == {"FINISHED"}  # again: replaced
    assert bpy.ops.mien.remove_pack(name="another.safetensors") == {"FINISHED"}
    assert mien.packs.installed() == []
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "words"), [(b"", "cut off"), (b"PK\3\4" + b"x" * 50, "cut off"), (None, "damaged")]
)
def test_what_is_no_pack_does_not_come_in(mien, folder, bundle_file, content, words):
    bundle_file.write_bytes(bundle_file.read_bytes()[:-9] if content is None else content)
    with pytest.raises(RuntimeError, match=words):
        bpy.ops.mien.install_pack(filepath=str(bundle_file))
    with pytest.raises(mien.engine.MienError):
        mien.packs.install(bundle_file)
    assert not folder.exists() or list(folder.iterdir()) == []


def test_files_that_are_not_there_are_one_sentence(mien, folder, tmp_path):
    for path in (tmp_path / "none.safetensors", tmp_path):
        with pytest.raises(mien.engine.BundleError):
            mien.packs.install(path)
    with pytest.raises(mien.engine.BundleError, match="There is no model pack"):
        mien.packs.remove("../prefs.safetensors")
    with pytest.raises(RuntimeError, match="There is no model pack"):
        bpy.ops.mien.remove_pack(name="none")


def test_a_pack_that_was_damaged_since_is_passed_over_and_told(mien, folder, bundle_file, happy, capfd):
    mien.packs.install(bundle_file)
    path = mien.packs.installed()[0]
    path.write_bytes(path.read_bytes()[:1000])
    assert len(mien.packs.known()) == 1
    assert mien.api.bake(happy, start=0, end=4).keys
    draw_preferences(mien)
    assert "Error" not in capfd.readouterr().err


def test_the_pack_that_knows_the_face_bakes_it(mien, ict, layout_object, positions):
    """Each layout of an ICT head: recognised among the packs, moved by its own generator."""
    pack = ict.bundle.template
    for layout in pack.all_layouts():
        head = layout_object(layout, template=pack)
        found = mien.api.fit(head)
        assert found.ok, found.sentence
        assert found.template.content_hash == pack.content_hash
        mien.api.add_expression(head, "surprise", 1.0, 1, 8, 12, 20)
        mien.api.bake(head, start=1, end=20)
        keys = head.data.shape_keys.key_blocks
        apex = np.empty(layout.vertex_count * 3, np.float32)
        keys["Surprise 0010"].points.foreach_get("co", apex)
        moved = np.linalg.norm(apex.reshape(-1, 3) - positions(head.data), axis=1)
        assert moved[layout.object_index[layout.present]].max() > 5
        still = np.setdiff1d(np.arange(layout.vertex_count), layout.moving)
        assert not moved[still].any()
        assert head.data.mien.bakes[0].about["bundle"] == ict.digest


def test_lower_teeth_go_with_the_jaw_and_stay_whole(mien, ict, layout_object, positions):
    layout = ict.bundle.template.layouts[0]
    head = layout_object(layout, template=ict.bundle.template)
    mien.api.add_expression(head, "surprise", 1.2, 1, 8, 12, 20)
    mien.api.bake(head, start=1, end=20)
    apex = np.empty(layout.vertex_count * 3, np.float32)
    head.data.shape_keys.key_blocks["Surprise 0010"].points.foreach_get("co", apex)
    moved = apex.reshape(-1, 3) - positions(head.data)
    chin = np.abs(moved[:9409]).max()
    upper, lower, balls = slice(17039, 19247), slice(20263, 20435), slice(21451, 24591)
    assert not moved[upper].any()
    assert not moved[balls].any()
    assert moved[lower, 1].max() < -0.4 * chin  # the front teeth of the jaw go down, nearly as far as the chin
    assert np.ptp(moved[lower, 1]) < 0.25 * chin


def test_without_the_pack_the_face_names_it(mien, layout_object, ict_pack):
    bundle = mien.engine.load(ict_pack).bundle
    head = layout_object(bundle.template.layouts[0], template=bundle.template)
    found = mien.api.fit(head)
    assert not found.ok
    assert "26,719" in found.sentence
    assert "Install the ICT model pack" in found.remedy
    assert mien.api.fit(head, bundle=str(ict_pack)).ok


def test_of_two_that_know_a_face_the_pack_counts(mien, folder, bundle_file, face):
    """A retrained network for faces that the default knows too."""
    assert mien.packs.fit(face)[1].path == mien.engine.DEFAULT_BUNDLE
    pack = mien.packs.install(bundle_file)
    assert mien.packs.fit(face, cached=True)[1] is pack
    mien.packs.remove("another.safetensors")
    assert mien.packs.fit(face, cached=True)[1].path == mien.engine.DEFAULT_BUNDLE


def test_many_packs_are_read_once(mien, folder, bundle_file, monkeypatch):
    for number in range(12):
        mien.packs.install(shutil.copyfile(bundle_file, bundle_file.with_name(f"{number}.safetensors")))
    first = mien.packs.known()
    assert len(first) == 13
    assert all(one is other for one, other in zip(first, mien.packs.known(), strict=True))


def test_a_layout_without_edges_takes_no_face_from_the_others(mien, face):
    template = mien.engine.load().bundle.template
    index = np.full(template.vertex_count, -1, np.int32)
    index[7] = 3
    odd = dataclasses.replace(template, layouts=(mien.engine.Layout("odd", template.vertex_count, index),))
    assert mien.mesh_bridge.fit(face, odd, template).ok


def test_new_layouts_of_the_same_mesh_are_looked_at_again(mien, face):
    template = mien.engine.load().bundle.template
    found = mien.mesh_bridge.fit_cached(face, template)
    again = mien.mesh_bridge.fit_cached(face, dataclasses.replace(template, layouts=()))
    assert found.template is template
    assert again.template is not template


def test_a_chosen_bundle_is_the_only_one(mien, ict, bundle_file, layout_object):
    head = layout_object(ict.bundle.template.all_layouts()[0], template=ict.bundle.template)
    assert mien.api.fit(head).ok
    assert not mien.api.fit(head, bundle=str(bundle_file)).ok


def test_the_preferences_list_the_packs_with_their_notice(mien, ict, capfd):
    said = draw_preferences(mien)
    assert "26,719" in said
    assert "MIT" in said
    assert "University of Southern California" in said
    assert "Error" not in capfd.readouterr().err


def test_the_notice_holds_the_whole_licence(ict):
    notice = ict.bundle.header["licence"]["notice"]
    assert "Permission is hereby granted, free of charge" in notice
    assert "Copyright (c) 2020 USC Institute for Creative Technologies" in notice


class _Page:
    """As much of a layout as the preferences use; keeps what is said."""

    def __init__(self, said=None):
        self.said = [] if said is None else said

    def row(self):
        return _Page(self.said)

    box = row

    def label(self, text="", icon="NONE"):
        assert icon in bpy.types.UILayout.bl_rna.functions["label"].parameters["icon"].enum_items
        self.said.append(text)

    def prop(self, owner, name):
        assert name in owner.bl_rna.properties

    def operator(self, name, text="", icon="NONE"):
        space, word = name.split(".")
        assert hasattr(getattr(bpy.ops, space), word)
        return self


def draw_preferences(mien):
    """What the preferences say."""
    page = _Page()
    chosen = bpy.context.preferences.addons[MODULE].preferences

    class Drawn:
        layout, bundle, engine, device = page, chosen.bundle, chosen.engine, chosen.device
        torch_version, torch_index, measured = chosen.torch_version, chosen.torch_index, chosen.measured
        bl_rna = chosen.bl_rna
        _draw_models = mien.preferences.MienPreferences._draw_models

    mien.preferences.MienPreferences.draw(Drawn(), bpy.context)
    return "\n".join(page.said)
