"""Builds dist/mien-<version>.zip: stages the extension with core inside; Blender's own tool builds and checks it.

python build_addon.py              build
python build_addon.py --check      build into a temporary folder and throw it away
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent
MAX_BYTES = 15 * 10**6
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", "learning")
REQUIRED = ("blender_manifest.toml", "LICENSE", "core/generator.py", "assets/makehuman.safetensors")


class BuildError(Exception):
    """The extension cannot be built; the message says why."""


def extension_tool() -> Path:
    """Blender's own extension tool; it comes with the bpy wheel and needs no Blender to run.

    Raises:
        BuildError: the bpy wheel is not installed.
    """
    found = importlib.util.find_spec("bpy")
    folders = list(found.submodule_search_locations or ()) if found else []
    tools = [
        tool for folder in folders for tool in Path(folder).glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py")
    ]
    if not tools:
        raise BuildError("Blender's extension tool is not here; install the bpy wheel.")
    return tools[0]


def stage(folder: Path) -> None:
    """Copies blender_addon, core without learning, and the licence into a folder that does not exist yet."""
    shutil.copytree(ROOT / "blender_addon", folder, ignore=LEFT_OUT)
    shutil.copytree(ROOT / "core", folder / "core", ignore=LEFT_OUT)
    if (ROOT / "LICENSE").is_file():
        shutil.copy2(ROOT / "LICENSE", folder / "LICENSE")
    missing = [name for name in REQUIRED if not (folder / name).is_file()]
    if missing:
        raise BuildError(f"The extension lacks {', '.join(missing)}.")


def _run_tool(*words: str) -> None:
    command = [sys.executable, str(extension_tool()), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    said = (done.stdout + done.stderr).strip()
    if done.returncode or "warning" in said.lower() or "error" in said.lower():
        raise BuildError(f"Blender's extension tool refuses ({words[0]}):\n{said}")


def build(output: Path) -> Path:
    """Builds and validates the zip; it appears whole or not at all.

    Returns:
        Where it lies.

    Raises:
        BuildError: something is missing, Blender's tool finds a fault, or the zip is too big.
    """
    version = tomllib.loads((ROOT / "blender_addon" / "blender_manifest.toml").read_text(encoding="utf-8"))["version"]
    with tempfile.TemporaryDirectory(prefix="mien-build-") as temporary:
        staged, made = Path(temporary, "mien"), Path(temporary, f"mien-{version}.zip")
        stage(staged)
        _run_tool("validate", str(staged))
        _run_tool("build", "--source-dir", str(staged), "--output-filepath", str(made))
        _run_tool("validate", str(made))
        size = made.stat().st_size
        if size > MAX_BYTES:
            raise BuildError(f"The zip has {size / 1e6:.1f} MB; more than {MAX_BYTES / 1e6:.0f} are not allowed.")
        if any("learning/" in name or "__pycache__" in name for name in zipfile.ZipFile(made).namelist()):
            raise BuildError("The zip holds files that do not belong into it.")
        output.mkdir(parents=True, exist_ok=True)
        final = output / made.name
        beside = final.with_suffix(".part")
        shutil.copyfile(made, beside)
        beside.replace(final)
    return final


def main(argv: list[str] | None = None) -> int:
    """The command line; 0 when built, 1 when not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output-dir", type=Path, default=ROOT / "dist")
    parser.add_argument("--check", action="store_true", help="build and validate, keep nothing")
    options = parser.parse_args(argv)
    try:
        with tempfile.TemporaryDirectory(prefix="mien-check-") as nowhere:
            made = build(Path(nowhere) if options.check else options.output_dir)
            sys.stdout.write(
                f"{made.name}: {made.stat().st_size / 1e6:.2f} MB{'' if options.check else f', in {made.parent}'}\n"
            )
    except BuildError as problem:
        sys.stderr.write(f"build_addon: {problem}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
