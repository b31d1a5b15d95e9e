"""The detector's two networks, for commands: fetched by pip once, or taken from a wheel that lies here."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

from platformdirs import user_cache_path

from core.detection.faces import Reader
from core.detection.files import DIGESTS, FINDER, LANDMARKS, SELECTION, WHEEL
from core.errors import MienError

if TYPE_CHECKING:
    from pathlib import Path


def networks(wheel: Path | None = None) -> Reader:
    """The networks.

    Args:
        wheel: MediaPipe's; None to have pip download it into the cache, once.

    Raises:
        MienError: pip cannot download it, or it is not the one that Mien knows.
    """
    found = wheel or _fetched(user_cache_path("mien") / "detector")
    try:
        with zipfile.ZipFile(found) as packed:
            names = {name.rsplit("/", 1)[-1]: name for name in packed.namelist() if "/modules/face_" in name}
            finder, landmarks = (packed.read(names[name]) for name in (FINDER, LANDMARKS))
    except (OSError, KeyError, zipfile.BadZipFile) as problem:
        raise MienError(f"{found} is no wheel of {WHEEL} ({problem}).", "Give another with --wheel.") from problem
    for name, content in ((FINDER, finder), (LANDMARKS, landmarks)):
        if hashlib.sha256(content).hexdigest() != DIGESTS[name]:
            raise MienError(f"{name} is not the file that Mien knows.", f"Take the wheel of {WHEEL}.")
    return Reader(finder, landmarks)


def _fetched(folder: Path) -> Path:
    wheels = sorted(folder.glob("mediapipe-*.whl"))
    if not wheels:
        folder.mkdir(parents=True, exist_ok=True)
        words = ["download", "--no-deps", "--only-binary=:all:", "--quiet", *SELECTION, "--dest", str(folder), WHEEL]
        done = subprocess.run([sys.executable, "-m", "pip", *words], capture_output=True, text=True, check=False)  # noqa: S603
        wheels = sorted(folder.glob("mediapipe-*.whl"))
        if done.returncode or not wheels:
            raise MienError(f"pip cannot download {WHEEL}.", "Download the wheel elsewhere, and give it with --wheel.")
    return wheels[0]
