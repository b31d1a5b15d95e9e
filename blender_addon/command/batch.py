"""Many bakes in several processes: what is done stays done, and a crash loses one shot."""

from __future__ import annotations

import os
import queue
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..engine import MienError
from . import leftovers, workers
from .batch_state import Known, State, sizes
from .command_line import DONE
from .workers import Ended, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from .batch_state import Claim
    from .shots import Shot


@dataclass(frozen=True)
class Outcome:
    """How a shot ended.

    Attributes:
        name: of the shot.
        state: "done", "skipped" (done before) or "failed".
        sentence: why it failed; or what the bake said.
        seconds: how long it took.
    """

    name: str
    state: str
    sentence: str = ""
    seconds: float = 0.0


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass
class Batch:
    """A run through shots.

    Attributes:
        shots: all of them.
        folder: where the state of each is kept.
        processes: how many at a time.
        timeout: seconds after which a shot is given up; None for never.
        again: also those that are done.
        tell: called with each outcome, in the order they come.
        command: how a process is called; empty for this Blender.
    """

    shots: Sequence[Shot]
    folder: Path
    processes: int = 1
    timeout: float | None = None
    again: bool = False
    tell: Callable[[Outcome], None] = lambda _: None
    command: Sequence[str] = ()
    outcomes: dict[str, Outcome] = field(default_factory=dict, init=False)
    _stop: threading.Event = field(default_factory=threading.Event, init=False)
    _lost: list[leftovers.Lost] = field(default_factory=list, init=False)

    def run(self) -> list[Outcome]:
        """Bakes what is not baked; returns the outcomes in the order of the shots.

        Raises:
            MienError: the state cannot be kept, another batch is at these shots, or no process can be started.
            KeyboardInterrupt: after the processes were ended; `outcomes` has what was done.
        """
        state = State(self.folder)
        self.outcomes.clear()
        self._stop.clear()
        with state.claim([shot.name for shot in self.shots]) as claim:
            leftovers.remove_old(self.shots)
            waiting: queue.SimpleQueue[Shot] = queue.SimpleQueue()
            for shot in self.shots:
                if not self.again and state.of(shot).state == "done":
                    self._note(Outcome(shot.name, "skipped"))
                else:
                    waiting.put(shot)
            ended: queue.SimpleQueue[Outcome | BaseException] = queue.SimpleQueue()
            count = min(self.processes, waiting.qsize())
            threads = [threading.Thread(target=self._work, args=(state, waiting, ended)) for _ in range(count)]
            try:
                for thread in threads:
                    thread.start()
                self._collect(ended, claim)
            finally:
                self._stop.set()
                for thread in threads:
                    thread.join()
                leftovers.remove_lost(self._lost)
        return [self.outcomes[shot.name] for shot in self.shots]

    def _collect(self, ended: queue.SimpleQueue[Outcome | BaseException], claim: Claim) -> None:
        while len(self.outcomes) < len(self.shots):
            claim.beat()
            try:
                outcome = ended.get(timeout=0.2)
            except queue.Empty:
                continue
            if isinstance(outcome, BaseException):
                raise outcome
            self._note(outcome)

    def _note(self, outcome: Outcome) -> None:
        self.outcomes[outcome.name] = outcome
        self.tell(outcome)

    def _work(
        self, state: State, waiting: queue.SimpleQueue[Shot], ended: queue.SimpleQueue[Outcome | BaseException]
    ) -> None:
        worker = None
        try:
            # Cores are shared out, or every process would take all of them and all would wait for each other.
            share = max(1, cores() // self.processes)
            worker = Worker(self.command or workers.command(share), share, self._stop)
            while not self._stop.is_set():
                shot = waiting.get_nowait()
                outcome = self._shoot(state, shot, worker)
                if outcome is not None:
                    ended.put(outcome)
        except queue.Empty:
            pass
        except BaseException as problem:  # noqa: BLE001 - raised again where it is waited for
            ended.put(problem)
        finally:
            if worker is not None:
                worker.end()

    def _shoot(self, state: State, shot: Shot, worker: Worker) -> Outcome | None:
        begun, clock, mark = time.time(), time.monotonic(), shot.fingerprint()
        try:
            state.begin(shot)
            ended = worker.bake(shot.words, self.timeout)
            seconds = time.monotonic() - clock
            if ended.code in {workers.CRASHED, workers.TIMED_OUT}:
                self._lost.append(leftovers.Lost(shot, begun, time.time()))
            if ended.code == workers.STOPPED:
                return None
            outcome = _outcome(shot, ended, seconds)
            state.keep(shot, mark, Known(outcome.state, outcome.sentence, seconds), [*ended.log, ended.said])
        except OSError as problem:
            return Outcome(shot.name, "failed", f"{problem.filename or self.folder}: {problem.strerror}.")
        return outcome


def _outcome(shot: Shot, ended: Ended, seconds: float) -> Outcome:
    if ended.code != DONE:
        return Outcome(shot.name, "failed", ended.said or f"It ended with code {ended.code}.", seconds)
    missing = [path.name for path, size in zip(shot.writes, sizes(shot), strict=True) if size < 0]
    if missing:
        return Outcome(shot.name, "failed", f"It ended well, but {', '.join(missing)} is not there.", seconds)
    return Outcome(shot.name, "done", ended.said, seconds)


def part_of(shots: Sequence[Shot], word: str) -> list[Shot]:
    """One machine's share, such as "2/5": every shot is in exactly one of the five.

    Raises:
        MienError: the word makes no sense.
    """
    number, _, count = word.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise MienError(f"There is no part {word!r}.", "Write I/N, such as 2/5, from 1/N to N/N.")
    return list(shots[int(number) - 1 :: int(count)])


def summary(outcomes: Sequence[Outcome], shots: int, seconds: float) -> dict[str, Any]:
    """Counts, failures with their sentences, and seconds, as JSON may hold it.

    Args:
        outcomes: of the shots that ended.
        shots: how many there were to be.
        seconds: how long all took.
    """
    counts = {state: sum(one.state == state for one in outcomes) for state in ("done", "skipped", "failed")}
    failures = {one.name: one.sentence for one in outcomes if one.state == "failed"}
    return {"shots": shots, **counts, "seconds": round(seconds, 1), "failures": failures}
