"""A stand-in for a window with one 3D view, and for its events."""

from __future__ import annotations

from types import FunctionType, SimpleNamespace

import bpy
from mathutils import Matrix, Vector

WIDTH, HEIGHT = 900, 800


class Window:
    """A context with one 3D view that looks at the face from the front, and remembers what was done to it."""

    def __init__(self, scene, toward=(0, -1, 0), centre=(0, 0, -0.03), up=(0, 0, 1)):
        self.scene, self.preferences = scene, bpy.context.preferences
        self.status, self.cursor, self.handler = None, None, None
        self.window = self.window_manager = self.workspace = self
        self.region = SimpleNamespace(
            type="WINDOW",
            x=100,
            y=50,
            width=WIDTH,
            height=HEIGHT,
            data=camera(toward, centre, up),
            as_pointer=lambda: 1,
        )
        sidebar = SimpleNamespace(type="UI", x=100 + WIDTH - 150, y=50, width=150, height=HEIGHT)
        space = SimpleNamespace(show_gizmo=True, show_gizmo_navigate=True)
        self.area = SimpleNamespace(
            type="VIEW_3D", regions=[self.region, sidebar], spaces=SimpleNamespace(active=space)
        )
        self.screen = SimpleNamespace(areas=[self.area])

    def evaluated_depsgraph_get(self):
        return bpy.context.evaluated_depsgraph_get()

    def modal_handler_add(self, operator):
        self.handler = operator

    def status_text_set(self, text):
        self.status = text

    def cursor_modal_set(self, name):
        self.cursor = name

    def cursor_modal_restore(self):
        self.cursor = None

    def idle(self):
        return self.status is None and self.cursor is None

    def pixel(self, place):
        """Where a place of the scene is seen, in the window's pixels."""
        seen = self.region.data.perspective_matrix @ Vector((*place, 1.0))
        x, y = (seen[0] / seen[3] + 1) / 2 * WIDTH, (seen[1] / seen[3] + 1) / 2 * HEIGHT
        return x + self.region.x, y + self.region.y


def camera(toward, centre, up):
    """An orthographic view of about 40 cm, `toward` the viewer."""
    back = Vector(toward).normalized()
    right = Vector(up).cross(back).normalized()
    turn = Matrix((right, back.cross(right), back))
    view = turn.to_4x4() @ Matrix.Translation(-(Vector(centre) + back))
    shape = Matrix.Diagonal((1 / 0.2, 1 / 0.2 * WIDTH / HEIGHT, -1 / 50, 1.0))
    return SimpleNamespace(
        view_matrix=view,
        perspective_matrix=shape @ view,
        window_matrix=shape,
        is_perspective=False,
        view_perspective="ORTHO",
    )


def event(kind, at=(0, 0), value="PRESS", **more):
    flags = {"ctrl": False, "shift": False, "alt": False, "oskey": False} | more
    return SimpleNamespace(type=kind, value=value, mouse_x=at[0], mouse_y=at[1], **flags)


def acting(mien, cls):
    """A plain object of a tool's own methods, which remembers what it reports."""
    own = {name: value for name, value in vars(cls).items() if isinstance(value, FunctionType) or name == "keys"}
    stand_in = type("StandIn", (mien.picker_tool.OverlayTool,), own)()
    stand_in.reports = []
    stand_in.report = lambda kind, text: stand_in.reports.append((kind, text))
    return stand_in
