"""The detector's two networks, for commands: fetched by pip once, or taken from a wheel that lies here."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from platformdirs import user_cache_path

from core.detection.faces import Reader
from core.detection.files import FINDER, LANDMARKS, SELECTION, WHEEL, check, taken_out
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
        files = taken_out(found)
        check(files)
    except MienError as problem:
        remedy = "Give another with --wheel." if wheel else f"Delete {found}, so that it is downloaded again."
        raise MienError(problem.sentence, remedy) from problem
    return Reader(files[FINDER], files[LANDMARKS])


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
