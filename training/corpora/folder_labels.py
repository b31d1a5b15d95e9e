"""The labels.json of a folder of meshes, checked; `folder.py` says what its words mean."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.errors import CorpusError
from core.motion import EXPRESSIONS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

UNITS = {"mm": 1.0, "cm": 10.0, "m": 1000.0}


@dataclass(frozen=True)
class FolderLabels:
    """labels.json, checked."""

    frame_rate: float
    every: int
    scale: float
    up: str
    licence: str
    source: str
    template: str
    expressions: dict[str, str]
    test: list[str] | int
    seed: int
    cues: dict[str, list[float]] | str


def read_labels(path: Path) -> FolderLabels:
    """labels.json.

    Raises:
        CorpusError: missing, not JSON, or a value is of the wrong kind; the sentence names it.
    """
    try:
        words = json.loads(path.read_text())
    except FileNotFoundError as problem:
        remedy = "Write one; the documentation shows how."
        raise CorpusError(f"There is no labels.json in {path.parent}.", remedy) from problem
    except (OSError, ValueError) as problem:
        raise CorpusError(f"{path} is not readable JSON ({problem}).") from problem
    if not isinstance(words, dict):
        raise CorpusError(f"{path} must hold a JSON object.")

    def take(name: str, kind: type | tuple[type, ...], default: Any, allowed: Callable[[Any], bool]) -> Any:
        value = words.get(name, default)
        if value is None or isinstance(value, bool) or not isinstance(value, kind) or not allowed(value):
            raise CorpusError(f"{name!r} in {path.name} is missing or not usable ({value!r}).")
        return value

    expressions = take("expressions", dict, {}, lambda value: all(one in EXPRESSIONS for one in value.values()))
    return FolderLabels(
        frame_rate=float(take("frame_rate", (int, float), None, lambda value: 0 < value <= 1000)),
        every=take("every", int, 1, lambda value: value >= 1),
        scale=UNITS[take("units", str, None, lambda value: value in UNITS)],
        up=take("up", str, "y", lambda value: value in ("y", "z")),
        licence=take("licence", str, "unknown", bool),
        source=take("source", str, str(path.parent.name), bool),
        template=take("template", str, None, bool),
        expressions=expressions,
        test=take("test", (int, list), None, lambda value: value and (isinstance(value, int) or _all(value, str))),
        seed=take("seed", int, 0, lambda _: True),
        cues=take("cues", (dict, str), "auto", _are_cues),
    )


def _all(values: Any, kind: type | tuple[type, ...]) -> bool:
    return all(isinstance(value, kind) and not isinstance(value, bool) for value in values)


def _are_cues(value: Any) -> bool:
    if isinstance(value, str):
        return value == "auto"
    return all(isinstance(one, list) and len(one) == 4 and _all(one, (int, float)) for one in value.values())
