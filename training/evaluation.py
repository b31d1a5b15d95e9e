"""What an evaluation leaves in a run's folder: all that report and export need, without corpus or checkpoint."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from core.bundle import read_arrays, write_arrays
from core.errors import CorpusError, MienError
from core.model import Network, SpiralDecoder, learned, trained_network
from core.motion import EXPRESSIONS
from core.template import Template

from .runs import TOPOLOGY, read_config, read_topology, sizes_of
from .steered import FILE as STEERING

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from core.sizes import Sizes
    from core.topology import Topology

    from .settings import Train

FIGURES, ARRAYS = "evaluation.json", "evaluation.safetensors"
EARLIER = "metrics-to-epoch-*.csv"
"""Curves of before a resume."""

_KEPT = ("config.json", "metrics.csv", FIGURES, ARRAYS)
_WEIGHT, _LABELS = "weight.", "picture.labels."


@dataclass(frozen=True)
class Evaluated:
    """A run that was evaluated.

    Attributes:
        folder: of the run.
        config: the settings it learned with.
        about: evaluation.json; see `evaluate.evaluate`.
        template: of its corpus.
        weights: a spiral decoder's network, by name as in a bundle; empty for blendshapes.
        labels: expression -> (T, 6) labels of the person in the pictures, as the network wants them.
        generated: (6, V, 3) mm, their apex of each of the `EXPRESSIONS`, as the run makes it on the template.
        error: (6, V) mm, how far each vertex of it, on the person's face, is from the truth.
    """

    folder: Path
    config: Train
    about: dict[str, Any]
    template: Template
    weights: dict[str, NDArray[np.float32]]
    labels: dict[str, NDArray[np.float32]]
    generated: NDArray[np.float32]
    error: NDArray[np.float32]

    @cached_property
    def topology(self) -> Topology:
        """Levels, spirals and unpooling that the network learned with; a kept baseline has none."""
        return read_topology(self.folder)

    @property
    def sizes(self) -> Sizes:
        """Of the network."""
        return sizes_of(self.config, self.topology)

    def network(self) -> Network:
        """The spiral network, as it was evaluated.

        Raises:
            CorpusError: the run is a baseline, whose components are not kept.
        """
        if not self.weights:
            raise CorpusError(f"The evaluation of {self.folder} keeps no weights.", "Only a spiral network's are kept.")
        try:
            return trained_network(self.topology, self.sizes, self.weights)
        except (ValueError, RuntimeError) as problem:
            message = f"The evaluation of {self.folder} is damaged: its weights do not fit."
            raise CorpusError(message, "Evaluate again.") from problem


def write_evaluation(
    config: Train, about: dict[str, Any], template: Template, network: Network, pictures: dict[str, NDArray[Any]]
) -> None:
    """Writes both files into the run's folder."""
    ships = isinstance(network.decoder, SpiralDecoder) and not config.hidden
    # Where the template lies in other objects is of use for a bundle only.
    arrays, words = (template if ships else replace(template, layouts=())).to_arrays()
    if ships:
        arrays |= {f"{_WEIGHT}{name}": value.numpy() for name, value in learned(network).items()}
    write_arrays(config.out / ARRAYS, arrays | pictures, {"template": words})
    (config.out / FIGURES).write_text(json.dumps(about, indent=1) + "\n")


def picture_arrays(
    labels: dict[str, NDArray[np.float32]], generated: NDArray[np.floating[Any]], error: NDArray[np.floating[Any]]
) -> dict[str, NDArray[Any]]:
    """What the figures show, as `write_evaluation` takes it: shapes as in `Evaluated`."""
    arrays: dict[str, NDArray[Any]] = {f"{_LABELS}{name}": value for name, value in labels.items()}
    half = {"picture.generated": generated.astype(np.float16), "picture.error": error.astype(np.float16)}
    return arrays | half


def read_evaluation(folder: Path) -> Evaluated:
    """An evaluated run, with or without its checkpoint.

    Raises:
        CorpusError: not a run, not evaluated, or damaged.
    """
    config, _ = read_config(folder)
    if not (folder / FIGURES).exists() or not (folder / ARRAYS).exists():
        raise CorpusError(f"The run {folder} has not been evaluated.", "Run python -m training evaluate first.")
    try:
        about = json.loads((folder / FIGURES).read_text())
        arrays, words = read_arrays(folder / ARRAYS)
        template = Template.from_arrays(arrays, words["template"])
        found = Evaluated(
            folder, config, about, template, _named(arrays, _WEIGHT), _named(arrays, _LABELS),
            arrays["picture.generated"].astype(np.float32), arrays["picture.error"].astype(np.float32),
        )  # fmt: skip
        _ = about["checkpoint"], about["model"], about["error_mm"]["total"], about["corpus"]["name"]
    except (MienError, OSError, ValueError, KeyError, TypeError) as problem:
        raise CorpusError(f"The evaluation of {folder} is damaged ({problem}).", "Evaluate again.") from problem
    shape = (len(EXPRESSIONS), template.vertex_count)
    if found.error.shape != shape or found.generated.shape != (*shape, 3):
        raise CorpusError(
            f"The evaluation of {folder} is damaged: pictures do not fit the template.", "Evaluate again."
        )
    return found


def _named(arrays: dict[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[np.float32]]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def checkpoint_hash(folder: Path) -> str:
    """SHA-256 of a run's checkpoint; empty where the run was kept without one."""
    path = folder / "checkpoints" / "last.ckpt"
    if not path.exists():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def keep(folder: Path, into: Path) -> Path:
    """Copies what is worth keeping of an evaluated run: settings, curves, evaluation, and the network's weights.

    Raises:
        CorpusError: not a run, or not evaluated.
    """
    run = read_evaluation(folder)
    target = into / folder.name
    if target.resolve() == folder.resolve():
        raise CorpusError(f"The run {folder} cannot be kept in its own place.", "Give another folder.")
    target.mkdir(parents=True, exist_ok=True)
    # With weights and without a checkpoint it can still be exported.
    names = [*_KEPT, *(path.name for path in folder.glob(EARLIER)), *([TOPOLOGY, STEERING] if run.weights else [])]
    for name in (name for name in names if (folder / name).exists()):
        shutil.copyfile(folder / name, target / name)
    return target
