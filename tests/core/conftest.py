"""What the tests of the core share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.bundle import Bundle, read_bundle
from core.template import Template
from core.topology import Topology, build_topology

from .steered import plain_bundle, steered_bundle

BUNDLE = Path(__file__).parents[2] / "blender_addon" / "assets" / "makehuman.safetensors"


def grid_head(rows: int, columns: int) -> Template:
    """An open, bumpy sheet of quads bent like a face, of rows x columns vertices."""
    u, v = np.meshgrid(np.linspace(-1, 1, columns), np.linspace(-1.2, 1.2, rows))
    nose = 25 * np.exp(-(u**2 + v**2) * 12)
    points = np.stack([80 * np.sin(u), 90 * v, 80 * np.cos(u) + nose], axis=-1).reshape(-1, 3)
    corner = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).reshape(-1)
    quads = np.stack([corner, corner + 1, corner + columns + 1, corner + columns], axis=1)
    return Template("sheet", points, quads, {"nose_tip": int(points[:, 2].argmax())})


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    """The default bundle, as it ships."""
    return read_bundle(BUNDLE)


@pytest.fixture(scope="session")
def plain(bundle: Bundle) -> Bundle:
    """A bundle of the paper's kind, of random weights."""
    return plain_bundle(bundle)


@pytest.fixture(scope="session")
def steered(bundle: Bundle) -> Bundle:
    """A steered bundle of random weights, with life."""
    return steered_bundle(bundle)


@pytest.fixture(scope="session")
def small_topology() -> Topology:
    """Levels of a sheet of 30 x 25 vertices."""
    return build_topology(grid_head(30, 25), spiral_length=9)
