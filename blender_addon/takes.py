"""The take of a face: which natural performance of its labels it gives, and the small motions of life."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .engine import MAX_SEED, MAX_VARIATION, MotionError, Take

if TYPE_CHECKING:
    from collections.abc import Mapping

    import bpy

    from .engine import Generator

NO_TAKES = "The generator of this face gives one performance of each expression, and knows no takes."
NO_LIFE = "The generator of this face knows no blinks and small movements."
NO_VARIATION = "The variation changes nothing: the performance is the calm one. Give a seed as well, or turn Vary on."
NO_SEED = "The performance is the calm one, in spite of its seed: the face's variation is 0."
NEWER = "Install a newer model pack."

CALM = "none"
"""The seed of the calm mean performance, where None stands for that of the face."""

_RANGES = f"Give a seed from 0 to {MAX_SEED:,}, a variation from 0 to {MAX_VARIATION:g}, a life from 0 to 1."

_HARDLY = 0.005
"""A variation as near to 1 as this is not told."""

_SHORT = 10_000
"""New takes have seeds below this: short enough to be noted down."""


def of_face(obj: bpy.types.Object) -> Take:
    """The take that the settings of a face ask for."""
    return asked(obj)


def asked(obj: bpy.types.Object, seed: Any = None, variation: Any = None, life: Any = None) -> Take:
    """The take of a face, but for what is given here.

    A calm face that lives has a seed as well, and no variation: so two of them need not blink at the same time.

    Args:
        obj: the face.
        seed: 0 or above; `CALM` for the calm performance; None as the face has it.
        variation: 0..1.5; None as the face has it.
        life: 0..1, or whether there is any; None as the face has it.

    Raises:
        MotionError: a number out of range.
    """
    own = obj.mien
    calm = is_calm(seed) or (seed is None and not own.vary)
    take = checked(
        own.seed if calm or seed is None else seed,
        own.variation if variation is None else variation,
        (own.life_amount if own.life else 0.0) if life is None else life,
    )
    if not calm:
        return take
    return replace(take, variation=0.0) if take.life > 0 else Take()


def unheard(obj: bpy.types.Object, seed: Any, variation: Any) -> list[str]:
    """Sentences about what was given to `asked` and changes nothing."""
    if variation and (is_calm(seed) or (seed is None and not obj.mien.vary)):
        return [NO_VARIATION]
    return [NO_SEED] if seed is not None and not is_calm(seed) and variation is None and not obj.mien.variation else []


def is_calm(seed: Any) -> bool:
    """Whether what is given for a seed asks for the calm performance."""
    return isinstance(seed, str) and seed == CALM


def checked(seed: Any, variation: Any, life: Any) -> Take:
    """A take of numbers of unknown origin; `life` may be yes or no.

    Raises:
        MotionError: a number out of range, or no number.
    """
    try:
        return Take(seed, float(variation), float(life))
    except (TypeError, ValueError, OverflowError) as problem:
        numbers = f"{seed!r}, {variation!r} and {life!r}"
        raise MotionError(f"A take is told by three numbers, and not by {numbers}.", _RANGES) from problem


def change(obj: bpy.types.Object, seed: Any = None, *, variation: Any = None, life: Any = None) -> None:
    """Changes the settings of a face; what is None stays.

    Args:
        obj: the face.
        seed: 0 or above, and the face gives that performance; `CALM`, and it gives the calm one.
        variation: 0..1.5.
        life: 0..1, or whether there is any; 0 turns it off.

    Raises:
        MotionError: a number out of range; nothing was changed.
    """
    own, calm = obj.mien, is_calm(seed)
    wanted = checked(
        None if calm else seed, own.variation if variation is None else variation, 0.0 if life is None else life
    )
    if seed is not None:
        own.vary = not calm
    own.seed = own.seed if wanted.seed is None else wanted.seed
    own.variation = wanted.variation
    if life is not None:
        own.life = wanted.life > 0
        own.life_amount = wanted.life if own.life else own.life_amount
    obj.update_tag()  # sliders in a window tag what they change, and the preview hears of it; a script has to


def new_take(obj: bpy.types.Object) -> int:
    """Gives a face another take than it has, by chance, and returns its seed; a variation of 0 becomes 1."""
    own = obj.mien
    seed = 1 + secrets.randbelow(_SHORT - 1)
    if seed == own.seed:
        seed = seed % (_SHORT - 1) + 1
    own.seed, own.vary, own.variation = seed, True, own.variation or 1.0
    obj.update_tag()
    return int(seed)


def varies(take: Take) -> bool:
    """Whether it is another performance than the calm mean; a seed may be there for life alone."""
    return take.seed is not None and take.variation > 0


def possible(take: Take, generator: Generator) -> tuple[Take, list[str]]:
    """What a generator can do of a take.

    Returns:
        The take without what it cannot, and a sentence for each thing that it cannot.
    """
    notes = []
    if varies(take) and not generator.varies:
        take = replace(take, variation=0.0)
        notes.append(NO_TAKES)
    if take.life > 0 and not generator.lives:
        take = replace(take, life=0.0)
        notes.append(NO_LIFE)
    return (take if varies(take) or take.life > 0 else Take()), notes


def to_record(take: Take) -> dict[str, Any]:
    """A take as the record of a bake keeps it."""
    return {"seed": take.seed, "variation": take.variation, "life": take.life}


def from_record(about: Mapping[str, Any]) -> Take:
    """The inverse of `to_record`; records from before there were takes are of the calm performance.

    Raises:
        MotionError: damaged.
    """
    try:
        return checked(about.get("seed"), about.get("variation", 1.0), about.get("life", 0.0))
    except MotionError as problem:
        raise MotionError("The record of this bake is damaged.", "Bake anew from the keys.") from problem


def title_of(take: Take) -> str:
    """A take in words, such as "take 1234, with life"; empty for the calm performance."""
    words = [f"take {take.seed}"] if varies(take) else []
    if varies(take) and abs(take.variation - 1) > _HARDLY:
        words.append(f"variation {take.variation:.2f}")
    return ", ".join([*words, *(["with life"] if take.life > 0 else [])])


def title_recorded(about: Mapping[str, Any]) -> str:
    """The take on record in words, for whoever draws and must not fail."""
    try:
        return title_of(from_record(about))
    except MotionError:
        return ""
