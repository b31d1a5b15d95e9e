"""Which generator reads the photos: the one that the panel names, if it can."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import packs
from ..engine import MienError
from ..preferences import choice
from ..wrapping.wrap_job import generator_like

if TYPE_CHECKING:
    import bpy

    from ..engine import Loaded


def reads_photos(loaded: Loaded) -> bool:
    """Whether a generator can read photos."""
    return loaded.bundle.photo is not None and len(loaded.bundle.modes) > 0


def reader_like(like: str = "", bundle: str = "") -> Loaded:
    """The generator that reads photos.

    Args:
        like: see `generator_like`; of "auto", the first that can.
        bundle: see `packs.known`.

    Raises:
        MienError: there is none, or the one that is named cannot.
    """
    if like in ("", "auto"):
        found = next((one for one in packs.known(bundle) if reads_photos(one)), None)
        if found is None:
            raise MienError("No generator here can read photos.", "Choose no other bundle in Mien's preferences.")
        return found
    loaded = generator_like(like, bundle)
    if not reads_photos(loaded):
        raise MienError(f"The {loaded.title} cannot read photos.", "Choose Automatic under Like.")
    return loaded


def refusal(context: bpy.types.Context) -> str:
    """Why no photo can be read as the panel is set; empty where it can."""
    try:
        reader_like(context.scene.mien.like, choice(context).bundle)
    except MienError as problem:
        return str(problem)
    return ""


def are_several(context: bpy.types.Context) -> bool:
    """Whether there is a choice of generators that can read photos, or the one that is chosen cannot."""
    try:
        every = packs.known(choice(context).bundle)
    except MienError:
        return False
    return sum(map(reads_photos, every)) > 1 or bool(refusal(context))
