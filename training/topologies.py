"""Topologies, kept on disk: a head is decimated once."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
from tqdm import tqdm  # type: ignore[import-untyped]

from core.bundle import read_arrays, write_arrays
from core.errors import MienError
from core.topology import VERSION, Topology, build_topology

if TYPE_CHECKING:
    from core.template import Template


def topology_of(template: Template, spiral_length: int, *, cache: Path | None = None) -> Topology:
    """The topology of a template: from the cache where it lies there whole, else built, with a progress bar, and kept.

    Args:
        template: its `content_hash`, its nose tip and the spiral length name the file.
        spiral_length: L of eq. 3.
        cache: folder; default, the person's cache folder. One that cannot be written to is done without.

    Raises:
        TemplateError: the length is below 1.
    """
    path = (cache or default_cache()) / file_name(template, spiral_length)
    # What does not lie there, or not whole, is made again.
    with contextlib.suppress(MienError, OSError):
        found = Topology.from_arrays(read_arrays(path)[0])
        if found.sizes[0] == template.vertex_count and found.spirals[0].shape[1] == spiral_length:
            return found
    with tqdm(desc="topology", unit="step", file=sys.stderr, disable=None) as bar:

        def show(done: int, total: int, doing: str) -> None:
            bar.total, bar.n = total, done
            bar.set_postfix_str(doing)

        topology = build_topology(template, spiral_length, progress=show)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_arrays(path, topology.to_arrays(), {})
    return topology


def default_cache() -> Path:
    """The person's cache folder, by the habits of the system."""
    return Path(platformdirs.user_cache_dir("mien", appauthor=False)) / "topologies"


def file_name(template: Template, spiral_length: int) -> str:
    """The name under which a topology is kept."""
    tip = template.landmarks.get("nose_tip", "none")
    return f"{template.content_hash[:24]}-tip-{tip}-L{spiral_length}-v{VERSION}.safetensors"
