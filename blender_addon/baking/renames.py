"""Shape keys that were renamed by hand: Blender tells the action that plays, and Mien's records follow it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from . import actions, artist

if TYPE_CHECKING:
    import bpy

    from .records import MienBake, MienMesh

_PATH = re.compile(r'key_blocks\["(.*)"\]\.value')
_NEAR = 1e-3


def follow(own: MienMesh) -> dict[str, str]:
    """Carries new names of keys that the playing bake made or drives into its record and everywhere else.

    Returns:
        The new names by the old ones.
    """
    entry, keys = artist.playing_now(own), own.id_data.shape_keys
    if entry is None:
        return {}
    recorded = [*entry.key_names, *entry.driven_names]
    missing = [name for name in recorded if name not in keys.key_blocks]
    if not missing:
        return {}
    known = {name for one in own.bakes for name in [*one.key_names, *one.driven_names]}
    strangers = {}
    for curve in actions.curves_in(entry.action) or ():
        found = _PATH.fullmatch(curve.data_path)
        name = found.group(1).replace('\\"', '"').replace("\\\\", "\\") if found else ""
        if name in keys.key_blocks and name not in known and (place := _place(curve, entry)) is not None:
            strangers[name] = place
    pairs = _paired(missing, strangers, entry)
    if pairs:
        _rename(own, entry, pairs)
    return pairs


def rename_too(own: MienMesh, pairs: dict[str, str]) -> None:
    """Gives a mesh that plays the same action the names that another one's keys have now: old -> new."""
    keys, entry = own.id_data.shape_keys, artist.playing_now(own)
    if entry is None:
        return
    recorded = {*entry.key_names, *entry.driven_names}
    for old, new in pairs.items():
        if old in recorded and old in keys.key_blocks and new not in keys.key_blocks:
            keys.key_blocks[old].name = new
    _rename(own, entry, {old: new for old, new in pairs.items() if old in recorded and new in keys.key_blocks})


def _place(curve: bpy.types.FCurve, entry: MienBake) -> float | None:
    """The frame in the middle of a curve that this bake wrote, to tell it by; None for one that it did not write."""
    about = entry.about
    flat = np.empty(2 * len(curve.keyframe_points), np.float32)
    curve.keyframe_points.foreach_get("co", flat)
    times, values = flat[::2], flat[1::2]
    start, end, step = (float(about.get(name, 0)) for name in ("start", "end", "step"))
    if entry.way == "keys":
        own = len(times) == 3 and values.tolist() == [0, 1, 0] and abs(times[1] - times[0] - step) < _NEAR
        return float(times[1]) if own else None
    own = len(times) >= 2 and abs(times[0] - start + step) < _NEAR and abs(times[-1] - end - step) < _NEAR
    return 0.0 if own else None


def _paired(missing: list[str], strangers: dict[str, float], entry: MienBake) -> dict[str, str]:
    if entry.way == "keys":
        about = entry.about
        by_frame = {round(place, 2): name for name, place in strangers.items()}
        start, step = float(about.get("start", 0)), float(about.get("step", 1))
        frames = {name: round(start + number * step, 2) for number, name in enumerate(entry.key_names)}
        return {name: by_frame[frames[name]] for name in missing if frames.get(name) in by_frame}
    return dict(zip(missing, strangers, strict=True)) if len(missing) == len(strangers) else {}


def _rename(own: MienMesh, entry: MienBake, pairs: dict[str, str]) -> None:
    entry.about = {
        **entry.about,
        **{kind: [pairs.get(name, name) for name in entry.about.get(kind, [])] for kind in ("names", "driven")},
    }
    for other in own.bakes:
        if other != entry:
            other.about = {**other.about, "driven": [pairs.get(name, name) for name in other.driven_names]}
    state = own.state
    values = state.get("values", {})
    own.state = {**state, "values": {pairs.get(name, name): value for name, value in values.items()}}
    paths = {actions.path_of(old): actions.path_of(new) for old, new in pairs.items()}
    played = [one.action for one in own.bakes if one.action is not None]
    elsewhere = [curve for action in played for curve in actions.curves_in(action) or ()]
    for curve in [*elsewhere, *artist.base_curves(own)]:
        if curve.data_path in paths:
            curve.data_path = paths[curve.data_path]
