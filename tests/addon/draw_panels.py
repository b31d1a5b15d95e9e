"""Draws the panels in every state and prints what they hold; run by test_addon_panels.py on its own."""

from __future__ import annotations

import time
from pathlib import Path

import bpy
from drawing import introspected, tell

import blender_addon
from blender_addon import api, engine, panel
from blender_addon.timeline import panel_performance

PANELS = (
    panel.MIEN_PT_face,
    panel_performance.MIEN_PT_performance,
    panel_performance.MIEN_PT_strengths,
    panel.MIEN_PT_shaping,
    panel.MIEN_PT_bake,
    panel.MIEN_PT_range,
)


def drawn():
    """What the panels draw now, in order."""
    return introspected(PANELS)


blender_addon.register()
bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
scene = bpy.context.scene
states = {"empty": drawn()}
bpy.ops.mesh.primitive_cube_add()
bpy.ops.mien.pick_face()
states["wrong"] = drawn()
bpy.ops.mien.add_sample_face()
states["ready"] = drawn()
bpy.ops.object.mode_set(mode="EDIT")
states["edit"] = drawn()
bpy.ops.object.mode_set(mode="OBJECT")
bpy.ops.mien.add_expression()
scene.frame_end = 10
bpy.ops.mien.bake()
states["baked"] = drawn()
steps = api.BakeJob(scene.mien.face, start=1, end=100).compute()
next(steps)
states["half baked"] = drawn()
steps.close()
bpy.ops.mien.bake(new=True)
scene.mien.way, scene.mien.face.mien.mask = "own", "nobody"
states["several"] = drawn()
bpy.ops.mien.play_none()
scene.mien.way = "compact"
states["none plays"] = drawn()
scene.mien.own_range, scene.mien.frame_end = True, -5
states["no frames"] = drawn()
engine.DEFAULT_BUNDLE = Path("/nowhere.safetensors")
time.sleep(0.3)  # a verdict is believed that long
states["no bundle"] = drawn()
tell(states)
