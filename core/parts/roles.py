"""The roles that a part of a face may have."""

from __future__ import annotations

from enum import Enum


class Role(Enum):
    """What a part is, and so how it moves."""

    FACE = "face"
    EYES = "eyes"
    UPPER = "upper_teeth"
    LOWER = "lower_teeth"
    GUMS = "gums"
    TONGUE = "tongue"
    LASHES = "lashes"
    BROWS = "brows"
    BEARD = "beard"
    SKIN = "skin"
    GLASSES = "glasses"
    HAIR = "hair"
    NONE = "none"

    @property
    def title(self) -> str:
        """For people."""
        return _WORDS[self][0]

    @property
    def motion(self) -> str:
        """How it moves, for people; no full stop."""
        return _WORDS[self][1]


_WORDS = {
    Role.FACE: ("Face", "The skin that performs; as it is bound"),
    Role.EYES: ("Eyes", "Eyeballs, irises, corneas: each stays whole in its socket"),
    Role.UPPER: ("Upper Teeth", "Upper teeth and their gums: still, as the skull is"),
    Role.LOWER: ("Lower Teeth", "Lower teeth and their gums: whole, with the jaw"),
    Role.GUMS: ("Both Jaws", "Gums or teeth of both jaws in one piece: still above the lips' line, with the jaw below"),
    Role.TONGUE: ("Tongue", "With the jaw"),
    Role.LASHES: ("Lashes", "Each on the rim of the lid where it grows, and turning with it"),
    Role.BROWS: ("Brows", "On the skin beneath"),
    Role.BEARD: ("Beard", "On the skin beneath"),
    Role.SKIN: ("On Skin", "Anything else that lies on the skin, such as tear lines, piercings or scars"),
    Role.GLASSES: ("Glasses", "Whole, on the bridge of the nose and the temples"),
    Role.HAIR: ("Hair", "Still, as the skull is; hats and helmets too"),
    Role.NONE: ("Ignore", "No part of the face; left as it is"),
}
