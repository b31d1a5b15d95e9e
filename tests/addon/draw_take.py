"""Draws the subpanel "Take" in its states; run by test_addon_takes.py on its own (see drawing.py)."""

from __future__ import annotations

import os
import re
from pathlib import Path

import bpy
from drawing import introspected, tell

import blender_addon
from blender_addon import api, engine
from blender_addon.timeline import take_operators


def drawn():
    """What is drawn now: texts run together, then properties and operators."""
    text = introspected([take_operators.MIEN_PT_take])
    words = re.findall(r"'draw_string': [\"'](.*?)[\"'], 'tip'", text)
    names = re.findall(r"'(?:rna|operator)': [\"'](.*?)[\"'][,}]", text)
    return "".join([*words, " ", *names]).replace(" ", "")


blender_addon.register()
bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
folder = Path(os.environ["TAKES_BUNDLE"])
states = {"empty": drawn()}
engine.DEFAULT_BUNDLE = folder / "steered.safetensors"
face = api.add_sample_face()
states["steered"] = drawn()
api.new_take(face)
face.mien.life = True
states["varied"] = drawn()
bpy.context.view_layer.objects.active = face
bpy.ops.object.mode_set(mode="EDIT")
states["edited"] = drawn()
bpy.ops.object.mode_set(mode="OBJECT")
bpy.ops.mesh.primitive_cube_add()
bpy.context.scene.mien.face = bpy.context.object
states["stranger"] = drawn()
bpy.context.scene.mien.face = face
engine.DEFAULT_BUNDLE = folder / "older.safetensors"
face.name = "Another"  # so that the verdict is not believed any longer
states["older"] = drawn()
tell(states)
