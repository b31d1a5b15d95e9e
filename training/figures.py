"""The paper's figures 3 to 6 from evaluated runs, and the curves of the training.

python -m training.figures FOLDER RUN…: draws those of the runs, all of one corpus; the report calls it.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from core.motion import EXPRESSIONS
from core.template import ABSENT, Template

from .corpora.pictures import contact_sheet
from .evaluation import EARLIER, read_evaluation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from .evaluation import Evaluated

NAMES = {"pca": "PCA blendshapes", "spiral": "the paper's network", "steered": "Mien's steered network"}
ORDER = ("pca", "spiral", "steered")
"""The baseline above, the network below, as in the paper; ours last."""

FIGURE_3 = ("happy", "surprise", "angry", "disgust")
FIGURE_4 = ("fear", "angry", "surprise", "sad", "happy", "disgust")
FIGURE_6 = (("happy", "surprise"), ("surprise", "angry"), ("sad", "disgust"), ("fear", "happy"))
_COLUMNS = 7
_BELOW_NOSE = 105.0  # mm; the chin is still in the picture

_BALLS = (((31.2, 36.0, 79.8), 15.8), ((-31.2, 36.0, 79.8), 15.8))
EYEBALLS = {"ict_skin": _BALLS, "ict_paper": _BALLS}
"""Centre and radius, mm, of the eyeballs that a corpus' template leaves out: spheres fitted to the FaceKit's."""


def draw_all(name: str, runs: Mapping[str, Evaluated], folder: Path) -> dict[str, str]:
    """Draws all figures of a corpus.

    Args:
        name: of the corpus.
        runs: one of `ORDER` -> the run.
        folder: gets NAME_figure_3.png and so on.

    Returns:
        Figure -> file name.
    """
    files = {key: f"{name}_{key}.png" for key in figures_of_runs(runs)}
    folder.mkdir(parents=True, exist_ok=True)
    if "figure_3" in files:
        figure_3(name, runs, folder / files["figure_3"])
    if "figure_4" in files:
        figure_4(name, runs[_leading(runs)], folder / files["figure_4"])
    if "figure_6" in files:
        figure_6(name, runs[_leading(runs)], folder / files["figure_6"])
    figure_5(runs, folder / files["figure_5"])
    curves(runs, folder / files["curves"])
    return files


def figures_of_runs(runs: Mapping[str, Evaluated]) -> list[str]:
    """Which figures can be drawn: 4 and 6 want a network whose weights are kept, 3 and 6 some expressions."""
    labels = next(iter(runs.values())).labels
    names = ["figure_3"] if any(one in labels for one in FIGURE_3) else []
    if _leading(runs):
        names.append("figure_4")
    names.append("figure_5")
    if "figure_4" in names and any(set(pair) <= set(labels) for pair in FIGURE_6):
        names.append("figure_6")
    return [*names, "curves"]


def _leading(runs: Mapping[str, Evaluated]) -> str:
    """The model that figures 4 and 6 show: ours, else the paper's; "" where the weights of neither are kept."""
    return next((model for model in reversed(ORDER) if model in runs and runs[model].weights), "")


def figure_3(name: str, runs: Mapping[str, Evaluated], path: Path) -> None:
    """Error of each vertex at the apex, for four expressions; a row for each model, on the faces that it generated."""
    from matplotlib import colormaps

    models = [model for model in ORDER if model in runs]
    titles = [one for one in FIGURE_3 if one in runs[models[0]].labels]
    columns = [EXPRESSIONS.index(one) for one in titles]
    worst = max(float(np.percentile(runs[model].error[columns], 99.5)) for model in models)
    top = max(float(np.ceil(2 * worst)) / 2, 0.5)
    template = runs[models[0]].template
    paint = colormaps["YlOrRd"]
    rows = [[template.vertices + runs[model].generated[number] for number in columns] for model in models]
    colors = [[paint(runs[model].error[number] / top)[:, :3] for number in columns] for model in models]
    sheet(name, path, template, rows, titles=titles, colors=colors, row_titles=[_short(model) for model in models])
    _add_scale(path, paint, top)


