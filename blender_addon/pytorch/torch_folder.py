"""PyTorch in Mien's own folder: found, made known to Python after all that Blender brings, taken away."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import platform
import re
import shutil
import sys
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import bpy

from .. import engine
from ..engine import MienError
from ..version import PACKAGE

ABOUT = "mien-torch.json"
"""The file in the folder that tells what it holds and for which Python."""


@dataclass(frozen=True)
class About:
    """What lies in Mien's folder.

    Attributes:
        version: of torch.
        python: the Python it is for, "3.11".
        machine: the system and processor it is for, "Linux x86_64".
        size: bytes on disk.
        packages: names and versions of what came along.
    """

    version: str
    python: str
    machine: str
    size: int
    packages: tuple[str, ...] = ()


@dataclass(frozen=True)
class Found:
    """The torch that Python would import.

    Attributes:
        version: as it calls itself; empty where it does not say.
        ours: it lies in Mien's folder.
        place: the folder it lies in.
    """

    version: str
    ours: bool
    place: Path


def this_python() -> str:
    """The Python of this Blender, "3.11"."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def this_machine() -> str:
    """System and processor, "Linux x86_64"."""
    return f"{platform.system()} {platform.machine()}"


@cache
def has_nvidia() -> bool:
    """Whether an NVIDIA driver is installed; it is not loaded for the answer."""
    if shutil.which("nvidia-smi"):
        return True
    return Path("/proc/driver/nvidia/version").exists() or Path("C:/Windows/System32/nvcuda.dll").exists()


def folder() -> Path:
    """Where torch lies once it was fetched; nothing is made by asking.

    An extension gets a folder of its own, which Blender removes with it; a clone gets a common one.
    """
    try:
        return Path(bpy.utils.extension_path_user(PACKAGE), "site")
    except ValueError:
        return Path(bpy.utils.user_resource("DATAFILES"), "mien", "site")


def beside(suffix: str) -> Path:
    """What belongs to the folder but does not lie in it: "part", "remove"."""
    return folder().with_suffix(f".{suffix}")


def about() -> About | None:
    """What Mien's folder says about itself; None where nothing was fetched, or the folder is not whole."""
    try:
        said = json.loads((folder() / ABOUT).read_text(encoding="utf-8"))
        return About(**{**said, "packages": tuple(said["packages"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write_about(into: Path, what: About) -> None:
    """Leaves word in a folder that is about to become Mien's."""
    (into / ABOUT).write_text(json.dumps(asdict(what), indent=1), encoding="utf-8")


def trouble() -> str:
    """Why Mien's folder is not used, in a sentence; empty where it is, or where there is none."""
    if beside("remove").exists():
        return "PyTorch in Mien's folder goes when Blender starts again."
    if not folder().exists():
        return ""
    what = about()
    if what is None:
        return "PyTorch in Mien's folder is damaged; remove it and get it again."
    if (what.python, what.machine) != (this_python(), this_machine()):
        return (
            f"PyTorch in Mien's folder is for Python {what.python} on {what.machine}, this is Python {this_python()} "
            f"on {this_machine()}; remove it and get it again."
        )
    return ""


def activate() -> None:
    """At the start, and when torch has come: finishes what a removal left, then lets Python find the folder.

    It is appended: all that Blender and other extensions bring is found before.
    """
    if beside("remove").exists():
        _delete()
    if folder().exists() and not trouble() and str(folder()) not in sys.path:
        sys.path.append(str(folder()))
        importlib.invalidate_caches()


def deactivate() -> None:
    """Takes the folder out of Python's search."""
    while str(folder()) in sys.path:
        sys.path.remove(str(folder()))
    importlib.invalidate_caches()


def is_loaded() -> bool:
    """Whether this Blender has imported from Mien's folder, so that its files are in use."""
    place = str(folder())
    return any((getattr(one, "__file__", None) or "").startswith(place) for one in list(sys.modules.values()))


def remove() -> bool:
    """Deletes the folder, at once or, where torch is loaded, at the next start.

    Returns:
        Whether it is gone now.

    Raises:
        MienError: there is none, or the system does not let it go.
    """
    if not folder().exists():
        raise MienError("There is no PyTorch in Mien's folder.")
    if is_loaded():
        beside("remove").touch()
        return False
    deactivate()
    if not _delete():
        beside("remove").touch()
        raise MienError("PyTorch cannot be deleted yet: its files are in use.", "It goes when Blender starts again.")
    engine.forget_generators()
    engine.forget_torch_failure()
    return True


def _delete() -> bool:
    # What says that it is whole goes first: half deleted it must not be taken for torch.
    with contextlib.suppress(OSError):
        (folder() / ABOUT).unlink(missing_ok=True)
        shutil.rmtree(folder())
    gone = not folder().exists()
    if gone:
        beside("remove").unlink(missing_ok=True)
    return gone


def found() -> Found | None:
    """The torch that Python would import, without importing it; None where there is none."""
    if not engine.torch_is_there():
        return None
    spec = importlib.util.find_spec("torch")
    place = Path((spec.origin if spec else None) or ".").parent
    return Found(_version(place), folder() in place.parents, place.parent)


def _version(place: Path) -> str:
    try:
        said = re.search(r"__version__ = ['\"]([^'\"]+)", (place / "version.py").read_text(encoding="utf-8"))
    except OSError:
        return ""
    return said[1] if said else ""
