# ruff: noqa: T201 - commands speak on standard output
"""`python -m training ablation`: what each idea of the steered network brings, the ones that do not help as well."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path  # noqa: TC003 - tyro reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from core.errors import CorpusError
from core.learning.scenes import Staging
from core.learning.trainer import Schedule

from . import train
from .judging.accuracy import means, measure
from .judging.acting import Actor
from .runs import epochs_done, load_run, read_config
from .settings import Train

if TYPE_CHECKING:
    from collections.abc import Mapping

STEERED: Mapping[str, Any] = {"model": "steered"}
BARE: Mapping[str, Any] = {
    **STEERED, "style": 0, "code": 0, "ahead": (), "jacobians": False, "fields": 0, "direct": False,
    "staging": Staging(scaled=0),
}  # fmt: skip
"""The paper's network with an exact rest and nothing else."""

ROWS: Mapping[str, Mapping[str, Any]] = {
    "PCA blendshapes": {"model": "pca"},
    "the paper's network": {"model": "spiral"},
    "and an exact rest (gate, no biases)": BARE,
    "and direct latents": {**BARE, "direct": True},
    "and a mix of fields at each vertex": {**BARE, "direct": True, "fields": 4},
    "and labels of half a second ahead": {**BARE, "direct": True, "fields": 4, "ahead": (3, 6)},
    "and the face's Jacobians": {**STEERED, "style": 0, "code": 0, "staging": Staging(scaled=0)},
    "and the face's code": {**STEERED, "style": 0, "staging": Staging(scaled=0)},
    "and labels of every strength": {**STEERED, "style": 0},
    "and styles": {**STEERED, "lean": False},
    "and the code by way of the style: all of it": STEERED,
    "all, with codes read all over the head": {**STEERED, "landmarks": False},
    "all, without looking ahead": {**STEERED, "ahead": ()},
    "all, without Jacobians": {**STEERED, "jacobians": False},
    "all, with blendshapes for a decoder": {**STEERED, "blendshapes": True},
}
"""Name -> what differs from the command's settings."""


@dataclass(frozen=True)
class Ablation:
    """Trains the network several times for some epochs with the same seed, each time with one idea more or less."""

    corpus: Annotated[Path, tyro.conf.Positional]
    """Folder of the corpus."""
    out: Path
    """Folder that gets the runs; a run that is done is not done again."""
    json: Path | None = None
    """File for the figures, which the report shows."""
    schedule: Schedule = field(default_factory=lambda: Schedule(6, 3e-3, 0.6, leak=0.3))
    """Of each training."""
    chain: int = 4
    """See `train`."""
    max_rest: int = 10
    """See `train`."""
    code: int = 64
    """See `train`."""
    seed: int = 0
    """Of all of them."""


def run(config: Ablation) -> int:
    """Trains what is not trained yet, prints the table."""
    rows = []
    for name, changes in ROWS.items():
        folder = config.out / "".join(letter if letter.isalnum() else "-" for letter in name)
        base = Train(
            config.corpus, folder, schedule=config.schedule, chain=config.chain, max_rest=config.max_rest,
            code=config.code, seed=config.seed, check_every=config.schedule.epochs,
        )  # fmt: skip
        row = {"name": name, **_figures(replace(base, **changes)), "note": ""}
        rows.append(row)
        print(f"{name:48}{row['error_mm']:8.4f} mm, apex {row['apex_error_mm']:.4f}", flush=True)
    if config.json is not None:
        config.json.parent.mkdir(parents=True, exist_ok=True)
        about = {"epochs": config.schedule.epochs, "corpus": config.corpus.name, "seed": config.seed}
        config.json.write_text(json.dumps({**about, "rows": rows}, indent=1) + "\n")
    return 0


def _figures(settings: Train) -> dict[str, float]:
    folder = settings.out
    begun = (folder / "checkpoints" / "last.ckpt").exists()
    if begun and replace(read_config(folder)[0], corpus=settings.corpus) != settings:
        raise CorpusError(f"The run {folder} was made with other settings.", "Give another --out.")
    done = begun and epochs_done(folder) >= settings.schedule.epochs
    if not done and train.run(replace(settings, resume=begun)) != 0:
        raise KeyboardInterrupt
    found, corpus, network = load_run(folder)
    errors, at_apex, _ = measure(Actor.of(found, corpus, network, folder))
    return {"error_mm": means(errors)["total"], "apex_error_mm": means(at_apex)["total"]}
