"""The errors Mien tells people about: one plain sentence, and where there is one, the remedy."""

from __future__ import annotations


class MienError(Exception):
    """Something a person can put right.

    Args:
        sentence: what is wrong, in one plain sentence with a full stop.
        remedy: what to do about it, in one plain sentence; empty where there is nothing to do.
    """

    def __init__(self, sentence: str, remedy: str = "") -> None:
        super().__init__(f"{sentence} {remedy}".strip())
        self.sentence = sentence
        self.remedy = remedy


class TemplateError(MienError):
    """A template's arrays do not make a usable mesh."""


class BundleError(MienError):
    """A bundle file is damaged, foreign, or of another version."""


class CorpusError(MienError):
    """A corpus or a folder of meshes cannot be trained on as it is."""


class MotionError(MienError):
    """Cues or motion labels make no sense."""


class MeshError(MienError):
    """An artist's mesh cannot perform as it is."""


class PhotoError(MienError):
    """A photo shows no face that can be used."""


class DeviceError(MienError):
    """The device asked for is not there."""


class Cancelled(MienError):
    """The person stopped the work; nothing was changed."""

    def __init__(self) -> None:
        super().__init__("Cancelled; nothing was changed.")
