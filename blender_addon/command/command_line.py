"""What the commands of `mien` share: exit codes, the parser that raises, and how they speak."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import threading
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

DONE, FAILED, USAGE, NO_FACE, CANCELLED = 0, 1, 2, 3, 130


class Usage(Exception):
    """The command line makes no sense; the message says why."""


class NoFace(Exception):
    """The input holds no face that fits; the message says what it holds."""


class Parser(argparse.ArgumentParser):
    """Reports through an exception: inside Blender nobody may call sys.exit."""

    def error(self, message: str) -> NoReturn:
        """What argparse calls for words that make no sense."""
        raise Usage(f"{self.format_usage()}{self.prog}: {message}")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """What argparse calls after --help."""
        if message:
            sys.stderr.write(message)
        raise SystemExit(status)


def say(text: str) -> None:
    """One line, at once: whoever watches a pipe sees it when it happens."""
    sys.stdout.write(f"mien: {text}\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    """One line to where errors go."""
    sys.stderr.write(f"mien: {text}\n")
    sys.stderr.flush()


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C and a farm's wish to end both raise KeyboardInterrupt inside; Blender alone would only note the first."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {one: signal.signal(one, _interrupt) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for one, handler in before.items():
            # None stands for a handler that was not set from Python and cannot be given back.
            signal.signal(one, signal.SIG_DFL if handler is None else handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
