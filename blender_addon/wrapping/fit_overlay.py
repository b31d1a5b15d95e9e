"""Show Fit: the heat map of a wrap drawn over the head in the viewport; the mesh and its materials stay as they are."""

# mypy: disable-error-code="func-returns-value, dict-item"

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import blf
import bpy
import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader
from mathutils import Matrix

from ..timeline.cue_properties import face_in
from . import fit_look, heat

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .heat import HeatMap

_NEARER = 2e-4
"""How much nearer than the head the colours are drawn, so that they win against its own surface."""

_handles: list[tuple[object, str]] = []
_drawn: dict[str, tuple[tuple[object, ...], Any, Any]] = {}


def is_on() -> bool:
    """Whether the heat map is shown, wherever the scene's face has one."""
    return bool(_handles)


def show() -> None:
    """Draws it from now on, in every 3D view."""
    if is_on():
        return
    view = bpy.types.SpaceView3D
    _handles.append((view.draw_handler_add(_draw_head, (), "WINDOW", "POST_VIEW"), "WINDOW"))
    _handles.append((view.draw_handler_add(_draw_legend, (), "WINDOW", "POST_PIXEL"), "WINDOW"))
    redraw()


def hide() -> None:
    """Draws it no more."""
    while _handles:
        bpy.types.SpaceView3D.draw_handler_remove(*_handles.pop())
    _drawn.clear()
    redraw()


def redraw() -> None:
    """Lets all 3D views draw anew."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()


def _head() -> tuple[bpy.types.Object, HeatMap] | None:
    face = face_in(bpy.context.scene)
    if face is None or face.type != "MESH" or face.mode != "OBJECT" or not face.visible_get():
        return None
    found = fit_look.look(face.data)
    return None if found is None else (face, found)


def _draw_head() -> None:
    found = _head()
    if found is None:
        return
    face, measured = found
    surface, turned_over = _batches(face, measured)
    gpu.state.depth_test_set("LESS_EQUAL")
    gpu.state.depth_mask_set(True)
    try:
        with gpu.matrix.push_pop(), gpu.matrix.push_pop_projection():
            _pull_nearer(_NEARER)
            gpu.matrix.multiply_matrix(face.matrix_world)
            surface.draw(gpu.shader.from_builtin("SMOOTH_COLOR"))
            if turned_over is not None:
                _pull_nearer(_NEARER)
                flat = gpu.shader.from_builtin("UNIFORM_COLOR")
                flat.uniform_float("color", (*heat.FLIPPED, 1.0))
                turned_over.draw(flat)
    finally:
        gpu.state.depth_test_set("NONE")
        gpu.state.depth_mask_set(False)


def _pull_nearer(share: float) -> None:
    # In clip space: z goes toward the viewer by a share of w, with and without perspective.
    pull = Matrix.Identity(4)
    pull[2][3] = -share
    gpu.matrix.load_projection_matrix(pull @ gpu.matrix.get_projection_matrix())


def _batches(face: bpy.types.Object, measured: HeatMap) -> tuple[Any, Any]:
    """What is drawn: the head in its colours, and the triangles that are turned over (None where there are none)."""
    vertices = _as_seen(face, measured)
    mark = (id(measured), zlib.crc32(vertices.tobytes()))
    known = _drawn.get("head")
    if known is None or known[0] != mark:
        colours = np.concatenate([heat.painted(measured, vertices), np.ones((len(vertices), 1), np.float32)], axis=1)
        smooth = gpu.shader.from_builtin("SMOOTH_COLOR")
        surface = batch_for_shader(smooth, "TRIS", {"pos": vertices, "color": colours}, indices=measured.triangles)
        flipped = None
        if len(measured.flipped):
            corners = measured.flipped.reshape(-1, 3).astype(np.float32)
            flipped = batch_for_shader(gpu.shader.from_builtin("UNIFORM_COLOR"), "TRIS", {"pos": corners})
        known = _drawn["head"] = (mark, surface, flipped)
    return known[1], known[2]


def _as_seen(face: bpy.types.Object, measured: HeatMap) -> NDArray[np.float32]:
    """(N, 3) float32, the head as it stands at this frame; at rest where modifiers change its vertices' number."""
    mesh = face.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    if len(mesh.vertices) != len(measured.vertices):
        return measured.vertices.astype(np.float32)
    flat = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.attributes["position"].data.foreach_get("vector", flat)
    return flat.reshape(-1, 3)


def _draw_legend() -> None:
    if _head() is None:
        return
    scale = bpy.context.preferences.system.ui_scale or 1.0
    region = bpy.context.region
    width, high, below = 180 * scale, 10 * scale, 46 * scale
    left = (region.width - width) / 2
    steps = 48
    x = np.linspace(left, left + width, steps)
    colours = heat.colours(np.linspace(0, heat.WORST_MM, steps).astype(np.float32))
    colours = np.concatenate([colours, np.ones((steps, 1), np.float32)], axis=1)
    strip = np.stack([np.repeat(x, 2), np.tile([below, below + high], steps)], axis=1).astype(np.float32)
    shader = gpu.shader.from_builtin("SMOOTH_COLOR")
    flat = np.concatenate([strip, np.zeros((len(strip), 1), np.float32)], axis=1)
    batch_for_shader(shader, "TRI_STRIP", {"pos": flat, "color": np.repeat(colours, 2, axis=0)}).draw(shader)
    blf.size(0, 11 * scale)
    blf.color(0, 0.95, 0.95, 0.95, 1.0)
    worst = heat.WORST_MM
    for share, text in ((0.0, "0 mm"), (0.5, f"{worst / 2:g}"), (1.0, f"{worst:g} mm or more")):
        wide, _ = blf.dimensions(0, text)
        blf.position(0, left + share * width - wide / 2, below - 16 * scale, 0)
        blf.draw(0, text)
    title = "Distance from what was wrapped; grey is hidden or still"
    wide, _ = blf.dimensions(0, title)
    blf.position(0, left + (width - wide) / 2, below + high + 8 * scale, 0)
    blf.draw(0, title)
