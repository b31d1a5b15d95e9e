"""A small corpus of real motion: six people on a bumpy sheet perform the six expressions."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import numpy as np
import pytest

from core.motion import EXPRESSIONS, Cue, labels_from_cues
from core.template import Template
from training.corpora.writer import CorpusWriter

if TYPE_CHECKING:
    from pathlib import Path

FRAMES = 10
RATE = 12.0
CORNERS = {"start": 0.0, "apex_start": 0.25, "apex_end": 0.5, "end": 0.75}
SPLITS = {"ada": "train", "ben": "train", "cia": "train", "dov": "train", "eva": "test", "fay": "test"}


def sheet(rows: int, columns: int) -> Template:
    u, v = np.meshgrid(np.linspace(-1, 1, columns), np.linspace(-1.2, 1.2, rows))
    nose = 25 * np.exp(-(u**2 + v**2) * 12)
    points = np.stack([80 * np.sin(u), 90 * v, 80 * np.cos(u) + nose], axis=-1).reshape(-1, 3)
    corner = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).reshape(-1)
    quads = np.stack([corner, corner + 1, corner + columns + 1, corner + columns], axis=1)
    return Template("sheet", points, quads, {"nose_tip": int(points[:, 2].argmax())})


def field(expression: str, template: Template) -> np.ndarray:
    """(V, 3) mm at the apex: each expression moves its own place in its own direction."""
    number = EXPRESSIONS.index(expression)
    angle = number * np.pi / 3
    place = np.array([45 * np.cos(angle), 60 * np.sin(angle)])
    nearness = np.exp(-((template.vertices[:, :2] - place) ** 2).sum(axis=1) / 2500)
    return nearness[:, None] * np.array([3 * np.sin(angle), 4 * np.cos(angle), 5.0])


def performance(expression: str, gain: float, template: Template) -> tuple[np.ndarray, np.ndarray]:
    """(T, V, 3) mm and the (T, 6) labels, 1 at the apex."""
    labels = labels_from_cues([Cue(expression, 1.0, *CORNERS.values())], FRAMES, RATE)
    rise = labels.max(axis=1)
    return gain * (3 * rise**2 - 2 * rise**3)[:, None, None] * field(expression, template), labels


def write_corpus(folder: Path, template: Template) -> Path:
    writer = CorpusWriter(
        folder, template, name="sheet", licence="CC0-1.0", source="a formula", frame_rate=RATE, notes="for tests"
    )
    for person, (name, split) in enumerate(SPLITS.items()):
        index = writer.add_subject(name, split, template.vertices * np.float32(1 + 0.02 * person))
        for expression in EXPRESSIONS:
            writer.add_sequence(index, expression, *performance(expression, 0.7 + 0.1 * person, template), CORNERS)
    return writer.close()


@pytest.fixture(scope="session")
def template() -> Template:
    return sheet(26, 22)


@pytest.fixture(scope="session")
def corpus_folder(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpora") / "sheet", template)


@pytest.fixture(scope="session")
def fine_corpus_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same on 4500 vertices: on fewer, the coarsest level is too coarse to tell the expressions' places apart."""
    return write_corpus(tmp_path_factory.mktemp("corpora") / "fine", sheet(75, 60))


@pytest.fixture(autouse=True)
def ctrl_c_is_heard():
    """Whoever runs the tests in the background has Ctrl-C ignored, and its children inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before if before is not None else signal.SIG_DFL)
