"""Draws the panels Face and Wrap in their states and prints what they hold; run by test_addon_wrap.py on its own."""

from __future__ import annotations

import bpy
import strange_heads
from drawing import introspected, tell

import blender_addon
from blender_addon import api, engine, panel
from blender_addon.wrapping import marks, panel_wrap, wrap_operators


class Extension:
    """What strange_heads asks for."""

    api, engine = api, engine


def drawn():
    """What the panels draw now, in order; the second only where it would be there."""
    shown = [panel.MIEN_PT_face]
    if panel_wrap.MIEN_PT_wrap.poll(bpy.context):
        shown.append(panel_wrap.MIEN_PT_wrap)
    return introspected(shown)


blender_addon.register()
bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
face = api.add_sample_face()
template = engine.load().bundle.template
head, places = strange_heads.stranger(Extension, face, template, rounds=0)
scene = bpy.context.scene
scene.mien.face = face
states = {"known": drawn()}
scene.mien.face = head
states["strange"] = drawn()
marks.put_all(head, places)
states["placed"] = drawn()
vars(wrap_operators.progress).update(doing="Laying the face on", share=0.4, running=True)
states["under way"] = drawn()
wrap_operators.progress.clear()
bpy.ops.mien.wrap()
states["wrapped"] = drawn()
about = panel_wrap.fit_look.Summary
panel_wrap.fit_look.summary = lambda stored: about(stored.title, 9, 4.0, 9.0, 2.0, 12, ("Chin",), ("It is poor.",))
states["poor"] = drawn()
head.data.vertices.add(1)
states["changed"] = drawn()
bpy.context.view_layer.objects.active = head
bpy.ops.object.mode_set(mode="EDIT")
states["edit"] = drawn()
tell(states)
