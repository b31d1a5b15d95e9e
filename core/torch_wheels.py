"""Which wheels PyTorch needs to compute for Mien, read from what pip reports; nothing is asked or loaded here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TESTED = "2.13.0"
"""The version of PyTorch that the tests run with."""

_NEEDED = ("torch", "typing-extensions")
"""What `import torch` and Mien's network import. The rest of what torch asks for serves its compiler and its tests."""

_LIBRARIES = ("nvidia-", "cuda-")
"""Libraries that torch's CUDA build is linked with, on Linux wheels of their own."""

_ROUGH_BYTES = {"Linux": 2_530_000_000, "Windows": 122_000_000, "Darwin": 111_000_000}
"""Downloads of the tested version from the public index, November 2026. Linux wheels carry CUDA, the others do not."""


@dataclass(frozen=True)
class Wheel:
    """One file that is downloaded.

    Attributes:
        name: of the package, as pip compares it: "typing-extensions".
        version: exactly.
        url: where pip found it; a file's, too.
    """

    name: str
    version: str
    url: str

    @property
    def requirement(self) -> str:
        """The words that make pip take this one."""
        return f"{self.name}=={self.version}"

    @property
    def file_name(self) -> str:
        """Of the wheel, without its folder."""
        return unquote(urlsplit(self.url).path).rsplit("/", 1)[-1]


def plain_name(name: str) -> str:
    """A package's name as pip compares names: small letters, dashes."""
    return re.sub(r"[-_.]+", "-", name).lower()


def is_needed(name: str) -> bool:
    """Whether a package is installed with torch. numpy never is: Blender brings it."""
    plain = plain_name(name)
    return plain in _NEEDED or plain.startswith(_LIBRARIES)


def reported(report: Mapping[str, Any]) -> list[Wheel]:
    """The wheels of pip's installation report (`pip install --dry-run --report`) that are needed.

    Raises:
        KeyError: it is no such report.
    """
    found = [
        Wheel(plain_name(one["metadata"]["name"]), one["metadata"]["version"], one["download_info"]["url"])
        for one in report["install"]
    ]
    return [wheel for wheel in found if is_needed(wheel.name)]


def companions(report: Mapping[str, Any], system: str) -> list[str]:
    """The requirements that torch itself states and that are needed, torch left out, without their conditions.

    pip judges conditions by the machine it runs on; a zip for another one must not.

    Args:
        report: pip's, of torch alone.
        system: "Linux", "Windows" or "Darwin", the machine that will run it.

    Raises:
        KeyError: it is no such report, or torch is not in it.
    """
    stated: Iterable[str] = next(
        one["metadata"].get("requires_dist", [])
        for one in [*report["install"], {"metadata": {"name": "torch"}}]
        if plain_name(one["metadata"]["name"]) == "torch"
    )
    found = []
    for line in stated:
        requirement, _, condition = (part.strip() for part in line.partition(";"))
        name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
        if is_needed(name) and "extra" not in condition and _holds(condition, system):
            found.append(requirement)
    return found


def _holds(condition: str, system: str) -> bool:
    named = re.search(r"(platform_system|sys_platform)\s*==\s*['\"](\w+)['\"]", condition)
    return not named or named[2].lower() in (system.lower(), {"Windows": "win32"}.get(system, ""))


def rough_bytes(system: str) -> int:
    """About how many bytes are downloaded, where the index does not say. `system` as `platform.system()` names it."""
    return _ROUGH_BYTES.get(system, max(_ROUGH_BYTES.values()))


def rough_bytes_unpacked(download: int) -> int:
    """About how many bytes a download of so many takes on disk: CUDA's libraries less than torch."""
    return download * 3 if download < 10**9 else download * 2


def in_words(size: float) -> str:
    """Bytes for people: "192 MB", "2.5 GB"."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"
