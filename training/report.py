# ruff: noqa: T201 - commands speak on standard output
"""`python -m training report`: the paper's tables and figures from finished runs, as a page, pictures and JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from core.errors import CorpusError

from .evaluate import evaluated
from .figures import NAMES, ORDER, figures_of_runs
from .judging.page import ablation_table
from .photo.page import table as photo_table
from .results_page import PHOTOS, page
from .wraps.page import table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .evaluation import Evaluated


@dataclass(frozen=True)
class Report:
    """The paper's tables 2 and 3 and its figures 3 to 6 from finished runs. Runs that were evaluated need no corpus."""

    runs: Annotated[list[Path], tyro.conf.Positional]
    """Folders of runs, of one or more corpora; of each corpus a steered network, the paper's, a baseline, or all."""
    out: Path = Path("docs")
    """Folder that gets results.md, results.json and pictures/."""
    pictures: bool = True
    """Draw the figures (with Blender's renderer, a minute a corpus)."""


def run(config: Report) -> int:
    """Reads the runs, evaluates those that were not, writes the page, the figures and the JSON."""
    if not config.runs:
        raise CorpusError("There is no run to report on.", "Give the folders of some.")
    corpora = grouped(config.runs)
    results = {name: figures_of(models) for name, models in corpora.items()}
    config.out.mkdir(parents=True, exist_ok=True)
    wrap, trials, photos = wraps_in(config.out), ablation_in(config.out), photos_in(config.out)
    beside = {"wrap": wrap, "ablation": trials, **photos}
    every = results | {name: found for name, found in beside.items() if found}
    (config.out / "results.json").write_text(json.dumps(every, indent=1) + "\n")
    (config.out / "results.md").write_text(page(results, wrap, trials, photos))
    for name, models in corpora.items() if config.pictures else ():
        print(f"… figures of {name}", flush=True)
        draw_apart(models, config.out / "pictures")
    print(f"{config.out / 'results.md'} and results.json are written.")
    return 0


def wraps_in(folder: Path) -> dict[str, Any] | None:
    """The figures of the wraps; see `figures_in`."""
    return figures_in(folder, "wraps", table)


def ablation_in(folder: Path) -> dict[str, Any] | None:
    """What each idea of the steered network brings; see `figures_in`."""
    return figures_in(folder, "ablation", ablation_table)


def photos_in(folder: Path) -> dict[str, dict[str, Any]]:
    """How well people are found in photos, by the names of `PHOTOS`; see `figures_in`."""
    found = {name: figures_in(folder, name, photo_table, "photo-judge") for name in PHOTOS}
    return {name: one for name, one in found.items() if one}


def figures_in(folder: Path, name: str, page: Callable[[Any], Any], command: str = "") -> dict[str, Any] | None:
    """The figures that `python -m training COMMAND --json` left in a folder as NAME.json; None where it did not.

    Args:
        folder: of the report.
        name: "wraps", "ablation" or one of `PHOTOS`.
        page: makes the report's part of them, and so finds out what is missing.
        command: the name where it is not given.

    Raises:
        CorpusError: the file is not what that command writes.
    """
    path = folder / f"{name}.json"
    if not path.is_file():
        return None
    try:
        found: dict[str, Any] = json.loads(path.read_text())
        page(found)
    except (ValueError, KeyError, TypeError) as problem:
        raise CorpusError(
            f"{path} is damaged ({problem}).", f"Write it again: python -m training {command or name}."
        ) from problem
    return found


def draw_apart(models: Mapping[str, Evaluated], folder: Path) -> None:
    """Draws the figures in a process of its own: Blender cannot be imported beside some of the mesh libraries.

    Raises:
        CorpusError: it did not work; with what the process said last.
    """
    places = [str(path.resolve()) for path in (folder, *(run.folder for run in models.values()))]
    command = [sys.executable, "-m", "training.figures", *places]
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise CorpusError(f"The figures cannot be drawn ({' '.join(last)}).", "Leave them out with --no-pictures.")


def grouped(folders: list[Path]) -> dict[str, dict[str, Evaluated]]:
    """Runs by the name of their corpus and by model, evaluated; the baseline first.

    Raises:
        CorpusError: a model twice on the same corpus, or different corpora of the same name.
    """
    corpora: dict[str, dict[str, Evaluated]] = {}
    for folder in folders:
        one = evaluated(folder)
        models = corpora.setdefault(one.about["corpus"]["name"], {})
        if one.config.model in models:
            raise CorpusError(f"{folder} and {models[one.config.model].folder} are the same model on the same corpus.")
        models[one.config.model] = one
    for name, models in corpora.items():
        if len({one.about["corpus"]["fingerprint"] for one in models.values()}) > 1:
            raise CorpusError(f"The runs on {name} learned on different ones of it.", "Train them on the same one.")
    return {name: {one: models[one] for one in ORDER if one in models} for name, models in sorted(corpora.items())}


def figures_of(models: Mapping[str, Evaluated]) -> dict[str, Any]:
    """All figures of one corpus.

    table2, table2_apex (mm by model and expression), still_face_mm, table3 (by source: precision, recall, F1),
    parameters, megabytes, epochs, settings (by model), error_per_frame_mm (figure 5), corpus; beyond (by model, see
    `judging.judge.judge`, and ratio and apex_ratio of a steered network's error to that of the better one of the
    others) where some model has it.
    """
    about = {model: run.about for model, run in models.items()}
    first = next(iter(about.values()))
    sources = {model: one["classifier"]["own"] for model, one in about.items()} | {
        "truth": first["classifier"]["truth"]
    }
    beyond = beyond_of(about)
    return {
        **({"beyond": beyond} if beyond else {}),
        "table2": {model: one["error_mm"] for model, one in about.items()},
        "table2_apex": {model: one["apex_error_mm"] for model, one in about.items()},
        "still_face_mm": first["still_face_mm"],
        "bounds_mm": first["bounds_mm"],
        "table3": {source: {**each, "f1": each["total"]["f1"]} for source, each in sources.items()},
        "error_per_frame_mm": {model: one["error_per_frame_mm"] for model, one in about.items()},
        "parameters": {model: one["parameters"] for model, one in about.items()},
        "megabytes": {model: one["megabytes"] for model, one in about.items()},
        "epochs": {model: one["epochs"] for model, one in about.items()},
        "settings": {model: _settings(run) for model, run in models.items()},
        "names": {model: NAMES[model] for model in models},
        "test_sequences": first["test_sequences"],
        "corpus": first["corpus"],
        "figures": figures_of_runs(models),
    }


def beyond_of(about: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """What is beyond the paper's tables, by model, for those that were judged.

    Args:
        about: model -> its evaluation.json.
    """
    found = {model: dict(one["beyond"]) for model, one in about.items() if one.get("beyond")}
    others = [one for model, one in about.items() if model != "steered"]
    if "steered" in found and others:
        own = about["steered"]
        for name, key in (("ratio", "error_mm"), ("apex_ratio", "apex_error_mm")):
            found["steered"][name] = own[key]["total"] / min(one[key]["total"] for one in others)
    return found


def _settings(run: Evaluated) -> dict[str, Any]:
    schedule, config = run.config.schedule, run.config
    return {
        "learning_rate": schedule.learning_rate, "decay": schedule.decay, "weight_decay": schedule.weight_decay,
        "leak": schedule.leak, "batch_size": config.batch_size, "chain": config.chain,
        "spiral_length": config.spiral_length, "latent": config.latent, "seed": config.seed,
    }  # fmt: skip
