"""What Mien keeps in the .blend file: the strengths on a face, and the settings of the scene."""

# mypy: disable-error-code="func-returns-value, no-any-return"
from __future__ import annotations

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty

from .engine import EXPRESSIONS, MAX_INTENSITY

EXPRESSION_ITEMS = [(name, name.capitalize(), f"The face looks {name}") for name in EXPRESSIONS]


def _strength(name: str) -> object:
    return FloatProperty(
        name=name.capitalize(),
        description=f"How strongly the face performs {name}: 0 is rest, 1 the strongest in training. Key it, then bake",
        min=0.0,
        max=MAX_INTENSITY,
        soft_max=1.0,
        step=1,
        precision=2,
    )


class MienFace(bpy.types.PropertyGroup):
    """The six strengths of one face, `object.mien`; animated like any property."""

    __annotations__ = {name: _strength(name) for name in EXPRESSIONS}


def _apex_start(self: MienScene) -> int:
    return self.start + self.onset


def _apex_end(self: MienScene) -> int:
    return self.start + self.onset + self.hold


def _end(self: MienScene) -> int:
    return self.start + self.onset + self.hold + self.offset


def _set_apex_start(self: MienScene, frame: int) -> None:
    apex_end, end = _apex_end(self), _end(self)
    self.onset = max(1, frame - self.start)
    self.hold = max(0, apex_end - _apex_start(self))
    self.offset = max(1, end - _apex_end(self))


def _set_apex_end(self: MienScene, frame: int) -> None:
    end = _end(self)
    self.hold = max(0, frame - _apex_start(self))
    self.offset = max(1, end - _apex_end(self))


def _set_end(self: MienScene, frame: int) -> None:
    self.offset = max(1, frame - _apex_end(self))


def _is_mesh(_self: MienScene, candidate: bpy.types.Object) -> bool:
    return candidate.type == "MESH"


class MienScene(bpy.types.PropertyGroup):
    """Settings of the sidebar, `scene.mien`. Cue times are frames; moving the start moves the whole cue."""

    face: PointerProperty(name="Face", description="The mesh that performs", type=bpy.types.Object, poll=_is_mesh)
    expression: EnumProperty(
        name="Expression", description="What the face performs", items=EXPRESSION_ITEMS, default="happy"
    )
    intensity: FloatProperty(
        name="Intensity",
        description="Strength at the apex: 0.5 is an average person's average, 1 the strongest seen in training",
        default=0.8,
        min=0.0,
        max=MAX_INTENSITY,
        soft_max=1.0,
        step=1,
        precision=2,
    )
    start: IntProperty(name="Start", description="Last frame at rest; moving it moves the whole cue", default=1)
    onset: IntProperty(default=14, min=1, options={"HIDDEN"})
    hold: IntProperty(default=20, min=0, options={"HIDDEN"})
    offset: IntProperty(default=20, min=1, options={"HIDDEN"})
    apex_start: IntProperty(
        name="Apex", description="Frame at which the expression is fully there", get=_apex_start, set=_set_apex_start
    )
    apex_end: IntProperty(
        name="Hold Until", description="Frame at which it begins to fade", get=_apex_end, set=_set_apex_end
    )
    end: IntProperty(name="End", description="Frame at which the face is at rest again", get=_end, set=_set_end)
    own_range: BoolProperty(
        name="Own Range", description="Bake these frames instead of the scene's frame range", default=False
    )
    frame_start: IntProperty(name="First", description="First frame to bake", default=1)
    frame_end: IntProperty(name="Last", description="Last frame to bake", default=100)

    def range_in(self, scene: bpy.types.Scene) -> tuple[int, int]:
        """First and last frame to bake."""
        if self.own_range:
            return self.frame_start, self.frame_end
        return scene.frame_start, scene.frame_end


def attach() -> None:
    """Hang the properties on objects and scenes."""
    bpy.types.Object.mien = PointerProperty(type=MienFace)
    bpy.types.Scene.mien = PointerProperty(type=MienScene)


def detach() -> None:
    """Take them off again."""
    del bpy.types.Scene.mien
    del bpy.types.Object.mien
