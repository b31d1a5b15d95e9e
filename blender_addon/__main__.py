"""`python -m blender_addon bake …` with the bpy wheel: the same command as `blender --command mien bake …`."""

from __future__ import annotations

import os
import sys

from . import register
from .command.cli import main

if __name__ == "__main__":
    register()
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # The wheels of 4.2 and 4.5 crash while Python shuts down, after the work; the exit code must survive that.
    os._exit(code)
