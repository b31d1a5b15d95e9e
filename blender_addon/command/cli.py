"""Mien without a window: `blender --command mien …`, or `python -m blender_addon …` with the bpy wheel.

Exit codes, for a farm: 0 done; 1 the work failed; 2 wrong usage; 3 the input is no face that Mien knows; 130 cancelled.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from .. import operator_base
from ..engine import Cancelled, MienError
from . import cli_bake, cli_batch, cli_photo, cli_wrap, workers
from .cli_cues import read_cues
from .command_line import CANCELLED, DONE, FAILED, NO_FACE, USAGE, NoFace, Parser, Usage, complain, interruptible

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main", "parser", "read_cues", "run"]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code, never raises for what a person can put right.

    Args:
        argv: the words after `mien`; default, those of the process.
    """
    words = sys.argv[1:] if argv is None else list(argv)
    if words == [workers.COMMAND]:
        return workers.serve(run)
    with interruptible():
        code, said = run(words)
    if said:
        complain(said)
    return code


def run(words: Sequence[str]) -> tuple[int, str]:
    """Runs one command; returns the exit code, and what is to be told where it is not 0."""
    code, said = FAILED, ""
    try:
        options = parser().parse_args(list(words))
        code = options.run(options)
    except SystemExit:  # --help
        code = DONE
    except Usage as problem:
        code, said = USAGE, str(problem)
    except NoFace as problem:
        code, said = NO_FACE, str(problem)
    except (KeyboardInterrupt, Cancelled):
        code, said = CANCELLED, "Cancelled; nothing was written."
    except MienError as problem:
        said = str(problem)
    except MemoryError:
        said = "There is not enough memory for so many frames; bake fewer."
    except Exception as problem:
        if operator_base.RAISE_UNEXPECTED:
            raise
        said = f"Mien did not expect this ({problem}). A report lies in {operator_base.write_report()}"
    return code, said


def parser() -> Parser:
    """The command line."""
    top = Parser(prog="mien", description="A neutral face performs.")
    commands = top.add_subparsers(dest="command", required=True, parser_class=Parser)
    cli_bake.add_command(commands)
    cli_batch.add_command(commands)
    cli_wrap.add_commands(commands)
    cli_photo.add_command(commands)
    return top
