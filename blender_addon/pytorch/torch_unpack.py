"""Wheels are unpacked into a folder, in small steps.

Not by pip: on Windows a path of more than 260 characters fails, and pip's way through a temporary folder makes of
torch's longest ones more than 300. What computing does not need stays out, and with it all long paths.
"""

from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING

from ..engine import MienError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LEFT_OUT = re.compile(
    r"torch/(include|test|share)/|nvidia/.*/include/|[^/]+\.dist-info/licenses/.+/|[^/]+\.data/(?!purelib/|platlib/)"
)
"""C++ headers, torch's tests, and folders of licences within the licences; scripts, which nobody here can call."""

_INSIDE = re.compile(r"^[^/]+\.data/(purelib|platlib)/")
"""Where a wheel hides files that belong at the top."""

_BLOCK = 1 << 22


def contents(wheel: Path) -> list[tuple[zipfile.ZipInfo, str]]:
    """The files of a wheel that are unpacked, each with its path in the folder.

    Raises:
        MienError: it is no wheel.
    """
    try:
        with zipfile.ZipFile(wheel) as packed:
            files = [one for one in packed.infolist() if not one.is_dir() and not _LEFT_OUT.match(one.filename)]
    except (OSError, zipfile.BadZipFile) as problem:
        raise _damaged(wheel) from problem
    named = [(one, _INSIDE.sub("", one.filename)) for one in files]
    if any(".." in name.split("/") or name.startswith(("/", "\\")) or ":" in name for _, name in named):
        raise _damaged(wheel)
    return named


def unpack(wheel: Path, into: Path) -> Iterator[int]:
    """Unpacks a wheel; yields the bytes of each block that was written.

    Raises:
        MienError: the wheel is damaged.
        OSError: the disk.
    """
    try:
        with zipfile.ZipFile(wheel) as packed:
            for one, name in contents(wheel):
                path = into / name
                path.parent.mkdir(parents=True, exist_ok=True)
                with packed.open(one) as given, path.open("wb") as made:
                    while block := given.read(_BLOCK):
                        made.write(block)
                        yield len(block)
                if one.external_attr >> 16 & 0o111:
                    path.chmod(0o755)
    except zipfile.BadZipFile as problem:
        raise _damaged(wheel) from problem


def _damaged(wheel: Path) -> MienError:
    return MienError(f"{wheel.name} is damaged.", "Try again.")
