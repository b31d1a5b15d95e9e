# ruff: noqa: T201 - commands speak on standard output
"""`python -m training.judging.film`: three people, three takes of a smile, and surprise that turns into anger."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import tyro

from core.errors import MienError
from core.generator import Generator
from core.motion import Cue, labels_from_cues
from core.takes import Take
from training.figures import sheet

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Faces = list[NDArray[np.float32]]

HAPPY = (Cue("happy", 0.9, 0.2, 0.7, 1.4, 2.2),)
HAPPY_SECONDS = (0.45, 0.7, 1.2, 1.8)
TURN = (Cue("surprise", 0.9, 0.2, 0.6, 1.0, 1.6), Cue("angry", 0.9, 1.0, 1.6, 2.2, 3.0))
TURN_SECONDS = (0.8, 1.2, 1.4, 1.9)
_LENGTH = 3.5  # seconds


@dataclass(frozen=True)
class Film:
    """Pictures of takes: a row of a smile for each take, and one of a change of expression; people side by side."""

    source: Annotated[Path, tyro.conf.Positional]
    """A bundle, or the folder of a run, which is exported for it."""
    out: Path = Path("docs/pictures/takes.png")
    """The picture."""
    people: tuple[str, ...] = ()
    """Names of the bundle's sample faces; without, the first three."""
    seeds: tuple[int, ...] = (1, 2, 3)
    """The takes."""
    variation: float = 1.0
    """How far apart they are."""
    life: float = 0.0
    """Small motions of life, 0 to 1."""
    pixels: int = 185
    """Width of a face."""


def run(config: Film) -> int:
    """Renders the sheet.

    Raises:
        MienError: no bundle, no such people.
    """
    import bpy  # noqa: F401 - before the mesh libraries, beside which it cannot be imported

    with tempfile.TemporaryDirectory() as folder:
        generator = Generator.load(_bundle(config.source, Path(folder)))
    names = config.people or tuple(generator.samples)[:3]
    if not names or not set(names) <= set(generator.samples):
        known = ", ".join(generator.samples) or "none"
        raise MienError("The bundle has not all of these people.", f"It has {known}.")
    rows, captions, titles = film_rows(generator, names, config)
    config.out.parent.mkdir(parents=True, exist_ok=True)
    columns = [name if place == 0 else "" for name in names for place in range(len(HAPPY_SECONDS))]
    sheet(
        generator.template.name, config.out, generator.template, rows,
        titles=columns, captions=captions, row_titles=titles, pixels=config.pixels,
    )  # fmt: skip
    print(f"{config.out}: {', '.join(names)}; seeds {', '.join(map(str, config.seeds))}")
    return 0


def film_rows(
    generator: Generator, names: tuple[str, ...], config: Film
) -> tuple[list[Faces], list[list[str]], list[str]]:
    """Faces (V, 3) mm row by row, a caption for each, and a title for each row."""
    parts: list[tuple[str, tuple[Cue, ...], tuple[float, ...], int | None]] = []
    parts += [(f"happy,\ntake {seed}", HAPPY, HAPPY_SECONDS, seed) for seed in config.seeds]
    parts.append(("surprise\nto angry", TURN, TURN_SECONDS, config.seeds[0] if config.seeds else None))
    rate = generator.frame_rate
    rows: list[Faces] = []
    captions = []
    for _, cues, seconds, seed in parts:
        labels = labels_from_cues(cues, round(_LENGTH * rate), rate)
        row: Faces = []
        for name in names:
            neutral = generator.samples[name]
            performer = generator.on(generator.identity_of(neutral), Take(seed, config.variation, config.life))
            row += list(neutral + performer.generate(labels, times=np.array(seconds)))
        rows.append(row)
        captions.append([f"{second:.2f} s" for second in seconds] * len(names))
    return rows, captions, [title for title, *_ in parts]


def _bundle(source: Path, folder: Path) -> Path:
    """The bundle itself, or a run's, exported into a folder by a process of its own: Blender is in this one.

    Raises:
        MienError: it cannot be exported.
    """
    if not source.is_dir():
        return source
    path = folder / "film.safetensors"
    command = [sys.executable, "-m", "training", "export", str(source.resolve()), "--out", str(path)]
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    if done.returncode != 0:
        raise MienError(f"The run cannot be exported ({done.stderr.strip()[-200:]}).")
    return path


def main(arguments: list[str] | None = None) -> int:
    """0 done, 1 with one sentence what is wrong."""
    try:
        config: Any = tyro.cli(Film, args=arguments, prog="python -m training.judging.film", description=__doc__)
        return run(config)
    except MienError as problem:
        print(problem, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
