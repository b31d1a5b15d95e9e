# ruff: noqa: ARG001 - fixtures are asked for by name, also for what they do
"""Pictures of a baked face: they show it, and they show it move."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent.parent


def preview(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "training.preview", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_sheet_and_a_film(mien, scene, tmp_path):
    blend, sheet, film = tmp_path / "a.blend", tmp_path / "sheet.png", tmp_path / "film.gif"
    cue = "surprise:1:0:8:12:20"
    assert mien.cli.main(["bake", "sample:Ben", "--cue", cue, "--quiet", "--out", str(blend)]) == 0
    words = ("--sheet", sheet, "--frames", 0, 10, "--titles", "rest", "apex", "--film", film, "--step", 5)
    done = preview(blend, *words, "--pixels", 200)
    assert done.returncode == 0, done.stderr
    picture = np.asarray(Image.open(sheet).convert("RGB"), float)
    assert picture.shape == (220, 320, 3)
    rest, apex = picture[:200, :160], picture[:200, 160:]
    assert len(np.unique(rest.reshape(-1, 3), axis=0)) > 200  # a shaded face, no flat card
    changed = np.abs(rest - apex).max(axis=2) > 40
    assert changed[100:].mean() > 0.005  # the mouth opened
    assert changed[:20].mean() < 0.01  # the crown of the head stays
    assert Image.open(film).n_frames >= 3


def test_what_is_no_baked_face_is_told_in_a_sentence(mien, face, tmp_path):
    import bpy

    blend = tmp_path / "still.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(blend), copy=True)
    done = preview(blend, "--sheet", tmp_path / "s.png", "--frames", 1)
    assert done.returncode == 1
    assert "no face with shape keys" in done.stderr
    assert preview(tmp_path / "none.blend").returncode == 1
