"""Heads of other topologies, made of a sample face: for the tests of the wrap. Imported by its path."""

from __future__ import annotations

import json

import bpy
import numpy as np


def midpoints(vertices, triangles):
    """Each triangle cut into four; the first vertices stay."""
    sides = np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1)
    edges, number = np.unique(sides, axis=0, return_inverse=True)
    one, two, three = (len(vertices) + number.reshape(3, -1)).astype(np.int64)
    first, second, third = triangles.T
    parts = (first, one, three), (one, second, two), (three, two, third), (one, two, three)
    faces = np.concatenate([np.column_stack(part) for part in parts])
    return np.concatenate([vertices, vertices[edges].mean(axis=1)]), faces


def skin_of(face, template):
    """Ada's skin alone: vertices in the object's units and axes, triangles, and for each template vertex its number."""
    flat = np.empty(len(face.data.vertices) * 3, np.float32)
    face.data.vertices.foreach_get("co", flat)
    points = flat.reshape(-1, 3).astype(np.float64)
    inner = {"eyes", "iris", "pupil", "teeth", "tongue", "lashes"}
    polygon = np.array([template.parts[one] not in inner for one in template.polygon_part])
    quads = template.polygons[polygon]
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[quads[:, 3] >= 0][:, [0, 2, 3]]])
    used = np.unique(triangles)
    number = np.full(len(points), -1)
    number[used] = np.arange(len(used))
    return points[used], number[triangles], number


def add(name, vertices, triangles):
    """An object of these."""
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(np.asarray(vertices).tolist(), [], np.asarray(triangles).tolist())
    obj = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(obj)
    return obj


def places(mien, face, template):
    """The guide's landmarks on a sample face: name -> (3,) in the object's units and axes."""
    guide = [one.name for one in mien.engine.landmarks.GUIDE]
    return {
        name: np.array(face.data.vertices[template.landmarks[name]].co, float)
        for name in guide
        if name in template.landmarks
    }


def stranger(mien, face, template, rounds=1, seed=5):
    """Ada's skin, its triangles cut into four so many times, its vertices in another order, and its landmarks."""
    vertices, triangles, _ = skin_of(face, template)
    for _ in range(rounds):
        vertices, triangles = midpoints(vertices, triangles)
    order = np.random.default_rng(seed).permutation(len(vertices))
    return add("Stranger", vertices[order], np.argsort(order)[triangles]), places(mien, face, template)


def snapshot():
    """All that a person could notice of what is in the file, as texts and bytes that can be compared."""
    about = {"counts": {kind: len(getattr(bpy.data, kind)) for kind in _KINDS}}
    about["objects"] = {
        one.name: (
            [list(row) for row in one.matrix_world],
            one.mode,
            one.select_get(),
            one.hide_get(),
            one.parent.name if one.parent else "",
            [modifier.name for modifier in one.modifiers],
            [slot.name for slot in one.material_slots],
            [group.name for group in one.vertex_groups],
            [(mark.name, tuple(mark.place), mark.how) for mark in one.mien_marks],
            [(key, str(value)) for key, value in one.items()],
        )
        for one in bpy.context.scene.objects
    }
    about["meshes"] = {one.name: _mesh(one) for one in bpy.data.meshes}
    active = bpy.context.view_layer.objects.active
    about["scene"] = (active.name if active else "", bpy.context.scene.frame_current, bpy.context.scene.camera)
    # NaN is not equal to itself, but its text is.
    return json.dumps(about, default=str)


_KINDS = (
    "objects",
    "meshes",
    "materials",
    "images",
    "actions",
    "cameras",
    "collections",
    "scenes",
    "worlds",
    "shape_keys",
)


def _mesh(mesh):
    keys = mesh.shape_keys
    positions = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", positions)
    corners = np.empty(len(mesh.loops), np.int32)
    mesh.loops.foreach_get("vertex_index", corners)
    return (
        positions.tobytes().hex(),
        corners.tobytes().hex(),
        sorted((one.name, one.domain, one.data_type) for one in mesh.attributes),
        [one.name for one in mesh.materials if one],
        [(key.name, key.value) for key in keys.key_blocks] if keys else [],
        mesh.mien.wrap.mark,
        len(mesh.mien.bakes),
    )


def snapshot_of_shape(obj):
    """What of an object a wrap must leave alone, though it keeps itself in the mesh."""
    about = _mesh(obj.data)[:5]
    return json.dumps([about, [modifier.name for modifier in obj.modifiers], [list(row) for row in obj.matrix_world]])
