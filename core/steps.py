"""Long work tells how far it is: generators that yield steps and return what was made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Generator

Made = TypeVar("Made")


@dataclass(frozen=True)
class Step:
    """How far some work is.

    Attributes:
        done: of `total`.
        total: the same for all steps of it, as a rule.
        doing: for people, such as "laying the template on".
    """

    done: int
    total: int
    doing: str


def waited(work: Generator[Any, None, Made]) -> Made:
    """What some work makes, when nobody wants to know how far it is."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            made: Made = end.value
            return made
