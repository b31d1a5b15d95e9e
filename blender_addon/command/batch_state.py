"""What a batch knows about its shots, kept in a folder: done or failed, what was said, and who is baking what."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine import MienError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .shots import Shot

BEAT_SECONDS = 5.0
STALE_SECONDS = 60.0
"""A batch that has not shown a sign of life for so long is gone."""


@dataclass(frozen=True)
class Known:
    """What is known about a shot.

    Attributes:
        state: "done", "failed", "changed" (it was done, but its words or files are other ones now), "waiting".
        sentence: why it failed.
        seconds: how long it took.
    """

    state: str
    sentence: str = ""
    seconds: float = 0.0


class State:
    """The folder in which a batch remembers: NAME.json and NAME.log of each shot, running/ for who is at work.

    Args:
        folder: made by `claim` where it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running = folder / "running"

    def of(self, shot: Shot) -> Known:
        """What is known about a shot."""
        kept = _read(self.folder / f"{shot.name}.json")
        if not kept:
            return Known("waiting")
        state, seconds = str(kept.get("state")), kept.get("seconds", 0.0)
        if state == "done" and (kept.get("mark") != shot.fingerprint() or kept.get("sizes") != sizes(shot)):
            return Known("changed", seconds=seconds)
        return Known(state, str(kept.get("said", "")), seconds)

    def begin(self, shot: Shot) -> None:
        """Forgets what was; makes the folders that the shot writes to. OSError where that cannot be."""
        (self.folder / f"{shot.name}.json").unlink(missing_ok=True)
        for path in shot.writes:
            path.parent.mkdir(parents=True, exist_ok=True)

    def keep(self, shot: Shot, mark: str, known: Known, log: Sequence[str]) -> None:
        """Remembers how a shot ended. OSError where it cannot be written.

        Args:
            shot: which.
            mark: its fingerprint when it began.
            known: how it ended.
            log: what its process wrote.
        """
        about = {"state": known.state, "seconds": round(known.seconds, 2), "said": known.sentence, "mark": mark}
        (self.folder / f"{shot.name}.log").write_text("".join(f"{line}\n" for line in log), encoding="utf-8")
        write_json(self.folder / f"{shot.name}.json", {**about, "sizes": sizes(shot)})

    @contextlib.contextmanager
    def claim(self, names: Sequence[str]) -> Iterator[Claim]:
        """While it lasts no other batch bakes these shots.

        Raises:
            MienError: another one does, or nothing can be kept in the folder.
        """
        with _kept(self.folder):
            self._running.mkdir(parents=True, exist_ok=True)
            mine = Claim(self._running / f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}.json")
            write_json(mine.path, {"host": socket.gethostname(), "pid": os.getpid(), "names": list(names)})
        try:
            self._check_alone(mine.path, set(names))
            yield mine
        finally:
            mine.path.unlink(missing_ok=True)

    def _check_alone(self, mine: Path, names: set[str]) -> None:
        now = mine.stat().st_mtime  # by the clock of whoever keeps the files, not by this machine's
        for path in sorted(self._running.glob("*.json")):
            if path == mine:
                continue
            other = _read(path)
            if not other or not _is_alive(path, other, now):
                path.unlink(missing_ok=True)
                continue
            both = names & set(other.get("names", []))
            if both:
                raise MienError(
                    f"Another batch is baking {len(both)} of these shots (process {other.get('pid')} on "
                    f"{other.get('host')}).",
                    "Wait until it is through or end it; to share shots among machines give each its --part.",
                )


class Claim:
    """A batch's sign that it is at work; shows life whenever `beat` is called."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._last = time.monotonic()

    def beat(self) -> None:
        """To be called often; does something every few seconds."""
        if time.monotonic() - self._last > BEAT_SECONDS:
            self._last = time.monotonic()
            with contextlib.suppress(OSError):
                os.utime(self.path)


def _is_alive(path: Path, about: dict[str, Any], now: float) -> bool:
    with contextlib.suppress(OSError):
        if now - path.stat().st_mtime > STALE_SECONDS:
            return False
    if os.name == "posix" and about.get("host") == socket.gethostname():
        try:
            os.kill(int(about.get("pid", 0)), 0)  # asks whether it is there, and does nothing to it
        except (ProcessLookupError, ValueError, TypeError):
            return False
        except OSError:
            return True  # somebody else's
    return True


def sizes(shot: Shot) -> list[int]:
    """Bytes of each file that a shot makes; -1 where one is not there."""
    found = []
    for path in shot.writes:
        try:
            found.append(path.stat().st_size)
        except OSError:
            found.append(-1)
    return found


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes a file whole or not at all. OSError where it cannot be written."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".", delete=False, encoding="utf-8") as file:
        file.write(json.dumps(content, indent=1) + "\n")
    Path(file.name).chmod(0o644)  # other machines of a farm read it under other names
    Path(file.name).replace(path)


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


@contextlib.contextmanager
def _kept(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise MienError(
            f"The state of the batch cannot be kept in {folder} ({problem.strerror}).", "Give --state another folder."
        ) from problem
