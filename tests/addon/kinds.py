"""Bundles of both kinds on the template of the one that ships: a steered one and one of the first version."""

from __future__ import annotations

from pathlib import Path

from core.bundle import read_arrays, read_bundle, write_arrays, write_bundle
from tests.core import steered, whole

ROOT = Path(__file__).resolve().parent.parent.parent
SHIPPED = ROOT / "blender_addon" / "assets" / "makehuman.safetensors"


def write_steered(path):
    """A steered bundle that has learned nothing: faces, takes and life make a difference, whatever it is worth."""
    return steered.write_steered(path, SHIPPED)


def write_older(path):
    """A bundle as earlier versions wrote it, of the paper's network: one motion for all faces."""
    write_bundle(path, steered.plain_bundle(read_bundle(SHIPPED)))
    arrays, words = read_arrays(path)
    write_arrays(path, arrays, {**words, "version": "1"})


def write_whole(path):
    """A bundle that gives people whom it finds in photos more than its template: two balls more."""
    write_bundle(path, whole.with_balls(read_bundle(SHIPPED)))
