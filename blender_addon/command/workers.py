"""Processes that bake shot after shot: the side that asks (`Worker`), and the side that answers (`serve`).

They talk in lines. Asked is a JSON list, the words after `mien`; answered are what the bake says, and between it lines
that begin with MARK and hold a JSON object: {"began": true}, then {"code": 0, "said": "…"}.
"""

from __future__ import annotations

import _thread
import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ..engine import MienError
from ..version import PACKAGE
from .command_line import CANCELLED, DONE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

COMMAND = "worker"
"""The word after `mien` that makes a process answer; not for people, so no help mentions it."""

MARK = "\x1emien "
CRASHED, TIMED_OUT, STOPPED = -1, -2, -3
"""Exit codes of shots whose process did not say one."""

START_SECONDS = 300.0
"""How long a process may take until it answers; Blender on a cold network drive needs a while."""

GRACE_SECONDS = 5.0
"""How long a process may tidy up before it is killed."""

SHOTS_EACH = 100
"""After so many a process is replaced: what Blender does not give back does not add up over a night."""

_LOG_LINES = 1000
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@dataclass(frozen=True)
class Ended:
    """How a shot's process ended it.

    Attributes:
        code: exit code of `mien`, or CRASHED, TIMED_OUT, STOPPED.
        said: the sentence that came with it.
        log: the last lines that the process wrote.
    """

    code: int
    said: str
    log: list[str] = field(default_factory=list)


class Worker:
    """A process that bakes; a new one after a crash.

    Args:
        command: how it is called; see `command`.
        threads: how many cores it may use.
        stop: set by another thread when the batch is to end.
    """

    def __init__(self, command: Sequence[str], threads: int, stop: threading.Event) -> None:
        self._command, self._threads, self._stop = list(command), threads, stop
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._shots = 0

    @property
    def process_id(self) -> int | None:
        """Of the process that is there now."""
        return None if self._process is None else self._process.pid

    def bake(self, words: Sequence[str], timeout: float | None = None) -> Ended:
        """Runs `mien` with these words.

        Args:
            words: those after `mien`.
            timeout: seconds from the moment the process has taken the shot; None for ever.

        Raises:
            MienError: no process can be started.
        """
        log: deque[str] = deque(maxlen=_LOG_LINES)
        for _ in range(2):  # one that ended while it had nothing to do costs no shot
            process = self._ready()
            try:
                assert process.stdin is not None
                process.stdin.write(json.dumps(list(words)) + "\n")
                process.stdin.flush()
            except OSError:
                self.end()
                continue
            began = self._wait(log, START_SECONDS)
            if began.get("began"):
                return self._ended(self._wait(log, timeout), log, timeout)
            self.end()
            if "code" in began:
                return self._ended(began, log, START_SECONDS)
        said = next((line for line in reversed(log) if line.strip()), "nothing was said")
        raise MienError(f"No process can be started to bake in ({said}).", f"Try: {' '.join(self._command)}")

    def _ended(self, answer: dict[str, Any], log: deque[str], timeout: float | None) -> Ended:
        code, said = answer.get("code", CRASHED), str(answer.get("said", ""))
        if code in {CRASHED, TIMED_OUT, STOPPED}:
            self.end()
        if code == CRASHED:
            last = next((f" after: {line.strip()}" for line in reversed(log) if line.strip()), "")
            said = f"Its process crashed{last}."
        elif code == TIMED_OUT:
            said = f"It took more than {timeout:g} seconds."
        return Ended(code, said, list(log))

    def _wait(self, log: deque[str], timeout: float | None) -> dict[str, Any]:
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            try:
                line = self._lines.get(timeout=0.1)
            except queue.Empty:
                if self._stop.is_set():
                    return {"code": STOPPED}
                if until is not None and time.monotonic() > until:
                    return {"code": TIMED_OUT}
                continue
            if line is None:
                return {}
            before, mark, answer = line.partition(MARK)
            if before.strip():
                log.append(before.rstrip())
            with contextlib.suppress(ValueError):
                if mark and isinstance(found := json.loads(answer), dict):
                    return found

    def _ready(self) -> subprocess.Popen[str]:
        if self._shots >= SHOTS_EACH or (self._process is not None and self._process.poll() is not None):
            self.end()
        self._shots += 1
        if self._process is None:
            self._lines = queue.SimpleQueue()
            self._process = _start(self._command, self._threads)
            threading.Thread(target=_listen, args=(self._process, self._lines), daemon=True).start()
        return self._process

    def end(self) -> None:
        """Ends the process: asked first, so that it leaves no half-written file, then by force."""
        process, self._process, self._shots = self._process, None, 0
        if process is None:
            return
        with contextlib.suppress(OSError):
            assert process.stdin is not None
            process.stdin.close()
        try:
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _start(command: Sequence[str], threads: int) -> subprocess.Popen[str]:
    # In a session of its own: Ctrl-C is for the batch, which then ends its workers itself.
    group = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP} if sys.platform == "win32" else {}
    try:
        return subprocess.Popen(  # type: ignore[call-overload,no-any-return]  # noqa: S603 - our own words
            list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            encoding="utf-8", errors="replace", env=environment(threads), start_new_session=os.name == "posix", **group,
        )  # fmt: skip
    except OSError as problem:
        raise MienError(f"No process can be started to bake in ({problem.strerror}).") from problem


