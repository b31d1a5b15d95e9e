"""Draws the panel of the parts in its states and prints what it holds; run by test_addon_parts.py on its own."""

from __future__ import annotations

import bpy
import numpy as np
from drawing import introspected, tell

import blender_addon
from blender_addon import engine
from blender_addon.parts import panel_parts, part_list

PANELS = (panel_parts.MIEN_PT_parts,)

blender_addon.register()
bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
scene = bpy.context.scene
bpy.ops.mien.add_sample_face()
face = scene.mien.face
states = {"none": introspected(PANELS)}
template = engine.load().bundle.template
tongue = np.isin(template.polygon_part, [template.parts.index("tongue")])
corners = template.polygons[tongue]
rows = np.unique(corners)
mesh = bpy.data.meshes.new("Tongue")
places = np.array([face.data.vertices[int(row)].co for row in rows])
mesh.from_pydata(places.tolist(), [], np.searchsorted(rows, corners).tolist())
thing = bpy.data.objects.new("Tongue", mesh)
thing.matrix_world = face.matrix_world
scene.collection.objects.link(thing)
bpy.ops.mien.find_parts()
face.mien_parts.active = 0
states["found"] = introspected(PANELS)
part_list.chosen(face).role = "upper_teeth"
states["by hand"] = introspected(PANELS)
part_list.chosen(face).role = "tongue"
part_list.chosen(face).template = "another"
states["stale"] = introspected(PANELS)
bpy.data.objects.remove(thing)
states["gone"] = introspected(PANELS)
tell(states)
