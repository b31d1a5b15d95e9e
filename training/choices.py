# ruff: noqa: T201 - commands speak on standard output
"""`python -m training choices`: what the paper leaves open, tried out on people held out of the training."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path  # noqa: TC003 - tyro reads the annotations
from typing import Annotated, Any

import tyro

from core.errors import CorpusError
from core.learning.trainer import Schedule

from . import train
from .corpora.store import open_corpus
from .figures import read_curves
from .runs import epochs_done, read_config
from .settings import Train

VARIANTS: dict[str, dict[str, Any]] = {
    "as chosen": {},
    "L = 6": {"spiral_length": 6},
    "L = 16": {"spiral_length": 16},
    "memory of 256": {"hidden": 256},
    "torch's initialisation": {"initialisation": "torch"},
    "output in millimetres": {"unit": "millimetre"},
    "torch's initialisation, output in millimetres": {"initialisation": "torch", "unit": "millimetre"},
}
"""Name -> what differs from the settings that Mien trains with: L = 10, memory of 64, He, output in the spread."""


@dataclass(frozen=True)
class Choices:
    """Trains the network several times for some epochs, each with one choice changed; test subjects stay unseen."""

    corpus: Annotated[Path, tyro.conf.Positional]
    """Folder of the corpus."""
    out: Path
    """Folder that gets the runs; a run that is done is not done again."""
    json: Path | None = None
    """File for the figures."""
    epochs: int = 20
    """Of each training, at the paper's rate of 1e-3, x0.99."""
    hold_out: int = 27
    """So many of the people to train on are looked at and not learned from."""
    seeds: int = 1
    """Of each variant so many trainings."""


def run(config: Choices) -> int:
    """Trains what is not trained yet, prints the table."""
    if config.seeds < 1 or config.hold_out < 1:
        raise CorpusError("There must be at least one seed, and one person held out.")
    errors: dict[str, list[float]] = {}
    for name, changes in VARIANTS.items():
        for seed in range(config.seeds):
            errors.setdefault(name, []).append(_error(config, changes, seed))
        print(f"{name:48}{_text(errors[name])}", flush=True)
    if config.json is not None:
        config.json.parent.mkdir(parents=True, exist_ok=True)
        about = {"epochs": config.epochs, "held_out": config.hold_out, "corpus": config.corpus.name}
        config.json.write_text(json.dumps({**about, "error_mm": errors}, indent=1) + "\n")
    return 0


def _error(config: Choices, changes: dict[str, Any], seed: int) -> float:
    word = "-".join(f"{key}-{value}" for key, value in changes.items()) or "base"
    folder = config.out / f"{word}-seed-{seed}"
    schedule = Schedule(epochs=config.epochs)
    settings = replace(
        Train(config.corpus, folder, schedule=schedule, seed=seed, hold_out=config.hold_out, check_every=config.epochs),
        **changes,
    )
    begun = (folder / "checkpoints" / "last.ckpt").exists()
    if begun:
        _check_same(settings, folder)
    if not (begun and epochs_done(folder) >= config.epochs) and train.run(replace(settings, resume=begun)) != 0:
        raise KeyboardInterrupt
    return read_curves(folder)["test_error_mm"][1][-1]


def _check_same(settings: Train, folder: Path) -> None:
    before, fingerprint = read_config(folder)
    corpus = open_corpus(settings.corpus, verify=False)
    if replace(before, corpus=settings.corpus) != settings or fingerprint != corpus.fingerprint:
        raise CorpusError(f"The run {folder} was made with other settings or another corpus.", "Give another --out.")


def _text(errors: list[float]) -> str:
    return "  ".join(f"{error:.3f} mm" for error in errors)
