"""The extension's version, as its manifest has it."""

from __future__ import annotations

import tomllib
from pathlib import Path

VERSION: str = tomllib.loads((Path(__file__).parent / "blender_manifest.toml").read_text(encoding="utf-8"))["version"]

PACKAGE = str(__package__)
"""The package of the whole extension: what Blender calls it, and under what name its own folder is found."""
