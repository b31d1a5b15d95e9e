"""`mien batch`: the shots of a file, in several processes, resumable."""

from __future__ import annotations

import argparse
import fnmatch
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine import MienError
from . import batch
from .batch import Batch, Outcome
from .batch_state import State, write_json
from .command_line import CANCELLED, DONE, FAILED, Usage, complain, say
from .shots import Shot, read_shots

if TYPE_CHECKING:
    from collections.abc import Sequence

_EPILOG = """\
shots.json: {"shots": [{"name": "anna-joy", "input": "anna.obj", "cues": ["happy:1:0:12:24:36"], "out": "joy.glb"}]}
            or every face with every performance: {"faces": {"anna": "anna.obj"}, "performances": {"joy": [...]},
            "out": "{face}-{performance}.glb"}. A shot may have all options of `mien bake`; places are relative to the
            file. docs/farm.md tells more
exit codes: 0 all done, 1 some failed, 2 wrong usage, 130 cancelled; call it again to go on
"""
_MOST_PROCESSES = 256


def add_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Adds `batch` to the commands of `mien`."""
    one = commands.add_parser(
        "batch",
        help="bake many shots in several processes, resumable",
        description="Bake the shots of a file in several processes. Shots that are done are skipped.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    one.add_argument("shots", type=Path, metavar="SHOTS.json", help="the shots")
    one.add_argument(
        "--jobs", type=int, default=0, metavar="N", help="processes at a time; default, one for each core, at most 8"
    )
    one.add_argument(
        "--timeout", type=float, metavar="S", help="seconds after which a shot is given up; default, never"
    )
    one.add_argument("--again", action="store_true", help="bake also what is done")
    one.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help="these shots alone; * stands for anything; repeatable",
    )
    one.add_argument("--part", metavar="I/N", help="this machine's share, such as 2/5: the second of five")
    one.add_argument("--list", action="store_true", help="bake nothing; tell which shots are done, failed or waiting")
    one.add_argument(
        "--state", type=Path, metavar="FOLDER", help="where is kept what is done; default, beside the shots"
    )
    one.add_argument("--summary", type=Path, metavar="FILE", help="write counts and failures to a JSON file")
    one.add_argument("--quiet", action="store_true", help="say nothing unless something is wrong")
    one.set_defaults(run=_batch)


def _batch(options: argparse.Namespace) -> int:
    shots = _chosen(options)
    folder = options.state or options.shots.with_suffix(".state")
    if options.list:
        return _list(shots, State(folder))
    telling = _Telling(len(shots), options.quiet)
    run = Batch(
        shots,
        folder,
        processes=options.jobs or min(8, batch.cores()),
        timeout=options.timeout,
        again=options.again,
        tell=telling.outcome,
    )
    cancelled = False
    try:
        run.run()
    except KeyboardInterrupt:
        cancelled = True
    about = batch.summary(list(run.outcomes.values()), len(shots), telling.seconds)
    telling.end(about, folder, cancelled=cancelled)
    if options.summary is not None:
        try:
            write_json(options.summary, {**about, "cancelled": cancelled})
        except OSError as problem:
            raise MienError(f"The summary {options.summary} cannot be written ({problem.strerror}).") from problem
    if cancelled:
        return CANCELLED
    return FAILED if about["failed"] else DONE


def _chosen(options: argparse.Namespace) -> list[Shot]:
    """The shots that this call is about; wrong words and wrong shots are both wrong usage."""
    if not 0 <= options.jobs <= _MOST_PROCESSES:
        raise Usage(f"{options.jobs} processes make no sense; give --jobs from 1 to {_MOST_PROCESSES}")
    if options.timeout is not None and not 0 < options.timeout < float("inf"):
        raise Usage(f"a timeout of {options.timeout} seconds makes no sense; give more than 0")
    if options.summary is not None and not options.summary.resolve().parent.is_dir():
        raise Usage(f"there is no folder {options.summary.resolve().parent} for the summary")
    try:
        shots = read_shots(options.shots)
        for pattern in options.only:
            if not any(fnmatch.fnmatchcase(shot.name, pattern) for shot in shots):
                raise Usage(f"no shot is called {pattern!r}; --list tells their names")
        if options.only:
            shots = [shot for shot in shots if any(fnmatch.fnmatchcase(shot.name, one) for one in options.only)]
        return batch.part_of(shots, options.part) if options.part is not None else shots
    except MienError as problem:
        raise Usage(str(problem)) from problem


def _list(shots: Sequence[Shot], state: State) -> int:
    wide = max((len(shot.name) for shot in shots), default=0)
    for shot in shots:
        known = state.of(shot)
        told = f"{known.state}: {known.sentence}" if known.state == "failed" else known.state
        say(f"{shot.name:{wide}}  {told}")
    return DONE


class _Telling:
    """Tells how far a batch is, and in the end what became of it.

    Args:
        shots: how many there are.
        quiet: tells failures alone.
    """

    def __init__(self, shots: int, quiet: bool) -> None:
        self._shots, self._quiet = shots, quiet
        self._begun = time.monotonic()
        self._ended = self._baked = 0

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._begun

    def outcome(self, one: Outcome) -> None:
        """One shot has ended."""
        self._ended += 1
        at = f"{self._ended}/{self._shots} {one.name}"
        if one.state == "skipped":
            return
        self._baked += 1
        if one.state == "failed":
            complain(f"{at} failed: {_first_line(one.sentence)}")
        elif not self._quiet:
            left = self.seconds / self._baked * (self._shots - self._ended)
            say(f"{at} done in {one.seconds:.1f} s{_left(left)}")

    def end(self, about: dict[str, Any], folder: Path, *, cancelled: bool) -> None:
        """All have ended, or the person has ended it."""
        if about["failures"]:
            complain(f"{about['failed']} of {self._shots} shots failed:")
            wide = max(map(len, about["failures"]))
            for name, sentence in about["failures"].items():
                complain(f"  {name:{wide}}  {_first_line(sentence)}")
            complain(f"What each said lies in {folder}.")
        counted = f"{about['done']} done, {about['skipped']} done before, {about['failed']} failed"
        if cancelled:
            complain(f"Cancelled: {counted}; call it again to go on.")
        elif not self._quiet:
            pace = f", {about['done'] / self.seconds * 60:.0f} a minute" if about["done"] else ""
            say(f"{counted}, in {self.seconds:.1f} s{pace}.")


def _first_line(sentence: str) -> str:
    # Of a file with many meshes each has its own sentence; the log has them all.
    return next(iter(sentence.splitlines()), "")


def _left(seconds: float) -> str:
    if seconds < 1:
        return ""
    return f", about {seconds:.0f} s left" if seconds < 100 else f", about {seconds / 60:.0f} min left"
