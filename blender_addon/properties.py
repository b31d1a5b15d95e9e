"""What Mien keeps in the .blend file: the strengths on a face, and the settings of the scene."""

# mypy: disable-error-code="func-returns-value, no-any-return"
from __future__ import annotations

import contextlib
import zlib

import bpy
from bpy.props import (
    BoolProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from . import packs
from .baking.records import MienMesh
from .baking.ways import WAYS
from .engine import EXPRESSIONS, MAX_INTENSITY, MAX_SEED, MAX_VARIATION, MienError
from .timeline.motion import played_range

EXPRESSION_ITEMS = [(name, name.capitalize(), f"The face looks {name}") for name in EXPRESSIONS]


def _strength(name: str) -> object:
    return FloatProperty(
        name=name.capitalize(),
        description=f"How strongly the face performs {name}: 0 is rest, 0.5 half the motion of 1. Key it, then bake",
        min=0.0,
        max=MAX_INTENSITY,
        soft_max=1.0,
        step=1,
        precision=2,
    )


def _number(name: str, description: str, least: float, most: float, default: float = 1.0, **soft: float) -> object:
    """A number that is not keyed."""
    return FloatProperty(
        name=name, description=description, default=default, min=least, max=most, step=5, precision=2, options=set(),
        **soft,
    )  # fmt: skip


def _gain(name: str, what: str) -> object:
    return _number(name, f"How much of the motion of {what} is kept: 0 none, 1 as generated, 2 twice", 0.0, 2.0)


class MienFace(bpy.types.PropertyGroup):
    """One face, `object.mien`: its six strengths, animated like any property, how its motion is shaped, its take."""

    __annotations__ = {name: _strength(name) for name in EXPRESSIONS} | {
        "gain": _gain("Overall", "the whole face"),
        "brows": _gain("Brows", "brows and forehead"),
        "eyes": _gain("Eyes", "the lids and what is round them"),
        "mouth": _gain("Mouth", "mouth, jaw and cheeks"),
        "balance": _number(
            "Left/Right",
            "Which side performs: 0 both alike, 1 the face's own left alone, -1 its right alone",
            -1.0,
            1.0,
            0.0,
        ),
        "speed": _number(
            "Speed",
            "How many times as fast the keys are played, counted from the first key: 2 takes half the time",
            0.1,
            10.0,
            soft_min=0.5,
            soft_max=2.0,
        ),
        "mask": StringProperty(
            name="Mask",
            description="Vertex group whose weights scale the motion: weight 0 stays still; empty for the whole face",
            options=set(),
        ),
        "vary": BoolProperty(
            name="Vary",
            description="Give one natural performance out of many, which the seed tells; off, "
            "the calm mean of all people with such a face",
            options=set(),
        ),
        "seed": IntProperty(
            name="Seed",
            description="Which performance and which blinks are given: the same seed always gives the same ones",
            default=1,
            min=0,
            max=MAX_SEED,
            options=set(),
        ),
        "variation": _number(
            "Variation",
            "How far performances differ from the calm mean: 0 not at all, 1 as people do",
            0.0,
            MAX_VARIATION,
        ),
        "life": BoolProperty(
            name="Life",
            description="Add blinks and small movements, which go on between expressions; the seed tells which",
            options=set(),
        ),
        "life_amount": _number(
            "Amount", "How large the small movements are; blinks always close the eyes. 0 adds neither", 0.0, 1.0
        ),
    }


def _is_mesh(_self: MienScene, candidate: bpy.types.Object) -> bool:
    return candidate.type == "MESH"


def _like_items(_self: MienScene, _context: bpy.types.Context | None) -> list[tuple[str, str, str, str, int]]:
    # A function, no lambda: Blender evaluates annotations where a lambda would not see this module's names.
    return head_items()


class MienScene(bpy.types.PropertyGroup):
    """Settings of the sidebar, `scene.mien`."""

    face: PointerProperty(name="Face", description="The mesh that performs", type=bpy.types.Object, poll=_is_mesh)
    way: EnumProperty(
        name="Bake To", description="What the performance becomes", items=[one.item for one in WAYS], default="keys"
    )
    tolerance: FloatProperty(
        name="Tolerance",
        description="Largest distance of any vertex from the generated motion, in mm on a head of average size",
        default=0.05,
        min=0.001,
        max=5.0,
        soft_max=0.5,
        step=1,
        precision=3,
    )
    step: FloatProperty(
        name="Step",
        description="Frames from one baked frame to the next: 2 bakes every other frame, 0.5 two for each frame",
        default=1.0,
        min=0.05,
        max=100.0,
        soft_max=4.0,
        step=50,
        precision=2,
    )
    like: EnumProperty(
        name="Like",
        description="Which head is wrapped onto yours: it decides how the face moves",
        items=_like_items,
    )
    own_range: BoolProperty(
        name="Own Range", description="Bake these frames instead of the scene's frame range", default=False
    )
    frame_start: IntProperty(name="First", description="First frame to bake", default=1)
    frame_end: IntProperty(name="Last", description="Last frame to bake", default=100)

    def range_in(self, scene: bpy.types.Scene) -> tuple[int, int]:
        """First and last frame to bake, in the animation's own time (see `motion.played_range`)."""
        if self.own_range:
            return self.frame_start, self.frame_end
        return played_range(scene)


_head_items: list[tuple[str, str, str, str, int]] = []


def head_items() -> list[tuple[str, str, str, str, int]]:
    """The heads that can be wrapped: automatic, and each generator by its title."""
    found = [("auto", "Automatic", "The model pack that was installed last, else the head that ships with Mien")]
    with contextlib.suppress(MienError):
        found += [(one.title, one.title, f"Move like the {one.title}") for one in packs.known()]
    # A number of its own for each title: packs come and go, and a file keeps the number. Of 24 bits, since a click in
    # a menu hands it over as a float.
    numbered = [(*one, "NONE", zlib.crc32(one[0].encode()) >> 8 if one[0] != "auto" else 0) for one in found]
    if numbered != _head_items:
        _head_items[:] = numbered  # kept here: Blender does not hold on to the texts
    return _head_items


def attach() -> None:
    """Hang the properties on objects, meshes and scenes."""
    bpy.types.Object.mien = PointerProperty(type=MienFace)
    bpy.types.Mesh.mien = PointerProperty(type=MienMesh)
    bpy.types.Scene.mien = PointerProperty(type=MienScene)


def detach() -> None:
    """Take them off again."""
    del bpy.types.Scene.mien
    del bpy.types.Mesh.mien
    del bpy.types.Object.mien
