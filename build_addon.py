"""Builds dist/mien-<version>.zip: stages the extension with core inside; Blender's own tool builds and checks it.

python build_addon.py              build
python build_addon.py --check      build into a temporary folder and throw it away
python build_addon.py --with-torch --platform linux-x64 [--python 3.13] [--wheels FOLDER]
                                   one zip for one system that brings PyTorch along, to be installed without a network
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path
from typing import NamedTuple

from core import torch_wheels

ROOT = Path(__file__).resolve().parent
MAX_BYTES = 15 * 10**6
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", "learning")
REQUIRED = ("blender_manifest.toml", "LICENSE", "core/generator.py", "assets/makehuman.safetensors")


_MANYLINUX = ("2_28", "2_27", "2_26", "2_24", "2_17", "2014")
PLATFORMS = {
    "linux-x64": ("Linux", tuple(f"manylinux{'' if v == '2014' else '_'}{v}_x86_64" for v in _MANYLINUX)),
    "windows-x64": ("Windows", ("win_amd64",)),
    "windows-arm64": ("Windows", ("win_arm64",)),
    "macos-arm64": ("Darwin", ("macosx_14_0_arm64",)),
}
"""Blender's word for a system -> Python's word, and the tags of wheels that run there."""

BLENDERS = {"3.11": ("4.2.0", "5.1.0"), "3.13": ("5.1.0", "")}
"""Python -> the first Blender that has it, and the first that has another; empty where there is none yet."""


class BuildError(Exception):
    """The extension cannot be built; the message says why."""


class Torch(NamedTuple):
    """Which PyTorch a zip brings along.

    Attributes:
        platform: a key of PLATFORMS.
        python: a key of BLENDERS.
        version: of torch.
        wheels: a folder of wheels to take; None to download them with pip.
        index: the address of an index; empty for what pip is set up with.
    """

    platform: str
    python: str = "3.11"
    version: str = torch_wheels.TESTED
    wheels: Path | None = None
    index: str = ""

    @property
    def suffix(self) -> str:
        """What the zip's name ends with."""
        python = "" if self.python == "3.11" else f"-py{self.python.replace('.', '')}"
        return f"-torch-{self.platform.replace('-', '_')}{python}"


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


def _pip(words: list[str], torch: Torch) -> None:
    _, tags = PLATFORMS[torch.platform]
    target = ["--only-binary=:all:", "--python-version", torch.python]
    target += [word for tag in tags for word in ("--platform", tag)]
    if torch.wheels is not None:
        target += ["--no-index", "--find-links", str(torch.wheels.resolve())]
    elif torch.index:
        target += ["--index-url", torch.index]
    command = [sys.executable, "-m", "pip", *words, *target, "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    if done.returncode:
        raise BuildError(f"pip cannot get the wheels:\n{done.stderr.strip()}")


def download(torch: Torch, into: Path) -> list[Path]:
    """Puts the wheels of torch and of what it needs into a folder; numpy is not among them, Blender brings it.

    Raises:
        BuildError: they cannot be had.
    """
    system, _ = PLATFORMS[torch.platform]
    with tempfile.TemporaryDirectory(prefix="mien-wheels-") as temporary:
        report, wanted = Path(temporary, "report.json"), [f"torch=={torch.version}"]
        ask = ["install", "--dry-run", "--ignore-installed", "--report", str(report), "--target", temporary]
        _pip([*ask, "--no-deps", *wanted], torch)
        others = torch_wheels.companions(json.loads(report.read_text(encoding="utf-8")), system)
        if others:
            _pip([*ask, *others], torch)
            found = torch_wheels.reported(json.loads(report.read_text(encoding="utf-8")))
            wanted += [wheel.requirement for wheel in found]
        _pip(["download", "--no-deps", "--dest", str(into), *wanted], torch)
    return sorted(into.glob("*.whl"))


def bring_torch(torch: Torch, staged: Path) -> None:
    """Lays the wheels into a staged extension and names them, the system and the Blenders in its manifest.

    Raises:
        BuildError: see `download`.
    """
    wheels = download(torch, staged / "wheels")
    first, beyond = BLENDERS[torch.python]
    lines = [f'blender_version_min = "{first}"', *([f'blender_version_max = "{beyond}"'] if beyond else [])]
    lines += [f'platforms = ["{torch.platform}"]', "wheels = ["]
    lines += [*(f'  "./wheels/{wheel.name}",' for wheel in wheels), "]"]
    manifest = staged / "blender_manifest.toml"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(re.sub(r"blender_version_min = .*", lambda _: "\n".join(lines), text), encoding="utf-8")


def build(output: Path, torch: Torch | None = None) -> Path:
    """Builds and validates the zip; it appears whole or not at all.

    Args:
        output: folder.
        torch: what PyTorch it brings along; None for the usual zip, which brings none.

    Returns:
        Where it lies.

    Raises:
        BuildError: something is missing, Blender's tool finds a fault, or the zip is too big.
    """
    version = tomllib.loads((ROOT / "blender_addon" / "blender_manifest.toml").read_text(encoding="utf-8"))["version"]
    with tempfile.TemporaryDirectory(prefix="mien-build-") as temporary:
        staged, made = Path(temporary, "mien"), Path(temporary, f"mien-{version}{torch.suffix if torch else ''}.zip")
        stage(staged)
        if torch:
            bring_torch(torch, staged)
        _run_tool("validate", str(staged))
        _run_tool("build", "--source-dir", str(staged), "--output-filepath", str(made))
        _run_tool("validate", str(made))
        size = made.stat().st_size
        if size > MAX_BYTES and not torch:
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
    parser.add_argument("--with-torch", action="store_true", help="bring PyTorch along, for one --platform")
    parser.add_argument("--platform", choices=PLATFORMS, help="the system the zip with PyTorch is for")
    parser.add_argument("--python", choices=BLENDERS, default="3.11", help="of Blender: 3.11 up to 5.0, then 3.13")
    parser.add_argument("--torch-version", default=torch_wheels.TESTED, metavar="VERSION")
    parser.add_argument("--wheels", type=Path, metavar="FOLDER", help="take the wheels from here, download nothing")
    parser.add_argument("--index-url", default="", metavar="ADDRESS", help="another index, for instance with CUDA")
    options = parser.parse_args(argv)
    if options.with_torch != bool(options.platform):
        parser.error("--with-torch and --platform go together")
    torch = None
    if options.with_torch:
        torch = Torch(options.platform, options.python, options.torch_version, options.wheels, options.index_url)
    try:
        with tempfile.TemporaryDirectory(prefix="mien-check-") as nowhere:
            made = build(Path(nowhere) if options.check else options.output_dir, torch)
            sys.stdout.write(
                f"{made.name}: {made.stat().st_size / 1e6:.2f} MB{'' if options.check else f', in {made.parent}'}\n"
            )
    except BuildError as problem:
        sys.stderr.write(f"build_addon: {problem}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