def figure_4(name: str, run: Evaluated, path: Path) -> None:
    """Frames of the six expressions with the label that each was generated from."""
    expressions = [one for one in FIGURE_4 if one in run.labels]
    rows, captions = [], []
    for expression in expressions:
        labels = run.labels[expression]
        motion = _generate(run, labels)
        frames = _frames(labels)
        rows.append([run.template.vertices + motion[frame] for frame in frames])
        strength = labels[:, EXPRESSIONS.index(expression)]
        every = round(run.about["corpus"]["source_frame_rate"] / run.about["corpus"]["frame_rate"])
        captions.append([f"frame {frame * every}: {strength[frame]:.2f}" for frame in frames])
    sheet(name, path, run.template, rows, captions=captions, row_titles=expressions)


def figure_5(runs: Mapping[str, Evaluated], path: Path) -> None:
    """Mean error by frame, one line a model."""
    figure, axes = _axes()
    for model in (one for one in ORDER if one in runs):
        about = runs[model].about
        every = about["corpus"]["source_frame_rate"] / about["corpus"]["frame_rate"]
        errors = about["error_per_frame_mm"]
        axes.plot(np.arange(len(errors)) * every, errors, label=NAMES[model])
    rate = next(iter(runs.values())).about["corpus"]["source_frame_rate"]
    axes.set(xlabel=f"frame, at {rate:g} a second", ylabel="mean per-vertex error, mm", ylim=(0, None))
    axes.legend()
    figure.savefig(path, dpi=110)


@torch.inference_mode()
def figure_6(name: str, run: Evaluated, path: Path) -> None:
    """Section 5.5: straight lines between the latents of two apexes, decoded."""
    network, rows, sides = run.network(), [], []
    for start, end in (pair for pair in FIGURE_6 if all(one in run.labels for one in pair)):
        latents = []
        for expression in (start, end):
            labels = torch.tensor(run.labels[expression])
            latents.append(network.latents(labels[None])[0, int(labels.max(dim=1).values.argmax())])
        mix = torch.linspace(0, 1, _COLUMNS)[:, None]
        decoded = network.decoder(latents[0] * (1 - mix) + latents[1] * mix).numpy()
        rows.append([run.template.vertices + one for one in decoded])
        sides.append(f"{start}\nto {end}")
    titles = [f"{alpha:.2f}" for alpha in np.linspace(0, 1, _COLUMNS)]
    sheet(name, path, run.template, rows, titles=titles, row_titles=sides)


def curves(runs: Mapping[str, Evaluated], path: Path) -> None:
    """Error on the unseen people and loss on the others, by epoch."""
    figure, axes = _axes()
    for number, model in enumerate(one for one in ORDER if one in runs):
        table = read_curves(runs[model].folder)
        axes.plot(*table["train_loss"], color=f"C{number}", alpha=0.45, label=f"{NAMES[model]}: loss, eq. 5")
        axes.plot(*table["test_error_mm"], color=f"C{number}", label=f"{NAMES[model]}: error on unseen people")
    axes.set(xlabel="epoch", ylabel="mm", ylim=(0, None))
    axes.legend()
    figure.savefig(path, dpi=110)


def read_curves(folder: Path) -> dict[str, tuple[list[int], list[float]]]:
    """metrics.csv, with those of before a resume: {"train_loss" or "test_error_mm": (epochs from 1, values)}."""
    found: dict[str, dict[int, float]] = {"train_loss": {}, "test_error_mm": {}}
    for path in [*sorted(folder.glob(EARLIER)), folder / "metrics.csv"]:
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                for word, values in found.items():
                    if row.get(word):
                        values[int(row["epoch"]) + 1] = float(row[word])
    return {word: (sorted(values), [values[epoch] for epoch in sorted(values)]) for word, values in found.items()}


