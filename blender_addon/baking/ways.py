"""The ways to bake: what each leaves in the scene, what it is for, and what it exports to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Way:
    """One way to bake.

    Attributes:
        name: for scripts and the command line.
        title: for people.
        short: for narrow places.
        brief: what it is good for, a few words.
        purpose: what it is for, one sentence without a full stop.
        exports: file formats that keep the motion, by the exporters that Blender brings.
        cautions: what does not go, a sentence; empty where nothing has to be said.
    """

    name: str
    title: str
    short: str
    brief: str
    purpose: str
    exports: tuple[str, ...]
    cautions: str = ""

    @property
    def item(self) -> tuple[str, str, str]:
        """For an enum of Blender: identifier, name, tooltip."""
        return self.name, self.title, f"{self.purpose}. Exports to {', '.join(self.exports)}"


WAYS = (
    Way(
        "keys",
        "Shape Key per Frame",
        "per frame",
        "Exact, to edit single frames",
        "Exact, beside shape keys of your own; one relative key a frame, to edit single frames",
        ("glTF", "FBX", "USD", "Alembic"),
    ),
    Way(
        "absolute",
        "Absolute Shape Keys",
        "absolute",
        "Exact, plays fastest",
        "Exact and the fastest to play; one Evaluation Time curve, no other shape keys beside it",
        ("USD", "Alembic"),
        "glTF and FBX know no absolute keys.",
    ),
    Way(
        "compact",
        "Compact Shape Keys",
        "compact",
        "Few keys, small files",
        "Small files: as few shape keys as stay within the tolerance, each with one curve",
        ("glTF", "FBX", "USD", "Alembic"),
    ),
    Way(
        "own",
        "Onto Own Shape Keys",
        "own keys",
        "Curves for keys the face has",
        "Curves for the face's own keys (ARKit's 52 or any others), each within its slider's range, for rigs and games",
        ("glTF", "FBX", "USD", "Alembic"),
        "As good as the keys are: the largest error is told.",
    ),
    Way(
        "cache",
        "Mesh Cache (PC2)",
        "cache",
        "Exact, in a file of its own",
        "Exact, in a file beside the .blend; for long shots and heavy heads",
        ("USD", "Alembic"),
        "glTF and FBX drop it; shape keys of your own that move do not show through it.",
    ),
)

_BY_NAME = {way.name: way for way in WAYS}


def way_of(name: str) -> Way | None:
    """The way of this name; None where there is none."""
    return _BY_NAME.get(name)
