"""What all of Mien's operators share: known errors become one report, unexpected ones a file and its place."""

from __future__ import annotations

import platform
import sys
import tempfile
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import bpy

from .engine import Cancelled, MienError
from .version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

RAISE_UNEXPECTED = False
"""Set by tests: what nobody foresaw stays loud."""


class MienOperator:
    """Base of the operators; a subclass writes `run`, which may raise MienError."""

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Run, guarded."""
        return self.guarded(lambda: self.run(context))

    def run(self, context: bpy.types.Context) -> set[str]:
        """The work itself."""
        raise NotImplementedError

    def guarded(self, work: Callable[[], set[str]]) -> set[str]:
        """Does a piece of work; what goes wrong is told, and the operator counts as cancelled."""
        try:
            return work()
        except Cancelled as problem:
            self.report({"INFO"}, str(problem))
        except MienError as problem:
            self.report({"ERROR"}, str(problem))
        except Exception as problem:
            if RAISE_UNEXPECTED:
                raise
            self.report({"ERROR"}, f"Mien did not expect this ({problem}). A report lies in {write_report()}")
        return {"CANCELLED"}


def write_report() -> Path:
    """Writes versions and the present exception's trace to a file, for a bug report; returns where."""
    moment = datetime.now(UTC)
    path = _report_folder() / f"mien-report-{moment:%Y%m%d-%H%M%S}.txt"
    lines = [
        f"Mien {VERSION}, Blender {bpy.app.version_string}, Python {sys.version.split()[0]}, {platform.platform()}",
        f"{moment.isoformat()}",
        "",
        traceback.format_exc(),
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def _report_folder() -> Path:
    # The extension's own folder may be read-only; Blender gives each one a folder of the user.
    try:
        return Path(bpy.utils.extension_path_user(__package__, path="reports", create=True))
    except ValueError:
        return Path(tempfile.gettempdir())
