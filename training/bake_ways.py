# ruff: noqa: T201 - commands speak on standard output
"""`python -m training bake-ways`: the table of the ways to bake, measured in Blender on a MakeHuman and an ICT head."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - tyro reads the annotations
from typing import Annotated, Any

import tyro

from core.bundle import read_bundle

from .benchmark import DEFAULT_BUNDLE
from .benchmarks.bake_ways import Head, measure
from .benchmarks.timing import machine
from .blender import need_blender
from .corpora.basemesh import base_mesh
from .corpora.facekit import SKIN, read_facekit
from .corpora.template_makehuman import head_vertices

_COLUMNS = (
    *("way", "bake s", ".blend MB", "cache MB", "keys", "largest error mm", "RMS mm", "play ms a frame", "of keys'"),
    *("glTF", "FBX", "USD", "Alembic"),
)
_FORMS = {
    "seconds": ".2f",
    "blend_mb": ".1f",
    "cache_mb": ".1f",
    "keys": "d",
    "error_mm": ".4f",
    "rms_mm": ".4f",
    "play_ms": ".2f",
    "play_ratio": ".2f",
}


@dataclass(frozen=True)
class BakeWays:
    """Size, error, playback and exports of every way to bake, on a hundred frames."""

    json: Annotated[Path | None, tyro.conf.arg(name="json")] = None
    """Also write all figures here."""
    bundle: Path | None = None
    """The ICT model pack; without it, or without --facekit, the ICT head is left out."""
    facekit: Path | None = None
    """A clone of ICT-FaceKit or its packed file: the ICT head's own shape keys."""
    frames: int = 100
    """How many are baked."""
    rounds: int = 9
    """How often each way plays; a third as often it is baked."""


def run(config: BakeWays) -> int:
    """Measures, prints the table, writes what is asked for.

    Raises:
        MienError: there is no Blender here.
    """
    need_blender()
    heads = [makehuman_head()]
    if config.bundle is not None and config.facekit is not None:
        heads.append(ict_head(config.bundle, config.facekit))
    result: dict[str, Any] = {"machine": machine("cpu"), "frames": config.frames, "heads": {}}
    for head in heads:
        print(f"… {head.name}", flush=True)
        result["heads"][head.name] = {
            "vertices": len(head.vertices),
            "own_keys": head.keys_are,
            "ways": measure(head, config.frames, config.rounds),
        }
    result["blender"] = blender_version()
    print(table(result))
    if config.json is not None:
        config.json.parent.mkdir(parents=True, exist_ok=True)
        config.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0


def makehuman_head() -> Head:
    """Ada, with MakeHuman's facial actions as her own shape keys."""
    bundle = read_bundle(DEFAULT_BUNDLE)
    base = base_mesh()
    kept = head_vertices(base)
    keys = {name: shape[kept].astype("float32") for name, shape in sorted(base.actions.items())}
    words = f"MakeHuman's {len(keys)} facial actions, named as ARKit's"
    return Head("Ada", DEFAULT_BUNDLE, bundle.template, bundle.samples["Ada"], keys, words)


def ict_head(bundle: Path, facekit: Path) -> Head:
    """A person of ICT-FaceKit, the skin of the head, with the kit's shapes as own shape keys."""
    kit = read_facekit(facekit)
    person = kit.neutral + kit.identity[0] - 0.7 * kit.identity[1]
    keys = {name: shape[:SKIN] for name, shape in kit.shapes.items() if shape[:SKIN].any()}
    template = read_bundle(bundle).template
    words = f"ICT-FaceKit's {len(keys)} expression shapes that move the skin"
    return Head("an ICT head", bundle, template, person[:SKIN].astype("float32"), keys, words)


def blender_version() -> str:
    """Such as "5.0.1"."""
    import bpy

    return ".".join(map(str, bpy.app.version))


def table(result: dict[str, Any]) -> str:
    """The figures as Markdown."""
    lines = []
    for name, head in result["heads"].items():
        lines += [
            f"{name}, {head['vertices']:,} vertices, {result['frames']} frames (own keys: {head['own_keys']})",
            "",
            f"| {' | '.join(_COLUMNS)} |",
            "| --- " * len(_COLUMNS) + "|",
        ]
        for way, one in head["ways"].items():
            exports = [_export(there) for there in one["exports"].values()]
            numbers = [f"{one[name]:{kind}}" for name, kind in _FORMS.items()]
            lines.append(f"| {' | '.join([way, *numbers, *exports])} |")
        lines.append("")
    return "\n".join([*lines, "Exports: MB, and the largest error in mm after export and import."])


def _export(there: dict[str, float] | None) -> str:
    return "refused" if there is None else f"{there['megabytes']:.1f} ({there['error_mm']:.4f})"
