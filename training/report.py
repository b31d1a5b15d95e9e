# ruff: noqa: T201 - commands speak on standard output
"""`python -m training report`: the paper's tables from finished runs, as a page and as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import torch
import tyro

from core.errors import CorpusError
from core.learning.classifier import scores, train_classifier
from core.motion import EXPRESSIONS

from .evaluate import evaluate
from .train import load_run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from core.model import Network

    from .corpora.store import Corpus

PAPER_ORDER = ("happy", "angry", "sad", "surprise", "fear", "disgust")
_PAPER_TABLE_2 = {
    "pca": (0.49, 0.37, 0.37, 0.48, 0.43, 0.45, 0.44),
    "spiral": (0.37, 0.35, 0.36, 0.43, 0.42, 0.42, 0.39),
}
_PAPER_F1 = {
    "pca": (0.60, 0.60, 0.49, 0.65, 0.44, 0.60, 0.57),
    "spiral": (0.78, 0.61, 0.61, 0.81, 0.52, 0.73, 0.68),
    "truth": (0.82, 0.60, 0.75, 0.75, 0.43, 0.65, 0.68),
}
_NAMES = {"pca": "PCA blendshapes", "spiral": "the paper's network", "truth": "true sequences"}


@dataclass(frozen=True)
class Report:
    """Tables 2 and 3 of the paper from finished runs: a page, and the same figures as JSON."""

    runs: Annotated[list[Path], tyro.conf.Positional]
    """Folders of runs, of one or more corpora; of each corpus a spiral network, a baseline, or both."""
    out: Path = Path("docs")
    """Folder that gets results.md and results.json."""
    seed: int = 0
    """Of the classifier."""


def run(config: Report) -> int:
    """Evaluates the runs, trains a classifier for each corpus, writes both files."""
    if not config.runs:
        raise CorpusError("There is no run to report on.", "Give the folders of some.")
    results: dict[str, dict[str, Any]] = {}
    grouped: dict[str, dict[str, Path]] = {}
    for folder in config.runs:
        settings, corpus, _ = load_run(folder)
        models = grouped.setdefault(corpus.header["name"], {})
        if settings.model in models:
            raise CorpusError(f"{folder} and {models[settings.model]} are the same model on the same corpus.")
        models[settings.model] = folder
    for name, models in grouped.items():
        print(f"… {name}", flush=True)
        results[name] = report_corpus(models, config.seed)
    config.out.mkdir(parents=True, exist_ok=True)
    (config.out / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (config.out / "results.md").write_text(page(results))
    print(f"{config.out / 'results.md'} and results.json are written.")
    return 0


def report_corpus(models: Mapping[str, Path], seed: int) -> dict[str, Any]:
    """All figures of one corpus: table2, apex, table3, parameters, megabytes, epochs.

    Args:
        models: "spiral" or "pca" -> the run's folder.
        seed: of the classifier.

    Raises:
        CorpusError: the runs learned on different corpora of the same name.
    """
    runs = {model: load_run(folder) for model, folder in models.items()}
    corpora = [corpus for _, corpus, _ in runs.values()]
    if len({corpus.fingerprint for corpus in corpora}) > 1:
        raise CorpusError("Runs of a corpus of the same name learned on different ones.", "Train them on the same one.")
    evaluations = {model: evaluate(folder) for model, folder in models.items()}
    networks = {model: network for model, (_, _, network) in runs.items()}
    first = next(iter(evaluations.values()))
    return {
        "table2": {model: one["error_mm"] for model, one in evaluations.items()},
        "table2_apex": {model: one["apex_error_mm"] for model, one in evaluations.items()},
        "still_face_mm": first["still_face_mm"],
        "table3": table_3(corpora[0], networks, seed),
        "parameters": {model: one["parameters"] for model, one in evaluations.items()},
        "megabytes": {model: _megabytes(network) for model, network in networks.items()},
        "epochs": {model: one["epochs"] for model, one in evaluations.items()},
        "vertices": corpora[0].template.vertex_count,
        "test_sequences": first["test_sequences"],
        "licence": corpora[0].header["licence"],
        "fingerprint": corpora[0].fingerprint,
    }


@torch.inference_mode()
def table_3(corpus: Corpus, networks: Mapping[str, Network], seed: int) -> dict[str, Any]:
    """Precision, recall and F1 of each source of test sequences: {source: {expression: ..., "total": ..., "f1": ...}}.

    Sources are the models, and "truth".
    """
    number = {name: index for index, name in enumerate(EXPRESSIONS)}
    train, test = corpus.split("train"), corpus.split("test")
    with torch.inference_mode(mode=False):
        sequences = [torch.tensor(corpus.deformation(index)) for index in train]
        classifier = train_classifier(sequences, [number[corpus.sequences[i].expression] for i in train], seed=seed)
    del sequences
    truth = [number[corpus.sequences[index].expression] for index in test]
    found: dict[str, list[int]] = {source: [] for source in (*networks, "truth")}
    for index in test:
        labels = torch.tensor(corpus.labels(index))[None]
        for source, network in networks.items():
            found[source].append(classifier.classify(network(labels)[0]))
        found["truth"].append(classifier.classify(torch.tensor(corpus.deformation(index))))
    tables = {source: scores(each, truth) for source, each in found.items()}
    return {source: {**each, "f1": each["total"]["f1"]} for source, each in tables.items()}


def page(results: Mapping[str, Mapping[str, Any]]) -> str:
    """The figures as Markdown."""
    lines = [
        "# Results",
        "",
        "Written by `python -m training report` from finished runs; [results.json](results.json) has the same figures.",
        "The paper's rows are on 4DFAB, captured motion of 28,431 vertices that one must ask its owners for: they",
        "stand here to show the form, and cannot be compared with ours.",
    ]  # fmt: skip
    for name, result in results.items():
        lines += ["", f"## {name}, {result['vertices']:,} vertices", ""]
        lines += [f"{result['test_sequences']} test sequences of people the networks never saw.", ""]
        lines += ["### Table 2: mean per-vertex error, mm", ""]
        lines += _head("mm", [*PAPER_ORDER, "total", "total, apex", "epochs", "parameters", "MB"])
        lines.append(_row("a face that never moves", [result["still_face_mm"][one] for one in (*PAPER_ORDER, "total")]))
        for model in result["table2"]:
            row = [result["table2"][model][one] for one in (*PAPER_ORDER, "total")]
            row.append(result["table2_apex"][model]["total"])
            more = [
                str(result["epochs"][model]),
                f"{result['parameters'][model]:,}",
                f"{result['megabytes'][model]:.1f}",
            ]
            lines.append(_row(_NAMES[model], row, more))
        lines += [_row(f"*the paper: {_NAMES[model]}*", row, digits=2) for model, row in _PAPER_TABLE_2.items()]
        lines += ["", "### Table 3: F1 of a classifier of sequences", ""]
        lines += _head("F1", [*PAPER_ORDER, "total", "precision", "recall"])
        for source, scored in result["table3"].items():
            total = scored["total"]
            row = [*(scored[one]["f1"] for one in PAPER_ORDER), total["f1"], total["precision"], total["recall"]]
            lines.append(_row(_NAMES[source], row, digits=2))
        lines += [_row(f"*the paper: {_NAMES[source]}*", row, digits=2) for source, row in _PAPER_F1.items()]
    return "\n".join(lines) + "\n"


def _head(corner: str, columns: Sequence[str]) -> list[str]:
    return [f"| {corner} | {' | '.join(columns)} |", f"| {' | '.join('---' for _ in range(len(columns) + 1))} |"]


def _row(name: str, numbers: Sequence[float], more: Sequence[str] = (), digits: int = 3) -> str:
    return f"| {name} | {' | '.join([*(f'{one:.{digits}f}' for one in numbers), *more])} |"


def _megabytes(network: Network) -> float:
    """What a file with the network's numbers takes; the index tables are those of the template."""
    tables = (".table", ".index")
    state = network.state_dict()
    return (
        sum(
            value.numel() * value.element_size()
            for name, value in state.items()
            if not name.endswith(tables) and ".unpools." not in name
        )
        / 1e6
    )
