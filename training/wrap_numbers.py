# ruff: noqa: T201 - commands speak on standard output
"""`python -m training wraps`: each template wrapped onto heads of the other and of random topology, in numbers."""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import tyro
from tqdm import tqdm  # type: ignore[import-untyped]

from core.bundle import read_bundle
from core.errors import BundleError, MienError
from core.wrapping.wrap import skin_of

from .benchmark import DEFAULT_BUNDLE
from .benchmarks.timing import machine
from .blender import blender_surfaces, need_blender
from .corpora.facekit import read_facekit
from .wraps.page import table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from core.bundle import Bundle
    from core.wrapping.surface import TreeSurface

    from .wraps.heads import TestHead
    from .wraps.scores import Score


@dataclass(frozen=True)
class Wraps:
    """Wraps heads whose own motion is known, transfers single actions, and compares."""

    facekit: Path
    """A clone of ICT-FaceKit or its packed file."""
    ict: Path = Path("dist/mien-ict-head.safetensors")
    """The ICT model pack, exported with --facekit, so that it has modes of people."""
    makehuman: Path = DEFAULT_BUNDLE
    """The bundle that ships."""
    heads: int = 8
    """How many people of each kind."""
    json: Annotated[Path | None, tyro.conf.arg(name="json")] = None
    """Also write the figures here."""


def run(config: Wraps) -> int:
    """Measures, prints the table, writes what is asked for.

    Raises:
        MienError: there is no Blender here.
        BundleError: the model pack has no modes.
    """
    need_blender()
    if config.heads < 1:
        raise MienError(f"{config.heads} heads cannot be measured.", "Give --heads 8, for example.")
    # Blender first: it cannot be imported after some of the mesh libraries.
    surface_of = blender_surfaces()
    ict, makehuman = read_bundle(config.ict), read_bundle(config.makehuman)
    if not len(ict.modes):
        raise BundleError(f"{config.ict.name} has no modes of people.", "Export it with --facekit.")
    result = measure(config, ict, makehuman, surface_of)
    print(table(result))
    if config.json is not None:
        config.json.parent.mkdir(parents=True, exist_ok=True)
        config.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0


def measure(config: Wraps, ict: Bundle, makehuman: Bundle, surface_of: Callable[..., TreeSurface]) -> dict[str, Any]:
    """All figures; see `page.table`."""
    from .wraps.heads import ict_head, ict_motion, makehuman_head, makehuman_motion
    from .wraps.scores import score
    from .wraps.solvers import compare, recorded

    kit, numbers = read_facekit(config.facekit), range(config.heads)
    none = np.zeros((0, *ict.template.vertices.shape))
    of_ict, of_makehuman = ict_motion(kit), makehuman_motion()

    def scores(
        what: str, bundle: Bundle, modes: Any, motion: Mapping[str, Any], heads: Iterable[TestHead]
    ) -> list[Score]:
        found = []
        for number, head in enumerate(tqdm(heads, desc=what, total=config.heads, disable=None)):
            found.append(score(bundle.template, modes, motion, head, surface_of=surface_of, seed=number))
        return found

    def remeshed() -> Iterable[TestHead]:
        return (ict_head(kit, ict.template, number, remeshed=True) for number in numbers)

    exact = scores("exact", ict, ict.modes, of_ict, remeshed())
    without = scores("exact, no modes", ict, none, of_ict, remeshed())
    onto_ict = scores(
        "MakeHuman onto ICT", makehuman, makehuman.modes, of_makehuman,
        (ict_head(kit, ict.template, number, remeshed=False) for number in numbers),
    )  # fmt: skip
    onto_makehuman = scores(
        "ICT onto MakeHuman", ict, ict.modes, of_ict, (makehuman_head(makehuman.template, number) for number in numbers)
    )
    first = ict_head(kit, ict.template, 0, remeshed=True)
    systems = recorded(lambda: score(ict.template, ict.modes, of_ict, first, surface_of=surface_of, seed=0))
    skin = ict.template.triangles[skin_of(ict.template)[ict.template.triangles[:, 0]]]
    return {
        "solvers": compare(skin, ict.template.vertex_count, systems),
        "machine": machine("cpu"),
        "heads": config.heads,
        **summary(exact),
        "without_modes": summary(without),
        "makehuman_on_ict": summary(onto_ict),
        "ict_on_makehuman": summary(onto_makehuman),
    }


def summary(scores: list[Score]) -> dict[str, Any]:
    """Means over the heads, and the worst: "exact" (by action), "seconds" (median), and the rest."""
    actions = {}
    for name in scores[0].actions:
        each = [one.actions[name] for one in scores]
        mean = {key: statistics.fmean(one[key] for one in each) for key in each[0]}
        worst = {
            "worst_cosine": min(one["cosine"] for one in each),
            "worst_relative_rms": max(one["relative_rms"] for one in each),
        }
        actions[name] = mean | worst
    return {
        "exact": actions,
        "seconds": statistics.median(one.seconds for one in scores),
        "distance_percent": statistics.fmean(one.distance_percent for one in scores),
        "place_mm": None if scores[0].place_mm is None else statistics.fmean(one.place_mm or 0.0 for one in scores),
        "folded": sum(one.folded for one in scores),
    }