def _listen(process: subprocess.Popen[str], lines: queue.SimpleQueue[str | None]) -> None:
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            lines.put(line)
    lines.put(None)


def command(threads: int = 0) -> list[str]:
    """How a process that answers is called: by this Blender, or by Python where Blender is a module.

    Args:
        threads: how many Blender may use; 0 for as many as it likes.
    """
    if not _as_module():
        few = ["--threads", str(threads)] if threads else []
        return [bpy.app.binary_path, "--background", *few, "--command", "mien", COMMAND]
    package = PACKAGE
    if "." not in package:  # a clone
        return [sys.executable, "-m", package, COMMAND]
    # An extension: Blender as a module does not switch on what the preferences name.
    lines = [
        "import os, sys, importlib, bpy",
        f"importlib.import_module('addon_utils').enable({package!r})",
        f"code = importlib.import_module({package + '.command.cli'!r}).main([{COMMAND!r}])",
        "sys.stdout.flush()",
        "os._exit(code)",  # see __main__
    ]
    return [sys.executable, "-c", "; ".join(lines)]


def _as_module() -> bool:
    # Before 4.4 Blender does not tell; as a module it has no program of its own.
    return bool(getattr(bpy.app, "module", not bpy.app.binary_path))


def environment(threads: int) -> dict[str, str]:
    """The environment of a process that may use so many cores; what the person has set there stays."""
    own = {**dict.fromkeys(_THREADS, str(threads)), "PYTHONUNBUFFERED": "1", **os.environ}
    if _as_module() and "." not in PACKAGE:
        # A clone is found where it lies, from whatever folder the batch is called.
        paths = [str(Path(__file__).resolve().parent.parent.parent), own.get("PYTHONPATH", "")]
        own["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    return own


def serve(run: Callable[[Sequence[str]], tuple[int, str]]) -> int:
    """The side that answers: runs the words of a line, says how it ended, until there are no more lines.

    Whoever asks may be killed: then this process stops what it does, tidies up and ends.

    Args:
        run: takes the words, returns an exit code and a sentence.
    """
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.default_int_handler)
    if hasattr(signal, "SIGPIPE"):
        # Python lets it pass, Blender dies of it: when nobody listens any more, there is still to be tidied up.
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    busy = threading.Event()
    threading.Thread(target=_watch, args=(lines, busy), daemon=True).start()
    try:
        while (line := lines.get()) is not None:
            busy.set()
            _answer({"began": True})
            code, said = run(json.loads(line))
            busy.clear()
            _answer({"code": code, "said": said})
    except (KeyboardInterrupt, OSError):
        return CANCELLED
    return DONE


def _watch(lines: queue.SimpleQueue[str | None], busy: threading.Event) -> None:
    for line in sys.stdin:
        lines.put(line)
    lines.put(None)
    if busy.is_set():
        _thread.interrupt_main()
        time.sleep(GRACE_SECONDS)
        os._exit(CANCELLED)


def _answer(words: dict[str, Any]) -> None:
    # One write, on a line of its own whatever was printed before: lines of Blender's own may come at any time.
    sys.stderr.flush()
    sys.stdout.write(f"\n{MARK}{json.dumps(words)}\n")
    sys.stdout.flush()
