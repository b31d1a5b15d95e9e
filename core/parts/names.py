"""Roles told by the names that people and programs give to objects and materials."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from .roles import Role

if TYPE_CHECKING:
    from collections.abc import Iterable

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

# Longer words first: an eyelash is no eye. Of MPFB, MakeHuman, Daz, Character Creator, MetaHuman, ICT-FaceKit, VRoid.
_WORDS: tuple[tuple[Role, tuple[str, ...]], ...] = (
    (Role.GLASSES, ("eyeglass", "eyewear", "glasses", "sunglass", "spectacle", "goggle", "monocle")),
    (Role.LASHES, ("eyelash", "lashes", "lash", "cilia")),
    (Role.BROWS, ("eyebrow", "brows", "brow")),
    (
        Role.SKIN,
        ("eyelid", "eyesocket", "eyeshell", "eyeedge", "eyeblend", "eyeocclusion", "eyeao", "cartilage", "tearline",
         "tear", "lacrimal", "caruncle", "occlusion", "meniscus", "piercing", "freckle", "scar", "eyeshadow",
         "eyeliner"),
    ),
    (Role.EYES, ("eyeball", "eyes", "eye", "cornea", "sclera", "iris", "irises", "pupil", "eyewhite", "eyemoisture")),
    (Role.TONGUE, ("tongue",)),
    (Role.GUMS, ("teeth", "tooth", "denture", "gums", "gum", "incisor", "canine", "molar", "fang", "mouth", "saliva")),
    (Role.BEARD, ("beard", "moustache", "mustache", "stubble", "goatee", "sideburn", "whisker", "facialhair")),
    (Role.HAIR, ("hair", "ponytail", "fringe", "bangs", "braid", "scalp", "hat", "helmet", "cap", "headband", "earring",
                 "horn", "hood")),
    (
        Role.NONE,
        ("shirt", "dress", "suit", "jacket", "coat", "pants", "trousers", "jeans", "shoe", "boot", "skirt", "glove",
         "clothes", "cloth", "outfit", "genital", "nail", "watch", "necklace", "camera", "light", "ground", "floor"),
    ),
)  # fmt: skip

_UPPER = frozenset({"upper", "top", "up", "maxilla", "maxillary"})
_LOWER = frozenset({"lower", "bottom", "low", "down", "mandible", "mandibular", "jaw"})
_TWO = (("eye", "lash"), ("eye", "lashes"), ("eye", "brow"), ("eye", "brows"), ("eye", "ball"), ("eye", "shell"),
        ("eye", "edge"), ("eye", "blend"), ("eye", "occlusion"), ("eye", "ao"), ("eye", "wear"), ("eye", "glasses"),
        ("eye", "shadow"), ("tear", "line"), ("facial", "hair"), ("eye", "liner"),
        ("eye", "lid"), ("eye", "lids"), ("eye", "socket"), ("eye", "sockets"))  # fmt: skip


_PLACES = ({Role.EYES, Role.LASHES, Role.BROWS, Role.SKIN, Role.GLASSES}, {Role.GUMS}, {Role.TONGUE})
"""A name that speaks of two of these is one of a mesh with several parts in it."""


def role_by_name(names: Iterable[str]) -> tuple[Role, str] | None:
    """What names tell, the first that tells anything.

    Teeth and gums without a word for the row, in any of the names, are `Role.GUMS`: of both jaws as far as names can
    tell.

    Args:
        names: of the object, its mesh, its materials; the most telling first.

    Returns:
        The role, and the word that told it; None where no name tells anything.
    """
    rowless = None
    for name in names:
        found = _one(name)
        if found is not None and rowless is None:
            if found[0] is not Role.GUMS:
                return found
            rowless = found
        elif found is not None and found[0] in (Role.UPPER, Role.LOWER):
            return found
    return rowless


def _one(name: str) -> tuple[Role, str] | None:
    words = [word.lower() for word in _WORD.findall(name)]
    joined = words + [a + b for a, b in pairwise(words) if (a, b) in _TWO]
    found = [(role, word) for role, stems in _WORDS for word in joined if any(_says(word, stem) for stem in stems)]
    if not found or sum(bool(place & {role for role, _ in found}) for place in _PLACES) > 1:
        return None
    role, word = found[0]
    return (_row(words) if role is Role.GUMS else role), word


def _says(word: str, stem: str) -> bool:
    # A short stem may begin another word: brows are not brown.
    return word in (stem, f"{stem}s", f"{stem}es") or (len(stem) > 5 and word.startswith(stem))


def _row(words: list[str]) -> Role:
    """Which row of teeth; both where the words say neither or both."""
    upper, lower = bool(_UPPER & set(words)), bool(_LOWER & set(words)) and "poly" not in words
    return Role.GUMS if upper == lower else Role.UPPER if upper else Role.LOWER
