"""For Blender's own glTF exporter: each bake as a clip of its own, none of which leaks into the next.

The exporter plays one action after the other. A shape key that an action does not animate keeps what the one before
left it with; so while it works every action holds the keys of all other bakes at rest. Afterwards they are taken out
again: hundreds of curves that say nothing would cost every frame of the playback.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from .. import fcurves
from . import actions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .records import MienBake


def before_export(_settings: dict[str, Any]) -> None:
    """Called by the exporter before it works."""
    for entry, others in _bakes():
        curves = actions.curves_in(entry.action)
        there = {curve.data_path for curve in curves or ()}
        for path in () if curves is None else others - there:
            fcurves.write(curves, path, [0.0], [0.0])


def after_export(_settings: dict[str, Any]) -> None:
    """Called by the exporter when it is done."""
    for entry, others in _bakes():
        actions.strip(actions.curves_in(entry.action), others)


def _bakes() -> Iterator[tuple[MienBake, set[str]]]:
    """Every bake that plays from an action, and the paths of the keys of all others of its mesh."""
    for mesh in bpy.data.meshes:
        if len(mesh.mien.bakes) < 2:
            continue
        every = {actions.path_of(name) for one in mesh.mien.bakes for name in one.key_names}
        for entry in mesh.mien.bakes:
            if entry.action is not None and entry.way != "absolute":
                yield entry, every - {actions.path_of(name) for name in entry.key_names}