def sheet(
    name: str, path: Path, template: Template, rows: Sequence[Sequence[NDArray[np.floating[Any]]]],
    *, pixels: int = 220, **options: Any,
) -> None:  # fmt: skip
    """A contact sheet whose cells are as big as the faces of this template; options as of `contact_sheet`."""
    template, kept, edge = _without_shoulders(template)
    rows = [[np.maximum(np.asarray(face)[kept], (-np.inf, edge, -np.inf)) for face in row] for row in rows]
    if options.get("colors"):
        options["colors"] = [[color[kept] for color in row] for row in options["colors"]]
    points = np.concatenate([face for row in rows for face in row])[:, :2]
    low, high = points.min(axis=0), points.max(axis=0)
    width, height = (high - low) * 1.04 + (0, 16 if options.get("captions") else 0)
    middle = (low + high) / 2 - (0, 8 if options.get("captions") else 0)
    contact_sheet(
        path, template, rows, cell=(float(width), float(height)), center=(float(middle[0]), float(middle[1])),
        pixels=pixels, eyeballs=EYEBALLS.get(name, ()), **options,
    )  # fmt: skip


def _without_shoulders(template: Template) -> tuple[Template, NDArray[np.intp], float]:
    """The polygons that reach above a height below the chin, which vertices are theirs, and that height."""
    if "nose_tip" not in template.landmarks:
        return template, np.arange(template.vertex_count), -np.inf
    edge = float(template.vertices[template.landmarks["nose_tip"], 1]) - _BELOW_NOSE
    corners = np.where(template.polygons == ABSENT, template.polygons[:, :1], template.polygons)
    whole = (template.vertices[:, 1] > edge)[corners].any(axis=1)
    kept = np.unique(corners[whole])
    place = np.full(template.vertex_count, ABSENT)
    place[kept] = np.arange(len(kept))
    polygons = np.where(template.polygons[whole] == ABSENT, ABSENT, place[template.polygons[whole]])
    assert template.polygon_part is not None
    part = template.polygon_part[whole]
    return Template(template.name, template.vertices[kept], polygons, {}, (), template.parts, part), kept, edge


@torch.inference_mode()
def _generate(run: Evaluated, labels: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(run.network()(torch.tensor(labels)[None])[0].numpy())


def _frames(labels: NDArray[np.float32]) -> list[int]:
    # From the last frame at rest to the first one after it.
    moving = np.flatnonzero(labels.max(axis=1) > 0)
    first, last = max(int(moving[0]) - 1, 0), min(int(moving[-1]) + 1, len(labels) - 1)
    return np.linspace(first, last, _COLUMNS).round().astype(int).tolist()


def _short(model: str) -> str:
    return {"pca": "baseline", "spiral": "the paper's", "steered": "steered"}[model]


def _axes() -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.5), layout="constrained")
    return figure, figure.subplots()


def _add_scale(path: Path, paint: Any, top: float) -> None:
    """A bar of the colours below a picture, from 0 to `top` mm."""
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.open(path).convert("RGB")
    width, line = picture.width, 46
    whole = Image.new("RGB", (width, picture.height + line), "white")
    whole.paste(picture, (0, 0))
    bar = (np.array([paint(x) for x in np.linspace(0, 1, width // 2)])[:, :3] * 255).astype(np.uint8)
    strip = Image.fromarray(np.repeat(bar[None], 16, axis=0))
    whole.paste(strip, (width // 4, picture.height + 6))
    draw, font = ImageDraw.Draw(whole), ImageFont.load_default(15)
    for share in (0.0, 0.5, 1.0):
        at = (width // 4 + share * (width // 2), picture.height + 33)
        draw.text(at, f"{share * top:g} mm", "black", font, "mm")
    whole.save(path, optimize=True)


def main(words: Sequence[str]) -> None:
    """Draws the figures of the runs `words[1:]`, all of one corpus, into the folder `words[0]`."""
    runs: dict[str, Evaluated] = {run.config.model: run for run in (read_evaluation(Path(word)) for word in words[1:])}
    draw_all(next(iter(runs.values())).about["corpus"]["name"], runs, Path(words[0]))


if __name__ == "__main__":
    main(sys.argv[1:])
