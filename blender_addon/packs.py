"""Model packs: bundles that the person installed beside the one that ships, in a folder of the person's."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import bpy

from . import engine, mesh_bridge
from .engine import BundleError, MienError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .engine import Loaded
    from .mesh_bridge import Fit

SUFFIX = ".safetensors"
MAX_BYTES = 200 * 10**6

_EARLIER = (
    "An earlier version of the generator made that bake. It stays, and this one stands beside it: the same labels and"
    " shaping, moved by today's generator."
)


def folder() -> Path:
    """Where packs lie; not made yet, perhaps. An extension gets a folder of its own, a clone a common one."""
    try:
        return Path(bpy.utils.extension_path_user(__package__, path="packs"))
    except ValueError:
        return Path(bpy.utils.user_resource("DATAFILES"), "mien", "packs")


def installed() -> list[Path]:
    """The packs' files, by name; damaged ones too."""
    return sorted(folder().glob(f"*{SUFFIX}"))


def install(path: str | Path) -> Loaded:
    """Copies a pack into the person's folder, whole or not at all; one of the same name is replaced.

    Raises:
        BundleError: it is no bundle, damaged, made for another Mien, or cannot be copied.
    """
    file = Path(path)
    try:
        if file.stat().st_size > MAX_BYTES:
            raise BundleError(f"{file.name} has more than {MAX_BYTES // 10**6} MB: no model pack is that big.")
        # Read where it lies: nothing that cannot be read comes into the folder.
        engine.load(file)
        into = folder()
        into.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=into, prefix=".pack-", delete=False) as beside:
            temporary = Path(beside.name)
        try:
            shutil.copyfile(file, temporary)
            temporary.replace(into / f"{file.stem}{SUFFIX}")
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as problem:
        raise BundleError(f"The model pack {file.name} cannot be installed ({problem.strerror}).") from problem
    return engine.load(into / f"{file.stem}{SUFFIX}")


def remove(name: str) -> None:
    """Takes a pack away.

    Args:
        name: of the file in the packs' folder.

    Raises:
        BundleError: it is not there, or cannot be removed.
    """
    found = [path for path in installed() if path.name == name]
    if not found:
        raise BundleError(f"There is no model pack {name}.")
    try:
        found[0].unlink()
    except OSError as problem:
        raise BundleError(f"The model pack {name} cannot be removed ({problem.strerror}).") from problem


def known(bundle: str = "") -> list[Loaded]:
    """The generators that faces are looked at with: the chosen one alone, or all packs and the default.

    Of several that know the same faces the first counts: the pack installed last, before the one that ships. Packs
    that cannot be read are passed over; the preferences tell about them.

    Raises:
        BundleError: the chosen or the default one cannot be read.
    """
    every = []
    for path in sorted(installed(), key=_age) if not bundle else ():
        with contextlib.suppress(MienError):
            every.append(engine.load(path))
    return [*every, engine.load(bundle)]


def _age(path: Path) -> float:
    try:
        return -path.stat().st_mtime
    except OSError:
        return 0.0


def fit(obj: bpy.types.Object | None, bundle: str = "", *, cached: bool = False) -> tuple[Fit, Loaded]:
    """How a face fits, and the generator that knows it; the last one where none does.

    Args:
        obj: the face.
        bundle: path; empty for the default and all packs.
        cached: look again only where the mesh or its turn changed.

    Raises:
        BundleError: see `known`.
    """
    every = known(bundle)
    look = mesh_bridge.fit_cached if cached else mesh_bridge.fit
    found = look(obj, *(one.bundle.template for one in every))
    return found, next((one for one in every if one.bundle.template is found.template), every[-1])


def of_record(obj: bpy.types.Object, about: Mapping[str, Any]) -> tuple[str, str]:
    """The generator for a bake that is on record.

    Args:
        obj: the face.
        about: the record.

    Returns:
        Path of the one that it was made with; where only a later version of that is left, which moves otherwise, the
        path of that, and a sentence about it.

    Raises:
        BundleError: neither is installed.
    """
    for one in known():
        if one.digest == about.get("bundle"):
            return str(one.path), ""
    found, today = fit(obj, cached=True)
    if found.ok and today.title == about.get("bundle_title"):
        return str(today.path), _EARLIER
    raise BundleError(
        "The generator that this was baked with is not installed any more.",
        "Install its model pack again, or bake anew from the keys.",
    )
