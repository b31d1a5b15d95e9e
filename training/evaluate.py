# ruff: noqa: T201 - commands speak on standard output
"""`python -m training evaluate`: how far runs' faces lie from those of people they never saw (section 5.2, table 2)."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - tyro reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import torch
import tyro

from core.errors import CorpusError
from core.metrics import error_per_frame
from core.motion import EXPRESSIONS

from .train import epochs_done, load_run

if TYPE_CHECKING:
    from core.model import Network

    from .corpora.store import Corpus

APEX = 0.999
"""Frames whose label reaches this share of the sequence's highest are its apex."""


@dataclass(frozen=True)
class Evaluate:
    """Mean per-vertex error in mm on the corpus' test subjects, per expression; runs of one corpus side by side."""

    runs: Annotated[list[Path], tyro.conf.Positional]
    """Folders of runs."""
    plot: Path | None = None
    """Picture of the error over the sequence (the paper's figure 5)."""


def run(config: Evaluate) -> int:
    """Evaluates each run, keeps evaluation.json in it, prints the table."""
    if not config.runs:
        raise CorpusError("There is no run to evaluate.", "Give the folder of one.")
    results = {}
    for folder in config.runs:
        results[folder.name] = result = evaluate(folder)
        (folder / "evaluation.json").write_text(json.dumps(result, indent=1) + "\n")
    print(table(results))
    if config.plot is not None:
        config.plot.parent.mkdir(parents=True, exist_ok=True)
        plot_curves(results, config.plot)
    return 0


def evaluate(folder: Path) -> dict[str, Any]:
    """Errors of a run on its corpus' test subjects.

    Returns:
        error_mm (per expression and "total", each the mean over frames and vertices), apex_error_mm (the same at the
        apex only), error_per_frame_mm (mean over sequences, by frame), parameters, epochs, corpus, model.
    """
    config, corpus, network = load_run(folder)
    errors, at_apex = measure(network, corpus)
    frames: dict[int, list[float]] = defaultdict(list)
    for sequence in (one for each in errors.values() for one in each):
        for number, value in enumerate(sequence):
            frames[number].append(value)
    return {
        "corpus": {"name": corpus.header["name"], "fingerprint": corpus.fingerprint},
        "model": config.model,
        "epochs": epochs_done(folder),
        "parameters": sum(part.numel() for part in network.parameters()),
        "error_mm": _means(errors),
        "apex_error_mm": _means(at_apex),
        "still_face_mm": _means(_still(corpus)),
        "error_per_frame_mm": [float(np.mean(frames[number])) for number in sorted(frames)],
        "test_sequences": sum(len(each) for each in errors.values()),
    }


@torch.inference_mode()
def measure(network: Network, corpus: Corpus) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
    """Per expression, the (T,) errors in mm of each test sequence, and those of its apex."""
    errors: dict[str, list[Any]] = defaultdict(list)
    at_apex: dict[str, list[Any]] = defaultdict(list)
    for index in corpus.split("test"):
        labels = corpus.labels(index)
        generated = network(torch.tensor(labels)[None])[0].numpy()
        expression = corpus.sequences[index].expression
        frames = error_per_frame(generated, corpus.deformation(index))
        errors[expression].append(frames)
        at_apex[expression].append(frames[_apex(labels)])
    return errors, at_apex


def _still(corpus: Corpus) -> dict[str, list[Any]]:
    # What a face that never moves would be wrong by: the scale the errors are read against.
    errors: dict[str, list[Any]] = defaultdict(list)
    for index in corpus.split("test"):
        motion = corpus.deformation(index)
        errors[corpus.sequences[index].expression].append(error_per_frame(np.zeros_like(motion), motion))
    return errors


def _apex(labels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    strength = labels.max(axis=1)
    return np.asarray(strength >= APEX * strength.max())


def _means(errors: dict[str, list[Any]]) -> dict[str, float]:
    means = {name: float(np.concatenate(errors[name]).mean()) for name in EXPRESSIONS if name in errors}
    everything = np.concatenate([sequence for each in errors.values() for sequence in each])
    return means | {"total": float(everything.mean())}


def table(results: dict[str, dict[str, Any]]) -> str:
    """The results as text, in the manner of the paper's table 2."""
    columns = [*EXPRESSIONS, "total"]
    lines = [f"{'mm':24}" + "".join(f"{name:>10}" for name in columns)]
    first = next(iter(results.values()))
    rows = {"a face that never moves": first["still_face_mm"]}
    for name, result in results.items():
        rows[name] = result["error_mm"]
        rows[f"{name}, apex"] = result["apex_error_mm"]
    for name, row in rows.items():
        lines.append(
            f"{name[:24]:24}" + "".join(f"{row[column]:10.3f}" if column in row else " " * 10 for column in columns)
        )
    return "\n".join(lines)


def plot_curves(results: dict[str, dict[str, Any]], path: Path) -> None:
    """Error by frame, one line a run."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.5), layout="constrained")
    axes = figure.subplots()
    for name, result in results.items():
        axes.plot(result["error_per_frame_mm"], label=name)
    axes.set(xlabel="frame", ylabel="mean per-vertex error, mm", ylim=(0, None))
    axes.legend()
    figure.savefig(path, dpi=110)
