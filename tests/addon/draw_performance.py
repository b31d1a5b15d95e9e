"""Draws the panel "Performance" and its menus in every state; run by test_addon_cues.py on its own (see drawing.py)."""

from __future__ import annotations

import re

import bpy
from drawing import introspected, tell

import blender_addon
from blender_addon import api, fcurves
from blender_addon.engine import Cue
from blender_addon.timeline import panel_performance, preset_operators, presets

PANELS = (panel_performance.MIEN_PT_performance, panel_performance.MIEN_PT_strengths)
MENUS = (preset_operators.MIEN_MT_add_cue,)


def drawn(classes=PANELS):
    """What is drawn now: all texts and properties, without blanks."""
    text = introspected(classes)
    # A sentence may be broken over lines, each a label: run together.
    words = re.findall(r"'draw_string': [\"'](.*?)[\"'], 'tip'", text)
    names = re.findall(r"'(?:rna|operator)': [\"'](.*?)[\"'][,}]", text)
    return "".join([*words, " ", *names]).replace(" ", "").replace("\\u2013", "\u2013")


blender_addon.register()
bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
scene = bpy.context.scene
states = {"empty": drawn()}
face = api.add_sample_face()
states["no cues"] = drawn()
api.add_expression(face, "happy", 0.8, 0, 12, 24, 36)
states["one"] = drawn()
curve = fcurves.curves_of(face).find("mien.happy")
curve.keyframe_points[1].interpolation = "BEZIER"
states["shaped"] = drawn()
curve.lock = True
states["locked"] = drawn()
curve.lock = False
face.mien.sad = 0.4
face.keyframe_insert("mien.sad", frame=-5)
states["open"] = drawn()
for number in range(20):
    api.add_expression(face, "fear", 0.5, 100 * number, 100 * number + 10, 100 * number + 20, 100 * number + 30)
scene.mien_cue.index = 12
states["many"] = drawn()
animation = face.animation_data
animation.nla_tracks.new().strips.new("All", 1, animation.action)
animation.action = None
states["nla"] = drawn()
presets.save("Mine", [Cue("sad", 0.5, 0, 1, 2, 3)])
(presets.folder() / "damaged.json").write_text("{", encoding="utf-8")
states["menu"] = drawn(MENUS)
states["delete menu"] = drawn([preset_operators.MIEN_MT_delete_preset])
tell(states)
